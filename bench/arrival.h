/*
 * When requests are meant to be sent: an open loop, which asks at its own times whatever the server does.
 * Latencies count from these times, and not from when a packet really left, so that a generator that was held
 * up hides nothing (coordinated omission). Pure: seeded, no clock.
 */
#ifndef BENCH_ARRIVAL_H
#define BENCH_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

enum arrival_kind {
	ARRIVAL_STEADY = 0, /* evenly spaced, the first at 0 */
	ARRIVAL_POISSON,    /* independent clients: exponential gaps, before the first as well */
	ARRIVAL_POOL,  /* Poisson, with the peaks that a server in the NTP Pool sees when its address stands
			  in a name server's answer: `peak` times the base rate for `peak_s` seconds, in the
			  middle of each turn of `every_s` seconds; the mean over a whole turn is `rate` */
	ARRIVAL_BURST, /* `burst` requests at once, evenly spaced bursts, the first at 0: a device that asks
			  as it wakes up */
};

struct arrival_settings {
	enum arrival_kind kind;
	double rate;    /* a second, the mean; 0.001 to 10^9 */
	double peak;    /* POOL: 1 to 100; 0: 10 */
	double peak_s;  /* POOL: at least 0.001; 0: 120 */
	double every_s; /* POOL: more than peak_s, at most 10^6; 0: 600 */
	uint32_t burst; /* BURST: 1 to 10^6; 0: 32 */
	uint64_t seed;  /* another for each thread */
};

struct arrival {
	struct arrival_settings settings; /* without the zeros that stand for a default */
	double base;                      /* POOL: rate off the peaks */
	double gap;                       /* ns: mean, between requests; BURST: between bursts */
	double at;                        /* ns since the start: of the last, or of the last burst */
	double origin;                    /* STEADY, BURST: ns; times count from it by steps, so that */
	uint64_t step;                    /* nothing adds up; step 0 is at the origin */
	double share;                     /* POOL: of the requests of this turn, before the last one */
	uint64_t turn;                    /* POOL: from 0 */
	uint32_t left;                    /* BURST: of this one */
	uint64_t random;
};

/* False where the settings are out of range (those of other kinds are not looked at), with a sentence in
 * text[size]. */
bool arrival_init(
	struct arrival *arrival, const struct arrival_settings *settings, char *text, unsigned size);

/* The next time, ns since the start; never before the one before it. */
uint64_t arrival_next(struct arrival *arrival);

/*
 * Change the rate from the next time on (ramps, searches): the gap after the last time is the first at the
 * new rate. A burst that has begun is ended at its time; POOL keeps its place in the turn. A rate out of
 * range becomes the nearest in it.
 */
void arrival_rate(struct arrival *arrival, double rate);

/* "steady", "poisson", "pool", "burst". False for another word. */
bool arrival_parse(const char *word, enum arrival_kind *kind);

#endif
