/* What a simulation finds: errors, bounds, deviations. */
#ifndef TESTS_SIM_MEASURES_H
#define TESTS_SIM_MEASURES_H

#include <stdbool.h>
#include <stddef.h>

enum { MEASURES_TAUS = 14 /* octaves from 1 s on */ };

/* A series of phase errors, one a second. */
struct series {
	double *x;
	size_t count, room;
};

struct deviations {
	unsigned count;
	double tau[MEASURES_TAUS], adev[MEASURES_TAUS], tdev[MEASURES_TAUS];
};

struct measures {
	double settle;            /* s since the start from which errors count for rms and max */
	bool abandoned;           /* from now on errors are the bound's concern alone */
	double synchronised;      /* s: of the time that it claimed to be so */
	double first;             /* s: when it first did; < 0: never */
	double outside;           /* s: of error beyond the bound while it did */
	double worst;             /* error over bound, at most */
	double worst_at;          /* s */
	double sum, squares, max; /* of the error, after settling */
	double bounds;            /* sum */
	unsigned long probes, late;
	double settled;      /* s: from when on the error stays within three times its rms */
	struct series early; /* errors until `settle`, a second each; NaN while not synchronised */
	struct series error, bound, ratio, free_running;
};

void measures_probe(struct measures *m, double now, double dt, double error, double bound, bool synchronised);

/* Add to a series; false without memory. */
bool series_add(struct series *s, double x);
void series_free(struct series *s);
double series_median(const struct series *s);
double series_rms(const struct series *s, size_t from);

/* Overlapping Allan deviation and time deviation (NIST SP 1065, 5.2.4 and 5.2.6), of a series by the second.
 */
void deviations_of(const struct series *s, size_t from, struct deviations *d);

/* s: from when on the error stays within four times the rms that it has after `settle`. */
double measures_settled(const struct measures *m);

void measures_free(struct measures *m);

#endif
