/*
 * Plans of leap seconds by days of virtual time: who announces, LI, the turn, the smear, TAI, and a kernel
 * clock that makes the leap second by itself. refclock/leap_plan.h, leap_turn.h, leap_follow.h, smear.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "refclock/leap_follow.h"
#include "refclock/leap_plan.h"
#include "tests/leap_golden.h"

static const uint64_t hz = 1000000000;
static const uint64_t midnight = UINT64_C(4070908800);   /* 2029-01-01 */
static const uint64_t rate = UINT64_C(1208925819614629); /* 2^32 / 10^9 * 2^48, rounded down */

/* Even time is UTC at the start: a line that goes on for ever. */
struct bed {
	struct leap_plan plan;
	struct leap_table table;
	struct leap_facts facts;
	struct timebase even; /* the line itself, based at the start */
	struct timebase out;  /* as published last */
	enum leap_news news;
};

static void begin(struct bed *b, const struct leap_options *options, int64_t to_midnight)
{
	struct leap_options usual;

	memset(b, 0, sizeof(*b));
	leap_options_init(&usual);
	leap_plan_init(&b->plan, options ? options : &usual);
	b->facts = (struct leap_facts){.gnss = LEAP_UNHEARD, .upstream = LEAP_UNHEARD};
	b->even = (struct timebase){.counter = UINT64_C(5) << 40,
		.time = (midnight - (uint64_t)to_midnight) << 32,
		.rate = rate,
		.counter_hz = hz,
		.refid = {'P', 'P', 'S', 0},
		.stratum = 1};
}

/* A table that knows of a leap second at the midnight, and says when it ends. */
static void tell_table(struct bed *b, int sign)
{
	leap_golden_table(&b->table);
	b->table.expires = midnight + 180 * LEAP_DAY;
	if (sign)
		b->table.entry[b->table.entries++] = (struct leap_entry){midnight, 37 + sign};
	b->facts.table = &b->table;
}

static uint64_t counter_at(const struct bed *b, double to_midnight)
{
	const int64_t units = ntp64_diff(midnight << 32, b->even.time);

	return b->even.counter +
	       (uint64_t)(int64_t)(((double)units / (double)NTP64_SECOND - to_midnight) * 1e9);
}

/* Publish when the even line is so many seconds before the midnight. */
static enum leap_news publish(struct bed *b, double to_midnight)
{
	b->out = b->even;
	b->out.counter = counter_at(b, to_midnight);
	b->out.time = timebase_line(&b->even, b->out.counter);
	b->out.reference = b->out.time - NTP64_SECOND / 4;
	b->news = leap_plan_apply(&b->plan, &b->facts, &b->out);
	return b->news;
}

/* Seconds of what is served at a counter value, from the midnight on. */
static double served(const struct bed *b, double to_midnight)
{
	return ntp64_interval_to_seconds(
		ntp64_diff(timebase_time(&b->out, counter_at(b, to_midnight)), midnight << 32));
}

static unsigned leap_at(const struct bed *b, double to_midnight)
{
	return timebase_leap(&b->out, timebase_side(&b->out, counter_at(b, to_midnight)));
}

/* Seconds from a counter value to the midnight. */
static double to_midnight_at(const struct bed *b, uint64_t counter)
{
	return ntp64_interval_to_seconds(ntp64_diff(midnight << 32, b->even.time)) -
	       (double)(counter - b->even.counter) / 1e9;
}

static void assert_near(double a, double b, double most)
{
	if (!(fabs(a - b) <= most))
		fail_msg("%.12f is not %.12f +- %.3g", a, b, most);
}

