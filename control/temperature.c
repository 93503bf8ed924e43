#include "control/temperature.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/file_content.h"

enum { COLDEST = -100000, HOTTEST = 200000 };

int temperature_open(const char *path, char *text, size_t size)
{
	const int fd = file_content_open(path);

	if (fd < 0)
		snprintf(text, size, "%s, the temperature sensor, cannot be opened: %s", path,
			strerror(errno));
	return fd;
}

double temperature_read(int fd)
{
	char content[32];
	ssize_t n;
	char *end;
	long millidegrees;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return NAN;
	n = read(fd, content, sizeof(content) - 1);
	if (n <= 0)
		return NAN;
	content[n] = '\0';
	millidegrees = strtol(content, &end, 10);
	if (end == content || (*end && *end != '\n') || millidegrees < COLDEST || millidegrees > HOTTEST)
		return NAN;
	return (double)millidegrees / 1000;
}
