/* The oscillator behind a simulated counter. */
#ifndef TESTS_SIM_OSCILLATOR_H
#define TESTS_SIM_OSCILLATOR_H

#include <stdint.h>

enum { OSCILLATOR_STEPS = 8 };

/* A change of temperature that the oscillator follows with its thermal time constant. */
struct temperature_step {
	double at, kelvin;
};

struct oscillator_options {
	double offset;        /* relative: how much too fast it runs */
	double ageing;        /* 1/s */
	double coefficient;   /* relative, per kelvin */
	double swing, period; /* kelvin and s: a sinusoid, whose phase is `turn` (0 to 1) */
	double turn;
	double flutter; /* kelvin: of temperature noise with a correlation time of a minute */
	double inertia; /* s: thermal time constant */
	double white;   /* s/sqrt(s): white FM */
	double walk;    /* 1/sqrt(s): random-walk FM */
	struct temperature_step step[OSCILLATOR_STEPS];
	int steps;
};

struct oscillator {
	const struct oscillator_options *options;
	uint64_t seed;
	double now;                   /* s since the start */
	double walked, flutter, warm; /* relative; kelvin; kelvin */
	double rate;                  /* relative, now */
};

void oscillator_start(struct oscillator *o, const struct oscillator_options *options, uint64_t seed);

/* Go on by dt seconds, some tenths at most for the models to hold. Returns by how many seconds more than dt
 * it advances. */
double oscillator_advance(struct oscillator *o, double dt);

#endif