static void test_turns(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		const unsigned leap = sign > 0 ? NTP_LEAP_INSERT : NTP_LEAP_DELETE;
		const double turn = sign > 0 ? 0 : 1; /* to the midnight */
		uint64_t fixed;
		struct bed b;

		begin(&b, NULL, 3 * LEAP_DAY);
		tell_table(&b, sign);
		assert_int_equal(publish(&b, 3 * LEAP_DAY), LEAP_PLANNED);
		assert_int_equal(b.plan.authority, LEAP_BY_TABLE);
		assert_int_equal(b.out.leap, NTP_LEAP_NONE);
		assert_int_equal(b.out.leap_step, 0);
		assert_int_equal(b.out.tai_offset, 37);
		assert_int_equal(leap_plan_days(&b.plan, b.out.time), 3);
		assert_int_equal(publish(&b, LEAP_DAY + 1.5), LEAP_SAME);
		assert_int_equal(b.out.leap, NTP_LEAP_NONE);
		publish(&b, LEAP_DAY - 0.5);
		assert_int_equal(b.out.leap, leap);
		assert_int_equal(b.out.leap_step, sign * (int64_t)NTP64_SECOND);
		/* As far ahead as this, the turn is where it will be, for a daemon that dies now. */
		assert_near(served(&b, turn + 1e-6), -turn - 1e-6, 1e-8);
		assert_near(served(&b, turn - 1e-6), -turn - sign + 1e-6, 1e-8);
		publish(&b, turn + 1.5);
		fixed = b.out.leap_at;
		for (double t = turn + 1.4; t > turn - 3.9; t -= 0.1) {
			assert_int_equal(publish(&b, t), LEAP_SAME);
			assert_int_equal(b.out.leap_at, fixed);
			assert_near(served(&b, turn + 1e-6), -turn - 1e-6, 1e-8);
			assert_near(served(&b, turn - 1e-6), -turn - sign + 1e-6, 1e-8);
			assert_int_equal(leap_at(&b, turn + 1e-6), leap);
			assert_int_equal(leap_at(&b, turn - 1e-6), NTP_LEAP_NONE);
		}
		assert_int_equal(publish(&b, turn - 4.1), LEAP_OVER);
		assert_int_equal(b.out.leap_step, 0);
		assert_int_equal(b.out.leap, NTP_LEAP_NONE);
		assert_int_equal(b.out.tai_offset, 37 + sign);
		assert_near(served(&b, turn - 4.1), -turn + 4.1 - sign, 1e-8);
		assert_near(ntp64_interval_to_seconds(ntp64_diff(b.out.time, b.out.reference)), 0.25, 1e-8);
		assert_int_equal(leap_plan_days(&b.plan, b.out.time), -1);
		/* Nothing more comes. */
		for (double t = -5; t > -3 * LEAP_DAY; t *= 1.1) {
			assert_int_equal(publish(&b, t), LEAP_SAME);
			assert_int_equal(b.out.leap, NTP_LEAP_NONE);
			assert_int_equal(b.out.leap_step, 0);
		}
	}
}

/* A line that is corrected all the time moves the turn until it is fixed, and then no more. */
static void test_fixed_turn(void **state)
{
	struct bed b;
	uint64_t fixed = 0;

	(void)state;
	srand(5);
	begin(&b, NULL, 100);
	tell_table(&b, 1);
	for (double t = 10; t > -3; t -= 0.004) {
		b.even.time += (uint64_t)(rand() % 4001) - 2000; /* half a microsecond */
		publish(&b, t);
		if (!b.plan.turn.fixed)
			assert_in_range(timebase_line(&b.out, b.out.leap_at) - (midnight << 32), 0, 16);
		else if (fixed)
			assert_int_equal(b.out.leap_at, fixed);
		else
			fixed = b.out.leap_at;
		assert_true(b.plan.turn.fixed == (t < LEAP_FREEZE_SECONDS + 0.004) ||
			    fabs(t - LEAP_FREEZE_SECONDS) < 0.01);
	}
	/* But a step before it does. */
	begin(&b, NULL, 100);
	tell_table(&b, 1);
	publish(&b, 1);
	fixed = b.out.leap_at;
	b.even.time -= NTP64_SECOND / 2;
	publish(&b, 0.9);
	assert_near((double)(b.out.leap_at - fixed), 0.5e9, 100);
	b.even.time -= 60 * NTP64_SECOND;
	publish(&b, 60.8);
	assert_int_equal(b.out.leap_step, NTP64_SECOND);
	assert_false(b.plan.turn.fixed);
}

