/* The command line of `tickwire bench ke`. One thread. */
#ifndef BENCH_KE_OPTIONS_H
#define BENCH_KE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/arrival.h"
#include "bench/ke_attempt.h"

struct ke_options {
	const char *target; /* as written */
	const char *ca;     /* NULL: the system's authorities */
	const char *name;   /* of the certificate; NULL: the target's */
	const char *csv;    /* NULL: none */
	uint16_t port;      /* 0: not said */
	int family;
	unsigned connections;
	uint64_t count; /* 0: no bound but time */
	double seconds; /* 0: no bound but the count */
	double timeout;
	double rate; /* 0: closed loop */
	struct ke_aeads aeads;
	enum arrival_kind arrival;
	enum ke_hold hold;
	bool json, owned, help;
};

/* argv[0] is "ke". False where it is wrong: stderr has said what was found and what was expected. */
bool ke_options_parse(struct ke_options *options, int argc, char **argv);

extern const char ke_options_help[];

/* Indexed by enum ke_hold; "" for none. */
extern const char *const ke_hold_name[];

#endif
