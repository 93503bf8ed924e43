/* The filter of a poll interval: refclock/median.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/sandbox.h"
#include "refclock/median.h"
#include "tests/sim/noise.h"

static const double hz = 2.6e9;

/* Samples a second apart of a clock that is `rate` fast and noisy. */
struct feed {
	uint64_t seed, counter;
	ntp64 time;
	double rate, noise, spikes;
};

static void feed(struct feed *f, struct median *median, int samples)
{
	for (int i = 0; i < samples; i++) {
		double off = f->noise * noise_normal(&f->seed);
		struct median_sample s = {.counter = f->counter, .error = (uint64_t)i};

		if (random_unit(&f->seed) < f->spikes)
			off += 1e-3 * (random_unit(&f->seed) - 0.2);
		s.time = f->time + (ntp64)(int64_t)(off * (double)NTP64_SECOND);
		median_add(median, &s);
		f->counter += (uint64_t)hz;
		f->time += (ntp64)((1 + f->rate) * (double)NTP64_SECOND);
	}
}

/* Seconds by which the result is off the line that the samples were fed from. */
static double error_of(const struct feed *f, const struct median_result *r)
{
	double seconds = (double)(int64_t)(r->counter - f->counter) / hz;

	return (double)ntp64_diff(r->time, f->time) / (double)NTP64_SECOND - seconds * (1 + f->rate);
}

static void test_spikes(void **state)
{
	struct median_known known = {hz, 1e-9, 0};
	struct median_result r;
	struct median median;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct feed f = {
			seed, UINT64_MAX - (uint64_t)(7 * hz), UINT64_MAX - 5 * NTP64_SECOND, 0, 1e-7, 0.1};

		median_init(&median, 16);
		feed(&f, &median, 16);
		assert_true(median_take(&median, &known, &r));
		assert_true(fabs(error_of(&f, &r)) < 4e-7);
		assert_true(r.sigma > 2e-8 && r.sigma < 1e-6);
		assert_int_equal(r.taken, 16);
		assert_true(r.kept >= 9 && r.kept <= 12);
		for (unsigned i = 1; i < r.good; i++)
			assert_true((int64_t)(r.sample[i].counter - r.sample[i - 1].counter) > 0);
		assert_false(median_take(&median, &known, &r));
	}
}

/* 100 ppm between samples would hide their noise, were it not taken from them. */
static void test_unknown_rate(void **state)
{
	struct median_known known = {hz, 6e-5, 0};
	struct median_result r;
	struct median median;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct feed f = {seed, seed << 50, seed << 55, seed % 2 ? 1e-4 : -1e-4, 1e-6, 0.1};

		median_init(&median, 16);
		feed(&f, &median, 16);
		assert_true(median_take(&median, &known, &r));
		assert_true(fabs(error_of(&f, &r)) < 1e-5);
		assert_true(r.sigma < 1e-5);
	}
}

/* Sixteen samples tell their noise to a quarter or so: what it was known to be keeps good ones from being
 * lost. */
static void test_known_noise(void **state)
{
	const struct median_known unknown = {hz, 1e-9, 0}, known = {hz, 1e-9, 1e-7};
	unsigned all = 0, good = 0, good_by_themselves = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct feed f = {.seed = seed, .noise = 1e-7}, again = f;
		struct median_result r;
		struct median median;

		median_init(&median, 16);
		feed(&f, &median, 16);
		assert_true(median_take(&median, &known, &r));
		all += r.taken;
		good += r.good;
		feed(&again, &median, 16);
		assert_true(median_take(&median, &unknown, &r));
		good_by_themselves += r.good;
	}
	assert_true(good > 0.996 * all && good_by_themselves < 0.992 * all);
}

static void test_ring(void **state)
{
	struct feed f = {.seed = 1};
	struct median_result r;
	struct median median;

	(void)state;
	median_init(&median, 0);
	assert_int_equal(median.length, 1);
	median_init(&median, 1000);
	assert_int_equal(median.length, MEDIAN_MAX);
	median_init(&median, 5);
	feed(&f, &median, 13);
	assert_true(median_take(&median, &(struct median_known){hz, 0, 0}, &r));
	assert_int_equal(r.taken, 5);
	assert_true(r.sample[0].counter == 8 * (uint64_t)hz);
	assert_true(fabs(r.error - 12 / (double)NTP64_SECOND) < 1e-15);
	feed(&f, &median, 1);
	assert_true(median_take(&median, &(struct median_known){hz, 0, 0}, &r));
	assert_true(r.taken == 1 && r.good == 1 && r.sigma == 0);
}

static void test_median_of(void **state)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};

	(void)state;
	assert_true(median_of(odd, 3) == 2);
	assert_true(median_of(even, 4) == 2.5);
	assert_true(median_of(odd, 0) == 0);
}

/* The clock daemon's filter kills for what it does not know, and a filter of full length is rare. */
static void test_needs_no_system_call(void **state)
{
	const struct median_known known = {hz, 1, 0};
	static struct median median;
	struct feed f = {.seed = 3, .noise = 1e-6};
	struct median_result r;
	int status;
	pid_t child;

	(void)state;
	median_init(&median, MEDIAN_MAX);
	feed(&f, &median, MEDIAN_MAX);
	child = fork();
	if (child == 0) {
		char text[128];

		prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
		if (!sandbox_filter(SANDBOX_KILL, NULL, 0, text, sizeof(text)))
			_exit(1);
		_exit(median_take(&median, &known, &r) ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_sorts(void **state)
{
	double value[MEDIAN_MAX + 1];
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		const unsigned n = 1 + (unsigned)(i % (MEDIAN_MAX + 1));
		unsigned below = 0, above = 0;
		double middle, copy[MEDIAN_MAX + 1];

		for (unsigned k = 0; k < n; k++)
			copy[k] = value[k] = floor(20 * random_unit(&seed));
		middle = median_of(value, n);
		for (unsigned k = 0; k < n; k++) {
			below += copy[k] < middle;
			above += copy[k] > middle;
			assert_true(k == 0 || value[k - 1] <= value[k]);
		}
		assert_true(below <= n / 2 && above <= n / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spikes),
		cmocka_unit_test(test_unknown_rate),
		cmocka_unit_test(test_known_noise),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_median_of),
		cmocka_unit_test(test_sorts),
		cmocka_unit_test(test_needs_no_system_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
