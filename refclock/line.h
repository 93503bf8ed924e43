/*
 * From samples of the kernel clock to the line that is published: phase from the newest sample, rate from the
 * longest stretch over which the samples agree on one. Pure: no clock, no I/O. One thread per struct line.
 *
 * The kernel clock runs at one rate until somebody changes it (a slew) or sets it (a step). Each sample says
 * that the clock was within an interval; two of them bound the rate between them. As long as the bounds from
 * an anchor to all later samples have a rate in common, they are kept and tighten; when they have none, the
 * rate has changed and a new stretch begins at the sample before. A wide sample (one that was preempted)
 * bounds little and so does no harm.
 *
 * The error that is published (struct timebase):
 *
 * - error_bound is half the sandwich's width, and LINE_ALLOWANCE_PPM over one refresh interval (or the
 * longest of late) for a change of rate that the next sample has yet to show.
 * - error_growth is LINE_PHI_PPM, the width of the rate's bounds, and how far the rate is from its long-term
 * mean: a slew ends some day, perhaps after the clock daemon has.
 *
 * Two things exceed it. A change of rate by more than LINE_ALLOWANCE_PPM does until the second sample after
 * it, a step until the next sample; samples that were preempted for longer than the change has moved the
 * clock do not count.
 */
#ifndef REFCLOCK_LINE_H
#define REFCLOCK_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/sample.h"
#include "refclock/timebase.h"

enum {
	LINE_ALLOWANCE_PPM = 500, /* the kernel's range of frequency (MAXFREQ); slews of adjtime(2) and
				     chronyd's usual ones */
	LINE_PHI_PPM = 15,        /* RFC 5905 PHI: the least that error_growth is */
	/* no slew is faster: a tenth by the kernel's tick, and the oscillator's own error */
	LINE_RATE_LIMIT_PPM = 110000,
	LINE_STRETCH_SECONDS = 8, /* a rate is measured over one to two of these */
};

enum line_event {
	LINE_FOLLOWED, /* the sample fits the line */
	LINE_SLEWED,   /* the clock's rate has changed */
	LINE_STEPPED,  /* the clock was set, or the counter was: see line.jump */
};

/* All rates r with which the clock can have run since the anchor: low <= r <= high, in units per tick. */
struct line_stretch {
	struct sample anchor;
	double low, high;
};

/* Private but for `steps` and `jump`. */
struct line {
	double nominal;            /* units per tick that the counter's nominal rate makes */
	double refresh;            /* units from one sample to the next, as planned */
	double lag;                /* ... and at most, of late */
	struct sample base;        /* the line goes through it */
	struct sample last;        /* the newest sample that was good enough to be a base */
	struct line_stretch older; /* the rate is what both have in common */
	struct line_stretch newer; /* takes the older's place in time */
	double rate;               /* units per tick, published */
	double long_term;          /* the mean that the rate returns to after a slew */
	uint64_t window;           /* units: width of the newest sample */
	int64_t jump;              /* units: size of the last step */
	uint32_t steps;
	bool started; /* there is a base */
	bool settled; /* long_term has been measured */
	bool alarmed; /* the newest sample showed a change above the allowance, so the next may too */
};

/* hz: the counter's nominal rate; refresh_us: microseconds between samples, as planned. */
void line_init(struct line *line, double hz, uint32_t refresh_us);

/* Take the next sample in. Any counter and any time are survived. */
enum line_event line_update(struct line *line, const struct sample *sample);

/* Move all that is known to another scale, `units` ahead, as at the end of a leap second. It is no step. */
void line_shift(struct line *line, int64_t units);

/*
 * Set counter, time, rate, counter_hz, error_bound, error_growth, skew_ppb, window and steps; leave the rest.
 * Call it after the first line_update.
 */
void line_publish(const struct line *line, struct timebase *timebase);

#endif
