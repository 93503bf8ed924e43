/*
 * The client's side of NTS for NTPv4 (RFC 8915 section 5): protect a request, and find out whether a reply is
 * the server's. Pure, but for the struct siv, which belongs to one thread.
 */
#ifndef NTS_CLIENT_H
#define NTS_CLIENT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/cookie.h"
#include "nts/fields.h"
#include "nts/ke_client.h"
#include "nts/siv.h"
#include "ntp/packet.h"

/* X(symbol, name, meaning), in the order of the checks; the meaning ends the sentence "the reply ...". */
#define NTS_CLIENT_VERDICTS(X)                                                                             \
	X(AUTHENTIC, "authentic", "is the server's, as it sent it")                                        \
	X(FIELDS, "fields", "has extension fields that cannot be told apart")                              \
	X(IDENTIFIER, "identifier", "does not carry our Unique Identifier exactly once")                   \
	X(NAK, "nak", "is an NTS NAK: the server could not open the cookie, or found the request changed") \
	X(UNAUTHENTICATED, "unauthenticated", "carries our Unique Identifier but no authenticator")        \
	X(FORGED, "forged", "does not verify: forged or damaged")                                          \
	X(CLEAR_COOKIE, "clear-cookie", "has a cookie that is not encrypted")                              \
	X(COOKIE_SIZE, "cookie-size", "has a cookie of more than 512 octets")                              \
	X(NO_COOKIE, "no-cookie", "brings no new cookie")

enum nts_client_verdict {
#define X(symbol, name, meaning) NTS_CLIENT_##symbol,
	NTS_CLIENT_VERDICTS(X)
#undef X
		NTS_CLIENT_VERDICT_COUNT
};

struct nts_client_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum nts_client_verdict. */
extern const struct nts_client_verdict_info nts_client_verdict_info[NTS_CLIENT_VERDICT_COUNT];

enum {
	NTS_CLIENT_IDENTIFIER_SIZE = 32,
	/* Longer ones are cut into fragments on some path: IPv6's least MTU without the headers of IPv6 and
	   UDP. */
	NTS_CLIENT_REQUEST_MAX = 1280 - 40 - 8,
	NTS_CLIENT_REPLY_MAX = NTS_CLIENT_REQUEST_MAX, /* a reply is no longer than its request */
};
static_assert(NTP_HEADER_SIZE + (NTS_FIELD_HEADER + NTS_CLIENT_IDENTIFIER_SIZE) +
			      (NTS_FIELD_HEADER + KE_CLIENT_COOKIE_MAX) + NTS_FIELD_HEADER +
			      NTS_AUTHENTICATOR_HEAD + NTS_NONCE + SIV_TAG <=
		      NTS_CLIENT_REQUEST_MAX,
	"the longest cookie fits");

/* An association: keys and unused cookies, the newest last. A cookie is 12 to KE_CLIENT_COOKIE_MAX octets, in
 * whole words. */
struct nts_client {
	struct cookie_keys keys; /* the caller erases them */
	uint16_t aead;        /* theirs: AEAD_AES_128_GCM_SIV, or anything else for AEAD_AES_SIV_CMAC_256 */
	bool no_placeholders; /* ask for one cookie in each request, however many are missing: for loads,
				 whose    requests are all alike */
	bool keep_last; /* send the last cookie again rather than none: for loads, which hide from nobody */
	bool used;      /* with keep_last: cookie[0] has been sent before, and goes once another comes */
	unsigned cookies;
	struct ke_client_cookie cookie[KE_COOKIES];
};

/*
 * Add NTS's fields to the request's header of NTP_HEADER_SIZE octets that stands in `octets`: identifier and
 * nonce are fresh random octets; the oldest cookie is used up, whatever comes of it, and placeholders ask for
 * what is then missing to KE_COOKIES, as many as fit. The size of the request; 0 where there is no cookie or
 * the AEAD failed.
 */
size_t nts_client_protect(struct nts_client *client, struct siv *siv, uint8_t octets[NTS_CLIENT_REQUEST_MAX],
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], const uint8_t nonce[NTS_NONCE]);

/*
 * The same but for the tag, which is made when the caller seals the job (siv_seal), alone or in a burst with
 * those of other requests: it points into octets and client, which stay as they are until then. 0 where there
 * is no cookie.
 */
size_t nts_client_prepare(struct nts_client *client, uint8_t octets[NTS_CLIENT_REQUEST_MAX],
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], const uint8_t nonce[NTS_NONCE],
	struct siv_job *job);

/*
 * Judge the fields of a datagram of any size, decrypting it in place; for AUTHENTIC and NO_COOKIE the tag was
 * right, and new cookies have been taken into the client, in the place of the oldest where there are too
 * many. Only then may the header be believed (ntp/client.h). All other verdicts may be a forger's work, and
 * the wait goes on; but for IDENTIFIER and FIELDS, a forger who saw the request.
 */
enum nts_client_verdict nts_client_judge(struct nts_client *client, struct siv *siv, uint8_t *octets,
	size_t size, const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE]);

#endif
