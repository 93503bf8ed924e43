/* The discipline by its facade: refclock/discipline.h. What it does over hours is tests/sim's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/discipline.h"
#include "tests/sim/noise.h"

enum { PPS, NMEA, SYSTEM, SOURCES };

/* A counter that is `rate` fast; readings a second apart, each from its source's own idea of the time. */
struct bench {
	struct discipline *d;
	struct discipline_options options;
	uint64_t seed, start, counter;
	ntp64 time, start_time;
	double now, rate, noise;
	double off[SOURCES]; /* s */
	bool present[SOURCES];
	bool alone; /* sentences number the pulses and do nothing else */
	enum source_verdict verdict[SOURCES];
	struct timebase timebase;
	unsigned events[DISCIPLINE_RESET + 1];
	double last_step;
};

static const double hz = 1e9;

static void prepare(struct bench *b, uint64_t counter, ntp64 time)
{
	*b = (struct bench){.seed = 1, .start = counter, .start_time = time, .rate = 20e-6, .noise = 1e-7};
	discipline_options_init(&b->options);
	b->options.nominal_hz = hz;
}

static void add(struct bench *b, enum source_kind kind, const char *refid, const char *lock, double delay)
{
	struct source_options o;

	source_options_init(&o, kind);
	memset(o.refid, 0, sizeof(o.refid));
	memcpy(o.refid, refid, strlen(refid));
	memcpy(o.lock, lock, strlen(lock));
	o.delay = delay;
	o.poll = 2;
	o.noselect = b->alone && kind == SOURCE_NMEA;
	assert_true(discipline_add(b->d, &o) >= 0);
}

static void begin(struct bench *b)
{
	b->d = discipline_new(&b->options);
	assert_non_null(b->d);
	add(b, SOURCE_PPS, "PPS", "NMEA", 1e-9);
	add(b, SOURCE_NMEA, "NMEA", "", 0.1);
	add(b, SOURCE_SYSTEM, "SYS", "", 1e-3);
	b->present[PPS] = b->present[NMEA] = true;
}

static void move_to(struct bench *b, double now)
{
	b->now = now;
	b->counter = b->start + (uint64_t)llrint(now * (1 + b->rate) * hz);
	b->time = b->start_time + (ntp64)llrint(now * 0x1p20) * 4096;
}

static void read_source(struct bench *b, int i, bool pulse)
{
	double late = b->noise * noise_normal(&b->seed);
	struct measurement m = {
		.counter = b->counter + (uint64_t)llrint(late * hz), .error = 100, .pulse = pulse};

	m.time = b->time - (ntp64)(int64_t)(b->off[i] * (double)NTP64_SECOND);
	if (pulse)
		m.time &= UINT32_MAX;
	b->verdict[i] = discipline_take(b->d, i, &m);
}

static void drain(struct bench *b)
{
	struct discipline_event e;

	while (discipline_event(b->d, &e)) {
		b->events[e.kind]++;
		assert_true(e.text[0]);
		if (e.kind == DISCIPLINE_STEPPED)
			b->last_step = e.value;
	}
}

static void tick(struct bench *b)
{
	discipline_tick(b->d, b->counter);
	discipline_publish(b->d, &b->timebase);
	b->timebase.valid_until = b->counter + (uint64_t)(1000 * hz);
	drain(b);
}

static double error_of(const struct bench *b)
{
	return (double)ntp64_diff(timebase_time(&b->timebase, b->counter), b->time) / (double)NTP64_SECOND;
}

static double bound_of(const struct bench *b)
{
	return (double)timebase_error(&b->timebase, b->counter) / (double)NTP64_SECOND;
}

static bool is_synchronised(const struct bench *b)
{
	return timebase_is_synchronised(&b->timebase, b->counter);
}

