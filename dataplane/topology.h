/*
 * Where things are in the machine: which NUMA node a port hangs on, and which cores its workers should have
 * (libnuma, sysfs). Main thread, at start.
 */
#ifndef DATAPLANE_TOPOLOGY_H
#define DATAPLANE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/settings.h"

/* The node of a port's device, or -1 where it has none or the machine has only one. */
int topology_port_node(const struct port_settings *port);

/*
 * Choose cores for at most `wanted` workers into cpu[]: those of the settings, else of those that this
 * process may run on, the ones on `node` (-1: any) first and the highest first, and one is left to the rest
 * of the system. Gives how many, or 0 with a sentence in text[size].
 */
unsigned topology_choose_cpus(const struct settings *settings, unsigned wanted, int node,
	unsigned cpu[WORKERS_MAX], char *text, size_t size);

/* Have memory that is allocated from now on come from this node if it can; -1 does nothing. */
void topology_prefer_node(int node);

#endif
