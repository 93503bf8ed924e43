/*
 * CLOCK_MONOTONIC, for time-outs and pauses: never set, stands while the machine is suspended. Any thread;
 * one call of clock_gettime(2), which every filter allows.
 */
#ifndef CONTROL_MONOTONIC_H
#define CONTROL_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds. */
static inline uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Milliseconds. */
static inline int64_t monotonic_ms(void)
{
	return (int64_t)(monotonic_ns() / 1000000);
}

#endif
