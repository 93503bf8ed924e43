/* From which addresses a load asks, where the command line leaves that open. Main thread. */
#ifndef BENCH_CLIENTS_H
#define BENCH_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/population.h"
#include "bench/target.h"

enum { CLIENTS_DEFAULT_MOST = 65536 };

struct clients_settings {
	const struct target *target;
	const char *interface; /* NULL: sockets */
	const char *from;      /* prefixes, or NULL: this host's own address on the way to the target */
	uint32_t count;        /* 0: all, at most CLIENTS_DEFAULT_MOST */
	double zipf;           /* exponent */
};

enum clients_result {
	CLIENTS_CHOSEN,
	CLIENTS_WRONG, /* what was asked for cannot be */
	CLIENTS_NONE,  /* nothing was asked for, and this host has no address that would do */
};

/* `sources` gets the prefixes. A sentence in text[size] unless CLIENTS_CHOSEN. */
enum clients_result clients_choose(struct population *population, const struct clients_settings *settings,
	char *sources, size_t sources_size, char *text, size_t size);

#endif
