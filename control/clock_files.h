/*
 * The files helper: a process beside tickwire-clock that writes its logs and its drift file. The daemon,
 * which can open no file and must wait for no disk, only writes records into a pipe; what does not fit there
 * is counted and lost. Through another pipe the helper says what keeps it from writing.
 *
 * The helper starts with the daemon's privileges and goes on as the unprivileged user with CAP_DAC_OVERRIDE
 * alone, since directories of logs and drift files are root's as a rule, and with its system calls filtered.
 * It opens the configured names and no others, follows no symbolic link in the directory of the logs, and
 * ends with the daemon. A directory that is missing is made where its parent is there, owned by the user; a
 * log that was renamed, removed or emptied is gone on with within a second. One thread.
 */
#ifndef CONTROL_CLOCK_FILES_H
#define CONTROL_CLOCK_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/clock_settings.h"
#include "dataplane/sandbox.h"
#include "refclock/discipline.h"

enum { CLOCK_FILES_TROUBLE = 192 };

struct clock_files {
	const struct clock_settings *settings;
	int fd;                            /* of the pipe; -1: there is nothing to write */
	int back;                          /* of the helper's; -1: it is gone */
	uint64_t lost;                     /* records, since the start */
	uint64_t looked;                   /* `lost` at the last look */
	char said[CLOCK_FILES_TROUBLE];    /* by the helper */
	char trouble[CLOCK_FILES_TROUBLE]; /* what keeps files from being written, a sentence; "" for none */
};

/*
 * Start the helper where the settings have it write anything; it needs neither open(2) nor any other system
 * call than read(2) and write(2) afterwards. Call it from a process without other threads, before privileges
 * are dropped. Of the descriptors that are open then the helper keeps none. SIGPIPE is ignored from then on.
 * That nothing can be written is no error, but a trouble. False with a sentence in text[size].
 */
bool clock_files_start(struct clock_files *files, const struct clock_settings *settings,
	const struct sandbox_user *user, enum sandbox_mode mode, char *text, size_t size);

/* The helper's filter of system calls, for the calling process: for good. False with a sentence. */
bool clock_files_filter(enum sandbox_mode mode, char *text, size_t size);

/* For discipline_set_log: `files` is a struct clock_files. Takes some us, and never waits. */
void clock_files_log(void *files, const struct discipline_record *record);

/* Have the drift file written; at most every drift_interval_s, the caller sees to it. */
void clock_files_drift(struct clock_files *files, double ppm, double skew_ppm);

/* Once a second: see whether all is written, and say to the log when that has changed. Never waits. */
void clock_files_look(struct clock_files *files);

/* The helper ends once it has written what it was given. */
void clock_files_stop(struct clock_files *files);

#endif
