/* NTS requests and replies: nts/fields.h, and the whole way with cookies and the AEAD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntp/octets.h"
#include "ntp/packet.h"
#include "nts/cookie.h"
#include "nts/fields.h"

enum { PACKET_MAX = 2048 };

/* A request in the making. */
struct packet {
	uint8_t octets[PACKET_MAX];
	size_t size;
};

static uint8_t *put(struct packet *p, uint16_t type, size_t body)
{
	uint8_t *at = p->octets + p->size;

	store_be16(at, type);
	store_be16(at + 2, (uint16_t)(body + 4));
	for (size_t i = 0; i < body; i++)
		at[4 + i] = (uint8_t)(type + i);
	p->size += body + 4;
	return at + 4;
}

/* nonce, ciphertext: as claimed; extra: additional padding. */
static uint8_t *put_authenticator(struct packet *p, size_t nonce, size_t ciphertext, size_t extra)
{
	uint8_t *body =
		put(p, NTS_FIELD_AUTHENTICATOR, 4 + ((nonce + 3) & ~3U) + ((ciphertext + 3) & ~3U) + extra);

	store_be16(body, (uint16_t)nonce);
	store_be16(body + 2, (uint16_t)ciphertext);
	return body + 4;
}

static void begin(struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->octets[0] = ntp_lvm(0, 4, NTP_MODE_CLIENT);
	p->size = NTP_HEADER_SIZE;
}

/* What is to be in a request, in this order: i(dentifier), s(hort one), c(ookie), p(laceholder), q (a longer
 * one), u(nknown field), a(uthenticator); g (a cookie with keys for GCM-SIV), o (a placeholder for one),
 * b (an authenticator with its nonce), f(oreign cookie). */
static void compose(struct packet *p, const char *parts)
{
	begin(p);
	for (; *parts; parts++)
		switch (*parts) {
		case 'i':
			put(p, NTS_FIELD_IDENTIFIER, 32);
			break;
		case 's':
			put(p, NTS_FIELD_IDENTIFIER, 28);
			break;
		case 'c':
			put(p, NTS_FIELD_COOKIE, COOKIE_SIZE);
			break;
		case 'p':
			put(p, NTS_FIELD_PLACEHOLDER, COOKIE_SIZE);
			break;
		case 'q':
			put(p, NTS_FIELD_PLACEHOLDER, COOKIE_SIZE + 4);
			break;
		case 'u':
			put(p, 0x2005, 24);
			break;
		case 'g':
			put(p, NTS_FIELD_COOKIE, COOKIE_SIZE_GCM_SIV);
			break;
		case 'o':
			put(p, NTS_FIELD_PLACEHOLDER, COOKIE_SIZE_GCM_SIV);
			break;
		case 'b':
			put_authenticator(p, GCM_SIV_NONCE, 16, 0);
			break;
		case 'f':
			put(p, NTS_FIELD_COOKIE, 72);
			break;
		default:
			put_authenticator(p, 16, 16, 0);
		}
}

/* Parse a copy in a block of exactly its size. */
static enum nts_verdict parse_octets(struct nts_request *r, const uint8_t *octets, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);
	enum nts_verdict verdict;

	assert_non_null(block);
	memcpy(block, octets, size);
	verdict = nts_request_parse(r, block, size);
	free(block);
	return verdict;
}

static enum nts_verdict parse(struct nts_request *r, const struct packet *p)
{
	return parse_octets(r, p->octets, p->size);
}

static void assert_span(struct nts_span span, size_t at, size_t size)
{
	assert_int_equal(span.at, at);
	assert_int_equal(span.size, size);
}

/* Where the short way knows the request, the long one says the same. */
static bool is_usual(const uint8_t *octets, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);
	struct nts_request quick, slow;
	bool usual;

	assert_non_null(block);
	memcpy(block, octets, size);
	usual = nts_request_usual(&quick, block, size);
	free(block);
	if (usual) {
		assert_int_equal(nts_request_walk(&slow, octets, size), NTS_REQUEST_VALID);
		assert_memory_equal(&quick, &slow, sizeof(slow));
	}
	return usual;
}

