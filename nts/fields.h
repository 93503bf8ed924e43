/*
 * The extension fields of NTS (RFC 8915 section 5): what a request asks, and the frame of its reply.
 *
 * Offsets are from the first octet of the NTP header. Nothing here encrypts: the siv_job of a request or a
 * reply is set up for the burst that does. A request's way:
 *
 *   nts_request_parse -> open the cookie -> verify -> nts_request_decrypted
 *   -> nts_reply_begin -> new cookies into the slots -> header with T3 -> seal
 *
 * Of these nts/burst.h does what is cryptography, for many requests at once.
 *
 * Pure; callable from any thread.
 */
#ifndef NTS_FIELDS_H
#define NTS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/cookie.h"
#include "nts/siv.h"

enum {
	NTS_FIELD_IDENTIFIER = 0x0104,
	NTS_FIELD_COOKIE = 0x0204,
	NTS_FIELD_PLACEHOLDER = 0x0304,
	NTS_FIELD_AUTHENTICATOR = 0x0404,

	NTS_FIELD_HEADER = 4,       /* type and length, two octets each */
	NTS_IDENTIFIER_MIN = 32,    /* body */
	NTS_AUTHENTICATOR_HEAD = 4, /* of nonce and ciphertext, two octets each, before them */
	NTS_NONCE = 16,             /* the longest of our nonces */
	NTS_COOKIES_MAX = 8,        /* in a reply */
};

/* X(symbol, name, meaning), in no order of checks; the meaning ends the sentence "the request ...". */
#define NTS_VERDICTS(X)                                                                                      \
	X(VALID, "valid", "has the fields that NTS asks for")                                                \
	X(ABSENT, "absent", "has no field of NTS but perhaps an identifier")                                 \
	X(HEADER, "header", "is shorter than an NTP header, longer than UDP allows, or not NTPv4 in mode 3") \
	X(FIELD_LENGTH, "field-length", "has a field that is too short, too long or cut off")                \
	X(NO_IDENTIFIER, "no-identifier", "has no Unique Identifier before the authenticator")               \
	X(TWO_IDENTIFIERS, "two-identifiers", "has more than one Unique Identifier")                         \
	X(IDENTIFIER_SHORT, "identifier-short", "has a Unique Identifier of less than 32 octets")            \
	X(NO_COOKIE, "no-cookie", "has no cookie before the authenticator")                                  \
	X(TWO_COOKIES, "two-cookies", "has more than one cookie")                                            \
	X(NO_AUTHENTICATOR, "no-authenticator", "has no authenticator")                                      \
	X(PLACEHOLDER_LENGTH, "placeholder-length", "has a placeholder that is not as long as the cookie")   \
	X(AUTHENTICATOR_LENGTH, "authenticator-length",                                                      \
		"has an authenticator that is too short for the nonce and ciphertext it claims")             \
	X(NONCE_LENGTH, "nonce-length", "has a nonce of a length that its AEAD does not take")               \
	X(CIPHERTEXT_SHORT, "ciphertext-short", "has a ciphertext that is shorter than its tag")             \
	X(PADDING, "padding", "reserves too little for the reply's nonce")                                   \
	X(ENCRYPTED_FIELD, "encrypted-field", "has encrypted what must be sent in clear")

enum nts_verdict {
#define X(symbol, name, meaning) NTS_REQUEST_##symbol,
	NTS_VERDICTS(X)
#undef X
		NTS_REQUEST_VERDICT_COUNT
};

struct nts_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum nts_verdict. */
extern const struct nts_verdict_info nts_verdict_info[NTS_REQUEST_VERDICT_COUNT];

/* Octets of a packet: at + size <= the packet's size. */
struct nts_span {
	uint16_t at, size;
};

/*
 * A walk over fields. Invariant: at <= end, and every octet from the start to `at` belongs to a field of
 * sound length, all of which are within the octets. Once it has failed it stays where it is.
 */
struct nts_cursor {
	const uint8_t *octets;
	size_t at, end;
	bool failed; /* what stands at `at` is no field */
};

struct nts_field {
	uint16_t type;
	struct nts_span body;
};

/* Octets of a nonce or a ciphertext with the zeros that fill its last word (section 5.6). */
static inline size_t nts_padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Octets of our nonces for an AEAD; a request reserves as many (section 5.6). */
static inline unsigned nts_nonce_size(uint16_t aead)
{
	return aead == AEAD_AES_128_GCM_SIV ? GCM_SIV_NONCE : NTS_NONCE;
}

/* Walk over octets[at..end); at <= end <= UINT16_MAX. */
static inline struct nts_cursor nts_cursor_over(const uint8_t *octets, size_t at, size_t end)
{
	return (struct nts_cursor){.octets = octets, .at = at, .end = end};
}

