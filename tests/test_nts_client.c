/* The client's side of NTS (nts/client.h), against the server's (nts/fields.h) and replies made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntp/octets.h"
#include "nts/client.h"

enum { PACKET_MAX = 4096 };

static struct siv *siv;

/* splitmix64, seeded for each test. */
static uint64_t state64;

static uint8_t draw(void)
{
	uint64_t z = state64 += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint8_t)(z >> 56);
}

static void fill(void *octets, size_t size)
{
	uint8_t *o = octets;

	for (size_t i = 0; i < size; i++)
		o[i] = draw();
}

/* An association with `cookies` cookies of `size` octets. */
static void associate(struct nts_client *c, unsigned cookies, size_t size)
{
	memset(c, 0, sizeof(*c));
	fill(&c->keys, sizeof(c->keys));
	c->cookies = cookies;
	for (unsigned i = 0; i < cookies; i++) {
		c->cookie[i].size = (uint16_t)size;
		fill(c->cookie[i].octets, size);
	}
}

struct asked {
	uint8_t octets[NTS_CLIENT_REQUEST_MAX];
	size_t size;
	uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE];
};

static void ask(struct asked *a, struct nts_client *c)
{
	uint8_t nonce[NTS_NONCE];

	memset(a->octets, 0, sizeof(a->octets));
	a->octets[0] = ntp_lvm(0, 4, NTP_MODE_CLIENT);
	fill(a->octets + 40, 8);
	fill(a->identifier, sizeof(a->identifier));
	fill(nonce, sizeof(nonce));
	a->size = nts_client_protect(c, siv, a->octets, a->identifier, nonce);
}

/* What a server finds in a request, whose tag must be right. */
static struct nts_request serve(const struct asked *a, const struct nts_client *c)
{
	uint8_t octets[NTS_CLIENT_REQUEST_MAX];
	struct nts_request r;
	struct siv_job job = {0};

	memcpy(octets, a->octets, a->size);
	assert_int_equal(nts_request_parse(&r, octets, a->size), NTS_REQUEST_VALID);
	nts_request_job(&job, &r, octets, c->keys.c2s);
	siv_open(siv, &job, 1);
	assert_true(job.done);
	assert_int_equal(nts_request_decrypted(&r, octets), NTS_REQUEST_VALID);
	assert_int_equal(r.identifier.size, NTS_CLIENT_IDENTIFIER_SIZE);
	assert_memory_equal(octets + r.identifier.at, a->identifier, sizeof(a->identifier));
	return r;
}

/* The reply that tickwire's own server side makes. */
static size_t reply_to(const struct asked *a, const struct nts_client *c, size_t cookie_size, uint8_t *octets)
{
	struct nts_request r = serve(a, c);
	struct nts_reply reply;
	struct siv_job job = {0};
	uint8_t nonce[NTS_NONCE];

	fill(nonce, sizeof(nonce));
	memcpy(octets, a->octets, NTP_HEADER_SIZE);
	octets[0] = ntp_lvm(0, 4, NTP_MODE_SERVER);
	octets[1] = 1;
	assert_true(nts_reply_begin(&reply, octets, &r, a->octets, cookie_size, nonce));
	for (unsigned i = 0; i < reply.cookies; i++)
		fill(octets + nts_reply_cookie(&reply, i), cookie_size);
	nts_reply_job(&job, &reply, octets, c->keys.s2c);
	siv_seal(siv, &job, 1);
	assert_true(job.done);
	return reply.size;
}

/* Judge a copy in a block of exactly its size. */
static enum nts_client_verdict judge(
	struct nts_client *c, const struct asked *a, const uint8_t *octets, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);
	enum nts_client_verdict verdict;

	assert_non_null(block);
	memcpy(block, octets, size);
	verdict = nts_client_judge(c, siv, block, size, a->identifier);
	free(block);
	return verdict;
}

/* Of any server's cookies: ours have 100 octets, others' 104 and more. */
static const size_t cookie_sizes[] = {12, 16, 96, 100, 104, 228, 256, 508, 512};

enum { COOKIE_SIZES = sizeof(cookie_sizes) / sizeof(cookie_sizes[0]) };

