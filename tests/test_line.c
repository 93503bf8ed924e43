/* The line through a simulated kernel clock: refclock/line.h. The published error must hold at every instant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "refclock/line.h"

enum { REFRESH_US = 4000, PROBES = 4 };

static const double hz = 2.6e9;

/* A clock that runs evenly from (counter, time) on is a timebase. */
struct simulation {
	uint64_t seed;
	struct timebase clock;     /* what the kernel's clock really shows */
	struct timebase published; /* what the line says of it */
	struct line line;
	uint64_t now;       /* counter */
	double oscillator;  /* relative rate of the clock when it is not slewed */
	double spikes;      /* how many of the samples are preempted */
	double late_s;      /* by which every refresh comes late */
	double slowest_s;   /* the longest time by which a refresh may come late */
	int grace;          /* good samples until the bound must hold again */
	double worst;       /* error over bound, outside of grace */
	double worst_grace; /* units, inside */
	double bounds;      /* sum of the bounds met */
	unsigned probes, events[3];
};

static uint64_t draw(struct simulation *s)
{
	uint64_t z = s->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Evenly from low to high. */
static double between(struct simulation *s, double low, double high)
{
	return low + (high - low) * (double)(draw(s) >> 11) * 0x1p-53;
}

static uint64_t ticks_of(double seconds)
{
	return (uint64_t)(seconds * hz);
}

static uint64_t fixed_rate(double relative)
{
	return (uint64_t)((1 + relative) * (double)NTP64_SECOND / hz * 0x1p48);
}

/* From the counter value on the clock runs at another rate, and shows another time by `jump` seconds. */
static void change_clock(struct simulation *s, uint64_t counter, double relative, double jump)
{
	ntp64 time = timebase_time(&s->clock, counter) + (ntp64)(int64_t)(jump * (double)NTP64_SECOND);

	s->clock = (struct timebase){.counter = counter, .time = time, .rate = fixed_rate(relative)};
}

/* What refclock/sample.c makes of a sandwich around the instant: the clock is read somewhere inside. */
static struct sample sandwich(struct simulation *s, bool *spike)
{
	double width_ns = between(s, 20, 60);
	uint64_t width, read;

	*spike = between(s, 0, 1) < s->spikes;
	if (*spike)
		width_ns = exp(between(s, log(1e3), log(5e6)));
	width = ticks_of(width_ns * 1e-9);
	read = s->now + draw(s) % (width + 1);
	return (struct sample){
		.counter = s->now + width / 2,
		.time = timebase_time(&s->clock, read) - draw(s) % 5,
		.half = (uint64_t)((double)(width / 2 + 1) * (double)NTP64_SECOND / hz * 1.1) + 6,
	};
}

static void probe(struct simulation *s, uint64_t counter)
{
	double error = fabs(
		(double)ntp64_diff(timebase_time(&s->published, counter), timebase_time(&s->clock, counter)));
	double bound = (double)timebase_error(&s->published, counter);

	s->probes++;
	s->bounds += bound;
	if (s->grace > 0)
		s->worst_grace = fmax(s->worst_grace, error);
	else
		s->worst = fmax(s->worst, error / bound);
}

/* A sample that was preempted may be wider than what has changed, so it shortens no grace. */
static void refresh(struct simulation *s)
{
	bool spike;
	struct sample sample = sandwich(s, &spike);

	s->events[line_update(&s->line, &sample)]++;
	line_publish(&s->line, &s->published);
	s->now = sample.counter + (sample.counter - s->now);
	if (s->grace > 0 && !spike)
		s->grace--;
}

/* To the next refresh, with `change` of the clock at a random instant on the way where there is one. */
struct change {
	double relative, jump;
	int grace;
};

static void run_interval(struct simulation *s, const struct change *change)
{
	double late = between(s, 0, 1) < 0.02 ? between(s, 0, s->slowest_s) : between(s, 0, 60e-6);
	uint64_t from = s->now, to = from + ticks_of(REFRESH_US * 1e-6 + s->late_s + late);
	uint64_t at = from + draw(s) % (to - from);

	for (int i = 0; i < PROBES; i++)
		probe(s, from + (change ? at - from : to - from) * (uint64_t)i / PROBES);
	if (change) {
		change_clock(s, at, change->relative, change->jump);
		s->grace = change->grace > s->grace ? change->grace : s->grace;
		for (int i = 0; i <= PROBES; i++)
			probe(s, at + (to - at) * (uint64_t)i / PROBES);
	}
	s->now = to;
	refresh(s);
}

static void run(struct simulation *s, double seconds)
{
	for (double t = 0; t < seconds; t += REFRESH_US * 1e-6)
		run_interval(s, NULL);
}

static void begin(struct simulation *s, uint64_t seed, double oscillator, double spikes)
{
	*s = (struct simulation){.seed = seed, .oscillator = oscillator, .spikes = spikes};
	s->now = draw(s);
	s->clock = (struct timebase){.counter = s->now, .time = draw(s), .rate = fixed_rate(oscillator)};
	line_init(&s->line, hz, REFRESH_US);
	refresh(s);
	run(s, 1);
}

/* No bound was broken, and the allowance was worth its name. */
static void assert_bounded(const struct simulation *s, double mean_ns)
{
	if (s->worst > 1)
		print_error("error is %.3f of its bound\n", s->worst);
	assert_true(s->worst <= 1);
	assert_true(s->bounds / s->probes <= mean_ns * (double)NTP64_SECOND * 1e-9);
}

static void test_steady(void **state)
{
	const double oscillators[] = {0, 1e-9, -137e-6, 499e-6, -499e-6};
	struct simulation s;

	(void)state;
	for (size_t i = 0; i < sizeof(oscillators) / sizeof(oscillators[0]); i++) {
		begin(&s, 100 + i, oscillators[i], 0.02);
		run(&s, 60);
		assert_bounded(&s, 2500);
		assert_int_equal(s.published.steps, 0);
		assert_int_equal(s.events[LINE_SLEWED], 0);
		assert_true(fabs((double)s.published.skew_ppb - oscillators[i] * 1e9) < 20);
		/* Nothing but PHI is left once the rate is known. */
		assert_true(s.published.error_growth < 15.1e-6 * (double)NTP64_SECOND);
	}
}

/* The writer is dead; the clock runs on. */
static void test_holdover(void **state)
{
	struct simulation s;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		begin(&s, 200 + seed, (double)((int)seed - 10) * 40e-6, 0.05);
		run(&s, between(&s, 0, 30));
		for (double t = 0.001; t < 86400; t *= 1.7)
			probe(&s, s.now + ticks_of(t));
		assert_true(s.worst <= 1);
		/* Within 0.1 ppm, though the bound allows for 15. */
		assert_true(s.line.settled);
		assert_true(fabs(s.line.rate / s.line.nominal - 1 - s.oscillator) < 0.1e-6);
	}
}

