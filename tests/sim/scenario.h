/* What a simulation runs: an oscillator, references, their faults. All of it follows from a name and a seed.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "refclock/discipline.h"
#include "tests/sim/oscillator.h"
#include "tests/sim/reference.h"

enum { SCENARIO_REFERENCES = 4 };

struct scenario {
	const char *name;
	uint64_t seed;
	double seconds; /* that it takes */
	double hz;      /* of the counter, really: the discipline is told a nominal rate nearby */
	uint64_t counter;
	ntp64 time; /* at the start */
	struct oscillator_options oscillator;
	struct discipline_options options;
	struct reference reference[SCENARIO_REFERENCES];
	int references;
	double tick;               /* s between ticks, on average */
	double suspend, suspended; /* s: when, and how long; 0: never */
	bool unsynchronised_ends;  /* it must not claim to be synchronised when it ends */
	bool synchronised_ends;    /* it must */
	double rms;                /* s: what the error has to stay below after settling; 0: no matter */
};

enum { SCENARIO_KINDS = 34 };

const char *scenario_name(unsigned kind);

/* The kind's scenario of a seed. hours: 0: as long as is interesting. */
void scenario_make(struct scenario *s, unsigned kind, uint64_t seed, double hours);

#endif
