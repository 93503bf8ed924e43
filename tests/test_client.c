/* The client's request and its judgement of replies: ntp/client.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/client.h"

enum { ROUNDS = 200000 };

/* A stratum 1 server that is 1.125 s ahead, with a delay of 0.25 s, and took 0.25 s to answer. */
static const uint8_t golden[NTP_HEADER_SIZE] = {
	0x24, 1, 6, 0xe9,       /* leap 0, version 4, mode 4; poll 64 s; precision 2^-23 */
	0x00, 0x00, 0x80, 0x00, /* root delay 0.5 s */
	0x00, 0x01, 0x40, 0x00, /* root dispersion 1.25 s */
	'G', 'P', 'S', 0,       /* reference id */
	0xdf, 0xff, 0xff, 0xf0, 0x00, 0x00, 0x00, 0x00, /* reference */
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, /* origin: the cookie */
	0xe0, 0x00, 0x00, 0x01, 0x40, 0x00, 0x00, 0x00, /* receive */
	0xe0, 0x00, 0x00, 0x01, 0x80, 0x00, 0x00, 0x00, /* transmit */
};
static const ntp64 golden_t1 = UINT64_C(0xe000000000000000), golden_t4 = UINT64_C(0xe000000080000000);

static struct client_request golden_request(void)
{
	struct client_request request = {.version = 4, .poll = 6};

	memcpy(&request.cookie, golden + 24, sizeof(request.cookie));
	return request;
}

static enum client_verdict judge_at(
	struct client_reply *reply, const struct ntp_header *header, size_t size, ntp64 t1, ntp64 t4)
{
	struct client_request request = golden_request();
	uint8_t octets[NTP_HEADER_SIZE + 64] = {0};
	uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees a read past the end */
	enum client_verdict verdict;

	memcpy(octets, header, sizeof(*header));
	memcpy(exact, octets, size);
	verdict = client_judge(reply, &request, exact, size, t1, t4);
	free(exact);
	assert_int_equal(verdict, reply->verdict);
	return verdict;
}

static struct ntp_header golden_header(void)
{
	struct ntp_header header;

	memcpy(&header, golden, sizeof(header));
	return header;
}

/* The golden reply with one change, judged. */
#define assert_verdict_with(change, expected)                                                             \
	do {                                                                                              \
		struct ntp_header h = golden_header();                                                    \
		struct client_reply judged;                                                               \
		change;                                                                                   \
		assert_string_equal(                                                                      \
			client_verdict_info[judge_at(&judged, &h, sizeof(h), golden_t1, golden_t4)].name, \
			expected);                                                                        \
	} while (0)

static void test_request_tells_nothing_else(void **state)
{
	static const uint8_t expected[NTP_HEADER_SIZE] = {[0] = 0x1b,
		[2] = 10,
		[40] = 1,
		[41] = 2,
		[42] = 3,
		[43] = 4,
		[44] = 5,
		[45] = 6,
		[46] = 7,
		[47] = 8};
	struct client_request request = {.version = 3, .poll = 10};
	uint8_t octets[NTP_HEADER_SIZE];

	(void)state;
	memcpy(&request.cookie, expected + 40, 8);
	client_request_write(octets, &request);
	assert_memory_equal(octets, expected, sizeof(octets));
}

static void test_golden(void **state)
{
	struct ntp_header header = golden_header();
	struct client_reply r;

	(void)state;
	assert_int_equal(judge_at(&r, &header, sizeof(header), golden_t1, golden_t4), CLIENT_ANSWERED);
	assert_true(r.offset == 1.125);
	assert_true(r.delay == 0.25);
	assert_true(client_error_bound(&r) == 0.125 + 0.25 + 1.25);
	assert_int_equal(r.leap, NTP_LEAP_NONE);
	assert_int_equal(r.version, 4);
	assert_int_equal(r.stratum, 1);
	assert_int_equal(r.poll, 6);
	assert_int_equal(r.precision, -23);
	assert_int_equal(r.root_delay, 0x8000);
	assert_int_equal(r.root_dispersion, 0x14000);
	assert_memory_equal(r.refid, "GPS", 4);
	assert_int_equal(r.reference, UINT64_C(0xdffffff000000000));
	assert_int_equal(r.receive, UINT64_C(0xe000000140000000));
	assert_int_equal(r.transmit, UINT64_C(0xe000000180000000));
	assert_string_equal(r.kiss, "");
}

