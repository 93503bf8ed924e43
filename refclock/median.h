/*
 * The filter of a poll interval: of the samples that it has brought, the 60 % nearest to the median make one
 * sample, as in chrony. Pure, one thread per struct.
 */
#ifndef REFCLOCK_MEDIAN_H
#define REFCLOCK_MEDIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/timestamp.h"

enum { MEDIAN_MAX = 64 };

struct median_sample {
	uint64_t counter;
	ntp64 time;
	uint64_t error; /* units: what reading it took, at most */
};

struct median {
	unsigned length; /* the newest so many are kept; 1 to MEDIAN_MAX */
	unsigned count, next;
	struct median_sample sample[MEDIAN_MAX];
};

/* What is known while samples are compared: the counter's rate, and their noise. */
struct median_known {
	double ticks; /* per second */
	double sigma; /* relative, of that */
	double noise; /* s: standard deviation of one sample, as it was so far; 0: unknown */
};

/* One sample out of many: the mean of those that were kept. */
struct median_result {
	uint64_t counter;
	ntp64 time;
	double error;            /* s: the largest of those kept */
	double sigma;            /* s: standard deviation of one sample; robust, 0 of a single one */
	double jitter;           /* s: root mean square around the median, of all */
	unsigned taken;          /* samples there were */
	unsigned kept, outliers; /* of them; outliers are farther from the median than five sigma */
	/* Those within three sigma of the median, or three times the known noise, the oldest first: what is
	 * fit to be weighed one by one. */
	unsigned good;
	struct median_sample sample[MEDIAN_MAX];
};

/* length 0 is taken as 1, and more than MEDIAN_MAX as that. */
void median_init(struct median *median, unsigned length);

void median_add(struct median *median, const struct median_sample *sample);

/* All samples there are as one, and begin anew. False where there is none. When the rate is too uncertain for
 * samples of different instants to be compared, it is taken from them (Theil and Sen's median of slopes). */
bool median_take(struct median *median, const struct median_known *known, struct median_result *result);

/* The median of n numbers, which are put in order; 0 of none. */
double median_of(double *value, unsigned n);

#endif
