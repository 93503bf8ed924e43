/*
 * What to tell the kernel so that its clock follows the disciplined time (directive steer_kernel): the
 * frequency that it lacks, the offset made good over some seconds, a step where that would take too long.
 * Pure: the caller measures, and calls clock_adjtime(2). One thread per struct.
 */
#ifndef REFCLOCK_KERNEL_STEER_H
#define REFCLOCK_KERNEL_STEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>

enum {
	KERNEL_STEER_SECONDS = 8,   /* in which an offset is made good */
	KERNEL_STEER_MOST_PPM = 500 /* the kernel's range of frequency (MAXFREQ) */
};

struct kernel_steer {
	double step_threshold; /* s: an offset beyond it is stepped; 0: never */
	int step_limit;        /* so many steps after the start; -1: always */
	int steps;             /* made */
	double base;           /* ppm: the frequency that keeps the clock's rate right, as found so far */
};

/* What has been measured. */
struct kernel_state {
	double offset;    /* s: kernel clock minus disciplined time */
	double rate;      /* ppm: the kernel clock's rate against the disciplined one, as set now */
	double frequency; /* ppm: what the kernel says it is set to (timex.freq) */
	double bound;     /* s: of the disciplined time; for the kernel's maxerror */
	double jitter;    /* s: for its esterror */
	int leap;         /* enum ntp_leap: announced for the end of this day */
	int tai_offset;   /* s; 0: not known */
	bool synchronised;
};

void kernel_steer_init(struct kernel_steer *steer, double step_threshold, int step_limit);

/*
 * Fill in the call to make, once a second. True where it steps the clock: then an ADJ_SETOFFSET of its own
 * is in *timex, and the frequency follows a second later.
 */
bool kernel_steer_plan(struct kernel_steer *steer, const struct kernel_state *state, struct timex *timex);

#endif
