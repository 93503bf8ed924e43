/* The oscillator, estimated: refclock/estimator.h and refclock/stability.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "refclock/estimator.h"
#include "refclock/stability.h"
#include "tests/sim/noise.h"

/* True time against a frame: phase, rate, and a drift that changes its sign. */
struct truth {
	uint64_t seed;
	double now, phase, rate, turn, period, noise;
};

static void go(struct truth *t)
{
	t->phase += t->rate + t->turn / 2 * cos(2 * M_PI * t->now / t->period);
	t->rate += t->turn * cos(2 * M_PI * t->now / t->period);
	t->now += 1;
}

/* Follow it by the second; the error over its own sigma is put in *worst, the mean square error is returned.
 */
static double follow(struct estimator *e, struct truth *t, int seconds, int settle, double *worst)
{
	double squares = 0;
	struct estimate x;

	*worst = 0;
	for (int i = 0; i < seconds; i++) {
		go(t);
		estimator_advance(e, 1);
		estimator_update(e, t->phase + t->noise * noise_normal(&t->seed), t->noise);
		if (i < settle)
			continue;
		estimator_predict(e, 0, 64, &x);
		squares += (x.phase - t->phase) * (x.phase - t->phase);
		*worst = fmax(*worst, fabs(x.phase - t->phase) / x.phase_sigma);
	}
	return squares / (seconds - settle);
}

/* A quiet oscillator is averaged over long, one that swings is followed; either knows how well. */
static void test_adapts(void **state)
{
	const double turns[] = {0, 1e-11, 1e-9}, most[] = {25e-9, 40e-9, 60e-9};
	struct estimator e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		for (uint64_t seed = 0; seed < 10; seed++) {
			struct truth t = {seed, 0, 3e-6, 20e-6, turns[i], 3600, 1e-7};
			double worst;

			estimator_init(&e, 1e-5, 0, 6e-5);
			assert_true(sqrt(follow(&e, &t, 4000, 600, &worst)) < most[i]);
			assert_true(worst < 4.5);
			assert_true(fabs(e.belief.rate - t.rate) < 1e-8);
		}
	}
}

/* The error at the newest of n samples, a second apart, of a straight line through all of them: 2 / sqrt(n).
 */
static double line_variance(int from, int to, double noise)
{
	double sum = 0;

	for (int n = from + 1; n <= to; n++)
		sum += 4.0 / n;
	return sum / (to - from) * noise * noise;
}

/* An oscillator that neither drifts nor wanders is known nearly as well as a straight line through all
 * samples would have it: who allows for a drift has half as much error again. It does not matter that it has
 * drifted before. */
static void test_line(void **state)
{
	const double noise = 1e-6;
	double fresh = 0, calmed = 0, worst;
	struct estimator e;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct truth t = {seed, 0, 3e-6, 20e-6, 0, 3600, noise};

		estimator_init(&e, 1e-5, 0, 6e-5);
		fresh += follow(&e, &t, 640, 240, &worst) / 40;
		assert_true(worst < 4.5);
		t.turn = 1e-9;
		follow(&e, &t, 3600, 0, &worst);
		t.turn = 0;
		calmed += follow(&e, &t, 900, 300, &worst) / 40;
		assert_true(worst < 4.5);
	}
	assert_true(sqrt(fresh / line_variance(240, 640, noise)) < 1.05);
	assert_true(sqrt(calmed / line_variance(300, 900, noise)) < 1.5);
}

/* After hours without a change it takes some samples to see one, not hours: until then the error is within
 * five standard deviations and the noise of a sample, which the bound has both. How far off the mean may be,
 * is not judged by those alone that the mean follows. */
static void test_turns_after_calm(void **state)
{
	const int seeds = 20;
	double most, sum = 0, worst;
	struct estimator e;
	struct estimate x;

	(void)state;
	for (int seed = 0; seed < seeds; seed++) {
		struct truth t = {(uint64_t)seed, 0, 0, 20e-6, 0, 3600, 1e-7};

		estimator_init(&e, 1e-5, 0, 6e-5);
		most = 0;
		follow(&e, &t, 10000, 0, &worst);
		t.turn = noise_scale(&t.seed, 1e-11, 3e-9);
		for (int i = 0; i < 1000; i++) {
			follow(&e, &t, 1, 0, &worst);
			estimator_predict(&e, 0, 64, &x);
			assert_true(fabs(x.phase - t.phase) < 5 * x.phase_sigma + t.noise);
			most = fmax(most, worst);
		}
		sum += most;
	}
	assert_true(sum / seeds < 5.2);
}

