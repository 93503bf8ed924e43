/*
 * What is to be done about leap seconds: who announces one, when it is served as announced, the turn or the
 * smear, and TAI. Pure; one thread per struct leap_plan.
 *
 * The discipline's line never turns: it goes on evenly through a leap second, on a scale that was UTC when
 * the plan began ("even" time). Between it and UTC stands the plan: leap_plan_apply makes of the even line
 * what is published, leap_plan_even puts a source's UTC on the even scale.
 */
#ifndef REFCLOCK_LEAP_PLAN_H
#define REFCLOCK_LEAP_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/leap.h"
#include "refclock/leap_turn.h"
#include "refclock/smear.h"
#include "refclock/timebase.h"

enum {
	LEAP_UNHEARD = 2, /* in place of a sign: it says nothing, also not that there is no leap second */
	LEAP_LATE_SECONDS = 16, /* by which a source may turn before or after us and still be understood */
};

struct leap_options {
	uint32_t announce; /* s before the leap second from which on LI says so; LEAP_DAY by default */
	enum leap_smear_shape smear;
	double window;  /* s: of the smear; 86400 by default */
	double horizon; /* s from one publication to the next */
};

/* Whose word counts, the best first. */
enum leap_authority {
	LEAP_NOBODY = 0, /* there is no leap second ahead */
	LEAP_BY_TABLE,
	LEAP_BY_GNSS,
	LEAP_BY_UPSTREAM,
};

/*
 * What is known at present. A table that says when it ends has the last word until then, also that there is
 * none; one that does not say names what it knows and leaves the rest to the others. A receiver's word goes
 * before that of an upstream server. Both say no date: what they announce is taken to come at the end of June
 * or December, as all have so far, and an announcement in other months to wait for it.
 */
struct leap_facts {
	const struct leap_table *table; /* NULL: there is none */
	int gnss, upstream;             /* +1, -1, 0: none comes, or LEAP_UNHEARD */
};

/* Private but for what leap_plan_* tell of it and `authority`, `sign` and `midnight`. */
struct leap_plan {
	struct leap_options options;
	enum leap_authority authority;
	int sign; /* +1: a second is inserted, -1: deleted; 0: none ahead, nor being turned or smeared */
	uint64_t midnight; /* of the leap second, in seconds since 1900 */
	uint64_t done;     /* the midnight of the last one that is over */
	bool begun;        /* there has been a publication */
	bool smearing;     /* the window has begun */
	struct leap_turn turn;
	struct smear smear;
	int64_t served; /* units: even time less served time, without the leap second under way */
	int64_t told;   /* units: even time less the sources' UTC, likewise */
	int32_t untold; /* s of leap seconds that are over and that no table told of: for TAI */
};

enum leap_news {
	LEAP_SAME,
	LEAP_PLANNED,   /* another leap second, or another authority for it */
	LEAP_WITHDRAWN, /* the one that was planned does not come */
	LEAP_OVER,      /* it has been turned, or smeared to the end */
};

void leap_options_init(struct leap_options *options);
void leap_plan_init(struct leap_plan *plan, const struct leap_options *options);

/*
 * Make of the discipline's timebase what is to be published: time, reference, leap, leap_at, leap_step,
 * tai_offset and, smeared, rate, refid, error_growth and smear. `timebase` comes with the line on the even
 * scale, based at about now, and a leap of NTP_LEAP_NONE or NTP_LEAP_UNSYNC. Before the first one that is
 * synchronised nothing is planned: nobody knows what time it is.
 *
 * A leap second that is under way, from LEAP_FREEZE_SECONDS ahead of the turn or from the beginning of its
 * smear on, is not given up whatever the facts say then. A smear that is planned when its window has already
 * begun is squeezed into what is left of it, so that time does not jump; but at the first publication it is
 * joined where it stands, before or after midnight, as after a restart.
 */
enum leap_news leap_plan_apply(
	struct leap_plan *plan, const struct leap_facts *facts, struct timebase *timebase);

/*
 * A source's UTC at a counter value, on the even scale. Near a turn a source may be early or late: then it is
 * the side that is nearer to `expected`, the even time that the line had there. With a counter_hz of 0
 * nothing is expected: the side is the counter value's.
 */
ntp64 leap_plan_even(
	const struct leap_plan *plan, uint64_t counter, uint64_t counter_hz, ntp64 utc, ntp64 expected);

/* UTC of an even time at a counter value: the inverse, by the side that the counter value is on. */
ntp64 leap_plan_utc(const struct leap_plan *plan, uint64_t counter, ntp64 even);

/* Days until the midnight of the next leap second, rounded up; negative: none is known. `utc`: now. */
int leap_plan_days(const struct leap_plan *plan, ntp64 utc);

#endif
