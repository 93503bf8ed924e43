/* The aarch64 virtual counter, invariant by architecture (Arm ARM, D11). Included by refclock/counter.h only.
 */
#ifndef REFCLOCK_COUNTER_AARCH64_H
#define REFCLOCK_COUNTER_AARCH64_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_CPU_NAME "CNTVCT"

static inline uint64_t counter_cpu_read(void)
{
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
	return t;
}

static inline uint64_t counter_cpu_read_ordered(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0; isb" : "=r"(t)::"memory");
	return t;
}

static inline bool counter_cpu_invariant(void)
{
	return true;
}

#endif
