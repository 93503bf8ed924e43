/*
 * Where on the counter the kernel clock showed a time, some seconds back: for stamps that the kernel makes
 * (PPS) and that other programs take (SHM, SOCK, gpsd). Pure; one thread per struct.
 *
 * Between two samples the kernel clock ran at the rate of both ends, or changed its rate once: so the line
 * through both is off by no more than the change of rate makes, which their neighbours show.
 */
#ifndef REFCLOCK_KERNEL_HISTORY_H
#define REFCLOCK_KERNEL_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/timestamp.h"
#include "refclock/sample.h"

enum {
	KERNEL_HISTORY_SAMPLES = 4096, /* 4 s and more of them */
	KERNEL_HISTORY_REACH = 16,     /* samples over which a rate is taken */
};

struct kernel_history {
	uint64_t taken; /* samples since the last step; the newest is at (taken - 1) % KERNEL_HISTORY_SAMPLES
			 */
	struct sample sample[KERNEL_HISTORY_SAMPLES];
};

/* Before the first sample, and where the kernel clock has been stepped: what was before says nothing now. */
void kernel_history_clear(struct kernel_history *history);

/* The next sample. One that is not later than the one before, on either side, clears what there was. */
void kernel_history_add(struct kernel_history *history, const struct sample *sample);

/*
 * The counter value at which the kernel clock showed `time`, and how far that can be wrong in units of
 * 2^-32 s. False for a time before the oldest sample, or more than one interval of samples after the newest.
 */
bool kernel_history_counter(
	const struct kernel_history *history, ntp64 time, uint64_t *counter, uint64_t *error);

#endif
