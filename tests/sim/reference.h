/* A simulated reference: what its driver hands to the discipline, and what goes wrong with it. */
#ifndef TESTS_SIM_REFERENCE_H
#define TESTS_SIM_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/source.h"

enum { REFERENCE_FAULTS = 6 };

enum fault_kind {
	FAULT_SILENT,  /* nothing comes */
	FAULT_UNSURE,  /* the receiver says that it does not know the time, with a wrong one */
	FAULT_OFFSET,  /* it is off by `value` seconds, a pulse by less than one */
	FAULT_RAMP,    /* it goes off by `value` seconds a second */
	FAULT_DOUBLED, /* each sample comes a second time after `value` seconds */
	FAULT_SPIKES,  /* a share of `value` of the samples is off by up to a millisecond */
};

struct fault {
	enum fault_kind kind;
	double from, to; /* s since the start */
	double value;
};

struct reference {
	struct source_options options;
	double interval; /* s between two samples */
	bool pulse;
	double noise;         /* s: standard deviation */
	double bias;          /* s: it is late by this ... */
	double swing, period; /* ... and a sinusoid of so many seconds */
	double sawtooth;      /* s: half of the grid that a receiver's pulses lie on */
	double claim;         /* s: what the driver says that reading it took, at most */
	struct fault fault[REFERENCE_FAULTS];
	int faults;
};

/* The fault of that kind that is on; NULL: none. */
const struct fault *reference_fault(const struct reference *r, enum fault_kind kind, double now);

/* Seconds by which the reference's own idea of the time is off on purpose: offsets and ramps. */
double reference_off(const struct reference *r, double now);

/* Seconds by which a sample comes late or early for natural reasons: bias, noise, sawtooth, spikes. */
double reference_late(const struct reference *r, double now, uint64_t *seed);

#endif
