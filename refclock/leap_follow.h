/*
 * The leap second of a clock that makes it by itself: the kernel's, which its keeper has told (STA_INS,
 * STA_DEL). The line that follows the clock goes on evenly, the turn is published ahead of time, and the
 * step that the clock makes some milliseconds later is known for what it is. Pure; one thread per struct
 * leap_follow.
 */
#ifndef REFCLOCK_LEAP_FOLLOW_H
#define REFCLOCK_LEAP_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/leap_turn.h"
#include "refclock/line.h"
#include "refclock/sample.h"

enum {
	LEAP_FOLLOW_SECONDS = 10, /* by which the clock may make the leap second early or late */
	LEAP_QUIET_SECONDS = 600, /* after the turn, in which an announcement is the old one still */
};

/* All zeros: no leap second. */
struct leap_follow {
	struct leap_turn turn;
	bool turned;          /* the clock has made the step */
	bool over;            /* there has been a leap second ... */
	uint64_t quiet_until; /* ... and to this counter value nothing more is said of it */
};

/*
 * What the kernel will do at the end of its day, by what adjtimex() returned and the status that it filled in
 * (<sys/timex.h>): +1, -1 or 0. A clock that is kept without the kernel's knowledge (TIME_ERROR) has its leap
 * second too.
 */
int leap_follow_sign(int state, int status);

/*
 * Take over what the kernel will do at the end of its day: `sign` is leap_follow_sign's. `line`: as last
 * published, whose time says which day that is (that before a turn under way). From LEAP_FREEZE_SECONDS ahead
 * of the turn on this changes nothing any more, nor within LEAP_QUIET_SECONDS after it.
 */
void leap_follow_announce(struct leap_follow *follow, int sign, const struct timebase *line);

/* Whether a jump of that many units, seen at a counter value, is the step of that leap second. */
bool leap_is_step(const struct leap_turn *turn, int64_t jump, uint64_t counter, uint64_t hz);

/*
 * A sample of the clock, before line_update: put on the scale of before the turn where the clock has made its
 * step. `line`: the line as last published, without leap_at; before the first one any. True when this sample
 * is the first behind the step.
 */
bool leap_follow_sample(struct leap_follow *follow, const struct timebase *line, struct sample *sample);

enum leap_follow_news {
	LEAP_FOLLOW_SAME,
	LEAP_FOLLOW_OVER,   /* the line is on the other side now */
	LEAP_FOLLOW_MISSED, /* the clock has not made the step: it is followed as it is */
};

/* After a line_publish: finish a leap second that is over, which moves the line and the timebase to the other
 * side, and set leap_at and leap_step, and LI and the reference time so that they fit to them. */
enum leap_follow_news leap_follow_publish(
	struct leap_follow *follow, struct line *line, struct timebase *timebase);

#endif