static void test_lengths(void **state)
{
	struct ntp_header header = golden_header();
	struct client_reply r;

	(void)state;
	for (size_t size = 0; size < NTP_HEADER_SIZE; size++) {
		assert_int_equal(judge_at(&r, &header, size, golden_t1, golden_t4), CLIENT_SHORT);
		assert_int_equal(r.stratum, 0);
	}
	for (size_t size = NTP_HEADER_SIZE; size <= NTP_HEADER_SIZE + 64; size++)
		assert_int_equal(judge_at(&r, &header, size, golden_t1, golden_t4),
			size % 4 ? CLIENT_LENGTH : CLIENT_ANSWERED);
}

static void test_modes_and_versions(void **state)
{
	(void)state;
	for (unsigned mode = 0; mode < 8; mode++)
		assert_verdict_with(
			h.lvm = ntp_lvm(0, 4, mode), mode == NTP_MODE_SERVER ? "answered" : "mode");
	for (unsigned version = 0; version < 8; version++)
		assert_verdict_with(
			h.lvm = ntp_lvm(0, version, NTP_MODE_SERVER), version == 4 ? "answered" : "version");
}

/* Nothing in a reply counts before its origin does. */
static void test_origin(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++)
		assert_verdict_with(h.origin ^= UINT64_C(1) << bit, "origin");
	assert_verdict_with(h.origin = 0, "origin");
	assert_verdict_with((h.origin = 1, h.stratum = 0, memcpy(h.refid, "DENY", 4)), "origin");
}

static void test_kiss(void **state)
{
	struct ntp_header header = golden_header();
	struct client_reply r;

	(void)state;
	header.lvm = ntp_lvm(NTP_LEAP_UNSYNC, 4, NTP_MODE_SERVER);
	header.stratum = 0;
	memcpy(header.refid, "RATE", 4);
	header.receive = header.transmit = 0; /* a kiss need not carry times */
	assert_int_equal(judge_at(&r, &header, sizeof(header), golden_t1, golden_t4), CLIENT_KISS);
	assert_string_equal(r.kiss, "RATE");
	/* not four letters: a server that is merely unsynchronised */
	assert_verdict_with((h.stratum = 0, memset(h.refid, 0, 4)), "unsynchronised");
	assert_verdict_with((h.stratum = 0, memcpy(h.refid, "ABC\200", 4)), "unsynchronised");
	assert_verdict_with((h.stratum = 0, memcpy(h.refid, "ABC", 4)), "unsynchronised");
	/* the letters mean nothing at another stratum */
	assert_verdict_with(memcpy(h.refid, "RATE", 4), "answered");
}

static void test_unsynchronised(void **state)
{
	struct ntp_header header = golden_header();
	struct client_reply r;

	(void)state;
	for (unsigned stratum = 1; stratum < 256; stratum++)
		assert_verdict_with(
			h.stratum = (uint8_t)stratum, stratum <= 15 ? "answered" : "unsynchronised");
	for (unsigned leap = 0; leap < 4; leap++)
		assert_verdict_with(h.lvm = ntp_lvm(leap, 4, 4), leap < 3 ? "answered" : "unsynchronised");
	/* flagged, and still measured; its root is not looked at */
	header.lvm = ntp_lvm(NTP_LEAP_UNSYNC, 4, NTP_MODE_SERVER);
	header.root_dispersion = UINT32_MAX;
	assert_int_equal(judge_at(&r, &header, sizeof(header), golden_t1, golden_t4), CLIENT_UNSYNCHRONISED);
	assert_true(r.offset == 1.125);
	assert_true(r.delay == 0.25);
}

static void test_times(void **state)
{
	(void)state;
	assert_verdict_with(h.transmit = 0, "no-transmit");
	assert_verdict_with(h.receive = 0, "no-receive");
	assert_verdict_with(h.receive = htobe64(be64toh(h.transmit) + 1), "receive-order");
	assert_verdict_with(h.receive = h.transmit, "answered");
	assert_verdict_with(h.reference = h.transmit, "answered");
	assert_verdict_with(h.reference = htobe64(be64toh(h.transmit) + 1), "reference-order");
	assert_verdict_with(h.reference = 0, "answered");
}

