/* The base line: plain proportional-integral loops of several bandwidths on the same pulses. */
#ifndef TESTS_SIM_PI_LOOP_H
#define TESTS_SIM_PI_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/timestamp.h"
#include "tests/sim/measures.h"

enum { PI_LOOPS = 8 };

struct pi_loop {
	double constant; /* s: how fast it follows */
	double integral; /* relative rate */
	double rate;     /* in force since `counter` */
	uint64_t counter;
	ntp64 time;
	double fraction; /* units beyond `time` */
	bool started;
	struct series error; /* s, one a second */
};

struct pi_bank {
	double hz;
	struct pi_loop loop[PI_LOOPS];
};

void pi_start(struct pi_bank *bank, double hz);

/* A pulse at the counter value that marks the time. */
void pi_sample(struct pi_bank *bank, uint64_t counter, ntp64 time);

/* The true time at the counter value. */
void pi_probe(struct pi_bank *bank, uint64_t counter, ntp64 time);

/* The loop of the smallest rms error from the given second on. */
const struct pi_loop *pi_best(const struct pi_bank *bank, size_t from);

void pi_free(struct pi_bank *bank);

#endif
