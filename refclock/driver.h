/*
 * How a source's device is read. One table of functions per kind; the clock daemon polls the descriptors and
 * calls `take`. These files touch the world; what they read is parsed by the pure ones beside them (nmea.h,
 * dcf77.h, sock_sample.h ...). One thread.
 *
 * Opening may take for ever, and needs privileges which the daemon has dropped by the time a device comes
 * back. So what opens a path goes through `device_open`, which the daemon sets: it asks an opener, a helper
 * process that opens exactly the configured path and hands descriptors over.
 */
#ifndef REFCLOCK_DRIVER_H
#define REFCLOCK_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/timestamp.h"
#include "refclock/measurement.h"
#include "refclock/receiver.h"
#include "refclock/source.h"
#include "refclock/sources.h"

enum { DRIVER_TAI_DEFAULT = 37 /* TAI - UTC in s since 2017 */ };

/* What drivers are given of the daemon; the same for all. */
struct driver_world {
	/* Where on the counter the kernel clock showed that time, a moment ago (within the last seconds), and
	 * the hard error of saying so in units; false where it has been stepped since. For stamps of the
	 * kernel: PPS, SOCK, SHM. */
	bool (*counter_at)(void *opaque, ntp64 kernel_time, uint64_t *counter, uint64_t *error);
	/* The counter now, and the disciplined time near it where known (to number seconds: a hint). */
	uint64_t (*counter_now)(void *opaque);
	bool (*time_now)(void *opaque, ntp64 *time);
	/* As open(2); but ETIMEDOUT where it takes for longer than the daemon waits, EPIPE where nobody opens
	 * devices any more. */
	int (*device_open)(void *opaque, const char *path, int flags);
	/* TAI - UTC in s now, for devices that keep TAI; 0: not known, and DRIVER_TAI_DEFAULT it is. NULL:
	 * never known. */
	int (*tai_offset)(void *opaque);
	/* Start the process that talks with the gpsd of this parameter ("[HOST][:PORT][:DEVICE]"): the
	 * reading end of a pipe of struct gpsd_record (refclock/gpsd_record.h) that does not block, or -1
	 * with a sentence in text[size]. NULL: there is none to be had. */
	int (*gpsd_start)(void *opaque, const char *parameter, char *text, size_t size);
	void *opaque;
	double counter_hz;
	uint8_t counter_kind; /* enum counter_kind */
};

enum driver_news {
	DRIVER_SILENT,      /* nothing at present */
	DRIVER_MEASUREMENT, /* one measurement; call again */
	DRIVER_GONE,        /* the device has gone; the daemon closes and opens it again, with back-off */
};

struct driver_functions {
	/* Open what options->parameter names. NULL with a sentence in text[size], which names what was found
	 * and the remedy. What a success leaves in text is a warning to be logged, or "". Never blocks for
	 * longer than some ms. */
	void *(*open)(const struct source_options *options, const struct driver_world *world, char *text,
		size_t size);
	void (*close)(void *state);
	/* To poll(2) for reading; -1: there is none. */
	int (*descriptor)(const void *state);
	/* Of what came since the last call, the next measurement. text[size] is a sentence: of DRIVER_GONE
	 * the reason, else what was refused, or "". It never blocks; the daemon calls it when the descriptor
	 * is readable and every few ms beside: a stamp may wait for counter_at to know it, and what there is
	 * no descriptor for is looked at then (a clock that has to be asked, every dpoll). */
	enum driver_news (*take)(void *state, struct measurement *m, char *text, size_t size);
	/* What the receiver says of itself; RECEIVER_NONE where it says nothing. NULL: never. */
	enum receiver_kind (*receiver)(const void *state, struct source_report *report);
	/* Why there is nothing to be had at present of what is open: a sentence, or "". NULL: never. */
	const char *(*trouble)(const void *state);
};

/* A sentence with the remedy: why device_open has failed, by its errno. */
void driver_explain(char *text, size_t size, const char *path, int error);

/* The functions of a kind; NULL for SOURCE_SYSTEM and SOURCE_LOCAL, which have no device. */
const struct driver_functions *driver_of(enum source_kind kind);

/* TAI - UTC in s, by the daemon or by default. */
static inline int driver_tai_offset(const struct driver_world *world)
{
	const int offset = world->tai_offset ? world->tai_offset(world->opaque) : 0;

	return offset ? offset : DRIVER_TAI_DEFAULT;
}

#endif