static void check_request(unsigned cookies, size_t size)
{
	struct nts_client c, before;
	struct asked a;
	struct nts_request r;
	unsigned missing = KE_COOKIES - cookies;
	size_t bare = NTP_HEADER_SIZE + 36 + 40 + 4 + size;

	associate(&c, cookies, size);
	before = c;
	ask(&a, &c);
	assert_true(a.size > 0 && a.size <= NTS_CLIENT_REQUEST_MAX && a.size % 4 == 0);
	r = serve(&a, &c);
	assert_int_equal(r.cookie.size, size);
	assert_memory_equal(a.octets + r.cookie.at, before.cookie[0].octets, size);
	if (missing > (NTS_CLIENT_REQUEST_MAX - bare) / (4 + size))
		missing = (unsigned)((NTS_CLIENT_REQUEST_MAX - bare) / (4 + size));
	assert_int_equal(r.placeholders, missing);
	assert_int_equal(a.size, bare + missing * (4 + size));
	/* the oldest is used up, and the others keep their order */
	assert_int_equal(c.cookies, cookies - 1);
	assert_memory_equal(c.cookie, before.cookie + 1, (cookies - 1) * sizeof(c.cookie[0]));
}

static void test_requests(void **state)
{
	(void)state;
	for (unsigned cookies = 1; cookies <= KE_COOKIES; cookies++)
		for (size_t i = 0; i < COOKIE_SIZES; i++)
			check_request(cookies, cookie_sizes[i]);
}

static void test_no_cookie_no_request(void **state)
{
	struct nts_client c;
	struct asked a;

	(void)state;
	associate(&c, 0, 0);
	ask(&a, &c);
	assert_int_equal(a.size, 0);
	assert_int_equal(c.cookies, 0);
}

static void test_replies_verify(void **state)
{
	uint8_t octets[PACKET_MAX];
	struct nts_client c;
	struct asked a;
	size_t size;

	(void)state;
	for (unsigned cookies = 1; cookies <= KE_COOKIES; cookies++) {
		associate(&c, cookies, COOKIE_SIZE);
		ask(&a, &c);
		size = reply_to(&a, &c, COOKIE_SIZE, octets);
		assert_int_equal(judge(&c, &a, octets, size), NTS_CLIENT_AUTHENTIC);
		assert_int_equal(c.cookies, KE_COOKIES);
		assert_int_equal(c.cookie[KE_COOKIES - 1].size, COOKIE_SIZE);
	}
}

/* An association that goes on: no cookie is ever sent twice, and each is one that was given. */
static void test_cookies_are_used_once(void **state)
{
	static uint8_t used[200][COOKIE_SIZE];
	uint8_t octets[PACKET_MAX];
	struct nts_client c;
	struct asked a;
	struct nts_request r;

	(void)state;
	associate(&c, KE_COOKIES, COOKIE_SIZE);
	for (size_t i = 0; i < 200; i++) {
		ask(&a, &c);
		r = serve(&a, &c);
		memcpy(used[i], a.octets + r.cookie.at, COOKIE_SIZE);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(used[k], used[i], COOKIE_SIZE);
		if (draw() % 8 == 0 && c.cookies > 0)
			continue; /* lost on its way */
		assert_int_equal(
			judge(&c, &a, octets, reply_to(&a, &c, COOKIE_SIZE, octets)), NTS_CLIENT_AUTHENTIC);
		assert_int_equal(c.cookies, KE_COOKIES);
	}
}

/* A load's requests are all alike: one cookie each, and the last one again until a reply brings another. */
static void test_client_of_a_load(void **state)
{
	uint8_t octets[PACKET_MAX], last[COOKIE_SIZE];
	struct nts_client c;
	struct asked a, first;

	(void)state;
	associate(&c, 3, COOKIE_SIZE);
	c.no_placeholders = c.keep_last = true;
	memcpy(last, c.cookie[2].octets, sizeof(last));
	ask(&first, &c);
	assert_false(c.used);
	for (unsigned i = 0; i < 10; i++) {
		ask(&a, &c);
		assert_int_equal(a.size, first.size);
		assert_int_equal(c.cookies, 1);
		assert_true(i == 0 || memcmp(a.octets + serve(&a, &c).cookie.at, last, sizeof(last)) == 0);
		assert_int_equal(c.used, i > 0);
	}
	assert_int_equal(judge(&c, &a, octets, reply_to(&a, &c, COOKIE_SIZE, octets)), NTS_CLIENT_AUTHENTIC);
	assert_int_equal(c.cookies, 1);
	assert_false(c.used);
	assert_memory_not_equal(c.cookie[0].octets, last, sizeof(last));
}

