/*
 * The turn of a leap second: at which counter value the time is set back or forward by a second, and how that
 * is published (struct timebase: leap_at, leap_step). Pure; one thread per struct leap_turn.
 *
 * An inserted second is turned at midnight, when the time goes back to 23:59:59 and counts it again; a
 * deleted one at 23:59:59, which becomes midnight. That is what Linux and ntpd do.
 */
#ifndef REFCLOCK_LEAP_TURN_H
#define REFCLOCK_LEAP_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/timebase.h"

enum {
	LEAP_FREEZE_SECONDS = 2, /* ahead of the turn, from which on leap_at stays: many publications */
	LEAP_KEEP_SECONDS = 4,   /* for which the turn is published on: no burst is that old */
};

/* Private but for `step`. All zeros: no turn. */
struct leap_turn {
	int64_t step; /* units, as in the timebase; 0: no turn */
	ntp64 time;   /* of the line at the turn, on the side before it */
	uint64_t at;  /* counter value; 0 before the first publication */
	bool fixed;   /* `at` does not move any more */
};

/* A leap second of that sign, +1 or -1, at a midnight (seconds since 1900). The same again changes nothing.
 */
void leap_turn_set(struct leap_turn *turn, uint64_t midnight, int sign);

/*
 * Find or keep the counter value of the turn, by the timebase's line, which is that of before the turn; its
 * counter is the present. A line that has been stepped meanwhile by more than a tenth of a second moves
 * even a fixed turn that is still ahead.
 */
void leap_turn_find(struct leap_turn *turn, const struct timebase *timebase);

/* Set leap_at and leap_step: after leap_turn_find. */
void leap_turn_publish(const struct leap_turn *turn, struct timebase *timebase);

/* Whether a counter value is behind the turn, and by at least that many seconds of a counter of `hz` ticks.
 * Never without a turn. */
bool leap_turn_is_past(const struct leap_turn *turn, uint64_t counter, uint64_t hz, unsigned seconds);

/* Whether a counter value is less than that many seconds away from the turn, on either side. */
bool leap_turn_is_near(const struct leap_turn *turn, uint64_t counter, uint64_t hz, unsigned seconds);

#endif
