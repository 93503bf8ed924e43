/*
 * DPDK's environment, started for the settings: cores, memory, no files that outlive the process. Main
 * thread, once.
 */
#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/settings.h"

/*
 * `program` is its name in messages. Lcore 0 is the main thread on every allowed core; lcore 1 + i is worker
 * i, pinned to cpu[i]. `queues` (of all ports, TAPs not counted) decides how much memory is asked for. False
 * with a sentence in text[size], and *huge says whether it was tried with huge pages: EAL cannot be started
 * twice in a process.
 */
bool eal_start(const char *program, const struct settings *settings, const unsigned *cpu, unsigned workers,
	unsigned queues, bool *huge, char *text, size_t size);

#endif