/* Nothing that was changed is believed, and it changes nothing. */
static void test_every_bit(void **state)
{
	uint8_t octets[PACKET_MAX];
	struct nts_client c, before;
	struct asked a;
	size_t size;

	(void)state;
	associate(&c, 6, COOKIE_SIZE);
	ask(&a, &c);
	size = reply_to(&a, &c, COOKIE_SIZE, octets);
	before = c;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		enum nts_client_verdict verdict;

		octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
		verdict = judge(&c, &a, octets, size);
		assert_int_not_equal(verdict, NTS_CLIENT_AUTHENTIC);
		assert_int_not_equal(verdict, NTS_CLIENT_NO_COOKIE);
		assert_memory_equal(&c, &before, sizeof(c));
		octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t cut = 0; cut < size; cut++)
		assert_int_not_equal(judge(&c, &a, octets, cut), NTS_CLIENT_AUTHENTIC);
	assert_int_equal(judge(&c, &a, octets, size), NTS_CLIENT_AUTHENTIC);
}

/* The reply to another request, with our keys: a replay, or two of our requests crossed. */
static void test_reply_to_another_request(void **state)
{
	uint8_t octets[PACKET_MAX];
	struct nts_client c;
	struct asked first, second;
	size_t size;

	(void)state;
	associate(&c, 8, COOKIE_SIZE);
	ask(&first, &c);
	ask(&second, &c);
	size = reply_to(&first, &c, COOKIE_SIZE, octets);
	assert_int_equal(judge(&c, &second, octets, size), NTS_CLIENT_IDENTIFIER);
	memcpy(octets + NTP_HEADER_SIZE + 4, second.identifier, sizeof(second.identifier));
	assert_int_equal(judge(&c, &second, octets, size), NTS_CLIENT_FORGED);
	assert_int_equal(c.cookies, 6);
}

/* A reply made by hand. */
struct making {
	uint8_t octets[PACKET_MAX];
	size_t size;
};

static uint8_t *put(uint8_t *octets, size_t *size, uint16_t type, size_t body)
{
	uint8_t *at = octets + *size;

	store_be16(at, type);
	store_be16(at + 2, (uint16_t)(4 + body));
	fill(at + 4, body);
	*size += 4 + body;
	return at + 4;
}

/* i(dentifier), o(ther identifier), l(onger one), c(ookie), u(nknown field), s: a field of 8 octets. */
static void put_parts(uint8_t *octets, size_t *size, const struct asked *a, const char *parts, size_t cookie)
{
	for (; *parts; parts++)
		switch (*parts) {
		case 'i':
			memcpy(put(octets, size, NTS_FIELD_IDENTIFIER, 32), a->identifier, 32);
			break;
		case 'o':
			put(octets, size, NTS_FIELD_IDENTIFIER, 32);
			break;
		case 'l':
			memcpy(put(octets, size, NTS_FIELD_IDENTIFIER, 36), a->identifier, 32);
			break;
		case 'c':
			put(octets, size, NTS_FIELD_COOKIE, cookie);
			break;
		case 'u':
			put(octets, size, 0x2005, 28);
			break;
		default:
			put(octets, size, 0x2005, 4);
		}
}

struct form {
	const char *clear;     /* fields before the authenticator */
	const char *encrypted; /* NULL: no authenticator */
	const char *after;
	size_t cookie, nonce, padding;
};

static void make(struct making *m, const struct nts_client *c, const struct asked *a, const struct form *f)
{
	size_t ad, text_size = 0, nonce = (f->nonce + 3) & ~(size_t)3;
	uint8_t text[PACKET_MAX], *body;

	memset(m, 0, sizeof(*m));
	m->octets[0] = ntp_lvm(0, 4, NTP_MODE_SERVER);
	m->octets[1] = 2;
	m->size = NTP_HEADER_SIZE;
	put_parts(m->octets, &m->size, a, f->clear, f->cookie);
	ad = m->size;
	if (f->encrypted) {
		struct siv_job job = {.key = c->keys.s2c};

		put_parts(text, &text_size, a, f->encrypted, f->cookie);
		body = put(m->octets, &m->size, NTS_FIELD_AUTHENTICATOR,
			4 + nonce + SIV_TAG + text_size + f->padding);
		store_be16(body, (uint16_t)f->nonce);
		store_be16(body + 2, (uint16_t)(SIV_TAG + text_size));
		job.tag = body + 4 + nonce;
		job.text = job.tag + SIV_TAG;
		job.size = text_size;
		memcpy(job.text, text, text_size);
		siv_job_bind(&job, m->octets, ad, body + 4, f->nonce);
		siv_seal(siv, &job, 1);
	}
	put_parts(m->octets, &m->size, a, f->after ? f->after : "", f->cookie);
}