/* Seconds of readings, with four ticks each. The bound holds whenever it is claimed to. */
static void run(struct bench *b, int seconds)
{
	double from = floor(b->now);

	for (int i = 1; i <= 4 * seconds; i++) {
		move_to(b, from + i / 4.0);
		if (i % 4 == 0)
			for (int s = 0; s < SOURCES; s++)
				if (b->present[s])
					read_source(b, s, s == PPS);
		if (is_synchronised(b))
			assert_true(fabs(error_of(b)) <= bound_of(b));
		tick(b);
	}
}

static void test_serves(void **state)
{
	struct sources report = {0};
	struct bench b;
	double ppm, skew;
	uint64_t bound;
	ntp64 time;

	(void)state;
	prepare(&b, 12345, NTP_UNIX_EPOCH << 32);
	begin(&b);
	assert_false(discipline_time(b.d, b.counter, &time, &bound));
	assert_false(discipline_drift(b.d, &ppm, &skew));
	move_to(&b, 0);
	tick(&b);
	assert_int_equal(b.timebase.leap, NTP_LEAP_UNSYNC);
	run(&b, 1);
	assert_int_equal(b.verdict[PPS], SOURCE_NO_SECOND);
	discipline_report(b.d, &report);
	assert_true(isnan(report.source[NMEA].offset) && isnan(report.source[NMEA].last_offset));
	run(&b, 299);
	assert_true(is_synchronised(&b));
	assert_int_equal(b.timebase.stratum, 1);
	assert_memory_equal(b.timebase.refid, "PPS", 4);
	assert_string_equal(b.timebase.source, "PPS");
	assert_true(fabs(error_of(&b)) < 1e-7);
	assert_true(bound_of(&b) < 1e-5);
	assert_true(llabs(b.timebase.skew_ppb + 20000) < 20);
	assert_true(discipline_time(b.d, b.counter, &time, &bound));
	assert_true(discipline_drift(b.d, &ppm, &skew) && fabs(ppm - 20) < skew);
	discipline_report(b.d, &report);
	assert_int_equal(report.count, SOURCES);
	assert_int_equal(report.rung, LADDER_SERVING);
	assert_int_equal(report.source[PPS].state, SOURCE_STATE_SELECTED);
	assert_int_equal(report.source[NMEA].state, SOURCE_STATE_CANDIDATE);
	assert_int_equal(report.source[SYSTEM].state, SOURCE_STATE_UNUSABLE);
	assert_int_equal(report.source[PPS].reach, 0xff);
	assert_true(fabs(report.source[PPS].offset) < 1e-6 && fabs(report.source[PPS].last_offset) < 1e-6);
	assert_true(fabs(report.source[PPS].frequency - 20) < 0.1 && fabs(report.frequency - 20) < 0.1);
	assert_true(report.source[PPS].verdicts[SOURCE_USED] > 280);
	assert_true(b.events[DISCIPLINE_SELECTED] > 0 && b.events[DISCIPLINE_RUNG] > 0);
	discipline_free(b.d);
	discipline_free(NULL);
}

/* Where the rate is constant, the newest end of the straight line through n samples is known to 2/sqrt(n) of
 * their noise, and nothing can be known better. What else the oscillator might have done costs some of that.
 */
static void test_constant_rate(void **state)
{
	const int settle = 240, end = 640, seeds = 60;
	double squares = 0, least = 0;

	(void)state;
	for (int seed = 1; seed <= seeds; seed++) {
		struct bench b;

		prepare(&b, 12345, NTP_UNIX_EPOCH << 32);
		b.seed = (uint64_t)seed;
		b.noise = 1e-6;
		b.alone = true;
		begin(&b);
		run(&b, settle);
		for (int n = settle; n < end; n++) {
			run(&b, 1);
			squares += error_of(&b) * error_of(&b);
			least += 4 * b.noise * b.noise / n;
		}
		discipline_free(b.d);
	}
	assert_true(sqrt(squares / least) < 1.06);
}

