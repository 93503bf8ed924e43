/*
 * Virtual time: an oscillator counts, references are read, the real discipline ticks, and what it publishes
 * is compared with the true time.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/discipline.h"
#include "tests/sim/line_fit.h"
#include "tests/sim/measures.h"
#include "tests/sim/oscillator.h"
#include "tests/sim/pi_loop.h"
#include "tests/sim/scenario.h"

/* A line of the CSV file. */
struct world_row {
	double now;          /* s since the start */
	double error, bound; /* s, of served time */
	double disciplined;  /* s, error of the disciplined time */
	double oscillator;   /* relative rate */
	double estimated;    /* the same, as the discipline thinks */
	bool synchronised;
};
typedef void world_watch(void *opaque, const struct world_row *row);

struct world {
	const struct scenario *scenario;
	struct oscillator oscillator;
	struct discipline *discipline;
	struct timebase published;
	uint64_t seed;
	double now; /* s since the start */
	uint64_t counter;
	double ticks; /* fraction of a tick beyond `counter` */
	ntp64 time;
	double units; /* fraction of a unit beyond `time` */
	double next_tick;
	double next_sample[SCENARIO_REFERENCES];
	double repeat_at[SCENARIO_REFERENCES];
	bool suspended;
	struct measures measures;
	unsigned jumps;        /* of served time between publications, without a step */
	struct pi_bank *pi;    /* NULL: without */
	struct line_fit *line; /* likewise */
	world_watch *watch;
	void *opaque;
	bool verbose;
};

/* Whether there was memory. */
bool world_open(struct world *w, const struct scenario *s);
void world_run(struct world *w);
void world_close(struct world *w);

#endif
