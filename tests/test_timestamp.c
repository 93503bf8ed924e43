/* NTP timestamps: ntp/timestamp.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "ntp/timestamp.h"

__extension__ typedef __int128 int128;

enum { ROUNDS = 200000 };

/* SplitMix64: the same cases on every machine. */
static uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Known instants, most of them from RFC 5905 figure 4. */
static void test_known_instants(void **state)
{
	(void)state;
	assert_int_equal(ntp64_from_unix(0, 0), UINT64_C(2208988800) << 32);
	assert_int_equal(ntp64_from_unix(-2208988800, 0), 0); /* 1900-01-01 */
	assert_int_equal(
		ntp64_from_unix(63072000, 0), UINT64_C(2272060800) << 32); /* 1972-01-01: the first UTC day */
	assert_int_equal(ntp64_from_unix(946598400, 0), UINT64_C(3155587200) << 32); /* 1999-12-31 */
	assert_int_equal(ntp64_from_unix(2085978495, 0), UINT64_C(0xffffffff) << 32);
	assert_int_equal(ntp64_from_unix(2085978496, 0), 0); /* 2036-02-07 06:28:16: era 1 */
	assert_int_equal(ntp64_from_unix(2085978497, 500000000), UINT64_C(0x0000000180000000));
}

static void test_nanoseconds_round_to_nearest(void **state)
{
	uint64_t seed = 1588;

	(void)state;
	assert_int_equal(ntp64_from_unix(-2208988800, 999999999), 4294967292); /* 2^32 - 4.29 */
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t ns = (uint32_t)(draw(&seed) % 1000000000);
		uint64_t fraction = ntp64_from_unix(-2208988800, ns);
		int128 error = (int128)fraction * 1000000000 - ((int128)ns << 32);

		assert_true(error >= -500000000 && error <= 500000000);
	}
}

static void test_timespec(void **state)
{
	(void)state;
	assert_int_equal(ntp64_from_timespec((struct timespec){.tv_sec = 1, .tv_nsec = 250000000}),
		ntp64_from_unix(1, 250000000));
}

static void test_difference_across_the_era(void **state)
{
	uint64_t seed = 2036;

	(void)state;
	assert_int_equal(ntp64_diff(0, UINT64_MAX), 1);
	assert_int_equal(ntp64_diff(UINT64_MAX, 0), -1);
	assert_int_equal(ntp64_diff(ntp64_from_unix(2085978500, 0), ntp64_from_unix(2085978490, 0)),
		10 * NTP64_SECOND);
	for (int i = 0; i < ROUNDS; i++) {
		ntp64 b = draw(&seed);
		int64_t d = (int64_t)draw(&seed) >> draw(&seed) % 63;

		assert_true(ntp64_diff(b + (uint64_t)d, b) == d);
	}
}

static void test_interval_to_seconds(void **state)
{
	(void)state;
	assert_true(ntp64_interval_to_seconds(-(int64_t)NTP64_SECOND / 4) == -0.25);
	assert_true(ntp64_interval_to_seconds(1) == 1 / 4294967296.0);
	assert_true(ntp64_interval_to_seconds(INT64_MIN) == -2147483648.0);
}

static void test_short_from_interval(void **state)
{
	uint64_t seed = 4;

	(void)state;
	assert_int_equal(ntp32_from_interval_up(0), 0);
	assert_int_equal(ntp32_from_interval_up(1), 1);
	assert_int_equal(ntp32_from_interval_up(0x10000), 1);
	assert_int_equal(ntp32_from_interval_up(0x10001), 2);
	assert_int_equal(ntp32_from_interval_up(NTP64_SECOND), 0x10000);
	assert_int_equal(ntp32_from_interval_up(UINT64_C(0xffffffff0000)), UINT32_MAX);
	assert_int_equal(ntp32_from_interval_up(UINT64_C(0xffffffff0001)), UINT32_MAX);
	assert_int_equal(ntp32_from_interval_up(UINT64_MAX), UINT32_MAX);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t units = draw(&seed) >> (16 + draw(&seed) % 48);
		uint64_t back = (uint64_t)ntp32_from_interval_up(units) << 16;

		assert_true(units > UINT64_C(0xffffffff0000) || (back >= units && back - units < 0x10000));
	}
}

static void test_short_from_seconds(void **state)
{
	uint64_t seed = 5;

	(void)state;
	assert_int_equal(ntp32_from_seconds_up(0), 0);
	assert_int_equal(ntp32_from_seconds_up(-1), 0);
	assert_int_equal(ntp32_from_seconds_up(1e-12), 1);
	assert_int_equal(ntp32_from_seconds_up(1 / 65536.0), 1);
	assert_int_equal(ntp32_from_seconds_up(0.5), 0x8000);
	assert_int_equal(ntp32_from_seconds_up(65536), UINT32_MAX);
	assert_int_equal(ntp32_from_seconds_up(INFINITY), UINT32_MAX);
	assert_int_equal(ntp32_from_seconds_up(NAN), UINT32_MAX);
	for (int i = 0; i < ROUNDS; i++) {
		double seconds = ldexp((double)(draw(&seed) >> 11), -38 - (int)(draw(&seed) % 40));
		double back = ntp32_to_seconds(ntp32_from_seconds_up(seconds));

		assert_true(seconds >= 65535 || (back >= seconds && back - seconds < 1 / 65536.0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_instants),
		cmocka_unit_test(test_nanoseconds_round_to_nearest),
		cmocka_unit_test(test_timespec),
		cmocka_unit_test(test_difference_across_the_era),
		cmocka_unit_test(test_interval_to_seconds),
		cmocka_unit_test(test_short_from_interval),
		cmocka_unit_test(test_short_from_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
