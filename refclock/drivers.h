/*
 * The drivers of refclock/source_*.c by name (driver_of() finds them by kind, refclock/driver.h says what
 * their functions do), and what they ask of the kernel once they are open: a daemon that filters its system
 * calls has to allow it. One thread.
 */
#ifndef REFCLOCK_DRIVERS_H
#define REFCLOCK_DRIVERS_H

#include <stddef.h>

#include "refclock/driver.h"

/* Devices of the kernel, and programs that feed time. */
extern const struct driver_functions driver_pps, driver_phc, driver_shm, driver_sock, driver_gpsd;

/* Lines from receivers: a tty, a pty or a FIFO. */
extern const struct driver_functions driver_nmea, driver_dcf77, driver_meinberg;

/* A system call by its number, and where `argument` >= 0 with that value there alone. */
struct driver_call {
	int number;
	int argument;
	unsigned long value;
	unsigned kinds; /* a bit for each, 1 << enum source_kind: whose drivers need it */
};

/* What `take` and `close` of all drivers here need beside read, poll, close and clock_gettime, and `open` for
 * a second time: `count` of them. Constant. */
const struct driver_call *driver_calls(size_t *count);

#endif