static void test_short_way(void **state)
{
	static const char *const not [] = {"", "i", "ic", "ia", "ca", "cia", "ipca", "icqa", "icpqa", "icua",
		"uica", "sca", "iica", "icca", "icaa", "icau", "iga", "icb", "igpb"};
	struct packet p;

	(void)state;
	for (unsigned n = 0; n <= 19; n++) {
		const bool gcm = n % 2;
		char parts[16] = "ic";

		if (gcm)
			parts[1] = 'g';
		memset(parts + 2, gcm ? 'o' : 'p', n / 2);
		parts[2 + n / 2] = gcm ? 'b' : 'a';
		compose(&p, parts);
		assert_true(is_usual(p.octets, p.size));
		for (size_t size = 0; size < p.size; size++)
			assert_false(is_usual(p.octets, size));
		for (size_t bit = 8 * NTP_HEADER_SIZE; bit < 8 * p.size; bit++) {
			p.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			is_usual(p.octets, p.size);
			p.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
		compose(&p, not [i]);
		assert_false(is_usual(p.octets, p.size));
	}
}

/* The usual request: 228 octets. */
static void test_usual(void **state)
{
	struct packet p;
	struct nts_request r;

	(void)state;
	compose(&p, "ica");
	assert_int_equal(p.size, 228);
	assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
	assert_int_equal(r.size, 228);
	assert_int_equal(r.ad_size, 48 + 36 + 104);
	assert_int_equal(r.placeholders, 0);
	assert_span(r.identifier, 52, 32);
	assert_span(r.cookie, 88, 100);
	assert_span(r.nonce, 196, 16);
	assert_span(r.ciphertext, 212, 16);
	assert_int_equal(nts_request_cookies(&r), 1);
}

static void test_fields(void **state)
{
	static const struct {
		const char *parts;
		enum nts_verdict verdict;
		unsigned cookies;
	} table[] = {
		{"", NTS_REQUEST_ABSENT, 0},
		{"s", NTS_REQUEST_IDENTIFIER_SHORT, 0},
		{"si", NTS_REQUEST_IDENTIFIER_SHORT, 0},
		{"is", NTS_REQUEST_TWO_IDENTIFIERS, 0},
		{"u", NTS_REQUEST_ABSENT, 0},
		{"ica", NTS_REQUEST_VALID, 1},
		{"cia", NTS_REQUEST_VALID, 1},
		{"uiucupua", NTS_REQUEST_VALID, 2},
		{"pppiccca", NTS_REQUEST_TWO_COOKIES, 0},
		{"pppica", NTS_REQUEST_VALID, 4},
		{"icpppppppa", NTS_REQUEST_VALID, 8},
		{"icppppppppa", NTS_REQUEST_VALID, 8},
		{"icpppppppppa", NTS_REQUEST_VALID, 8},
		{"i", NTS_REQUEST_ABSENT, 0},
		{"uiu", NTS_REQUEST_ABSENT, 0},
		{"ii", NTS_REQUEST_TWO_IDENTIFIERS, 0},
		{"c", NTS_REQUEST_NO_AUTHENTICATOR, 0},
		{"p", NTS_REQUEST_NO_AUTHENTICATOR, 0},
		{"icp", NTS_REQUEST_NO_AUTHENTICATOR, 0},
		{"a", NTS_REQUEST_NO_IDENTIFIER, 0},
		{"ca", NTS_REQUEST_NO_IDENTIFIER, 0},
		{"cai", NTS_REQUEST_NO_IDENTIFIER, 0},
		{"ia", NTS_REQUEST_NO_COOKIE, 0},
		{"iac", NTS_REQUEST_NO_COOKIE, 0},
		{"ipa", NTS_REQUEST_NO_COOKIE, 0},
		{"iica", NTS_REQUEST_TWO_IDENTIFIERS, 0},
		{"icia", NTS_REQUEST_TWO_IDENTIFIERS, 0},
		{"icca", NTS_REQUEST_TWO_COOKIES, 0},
		{"sca", NTS_REQUEST_IDENTIFIER_SHORT, 0},
		{"icqa", NTS_REQUEST_PLACEHOLDER_LENGTH, 0},
		{"qica", NTS_REQUEST_PLACEHOLDER_LENGTH, 0},
		{"icpqa", NTS_REQUEST_PLACEHOLDER_LENGTH, 0},
		{"qpica", NTS_REQUEST_PLACEHOLDER_LENGTH, 0},
		/* what follows the authenticator is nobody's */
		{"icaicpqaus", NTS_REQUEST_VALID, 1},
	};
	struct packet p;
	struct nts_request r;
	bool alone;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		compose(&p, table[i].parts);
		assert_int_equal(parse(&r, &p), table[i].verdict);
		/* or of NTS nothing but one sound identifier */
		alone = table[i].verdict == NTS_REQUEST_ABSENT && r.identifier.size > 0;
		assert_int_equal(
			alone, strchr(table[i].parts, 'i') && table[i].verdict == NTS_REQUEST_ABSENT);
		assert_int_equal(
			nts_is_asked(p.octets, p.size), strpbrk(table[i].parts, "cpqa") != NULL || alone);
		if (table[i].verdict == NTS_REQUEST_VALID)
			assert_int_equal(nts_request_cookies(&r), table[i].cookies);
	}
}

