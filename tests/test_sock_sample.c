/* Datagrams of chrony's SOCK protocol, good ones of both widths and all kinds of bad ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/sock_sample.h"

static const int64_t second = 1795996800; /* 2026-11-30 */

struct wide {
	int64_t seconds, us;
	double offset;
	int32_t pulse, leap, padding, magic;
};
static_assert(sizeof(struct wide) == SOCK_SAMPLE_64, "the protocol's");

struct narrow {
	int32_t seconds, us;
	uint8_t offset[8];
	int32_t pulse, leap, padding, magic;
};
static_assert(sizeof(struct narrow) == SOCK_SAMPLE_32, "the protocol's");

static struct wide usual(void)
{
	return (struct wide){.seconds = second, .us = 250000, .offset = -0.5, .magic = SOCK_SAMPLE_MAGIC};
}

static enum sock_sample_verdict parse(const void *octets, size_t size, ntp64 *kernel, struct measurement *m)
{
	/* A block of its own for the sanitizers. */
	void *block = malloc(size ? size : 1);
	enum sock_sample_verdict verdict;

	assert_non_null(block);
	if (size)
		memcpy(block, octets, size);
	verdict = sock_sample_parse(block, size, kernel, m);
	free(block);
	return verdict;
}

static enum sock_sample_verdict judge(const struct wide *sample)
{
	struct measurement m;
	ntp64 kernel;

	return parse(sample, sizeof(*sample), &kernel, &m);
}

static void test_usual(void **state)
{
	struct wide sample = usual();
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(parse(&sample, sizeof(sample), &kernel, &m), SOCK_SAMPLE_GOOD);
	assert_true(kernel == ntp64_from_unix(second, 250000000));
	assert_true(m.time == ntp64_from_unix(second - 1, 750000000));
	assert_int_equal(m.leap, NTP_LEAP_NONE);
	assert_false(m.pulse);
	assert_in_range(m.error, 1, 5);
	sample.leap = 3;
	assert_int_equal(parse(&sample, sizeof(sample), &kernel, &m), SOCK_SAMPLE_GOOD);
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC);
}

/* The kernel clock was 0.25 s past the second: what chronyd makes of such a sample. */
static void test_pulse(void **state)
{
	struct wide sample = usual();
	struct narrow narrow = {
		.seconds = (int32_t)second, .us = 250000, .pulse = -1, .magic = SOCK_SAMPLE_MAGIC};
	struct measurement m;
	ntp64 kernel;

	(void)state;
	sample.offset = 0.25;
	sample.pulse = 1;
	memcpy(narrow.offset, &sample.offset, sizeof(narrow.offset));
	assert_int_equal(parse(&sample, sizeof(sample), &kernel, &m), SOCK_SAMPLE_GOOD);
	assert_true(kernel == ntp64_from_unix(second, 250000000));
	assert_true(m.pulse);
	assert_int_equal((uint32_t)m.time, 0);
	assert_int_equal(parse(&narrow, sizeof(narrow), &kernel, &m), SOCK_SAMPLE_GOOD);
	assert_true(m.pulse);
	assert_int_equal((uint32_t)m.time, 0);
	sample.offset = NAN;
	assert_int_equal(judge(&sample), SOCK_SAMPLE_OFFSET);
	sample.offset = (double)second + 10; /* before 1970 */
	assert_int_equal(judge(&sample), SOCK_SAMPLE_OFFSET);
}

static void test_of_32_bits(void **state)
{
	struct narrow sample = {
		.seconds = (int32_t)second, .us = 999999, .leap = 1, .magic = SOCK_SAMPLE_MAGIC};
	const double offset = 0.25;
	struct measurement m;
	ntp64 kernel;

	(void)state;
	memcpy(sample.offset, &offset, sizeof(offset));
	assert_int_equal(parse(&sample, sizeof(sample), &kernel, &m), SOCK_SAMPLE_GOOD);
	assert_true(kernel == ntp64_from_unix(second, 999999000));
	assert_true(m.time == kernel + NTP64_SECOND / 4);
	assert_int_equal(m.leap, NTP_LEAP_INSERT);
	sample.seconds = -1;
	assert_int_equal(parse(&sample, sizeof(sample), &kernel, &m), SOCK_SAMPLE_TIME);
}

