#include "bench/distribution.h"

#include <float.h>
#include <math.h>

static unsigned bin_of(uint64_t value)
{
	unsigned power;

	if (value < DISTRIBUTION_PARTS)
		return (unsigned)value;
	if (value >> DISTRIBUTION_POWERS)
		return DISTRIBUTION_BINS - 1;
	power = 63 - (unsigned)__builtin_clzll(value) - DISTRIBUTION_BITS;
	/* the leading bit is still in the shifted value, which makes the + 1 of the first parts */
	return power * DISTRIBUTION_PARTS + (unsigned)(value >> power);
}

void distribution_add(struct distribution *d, uint64_t value)
{
	if (d->count == 0 || value < d->least)
		d->least = value;
	if (value > d->most)
		d->most = value;
	d->count++;
	d->sum += (double)value;
	d->bin[bin_of(value)]++;
}

void distribution_merge(struct distribution *d, const struct distribution *from)
{
	if (from->count == 0)
		return;
	if (d->count == 0 || from->least < d->least)
		d->least = from->least;
	if (from->most > d->most)
		d->most = from->most;
	d->count += from->count;
	d->sum += from->sum;
	for (unsigned i = 0; i < DISTRIBUTION_BINS; i++)
		d->bin[i] += from->bin[i];
}

/* How many values make the share. 0.07 of 100 are 7, though their product is a little above in binary. */
static uint64_t rank_of(uint64_t count, double share)
{
	double rank = ceil(share * (double)count * (1 - 4 * DBL_EPSILON));

	if (rank < 1)
		return 1;
	return rank < (double)count ? (uint64_t)rank : count;
}

uint64_t distribution_at(const struct distribution *d, double share)
{
	uint64_t rank, below = 0, from, to;
	unsigned bin = 0;

	if (d->count == 0 || !(share > 0))
		return d->least;
	if (share >= 1)
		return d->most;
	rank = rank_of(d->count, share);
	while (bin < DISTRIBUTION_BINS - 1 && below + d->bin[bin] < rank)
		below += d->bin[bin++];
	if (bin == DISTRIBUTION_BINS - 1)
		return d->most;
	distribution_bounds(bin, &from, &to);
	return to - 1 < d->most ? to - 1 : d->most;
}

double distribution_mean(const struct distribution *d)
{
	return d->count ? d->sum / (double)d->count : 0;
}

void distribution_bounds(unsigned bin, uint64_t *from, uint64_t *to)
{
	unsigned power;

	if (bin >= DISTRIBUTION_BINS)
		bin = DISTRIBUTION_BINS - 1;
	power = bin < DISTRIBUTION_PARTS ? 0 : bin / DISTRIBUTION_PARTS - 1;
	*from = (uint64_t)(bin - power * DISTRIBUTION_PARTS) << power;
	*to = *from + (UINT64_C(1) << power);
}
