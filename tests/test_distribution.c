/* Distributions of times, beside the sorted values themselves: bench/distribution.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/distribution.h"
#include "bench/random.h"

enum { VALUES = 20000 };

static struct distribution one, two, both;
static uint64_t values[VALUES];

static void clear(void)
{
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	memset(&both, 0, sizeof(both));
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The bin of a value by search, which knows only the bounds. */
static unsigned plain_bin(uint64_t value)
{
	unsigned low = 0, high = DISTRIBUTION_BINS - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		uint64_t from, to;

		distribution_bounds(middle, &from, &to);
		if (value < to)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void test_bounds_cover(void **state)
{
	uint64_t next = 0;

	(void)state;
	for (unsigned bin = 0; bin < DISTRIBUTION_BINS; bin++) {
		uint64_t from, to;

		distribution_bounds(bin, &from, &to);
		assert_int_equal(from, next);
		assert_true(to > from);
		assert_true(to - from == 1 || (to - from) * DISTRIBUTION_PARTS <= from);
		next = to;
	}
	assert_int_equal(next, UINT64_C(1) << DISTRIBUTION_POWERS);
}

static void assert_lands(uint64_t value, unsigned bin)
{
	clear();
	distribution_add(&one, value);
	assert_int_equal(one.bin[bin], 1);
}

static void test_each_bin_takes_its_ends(void **state)
{
	(void)state;
	for (unsigned bin = 0; bin < DISTRIBUTION_BINS; bin++) {
		uint64_t from, to;

		distribution_bounds(bin, &from, &to);
		assert_lands(from, bin);
		assert_lands(to - 1, bin);
	}
}

/* Of all sizes: as many digits are likely as few. */
static uint64_t any_size(uint64_t *seed)
{
	uint64_t value = random_next(seed);

	return value >> (16 + random_next(seed) % 48);
}

/* Like latencies: some microseconds, and a long tail. */
static uint64_t latency(uint64_t *seed)
{
	return (uint64_t)(5000 * pow(random_unit(seed), -1.2));
}

static void assert_percentile(const struct distribution *d, unsigned count, unsigned permille)
{
	unsigned rank = (count * permille + 999) / 1000;
	uint64_t exact = values[rank ? rank - 1 : 0], got = distribution_at(d, permille / 1000.0), from, to;

	distribution_bounds(plain_bin(exact), &from, &to);
	assert_true(got >= exact);
	assert_true(got < to);
	assert_true(got <= d->most);
	assert_true((double)(got - exact) <= (double)exact / DISTRIBUTION_PARTS);
}

static void check_percentiles(uint64_t (*draw)(uint64_t *), unsigned count, uint64_t seed)
{
	double sum = 0;

	clear();
	for (unsigned i = 0; i < count; i++) {
		values[i] = draw(&seed);
		sum += (double)values[i];
		distribution_add(&one, values[i]);
	}
	qsort(values, count, sizeof(values[0]), compare);
	assert_int_equal(one.count, count);
	assert_int_equal(one.least, values[0]);
	assert_int_equal(one.most, values[count - 1]);
	assert_true(fabs(distribution_mean(&one) - sum / count) <= 1e-12 * sum / count);
	for (unsigned permille = 1; permille <= 1000; permille++)
		assert_percentile(&one, count, permille);
	assert_int_equal(distribution_at(&one, 1), values[count - 1]);
	assert_int_equal(distribution_at(&one, 0), values[0]);
}

static void test_percentiles(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= 100; count++)
		check_percentiles(any_size, count, count);
	check_percentiles(any_size, VALUES, 1);
	check_percentiles(latency, VALUES, 2);
}

/* All bins that hold something are those of the values, each as often. */
static void test_bins_beside_a_search(void **state)
{
	static uint64_t expected[DISTRIBUTION_BINS];
	uint64_t seed = 3;

	(void)state;
	clear();
	memset(expected, 0, sizeof(expected));
	for (unsigned i = 0; i < VALUES; i++) {
		uint64_t value = any_size(&seed);

		distribution_add(&one, value);
		expected[plain_bin(value)]++;
	}
	assert_memory_equal(one.bin, expected, sizeof(expected));
}

static void assert_same(const struct distribution *a, const struct distribution *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->least, b->least);
	assert_int_equal(a->most, b->most);
	assert_true(fabs(a->sum - b->sum) <= 1e-12 * b->sum);
	assert_memory_equal(a->bin, b->bin, sizeof(a->bin));
}

static void test_merge_is_adding_all(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		unsigned share = round % 3; /* also where one of them has none */

		clear();
		for (unsigned i = 0; i < 1000; i++) {
			uint64_t value = round % 2 ? any_size(&seed) : latency(&seed);

			distribution_add(&both, value);
			distribution_add(random_next(&seed) % 2 < share ? &one : &two, value);
		}
		distribution_merge(&one, &two);
		assert_same(&one, &both);
	}
}

static void test_none(void **state)
{
	(void)state;
	clear();
	distribution_merge(&one, &two);
	assert_same(&one, &both);
	for (double share = -1; share <= 2; share += 0.5)
		assert_int_equal(distribution_at(&one, share), 0);
	assert_true(distribution_mean(&one) == 0);
}

static void test_extremes(void **state)
{
	uint64_t from, to;

	(void)state;
	clear();
	distribution_add(&one, UINT64_MAX);
	assert_int_equal(one.least, UINT64_MAX);
	assert_int_equal(one.most, UINT64_MAX);
	assert_int_equal(one.bin[DISTRIBUTION_BINS - 1], 1);
	assert_int_equal(distribution_at(&one, 0.5), UINT64_MAX);
	distribution_add(&one, 0);
	assert_int_equal(one.least, 0);
	assert_int_equal(one.bin[0], 1);
	assert_int_equal(distribution_at(&one, 0.5), 0);
	assert_int_equal(distribution_at(&one, 0.51), UINT64_MAX);
	assert_int_equal(distribution_at(&one, NAN), 0);
	assert_true(distribution_mean(&one) == 0x1p63);
	distribution_bounds(UINT32_MAX, &from, &to);
	assert_int_equal(to, UINT64_C(1) << DISTRIBUTION_POWERS);
}

/* Shares that are no binary fractions count as people mean them. */
static void test_round_shares(void **state)
{
	(void)state;
	clear();
	for (unsigned i = 1; i <= 100; i++)
		distribution_add(&one, i);
	for (unsigned i = 1; i <= 100; i++)
		assert_int_equal(distribution_at(&one, i / 100.0), i);
	assert_int_equal(distribution_at(&one, 0.0701), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_cover),
		cmocka_unit_test(test_each_bin_takes_its_ends),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_bins_beside_a_search),
		cmocka_unit_test(test_merge_is_adding_all),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_round_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