static void test_header(void **state)
{
	static uint8_t large[UINT16_MAX + 1];
	struct packet p;
	struct nts_request r;

	(void)state;
	compose(&p, "ica");
	for (size_t size = 0; size < NTP_HEADER_SIZE; size++)
		assert_int_equal(parse_octets(&r, p.octets, size), NTS_REQUEST_HEADER);
	for (unsigned lvm = 0; lvm <= 0xff; lvm++) {
		p.octets[0] = (uint8_t)lvm;
		assert_int_equal(
			parse(&r, &p), (lvm & 0x3f) == (4 << 3 | 3) ? NTS_REQUEST_VALID : NTS_REQUEST_HEADER);
	}
	memcpy(large, p.octets, p.size);
	large[0] = 4 << 3 | 3;
	assert_int_equal(parse_octets(&r, large, UINT16_MAX), NTS_REQUEST_VALID);
	assert_int_equal(parse_octets(&r, large, UINT16_MAX + 1), NTS_REQUEST_HEADER);
}

/* Cut anywhere, a request is short of something; with anything behind, it is as good. */
static void test_cut(void **state)
{
	struct packet p;
	struct nts_request r;

	(void)state;
	compose(&p, "icpa");
	for (size_t size = NTP_HEADER_SIZE; size < p.size; size++)
		assert_int_not_equal(parse_octets(&r, p.octets, size), NTS_REQUEST_VALID);
	for (size_t size = p.size; size < p.size + 40; size++)
		assert_int_equal(parse_octets(&r, p.octets, size), NTS_REQUEST_VALID);
}

/* Every length that a field can claim. */
static void test_lying_lengths(void **state)
{
	struct packet p;
	struct nts_request r;

	(void)state;
	compose(&p, "uica");
	for (unsigned length = 0; length <= UINT16_MAX; length++) {
		enum nts_verdict verdict;

		store_be16(p.octets + 50, (uint16_t)length);
		verdict = parse(&r, &p);
		if (length < 16 || length % 4 || length > p.size - 48)
			assert_int_equal(verdict, NTS_REQUEST_FIELD_LENGTH);
		else if (length != 28)
			assert_int_not_equal(verdict, NTS_REQUEST_VALID);
		else
			assert_int_equal(verdict, NTS_REQUEST_VALID);
	}
}

/* An authenticator that is sound, but for octets that make no word. */
static void test_odd_lengths(void **state)
{
	struct packet p;
	struct nts_request r;

	(void)state;
	for (size_t odd = 0; odd <= 4; odd++) {
		compose(&p, "ic");
		put_authenticator(&p, 16, 16, odd);
		assert_int_equal(parse(&r, &p), odd % 4 ? NTS_REQUEST_FIELD_LENGTH : NTS_REQUEST_VALID);
	}
}

