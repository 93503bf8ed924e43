/*
 * How far the server may go with its time: from serving down to silence, by the bound of its error. Pure.
 */
#ifndef REFCLOCK_LADDER_H
#define REFCLOCK_LADDER_H

#include <stdbool.h>

#include "refclock/sources.h"

enum { LADDER_REASON = 128 };

/* Seconds; 0: the rung is never reached for the bound. Going back up takes a bound of LADDER_HYSTERESIS of
 * it. */
struct ladder_thresholds {
	double raised, unsynchronised, silent;
};

#define LADDER_HYSTERESIS 0.7

struct ladder {
	enum ladder_rung rung;
	char reason[LADDER_REASON]; /* a sentence */
};

/* What there is to judge by. */
struct ladder_input {
	bool known;          /* there is a time, with the bound below */
	bool vouched;        /* LOCAL answers for it, whatever the bound */
	bool contradicted;   /* the cross-check has failed, and counts */
	double bound;        /* s */
	double holdover;     /* s since the last usable sample; 0 while there are */
	const char *unknown; /* why there is no time */
};

/* Unsynchronised, or silent where there is such a threshold. */
void ladder_init(struct ladder *ladder, const struct ladder_thresholds *thresholds);

/* Whether the rung has changed. */
bool ladder_judge(
	struct ladder *ladder, const struct ladder_thresholds *thresholds, const struct ladder_input *input);

#endif
