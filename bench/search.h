/*
 * Which rate a load tries next: one, a ramp, or the search for the knee after RFC 2544 section 26.1
 * (throughput): the highest rate that loses no more than a bound. It doubles from SEARCH_FIRST until a rate
 * is bad, then halves the interval until it is narrow. A rate is tried again until most of its repeats have
 * passed, or have failed: one step that was disturbed decides nothing. Pure.
 */
#ifndef BENCH_SEARCH_H
#define BENCH_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/result.h"

#define SEARCH_FIRST 1000.0 /* requests a second */
#define SEARCH_LEAST 10.0   /* below, a step says little */
#define SEARCH_NARROW 1.04  /* the knee is known well enough: failed rate to good rate */

struct search_settings {
	enum result_kind kind;
	double rate;           /* the only one, or the highest of a knee */
	double from, to, step; /* of a ramp; from above to with a negative step goes down */
	double loss;           /* of a knee: share that may be lost, 0 to 1 */
	unsigned repeats;      /* of a knee: steps at a rate, at most; at least 1 */
};

struct search {
	struct search_settings settings;
	double rate;           /* of the step that is next or under way */
	unsigned passed, fell; /* steps at it */
	double good, bad;      /* the highest and the lowest rate of that kind; 0: none */
	bool sure; /* most repeats of `good` have passed, and not only the first while the rate grew */
	unsigned steps;
	bool grows, over, limited;
};

void search_init(struct search *search, const struct search_settings *settings);

/* The rate of the next step, and the how many-th of this rate it is from 0; false where there is no other. */
bool search_next(struct search *search, double *rate, unsigned *repeat);

/* What became of it; whether it passed is written to step->passed. */
void search_take(struct search *search, struct result_step *step);

/* What a knee search has found. */
void search_knee(const struct search *search, struct result_knee *knee);

#endif