/* A source that is watched only has polls before there is a time that it could be off. */
static void test_offset_of_nothing(void **state)
{
	struct sources report = {0};
	struct bench b;

	(void)state;
	prepare(&b, 12345, NTP_UNIX_EPOCH << 32);
	begin(&b);
	b.present[PPS] = b.present[NMEA] = false;
	b.present[SYSTEM] = true;
	run(&b, 100);
	discipline_report(b.d, &report);
	assert_true(report.source[SYSTEM].samples > 90);
	assert_true(isnan(report.source[SYSTEM].offset) || is_synchronised(&b));
	b.present[NMEA] = true;
	for (int i = 0; i < 300; i++) {
		run(&b, 1);
		discipline_report(b.d, &report);
		for (int s = 0; s < SOURCES; s++)
			assert_false(fabs(report.source[s].offset) > 1);
	}
	assert_true(is_synchronised(&b));
	discipline_free(b.d);
}

static void count_record(void *opaque, const struct discipline_record *r)
{
	unsigned *counts = opaque;

	counts[r->kind]++;
	assert_true(r->source >= 0 && r->source < SOURCES && isfinite(r->offset));
}

static void test_log(void **state)
{
	unsigned counts[RECORD_TRACKING + 1] = {0};
	struct bench b;

	(void)state;
	prepare(&b, 0, 0);
	begin(&b);
	discipline_set_log(b.d, count_record, counts);
	run(&b, 100);
	assert_int_equal(counts[RECORD_RAW], 200);
	assert_true(counts[RECORD_FILTERED] >= 45 && counts[RECORD_FILTERED] <= 52);
	assert_int_equal(counts[RECORD_STATISTICS], counts[RECORD_FILTERED]);
	assert_true(counts[RECORD_TRACKING] >= 20 && counts[RECORD_TRACKING] <= 27);
	discipline_free(b.d);
}

/* The same seconds, wherever the counter and the era are: the same errors to a fraction of a nanosecond. */
static void test_any_start(void **state)
{
	const uint64_t counters[] = {
		1, INT64_MAX - 100000000000, UINT64_MAX - 100000000000, UINT64_C(0xfeedfacecafe0123)};
	const ntp64 times[] = {NTP_UNIX_EPOCH << 32, UINT64_MAX - 90 * NTP64_SECOND + 1,
		INT64_MAX - 70 * NTP64_SECOND + 1, 0};
	double error[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct bench b;

		prepare(&b, counters[i], times[i]);
		begin(&b);
		run(&b, 250);
		assert_true(is_synchronised(&b));
		error[i] = error_of(&b);
		assert_true(fabs(error[i] - error[0]) < 1e-9);
		discipline_free(b.d);
	}
}

static void settle(struct bench *b, int seconds)
{
	prepare(b, UINT64_C(1) << 62, UINT64_C(0xeeeeeeee00000000));
	begin(b);
	run(b, seconds);
	assert_true(is_synchronised(b));
}

static void test_verdicts(void **state)
{
	struct measurement m = {.error = 10};
	struct bench b;

	(void)state;
	settle(&b, 100);
	m.counter = b.counter + 300000000;
	m.time = b.time;
	m.leap = NTP_LEAP_UNSYNC;
	assert_int_equal(discipline_take(b.d, NMEA, &m), SOURCE_UNSYNCHRONISED);
	m.leap = NTP_LEAP_NONE;
	assert_int_equal(discipline_take(b.d, NMEA, &m), SOURCE_IMPLAUSIBLE);
	assert_int_equal(discipline_take(b.d, NMEA, &m), SOURCE_DOUBLE);
	m.counter--;
	assert_int_equal(discipline_take(b.d, NMEA, &m), SOURCE_BACKWARDS);
	/* A pulse that bounces, and one in the middle of nowhere. */
	m = (struct measurement){.counter = b.counter + 1000000, .pulse = true};
	assert_int_equal(discipline_take(b.d, PPS, &m), SOURCE_DOUBLE);
	m.counter = b.counter + 750000000;
	assert_int_equal(discipline_take(b.d, PPS, &m), SOURCE_FAR_FROM_SECOND);
	assert_int_equal(discipline_take(b.d, -1, &m), SOURCE_UNSYNCHRONISED);
	assert_int_equal(discipline_take(b.d, 99, &m), SOURCE_UNSYNCHRONISED);
	discipline_free(b.d);
}

