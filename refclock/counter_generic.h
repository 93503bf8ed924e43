/* No counter of the CPU's is known here: time is read from the kernel. Included by refclock/counter.h only.
 */
#ifndef REFCLOCK_COUNTER_GENERIC_H
#define REFCLOCK_COUNTER_GENERIC_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_CPU_NAME "none"

static inline uint64_t counter_cpu_read(void)
{
	return 0;
}

static inline uint64_t counter_cpu_read_ordered(void)
{
	return 0;
}

static inline bool counter_cpu_invariant(void)
{
	return false;
}

#endif