/* It dies while the clock is slewed, and the slew ends after it. */
static void test_holdover_of_a_slew(void **state)
{
	const double slews[] = {500e-6, -500e-6, 0.1, -0.1};
	struct simulation s;

	(void)state;
	for (size_t i = 0; i < sizeof(slews) / sizeof(slews[0]); i++) {
		begin(&s, 300 + i, 20e-6, 0.01);
		run(&s, 20);
		run_interval(&s, &(struct change){.relative = s.oscillator + slews[i], .grace = 2});
		run(&s, 1);
		change_clock(&s, s.now, s.oscillator, 0);
		for (double t = 0.001; t < 3600; t *= 2)
			probe(&s, s.now + ticks_of(t));
		assert_true(s.worst <= 1);
	}
}

/* Any change within the allowance keeps the bound, whenever it comes. */
static void test_usual_slews(void **state)
{
	struct simulation s;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		begin(&s, 400 + seed, between(&s, -100e-6, 100e-6), 0.02);
		s.slowest_s = seed % 2 ? 0 : 0.001;
		for (int i = 0; i < 200; i++) {
			double slew = i % 2 ? 0 : between(&s, -499e-6, 499e-6);

			run_interval(&s, &(struct change){.relative = s.oscillator + slew});
			run(&s, exp(between(&s, log(0.01), log(2))));
		}
		assert_bounded(&s, 8000);
		assert_int_equal(s.published.steps, 0);
		assert_true(s.events[LINE_SLEWED] > 100);
	}
}

/* On a busy machine the allowance stretches with the interval, once that has been seen. */
static void test_late_refreshes(void **state)
{
	struct simulation s;

	(void)state;
	begin(&s, 450, 0, 0.02);
	s.grace = 2;
	s.late_s = 0.03;
	for (int i = 0; i < 300; i++) {
		run_interval(&s, &(struct change){.relative = i % 2 ? 0 : between(&s, -499e-6, 499e-6)});
		run(&s, 0.2);
	}
	assert_bounded(&s, 30000);
}

/* The fastest slews: what breaks the bound does so until the second good sample; their end does not at all.
 */
