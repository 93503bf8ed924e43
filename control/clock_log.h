/*
 * The logs of the clock in chrony's formats: a record of the discipline becomes lines of measurements.log,
 * statistics.log, tracking.log and refclocks.log. Pure.
 *
 * Signs are chrony's: a positive offset says that the time served is slow in measurements.log and
 * refclocks.log, and that it is fast in statistics.log and tracking.log. A record's offsets are of the first
 * kind. What chrony has and a record has not (stress, runs, asymmetry, root delay) is 0; tests of packets
 * have all been passed.
 */
#ifndef CONTROL_CLOCK_LOG_H
#define CONTROL_CLOCK_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "control/clock_settings.h"
#include "refclock/discipline.h"

enum clock_log_file {
	CLOCK_LOG_FILE_MEASUREMENTS,
	CLOCK_LOG_FILE_STATISTICS,
	CLOCK_LOG_FILE_TRACKING,
	CLOCK_LOG_FILE_REFCLOCKS,
	CLOCK_LOG_FILES
};

enum {
	CLOCK_LOG_LINE = 192, /* octets of a line, its LF and NUL included */
	CLOCK_LOG_LINES = 2,  /* of one record at most */
};

struct clock_log_line {
	enum clock_log_file file;
	char text[CLOCK_LOG_LINE];
};

/* "measurements.log" and the like. */
const char *clock_log_file_name(enum clock_log_file file);

/* Bit of clock_settings.logs that asks for the file. */
uint32_t clock_log_file_bit(enum clock_log_file file);

/* The names of its columns, without an LF. */
const char *clock_log_columns(enum clock_log_file file);

/* Three lines with the names of the columns, as chrony repeats them. */
size_t clock_log_banner(char *text, size_t size, enum clock_log_file file);

/* The lines of a record, for the logs that the settings ask for; how many there are. */
int clock_log_format(struct clock_log_line line[CLOCK_LOG_LINES], const struct clock_settings *settings,
	const struct discipline_record *record);

#endif
