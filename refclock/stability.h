/*
 * How stable the oscillator has shown itself: by how much its rate changed, at most, over 64 s and each
 * doubling of that (the differences that an Allan deviation is the mean square of). From that, how fast the
 * error of a clock without sources can grow. Pure, one thread per struct.
 *
 * What has not been watched is not believed to be small: beyond half of the time watched the change is taken
 * to go on in proportion, and what never showed is allowed for by `max_wander`, less the longer nothing
 * showed.
 */
#ifndef REFCLOCK_STABILITY_H
#define REFCLOCK_STABILITY_H

#include <stdint.h>

enum { STABILITY_INTERVAL = 64 /* s */, STABILITY_RING = 1024, STABILITY_OCTAVES = 10 };

struct stability {
	unsigned count, next; /* of the ring: rates, an interval apart */
	double ring[STABILITY_RING];
	double largest[STABILITY_OCTAVES]; /* change of rate over STABILITY_INTERVAL << octave, slowly
					      forgotten */
	double watched;                    /* s */
};

/* The rate (relative) now; call it every STABILITY_INTERVAL seconds. */
void stability_add(struct stability *s, double rate);

/* There is a gap in the rates; what has been learned stays. */
void stability_gap(struct stability *s);

/* By how much the rate can have changed after t seconds. max_wander: 1/s, the most in any case. */
double stability_change(const struct stability *s, double t, double max_wander);

/* Seconds: the error that such changes add up to in t seconds. */
double stability_growth(const struct stability *s, double t, double max_wander);

/* The same, of what has been seen alone: without what never showed. */
double stability_habit(const struct stability *s, double t, double max_wander);

#endif
