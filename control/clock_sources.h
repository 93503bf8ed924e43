/*
 * The devices of the sources of time: opened, read when there is something, closed when they go and opened
 * again, with back-off. What they deliver goes to the discipline. One thread.
 */
#ifndef CONTROL_CLOCK_SOURCES_H
#define CONTROL_CLOCK_SOURCES_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "refclock/discipline.h"
#include "refclock/driver.h"
#include "refclock/source.h"
#include "refclock/sources.h"

struct clock_source {
	struct source_options options;
	const struct driver_functions *functions; /* NULL: there is no device */
	void *state;                              /* NULL: not open */
	int index;                                /* in the discipline */
	uint64_t due;                             /* ns of CLOCK_MONOTONIC: of the next look */
	uint64_t opened;                          /* ns of CLOCK_MONOTONIC */
	uint64_t retry, pause;                    /* ns: when to open it again; how long to wait after that */
	bool told;           /* that it cannot be opened, or has gone, and it has not worked for long since */
	uint8_t leap;        /* enum ntp_leap of the newest measurement */
	char said[96];       /* the last that it said of its trouble */
	char trouble[128];   /* why it has nothing to give although it is open; "" for none */
	char complaint[128]; /* the last such that was logged */
};

/* What is done to each measurement on its way, with the world's `opaque`. */
typedef void clock_sources_prepare(void *opaque, struct measurement *m);

struct clock_sources {
	struct discipline *discipline;
	const struct driver_world *world;
	clock_sources_prepare *prepare;
	void *opaque;
	int count;
	struct clock_source source[SOURCES_MAX];
};

/* Add the sources to the discipline, in their order. The pointers stay in use. */
void clock_sources_init(struct clock_sources *s, struct discipline *discipline,
	const struct driver_world *world, clock_sources_prepare *prepare,
	const struct source_options *options, int count);

/* Open what is not open and due for it; a device that is not there, or goes as soon as it has come, is logged
 * once. `now`: ns of CLOCK_MONOTONIC, here and below. */
void clock_sources_open(struct clock_sources *s, uint64_t now);

/* Read all that may have something, and open again what has gone. */
void clock_sources_read(struct clock_sources *s, uint64_t now);

/* What to poll(2) for; at most SOURCES_MAX. */
int clock_sources_descriptors(const struct clock_sources *s, struct pollfd *fds);

/* The receivers' half of the report, and the leap second that each source announces. */
void clock_sources_report(const struct clock_sources *s, struct sources *report);

void clock_sources_close(struct clock_sources *s);

#endif
