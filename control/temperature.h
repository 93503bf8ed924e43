/*
 * A temperature sensor of the kernel's, as hwmon has it: a file that holds millidegrees Celsius. It is opened
 * once, before the daemon is confined, and read by read(2) and lseek(2). One thread.
 */
#ifndef CONTROL_TEMPERATURE_H
#define CONTROL_TEMPERATURE_H

#include <stddef.h>

/* A descriptor, or -1 with a sentence in text[size]. */
int temperature_open(const char *path, char *text, size_t size);

/* Degrees Celsius; NaN where the sensor gives none at present, or none from -100 to 200. A
 * descriptor of -1 is allowed. */
double temperature_read(int fd);

#endif
