#include "refclock/leap_follow.h"

#include <sys/timex.h>

#include "refclock/leap.h"

int leap_follow_sign(int state, int status)
{
	if (state == TIME_INS || state == TIME_DEL)
		return state == TIME_INS ? 1 : -1;
	if (state != TIME_ERROR || !(status & STA_INS) == !(status & STA_DEL))
		return 0;
	return status & STA_INS ? 1 : -1;
}

static bool is_quiet(const struct leap_follow *f, uint64_t counter)
{
	return f->over && (int64_t)(f->quiet_until - counter) > 0;
}

void leap_follow_announce(struct leap_follow *f, int sign, const struct timebase *line)
{
	const uint64_t day = leap_seconds(line->time) / LEAP_DAY;

	if (f->turn.fixed || is_quiet(f, line->counter))
		return;
	if (sign)
		leap_turn_set(&f->turn, (day + 1) * LEAP_DAY, sign);
	else
		f->turn = (struct leap_turn){0};
}

bool leap_is_step(const struct leap_turn *turn, int64_t jump, uint64_t counter, uint64_t hz)
{
	const int64_t off = jump + turn->step, most = (int64_t)NTP64_SECOND / 10;

	return leap_turn_is_near(turn, counter, hz, LEAP_FOLLOW_SECONDS) && off < most && off > -most;
}

bool leap_follow_sample(struct leap_follow *f, const struct timebase *line, struct sample *sample)
{
	bool first = false;

	if (!f->turned && f->turn.fixed) {
		const int64_t jump = ntp64_diff(sample->time, timebase_line(line, sample->counter));

		first = leap_is_step(&f->turn, jump, sample->counter, line->counter_hz);
		f->turned = first;
	}
	if (f->turned)
		sample->time += (ntp64)f->turn.step;
	return first;
}

static enum leap_follow_news finish(struct leap_follow *f, struct line *line, struct timebase *tb)
{
	const enum leap_follow_news news = f->turned ? LEAP_FOLLOW_OVER : LEAP_FOLLOW_MISSED;

	if (f->turned) {
		line_shift(line, -f->turn.step);
		tb->time -= (ntp64)f->turn.step;
	}
	*f = (struct leap_follow){
		.over = true, .quiet_until = tb->counter + LEAP_QUIET_SECONDS * tb->counter_hz};
	return news;
}

/* A reference time of before the leap would be later than the time is now. Whole seconds: its lowest bits
 * have a meaning (KEEPER_MARK). */
static void mend_reference(struct timebase *tb)
{
	const int64_t ahead = ntp64_diff(tb->reference, tb->time);

	if (ahead > 0 && ahead < 2 * (int64_t)NTP64_SECOND)
		tb->reference -= 2 * NTP64_SECOND;
}

enum leap_follow_news leap_follow_publish(struct leap_follow *f, struct line *line, struct timebase *tb)
{
	const unsigned wait = f->turned ? LEAP_KEEP_SECONDS : LEAP_FOLLOW_SECONDS;
	enum leap_follow_news news = LEAP_FOLLOW_SAME;

	leap_turn_find(&f->turn, tb);
	if (leap_turn_is_past(&f->turn, tb->counter, tb->counter_hz, wait))
		news = finish(f, line, tb);
	if (is_quiet(f, tb->counter)) {
		mend_reference(tb);
		if (tb->leap != NTP_LEAP_UNSYNC)
			tb->leap = NTP_LEAP_NONE;
	}
	leap_turn_publish(&f->turn, tb);
	return news;
}
