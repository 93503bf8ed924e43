/* What a load has given, and its figures: bench/result.h, bench/figures.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/random.h"
#include "tests/results.h"

static struct result_step step;

static void clear(void)
{
	memset(&step, 0, sizeof(step));
}

static void test_what_convicts(void **state)
{
	static const enum judge_verdict innocent[] = {
		JUDGE_VALID, JUDGE_LATE, JUDGE_KISS_RATE, JUDGE_KISS_OTHER, JUDGE_UNSYNCHRONISED};
	struct judge_counts counts = {0};
	uint64_t all = 0;

	(void)state;
	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		all += counts.verdict[i] = UINT64_C(1) << i;
	for (unsigned i = 0; i < sizeof(innocent) / sizeof(innocent[0]); i++)
		all -= UINT64_C(1) << innocent[i];
	assert_int_equal(result_wrong(&counts), all);
}

static void test_loss(void **state)
{
	(void)state;
	clear();
	assert_true(result_loss(&step) == 0);
	step.sent = 1000;
	step.counts.lost = 123;
	assert_true(fabs(result_loss(&step) - 0.123) < 1e-12);
	step.counts.lost = 1000;
	assert_true(result_loss(&step) == 1);
	step.counts.lost = UINT64_MAX;
	assert_true(result_loss(&step) == 1);
}

static bool limited(uint64_t due, uint64_t sent)
{
	clear();
	step.due = due;
	step.sent = sent;
	return result_generator_limited(&step);
}

static void test_generator_limited(void **state)
{
	(void)state;
	assert_false(limited(0, 0));
	assert_true(limited(1, 0));
	assert_false(limited(1000, 999));
	assert_true(limited(999, 998));
	assert_false(limited(1999, 1998));
	assert_true(limited(1999, 1997));
	assert_false(limited(10, 20));
	assert_true(limited(UINT64_MAX, 0));
	assert_false(limited(UINT64_MAX, UINT64_MAX - UINT64_MAX / 1000));
	assert_true(limited(UINT64_MAX, UINT64_MAX - UINT64_MAX / 1000 - 1));
}

static struct result_point sum_of_points(void)
{
	struct result_point sum = {0};

	for (unsigned i = 0; i < step.points; i++) {
		sum.seconds += step.point[i].seconds;
		sum.sent += step.point[i].sent;
		sum.valid += step.point[i].valid;
		sum.lost += step.point[i].lost;
		if (step.point[i].most_ns > sum.most_ns)
			sum.most_ns = step.point[i].most_ns;
	}
	return sum;
}

/* Nothing is lost, and no part but the last is shorter than the first, however many points came. */
static void test_series(void **state)
{
	uint64_t random = 1;

	(void)state;
	clear();
	for (unsigned i = 0; i < 5000; i++) {
		const struct result_point point = {.at = i * 0.5,
			.seconds = 0.5,
			.sent = 3,
			.valid = 2,
			.lost = 1,
			.p50_ns = 1000 + random_next(&random) % 100,
			.p99_ns = 2000,
			.most_ns = i};
		struct result_point sum;

		result_add_point(&step, &point);
		assert_true(step.points > 0 && step.points <= RESULT_POINTS_MAX);
		sum = sum_of_points();
		assert_int_equal(sum.sent, 3 * (i + 1));
		assert_int_equal(sum.valid, 2 * (i + 1));
		assert_int_equal(sum.lost, i + 1);
		assert_int_equal(sum.most_ns, i);
		assert_true(fabs(sum.seconds - 0.5 * (i + 1)) < 1e-6);
	}
	assert_true(step.points > RESULT_POINTS_MAX / 2);
	for (unsigned i = 0; i < step.points; i++) {
		assert_true(step.point[i].p50_ns >= 1000 && step.point[i].p50_ns < 1100);
		assert_int_equal(step.point[i].p99_ns, 2000);
		assert_true(i + 1 == step.points || step.point[i].seconds == step.point[0].seconds);
		assert_true(i == 0 ||
			    fabs(step.point[i].at - step.point[i - 1].at - step.point[i - 1].seconds) < 1e-6);
	}
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Beside the sorted values; a bin is 1 part in 128 wide. */
static void test_offsets(void **state)
{
	enum { VALUES = 3000 };
	static double value[VALUES];
	uint64_t random = 2;

	(void)state;
	clear();
	assert_true(figures_offset_at(&step.offset, 0.5) == 0);
	for (unsigned i = 0; i < VALUES; i++) {
		value[i] = floor((random_unit(&random) - 0.3) * 1e6);
		distribution_add(value[i] < 0 ? &step.offset.negative : &step.offset.positive,
			(uint64_t)fabs(value[i]));
	}
	qsort(value, VALUES, sizeof(value[0]), compare);
	for (unsigned i = 0; i <= 100; i++) {
		const unsigned rank = i == 0 ? 1 : (unsigned)ceil(i * VALUES / 100.0 - 1e-9);
		const double exact = value[rank - 1];

		assert_true(fabs(figures_offset_at(&step.offset, i / 100.0) * 1e9 - exact) <=
			    fabs(exact) / 64 + 1);
	}
	assert_true(figures_offset_at(&step.offset, 0) * 1e9 - value[0] == 0);
}

static void test_sum_of_steps(void **state)
{
	struct result *r = results_new(RESULTS_RAMP, 3);
	uint64_t sent = 0, latencies = 0;
	const char *of;
	struct result_step *sum = figures_of(r, &of);

	(void)state;
	assert_non_null(sum);
	assert_string_equal(of, "all");
	for (unsigned i = 0; i < r->steps; i++) {
		sent += r->step[i].sent;
		latencies += r->step[i].latency.count;
	}
	assert_int_equal(sum->sent, sent);
	assert_int_equal(sum->latency.count, latencies);
	assert_true(fabs(sum->seconds - 75) < 1e-9);
	assert_true(fabs(sum->rate_wanted - 800000) < 1e-6);
	assert_int_equal(sum->limit, RESULT_LIMIT_PORT);
	free(sum);
	results_free(r);
}

static void test_knee_is_the_last_passed(void **state)
{
	struct result *r = results_new(RESULTS_KNEE, 3);
	const char *of;
	struct result_step *figures = figures_of(r, &of);

	(void)state;
	assert_string_equal(of, "knee");
	assert_true(figures->rate_wanted == r->knee.rate);
	assert_int_equal(figures->repeat, 2);
	free(figures);
	r->knee.rate = r->step[0].rate_wanted;
	r->steps = 1;
	figures = figures_of(r, &of);
	assert_string_equal(of, "knee");
	free(figures);
	r->knee.found = false;
	figures = figures_of(r, &of);
	assert_string_equal(of, "all");
	free(figures);
	results_free(r);
}

static void assert_says(const char *expected)
{
	char text[FIGURES_SENTENCE];

	assert_string_equal(figures_sentence(text, &step), expected);
}

static void test_sentences(void **state)
{
	(void)state;
	clear();
	assert_says("nothing was sent");
	step.seconds = 1;
	step.due = step.sent = 1000;
	step.counts.lost = 1000;
	assert_says("the generator kept to its schedule; no request was answered");
	step.counts.lost = 123;
	step.counts.answered = 877;
	assert_says("the generator kept to its schedule; the server or the path to it lost 12.3 %");
	step.counts.lost = 0;
	step.counts.verdict[JUDGE_DUPLICATE] = 1;
	assert_says(
		"the generator kept to its schedule; the server answered every request; 1 reply was wrong");
	step.counts.verdict[JUDGE_DUPLICATE] = 0;
	step.sent = 310000;
	step.due = 400000;
	step.limit = RESULT_LIMIT_PORT;
	assert_says("generator-limited: the port took no more than 310 k/s; loss of what was sent 0 %");
}

/* As many digits as there can be: no sentence is cut. */
static void test_longest_sentences_fit(void **state)
{
	struct result_knee knee = {.found = true,
		.rate = 1.2345e300,
		.least_failed = 1.2345e300,
		.loss_bound = 0.1234567,
		.repeats = UINT32_MAX};
	char text[FIGURES_SENTENCE];

	(void)state;
	clear();
	step.due = UINT64_MAX;
	step.sent = step.counts.answered = UINT64_MAX / 2;
	step.counts.lost = step.sent - 1;
	step.limit = RESULT_LIMIT_CORE;
	step.refused = step.counts.verdict[JUDGE_HEADER] = UINT64_MAX;
	step.seconds = 1e-30;
	step.stopped = true;
	assert_true(strlen(figures_sentence(text, &step)) < FIGURES_SENTENCE - 1);
	assert_non_null(strstr(text, "stopped before its time"));
	assert_true(strlen(figures_knee(text, &knee)) < FIGURES_SENTENCE - 1);
	assert_non_null(strstr(text, "failed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_convicts),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_generator_limited),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_sum_of_steps),
		cmocka_unit_test(test_knee_is_the_last_passed),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_longest_sentences_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
