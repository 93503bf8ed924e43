/*
 * A reading of the kernel clock between two readings of the counter, and so how far the two can be apart.
 * Touches the clock: CLOCK_REALTIME through libc's clock_gettime. Any thread, each with its own sampler.
 */
#ifndef REFCLOCK_SAMPLE_H
#define REFCLOCK_SAMPLE_H

#include <stdint.h>

#include "ntp/timestamp.h"
#include "refclock/counter.h"

/* At `counter` the clock showed `time`, give or take `half` units of 2^-32 s. */
struct sample {
	uint64_t counter; /* middle of the sandwich */
	ntp64 time;
	uint64_t half; /* half of its width, the clock's resolution and all rounding included; never 0 */
};

struct sampler {
	enum counter_kind kind;
	double units_per_tick;
	uint64_t resolution; /* units: what a reading of the clock may lag behind it */
	int tries;           /* sandwiches a sample */
};

/* hz: ticks a second, as counter_hz() gives it; an error of some 100 ppm does not matter. */
void sampler_init(struct sampler *sampler, enum counter_kind kind, double hz, int tries);

/* The narrowest of the sampler's tries: the one that was disturbed least. Takes 1 us and up, and never fails.
 */
void sample_take(const struct sampler *sampler, struct sample *sample);

#endif
