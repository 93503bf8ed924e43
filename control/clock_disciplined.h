/*
 * The clock daemon with sources of its own: devices are read, the discipline makes a line of them, and the
 * kernel clock is a source to compare with. One thread.
 */
#ifndef CONTROL_CLOCK_DISCIPLINED_H
#define CONTROL_CLOCK_DISCIPLINED_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/clock_files.h"
#include "control/clock_leap.h"
#include "control/clock_options.h"
#include "control/clock_sources.h"
#include "control/clock_steer.h"
#include "control/drill.h"
#include "control/opener.h"
#include "dataplane/sandbox.h"
#include "ntp/shm.h"
#include "refclock/discipline.h"
#include "refclock/keeper.h"
#include "refclock/kernel_history.h"
#include "refclock/line.h"
#include "refclock/sample.h"
#include "refclock/timebase.h"

struct clock_disciplined {
	const struct clock_options *options;
	const struct sandbox_user *user;
	struct discipline *discipline;
	struct clock_sources sources;
	struct driver_world world;
	struct clock_leap leap;
	struct clock_steer steer;
	struct clock_files files;
	struct kernel_history history;
	struct sample newest; /* of the kernel clock */
	struct timebase published;
	struct timebase resumed;     /* what was served before us, until we know better; rate 0: nothing */
	struct keeper_status keeper; /* of the kernel clock: the last that it was compared by */
	struct opener opener;        /* of the devices that have a path */
	bool confined;               /* no process can be started any more */
	int temperature;             /* descriptor of a hwmon file; -1: none */
	int system;                  /* index of the source SYSTEM; -1: there is none */
	uint64_t second_due;         /* ns of CLOCK_MONOTONIC: of what is done once a second */
	uint64_t drift_due;          /* and of the drift file */
	struct shm segment;          /* of refclock/sources.h */
	struct shm drills;           /* of control/drill.h; head is NULL where there is none */
	struct drill drill;          /* that is under way */
	struct sources report;
};

/*
 * With the daemon's privileges: read files, start the helpers that outlive them, open devices. False with a
 * sentence in text[size]. `user`: whom the helpers become; it stays in use. `now`: ns of CLOCK_MONOTONIC,
 * here and below.
 */
bool clock_disciplined_start(struct clock_disciplined *c, const struct clock_options *options,
	const struct sandbox_user *user, enum counter_kind kind, double hz, uint64_t now, char *text,
	size_t size);

/* Then, when all other processes are started: the segment of the report. `before`: the timebase that was
 * served until now, or one of updates 0. */
bool clock_disciplined_publish_to(struct clock_disciplined *c, const char *run_dir,
	const struct timebase *before, char *text, size_t size);

/* A sample of the kernel clock, and what its line made of it. */
void clock_disciplined_sample(
	struct clock_disciplined *c, const struct sample *sample, enum line_event event);

/* Read what there is and tick. `kernel`: the line of the kernel clock; `keeper`: who keeps that. */
void clock_disciplined_tick(struct clock_disciplined *c, const struct line *kernel,
	const struct keeper_status *keeper, uint64_t now);

/* Overwrite what the discipline knows better than the kernel's line, which is in the timebase: unsynchronised
 * where it knows nothing yet. */
void clock_disciplined_publish(struct clock_disciplined *c, struct timebase *timebase);

/* Between two samples: read what sources have to say, for its stamp of arrival. */
void clock_disciplined_read(struct clock_disciplined *c, uint64_t now);

/* Descriptors to poll for, at most SOURCES_MAX. */
int clock_disciplined_descriptors(const struct clock_disciplined *c, struct pollfd *fds);

/* Of a daemon without sources: what one with sources has left in the run directory says nothing any more. */
void clock_disciplined_forget(const char *run_dir);

void clock_disciplined_stop(struct clock_disciplined *c);

#endif