/* A settled discipline, and a source of pulses whose width is known; its number. */
static int start_wide(struct bench *b)
{
	struct source_options o;

	settle(b, 60);
	source_options_init(&o, SOURCE_PPS);
	o.width = 0.2;
	return discipline_add(b->d, &o);
}

/* Both ends of a pulse come in: the one that follows the longer stretch counts. */
static void test_width(void **state)
{
	struct bench b;
	const int pulse = start_wide(&b);

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct measurement m = {.error = 1, .pulse = true};
		enum source_verdict first, second;

		run(&b, 1);
		m.counter = b.counter;
		first = discipline_take(b.d, pulse, &m);
		m.counter += 200000000;
		second = discipline_take(b.d, pulse, &m);
		assert_int_equal(first, i == 0 ? SOURCE_DOUBLE : SOURCE_USED);
		assert_int_equal(second, SOURCE_DOUBLE);
	}
	discipline_free(b.d);
}

/* A width does no harm where one end alone is stamped: pulses that bounce, are missing, and whose other end
 * comes in now and then. */
static void test_width_of_one_end(void **state)
{
	struct bench b;
	const int pulse = start_wide(&b);

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct measurement m = {.error = 1, .pulse = true};

		run(&b, 1);
		if (i % 10 == 7 || i % 10 == 8)
			continue;
		m.counter = b.counter;
		assert_int_equal(discipline_take(b.d, pulse, &m), i == 0 ? SOURCE_DOUBLE : SOURCE_USED);
		m.counter += 20000000;
		if (i % 5 == 2)
			assert_int_equal(discipline_take(b.d, pulse, &m), SOURCE_DOUBLE);
		m.counter += 180000000;
		if (i % 10 == 4)
			assert_int_equal(discipline_take(b.d, pulse, &m), SOURCE_DOUBLE);
	}
	discipline_free(b.d);
}

/* Something between the ends costs itself and the next, and no more. */
static void test_width_and_noise(void **state)
{
	struct bench b;
	const int pulse = start_wide(&b);

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct measurement m = {.error = 1, .pulse = true};

		run(&b, 1);
		m.counter = b.counter;
		assert_int_equal(
			discipline_take(b.d, pulse, &m), i == 0 || i == 11 ? SOURCE_DOUBLE : SOURCE_USED);
		m.counter += 500000000;
		if (i == 10)
			assert_int_equal(discipline_take(b.d, pulse, &m), SOURCE_DOUBLE);
	}
	discipline_free(b.d);
}

/* Its receiver's second turns wrong: the pulses are numbered on, and nothing moves. */
static void test_wrong_second(void **state)
{
	const double wrongs[] = {1, -1, 18, 0.5, -0.5, 1024 * 604800.0};

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct bench b;

		settle(&b, 60);
		b.off[NMEA] = wrongs[i];
		run(&b, 200);
		assert_true(is_synchronised(&b));
		assert_int_equal(b.verdict[PPS], SOURCE_USED);
		assert_int_equal(b.verdict[NMEA], SOURCE_IMPLAUSIBLE);
		assert_int_equal(b.events[DISCIPLINE_FALSETICKER], 1);
		assert_int_equal(b.timebase.steps, 0);
		discipline_free(b.d);
	}
}

/* What is no sample of its noise does not count as one: a jump after a jump is as implausible. */
static void test_jumps_are_no_noise(void **state)
{
	struct bench b;

	(void)state;
	settle(&b, 100);
	for (int i = 0; i < 8; i++) {
		b.off[NMEA] = 18;
		run(&b, 2);
		b.off[NMEA] = 0;
		run(&b, 7);
	}
	b.off[NMEA] = 1;
	run(&b, 1);
	assert_int_equal(b.verdict[NMEA], SOURCE_IMPLAUSIBLE);
	discipline_free(b.d);
}

