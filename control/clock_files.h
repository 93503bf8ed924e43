/*
 * The files helper: a process beside tickwire-clock that writes its logs and its drift file. The daemon,
 * which can open no file and must wait for no disk, only writes records into a pipe; what does not fit there
 * is counted and lost.
 *
 * The helper starts with the daemon's privileges and goes on as the unprivileged user with CAP_DAC_OVERRIDE
 * alone, since directories of logs and drift files are root's as a rule. It opens the configured names and no
 * others, follows no symbolic link, and ends with the daemon. A log that was renamed or removed is made anew
 * within a second. One thread.
 */
#ifndef CONTROL_CLOCK_FILES_H
#define CONTROL_CLOCK_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/clock_settings.h"
#include "dataplane/sandbox.h"
#include "refclock/discipline.h"

struct clock_files {
	const struct clock_settings *settings;
	int fd;        /* of the pipe; -1: there is nothing to write, or the helper is gone */
	uint64_t lost; /* records */
};

/*
 * Start the helper where the settings have it write anything; it needs neither open(2) nor any other system
 * call than write(2) afterwards. Call it from a process without other threads, before privileges are dropped.
 * Of the descriptors that are open then the helper keeps none. SIGPIPE is ignored from then on.
 * False with a sentence in text[size].
 */
bool clock_files_start(struct clock_files *files, const struct clock_settings *settings,
	const struct sandbox_user *user, char *text, size_t size);

/* For discipline_set_log: `files` is a struct clock_files. Takes some us, and never waits. */
void clock_files_log(void *files, const struct discipline_record *record);

/* Have the drift file written; at most every drift_interval_s, the caller sees to it. */
void clock_files_drift(struct clock_files *files, double ppm, double skew_ppm);

/* The helper ends once it has written what it was given. */
void clock_files_stop(struct clock_files *files);

#endif
