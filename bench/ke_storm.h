/*
 * A storm of NTS key establishments with one server, bounded in number, time and how many at a time; every
 * response is judged. Closed loop: so many at a time, always. Open loop: at times of its own, whatever the
 * server does; latency then counts from these times, so that a storm which could not keep up hides nothing.
 * Or connections that are opened and held. One thread, which runs until all is over.
 */
#ifndef BENCH_KE_STORM_H
#define BENCH_KE_STORM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/arrival.h"
#include "bench/distribution.h"
#include "bench/ke_attempt.h"

enum {
	KE_STORM_CONNECTIONS_MAX = 20000,
	KE_STORM_COUNT_MAX = 10000000,
	KE_STORM_SECONDS_MAX = 86400,
	/* In the closed loop a connection that failed is not opened again before, so that a target that
	   refuses is not flooded. */
	KE_STORM_REST_MS = 10,
};

/* How it goes, and in the end how it went. All begun are good, failed, held or abandoned, or under way. */
struct ke_storm_result {
	uint64_t begun, good, failed;
	uint64_t abandoned;   /* under way when the storm was stopped */
	uint64_t held;        /* that reached the stage where they were to be left */
	uint64_t dropped;     /* of the held: closed by the server */
	uint64_t late;        /* open loop: begun more than 1 ms after their time */
	uint64_t unbegun;     /* open loop: whose time came, but no connection was free until the end */
	uint64_t few_cookies; /* of the good: with fewer cookies than the eight that RFC 8915 asks for */
	uint64_t failures[KE_REASON_COUNT];
	struct ke_failure first; /* the first failure, where there is one */
	double seconds;          /* since the start */
	/* ns, of the good ones; `latency` is from the intended time, the others are its phases. */
	struct distribution latency, connect, handshake, response;
	struct distribution kept; /* ns from begun to closed, of the dropped ones */
};

struct ke_storm_settings {
	struct ke_terms terms;
	unsigned connections;   /* at most so many at a time; where held, so many in all */
	uint64_t count;         /* to be begun; 0: KE_STORM_COUNT_MAX */
	double seconds;         /* begin no more then, and hold no longer; 0: no such bound */
	double timeout;         /* seconds for one, from its first packet */
	uint64_t failures_most; /* begin no more once so many more have failed than are good; 0: no bound */
	struct arrival_settings arrival;   /* rate 0: closed loop */
	const volatile sig_atomic_t *stop; /* NULL, or: abandon all once it is set */
	void (*progress)(void *opaque, const struct ke_storm_result *result); /* NULL, or each second */
	void *opaque;
};

/*
 * Run to the end. The soft limit of file descriptors is raised where the hard one allows. False where nothing
 * could be begun (too few descriptors, no memory, settings out of range), with a sentence in text[size].
 */
bool ke_storm_run(
	const struct ke_storm_settings *settings, struct ke_storm_result *result, char *text, size_t size);

/* Nothing went wrong: all begun are good or held, or were abandoned, and none was left unbegun. */
bool ke_storm_is_clean(const struct ke_storm_result *result);

#endif