/* Alone and soon after the start, it jumps: what it says then is no better than what it has said before. */
static void test_early_jump(void **state)
{
	const double jumps[] = {1, -1, 18, 0.5, -0.5, 1024 * 604800.0};

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct bench b;

		prepare(&b, UINT64_C(1) << 62, UINT64_C(0xeeeeeeee00000000));
		begin(&b);
		b.present[PPS] = false;
		run(&b, 20);
		assert_true(is_synchronised(&b));
		b.off[NMEA] = jumps[i];
		run(&b, 30);
		assert_true(is_synchronised(&b));
		assert_int_equal(b.events[DISCIPLINE_RESET], 0);
		b.off[NMEA] = 0;
		run(&b, 20);
		assert_int_equal(b.verdict[NMEA], SOURCE_USED);
		discipline_free(b.d);
	}
}

/* Nor does it take the pulses with it that it numbers. */
static void test_early_wrong_second(void **state)
{
	struct bench b;

	(void)state;
	settle(&b, 20);
	b.off[NMEA] = 18;
	run(&b, 30);
	assert_true(is_synchronised(&b));
	assert_int_equal(b.events[DISCIPLINE_RESET], 0);
	assert_int_equal(b.verdict[PPS], SOURCE_USED);
	discipline_free(b.d);
}

/* But for what the kernel clock's keeper says, too. */
static void test_early_jump_witnessed(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, UINT64_C(1) << 62, UINT64_C(0xeeeeeeee00000000));
	begin(&b);
	b.present[PPS] = false;
	run(&b, 20);
	b.start_time += NTP64_SECOND; /* what is wrong is what we believe */
	for (int i = 0; i < 20 && !b.events[DISCIPLINE_RESET]; i++) {
		b.timebase.leap = NTP_LEAP_UNSYNC;
		move_to(&b, floor(b.now) + 1);
		read_source(&b, SYSTEM, false);
		read_source(&b, NMEA, false);
		tick(&b);
	}
	assert_int_equal(b.events[DISCIPLINE_RESET], 1);
	run(&b, 30);
	assert_true(is_synchronised(&b) && fabs(error_of(&b)) < 0.1);
	discipline_free(b.d);
}

/* Until there is another word. */
static void test_leap_report(void **state)
{
	struct measurement m = {.error = 10, .leap = NTP_LEAP_INSERT};
	static struct sources report;
	struct bench b;

	(void)state;
	settle(&b, 100);
	move_to(&b, b.now + 0.3);
	m.counter = b.counter;
	m.time = b.time;
	assert_int_equal(discipline_take(b.d, NMEA, &m), SOURCE_USED);
	discipline_report(b.d, &report);
	assert_int_equal(report.source[NMEA].leap, NTP_LEAP_INSERT);
	assert_int_equal(report.source[PPS].leap, NTP_LEAP_NONE);
	/* A jump announces nothing. */
	m.counter += 1000000;
	m.time += 10 * NTP64_SECOND;
	m.leap = NTP_LEAP_DELETE;
	assert_int_equal(discipline_take(b.d, NMEA, &m), SOURCE_IMPLAUSIBLE);
	discipline_report(b.d, &report);
	assert_int_equal(report.source[NMEA].leap, NTP_LEAP_INSERT);
	discipline_free(b.d);
}

/* All disagree with what was learned, for long: they are right in the end. */
static void test_reset(void **state)
{
	struct bench b;

	(void)state;
	settle(&b, 200);
	b.start_time -= 7 * NTP64_SECOND + NTP64_SECOND / 2; /* what is wrong is what we believe */
	b.off[NMEA] = b.off[PPS] = 0;
	b.timebase.leap = NTP_LEAP_UNSYNC; /* the test's clock has jumped: no bound is promised */
	for (int i = 0; i < 1200 && !b.events[DISCIPLINE_RESET]; i++) {
		b.timebase.leap = NTP_LEAP_UNSYNC;
		move_to(&b, floor(b.now) + 1);
		read_source(&b, PPS, true);
		read_source(&b, NMEA, false);
		tick(&b);
	}
	assert_int_equal(b.events[DISCIPLINE_RESET], 1);
	assert_false(is_synchronised(&b));
	run(&b, 60);
	assert_true(is_synchronised(&b));
	assert_true(fabs(b.last_step + 7.5) < 1e-3);
	assert_true(fabs(error_of(&b)) < 1e-5);
	discipline_free(b.d);
}