/* The authenticator's own lengths, each from 0 to what the field can just not hold. */
static void test_authenticator_lengths(void **state)
{
	struct packet p;
	struct nts_request r;
	uint8_t *lengths;

	(void)state;
	compose(&p, "ic");
	lengths = put_authenticator(&p, 32, 32, 0) - 4;
	for (unsigned nonce = 0; nonce <= 80; nonce++)
		for (unsigned ciphertext = 0; ciphertext <= 80; ciphertext++) {
			const unsigned n = (nonce + 3) / 4 * 4, c = (ciphertext + 3) / 4 * 4;
			enum nts_verdict expected = n + c > 64         ? NTS_REQUEST_AUTHENTICATOR_LENGTH
						    : nonce == 0       ? NTS_REQUEST_NONCE_LENGTH
						    : ciphertext < 16  ? NTS_REQUEST_CIPHERTEXT_SHORT
						    : n < 16 && c > 48 ? NTS_REQUEST_PADDING
								       : NTS_REQUEST_VALID;

			store_be16(lengths, (uint16_t)nonce);
			store_be16(lengths + 2, (uint16_t)ciphertext);
			assert_int_equal(parse(&r, &p), expected);
			if (expected != NTS_REQUEST_VALID)
				continue;
			assert_span(r.nonce, 48 + 36 + 104 + 8, nonce);
			assert_span(r.ciphertext, 48 + 36 + 104 + 8 + n, ciphertext);
		}
	store_be16(lengths, UINT16_MAX);
	store_be16(lengths + 2, UINT16_MAX);
	assert_int_equal(parse(&r, &p), NTS_REQUEST_AUTHENTICATOR_LENGTH);
}

/* RFC 8915 section 5.6: the nonce and the padding together hold a nonce of ours. */
static void test_padding(void **state)
{
	struct packet p;
	struct nts_request r;

	(void)state;
	for (size_t nonce = 1; nonce <= 20; nonce++)
		for (size_t extra = 0; extra <= 20; extra += 4) {
			const size_t reserved = (nonce + 3) / 4 * 4 + extra;

			compose(&p, "ic");
			put_authenticator(&p, nonce, 16, extra);
			assert_int_equal(
				parse(&r, &p), reserved >= 16 ? NTS_REQUEST_VALID : NTS_REQUEST_PADDING);
			/* GCM-SIV's nonces have just 12 octets, and a cookie of nobody's no AEAD */
			compose(&p, "ig");
			put_authenticator(&p, nonce, 16, extra);
			assert_int_equal(
				parse(&r, &p), nonce == 12 ? NTS_REQUEST_VALID : NTS_REQUEST_NONCE_LENGTH);
			compose(&p, "if");
			put_authenticator(&p, nonce, 16, extra);
			assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
			assert_int_equal(r.aead, 0);
		}
}

/* Fields in the plaintext, which stands where the ciphertext was. */
static enum nts_verdict decrypted(struct nts_request *r, const struct packet *inner)
{
	struct packet p;
	const size_t size = inner->size - NTP_HEADER_SIZE;
	uint8_t *nonce;

	compose(&p, "icp");
	nonce = put_authenticator(&p, 16, SIV_TAG + size, 0);
	memcpy(nonce + 16 + SIV_TAG, inner->octets + NTP_HEADER_SIZE, size);
	assert_int_equal(parse(r, &p), NTS_REQUEST_VALID);
	return nts_request_decrypted(r, p.octets);
}

static void test_decrypted(void **state)
{
	static const struct {
		const char *parts;
		enum nts_verdict verdict;
		unsigned cookies;
	} table[] = {
		{"", NTS_REQUEST_VALID, 2},
		{"u", NTS_REQUEST_VALID, 2},
		{"pup", NTS_REQUEST_VALID, 4},
		{"ppppppppp", NTS_REQUEST_VALID, 8},
		{"q", NTS_REQUEST_PLACEHOLDER_LENGTH, 0},
		{"pi", NTS_REQUEST_ENCRYPTED_FIELD, 0},
		{"c", NTS_REQUEST_ENCRYPTED_FIELD, 0},
		{"a", NTS_REQUEST_ENCRYPTED_FIELD, 0},
	};
	struct packet inner;
	struct nts_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		compose(&inner, table[i].parts);
		assert_int_equal(decrypted(&r, &inner), table[i].verdict);
		if (table[i].verdict == NTS_REQUEST_VALID)
			assert_int_equal(nts_request_cookies(&r), table[i].cookies);
	}
	compose(&inner, "pp");
	for (size_t cut = 1; cut < 104; cut++) {
		inner.size = NTP_HEADER_SIZE + 208 - cut;
		assert_int_equal(decrypted(&r, &inner), NTS_REQUEST_FIELD_LENGTH);
	}
}