static void test_root_distance(void **state)
{
	(void)state;
	assert_verdict_with((h.root_delay = 0, h.root_dispersion = htobe32((16 << 16) - 1)), "answered");
	assert_verdict_with((h.root_delay = 0, h.root_dispersion = htobe32(16 << 16)), "root-distance");
	assert_verdict_with((h.root_delay = htobe32((32 << 16) - 1), h.root_dispersion = 0), "answered");
	assert_verdict_with((h.root_delay = htobe32(32 << 16), h.root_dispersion = 0), "root-distance");
	assert_verdict_with(h.root_delay = h.root_dispersion = UINT32_MAX, "root-distance");
}

/* The server took longer than the exchange by `units`. */
static enum client_verdict judge_negative(int64_t units, int8_t precision, struct client_reply *r)
{
	struct ntp_header header = golden_header();

	header.precision = precision;
	return judge_at(
		r, &header, sizeof(header), golden_t1, golden_t1 + (NTP64_SECOND >> 2) - (uint64_t)units);
}

static void test_negative_delay(void **state)
{
	struct client_reply r;

	(void)state;
	/* as much as the precision may be missing, and no more */
	assert_int_equal(judge_negative(1 << 9, -23, &r), CLIENT_ANSWERED);
	assert_true(r.delay == -1 / 8388608.0);
	assert_true(client_error_bound(&r) == 0.25 + 1.25);
	assert_int_equal(judge_negative((1 << 9) + 1, -23, &r), CLIENT_NEGATIVE_DELAY);
	assert_true(r.delay < 0);
	/* a claim of a coarse precision is not believed without bound */
	assert_int_equal(judge_negative(1 << 26, 127, &r), CLIENT_ANSWERED);
	assert_int_equal(judge_negative((1 << 26) + 1, 127, &r), CLIENT_NEGATIVE_DELAY);
	/* our own clock stepped back during the exchange */
	assert_int_equal(judge_negative(INT64_C(10) << 32, -23, &r), CLIENT_NEGATIVE_DELAY);
}

/* 2036-02-07 06:28:16 UTC, when the seconds wrap to 0, between any two of the four timestamps. */
static void test_era(void **state)
{
	(void)state;
	for (ntp64 shift = 0; shift <= 3 * NTP64_SECOND; shift += NTP64_SECOND / 8) {
		struct ntp_header header = golden_header();
		ntp64 t1 = (ntp64)0 - 2 * NTP64_SECOND + shift + 5, move = t1 - golden_t1;
		struct client_reply r;

		header.reference = htobe64(be64toh(header.reference) + move);
		header.receive = htobe64(be64toh(header.receive) + move);
		header.transmit = htobe64(be64toh(header.transmit) + move);
		assert_int_equal(
			judge_at(&r, &header, sizeof(header), t1, golden_t4 + move), CLIENT_ANSWERED);
		assert_true(r.offset == 1.125);
		assert_true(r.delay == 0.25);
	}
}

/* SplitMix64: the same cases on every machine. */
static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* One exchange whose truth is known: units of 2^-32 s, below 2^51 so that a double holds them exactly. */
static void check_exchange(ntp64 t1, int64_t offset, int64_t outward, int64_t taken, int64_t inward)
{
	struct ntp_header header = golden_header();
	ntp64 t2 = t1 + (uint64_t)offset + (uint64_t)outward, t3 = t2 + (uint64_t)taken;
	struct client_reply r;

	header.receive = htobe64(t2);
	header.transmit = htobe64(t3);
	header.reference = 0;
	assert_int_equal(judge_at(&r, &header, sizeof(header), t1, t1 + (uint64_t)(outward + taken + inward)),
		CLIENT_ANSWERED);
	assert_true(r.offset == (double)(2 * offset + outward - inward) / 8589934592.0);
	assert_true(r.delay == (double)(outward + inward) / 4294967296.0);
}

