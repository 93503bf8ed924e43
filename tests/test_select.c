/* Which sources agree: refclock/select.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "refclock/select.h"
#include "tests/sim/noise.h"

static struct candidate at(double offset, double error)
{
	return (struct candidate){.offset = offset, .error = error, .usable = true};
}

static void test_majority(void **state)
{
	struct candidate c[] = {at(0, 1), at(0.5, 1), at(10, 1)};

	(void)state;
	assert_int_equal(select_truechimers(c, 3, 1), 2);
	assert_true(c[0].truechimer && c[1].truechimer && !c[2].truechimer);
	assert_int_equal(select_truechimers(c, 3, 3), 0);
	assert_false(c[0].truechimer);
	assert_int_equal(select_truechimers(c, 1, 1), 1);
	assert_int_equal(select_truechimers(c, 0, 1), 0);
	c[2].usable = false;
	assert_int_equal(select_truechimers(c, 3, 2), 2);
}

static void test_tie(void **state)
{
	struct candidate c[] = {at(0, 1), at(3, 1), at(1.5, 0.5)};

	(void)state;
	assert_int_equal(select_truechimers(c, 2, 1), 0);
	/* The third touches both ends: it agrees with each, and they do not with each other. */
	assert_true(select_truechimers(c, 3, 1) >= 2);
	assert_true(c[2].truechimer);
}

/* Intervals that touch agree, in whatever order they come. */
static void test_touch(void **state)
{
	struct candidate c[] = {at(2, 1), at(0, 1)};

	(void)state;
	assert_int_equal(select_truechimers(c, 2, 1), 2);
	c[0] = at(0, 1);
	c[1] = at(2, 1);
	assert_int_equal(select_truechimers(c, 2, 1), 2);
	c[1].offset = 2.001;
	assert_int_equal(select_truechimers(c, 2, 1), 0);
}

static void test_trust(void **state)
{
	struct candidate c[] = {at(0, 1), at(10, 1), at(10.5, 1), at(0.5, 1)};

	(void)state;
	c[0].trust = true;
	assert_int_equal(select_truechimers(c, 4, 1), 2);
	assert_true(c[0].truechimer && c[3].truechimer && !c[1].truechimer);
	/* Two that are trusted and disagree leave nothing to go by. */
	c[1].trust = true;
	assert_int_equal(select_truechimers(c, 4, 1), 0);
}

static void test_require(void **state)
{
	struct candidate c[] = {at(0, 1), at(0.1, 1), at(10, 1)};

	(void)state;
	c[2].require = true;
	assert_int_equal(select_truechimers(c, 3, 1), 0);
	c[0].require = true;
	assert_int_equal(select_truechimers(c, 3, 1), 2);
}

static void test_best(void **state)
{
	struct candidate c[] = {at(0, 1), at(0, 0.6), at(0, 0.1)};

	(void)state;
	assert_int_equal(select_best(c, 3, -1), -1);
	assert_int_equal(select_truechimers(c, 3, 1), 3);
	assert_int_equal(select_best(c, 3, -1), 2);
	assert_int_equal(select_best(c, 2, 0), 0);
	assert_int_equal(select_best(c, 3, 0), 2);
	c[0].prefer = true;
	assert_int_equal(select_best(c, 3, 2), 0);
	assert_int_equal(select_best(c, 3, 99), 0);
	/* Of two that are preferred the better; neither gives way to what is not. */
	c[1].prefer = true;
	assert_int_equal(select_best(c, 3, -1), 1);
	assert_int_equal(select_best(c, 3, 2), 1);
	/* Kept also from the first, but not when that halves the error. */
	assert_int_equal(select_best(c, 2, 0), 0);
	c[0] = at(0, 0.6);
	c[1] = at(0, 1);
	select_truechimers(c, 2, 1);
	assert_int_equal(select_best(c, 2, 1), 1);
	c[0].error = 0.5;
	assert_int_equal(select_best(c, 2, 1), 0);
	assert_int_equal(select_best(c, 2, 2), 0);
}

/* As long as more than half of the intervals hold true time, no truechimer is far from it. */
static void test_random(void **state)
{
	struct candidate c[SOURCES_MAX];
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		int n = 1 + (int)noise_below(&seed, SOURCES_MAX), liars = (n - 1) / 2, agree;

		for (int i = 0; i < n; i++) {
			double error = noise_scale(&seed, 1e-7, 1);
			double off =
				i < liars ? noise_between(&seed, -3, 3) : error * noise_between(&seed, -1, 1);

			c[i] = at(off, error);
		}
		agree = select_truechimers(c, n, 1);
		assert_true(agree * 2 > n);
		assert_true(select_best(c, n, -1) >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_majority),
		cmocka_unit_test(test_tie),
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_require),
		cmocka_unit_test(test_best),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