static void test_authorities(void **state)
{
	struct bed b;

	(void)state;
	begin(&b, NULL, 10 * LEAP_DAY);
	b.facts.upstream = 1;
	assert_int_equal(publish(&b, 9 * LEAP_DAY), LEAP_PLANNED);
	assert_int_equal(b.plan.authority, LEAP_BY_UPSTREAM);
	assert_int_equal(b.plan.midnight, midnight);
	assert_int_equal(b.out.leap, NTP_LEAP_NONE); /* its window is ours */
	assert_int_equal(b.out.tai_offset, 0);
	b.facts.gnss = -1;
	assert_int_equal(publish(&b, 8 * LEAP_DAY), LEAP_PLANNED);
	assert_int_equal(b.plan.authority, LEAP_BY_GNSS);
	assert_int_equal(b.plan.sign, -1);
	b.facts.gnss = 0;
	assert_int_equal(publish(&b, 7 * LEAP_DAY), LEAP_WITHDRAWN);
	tell_table(&b, 1);
	b.facts.gnss = -1;
	assert_int_equal(publish(&b, 6 * LEAP_DAY), LEAP_PLANNED);
	assert_int_equal(b.plan.authority, LEAP_BY_TABLE);
	assert_int_equal(b.plan.sign, 1);
	/* A table has the last word until it ends, or as far as it names a leap second. */
	tell_table(&b, 0);
	assert_int_equal(publish(&b, 5 * LEAP_DAY), LEAP_WITHDRAWN);
	b.table.expires = 0;
	assert_int_equal(publish(&b, 4 * LEAP_DAY), LEAP_PLANNED);
	assert_int_equal(b.plan.authority, LEAP_BY_GNSS);
	b.table.expires = midnight - 3 * LEAP_DAY;
	assert_int_equal(publish(&b, 3.5 * LEAP_DAY), LEAP_WITHDRAWN);
	assert_int_equal(publish(&b, 2.5 * LEAP_DAY), LEAP_PLANNED);
	assert_int_equal(b.plan.authority, LEAP_BY_GNSS);
	/* Once it is under way, nobody's. */
	b.facts.gnss = -1;
	publish(&b, 2);
	b.facts.gnss = 0;
	assert_int_equal(publish(&b, 1.5), LEAP_SAME);
	assert_int_equal(b.out.leap_step, -(int64_t)NTP64_SECOND);
	/* An announcement that is still there after it means no other one. */
	b.facts.gnss = -1;
	assert_int_equal(publish(&b, -10), LEAP_OVER);
	assert_int_equal(b.out.tai_offset, 36); /* which no table has told yet */
	assert_int_equal(publish(&b, -11), LEAP_PLANNED);
	assert_int_equal(b.plan.midnight, midnight + 181 * LEAP_DAY);
	assert_int_equal(b.out.leap, NTP_LEAP_NONE);
	tell_table(&b, -1);
	publish(&b, -12);
	assert_int_equal(b.out.tai_offset, 36);
}

/* In the second that comes twice, an announcement of before must not insert another. */
static void test_not_twice(void **state)
{
	struct bed b;

	(void)state;
	begin(&b, NULL, 100);
	b.facts.upstream = 1;
	for (double t = 5; t > -20; t -= 0.01) {
		publish(&b, t);
		assert_near(served(&b, t), -t - (t < 0), 1e-7);
	}
	assert_int_equal(b.plan.served, NTP64_SECOND);
}

