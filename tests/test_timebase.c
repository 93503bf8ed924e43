/* The arithmetic of a timebase: refclock/timebase.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "refclock/timebase.h"

/* One tick is 2^32 / 2^31 = 2 units. */
static const struct timebase two_gigahertz = {
	.counter = UINT64_C(1) << 40,
	.time = UINT64_C(0xe0000000) << 32,
	.rate = UINT64_C(2) << TIMEBASE_RATE_SHIFT,
	.counter_hz = UINT64_C(1) << 31,
	.stratum = 1,
};

static void test_time_forwards_and_back(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	assert_true(timebase_time(&tb, tb.counter) == tb.time);
	assert_true(timebase_time(&tb, tb.counter + 5) == tb.time + 10);
	assert_true(timebase_time(&tb, tb.counter - 5) == tb.time - 10);
	assert_true(timebase_time(&tb, tb.counter + tb.counter_hz * 86400) == tb.time + NTP64_SECOND * 86400);
	assert_true(timebase_time(&tb, tb.counter - tb.counter_hz * 86400) == tb.time - NTP64_SECOND * 86400);
}

/* A fraction of a unit is rounded down, on both sides of the base: the line has no kink there. */
static void test_time_rounds_down(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	tb.rate = UINT64_C(3) << (TIMEBASE_RATE_SHIFT - 1);
	assert_true(timebase_time(&tb, tb.counter + 1) == tb.time + 1);
	assert_true(timebase_time(&tb, tb.counter + 2) == tb.time + 3);
	assert_true(timebase_time(&tb, tb.counter - 1) == tb.time - 2);
	assert_true(timebase_time(&tb, tb.counter - 2) == tb.time - 3);
}

static void test_counter_wraps(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	tb.counter = UINT64_MAX - 9;
	assert_true(timebase_time(&tb, 10) == tb.time + 40);
	tb.counter = 10;
	assert_true(timebase_time(&tb, UINT64_MAX - 9) == tb.time - 40);
}

static void test_era_end(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	tb.time = UINT64_MAX - NTP64_SECOND + 1; /* 2036-02-07 06:28:15 UTC */
	assert_true(timebase_time(&tb, tb.counter + tb.counter_hz) == 0);
	assert_true(timebase_time(&tb, tb.counter + tb.counter_hz * 2) == NTP64_SECOND);
	assert_true(timebase_age(&tb, tb.counter + tb.counter_hz * 2) == NTP64_SECOND * 2);
}

static void test_age_is_never_negative(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	assert_true(timebase_age(&tb, tb.counter) == 0);
	assert_true(timebase_age(&tb, tb.counter - 1000000) == 0);
	assert_true(timebase_age(&tb, tb.counter + 7) == 14);
	tb.error_bound = 100;
	tb.error_growth = UINT32_MAX;
	assert_true(timebase_error(&tb, tb.counter - 1000000) == 101);
}

/* Never below the exact product, and at most two units above. */
static void test_growth_against_exact(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		uint64_t age = ((uint64_t)random() << 32 | (uint64_t)random()) >> random() % 63;
		uint32_t growth = (uint32_t)((uint64_t)random() * 2 + 1) >> random() % 32;
		unsigned __int128 exact = (unsigned __int128)age * growth;
		uint64_t up = (uint64_t)(exact >> 32) + ((uint32_t)exact != 0);

		assert_true(timebase_grow(age, growth) >= up);
		assert_true(timebase_grow(age, growth) <= up + 1);
	}
}

static void test_growth_at_the_limits(void **state)
{
	(void)state;
	assert_true(timebase_grow(0, 0) == 1);
	assert_true(timebase_grow(0, UINT32_MAX) == 1);
	/* 68 years, the longest that two timestamps can be apart, at nearly 1 s a second. */
	assert_true(timebase_grow(INT64_MAX, UINT32_MAX) > (uint64_t)INT64_MAX - NTP64_SECOND);
	assert_true(timebase_grow(INT64_MAX, UINT32_MAX) <= INT64_MAX);
	assert_true(timebase_grow(UINT64_MAX, UINT32_MAX) > UINT64_MAX - 2 * NTP64_SECOND);
}

static void test_dispersion_rounds_up(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	/* Each growth adds a unit of rounding. */
	assert_int_equal(timebase_dispersion(&tb, tb.counter), 1);
	tb.error_bound = 0x8000;
	tb.root_dispersion = 0x8000 - 2;
	assert_int_equal(timebase_dispersion(&tb, tb.counter), 1);
	tb.root_dispersion++;
	assert_int_equal(timebase_dispersion(&tb, tb.counter), 2);
}

static void test_dispersion_grows(void **state)
{
	struct timebase tb = two_gigahertz;
	double day;

	(void)state;
	tb.error_growth = tb.dispersion_growth = (uint32_t)(15e-6 * (double)NTP64_SECOND) + 1;
	day = ntp32_to_seconds(timebase_dispersion(&tb, tb.counter + tb.counter_hz * 86400));
	assert_true(day >= 2 * 15e-6 * 86400);
	assert_true(day < 2 * 15e-6 * 86400 + 1e-4);
	tb.root_dispersion = UINT64_C(65535) << 32;
	assert_int_equal(timebase_dispersion(&tb, tb.counter + tb.counter_hz * 86400), UINT32_MAX);
}