static const uint8_t nonce_of_ours[NTS_NONCE] = "0123456789abcdef";

/* A reply is a sound sequence of identifier and authenticator, filling its size, with sound cookies inside.
 */
static void check_frame(
	const struct nts_reply *reply, const uint8_t *octets, const uint8_t *identifier, size_t size)
{
	struct nts_cursor cursor = nts_cursor_over(octets, NTP_HEADER_SIZE, reply->size);
	struct nts_field field;

	assert_true(nts_cursor_next(&cursor, &field));
	assert_int_equal(field.type, NTS_FIELD_IDENTIFIER);
	assert_int_equal(field.body.size, size);
	assert_memory_equal(octets + field.body.at, identifier, size);
	assert_int_equal(cursor.at, reply->ad_size);
	assert_true(nts_cursor_next(&cursor, &field));
	assert_int_equal(field.type, NTS_FIELD_AUTHENTICATOR);
	assert_int_equal(load_be16(octets + field.body.at), NTS_NONCE);
	assert_int_equal(load_be16(octets + field.body.at + 2), SIV_TAG + reply->text.size);
	assert_memory_equal(octets + field.body.at + 4, nonce_of_ours, NTS_NONCE);
	assert_false(nts_cursor_next(&cursor, &field));
	assert_int_equal(cursor.at, reply->size);
	cursor = nts_cursor_over(octets, reply->text.at, reply->size);
	for (unsigned i = 0; i < reply->cookies; i++) {
		assert_true(nts_cursor_next(&cursor, &field));
		assert_int_equal(field.type, NTS_FIELD_COOKIE);
		assert_span(field.body, nts_reply_cookie(reply, i), COOKIE_SIZE);
	}
	assert_int_equal(cursor.at, reply->size);
}

/* In place, whatever the order of the request's fields; the header is left alone. */
static void test_reply(void **state)
{
	static const char *const requests[] = {
		"ica", "uica", "cia", "pcuia", "pppppppica", "icppppppppppa", "uuuuciauuuu"};
	struct packet p, original;
	struct nts_request r;
	struct nts_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		compose(&p, requests[i]);
		original = p;
		assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
		assert_true(nts_reply_begin(&reply, p.octets, &r, p.octets, COOKIE_SIZE, nonce_of_ours));
		assert_int_equal(reply.cookies, nts_request_cookies(&r));
		assert_true(reply.size <= p.size);
		check_frame(&reply, p.octets, original.octets + r.identifier.at, 32);
		assert_memory_equal(p.octets, original.octets, NTP_HEADER_SIZE);
		assert_memory_equal(p.octets + r.size, original.octets + r.size, PACKET_MAX - r.size);
	}
}

/* The usual exchange is as long back as forth. */
static void test_equal_lengths(void **state)
{
	static const char *const requests[] = {"ica", "icpa", "icpppppppa", "igb", "igob", "igooooooob"};
	struct packet p;
	struct nts_request r;
	struct nts_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		compose(&p, requests[i]);
		assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
		assert_true(
			nts_reply_begin(&reply, p.octets, &r, p.octets, cookie_size(r.aead), nonce_of_ours));
		assert_int_equal(reply.size, r.size);
	}
}

/* A client of shorter cookies gets as many as fit. */
static void test_shorter_cookies(void **state)
{
	struct packet p;
	struct nts_request r;
	struct nts_reply reply;

	(void)state;
	for (size_t size = 12; size < COOKIE_SIZE; size += 4) {
		if (cookie_aead(size) == AEAD_AES_128_GCM_SIV)
			continue; /* an AEAD of its own */
		compose(&p, "i");
		put(&p, NTS_FIELD_COOKIE, size);
		for (int i = 0; i < 5; i++)
			put(&p, NTS_FIELD_PLACEHOLDER, size);
		put_authenticator(&p, 16, 16, 0);
		assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
		assert_true(nts_reply_begin(&reply, p.octets, &r, p.octets, COOKIE_SIZE, nonce_of_ours));
		assert_int_equal(reply.cookies, 6 * (size + 4) / (COOKIE_SIZE + 4));
		assert_true(reply.size <= r.size);
	}
}

