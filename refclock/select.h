/*
 * Which sources agree: the intersection of their intervals of RFC 5905 section 11.2.1, with chrony's trust,
 * require and prefer. Pure.
 */
#ifndef REFCLOCK_SELECT_H
#define REFCLOCK_SELECT_H

#include <stdbool.h>

#include "refclock/source.h"

/* True time is within `error` of `offset`, says the source. */
struct candidate {
	double offset, error; /* s, error above 0 */
	bool usable;          /* the rest counts */
	bool prefer, trust, require;
	bool truechimer; /* out: its interval meets those of the majority */
};

/* Sets truechimer of all. Returns how many there are: none where no majority of the usable ones (of the
 * trusted ones, where there are such) agrees, or fewer than `least` do, or no `require`d one does. */
int select_truechimers(struct candidate *candidate, int n, int least);

/*
 * Of the truechimers, preferred ones first, that of the smallest error; `current` (an index, or -1) is kept
 * unless another halves the error, so that equals do not take turns. -1 where there is none.
 */
int select_best(const struct candidate *candidate, int n, int current);

#endif
