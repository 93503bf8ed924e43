/*
 * A line of the counter's nominal rate, near which true time runs: offsets from it are small, so that a
 * double holds them to far below 2^-32 s after years of uptime, whatever the counter and the era are. Pure.
 */
#ifndef REFCLOCK_FRAME_H
#define REFCLOCK_FRAME_H

#include <math.h>
#include <stdint.h>

#include "ntp/timestamp.h"

struct frame {
	uint64_t counter; /* here ... */
	ntp64 time;       /* ... it is this time on the line */
	double hz;        /* ticks a second of the line */
};

/* Seconds on the line from the frame's own counter value; negative before it. */
static inline double frame_seconds(const struct frame *frame, uint64_t counter)
{
	return (double)(int64_t)(counter - frame->counter) / frame->hz;
}

/* Seconds by which `time` at `counter` is ahead of the line. */
static inline double frame_offset(const struct frame *frame, uint64_t counter, ntp64 time)
{
	double units = (double)ntp64_diff(time, frame->time);

	return units / (double)NTP64_SECOND - frame_seconds(frame, counter);
}

/* Seconds as units of 2^-32 s to the nearest; beyond what an int64_t holds the highest or lowest, a NaN 0. */
static inline int64_t frame_units(double seconds)
{
	double units = rint(seconds * (double)NTP64_SECOND);

	return units >= 0x1p63    ? INT64_MAX
	       : units <= -0x1p63 ? INT64_MIN
	       : units == units   ? (int64_t)units
				  : 0;
}

/* The time that is `offset` seconds ahead of the line at `counter`. */
static inline ntp64 frame_time(const struct frame *frame, uint64_t counter, double offset)
{
	return frame->time + (ntp64)frame_units(frame_seconds(frame, counter) + offset);
}

/* Move the frame to `counter` and its line by about `offset` seconds. Returns by how much exactly: what is to
 * be subtracted from all offsets. */
static inline double frame_move(struct frame *frame, uint64_t counter, double offset)
{
	double nominal = frame_seconds(frame, counter);
	int64_t whole = frame_units(nominal + offset);

	frame->counter = counter;
	frame->time += (ntp64)whole;
	return (double)whole / (double)NTP64_SECOND - nominal;
}

#endif
