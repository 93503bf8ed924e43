/*
 * One core of a load: asks by its schedule whatever comes back, and has each reply judged. The schedule is an
 * open loop (bench/arrival.h); a request that could not be sent in time is sent late, and its latency counts
 * from when it was meant.
 *
 * One thread each. Only generator_live may be read by another.
 */
#ifndef BENCH_GENERATOR_H
#define BENCH_GENERATOR_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/arrival.h"
#include "bench/link.h"
#include "bench/result.h"

struct generator_settings {
	struct link *link;
	unsigned core, cores;
	const struct population *population;
	struct arrival_settings arrival; /* rate: of the whole load */
	unsigned version;                /* 3, 4, or 34 for both in turn */
	bool echo; /* the target returns requests as they are: origin carries the cookie too */
	struct nts_client *nts_clients; /* of the whole load, or NULL; the first clients play with NTS */
	uint32_t nts_count;             /* a multiple of cores, at most as many as there are clients */
	double nts_share, tag_share, garbage_share;
	double timeout;      /* s: a request without a reply for longer is lost */
	double offset_limit; /* s; 0: none */
	double rate_most;    /* of all steps: the judge's room is made for it */
	uint64_t seed;
	const volatile sig_atomic_t *stop; /* not 0: end early, with what there is */
};

/* One step, the share of this core included. */
struct generator_step {
	double rate;    /* of the whole load */
	double seconds; /* of sending */
	uint64_t count; /* most requests of this core; 0: no bound but the time */
	double point_s; /* between the points of the time series */
};

/* Sums since the start of the step, for a progress line: each is read by itself. */
struct generator_live {
	uint64_t sent, valid, wrong, lost;
};

struct generator;

/* NULL with a sentence in text[size]. Main thread. */
struct generator *generator_new(const struct generator_settings *settings, char *text, unsigned size);
void generator_free(struct generator *generator);

/*
 * Do a step, by the thread that has called link_begin: send for so long, then wait for replies until none is
 * under way or the time-out has passed. `out` is written whole; rate_wanted is the whole load's.
 */
void generator_run(struct generator *generator, const struct generator_step *step, struct result_step *out);

void generator_live(const struct generator *generator, struct generator_live *live);

/* Add the step of another core: counts and distributions. */
void generator_merge(struct result_step *step, const struct result_step *other);

#endif
