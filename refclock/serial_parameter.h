/*
 * What names a receiver's line, "/dev/ttyS0:9600". Pure; any thread.
 */
#ifndef REFCLOCK_SERIAL_PARAMETER_H
#define REFCLOCK_SERIAL_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* "DEV[:BAUD]" into a path of `size` octets and a baud rate, `*baud` where none is said. A colon within the
 * path stays there: only a number behind the last one is a rate. False for a rate that lines do not have. */
bool serial_parameter(const char *parameter, char *path, size_t size, unsigned *baud);

/* A rate in Bd as termios has it; false for one that lines do not have. */
bool serial_speed(unsigned baud, speed_t *speed);

#endif
