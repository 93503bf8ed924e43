/* Pulses: which are new and how many were lost, and which second they mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "refclock/pulse.h"
#include "refclock/pulses.h"

static void test_one_by_one(void **state)
{
	struct pulses pulses = {.begun = false};

	(void)state;
	assert_int_equal(pulses_look(&pulses, 41), PULSES_FIRST);
	assert_int_equal(pulses_look(&pulses, 41), PULSES_SAME);
	assert_int_equal(pulses_look(&pulses, 42), PULSES_NEW);
	assert_int_equal(pulses_look(&pulses, 42), PULSES_SAME);
	assert_int_equal(pulses_look(&pulses, 45), PULSES_MISSED);
	assert_int_equal(pulses.taken, 2);
	assert_int_equal(pulses.lost, 2);
}

static void test_a_thousand_lost(void **state)
{
	struct pulses pulses = {.begun = false};

	(void)state;
	pulses_look(&pulses, 0);
	assert_int_equal(pulses_look(&pulses, 1001), PULSES_MISSED);
	assert_int_equal(pulses.lost, 1000);
}

static void test_wrap_and_reset(void **state)
{
	struct pulses pulses = {.begun = false};

	(void)state;
	pulses_look(&pulses, UINT32_MAX);
	assert_int_equal(pulses_look(&pulses, 0), PULSES_NEW);
	assert_int_equal(pulses_look(&pulses, 5), PULSES_MISSED);
	assert_int_equal(pulses_look(&pulses, 1), PULSES_RESET);
	assert_int_equal(pulses_look(&pulses, 2), PULSES_NEW);
	assert_int_equal(pulses.lost, 4);
}

/* All pulses are accounted for, however they are looked at. */
static void test_random_looks(void **state)
{
	struct pulses pulses = {.begun = false};
	uint32_t first = UINT32_MAX - 5000, sequence = first;

	(void)state;
	srandom(20261130);
	pulses_look(&pulses, sequence);
	for (int i = 0; i < 20000; i++) {
		uint32_t step = (uint32_t)random() % 4;

		sequence += step;
		assert_int_equal(pulses_look(&pulses, sequence), step == 0   ? PULSES_SAME
								 : step == 1 ? PULSES_NEW
									     : PULSES_MISSED);
	}
	assert_int_equal(pulses.taken + pulses.lost, sequence - first);
}

static ntp64 at(double seconds)
{
	return (ntp64)(int64_t)(seconds * (double)NTP64_SECOND);
}

/* The pulses of that rate and fraction are at `pulse`, by a guess. */
static void assert_marks(double guess, double fraction, double rate, double pulse, bool reached)
{
	ntp64 time;

	assert_int_equal(pulse_number(at(guess), at(fraction), rate, &time), reached);
	assert_in_range(time - at(pulse) + 4, 0, 8);
}

static void test_seconds(void **state)
{
	(void)state;
	assert_marks(100.1, 0, 1, 100, true);
	assert_marks(99.9, 0, 1, 100, true);
	assert_marks(100.199, 0, 1, 100, true);
	assert_marks(100.201, 0, 1, 100, false);
	assert_marks(99.801, 0, 1, 100, true);
	assert_marks(99.799, 0, 1, 100, false);
	assert_marks(100.45, 0, 1, 100, false);
	assert_marks(100.55, 0, 1, 101, false);
	/* The fraction alone counts of what the pulse says. */
	assert_marks(100.3, 7.25, 1, 100.25, true);
	assert_marks(100.1, 0.95, 1, 99.95, true);
	/* Several a second, evenly; and on both sides of an era's end. */
	assert_marks(100.315, 0.3, 10, 100.3, true);
	assert_marks(100.385, 0.3, 10, 100.4, true);
	assert_marks(100.33, 0.3, 10, 100.3, false);
	assert_marks(100.34, 0, 3, 100 + 1.0 / 3, true);
	assert_marks(-0.1, 0, 1, 0, true);
	assert_marks(0.1, 0.95, 1, -0.05, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_a_thousand_lost),
		cmocka_unit_test(test_wrap_and_reset),
		cmocka_unit_test(test_random_looks),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