static void test_half_years(void **state)
{
	static const struct {
		uint64_t now, leap;
	} cases[] = {
		{UINT64_C(3786825600), UINT64_C(3802550400)}, /* 2020-01-01: 2020-07-01 */
		{UINT64_C(3802550399), UINT64_C(3802550400)},
		{UINT64_C(3802550400), UINT64_C(3818448000)}, /* 2021-01-01 */
		{UINT64_C(3818447999), UINT64_C(3818448000)},
		{UINT64_C(3818448000), UINT64_C(3834086400)}, /* 2021-07-01 */
		{UINT64_C(4291747199), UINT64_C(4291747200)}, /* 2036-01-01 */
		{UINT64_C(4291747200), UINT64_C(4307472000)}, /* 2036-07-01, of the next era */
		{UINT64_C(6311433600), UINT64_C(6327072000)}, /* 2100-01-01, no leap year: 2100-07-01 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bed b;

		begin(&b, NULL, 0);
		b.even.time = cases[i].now << 32;
		b.out = b.even;
		b.facts.upstream = 1;
		assert_int_equal(leap_plan_apply(&b.plan, &b.facts, &b.out), LEAP_PLANNED);
		assert_int_equal(b.plan.midnight, cases[i].leap);
	}
}

/* The turn at the first second of an era, which is no midnight but must do no harm; and one in the second. */
static void test_eras(void **state)
{
	const uint64_t era = UINT64_C(1) << 32;
	struct bed b;

	(void)state;
	begin(&b, NULL, 0);
	tell_table(&b, 0);
	b.table.entry[b.table.entries++] = (struct leap_entry){era, 38};
	b.table.expires = era + LEAP_DAY;
	b.even.time = (era - 5) << 32;
	for (unsigned second = 0; second < 20; second++) {
		b.out = b.even;
		b.out.counter += second * hz;
		b.out.time = timebase_line(&b.even, b.out.counter);
		leap_plan_apply(&b.plan, &b.facts, &b.out);
		assert_near(ntp64_interval_to_seconds((int64_t)timebase_time(&b.out, b.out.counter)),
			(double)second - 5 - (second > 5), 1e-6);
		assert_int_equal(timebase_tai_offset(&b.out, timebase_side(&b.out, b.out.counter)),
			second > 5 ? 38 : 37);
	}
}

static void test_announcing_window(void **state)
{
	struct leap_options options;
	struct bed b;

	(void)state;
	leap_options_init(&options);
	options.announce = 28 * LEAP_DAY;
	begin(&b, &options, 30 * LEAP_DAY);
	tell_table(&b, 1);
	publish(&b, 29 * LEAP_DAY);
	assert_int_equal(b.out.leap, NTP_LEAP_NONE);
	publish(&b, 27.9 * LEAP_DAY);
	assert_int_equal(b.out.leap, NTP_LEAP_INSERT);
	assert_int_equal(b.out.leap_step, 0);
	/* Who is not synchronised says so, and turns nevertheless. */
	b.even.leap = NTP_LEAP_UNSYNC;
	publish(&b, 10);
	assert_int_equal(b.out.leap, NTP_LEAP_UNSYNC);
	assert_int_equal(b.out.leap_step, NTP64_SECOND);
}

/* What the sources say on both sides comes to one even scale, also from those that are late. */
static void test_even_scale(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct bed b;

		begin(&b, NULL, 100);
		tell_table(&b, sign);
		for (double t = 20; t > -40; t -= 0.25) {
			const uint64_t counter = counter_at(&b, t);
			const ntp64 even = timebase_line(&b.even, counter);

			publish(&b, t);
			/* UTC right, a second late in turning, and a second early. */
			for (double off = -1; off <= 1; off++) {
				const bool turned = t - (sign < 0) <= off;
				const ntp64 utc = even - (ntp64)(turned ? sign * (int64_t)NTP64_SECOND : 0);

				assert_true(leap_plan_even(&b.plan, counter, hz, utc, even + 1000) == even);
				/* Without an expectation, the side is the counter value's. */
				if (off == 0 && fabs(t - (sign < 0)) > 0.01)
					assert_true(leap_plan_even(&b.plan, counter, 0, utc, 0) == even);
			}
			if (fabs(t - (sign < 0)) > 0.01)
				assert_true(leap_plan_utc(&b.plan, counter, even) ==
					    timebase_time(&b.out, counter));
		}
		/* Long after it there is but one answer. */
		assert_true(leap_plan_even(&b.plan, counter_at(&b, -60), hz, midnight << 32, 0) ==
			    (midnight << 32) + (ntp64)(sign * (int64_t)NTP64_SECOND));
	}
}

static void smear_options(struct leap_options *options, enum leap_smear_shape shape, double window)
{
	leap_options_init(options);
	options->smear = shape;
	options->window = window;
}

/* A line at 4 ms after its publication is within 1 ns of the curve, off its corners; and time never jumps. */
static void check_smear(enum leap_smear_shape shape, int sign)
{
	const double window = LEAP_DAY;
	struct leap_options options;
	double worst = 0, corner = 0, jump = 0;
	struct bed b;

	smear_options(&options, shape, window);
	begin(&b, &options, 2 * LEAP_DAY);
	tell_table(&b, sign);
	for (double t = window / 2 + 20.0017; t > -window / 2 - 20;
		t -= fabs(t) > window / 2 - 1 ? 0.004 : 7.001) {
		const uint64_t counter = counter_at(&b, t), since = counter - b.out.counter;
		const ntp64 before = timebase_time(&b.out, counter);

		publish(&b, t);
		if (since < hz / 200)
			jump = fmax(jump, fabs((double)ntp64_diff(timebase_time(&b.out, counter), before)));
		for (uint64_t later = counter; later <= counter + hz / 250; later += hz / 1000) {
			const double to = to_midnight_at(&b, later);
			const double expected = -to - leap_smear(shape, window, sign, to);
			const ntp64 time = timebase_time(&b.out, later);
			const double error =
				fabs(ntp64_interval_to_seconds(ntp64_diff(time, midnight << 32)) - expected);

			if (fabs(fabs(to) - window / 2) < 0.005)
				corner = fmax(corner, error);
			else
				worst = fmax(worst, error);
		}
		assert_int_equal(b.out.leap, NTP_LEAP_NONE);
		assert_int_equal(b.out.leap_step, 0);
		assert_near(ntp64_interval_to_seconds(ntp64_diff(b.out.time, b.out.reference)), 0.25, 1e-8);
	}
	print_message("%s %+d: off by %.2f ns, at its corners %.2f ns; publications differ by %.2f ns\n",
		shape == LEAP_SMEAR_LINEAR ? "linear" : "cosine", sign, worst * 1e9, corner * 1e9,
		jump / 4.294967296);
	assert_true(worst < 1e-9 && corner < 12e-9);
	assert_int_equal(b.out.tai_offset, 37 + sign);
	assert_int_equal(b.plan.served, sign * (int64_t)NTP64_SECOND);
}

static void test_smears(void **state)
{
	(void)state;
	check_smear(LEAP_SMEAR_LINEAR, 1);
	check_smear(LEAP_SMEAR_LINEAR, -1);
	check_smear(LEAP_SMEAR_COSINE, 1);
	check_smear(LEAP_SMEAR_COSINE, -1);
}

/* What a line that nobody renews says of its error has in it what the curve does meanwhile, and behind its
 * end. */
static void check_abandoned(enum leap_smear_shape shape, int sign, double from)
{
	struct leap_options options;
	struct bed b;

	smear_options(&options, shape, LEAP_DAY);
	begin(&b, &options, 2 * LEAP_DAY);
	tell_table(&b, sign);
	publish(&b, LEAP_DAY / 2.0);
	publish(&b, from);
	for (double t = from; t > -2 * LEAP_DAY; t -= 97) {
		const uint64_t counter = counter_at(&b, t);
		const double to = to_midnight_at(&b, counter);
		const double expected = -to - leap_smear(shape, LEAP_DAY, sign, to);
		const ntp64 time = timebase_time(&b.out, counter);

		assert_near(ntp64_interval_to_seconds(ntp64_diff(time, midnight << 32)), expected,
			1e-9 + ntp64_interval_to_seconds((int64_t)timebase_error(&b.out, counter)));
	}
}

static void test_abandoned_smears(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2)
		for (double from = LEAP_DAY / 2; from > -LEAP_DAY / 2; from -= 4321) {
			check_abandoned(LEAP_SMEAR_LINEAR, sign, from);
			check_abandoned(LEAP_SMEAR_COSINE, sign, from);
		}
}

