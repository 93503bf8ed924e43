/*
 * A driver's parameter, "/dev/ptp0:extpps:pin=1": what it names, and options behind colons. Pure; any thread.
 */
#ifndef REFCLOCK_DRIVER_PARAMETER_H
#define REFCLOCK_DRIVER_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>

#include "refclock/source.h"

struct driver_parameter {
	char name[SOURCE_PARAMETER]; /* up to the first colon; may be empty */
	char rest[SOURCE_PARAMETER]; /* the options yet to come, without a leading colon */
};

/* An option: "pin" and "1"; value is "" where there is none. */
struct driver_option {
	char name[16];
	char value[SOURCE_PARAMETER];
};

/* Any text; what does not fit is cut, which no known option survives. */
void driver_parameter_split(struct driver_parameter *parameter, const char *text);

/* The next option, taken off `rest`; false behind the last. */
bool driver_parameter_next(struct driver_parameter *parameter, struct driver_option *option);

/* A whole number in base 10, or 8, from low to high, and nothing behind it. */
bool driver_parameter_number(const char *text, int base, long low, long high, long *number);

#endif
