/*
 * A distribution of times in a fixed number of bins, log-linear as HdrHistogram's: each power of two is cut
 * into DISTRIBUTION_PARTS equal parts, so that a value is off by less than 1 part in as many, whatever its
 * size. Adding costs the same always. Pure; one thread each, merged afterwards.
 */
#ifndef BENCH_DISTRIBUTION_H
#define BENCH_DISTRIBUTION_H

#include <stdint.h>

enum {
	DISTRIBUTION_BITS = 7,
	DISTRIBUTION_PARTS = 1 << DISTRIBUTION_BITS,
	DISTRIBUTION_POWERS = 48, /* values below 2^48 ns, three days; those above lie in the last bin */
	/* below DISTRIBUTION_PARTS a bin for each value, then the parts of each power */
	DISTRIBUTION_BINS = (DISTRIBUTION_POWERS - DISTRIBUTION_BITS + 1) * DISTRIBUTION_PARTS,
};

/* Zeroed before the first value. */
struct distribution {
	uint64_t count;
	uint64_t least, most; /* as added, not as binned; 0 where count is 0 */
	double sum;
	uint64_t bin[DISTRIBUTION_BINS];
};

/* Add a value, in nanoseconds or whatever unit is meant. */
void distribution_add(struct distribution *d, uint64_t value);

/* Add all of `from`. */
void distribution_merge(struct distribution *d, const struct distribution *from);

/*
 * The least value that at least this share of all does not exceed, rounded up to the greatest value of its
 * bin, but never above `most`; so a percentile is never told too small. In the last bin, which has no end,
 * it is `most`. A share of 0 or less is `least`, of 1 or more `most`. 0 where there are none.
 */
uint64_t distribution_at(const struct distribution *d, double share);

/* Mean; 0 where there are none. */
double distribution_mean(const struct distribution *d);

/*
 * The values of a bin: least, and one beyond the most. The bins follow one another without a gap from 0 to
 * 2^DISTRIBUTION_POWERS; the last holds all beyond as well. No bin (DISTRIBUTION_BINS and above): the last.
 */
void distribution_bounds(unsigned bin, uint64_t *from, uint64_t *to);

#endif
