#include "refclock/serial_parameter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	unsigned baud;
	speed_t speed;
} speeds[] = {{50, B50}, {75, B75}, {110, B110}, {150, B150}, {200, B200}, {300, B300}, {600, B600},
	{1200, B1200}, {1800, B1800}, {2400, B2400}, {4800, B4800}, {9600, B9600}, {19200, B19200},
	{38400, B38400}, {57600, B57600}, {115200, B115200}, {230400, B230400}, {460800, B460800},
	{921600, B921600}};

bool serial_speed(unsigned baud, speed_t *speed)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
		if (speeds[i].baud == baud) {
			*speed = speeds[i].speed;
			return true;
		}
	}
	return false;
}

bool serial_parameter(const char *parameter, char *path, size_t size, unsigned *baud)
{
	const char *colon = strrchr(parameter, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	size_t length = strlen(parameter);
	speed_t speed;

	if (digits > 0 && colon[1 + digits] == '\0') {
		*baud = digits < 8 ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
		length = (size_t)(colon - parameter);
	}
	snprintf(path, size, "%.*s", (int)length, parameter);
	return length < size && serial_speed(*baud, &speed);
}
