/* When a load asks, beside what its statistics must be: bench/arrival.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/arrival.h"
#include "bench/random.h"

enum { GAPS = 100000 };

static struct arrival started(const struct arrival_settings *settings)
{
	struct arrival arrival;
	char text[160];

	assert_true(arrival_init(&arrival, settings, text, sizeof(text)));
	return arrival;
}

/* The n-th of evenly spaced times is the nearest ns to n / rate, by integers. */
static void check_steady(uint64_t rate, uint64_t steps)
{
	struct arrival arrival = started(&(struct arrival_settings){.rate = (double)rate});
	uint64_t worst = 0;

	for (uint64_t n = 0; n < steps; n++) {
		int64_t off = (int64_t)(arrival_next(&arrival) * rate - n * UINT64_C(1000000000));
		uint64_t size = (uint64_t)llabs(off);

		worst = size > worst ? size : worst;
	}
	assert_true((double)worst <= (double)rate / 2 * 1.0001);
}

static void test_steady_does_not_drift(void **state)
{
	(void)state;
	check_steady(1000000, 10000001); /* 1000 ns: exactly */
	check_steady(3000001, 10000001);
	check_steady(7, 1000);
	check_steady(999999937, 100000);
	check_steady(1000000000, 100000);
}

static void test_steady_slow(void **state)
{
	struct arrival arrival = started(&(struct arrival_settings){.rate = 0.001});

	(void)state;
	for (uint64_t n = 0; n < 1000; n++)
		assert_int_equal(arrival_next(&arrival), n * UINT64_C(1000000000000));
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The largest distance of the gaps' distribution from the exponential one (Kolmogorov, Smirnov). */
static double distance(double *gaps, double rate)
{
	double worst = 0;

	qsort(gaps, GAPS, sizeof(gaps[0]), compare);
	for (unsigned i = 0; i < GAPS; i++) {
		double expected = -expm1(-gaps[i] * rate / 1e9);

		worst = fmax(worst, fmax(expected - (double)i / GAPS, (i + 1.0) / GAPS - expected));
	}
	return worst;
}

/* Mean and variance within five deviations, the distance within what happens once in a million. */
static void check_exponential(struct arrival *arrival, double rate)
{
	static double gaps[GAPS];
	uint64_t last = arrival_next(arrival);
	double sum = 0, squares = 0, mean, variance;

	for (unsigned i = 0; i < GAPS; i++) {
		uint64_t next = arrival_next(arrival);

		assert_true(next >= last);
		gaps[i] = (double)(next - last);
		sum += gaps[i] * rate / 1e9;
		squares += gaps[i] * gaps[i] * rate * rate / 1e18;
		last = next;
	}
	mean = sum / GAPS;
	variance = squares / GAPS - mean * mean;
	assert_true(fabs(mean - 1) < 5 / sqrt(GAPS));
	assert_true(fabs(variance - 1) < 5 * sqrt(8.0 / GAPS));
	assert_true(distance(gaps, rate) < sqrt(log(2e6) / 2 / GAPS));
}

static void test_poisson_gaps(void **state)
{
	static const double rates[] = {0.001, 1, 1234.5, 100000};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct arrival_settings settings = {ARRIVAL_POISSON, .rate = rates[i % 4], .seed = i / 4};
		struct arrival arrival = started(&settings);

		check_exponential(&arrival, settings.rate);
	}
}

/* As many in each second as chance wants: the variance of the counts is their mean. */
static void check_counts(const uint32_t *counts, unsigned size, double expected)
{
	double sum = 0, squares = 0, mean;

	for (unsigned i = 0; i < size; i++) {
		sum += counts[i];
		squares += (counts[i] - expected) * (counts[i] - expected);
	}
	mean = sum / size;
	assert_true(fabs(mean - expected) < 5 * sqrt(expected / size));
	assert_true(fabs(squares / size / expected - 1) < 5 * sqrt(2.0 / size));
}

/* Requests per second of `seconds`, which the counts have room for. */
static void count_seconds(struct arrival *arrival, uint32_t *counts, unsigned seconds)
{
	uint64_t last = 0, next;

	memset(counts, 0, seconds * sizeof(counts[0]));
	while ((next = arrival_next(arrival)) < seconds * UINT64_C(1000000000)) {
		assert_true(next >= last);
		last = next;
		counts[next / UINT64_C(1000000000)]++;
	}
}

static void test_poisson_counts(void **state)
{
	static uint32_t counts[2000];
	struct arrival arrival =
		started(&(struct arrival_settings){ARRIVAL_POISSON, .rate = 500, .seed = 11});

	(void)state;
	count_seconds(&arrival, counts, 2000);
	check_counts(counts, 2000, 500);
}

static uint64_t gap(struct arrival *arrival, uint64_t *last)
{
	uint64_t before = *last;

	return (*last = arrival_next(arrival)) - before;
}

