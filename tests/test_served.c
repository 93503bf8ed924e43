/* The served line, the ladder, pulses, frames and the tables of sources: small parts of the discipline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "refclock/frame.h"
#include "refclock/ladder.h"
#include "refclock/pulse.h"
#include "refclock/served.h"
#include "refclock/source.h"
#include "tests/sim/noise.h"

/* It leads to the target, no faster than the limit, without a jump and without overshooting. */
static void test_slew(void **state)
{
	const double limit = 5e-4, hz = 1e9;
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 200; round++) {
		double offset = noise_normal(&seed) * noise_scale(&seed, 1e-8, 1e-2),
		       rate = noise_between(&seed, -1e-4, 1e-4);
		uint64_t counter = UINT64_MAX - (uint64_t)(3 * hz), start = counter;
		struct served_target target = {UINT64_MAX - 2 * NTP64_SECOND, rate, hz};
		const ntp64 from = target.time;
		struct served s = {0};

		assert_true(served_step(&s, counter, &target) == 0);
		for (int i = 0; i < 4000; i++) {
			uint64_t dt = (uint64_t)noise_between(&seed, 1e6, 0.1 * hz);
			ntp64 before;

			counter += dt;
			before = served_time(&s, counter);
			assert_true(before > s.time || s.time - before > UINT64_MAX / 2);
			target.time = from + (ntp64)frame_units(
						     (double)(counter - start) / hz * (1 + rate) + offset);
			served_steer(&s, counter, &target, limit, 1);
			assert_true(s.time - before <= 1);
			assert_true(fabs(s.slew) <= limit);
			assert_true(s.remaining * offset >= -1e-9 * fabs(offset));
		}
		assert_true(fabs(s.remaining) < 2e-9);
		assert_int_equal(s.steps, 0);
	}
}

static void test_step(void **state)
{
	struct served s = {0};
	struct served_target target = {.time = 100 * NTP64_SECOND, .hz = 1e9};

	(void)state;
	served_step(&s, 1000, &target);
	target.time -= NTP64_SECOND;
	assert_true(fabs(served_step(&s, 1000, &target) + 1) < 1e-9);
	assert_int_equal(s.steps, 1);
	assert_int_equal(served_time(&s, 1000), target.time);
}

static void test_frame(void **state)
{
	struct frame f = {.counter = UINT64_MAX - 5, .time = UINT64_MAX - 7, .hz = 1e9};
	uint64_t seed = 11;
	double offset = 0.25, moved;
	ntp64 before;

	(void)state;
	/* Years in steps: what an offset means does not change. */
	for (int i = 0; i < 100000; i++) {
		uint64_t counter = f.counter + random_next(&seed) % 10000000000000;

		before = frame_time(&f, counter, offset);
		moved = frame_move(&f, counter, offset);
		offset -= moved;
		assert_true(fabs(offset) < 1e-9);
		assert_true(frame_time(&f, counter, offset) - before + 1 <= 2);
		offset += noise_between(&seed, -1, 1);
	}
	assert_true(frame_units(1e300) == INT64_MAX && frame_units(-1e300) == INT64_MIN);
	assert_true(frame_units(NAN) == 0 && frame_units(-0.5) == -(INT64_C(1) << 31));
	assert_true(fabs(frame_offset(&f, f.counter, f.time + NTP64_SECOND) - 1) < 1e-12);
}

static void test_pulse(void **state)
{
	const ntp64 second = 5 * NTP64_SECOND, tenth = NTP64_SECOND / 10;
	ntp64 time;

	(void)state;
	assert_true(pulse_number(second + tenth, 0, 1, &time));
	assert_int_equal(time, second);
	assert_true(pulse_number(second - tenth, 0, 1, &time));
	assert_int_equal(time, second);
	assert_false(pulse_number(second + 3 * tenth, 0, 1, &time));
	assert_false(pulse_number(second + 5 * tenth, 0, 1, &time));
	/* Across the end of the era, and for a pulse in the middle of the second. */
	assert_true(pulse_number(UINT64_MAX - 10, 0, 1, &time));
	assert_int_equal(time, 0);
	assert_true(pulse_number(second + 6 * tenth, second + 5 * tenth, 1, &time));
	assert_int_equal(time, second + 5 * tenth);
	/* Ten a second. */
	assert_true(pulse_number(second + tenth + tenth / 8, 0, 10, &time));
	assert_true(time - (second + tenth) + 2 < 4);
	assert_false(pulse_number(second + tenth + tenth / 2, 0, 10, &time));
}