static void test_no_room(void **state)
{
	struct packet p, before;
	struct nts_request r;
	struct nts_reply reply;

	(void)state;
	compose(&p, "ica");
	assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
	before = p;
	r.size = 48 + 36 + 40 - 1;
	assert_false(nts_reply_begin(&reply, p.octets, &r, p.octets, COOKIE_SIZE, nonce_of_ours));
	assert_memory_equal(&p, &before, sizeof(p));
	r.size++;
	assert_true(nts_reply_begin(&reply, p.octets, &r, p.octets, COOKIE_SIZE, nonce_of_ours));
	assert_int_equal(reply.cookies, 0);
	assert_int_equal(reply.size, r.size);
}

static void test_kiss(void **state)
{
	struct packet p, original;
	struct nts_request r;

	(void)state;
	compose(&p, "upcia");
	original = p;
	assert_int_equal(parse(&r, &p), NTS_REQUEST_VALID);
	assert_int_equal(nts_echo_write(p.octets, &r, p.octets), 48 + 36);
	assert_int_equal(load_be16(p.octets + 48), NTS_FIELD_IDENTIFIER);
	assert_int_equal(load_be16(p.octets + 50), 36);
	assert_memory_equal(p.octets + 52, original.octets + r.identifier.at, 32);
}

/* All of a server with its keys, and a client's. */
struct exchange {
	struct siv *siv;
	struct keyring ring;
	struct cookie_keys keys;
	uint16_t aead;
	struct packet p;
};

static const ntp64 now = 7 * NTP64_SECOND;

static void seal_cookie(struct exchange *x, uint8_t *cookie, unsigned number)
{
	uint8_t nonce[COOKIE_NONCE] = {(uint8_t)number};
	struct cookie_sealing sealing = {.aead = x->aead, .cookie = cookie, .nonce = nonce, .keys = &x->keys};

	cookie_seal(x->siv, keyring_current(&x->ring, now), &sealing, 1);
	assert_true(sealing.done);
}

/* A true request with `inner` placeholders encrypted and one in clear. */
static void ask(struct exchange *x, unsigned inner)
{
	const size_t size = cookie_size(x->aead), nonce_size = nts_nonce_size(x->aead),
		     text = inner * (size + 4U);
	struct nts_request r;
	struct siv_job job;
	struct packet plain;
	uint8_t *nonce;

	begin(&plain);
	for (unsigned i = 0; i < inner; i++)
		put(&plain, NTS_FIELD_PLACEHOLDER, size);
	compose(&x->p, "i");
	seal_cookie(x, put(&x->p, NTS_FIELD_COOKIE, size), 0);
	put(&x->p, NTS_FIELD_PLACEHOLDER, size);
	nonce = put_authenticator(&x->p, nonce_size, SIV_TAG + text, 0);
	memcpy(nonce + nonce_size + (x->aead == AEAD_AES_128_GCM_SIV ? 0 : SIV_TAG),
		plain.octets + NTP_HEADER_SIZE, text);
	assert_int_equal(parse(&r, &x->p), NTS_REQUEST_VALID);
	assert_int_equal(r.aead, x->aead);
	nts_request_job(&job, &r, x->p.octets, x->keys.c2s);
	siv_seal(x->siv, &job, 1);
	assert_true(job.done);
}

/* The server up to the verified request; false where it refuses. */
static bool verify(struct exchange *x, struct nts_request *r, struct cookie_opening *o)
{
	struct siv_job job;

	if (parse(r, &x->p) != NTS_REQUEST_VALID)
		return false;
	*o = (struct cookie_opening){.cookie = x->p.octets + r->cookie.at, .size = r->cookie.size};
	cookie_open(x->siv, &x->ring, now, o, 1);
	if (o->verdict != COOKIE_OPENED)
		return false;
	nts_request_job(&job, r, x->p.octets, o->keys.c2s);
	siv_open(x->siv, &job, 1);
	return job.done && nts_request_decrypted(r, x->p.octets) == NTS_REQUEST_VALID;
}