static void test_smear_fields(void **state)
{
	struct leap_options options;
	struct bed b;

	(void)state;
	smear_options(&options, LEAP_SMEAR_LINEAR, LEAP_DAY);
	begin(&b, &options, 2 * LEAP_DAY);
	tell_table(&b, 1);
	publish(&b, 43200.1);
	assert_int_equal(b.out.leap, NTP_LEAP_NONE); /* a client's own leap second would come on top */
	assert_int_equal(b.out.smear, 0);
	assert_memory_equal(b.out.refid, "PPS", 4);
	publish(&b, 43199.9);
	publish(&b, 21600);
	assert_near(ntp64_interval_to_seconds(b.out.smear), -0.25, 1e-9);
	assert_memory_equal(b.out.refid, "\xfe\xf0\x00\x00", 4);
	assert_int_equal(b.out.tai_offset, 37);
	publish(&b, -21600);
	assert_near(ntp64_interval_to_seconds(b.out.smear), 0.25, 1e-9);
	assert_memory_equal(b.out.refid, "\xfe\x10\x00\x00", 4);
	assert_int_equal(b.out.tai_offset, 38);
	assert_int_equal(publish(&b, -43201), LEAP_OVER);
	assert_int_equal(b.out.smear, 0);
	assert_memory_equal(b.out.refid, "PPS", 4);
	/* The growth of the error knows of the slope. */
	publish(&b, 21600);
	assert_true(b.out.error_growth == 0);
	begin(&b, &options, 2 * LEAP_DAY);
	tell_table(&b, 1);
	publish(&b, 100);
	assert_in_range(b.out.error_growth, (uint64_t)(NTP64_SECOND / LEAP_DAY), NTP64_SECOND / LEAP_DAY + 2);
	b.even.leap = NTP_LEAP_UNSYNC;
	publish(&b, 99);
	assert_int_equal(b.out.leap, NTP_LEAP_UNSYNC);
}

