#include "bench/clocks.h"

#include <stdint.h>

#include "refclock/counter.h"

enum { ADDS = 10000, TRIES = 400 };

/* An add of a register that the compiler cannot know takes one clock after the one before it, on every core
 * there is. */
#if defined(__x86_64__)
#define DEPENDENT_ADD(sum, term) __asm__ volatile("add %1, %0" : "+r"(sum) : "r"(term))
#elif defined(__aarch64__)
#define DEPENDENT_ADD(sum, term) __asm__ volatile("add %0, %0, %1" : "+r"(sum) : "r"(term))
#else
#define DEPENDENT_ADD(sum, term) __asm__ volatile("" : "+r"(sum) : "r"((sum) += (term)))
#endif

double clocks_per_tick(void)
{
	uint64_t least = UINT64_MAX, sum = 1, term = 3;

	for (int t = 0; t < TRIES; t++) {
		uint64_t start = counter_read_ordered(COUNTER_CPU), ticks;

		for (int i = 0; i < ADDS; i += 10) {
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
			DEPENDENT_ADD(sum, term);
		}
		ticks = counter_read_ordered(COUNTER_CPU) - start;
		least = ticks < least ? ticks : least;
	}
	return (double)ADDS / (double)least;
}

double clocks_hz(void)
{
	return counter_hz(COUNTER_CPU);
}