static void test_fastest_slews(void **state)
{
	struct simulation s;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		begin(&s, 500 + seed, 30e-6, 0.02);
		run(&s, 5);
		for (int i = 0; i < 60; i++) {
			double slew = draw(&s) % 2 ? 0.1 : -0.1;

			run_interval(&s, &(struct change){.relative = s.oscillator + slew, .grace = 2});
			run(&s, exp(between(&s, log(0.02), log(5))));
			run_interval(&s, &(struct change){.relative = s.oscillator});
			run(&s, between(&s, 0.1, 2));
		}
		assert_true(s.worst <= 1);
		assert_int_equal(s.published.steps, 0);
	}
}

static void test_steps(void **state)
{
	const double jumps[] = {10, -10, 0.02, -0.02, 0.003, -0.003, 1e6, -1e6, 1, -1};
	struct simulation s;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		unsigned steps = 0;

		begin(&s, 600 + seed, -60e-6, 0);
		for (int i = 0; i < 100; i++) {
			double jump = jumps[draw(&s) % 10];
			struct change change = {.relative = s.oscillator, .jump = jump, .grace = 1};

			if (i % 4 == 0)
				change.relative += between(&s, -400e-6, 400e-6);
			run_interval(&s, &change);
			assert_int_equal(s.published.steps, ++steps);
			assert_true(fabs(ntp64_interval_to_seconds(s.line.jump) - jump) < 1e-5);
			run(&s, between(&s, 0.004, 1));
		}
		assert_true(s.worst <= 1);
		assert_int_equal(s.published.steps, steps);
	}
}

/* Steps that a preempted sample is the first to see, and refreshes that come late. */
static void test_everything_at_once(void **state)
{
	struct simulation s;

	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		begin(&s, 700 + seed, between(&s, -400e-6, 400e-6), between(&s, 0, 0.3));
		s.slowest_s = between(&s, 0, 0.2);
		for (int i = 0; i < 100; i++) {
			const double jumps[] = {0, 0, 0, 10, -10, 0.02, -0.02};
			const double slews[] = {0, 0, 500e-6, -500e-6, 0.1, -0.1};
			struct change change = {.relative = s.oscillator + slews[draw(&s) % 6],
				.jump = jumps[draw(&s) % 7],
				.grace = 3};

			run_interval(&s, &change);
			run(&s, exp(between(&s, log(0.02), log(2))));
		}
		assert_true(s.worst <= 1);
	}
}

/* A preempted sample moves nothing. */
static void test_one_wide_sample(void **state)
{
	struct simulation s;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		double rate;

		begin(&s, 800 + seed, 50e-6, 0);
		run(&s, 2);
		rate = s.line.rate;
		s.spikes = 1;
		run_interval(&s, NULL);
		probe(&s, s.now);
		assert_true(fabs(s.line.rate / rate - 1) < 0.1e-6);
		assert_true(s.published.error_bound < 10e-6 * (double)NTP64_SECOND);
		assert_true(s.worst <= 1);
	}
}

/* The counter goes backwards, as after a migration. */
static void test_counter_jumps(void **state)
{
	struct simulation s;

	(void)state;
	begin(&s, 900, 10e-6, 0);
	s.now -= ticks_of(1000);
	s.clock.counter -= ticks_of(1000);
	refresh(&s);
	assert_int_equal(s.published.steps, 1);
	run(&s, 1);
	assert_int_equal(s.published.steps, 1);
	assert_true(s.worst <= 1);
}

/* Any numbers at all are survived, and the line goes through or near what it was given. */
static void test_nonsense(void **state)
{
	struct simulation s = {.seed = 1000};
	struct timebase tb = {0};

	(void)state;
	for (int round = 0; round < 200; round++) {
		line_init(&s.line, exp(between(&s, log(1e6), log(1e10))), 1000);
		for (int i = 0; i < 1000; i++) {
			struct sample sample = {.counter = draw(&s) >> draw(&s) % 64,
				.time = draw(&s) >> draw(&s) % 64,
				.half = 1 + (draw(&s) >> (1 + draw(&s) % 63))};

			line_update(&s.line, &sample);
			line_publish(&s.line, &tb);
			assert_true(tb.rate > 0);
			assert_true(tb.error_growth >= 15e-6 * (double)NTP64_SECOND);
			assert_int_equal(tb.counter, sample.counter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_holdover),
		cmocka_unit_test(test_holdover_of_a_slew),
		cmocka_unit_test(test_usual_slews),
		cmocka_unit_test(test_late_refreshes),
		cmocka_unit_test(test_fastest_slews),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_everything_at_once),
		cmocka_unit_test(test_one_wide_sample),
		cmocka_unit_test(test_counter_jumps),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