/* As ntpd has it: two bits before the point, 22 behind it. */
static void test_smear_refid(void **state)
{
	static const struct {
		double smear;
		uint8_t refid[4];
	} cases[] = {
		{0, {254, 0, 0, 0}},
		{1.0 / (1 << 22), {254, 0, 0, 1}},
		{-1.0 / (1 << 22), {254, 255, 255, 255}},
		{0.6 / (1 << 22), {254, 0, 0, 1}},
		{-0.25, {254, 0xf0, 0, 0}},
		{-0.5, {254, 0xe0, 0, 0}},
		{0.5, {254, 0x20, 0, 0}},
		{-2, {254, 0x80, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t refid[4];

		smear_refid(refid, (int64_t)(cases[i].smear * (double)NTP64_SECOND));
		assert_memory_equal(refid, cases[i].refid, 4);
	}
}

/* After a restart it goes on where it stood; told of late, it is squeezed, and time does not jump. */
static void test_smear_joined(void **state)
{
	static const double starts[] = {40000, 1000, 0.5, -1.5, -1000, -40000};
	struct leap_options options;
	struct bed b;

	(void)state;
	smear_options(&options, LEAP_SMEAR_COSINE, LEAP_DAY);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		const double t = starts[i], utc = t < 0; /* what UTC has taken already */

		begin(&b, &options, 2 * LEAP_DAY);
		b.even.time -= (ntp64)(t < 0 ? NTP64_SECOND : 0);
		tell_table(&b, 1);
		/* What was not known to be the time counts for nothing. */
		b.even.leap = NTP_LEAP_UNSYNC;
		assert_int_equal(publish(&b, 50000), LEAP_SAME);
		b.even.leap = NTP_LEAP_NONE;
		b.out.counter = counter_at(&b, t + utc);
		publish(&b, t + utc);
		assert_near(served(&b, t + utc), -t - leap_smear(LEAP_SMEAR_COSINE, LEAP_DAY, 1, t), 1e-8);
		for (double later = t; later > -43300; later -= 500)
			publish(&b, later + utc);
		assert_int_equal(publish(&b, -50000), LEAP_OVER);
		assert_int_equal(b.plan.served, t < 0 ? 0 : NTP64_SECOND);
	}
}

static void test_smear_late(void **state)
{
	struct leap_options options;
	double last = -30000;
	struct bed b;

	(void)state;
	smear_options(&options, LEAP_SMEAR_LINEAR, LEAP_DAY);
	begin(&b, &options, 2 * LEAP_DAY);
	publish(&b, 30000);
	b.facts.gnss = 1;
	for (double t = 29999; t > -50000; t--) {
		publish(&b, t);
		assert_near(served(&b, t) - last, 1, 2e-5);
		last = served(&b, t);
	}
	assert_near(last, 49998, 1e-4);
	assert_int_equal(b.plan.served, NTP64_SECOND);
}

/* A kernel that makes the leap second by itself, `late` seconds after it is due. */
struct kernel {
	struct timebase even;
	double turn; /* seconds of the even line, from its base */
	int sign;    /* 0: it makes none */
};

static void take_sample(const struct kernel *k, uint64_t counter, struct sample *sample)
{
	const double seconds = (double)(counter - k->even.counter) / 1e9;

	*sample = (struct sample){.counter = counter, .time = timebase_line(&k->even, counter), .half = 200};
	if (k->sign && seconds >= k->turn)
		sample->time -= (ntp64)(k->sign * (int64_t)NTP64_SECOND);
}

/* Follow it for a minute around the midnight as tickwire-clock does; gives what became of the leap second. */
static enum leap_follow_news follow(const struct kernel *k, int announced, double *worst, uint32_t *steps)
{
	struct leap_follow f = {0};
	struct timebase tb = {0};
	struct line line;
	enum leap_follow_news news, last = LEAP_FOLLOW_SAME;
	const double due = announced < 0 ? 29 : 30;

	*worst = 0;
	line_init(&line, 1e9, 4000);
	for (uint64_t i = 0; i < 15000; i++) {
		const uint64_t counter = k->even.counter + i * 4000000;
		const double seconds = (double)i * 0.004;
		double expected = (double)ntp64_diff(timebase_line(&k->even, counter), midnight << 32) /
				  (double)NTP64_SECOND;
		struct sample sample;

		take_sample(k, counter, &sample);
		(void)leap_follow_sample(&f, &tb, &sample);
		(void)line_update(&line, &sample);
		line_publish(&line, &tb);
		tb.leap = announced > 0 ? NTP_LEAP_INSERT : announced < 0 ? NTP_LEAP_DELETE : NTP_LEAP_NONE;
		tb.reference = tb.time - NTP64_SECOND / 8;
		if (i % 250 == 0)
			leap_follow_announce(&f, seconds < k->turn ? announced : 0, &tb);
		news = leap_follow_publish(&f, &line, &tb);
		if (news != LEAP_FOLLOW_SAME)
			last = news;
		if (seconds >= due && announced)
			expected -= announced;
		if (fabs(seconds - due) > 0.001)
			*worst = fmax(*worst, fabs(ntp64_interval_to_seconds(ntp64_diff(
							   timebase_time(&tb, counter), midnight << 32)) -
						      expected));
		assert_true(ntp64_diff(tb.time, tb.reference) >= 0 || tb.leap_step);
		if (announced && k->sign && seconds > 0.1 && fabs(seconds - due) > 0.001)
			assert_int_equal(timebase_leap(&tb, timebase_side(&tb, counter)),
				seconds < due ? tb.leap : NTP_LEAP_NONE);
	}
	*steps = line.steps;
	return last;
}

static void make_kernel(struct kernel *k, int sign, double late)
{
	*k = (struct kernel){.sign = sign, .turn = (sign < 0 ? 29 : 30) + late};
	k->even = (struct timebase){
		.counter = UINT64_C(7) << 41, .time = (midnight - 30) << 32, .rate = rate, .counter_hz = hz};
}

/* Whenever the kernel makes it, what is served turns on time, and the line sees no step. */
static void test_kernel_turns(void **state)
{
	static const double lates[] = {0, 0.0031, 0.01, 0.5, 2, 6, -0.002, -0.5};

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2)
		for (size_t i = 0; i < sizeof(lates) / sizeof(lates[0]); i++) {
			struct kernel k;
			double worst;
			uint32_t steps;

			make_kernel(&k, sign, lates[i]);
			assert_int_equal(follow(&k, sign, &worst, &steps), LEAP_FOLLOW_OVER);
			assert_int_equal(steps, 0);
			assert_true(worst < 1e-6);
		}
}