/* The next field; false at the end and where there is none of sound length (`failed`). */
bool nts_cursor_next(struct nts_cursor *cursor, struct nts_field *field);

struct nts_request {
	uint16_t size;              /* of the whole request: no reply is longer */
	uint16_t placeholders;      /* in clear, and after nts_request_decrypted the encrypted ones too */
	struct nts_span identifier; /* the body */
	struct nts_span cookie;     /* the body */
	/* What a tag is verified by; nts/burst.c compares it as it lies here. */
	uint16_t ad_size;           /* the associated data: all before the authenticator */
	uint16_t aead;              /* by the length of its cookie; 0: none of ours is so long */
	struct nts_span nonce;      /* without padding */
	struct nts_span ciphertext; /* without padding; at least SIV_TAG octets, with the tag */
};

/*
 * Whether a sound sequence of fields has to do with NTS: holds a cookie, a placeholder or an authenticator,
 * or a Unique Identifier of sound length and no second one, which is to be echoed to clients without NTS too
 * (section 5.3). `size` is at least NTP_HEADER_SIZE.
 */
bool nts_is_asked(const uint8_t *packet, size_t size);

/*
 * Parse a whole NTP packet of any size. Only VALID sets all of *request; ABSENT its identifier, whose size is
 * 0 where there is none. Fields after the authenticator are not looked at. Of a request whose AEAD is not
 * known it is not asked what it reserves: its client is to learn that the cookie is none of ours.
 */
enum nts_verdict nts_request_parse(struct nts_request *request, const uint8_t *packet, size_t size);

/* The same, field by field, also of what nts_request_usual knows. */
enum nts_verdict nts_request_walk(struct nts_request *request, const uint8_t *packet, size_t size);

/*
 * Whether a request of `size` octets has its fields as nearly every client has them, and no others: an
 * identifier of 32 octets, the cookie, placeholders as long, and an authenticator of a nonce as long as ours
 * and the tag alone. Says what nts_request_walk would, sooner: *request is set as by VALID; where it is
 * false, nothing is known. The version and mode are the caller's to look at.
 */
bool nts_request_usual(struct nts_request *request, const uint8_t *packet, size_t size);

/* The job that verifies and decrypts, in place in the packet, with the key C2S. */
void nts_request_job(
	struct siv_job *job, const struct nts_request *request, uint8_t *packet, const uint8_t *key);

/* Take in the fields that were encrypted, once siv_open is done with the job. VALID, or why not. */
enum nts_verdict nts_request_decrypted(struct nts_request *request, const uint8_t *packet);

/* Cookies that the client hopes for: 1 to NTS_COOKIES_MAX. */
static inline unsigned nts_request_cookies(const struct nts_request *request)
{
	return request->placeholders < NTS_COOKIES_MAX ? request->placeholders + 1U : NTS_COOKIES_MAX;
}

/* The frame of a reply. */
struct nts_reply {
	uint16_t size;          /* of the whole reply, at most the request's */
	uint16_t cookies;       /* slots: as many as the client hopes for, less where they do not fit */
	uint16_t cookie_stride; /* from one slot to the next */
	/* What a tag is made by, likewise. */
	uint16_t ad_size;     /* header and Unique Identifier */
	uint16_t aead;        /* the request's */
	uint16_t nonce;       /* where it stands; nts_nonce_size octets */
	uint16_t tag;         /* where it goes; SIV_TAG octets */
	struct nts_span text; /* to be encrypted: the fields with the cookies */
};

/*
 * Write all of a reply behind its header but the cookies and the tag: identifier, authenticator's frame,
 * nonce, the headers of the cookies' fields. `packet` may be the request itself: of it only the header is
 * then left, so its keys must have been had from it. There is room for request->size octets; `nonce` stands
 * elsewhere, and of it as much is taken as the AEAD takes. cookie_size is a multiple of 4, at least 12.
 * False, with nothing written, where not even a reply without cookies fits.
 */
bool nts_reply_begin(struct nts_reply *reply, uint8_t *packet, const struct nts_request *request,
	const uint8_t *request_packet, size_t cookie_size, const uint8_t nonce[NTS_NONCE]);

/* Where cookie `i` (below reply->cookies) goes. */
static inline size_t nts_reply_cookie(const struct nts_reply *reply, unsigned i)
{
	return reply->text.at + (size_t)i * reply->cookie_stride + NTS_FIELD_HEADER;
}

/* The job that seals it with the key S2C: last of all, when the header is complete. */
void nts_reply_job(struct siv_job *job, const struct nts_reply *reply, uint8_t *packet, const uint8_t *key);

/*
 * For a reply that nothing vouches for, as a Kiss-o'-Death: the request's identifier behind the header, and
 * nothing else. `packet` may be the request itself. The size of the reply, at most the request's.
 */
size_t nts_echo_write(uint8_t *packet, const struct nts_request *request, const uint8_t *request_packet);

#endif
