/*
 * The table of leap seconds that the operator has named, by `leapseclist` or `leapsectz`: read, and watched
 * for a newer one. One thread.
 */
#ifndef CONTROL_LEAP_FILE_H
#define CONTROL_LEAP_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/clock_settings.h"
#include "control/file_content.h"
#include "refclock/leap.h"

enum { LEAP_FILE_PATH = 64 + CLOCK_PATH };

/* Which file it is; "" where the settings name none. The list goes before the time zone. */
void leap_file_path(char path[LEAP_FILE_PATH], const struct clock_settings *settings);

/* Read it. False with a sentence in text[size] for one that cannot be used; the table is empty then. */
bool leap_file_read(struct leap_table *table, const struct clock_settings *settings, char *text, size_t size);

/* Whether tickwire-clock would have the table that these settings ask for, at a start or a reload; false with
 * a sentence in text[size]. A zone may be missing: Debian's chrony.conf names one that a system need not
 * have. */
bool leap_file_is_usable(const struct clock_settings *settings, char *text, size_t size);

struct leap_watch {
	char path[LEAP_FILE_PATH]; /* that is watched */
	struct file_watch file;
};

/* Before tickwire-clock reads it: what is there now is known. */
void leap_watch_begin(struct leap_watch *watch, const struct clock_settings *settings);

/* Once a second: true where there is a newer one that can be used, so that tickwire-clock, which can open no
 * file, is to be started anew; said in the log, as is a newer one that cannot be used. */
bool leap_watch_look(struct leap_watch *watch, const struct clock_settings *settings);

#endif