/* The same seed is the same load, another is another: even where it is the generator's next state. */
static void test_seeds(void **state)
{
	struct arrival_settings settings = {ARRIVAL_POISSON, .rate = 1000, .seed = 1};
	struct arrival one = started(&settings), same = started(&settings), other;
	uint64_t last[3] = {0}, generator = 1;
	unsigned equal = 0;

	(void)state;
	(void)random_next(&generator);
	settings.seed = generator;
	other = started(&settings);
	assert_int_equal(gap(&one, &last[0]), gap(&same, &last[1]));
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t expected = gap(&one, &last[0]);

		assert_int_equal(gap(&same, &last[1]), expected);
		equal += labs((long)(gap(&other, &last[2]) - expected)) <= 1;
	}
	assert_true(equal < 10);
}

/* 6000 s of the pool with its defaults: ten turns, in each 240 s quiet, 120 s tenfold, 240 s quiet. */
static void test_pool_peaks(void **state)
{
	static uint32_t counts[6000], part[6000];
	struct arrival arrival = started(&(struct arrival_settings){ARRIVAL_POOL, .rate = 280, .seed = 5});
	double sum = 0;
	unsigned high = 0, low = 0;

	(void)state;
	assert_true(fabs(arrival.base - 100) < 1e-9);
	count_seconds(&arrival, counts, 6000);
	for (unsigned second = 0; second < 6000; second++)
		sum += counts[second];
	assert_true(fabs(sum / 6000 - 280) < 5 * sqrt(280.0 / 6000));
	for (unsigned second = 0; second < 6000; second++)
		if (second % 600 >= 240 && second % 600 < 360)
			part[high++] = counts[second];
	check_counts(part, high, 1000);
	for (unsigned second = 0; second < 6000; second++)
		if (second % 600 < 240 || second % 600 >= 360)
			part[low++] = counts[second];
	check_counts(part, low, 100);
}

/* A peak as high as the rest is Poisson, however its turns lie. */
static void test_pool_without_peak(void **state)
{
	static const double turns[][2] = {{0.001, 0.0011}, {0.5, 1.5}, {120, 600}, {1, 1e6}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct arrival_settings settings = {ARRIVAL_POOL, .rate = 2000, .peak = 1,
			.peak_s = turns[i][0], .every_s = turns[i][1], .seed = i};
		struct arrival arrival = started(&settings);

		check_exponential(&arrival, settings.rate);
	}
}

/* Turns far shorter than a gap, and the steepest peaks: still in order, and of the right mean. */
static void test_pool_extremes(void **state)
{
	static const struct arrival_settings extremes[] = {
		{ARRIVAL_POOL, .rate = 0.001, .peak = 100, .peak_s = 0.001, .every_s = 0.0011},
		{ARRIVAL_POOL, .rate = 0.001, .peak = 100, .peak_s = 0.001, .every_s = 1000},
		{ARRIVAL_POOL, .rate = 1e6, .peak = 100, .peak_s = 0.001, .every_s = 0.1},
		{ARRIVAL_POOL, .rate = 1000, .peak = 100, .peak_s = 0.099, .every_s = 0.1},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		struct arrival arrival = started(&extremes[i]);
		uint64_t last = 0;

		for (unsigned n = 0; n < GAPS; n++) {
			uint64_t next = arrival_next(&arrival);

			assert_true(next >= last);
			last = next;
		}
		assert_true(fabs((double)last * extremes[i].rate / 1e9 / GAPS - 1) < 6 / sqrt(GAPS) + 0.001);
	}
}

static void check_bursts(uint32_t burst, uint32_t expected, uint64_t rate)
{
	struct arrival arrival =
		started(&(struct arrival_settings){ARRIVAL_BURST, .rate = (double)rate, .burst = burst});

	for (uint64_t n = 0; n < 3000; n++) {
		uint64_t at = arrival_next(&arrival), first = n / expected * expected;

		assert_true(fabs((double)at - (double)first * 1e9 / (double)rate) <= 0.501);
	}
}

static void test_bursts(void **state)
{
	(void)state;
	check_bursts(0, 32, 1000);
	check_bursts(1, 1, 1000);
	check_bursts(7, 7, 3);
	check_bursts(1000000, 1000000, 1000000000);
}

static void test_steady_rate_change(void **state)
{
	struct arrival arrival = started(&(struct arrival_settings){.rate = 1000});

	(void)state;
	arrival_rate(&arrival, 500); /* before the first */
	for (uint64_t n = 0; n < 10; n++)
		assert_int_equal(arrival_next(&arrival), n * 2000000);
	arrival_rate(&arrival, 3);
	arrival_rate(&arrival, 1e6);
	for (uint64_t n = 1; n < 10; n++)
		assert_int_equal(arrival_next(&arrival), 18000000 + n * 1000);
	arrival_rate(&arrival, -1); /* the least */
	assert_int_equal(arrival_next(&arrival), UINT64_C(1000018009000));
	arrival_rate(&arrival, NAN);
	assert_int_equal(arrival_next(&arrival), UINT64_C(2000018009000));
	arrival_rate(&arrival, INFINITY); /* the most */
	assert_int_equal(arrival_next(&arrival), UINT64_C(2000018009001));
}

