#include "dataplane/topology.h"

#include <numa.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

int topology_port_node(const struct port_settings *port)
{
	char path[512];
	int node = -1;
	FILE *f;

	if (numa_available() < 0 || numa_max_node() == 0 || strncmp(port->name, "vdev:", 5) == 0)
		return -1;
	if (strncmp(port->name, "pci:", 4) == 0)
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", port->name + 4);
	else
		snprintf(path, sizeof(path), "/sys/class/net/%s/device/numa_node", port->name);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &node) != 1)
		node = -1;
	if (f)
		fclose(f);
	return node;
}

static int cpu_node(unsigned cpu)
{
	return numa_available() < 0 ? -1 : numa_node_of_cpu((int)cpu);
}

static bool is_listed(const uint64_t cpus[CPU_LIST_MAX / 64], unsigned cpu)
{
	return cpus[cpu / 64] >> cpu % 64 & 1;
}

static unsigned choose_listed(const struct settings *settings, unsigned wanted, const cpu_set_t *allowed,
	unsigned cpu[WORKERS_MAX], char *text, size_t size)
{
	unsigned count = 0;

	for (unsigned c = 0; c < CPU_LIST_MAX && count < wanted; c++) {
		if (!is_listed(settings->cpus, c))
			continue;
		if (c >= CPU_SETSIZE || !CPU_ISSET(c, allowed)) {
			snprintf(text, size,
				"workers: core %u is not one that this process may run on (see lscpu and "
				"taskset)",
				c);
			return 0;
		}
		cpu[count++] = c;
	}
	return count;
}

unsigned topology_choose_cpus(const struct settings *settings, unsigned wanted, int node,
	unsigned cpu[WORKERS_MAX], char *text, size_t size)
{
	unsigned count = 0, usable;
	cpu_set_t allowed;
	bool given = false;

	wanted = wanted < WORKERS_MAX ? wanted : WORKERS_MAX;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		snprintf(text, size, "cannot tell which cores this process may run on (sched_getaffinity)");
		return 0;
	}
	for (unsigned i = 0; i < CPU_LIST_MAX / 64; i++)
		given |= settings->cpus[i] != 0;
	if (given)
		return choose_listed(settings, wanted, &allowed, cpu, text, size);
	usable = (unsigned)CPU_COUNT(&allowed) > 1 ? (unsigned)CPU_COUNT(&allowed) - 1 : 1;
	wanted = wanted < usable ? wanted : usable;
	for (int near = 1; near >= 0; near--)
		for (int c = CPU_SETSIZE - 1; c >= 0 && count < wanted; c--)
			if (CPU_ISSET(c, &allowed) &&
				(node < 0 || cpu_node((unsigned)c) == node) == (near == 1))
				cpu[count++] = (unsigned)c;
	return count;
}

void topology_prefer_node(int node)
{
	if (node >= 0 && numa_available() >= 0)
		numa_set_preferred(node);
}
