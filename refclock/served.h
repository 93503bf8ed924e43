/*
 * The line that is served: continuous, and led to the disciplined time by a slew of limited speed, or by a
 * step where the caller decides so. Pure, one thread per struct.
 */
#ifndef REFCLOCK_SERVED_H
#define REFCLOCK_SERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/timestamp.h"

struct served {
	uint64_t counter; /* the line goes through this ... */
	ntp64 time;       /* ... and this ... */
	uint64_t part;    /* ... with so many 2^-TIMEBASE_RATE_SHIFT units, which would add up otherwise */
	uint64_t rate;    /* ... at so many units per tick, times 2^TIMEBASE_RATE_SHIFT */
	double slew;      /* the part of the rate that leads to the disciplined time, relative */
	double remaining; /* s: the disciplined time is ahead by so much at `counter` */
	uint32_t steps;
	bool started;
};

/* Where the disciplined time runs. */
struct served_target {
	ntp64 time;  /* at the counter value that is steered at */
	double rate; /* relative to the nominal one */
	double hz;   /* nominal */
};

/* The time on the line at a counter value. */
ntp64 served_time(const struct served *s, uint64_t counter);

/* Lead the line to the target from `counter` on. limit: relative, the fastest slew. horizon: seconds in which
 * an offset shall mostly be gone; no less than the time until the next call, or the line overshoots. */
void served_steer(
	struct served *s, uint64_t counter, const struct served_target *target, double limit, double horizon);

/* Put the line onto the target. Returns the step in seconds, 0 the first time. */
double served_step(struct served *s, uint64_t counter, const struct served_target *target);

#endif