static void test_poisson_rate_change(void **state)
{
	struct arrival arrival = started(&(struct arrival_settings){ARRIVAL_POISSON, .rate = 10, .seed = 9});

	(void)state;
	check_exponential(&arrival, 10);
	arrival_rate(&arrival, 20000);
	check_exponential(&arrival, 20000);
}

static void test_burst_rate_change(void **state)
{
	struct arrival arrival = started(&(struct arrival_settings){ARRIVAL_BURST, .rate = 1000, .burst = 4});

	(void)state;
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(arrival_next(&arrival), n / 4 * 4000000);
	arrival_rate(&arrival, 4);
	for (unsigned n = 6; n < 8; n++)
		assert_int_equal(arrival_next(&arrival), 4000000);
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(arrival_next(&arrival), 1004000000);
}

/* In the middle of the peak, to a tenth: the place in the turn stays. */
static void test_pool_rate_change(void **state)
{
	static uint32_t counts[600];
	struct arrival arrival = started(&(struct arrival_settings){ARRIVAL_POOL, .rate = 2800, .seed = 6});
	const uint64_t second = 1000000000;
	uint64_t at = 0, last;

	(void)state;
	while (at < 300 * second)
		at = arrival_next(&arrival);
	assert_true(at < 301 * second);
	arrival_rate(&arrival, 280);
	for (last = at; at < 600 * second; last = at) {
		at = arrival_next(&arrival);
		assert_true(at >= last);
		if (at < 600 * second)
			counts[at / second]++;
	}
	check_counts(counts + 301, 59, 1000);
	check_counts(counts + 360, 240, 100);
}

static void assert_refused(struct arrival_settings settings, const char *word)
{
	struct arrival arrival;
	char text[160] = "";

	assert_false(arrival_init(&arrival, &settings, text, sizeof(text)));
	assert_non_null(strstr(text, word));
	(void)arrival_init(&arrival, &settings, text, 1); /* where there is no room for the sentence */
	assert_int_equal(text[0], '\0');
}

static void test_refused(void **state)
{
	static const double bad_rates[] = {0, -1, 0.0009, 1.1e9, NAN, INFINITY};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad_rates) / sizeof(bad_rates[0]); i++)
		for (unsigned kind = ARRIVAL_STEADY; kind <= ARRIVAL_BURST; kind++)
			assert_refused((struct arrival_settings){kind, .rate = bad_rates[i]}, "a rate of");
	assert_refused((struct arrival_settings){ARRIVAL_BURST + 1, .rate = 1}, "kind 4");
	assert_refused((struct arrival_settings){ARRIVAL_BURST, .rate = 1, .burst = 1000001}, "1 to 1000000");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .peak = 0.5}, "1 to 100");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .peak = 101}, "1 to 100");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .peak = NAN}, "1 to 100");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .peak_s = -1}, "peaks of -1 s");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .every_s = 1e7}, "every 1e+07 s");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .peak_s = 600}, "shorter than");
	assert_refused((struct arrival_settings){ARRIVAL_POOL, .rate = 1, .every_s = NAN}, "every nan s");
}

/* What another kind would refuse is not looked at. */
static void test_not_refused(void **state)
{
	struct arrival_settings settings = {.rate = 1, .peak = NAN, .peak_s = -1, .burst = UINT32_MAX};

	(void)state;
	(void)started(&settings);
	settings.kind = ARRIVAL_POISSON;
	(void)started(&settings);
}

static void test_words(void **state)
{
	static const char *const words[] = {"steady", "poisson", "pool", "burst"};
	enum arrival_kind kind;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(arrival_parse(words[i], &kind));
		assert_int_equal(kind, i);
	}
	assert_false(arrival_parse("", &kind));
	assert_false(arrival_parse("Pool", &kind));
	assert_false(arrival_parse("pools", &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady_does_not_drift),
		cmocka_unit_test(test_steady_slow),
		cmocka_unit_test(test_poisson_gaps),
		cmocka_unit_test(test_poisson_counts),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_pool_peaks),
		cmocka_unit_test(test_pool_without_peak),
		cmocka_unit_test(test_pool_extremes),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_steady_rate_change),
		cmocka_unit_test(test_poisson_rate_change),
		cmocka_unit_test(test_burst_rate_change),
		cmocka_unit_test(test_pool_rate_change),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_refused),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