static enum nts_client_verdict judge_form(struct nts_client *c, struct asked *a, const struct form *f)
{
	struct making m;

	associate(c, 3, COOKIE_SIZE);
	ask(a, c);
	make(&m, c, a, f);
	return judge(c, a, m.octets, m.size);
}

static void test_forms(void **state)
{
	static const struct {
		struct form form;
		enum nts_client_verdict verdict;
		unsigned cookies; /* got */
	} table[] = {
		{{"i", "c", "", 100, 16, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "ccc", "", 104, 16, 0}, NTS_CLIENT_AUTHENTIC, 3},
		{{"i", "cccccc", "", 228, 16, 0}, NTS_CLIENT_AUTHENTIC, 6},
		/* more than there is room for: the newest are kept */
		{{"i", "cccccccc", "", 100, 16, 0}, NTS_CLIENT_AUTHENTIC, 6},
		{{"i", "c", "", 512, 16, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 12, 16, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 516, 16, 0}, NTS_CLIENT_COOKIE_SIZE, 0},
		{{"i", "c", "", 4, 16, 0}, NTS_CLIENT_FIELDS, 0},
		{{"i", "c", "", 102, 16, 2}, NTS_CLIENT_FIELDS, 0},
		{{"i", "cs", "", 100, 16, 0}, NTS_CLIENT_FIELDS, 0},
		{{"i", "", "", 0, 16, 0}, NTS_CLIENT_NO_COOKIE, 0},
		{{"i", "u", "", 0, 16, 0}, NTS_CLIENT_NO_COOKIE, 0},
		/* nonces of any length, and padding behind */
		{{"i", "c", "", 100, 1, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 100, 12, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 100, 15, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 100, 32, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 100, 0, 0}, NTS_CLIENT_FORGED, 0},
		{{"i", "c", "", 100, 16, 4}, NTS_CLIENT_AUTHENTIC, 1},
		{{"i", "c", "", 100, 12, 64}, NTS_CLIENT_AUTHENTIC, 1},
		/* unknown fields, inside and outside */
		{{"ui", "c", "", 100, 16, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"iu", "ucuc", "u", 100, 16, 0}, NTS_CLIENT_AUTHENTIC, 2},
		/* what follows the authenticator is nobody's */
		{{"i", "c", "oics", 100, 16, 0}, NTS_CLIENT_AUTHENTIC, 1},
		{{"", "c", "i", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"", "ic", "", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"", NULL, "", 0, 0, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"o", "c", "", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"l", "c", "", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"ii", "c", "", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"oi", "c", "", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"io", "c", "", 100, 16, 0}, NTS_CLIENT_IDENTIFIER, 0},
		{{"i", NULL, "", 0, 0, 0}, NTS_CLIENT_UNAUTHENTICATED, 0},
		{{"ui", NULL, "u", 0, 0, 0}, NTS_CLIENT_UNAUTHENTICATED, 0},
		{{"ic", NULL, "", 100, 0, 0}, NTS_CLIENT_UNAUTHENTICATED, 0},
		{{"is", NULL, "", 0, 0, 0}, NTS_CLIENT_FIELDS, 0},
		{{"s", "c", "", 100, 16, 0}, NTS_CLIENT_FIELDS, 0},
		{{"ci", "c", "", 100, 16, 0}, NTS_CLIENT_CLEAR_COOKIE, 0},
		{{"ic", "", "", 100, 16, 0}, NTS_CLIENT_CLEAR_COOKIE, 0},
	};
	struct nts_client c;
	struct asked a;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(judge_form(&c, &a, &table[i].form), table[i].verdict);
		assert_int_equal(c.cookies, 2 + table[i].cookies);
		for (unsigned k = 2; k < c.cookies; k++)
			assert_int_equal(c.cookie[k].size, table[i].form.cookie);
	}
}

/* Where there are too many cookies, the oldest go. */
static void test_newest_cookies_stay(void **state)
{
	const struct form seven = {"i", "ccccccc", "", 100, 16, 0};
	struct nts_client c, before;
	struct asked a;
	struct making m;

	(void)state;
	associate(&c, 3, 104);
	before = c;
	ask(&a, &c);
	make(&m, &c, &a, &seven);
	assert_int_equal(judge(&c, &a, m.octets, m.size), NTS_CLIENT_AUTHENTIC);
	assert_int_equal(c.cookies, KE_COOKIES);
	assert_memory_equal(&c.cookie[0], &before.cookie[2], sizeof(c.cookie[0]));
	for (unsigned i = 1; i < KE_COOKIES; i++)
		assert_int_equal(c.cookie[i].size, 100);
}