/* One sample that nothing explains is passed over, two of them are believed. */
static void test_surprise(void **state)
{
	struct truth t = {.seed = 1, .period = 1, .noise = 1e-7};
	struct estimator e;
	double worst;

	(void)state;
	estimator_init(&e, 1e-6, 0, 1e-6);
	follow(&e, &t, 500, 0, &worst);
	estimator_advance(&e, 1);
	assert_false(estimator_update(&e, t.phase + 1e-3, 1e-7));
	assert_true(fabs(e.belief.phase - t.phase) < 1e-6);
	estimator_advance(&e, 1);
	assert_true(estimator_update(&e, t.phase + 1e-3, 1e-7));
	for (int i = 0; i < 300; i++) {
		estimator_advance(&e, 1);
		estimator_update(&e, t.phase + 1e-3, 1e-7);
	}
	assert_true(fabs(e.belief.phase - t.phase - 1e-3) < 1e-6);
}

static void test_notice(void **state)
{
	struct estimate before, after, plain;
	struct estimator e;

	(void)state;
	estimator_init(&e, 1e-7, 1e-6, 1e-9);
	estimator_glimpse(&e, 2, 64, &before);
	estimator_notice(&e, 1, 1e-6 + 1e-7, 1e-7);
	estimator_glimpse(&e, 2, 64, &after);
	estimator_predict(&e, 2, 64, &plain);
	assert_true(before.phase == plain.phase);
	assert_true(after.phase > before.phase && after.phase_sigma < before.phase_sigma);
	/* However far off, it moves no more than a sample of three standard deviations. */
	estimator_notice(&e, 1.5, 1, 1e-7);
	estimator_glimpse(&e, 2, 64, &after);
	assert_true(fabs(after.phase - before.phase) < 1e-6);
	estimator_forget(&e);
	estimator_glimpse(&e, 2, 64, &after);
	assert_true(after.phase == plain.phase);
	estimator_loosen(&e, 1e-3, 1e-6);
	estimator_predict(&e, 0, 64, &after);
	assert_true(after.phase_sigma > 0.99e-3 && after.rate_sigma > 0.99e-6);
	estimator_shift(&e, 0.5);
	estimator_predict(&e, 0, 64, &plain);
	assert_true(fabs(after.phase - plain.phase - 0.5) < 1e-12);
}

/* Whatever comes in, what comes out are numbers. */
static void test_nonsense(void **state)
{
	uint64_t seed = 5;
	struct estimator e;
	struct estimate x;

	(void)state;
	estimator_init(&e, 1, 0, 1e-4);
	for (int i = 0; i < 20000; i++) {
		estimator_advance(&e, noise_scale(&seed, 1e-3, 1e5));
		estimator_update(&e, noise_normal(&seed) * noise_scale(&seed, 1e-9, 1e9),
			noise_scale(&seed, 1e-12, 1e3));
		estimator_predict(&e, noise_scale(&seed, 1e-3, 1e6), 64, &x);
		assert_true(isfinite(x.phase) && isfinite(x.rate) && isfinite(x.phase_sigma));
		estimator_shift(&e, e.belief.phase);
	}
}

/* Nothing is known: the oscillator may do what it can. */
static void test_stability_unknown(void **state)
{
	struct stability s = {0};

	(void)state;
	assert_true(stability_change(&s, 100, 1e-8) == 1e-6);
	assert_true(stability_growth(&s, 0, 1e-8) == 0 && stability_growth(&s, -1, 1e-8) == 0);
	assert_true(stability_growth(&s, 100, 1e-8) >= 5e-5 && stability_growth(&s, 100, 1e-8) < 8e-5);
}

/* After a day of it, the growth holds for a rate that swings and walks as it did, and is far below the most.
 */
static void test_stability_holds(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct stability s = {0};
		uint64_t random = seed;
		double walk = 0, error = 0, rate = 0, at_end = 0, period = noise_scale(&random, 1800, 40000);

		for (int i = 0; i < 2000; i++) {
			double t = i * STABILITY_INTERVAL;

			walk += 1e-10 * 8 * noise_normal(&random);
			rate = walk + 1e-6 * sin(2 * M_PI * t / period);
			if (i < 1350)
				stability_add(&s, at_end = rate);
			else
				error += (rate - at_end) * STABILITY_INTERVAL;
			if (i > 1350)
				assert_true(fabs(error) <= stability_growth(&s, (i - 1349) * 64.0, 1e-8));
		}
		assert_true(stability_growth(&s, 600, 1e-8) < 1e-8 * 600 * 600 / 2);
		for (double t = 1; t < 1e6; t *= 1.3)
			assert_true(stability_growth(&s, t * 1.3, 1e-8) > stability_growth(&s, t, 1e-8));
		stability_gap(&s);
		assert_true(stability_change(&s, 64, 1e-8) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adapts),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_turns_after_calm),
		cmocka_unit_test(test_surprise),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_stability_unknown),
		cmocka_unit_test(test_stability_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
