#include "dataplane/cpu_list.h"

#include <string.h>

/* A CPU's number at *list, which moves past it; -1 for none. */
static int read_cpu(const char **list)
{
	int cpu = -1;

	for (; **list >= '0' && **list <= '9'; (*list)++) {
		cpu = (cpu < 0 ? 0 : cpu * 10) + (**list - '0');
		if (cpu >= CPU_LIST_MAX)
			return -1;
	}
	return cpu;
}

bool cpu_list_parse(const char *list, uint64_t set[CPU_LIST_MAX / 64])
{
	memset(set, 0, CPU_LIST_MAX / 8);
	for (;;) {
		int first = read_cpu(&list), last = first;

		if (*list == '-') {
			list++;
			last = read_cpu(&list);
		}
		if (first < 0 || last < first)
			return false;
		for (int cpu = first; cpu <= last; cpu++)
			set[cpu / 64] |= UINT64_C(1) << cpu % 64;
		if (*list == '\0')
			return true;
		if (*list++ != ',')
			return false;
	}
}