static void test_suspend(void **state)
{
	struct bench b;

	(void)state;
	settle(&b, 100);
	move_to(&b, b.now + 3600);
	tick(&b);
	assert_int_equal(b.events[DISCIPLINE_SUSPENDED], 1);
	assert_false(is_synchronised(&b));
	run(&b, 30);
	assert_true(is_synchronised(&b));
	assert_true(llabs(b.timebase.skew_ppb + 20000) < 200);
	/* A counter that goes backwards is not looked at. */
	discipline_tick(b.d, b.counter - 1000);
	discipline_free(b.d);
}

static void test_crosscheck(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, 5, 77 * NTP64_SECOND);
	b.options.crosscheck_counts = true;
	begin(&b);
	b.present[SYSTEM] = true;
	run(&b, 100);
	assert_true(is_synchronised(&b));
	b.off[SYSTEM] = 0.5;
	run(&b, 30);
	assert_int_equal(b.events[DISCIPLINE_CROSSCHECK], 1);
	assert_false(is_synchronised(&b));
	b.off[SYSTEM] = 0;
	run(&b, 30);
	assert_int_equal(b.events[DISCIPLINE_CROSSCHECK], 2);
	assert_true(is_synchronised(&b));
	discipline_free(b.d);
}

static void test_drill(void **state)
{
	struct sources report = {0};
	struct bench b;
	double before;

	(void)state;
	settle(&b, 300);
	before = bound_of(&b);
	discipline_drill_lost(b.d, true);
	run(&b, 600);
	assert_true(bound_of(&b) > 10 * before);
	discipline_report(b.d, &report);
	assert_true(report.holdover > 590);
	discipline_drill_lost(b.d, false);
	run(&b, 60);
	assert_true(bound_of(&b) < 3 * before);
	assert_int_equal(b.timebase.steps, 0);
	discipline_free(b.d);
}

/* A time that turns out wrong is slewed, or stepped where that is allowed. */
static void test_steps(void **state)
{
	(void)state;
	for (int allowed = 0; allowed < 2; allowed++) {
		struct bench b;

		prepare(&b, 0, 1000 * NTP64_SECOND);
		b.options.step_threshold = allowed ? 0.01 : 0;
		b.options.step_limit = -1;
		begin(&b);
		b.present[PPS] = false;
		b.off[NMEA] = 0.04;
		run(&b, 20);
		assert_true(is_synchronised(&b) && fabs(error_of(&b) + 0.04) < 0.005);
		b.present[PPS] = true;
		run(&b, 20);
		assert_int_equal(b.timebase.steps, allowed);
		assert_true(allowed ? fabs(error_of(&b)) < 1e-3 : fabs(error_of(&b)) > 0.02);
		run(&b, 120);
		assert_true(fabs(error_of(&b)) < 1e-5);
		discipline_free(b.d);
	}
}

/* Soon after the start, too, a receiver whose time jumps is not followed. */
static void test_jump_after_start(void **state)
{
	const double jumps[] = {1, -1, 18, 0.5, -1024 * 7 * 86400.0};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct bench b;

		prepare(&b, 7, NTP_UNIX_EPOCH << 32);
		begin(&b);
		b.present[PPS] = b.present[SYSTEM] = false;
		run(&b, 30);
		assert_true(is_synchronised(&b));
		b.off[NMEA] = jumps[i];
		run(&b, 30); /* and the bound holds */
		assert_int_equal(b.events[DISCIPLINE_RESET], 0);
		b.off[NMEA] = 0;
		run(&b, 30);
		assert_true(is_synchronised(&b) && fabs(error_of(&b)) < 0.1);
		discipline_free(b.d);
	}
}

