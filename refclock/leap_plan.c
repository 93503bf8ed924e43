#include "refclock/leap_plan.h"

struct choice {
	enum leap_authority authority;
	int sign;
	uint64_t midnight;
};

void leap_options_init(struct leap_options *options)
{
	*options = (struct leap_options){
		.announce = LEAP_DAY, .smear = LEAP_SMEAR_OFF, .window = LEAP_DAY, .horizon = 0.004};
}

void leap_plan_init(struct leap_plan *plan, const struct leap_options *options)
{
	*plan = (struct leap_plan){.options = *options};
}

/* Days from 1900 to the first of January of a year from 1900 on. */
static uint64_t days_to_year(uint64_t year)
{
	const uint64_t before = year - 1, leap_days_to_1900 = 460;

	return (year - 1900) * 365 + before / 4 - before / 100 + before / 400 - leap_days_to_1900;
}

/* The next midnight of 1 July or 1 January, later than `seconds`. */
static uint64_t half_year_after(uint64_t seconds)
{
	const uint64_t day = seconds / LEAP_DAY;
	uint64_t year = 1900 + day / 366, july;

	while (days_to_year(year + 1) <= day)
		year++;
	july = days_to_year(year + 1) - 184;
	return (day < july ? july : days_to_year(year + 1)) * LEAP_DAY;
}

static struct choice announced(enum leap_authority authority, int sign, uint64_t after)
{
	if (sign == 0)
		return (struct choice){0};
	return (struct choice){authority, sign, half_year_after(after)};
}

/* The next leap second later than `after`, by the best word for it. */
static struct choice choose(const struct leap_facts *facts, uint64_t seconds, uint64_t after)
{
	struct choice c = {.authority = LEAP_BY_TABLE};
	enum leap_expiry expiry = LEAP_EXPIRED;

	if (facts->table)
		expiry = leap_expiry(facts->table, seconds, NULL);
	if (expiry != LEAP_EXPIRED && leap_next(facts->table, after + 1, &c.midnight, &c.sign))
		return c;
	if (expiry == LEAP_EXPIRY_GOOD || expiry == LEAP_EXPIRY_SOON)
		return (struct choice){0};
	if (facts->gnss != LEAP_UNHEARD)
		return announced(LEAP_BY_GNSS, facts->gnss, after);
	if (facts->upstream != LEAP_UNHEARD)
		return announced(LEAP_BY_UPSTREAM, facts->upstream, after);
	return (struct choice){0};
}

static enum leap_news take_choice(struct leap_plan *plan, const struct choice *c)
{
	const bool same =
		c->authority == plan->authority && c->sign == plan->sign && c->midnight == plan->midnight;

	if (same)
		return LEAP_SAME;
	plan->authority = c->authority;
	plan->sign = c->sign;
	plan->midnight = c->midnight;
	if (c->sign)
		leap_turn_set(&plan->turn, c->midnight, c->sign);
	else
		plan->turn = (struct leap_turn){0};
	return c->sign ? LEAP_PLANNED : LEAP_WITHDRAWN;
}

static enum leap_news decide(struct leap_plan *plan, const struct leap_facts *facts, uint64_t seconds)
{
	const struct choice c = choose(facts, seconds, seconds > plan->done ? seconds : plan->done);

	return take_choice(plan, &c);
}

/* Even time is UTC of after the leap, but a smear of it is still to be finished. */
static bool join_smear(struct leap_plan *plan, const struct leap_facts *facts, uint64_t seconds)
{
	const uint64_t half = (uint64_t)(plan->options.window / 2);
	struct choice c = {.authority = LEAP_BY_TABLE};

	if (plan->begun || plan->options.smear == LEAP_SMEAR_OFF || !facts->table ||
		!leap_next(facts->table, seconds - half, &c.midnight, &c.sign) || c.midnight > seconds)
		return false;
	(void)take_choice(plan, &c);
	plan->served = plan->told = -plan->turn.step;
	return true;
}

static bool is_under_way(const struct leap_plan *plan)
{
	return plan->smearing || (plan->options.smear == LEAP_SMEAR_OFF && plan->turn.fixed);
}

static bool is_over(const struct leap_plan *plan, const struct timebase *tb)
{
	if (plan->smearing)
		return smear_is_over(&plan->smear, tb->time - (ntp64)plan->served);
	return plan->options.smear == LEAP_SMEAR_OFF &&
	       leap_turn_is_past(&plan->turn, tb->counter, tb->counter_hz, LEAP_KEEP_SECONDS);
}

/* From now on the other side is where all begins. */
static void finish(struct leap_plan *plan)
{
	plan->served += plan->turn.step;
	plan->told += plan->turn.step;
	plan->untold = plan->authority == LEAP_BY_TABLE ? 0 : plan->sign;
	plan->done = plan->midnight;
	plan->turn = (struct leap_turn){0};
	plan->authority = LEAP_NOBODY;
	plan->sign = 0;
	plan->midnight = 0;
	plan->smearing = false;
}

