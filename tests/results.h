/* Results of loads that never were, for tests of what is told about them. */
#ifndef TESTS_RESULTS_H
#define TESTS_RESULTS_H

#include "bench/result.h"

enum results_kind {
	RESULTS_LOAD,
	RESULTS_KNEE,
	RESULTS_NO_KNEE,
	RESULTS_RAMP,
	RESULTS_NTS,
	RESULTS_UNSENT,
	RESULTS_UNANSWERED,
	RESULTS_WRONG, /* all replies */
	RESULTS_HUGE,  /* counts and times up to 2^63 */
	RESULTS_FULL,  /* as many steps and points as there can be, the longest texts, no UTF-8 */
	RESULTS_ONE,   /* request */
	RESULTS_KINDS
};

/* Seeded; results_free. */
struct result *results_new(enum results_kind kind, uint64_t seed);
void results_free(struct result *result);

#endif