static void test_naks(void **state)
{
	static const char *const codes[] = {"NTSN", "RATE", "NTSn", "DENY"};
	const struct form bare = {"i", NULL, "", 0, 0, 0}, sealed = {"i", "", "", 0, 16, 0};
	struct nts_client c;
	struct asked a;
	struct making m;

	(void)state;
	associate(&c, 3, COOKIE_SIZE);
	ask(&a, &c);
	make(&m, &c, &a, &bare);
	for (unsigned stratum = 0; stratum <= 16; stratum++)
		for (size_t i = 0; i < 4; i++) {
			m.octets[1] = (uint8_t)stratum;
			memcpy(m.octets + 12, codes[i], 4);
			assert_int_equal(judge(&c, &a, m.octets, m.size),
				stratum == 0 && i == 0 ? NTS_CLIENT_NAK : NTS_CLIENT_UNAUTHENTICATED);
		}
	/* with another's identifier it is nobody's */
	m.octets[NTP_HEADER_SIZE + 10] ^= 1;
	assert_int_equal(judge(&c, &a, m.octets, m.size), NTS_CLIENT_IDENTIFIER);
	/* what says NTSN but has an authenticator is judged by that */
	make(&m, &c, &a, &sealed);
	m.octets[1] = 0;
	memcpy(m.octets + 12, "NTSN", 4);
	assert_int_equal(judge(&c, &a, m.octets, m.size), NTS_CLIENT_FORGED);
}

/* The server's own kiss. */
static void test_our_kiss(void **state)
{
	uint8_t octets[PACKET_MAX];
	struct nts_client c;
	struct asked a;
	struct nts_request r;

	(void)state;
	associate(&c, 3, COOKIE_SIZE);
	ask(&a, &c);
	r = serve(&a, &c);
	memset(octets, 0, NTP_HEADER_SIZE);
	memcpy(octets + 12, "NTSN", 4);
	assert_int_equal(judge(&c, &a, octets, nts_echo_write(octets, &r, a.octets)), NTS_CLIENT_NAK);
	assert_int_equal(c.cookies, 2);
}

/* Every length that the authenticator's nonce and ciphertext can claim. */
static void test_authenticator_lengths(void **state)
{
	const struct form usual = {"i", "c", "", 100, 16, 0};
	struct nts_client c;
	struct asked a;
	struct making m;

	(void)state;
	associate(&c, 3, COOKIE_SIZE);
	ask(&a, &c);
	make(&m, &c, &a, &usual);
	for (unsigned claim = 0; claim <= UINT16_MAX; claim++) {
		store_be16(m.octets + 88, (uint16_t)claim);
		if (claim != 16)
			assert_int_equal(judge(&c, &a, m.octets, m.size), NTS_CLIENT_FORGED);
		store_be16(m.octets + 88, 16);
		store_be16(m.octets + 90, (uint16_t)claim);
		if (claim != 120)
			assert_int_equal(judge(&c, &a, m.octets, m.size), NTS_CLIENT_FORGED);
		store_be16(m.octets + 90, 120);
	}
	assert_int_equal(judge(&c, &a, m.octets, m.size), NTS_CLIENT_AUTHENTIC);
}

static void test_sizes(void **state)
{
	static uint8_t large[UINT16_MAX + 5];
	struct nts_client c;
	struct asked a;

	(void)state;
	associate(&c, 3, COOKIE_SIZE);
	ask(&a, &c);
	for (size_t size = 0; size < NTP_HEADER_SIZE; size++)
		assert_int_equal(judge(&c, &a, large, size), NTS_CLIENT_FIELDS);
	assert_int_equal(judge(&c, &a, large, NTP_HEADER_SIZE), NTS_CLIENT_IDENTIFIER);
	assert_int_equal(judge(&c, &a, large, sizeof(large)), NTS_CLIENT_FIELDS);
}

static int set_up(void **state)
{
	(void)state;
	state64 = 8915;
	siv = siv_new(siv_backend_best());
	return siv ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	siv_free(siv);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_no_cookie_no_request),
		cmocka_unit_test(test_replies_verify),
		cmocka_unit_test(test_cookies_are_used_once),
		cmocka_unit_test(test_client_of_a_load),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_reply_to_another_request),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_newest_cookies_stay),
		cmocka_unit_test(test_naks),
		cmocka_unit_test(test_our_kiss),
		cmocka_unit_test(test_authenticator_lengths),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
