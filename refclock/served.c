#include "refclock/served.h"

#include <math.h>

#include "refclock/timebase.h"

/* No oscillator is farther off than this, and a line that stands still or runs backwards helps nobody. */
static const double sane = 0.1;

ntp64 served_time(const struct served *s, uint64_t counter)
{
	struct timebase line = {.counter = s->counter, .time = s->time, .rate = s->rate};

	return timebase_time(&line, counter);
}

static void set_rate(struct served *s, const struct served_target *target)
{
	double relative = fmin(fmax(target->rate, -sane), sane) + s->slew;
	double units = (double)NTP64_SECOND / target->hz * (1 + relative);

	s->rate = (uint64_t)fmin(rint(units * 0x1p48), 0x1p63);
}

static void go_to(struct served *s, uint64_t counter)
{
	__extension__ typedef __int128 int128;
	int128 units = (int128)(int64_t)(counter - s->counter) * (int128)s->rate + (int128)s->part;

	s->counter = counter;
	s->time += (ntp64)(units >> TIMEBASE_RATE_SHIFT);
	s->part = (uint64_t)units & ((UINT64_C(1) << TIMEBASE_RATE_SHIFT) - 1);
}

void served_steer(
	struct served *s, uint64_t counter, const struct served_target *target, double limit, double horizon)
{
	go_to(s, counter);
	s->remaining = (double)ntp64_diff(target->time, s->time) / (double)NTP64_SECOND;
	s->slew = fmin(fmax(s->remaining / horizon, -limit), limit);
	set_rate(s, target);
}

double served_step(struct served *s, uint64_t counter, const struct served_target *target)
{
	double step =
		s->started ? (double)ntp64_diff(target->time, served_time(s, counter)) / (double)NTP64_SECOND
			   : 0;

	s->steps += s->started;
	s->started = true;
	s->counter = counter;
	s->time = target->time;
	s->part = 0;
	s->slew = s->remaining = 0;
	set_rate(s, target);
	return step;
}