/* The window's beginning, or what is left of it. `now` is on the side before the leap. */
static void begin_smear(struct leap_plan *plan, ntp64 now)
{
	const ntp64 midnight = plan->midnight << 32;
	const double to_midnight = ntp64_interval_to_seconds(ntp64_diff(midnight, now));
	const double half = plan->options.window / 2;
	struct smear s = {plan->options.smear, plan->options.window, plan->sign, midnight, midnight};

	if (plan->options.smear == LEAP_SMEAR_OFF || plan->sign == 0 || plan->smearing ||
		to_midnight > half + plan->options.horizon)
		return;
	if (plan->begun && to_midnight < half - 1) {
		s.window = to_midnight + half;
		s.middle = now + (ntp64)(s.window / 2 * (double)NTP64_SECOND);
	}
	plan->smear = s;
	plan->smearing = true;
}

/* TAI - UTC by the table, with a leap second that it does not know. `seconds` is on the side before a leap
 * second that is under way. */
static int32_t tai_offset(const struct leap_plan *plan, const struct leap_table *table, uint64_t seconds)
{
	int32_t tai;

	if (!table || table->entries == 0)
		return 0;
	/* A turn is published as such: it is not this that makes it. */
	if (plan->sign && plan->options.smear == LEAP_SMEAR_OFF && seconds >= plan->midnight)
		seconds = plan->midnight - 1;
	tai = leap_tai_offset(table, seconds);
	return plan->untold && table->entry[table->entries - 1].seconds < plan->done ? tai + plan->untold
										     : tai;
}

static void announce(const struct leap_plan *plan, uint64_t seconds, struct timebase *tb)
{
	if (tb->leap == NTP_LEAP_UNSYNC || plan->sign == 0 ||
		seconds + plan->options.announce < plan->midnight)
		return;
	tb->leap = plan->sign < 0 ? NTP_LEAP_DELETE : NTP_LEAP_INSERT;
}

/* The time is not known yet, and with it neither is what comes. */
static void publish_none(struct timebase *tb)
{
	tb->leap_at = 0;
	tb->leap_step = 0;
	tb->tai_offset = 0;
	tb->smear = 0;
}

static void publish(
	struct leap_plan *plan, const struct leap_facts *facts, uint64_t seconds, struct timebase *tb)
{
	publish_none(tb);
	tb->tai_offset = tai_offset(plan, facts->table, seconds);
	if (tb->leap != NTP_LEAP_UNSYNC)
		tb->leap = NTP_LEAP_NONE;
	leap_turn_find(&plan->turn, tb);
	if (plan->options.smear == LEAP_SMEAR_OFF) {
		announce(plan, seconds, tb);
		if (seconds + LEAP_DAY >= plan->midnight)
			leap_turn_publish(&plan->turn, tb);
		return;
	}
	begin_smear(plan, tb->time);
	if (plan->smearing)
		smear_line(tb, &plan->smear, plan->options.horizon);
}

enum leap_news leap_plan_apply(struct leap_plan *plan, const struct leap_facts *facts, struct timebase *tb)
{
	enum leap_news news = LEAP_SAME;
	uint64_t seconds;

	if (!plan->begun && tb->leap == NTP_LEAP_UNSYNC) {
		publish_none(tb);
		return LEAP_SAME;
	}
	if (is_over(plan, tb)) {
		finish(plan);
		news = LEAP_OVER;
	}
	if (join_smear(plan, facts, leap_seconds(tb->time)))
		news = LEAP_PLANNED;
	tb->time -= (ntp64)plan->served;
	tb->reference -= (ntp64)plan->served;
	seconds = leap_seconds(tb->time);
	if (news == LEAP_SAME && !is_under_way(plan))
		news = decide(plan, facts, seconds);
	publish(plan, facts, seconds, tb);
	plan->begun = true;
	return news;
}

static uint64_t distance(ntp64 a, ntp64 b)
{
	const int64_t units = ntp64_diff(a, b);

	return (uint64_t)(units < 0 ? -units : units);
}

ntp64 leap_plan_even(
	const struct leap_plan *plan, uint64_t counter, uint64_t counter_hz, ntp64 utc, ntp64 expected)
{
	const ntp64 before = utc + (ntp64)plan->told, after = before + (ntp64)plan->turn.step;

	if (leap_turn_is_near(&plan->turn, counter, counter_hz, LEAP_LATE_SECONDS))
		return distance(after, expected) < distance(before, expected) ? after : before;
	return leap_turn_is_past(&plan->turn, counter, counter_hz, 0) ? after : before;
}

ntp64 leap_plan_utc(const struct leap_plan *plan, uint64_t counter, ntp64 even)
{
	const ntp64 before = even - (ntp64)plan->told;

	return leap_turn_is_past(&plan->turn, counter, 0, 0) ? before - (ntp64)plan->turn.step : before;
}

int leap_plan_days(const struct leap_plan *plan, ntp64 utc)
{
	const uint64_t seconds = leap_seconds(utc);

	if (plan->sign == 0)
		return -1;
	return seconds >= plan->midnight ? 0 : (int)((plan->midnight - seconds + LEAP_DAY - 1) / LEAP_DAY);
}
