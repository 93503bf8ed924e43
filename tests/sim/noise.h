/* Random numbers of a simulation, from its seed alone. */
#ifndef TESTS_SIM_NOISE_H
#define TESTS_SIM_NOISE_H

#include <math.h>
#include <stdint.h>

#include "bench/random.h"

static inline double noise_between(uint64_t *seed, double low, double high)
{
	return low + (high - low) * random_unit(seed);
}

/* Evenly in the logarithm; both ends above 0. */
static inline double noise_scale(uint64_t *seed, double low, double high)
{
	return low * pow(high / low, random_unit(seed));
}

/* Of a normal distribution (Box and Muller). */
static inline double noise_normal(uint64_t *seed)
{
	double r = sqrt(-2 * log(random_unit(seed)));

	return r * cos(2 * M_PI * random_unit(seed));
}

static inline unsigned noise_below(uint64_t *seed, unsigned n)
{
	return (unsigned)(random_next(seed) % n);
}

#endif