/* LOCAL answers for the time when nobody else does any more, at its own stratum. */
static void test_local(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, 0, 0);
	b.options.unsynchronised = 1e-3;
	begin(&b);
	add(&b, SOURCE_LOCAL, "LOCL", "", 0);
	run(&b, 100);
	assert_int_equal(b.timebase.stratum, 1);
	b.present[PPS] = b.present[NMEA] = false;
	run(&b, 3000);
	assert_true(bound_of(&b) > 1e-3 && is_synchronised(&b));
	assert_int_equal(b.timebase.stratum, 10);
	assert_memory_equal(b.timebase.refid, "LOCL", 4);
	discipline_free(b.d);
}

static void test_least_sources(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, 0, 0);
	b.options.min_sources = 2;
	begin(&b);
	b.present[PPS] = false;
	run(&b, 30);
	assert_false(is_synchronised(&b));
	b.present[PPS] = true;
	run(&b, 30);
	assert_true(is_synchronised(&b));
	discipline_free(b.d);
}

/* Any numbers are survived. */
static void test_nonsense(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct discipline_options o;
		struct sources report;
		struct discipline *d;
		struct timebase tb;
		uint64_t now = random_next(&seed);

		discipline_options_init(&o);
		o.nominal_hz = noise_scale(&seed, 1e5, 1e10);
		d = discipline_new(&o);
		for (int i = 0; i <= SOURCES_MAX; i++) {
			struct source_options s;

			source_options_init(&s, (enum source_kind)noise_below(&seed, SOURCE_KINDS));
			s.poll = (int8_t)random_next(&seed);
			s.dpoll = (int8_t)random_next(&seed);
			s.filter = (uint16_t)random_next(&seed);
			s.rate = noise_normal(&seed) * 1e3;
			s.width = noise_normal(&seed);
			s.offset = noise_normal(&seed) * noise_scale(&seed, 1e-9, 1e12);
			s.delay = noise_normal(&seed);
			s.precision = noise_normal(&seed);
			s.noselect = random_next(&seed) & 1;
			assert_int_equal(discipline_add(d, &s), i < SOURCES_MAX ? i : -1);
		}
		for (int i = 0; i < 3000; i++) {
			struct measurement m = {
				.counter = now + (random_next(&seed) >> noise_below(&seed, 64)),
				.time = random_next(&seed) >> noise_below(&seed, 64),
				.error = random_next(&seed) >> noise_below(&seed, 64),
				.leap = (uint8_t)noise_below(&seed, 4),
				.pulse = random_next(&seed) & 1,
			};
			struct discipline_event e;
			double ppm, skew;

			discipline_take(d, (int)noise_below(&seed, SOURCES_MAX), &m);
			now += random_next(&seed) >> (20 + noise_below(&seed, 44));
			discipline_tick(d, now);
			discipline_publish(d, &tb);
			discipline_report(d, &report);
			discipline_drift(d, &ppm, &skew);
			discipline_event(d, &e);
			assert_true(tb.rate > 0);
			assert_true(!isnan(report.bound));
		}
		discipline_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves),
		cmocka_unit_test(test_constant_rate),
		cmocka_unit_test(test_offset_of_nothing),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_any_start),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_width_of_one_end),
		cmocka_unit_test(test_width_and_noise),
		cmocka_unit_test(test_wrong_second),
		cmocka_unit_test(test_jumps_are_no_noise),
		cmocka_unit_test(test_early_jump),
		cmocka_unit_test(test_early_wrong_second),
		cmocka_unit_test(test_early_jump_witnessed),
		cmocka_unit_test(test_leap_report),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_crosscheck),
		cmocka_unit_test(test_drill),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_jump_after_start),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_least_sources),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
