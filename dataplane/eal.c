#include "dataplane/eal.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "dataplane/log.h"

enum {
	ARGUMENTS_MAX = 48,
	/* Pool, rings and what the drivers keep, of one queue with its TAP: measured, and rounded up. */
	MIB_PER_QUEUE = 64,
	MIB_BASE = 32,
};

struct arguments {
	int count;
	char *word[ARGUMENTS_MAX];
};

static void add(struct arguments *a, const char *word)
{
	if (a->count < ARGUMENTS_MAX - 1)
		a->word[a->count++] = strdup(word);
}

/* Free huge pages of all sizes, in MiB. */
static unsigned long free_huge_mib(void)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	unsigned long mib = 0;

	for (const struct dirent *e; dir && (e = readdir(dir));) {
		char path[320];
		unsigned long kib, pages = 0;
		FILE *f;

		if (sscanf(e->d_name, "hugepages-%lukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", e->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%lu", &pages) == 1)
			mib += pages * kib / 1024;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return mib;
}

static void add_cores(struct arguments *a, const unsigned *cpu, unsigned workers)
{
	char list[4096];
	size_t used;
	cpu_set_t allowed;
	bool first = true;

	used = (size_t)snprintf(list, sizeof(list), "0@(");
	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		for (unsigned c = 0; c < CPU_SETSIZE && used < sizeof(list) - 32; c++)
			if (CPU_ISSET(c, &allowed)) {
				used += (size_t)snprintf(
					list + used, sizeof(list) - used, first ? "%u" : ",%u", c);
				first = false;
			}
	used += (size_t)snprintf(list + used, sizeof(list) - used, ")");
	for (unsigned i = 0; i < workers && used < sizeof(list) - 32; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, ",%u@%u", i + 1, cpu[i]);
	add(a, "--lcores");
	add(a, list);
	add(a, "--main-lcore");
	add(a, "0");
}

/* In memory there is nothing to leave behind; without huge pages DPDK refuses that, but can do without shared
 * files. */
static void add_memory(struct arguments *a, bool huge, unsigned long mib)
{
	char number[32];

	snprintf(number, sizeof(number), "%lu", mib);
	if (huge) {
		add(a, "--in-memory");
	} else {
		add(a, "--no-huge");
		add(a, "--no-shconf");
	}
	add(a, "-m");
	add(a, number);
}

static void add_devices(struct arguments *a, const struct settings *settings)
{
	bool pci = false;

	for (unsigned i = 0; i < settings->ports; i++)
		if (strncmp(settings->port[i].name, "pci:", 4) == 0) {
			add(a, "-a");
			add(a, settings->port[i].name + 4);
			pci = true;
		}
	if (!pci)
		add(a, "--no-pci");
}

/*
 * net_tap calls errors what we do not need of it: flow rules and secondary processes. Of several patterns a
 * linked driver takes the last and one that is loaded later the first, so this one stands at both ends.
 */
static void add_log_levels(struct arguments *a, bool verbose)
{
	static const char quiet_tap[] = "--log-level=pmd.net.tap:critical";

	if (verbose) {
		add(a, "--log-level=*:info");
		return;
	}
	add(a, quiet_tap);
	add(a, "--log-level=*:error");
	add(a, quiet_tap);
}

bool eal_start(const char *program, const struct settings *settings, const unsigned *cpu, unsigned workers,
	unsigned queues, bool *huge, char *text, size_t size)
{
	const unsigned long mib = MIB_BASE + (unsigned long)queues * MIB_PER_QUEUE,
			    free_mib = free_huge_mib();
	static struct arguments a; /* DPDK keeps pointers to the words */

	*huge = settings->huge_pages == HUGE_PAGES_YES ||
		(settings->huge_pages == HUGE_PAGES_AUTO && free_mib >= mib);
	if (settings->huge_pages == HUGE_PAGES_YES && free_mib < mib) {
		snprintf(text, size,
			"hugepages yes: %lu MiB of huge pages are needed and %lu are free; reserve them "
			"(echo %lu > "
			"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages) or say `hugepages no`",
			mib, free_mib, mib / 2);
		return false;
	}
	add(&a, program);
	add_cores(&a, cpu, workers);
	add_memory(&a, *huge, mib);
	add_devices(&a, settings);
	add(&a, "--no-telemetry");
	add_log_levels(&a, settings->verbose);
	if (rte_eal_init(a.count, a.word) >= 0)
		return true;
	snprintf(text, size, "DPDK does not start: %s%s", rte_strerror(rte_errno),
		settings->verbose ? "" : "; --verbose shows its own messages");
	return false;
}