static void test_exactness(void **state)
{
	uint64_t seed = 2036;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		ntp64 t1 = draw(&seed) | 1;
		int64_t offset = (int64_t)draw(&seed) >> (14 + draw(&seed) % 40);
		int64_t outward = (int64_t)(draw(&seed) >> (29 + draw(&seed) % 20));
		int64_t inward = (int64_t)(draw(&seed) >> (29 + draw(&seed) % 20));

		check_exchange(t1, offset, outward, (int64_t)(draw(&seed) >> 30), inward);
	}
}

/* Two differences of 60 years each: their sum does not fit 64 bits. */
static void test_far_apart(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct ntp_header header = golden_header();
		uint64_t move = (uint64_t)(sign * INT64_C(1900000000)) << 32;
		struct client_reply r;

		header.receive = htobe64(be64toh(header.receive) + move);
		header.transmit = htobe64(be64toh(header.transmit) + move);
		header.reference = 0;
		assert_int_equal(
			judge_at(&r, &header, sizeof(header), golden_t1, golden_t4), CLIENT_ANSWERED);
		assert_true(r.offset == sign * 1900000000.0 + 1.125);
		assert_true(r.delay == 0.25);
	}
}

/* Whatever the octets, an accepted reply keeps what the header of ntp/client.h promises. */
static void check_promises(const struct ntp_header *h, const struct client_reply *r)
{
	assert_in_range(r->verdict, 0, CLIENT_VERDICT_COUNT - 1);
	if (r->verdict > CLIENT_KISS)
		return;
	assert_memory_equal(&h->origin, golden + 24, 8);
	assert_int_equal(h->lvm & 0x3f, 0x24);
	if (r->verdict != CLIENT_ANSWERED)
		return;
	assert_true(h->lvm >> 6 < 3 && h->stratum >= 1 && h->stratum <= 15);
	assert_true(client_error_bound(r) >= 0 && client_error_bound(r) < 16 + r->delay / 2 + 0.001);
	assert_true(r->receive != 0 && r->transmit != 0 && r->delay >= -1 / 64.0);
}

static void test_random_damage(void **state)
{
	uint64_t seed = 5905;
	int answered = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct ntp_header header;
		uint8_t octets[NTP_HEADER_SIZE];
		struct client_reply r;

		memcpy(octets, golden, sizeof(octets));
		for (uint64_t n = draw(&seed) % 4; n > 0; n--)
			octets[draw(&seed) % sizeof(octets)] = (uint8_t)draw(&seed);
		memcpy(&header, octets, sizeof(header));
		answered += judge_at(&r, &header, sizeof(header), golden_t1, golden_t4) == CLIENT_ANSWERED;
		check_promises(&header, &r);
	}
	assert_in_range(answered, ROUNDS / 4, ROUNDS - ROUNDS / 4);
}

static void check_refid(uint8_t stratum, const char *refid, const char *expected)
{
	struct client_reply r = {.stratum = stratum};
	char text[CLIENT_REFID_TEXT];

	memcpy(r.refid, refid, 4);
	client_refid_text(text, &r);
	assert_string_equal(text, expected);
}

static void test_refid_text(void **state)
{
	(void)state;
	check_refid(1, "GPS\0", "GPS");
	check_refid(1, "GPSs", "GPSs");
	check_refid(0, "RATE", "RATE");
	check_refid(0, "\0\0\0\0", "");
	check_refid(1, "G\0PS", "0x47005053");
	check_refid(1, "\033[2J", "0x1b5b324a");
	check_refid(2, "\377\377\377\377", "255.255.255.255");
	check_refid(15, "\177\177\1\1", "127.127.1.1");
}

static void test_verdict_names(void **state)
{
	(void)state;
	for (int i = 0; i < CLIENT_VERDICT_COUNT; i++) {
		const char *name = client_verdict_info[i].name;

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, client_verdict_info[j].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_tells_nothing_else),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_modes_and_versions),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_kiss),
		cmocka_unit_test(test_unsynchronised),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_root_distance),
		cmocka_unit_test(test_negative_delay),
		cmocka_unit_test(test_era),
		cmocka_unit_test(test_exactness),
		cmocka_unit_test(test_far_apart),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_refid_text),
		cmocka_unit_test(test_verdict_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