static const struct ladder_thresholds thresholds = {1e-3, 0.1, 1};

static enum ladder_rung climb(struct ladder *l, double bound)
{
	ladder_judge(l, &thresholds, &(struct ladder_input){.known = true, .bound = bound, .holdover = 60});
	return l->rung;
}

static void test_ladder(void **state)
{
	struct ladder l;

	(void)state;
	ladder_init(&l, &thresholds);
	assert_int_equal(l.rung, LADDER_SILENT);
	assert_true(l.reason[0]);
	assert_int_equal(climb(&l, 1e-6), LADDER_SERVING);
	assert_int_equal(climb(&l, 1e-3), LADDER_SERVING);
	assert_int_equal(climb(&l, 1.1e-3), LADDER_RAISED);
	assert_non_null(strstr(l.reason, "0.0011"));
	/* What is said is of now, not of when the rung was reached. */
	assert_int_equal(climb(&l, 0.05), LADDER_RAISED);
	assert_string_equal(
		l.reason, "error up to 0.05 s, more than 0.001 s, after 60 s without a usable source");
	assert_int_equal(climb(&l, 0.8e-3), LADDER_RAISED);
	assert_string_equal(
		l.reason, "error up to 0.0008 s, more than 0.0007 s, after 60 s without a usable source");
	assert_int_equal(climb(&l, 0.6e-3), LADDER_SERVING);
	assert_int_equal(climb(&l, 2e-6), LADDER_SERVING);
	assert_string_equal(l.reason, "error at most 2e-06 s");
	assert_int_equal(climb(&l, 0.2), LADDER_UNSYNCHRONISED);
	assert_int_equal(climb(&l, NAN), LADDER_SILENT);
	assert_int_equal(climb(&l, 0.8), LADDER_SILENT);
	assert_int_equal(climb(&l, 0.08), LADDER_UNSYNCHRONISED);
	assert_int_equal(climb(&l, 0.02), LADDER_RAISED);
	assert_false(ladder_judge(&l, &thresholds, &(struct ladder_input){.known = true, .bound = 0.02}));
}

static void test_ladder_words(void **state)
{
	const struct ladder_thresholds never = {0};
	struct ladder l;

	(void)state;
	ladder_init(&l, &never);
	assert_int_equal(l.rung, LADDER_UNSYNCHRONISED);
	assert_true(ladder_judge(&l, &never, &(struct ladder_input){.known = true, .bound = 1e9}));
	assert_int_equal(l.rung, LADDER_SERVING);
	assert_true(ladder_judge(&l, &never, &(struct ladder_input){.known = true, .contradicted = true}));
	assert_int_equal(l.rung, LADDER_UNSYNCHRONISED);
	assert_non_null(strstr(l.reason, "disagree"));
	assert_true(ladder_judge(
		&l, &thresholds, &(struct ladder_input){.known = true, .vouched = true, .bound = 1e9}));
	assert_int_equal(l.rung, LADDER_RAISED);
	assert_true(ladder_judge(&l, &never, &(struct ladder_input){.unknown = "nobody knows"}));
	assert_string_equal(l.reason, "nobody knows");
}

static void test_sources(void **state)
{
	struct source_options o;

	(void)state;
	for (unsigned kind = 0; kind < SOURCE_KINDS; kind++) {
		assert_true(strlen(source_kind_name(kind)) < 16);
		source_options_init(&o, (enum source_kind)kind);
		assert_true(o.kind == kind && o.rate == 1 && o.precision > 0);
		assert_int_equal(o.stratum, kind == SOURCE_LOCAL ? 9 : 0);
	}
	assert_null(source_kind_name(SOURCE_KINDS));
	assert_string_equal(source_verdict_text(SOURCE_USED), "used");
	assert_string_equal(source_verdict_text(SOURCE_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slew),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_pulse),
		cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_ladder_words),
		cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