static void test_is_synchronised(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	tb.valid_until = tb.counter + 100;
	assert_true(timebase_is_synchronised(&tb, tb.counter));
	assert_true(timebase_is_synchronised(&tb, tb.counter + 99));
	assert_false(timebase_is_synchronised(&tb, tb.counter + 100));
	assert_false(timebase_is_synchronised(&tb, tb.counter + (UINT64_C(1) << 62)));
	tb.leap = NTP_LEAP_UNSYNC;
	assert_false(timebase_is_synchronised(&tb, tb.counter));
	tb.leap = NTP_LEAP_DELETE;
	assert_true(timebase_is_synchronised(&tb, tb.counter));
	tb.stratum = NTP_STRATUM_UNSYNC;
	assert_false(timebase_is_synchronised(&tb, tb.counter));
}

static void test_turn(void **state)
{
	struct timebase tb = two_gigahertz;
	const uint64_t second = tb.counter_hz;

	(void)state;
	tb.leap_at = tb.counter + 3 * second;
	tb.leap = NTP_LEAP_INSERT;
	tb.tai_offset = 37;
	tb.leap_step = (int64_t)NTP64_SECOND;
	assert_true(timebase_time(&tb, tb.leap_at - 1) == tb.time + 3 * NTP64_SECOND - 2);
	assert_true(timebase_time(&tb, tb.leap_at) == tb.time + 2 * NTP64_SECOND);
	assert_true(timebase_line(&tb, tb.leap_at) == tb.time + 3 * NTP64_SECOND);
	assert_true(timebase_time(&tb, tb.leap_at + second) == tb.time + 3 * NTP64_SECOND);
	assert_true(timebase_age(&tb, tb.leap_at) == 3 * NTP64_SECOND);
	assert_int_equal(timebase_leap(&tb, timebase_side(&tb, tb.leap_at - 1)), NTP_LEAP_INSERT);
	assert_int_equal(timebase_leap(&tb, timebase_side(&tb, tb.leap_at)), NTP_LEAP_NONE);
	assert_int_equal(timebase_tai_offset(&tb, timebase_side(&tb, tb.leap_at - 1)), 37);
	assert_int_equal(timebase_tai_offset(&tb, timebase_side(&tb, tb.leap_at)), 38);
	tb.leap_step = -(int64_t)NTP64_SECOND;
	assert_true(timebase_time(&tb, tb.leap_at) == tb.time + 4 * NTP64_SECOND);
	assert_int_equal(timebase_tai_offset(&tb, timebase_side(&tb, tb.leap_at)), 36);
	tb.leap = NTP_LEAP_UNSYNC;
	assert_int_equal(timebase_leap(&tb, timebase_side(&tb, tb.leap_at)), NTP_LEAP_UNSYNC);
	tb.tai_offset = 0;
	assert_int_equal(timebase_tai_offset(&tb, timebase_side(&tb, tb.leap_at)), 0);
	/* Nonsense is no more than nonsense. */
	tb.tai_offset = INT32_MAX;
	assert_int_equal(timebase_tai_offset(&tb, (int64_t)NTP64_SECOND), INT32_MIN);
	assert_int_equal(timebase_tai_offset(&tb, INT64_MIN), -1);
}

/* Without a turn there is one side, wherever leap_at is; with one also where the counter wraps. */
static void test_sides(void **state)
{
	struct timebase tb = two_gigahertz;

	(void)state;
	for (uint64_t counter = 1; counter != 0; counter <<= 1)
		assert_int_equal(timebase_side(&tb, counter), 0);
	tb.leap_step = (int64_t)NTP64_SECOND;
	tb.leap_at = 2;
	assert_int_equal(timebase_side(&tb, UINT64_MAX - 1), 0);
	assert_int_equal(timebase_side(&tb, 1), 0);
	assert_int_equal(timebase_side(&tb, 2), NTP64_SECOND);
	tb.leap_at = UINT64_MAX;
	assert_int_equal(timebase_side(&tb, UINT64_MAX - 1), 0);
	assert_int_equal(timebase_side(&tb, 0), NTP64_SECOND);
}

/* The inverse: the first counter value that comes to the time. */
static void test_counter_at(void **state)
{
	(void)state;
	srand(17);
	for (int i = 0; i < 100000; i++) {
		struct timebase tb = two_gigahertz;
		uint64_t at, far = (uint64_t)rand() << (rand() % 32);

		tb.counter = (uint64_t)rand() << (rand() % 34);
		tb.rate = (UINT64_C(1) << 49) + ((uint64_t)rand() << (rand() % 24));
		at = timebase_counter_at(&tb, rand() % 2 ? tb.time + far : tb.time - far);
		far = timebase_line(&tb, at) - tb.time;
		at = timebase_counter_at(&tb, tb.time + far);
		assert_true(timebase_line(&tb, at) - tb.time == far);
		assert_true(ntp64_diff(timebase_line(&tb, at - 1), tb.time + far) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_forwards_and_back),
		cmocka_unit_test(test_time_rounds_down),
		cmocka_unit_test(test_counter_wraps),
		cmocka_unit_test(test_era_end),
		cmocka_unit_test(test_age_is_never_negative),
		cmocka_unit_test(test_growth_against_exact),
		cmocka_unit_test(test_growth_at_the_limits),
		cmocka_unit_test(test_dispersion_rounds_up),
		cmocka_unit_test(test_dispersion_grows),
		cmocka_unit_test(test_is_synchronised),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_sides),
		cmocka_unit_test(test_counter_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
