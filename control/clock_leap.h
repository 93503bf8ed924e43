/*
 * Leap seconds in the clock daemon: the table that the operator has named, what receivers and the kernel
 * clock's keeper announce, and the plan that comes of it (refclock/leap_plan.h). One thread.
 */
#ifndef CONTROL_CLOCK_LEAP_H
#define CONTROL_CLOCK_LEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/clock_settings.h"
#include "refclock/leap.h"
#include "refclock/leap_plan.h"
#include "refclock/sources.h"
#include "refclock/timebase.h"

struct clock_leap {
	struct leap_table table;
	bool has_table;
	struct leap_facts facts;
	struct leap_plan plan;
	enum leap_expiry expiry;       /* as last told */
	enum leap_authority authority; /* likewise */
};

/* Read the table, with the daemon's privileges. One that cannot be used is said in the log and done without:
 * the supervisor has refused it at its start and at a reload, and what goes bad later must not take the time
 * with it. `horizon`: s between two publications. */
void clock_leap_start(struct clock_leap *leap, const struct clock_settings *settings, double horizon);

/* Once a second: what the sources say now. `upstream`: enum ntp_leap of the kernel clock's keeper. */
void clock_leap_hear(struct clock_leap *leap, const struct sources *report, unsigned upstream);

/* Now and then, once the time is known, which is `utc`: say when the table ends soon, or has ended. */
void clock_leap_look(struct clock_leap *leap, ntp64 utc);

/* Turn the timebase of the discipline into what is published, and say what is new of it. */
void clock_leap_apply(struct clock_leap *leap, struct timebase *timebase);

/* TAI - UTC by the table at a time, in s; 0 where there is none. */
int clock_leap_tai(const struct clock_leap *leap, ntp64 utc);

/* Its half of the report. */
void clock_leap_report(
	const struct clock_leap *leap, const struct timebase *published, struct sources *report);

#endif