/* One that does not is followed as it is, from some seconds on. */
static void test_kernel_does_not_turn(void **state)
{
	struct kernel k;
	double worst;
	uint32_t steps;

	(void)state;
	make_kernel(&k, 0, 0);
	assert_int_equal(follow(&k, 1, &worst, &steps), LEAP_FOLLOW_MISSED);
	assert_near(worst, 1, 1e-6);
	/* And a step that nobody has announced is a step. */
	make_kernel(&k, 1, 0);
	assert_int_equal(follow(&k, 0, &worst, &steps), LEAP_FOLLOW_SAME);
	assert_int_equal(steps, 1);
}

/* A kernel that is told to insert a second says so, and no longer once it has. */
static void test_kernel_says(void **state)
{
	(void)state;
	assert_int_equal(leap_follow_sign(TIME_OK, 0), 0);
	assert_int_equal(leap_follow_sign(TIME_INS, STA_INS), 1);
	assert_int_equal(leap_follow_sign(TIME_DEL, STA_DEL), -1);
	assert_int_equal(leap_follow_sign(TIME_OOP, STA_INS), 0);
	assert_int_equal(leap_follow_sign(TIME_WAIT, STA_INS), 0);
	assert_int_equal(leap_follow_sign(TIME_ERROR, STA_UNSYNC | STA_INS), 1);
	assert_int_equal(leap_follow_sign(TIME_ERROR, STA_UNSYNC | STA_DEL), -1);
	assert_int_equal(leap_follow_sign(TIME_ERROR, STA_UNSYNC | STA_INS | STA_DEL), 0);
	assert_int_equal(leap_follow_sign(TIME_ERROR, STA_UNSYNC), 0);
	assert_int_equal(leap_follow_sign(-1, STA_INS), 0);
}

