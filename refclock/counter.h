/*
 * The free-running counter that time is read from: the CPU's where it is invariant, else CLOCK_MONOTONIC_RAW.
 * The clock daemon chooses the kind, publishes it in the timebase, and all readers follow.
 * Any thread; never fails; the first call of a kind costs no more than the others.
 */
#ifndef REFCLOCK_COUNTER_H
#define REFCLOCK_COUNTER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include "refclock/counter_x86.h"
#elif defined(__aarch64__)
#include "refclock/counter_aarch64.h"
#else
#include "refclock/counter_generic.h"
#endif

enum counter_kind {
	COUNTER_MONOTONIC_RAW = 0, /* nanoseconds of CLOCK_MONOTONIC_RAW */
	COUNTER_CPU = 1,           /* ticks of the CPU's invariant counter (TSC, CNTVCT) */
};

/* Ticks now. Reads of one thread never go backwards; on several cores they agree as far as the CPU promises
 * it. */
static inline uint64_t counter_read(enum counter_kind kind)
{
	struct timespec t;

	if (kind == COUNTER_CPU)
		return counter_cpu_read();
	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* As counter_read, and no instruction of the program before or after it moves across. For the sandwich. */
static inline uint64_t counter_read_ordered(enum counter_kind kind)
{
	return kind == COUNTER_CPU ? counter_cpu_read_ordered() : counter_read(kind);
}

/* What counter_watch reads, opened once; -1: there is nothing of the kind, and counter_watch knows what that
 * means. */
int counter_watch_open(void);

/* Whether the kernel trusts the CPU's counter, as of now: it may find it unstable at any time. By lseek(2)
 * and read(2). */
bool counter_watch(int fd);

/* COUNTER_CPU where the CPU says that its counter is invariant and the kernel trusts it too, else the other.
 */
enum counter_kind counter_best(void);

/* The nominal rate of the kind in ticks a second, measured against CLOCK_MONOTONIC_RAW over about 50 ms, to
 * about 1 ppm. */
double counter_hz(enum counter_kind kind);

/* "TSC" and the like, for people. */
const char *counter_name(enum counter_kind kind);

#endif
