/* Sequence numbers of pulses: which are new, and how many were lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_a_thousand_lost),
		cmocka_unit_test(test_wrap_and_reset),
		cmocka_unit_test(test_random_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