static void answer(
	struct exchange *x, const struct nts_request *r, struct cookie_opening *o, struct nts_reply *reply)
{
	struct siv_job job;

	assert_true(nts_reply_begin(reply, x->p.octets, r, x->p.octets, cookie_size(x->aead), nonce_of_ours));
	for (unsigned i = 0; i < reply->cookies; i++)
		seal_cookie(x, x->p.octets + nts_reply_cookie(reply, i), i + 1);
	x->p.octets[0] = ntp_lvm(0, 4, NTP_MODE_SERVER);
	nts_reply_job(&job, reply, x->p.octets, o->keys.s2c);
	siv_seal(x->siv, &job, 1);
	assert_true(job.done);
}

static void set_aead(struct exchange *x, uint16_t aead)
{
	const size_t size = aead == AEAD_AES_128_GCM_SIV ? GCM_SIV_KEY : SIV_KEY;

	x->aead = aead;
	memset(&x->keys, 0, sizeof(x->keys));
	memset(x->keys.c2s, 'c', size);
	memset(x->keys.s2c, 's', size);
}

static int make(void **state)
{
	struct exchange *x = calloc(1, sizeof(*x));
	struct keyring_fresh fresh = {.id = 5, .key = "master"};

	*state = x;
	if (!x || !(x->siv = siv_new(siv_backend_best())))
		return -1;
	set_aead(x, AEAD_AES_SIV_CMAC_256);
	return keyring_rotate(&x->ring, &fresh, now, NTP64_SECOND) ? 0 : -1;
}

static int unmake(void **state)
{
	struct exchange *x = *state;

	siv_free(x->siv);
	free(x);
	return 0;
}

/* There and back: the client opens the reply with S2C, and every cookie in it opens to its keys. */
static void test_exchange(void **state)
{
	struct exchange *x = *state;
	struct nts_request r;
	struct nts_reply reply;
	struct cookie_opening o;
	struct siv_job job;

	for (unsigned n = 0; n <= 19; n++) {
		const unsigned inner = n / 2;

		set_aead(x, n % 2 ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256);
		ask(x, inner);
		assert_true(verify(x, &r, &o));
		answer(x, &r, &o, &reply);
		assert_int_equal(reply.cookies, inner + 2 < 8 ? inner + 2 : 8);
		assert_true(reply.size <= r.size);
		nts_reply_job(&job, &reply, x->p.octets, x->keys.s2c);
		siv_open(x->siv, &job, 1);
		assert_true(job.done);
		for (unsigned i = 0; i < reply.cookies; i++) {
			o = (struct cookie_opening){.cookie = x->p.octets + nts_reply_cookie(&reply, i),
				.size = cookie_size(x->aead)};
			cookie_open(x->siv, &x->ring, now, &o, 1);
			assert_int_equal(o.verdict, COOKIE_OPENED);
			assert_memory_equal(&o.keys, &x->keys, sizeof(o.keys));
		}
	}
}

/* Every bit up to the end of the authenticator is protected: header, identifier, cookie, placeholder, tag. */
static void test_request_bits(void **state)
{
	struct exchange *x = *state;
	struct nts_request r;
	struct cookie_opening o;
	struct packet good;

	for (unsigned n = 0; n <= 3; n++) {
		set_aead(x, n / 2 ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256);
		ask(x, n % 2);
		good = x->p;
		for (size_t bit = 0; bit < 8 * good.size; bit++) {
			x->p = good;
			x->p.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(verify(x, &r, &o));
		}
		x->p = good;
		assert_true(verify(x, &r, &o));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_way),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_odd_lengths),
		cmocka_unit_test(test_authenticator_lengths),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_decrypted),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_equal_lengths),
		cmocka_unit_test(test_shorter_cookies),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_kiss),
		cmocka_unit_test_setup_teardown(test_exchange, make, unmake),
		cmocka_unit_test_setup_teardown(test_request_bits, make, unmake),
	};

	return cmocka_run_group_tests_name("nts fields", tests, NULL, NULL);
}
