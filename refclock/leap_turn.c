#include "refclock/leap_turn.h"

void leap_turn_set(struct leap_turn *turn, uint64_t midnight, int sign)
{
	const int64_t step = sign < 0 ? -(int64_t)NTP64_SECOND : (int64_t)NTP64_SECOND;
	const ntp64 time = (midnight - (sign < 0)) << 32;

	if (turn->step == step && turn->time == time)
		return;
	*turn = (struct leap_turn){.step = step, .time = time};
}

/* Units: how far the line is from the turn's time at the turn's counter value. */
static uint64_t miss(const struct leap_turn *turn, const struct timebase *tb)
{
	const int64_t units = ntp64_diff(timebase_line(tb, turn->at), turn->time);

	return (uint64_t)(units < 0 ? -units : units);
}

void leap_turn_find(struct leap_turn *turn, const struct timebase *tb)
{
	if (turn->step == 0 || tb->rate == 0)
		return;
	if (turn->fixed && (leap_turn_is_past(turn, tb->counter, tb->counter_hz, 0) ||
				   miss(turn, tb) < NTP64_SECOND / 10))
		return;
	turn->at = timebase_counter_at(tb, turn->time);
	turn->fixed = (int64_t)(turn->at - tb->counter) < (int64_t)(LEAP_FREEZE_SECONDS * tb->counter_hz);
}

void leap_turn_publish(const struct leap_turn *turn, struct timebase *tb)
{
	tb->leap_at = turn->step ? turn->at : 0;
	tb->leap_step = turn->step;
}

bool leap_turn_is_past(const struct leap_turn *turn, uint64_t counter, uint64_t hz, unsigned seconds)
{
	return turn->fixed && (int64_t)(counter - turn->at) >= (int64_t)(seconds * hz);
}

bool leap_turn_is_near(const struct leap_turn *turn, uint64_t counter, uint64_t hz, unsigned seconds)
{
	const int64_t ticks = (int64_t)(counter - turn->at);

	return turn->fixed && ticks < (int64_t)(seconds * hz) && ticks > -(int64_t)(seconds * hz);
}