static void test_lengths(void **state)
{
	uint8_t octets[128] = {0};
	struct wide sample = usual();
	struct measurement m;
	ntp64 kernel;

	(void)state;
	memcpy(octets, &sample, sizeof(sample));
	for (size_t size = 0; size <= sizeof(octets); size++) {
		enum sock_sample_verdict verdict = parse(octets, size, &kernel, &m);

		assert_int_equal(verdict, size == SOCK_SAMPLE_64   ? SOCK_SAMPLE_GOOD
					  : size == SOCK_SAMPLE_32 ? SOCK_SAMPLE_NO_MAGIC
								   : SOCK_SAMPLE_LENGTH);
	}
}

static void test_magic(void **state)
{
	struct wide sample = usual();

	(void)state;
	sample.magic ^= 1;
	assert_int_equal(judge(&sample), SOCK_SAMPLE_NO_MAGIC);
	sample.magic = 0;
	assert_int_equal(judge(&sample), SOCK_SAMPLE_NO_MAGIC);
}

static void test_times(void **state)
{
	const int64_t seconds[] = {-1, INT64_MIN, INT64_MAX, INT64_C(1) << 34};
	const int64_t us[] = {-1, 1000000, INT64_MIN, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct wide sample = usual();

		sample.seconds = seconds[i];
		assert_int_equal(judge(&sample), SOCK_SAMPLE_TIME);
		sample = usual();
		sample.us = us[i];
		assert_int_equal(judge(&sample), SOCK_SAMPLE_TIME);
	}
}

static void test_offsets(void **state)
{
	const double bad[] = {NAN, -NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e18, -2e9, 1.8e10};
	const double good[] = {0, -0.0, 1e-300, 1e9, -1.7e9, 0.999999999, -0.000000001};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wide sample = usual();

		sample.offset = bad[i];
		assert_int_equal(judge(&sample), SOCK_SAMPLE_OFFSET);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct wide sample = usual();

		sample.offset = good[i];
		assert_int_equal(judge(&sample), SOCK_SAMPLE_GOOD);
	}
}

static void test_leap_codes(void **state)
{
	const int32_t bad[] = {-1, 4, INT32_MIN, INT32_MAX};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct wide sample = usual();

		sample.leap = bad[i];
		assert_int_equal(judge(&sample), SOCK_SAMPLE_LEAP);
	}
}

/* The time is the kernel's and the offset, within what the measurement says. */
static void test_random_offsets(void **state)
{
	(void)state;
	srandom(20261130);
	for (int i = 0; i < 50000; i++) {
		struct wide sample = usual();
		const double scale = pow(10, (double)(random() % 18) - 9);
		struct measurement m;
		ntp64 kernel;
		long double wrong;

		sample.us = random() % 1000000;
		sample.offset = scale * ((double)random() / (double)INT32_MAX - 0.5);
		assert_int_equal(parse(&sample, sizeof(sample), &kernel, &m), SOCK_SAMPLE_GOOD);
		wrong = (long double)ntp64_diff(m.time, kernel) - (long double)sample.offset * 4294967296.0L;
		assert_true(fabsl(wrong) <= (long double)m.error);
	}
}

static void test_every_verdict_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SOCK_SAMPLE_VERDICT_COUNT; i++)
		assert_string_not_equal(sock_sample_text(i), "unknown");
	assert_string_equal(sock_sample_text(SOCK_SAMPLE_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_pulse),
		cmocka_unit_test(test_of_32_bits),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_magic),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_leap_codes),
		cmocka_unit_test(test_random_offsets),
		cmocka_unit_test(test_every_verdict_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
