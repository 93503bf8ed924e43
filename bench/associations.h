/*
 * The associations of an NTS load: keys and cookies for each, by key establishments with the target. One
 * thread, until all are there.
 */
#ifndef BENCH_ASSOCIATIONS_H
#define BENCH_ASSOCIATIONS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/target.h"
#include "nts/client.h"
#include "nts/ke_aeads.h"

struct associations_settings {
	const struct target *target;       /* of key establishment; its port is TCP's */
	const char *ca;                    /* PEM file or directory; NULL: the system's authorities */
	const char *name;                  /* of the certificate; NULL: the target's host */
	struct ke_aeads aeads;             /* offered */
	unsigned parallel;                 /* at most so many at a time, 1 to KE_STORM_CONNECTIONS_MAX */
	double timeout;                    /* seconds for each */
	const volatile sig_atomic_t *stop; /* NULL, or: no more once it is set */
	/* NULL, or called each second */
	void (*progress)(void *opaque, unsigned established, unsigned count);
	void *opaque;
};

struct associations_result {
	unsigned established;
	uint64_t failed; /* attempts; what failed is tried again, a few times */
	char server[KE_NAME_MAX +
		    1];   /* whom to ask for the time, as the first response says; "": the target */
	uint16_t port;    /* where; 0: NTP's own */
	uint16_t aead;    /* that it agrees on */
	bool is_varied;   /* another response said otherwise */
	char reason[512]; /* the first failure, with what to do about it; "": none */
};

/*
 * Establish `count` associations, into clients[0] and on. True where all are there; else `established` of
 * them are, and `reason` says why the others are not (or it was stopped). The caller erases the keys,
 * whatever came of it. A server that names another host or port for NTP is the caller's to judge.
 */
bool associations_get(struct nts_client *clients, unsigned count,
	const struct associations_settings *settings, struct associations_result *result);

#endif
