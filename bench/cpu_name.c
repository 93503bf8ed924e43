#include "bench/cpu_name.h"

#include <stdio.h>
#include <string.h>

void cpu_name(char *name, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], *value;

	snprintf(name, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "model name", 10) != 0 || !(value = strchr(line, ':')))
			continue;
		value[strcspn(value, "\n")] = 0;
		snprintf(name, size, "%s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}