static void test_is_step(void **state)
{
	const int64_t second = (int64_t)NTP64_SECOND;
	struct leap_turn turn = {.step = second, .at = 50 * hz, .fixed = true};

	(void)state;
	assert_true(leap_is_step(&turn, -second, 50 * hz, hz));
	assert_true(leap_is_step(&turn, -second + second / 11, 59 * hz, hz));
	assert_true(leap_is_step(&turn, -second, 41 * hz, hz));
	assert_false(leap_is_step(&turn, -second, 61 * hz, hz));
	assert_false(leap_is_step(&turn, -second, 39 * hz, hz));
	assert_false(leap_is_step(&turn, second, 50 * hz, hz));
	assert_false(leap_is_step(&turn, -second * 9 / 8, 50 * hz, hz));
	assert_false(leap_is_step(&turn, 0, 50 * hz, hz));
	turn.fixed = false;
	assert_false(leap_is_step(&turn, -second, 50 * hz, hz));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_fixed_turn),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_not_twice),
		cmocka_unit_test(test_half_years),
		cmocka_unit_test(test_eras),
		cmocka_unit_test(test_announcing_window),
		cmocka_unit_test(test_even_scale),
		cmocka_unit_test(test_smears),
		cmocka_unit_test(test_abandoned_smears),
		cmocka_unit_test(test_smear_fields),
		cmocka_unit_test(test_smear_refid),
		cmocka_unit_test(test_smear_joined),
		cmocka_unit_test(test_smear_late),
		cmocka_unit_test(test_kernel_turns),
		cmocka_unit_test(test_kernel_does_not_turn),
		cmocka_unit_test(test_is_step),
		cmocka_unit_test(test_kernel_says),
	};

	return cmocka_run_group_tests_name("leap plan", tests, NULL, NULL);
}
