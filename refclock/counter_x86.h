/* The x86-64 time-stamp counter. Included by refclock/counter.h only. */
#ifndef REFCLOCK_COUNTER_X86_H
#define REFCLOCK_COUNTER_X86_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

#define COUNTER_CPU_NAME "TSC"

static inline uint64_t counter_cpu_read(void)
{
	return __rdtsc();
}

static inline uint64_t counter_cpu_read_ordered(void)
{
	_mm_lfence();
	uint64_t t = __rdtsc();
	_mm_lfence();
	return t;
}

/* Invariant TSC: CPUID 8000_0007H, EDX bit 8 (Intel SDM volume 3, 18.17.1; AMD APM volume 3, E.4.6). */
static inline bool counter_cpu_invariant(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1U << 8);
}

#endif
