#include "refclock/kernel_history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/random.h"

static const double hz = 2.6e9;
static struct kernel_history history;

/* A kernel clock whose rate changes at `turn` (units since the start): the true counter at a time. */
static double counter_at(double units, double turn, double change)
{
	const double ticks = hz / (double)NTP64_SECOND;

	return units < turn ? units * ticks : turn * ticks + (units - turn) * ticks * (1 + change);
}

static const ntp64 start = UINT64_C(0xffffffff00000000); /* the era ends on the way */
static const uint64_t base = UINT64_C(0xfffffffff0000000);

static void fill(int samples, double interval, double turn, double change, uint64_t *random)
{
	kernel_history_clear(&history);
	for (int i = 0; i < samples; i++) {
		const double units = i * interval, half = 100 + (double)(random_next(random) % 50);
		const double off = (double)(int64_t)(random_next(random) % 100) - 50;
		const struct sample s = {
			/* the first may be before the base */
			.counter = base + (uint64_t)(int64_t)counter_at(units + off, turn, change),
			.time = start + (ntp64)units,
			.half = (uint64_t)half,
		};

		kernel_history_add(&history, &s);
	}
}

static void check(double units, double turn, double change)
{
	const double truth = counter_at(units, turn, change);
	uint64_t counter, error;
	double off;

	assert_true(kernel_history_counter(&history, start + (ntp64)units, &counter, &error));
	off = fabs((double)(counter - base) - truth) / hz * (double)NTP64_SECOND;
	assert_true(off <= (double)error);
}

static void test_even(void **state)
{
	const double interval = 0.004 * (double)NTP64_SECOND;
	uint64_t random = 1;

	(void)state;
	fill(5000, interval, 1e18, 0, &random);
	for (int i = 0; i < 20000; i++) {
		const double units = (904.1 + (double)(random_next(&random) % 4094000) / 1000) * interval;
		uint64_t counter, error;

		check(units, 1e18, 0);
		assert_true(kernel_history_counter(&history, start + (ntp64)units, &counter, &error));
		/* Half a sandwich, what the scatter of the samples can be taken for, and rounding; the oldest
		 * ones have few neighbours. */
		assert_true(error < 400 || units < (904 + KERNEL_HISTORY_REACH) * interval);
	}
}

static void test_change_of_rate(void **state)
{
	const double interval = 0.004 * (double)NTP64_SECOND;
	uint64_t random = 2;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		const double turn = (100 + (double)(random_next(&random) % 1000) / 1000) * interval;
		const double change = ((double)(random_next(&random) % 1000) - 500) * 1e-6;

		fill(103, interval, turn, change, &random);
		for (int k = 0; k < 20; k++)
			check((99 + (double)(random_next(&random) % 3000) / 1000) * interval, turn, change);
	}
}

static void test_out_of_reach(void **state)
{
	const double interval = 0.004 * (double)NTP64_SECOND;
	uint64_t random = 3, counter, error;
	struct sample back;

	(void)state;
	kernel_history_clear(&history);
	assert_false(kernel_history_counter(&history, start, &counter, &error));
	fill(1, interval, 1e18, 0, &random);
	assert_false(kernel_history_counter(&history, start, &counter, &error));
	fill(5000, interval, 1e18, 0, &random);
	assert_false(kernel_history_counter(&history, start, &counter, &error));
	assert_false(kernel_history_counter(&history, start + (ntp64)(903.5 * interval), &counter, &error));
	assert_true(kernel_history_counter(&history, start + (ntp64)(904.5 * interval), &counter, &error));
	assert_true(kernel_history_counter(&history, start + (ntp64)(4999.9 * interval), &counter, &error));
	assert_false(kernel_history_counter(&history, start + (ntp64)(5000.1 * interval), &counter, &error));
	assert_false(kernel_history_counter(&history, start + (UINT64_C(1) << 63), &counter, &error));
	/* A clock that was set back. */
	back = history.sample[(history.taken - 1) % KERNEL_HISTORY_SAMPLES];
	back.counter += 1000;
	back.time -= NTP64_SECOND;
	kernel_history_add(&history, &back);
	assert_int_equal(history.taken, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_change_of_rate),
		cmocka_unit_test(test_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
