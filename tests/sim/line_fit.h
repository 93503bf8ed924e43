/* A base line: the straight line through all pulses by least squares, the best for a rate that is constant.
 */
#ifndef TESTS_SIM_LINE_FIT_H
#define TESTS_SIM_LINE_FIT_H

#include <stdint.h>

#include "ntp/timestamp.h"
#include "tests/sim/measures.h"

struct line_fit {
	double hz;
	uint64_t counter; /* of the first pulse */
	ntp64 time;       /* likewise */
	double n, x, y, xx,
		xy;          /* sums, of seconds and of seconds by which the time is ahead of the counter */
	struct series error; /* s, one a second */
};

void line_fit_start(struct line_fit *fit, double hz);

/* A pulse at the counter value that marks the time. */
void line_fit_sample(struct line_fit *fit, uint64_t counter, ntp64 time);

/* The true time at the counter value. */
void line_fit_probe(struct line_fit *fit, uint64_t counter, ntp64 time);

void line_fit_free(struct line_fit *fit);

#endif
