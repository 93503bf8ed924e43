/*
 * Leap seconds: the table of leap-seconds.list or of a time zone that counts them, when it ends, and the
 * smear. Pure; any thread. Text and octets are taken for hostile: what is not of the form is refused by name.
 *
 * Seconds are whole ones of UTC since 1900-01-01 as NTP counts them (without leap seconds), not folded into
 * eras.
 */
#ifndef REFCLOCK_LEAP_H
#define REFCLOCK_LEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/timestamp.h"

enum {
	LEAP_TABLE_MAX = 256,
	LEAP_LIST_SIZE = 65536, /* octets of a file: more is refused */
	LEAP_TAI_MAX = 1000,    /* seconds: TAI - UTC beyond it, either way, is none */
	LEAP_DAY = 86400,
	LEAP_EXPIRY_DAYS = 30, /* ahead of a table's end it is LEAP_EXPIRY_SOON */
	LEAP_TAI_1972 = 10,    /* TAI - UTC in s, from ... */
};
#define LEAP_1972 UINT64_C(2272060800) /* ... 1972-01-01 on, when UTC began to have leap seconds */

/* Without an era a time is taken for one of the 136 years from this on: 2020-01-01. */
#define LEAP_PIVOT UINT64_C(3786825600)

/* TAI - UTC is `tai` seconds from this instant on. */
struct leap_entry {
	uint64_t seconds;
	int32_t tai;
};

/* Each entry but the first is a leap second: `tai` differs by 1 from the entry before. */
struct leap_table {
	int entries;
	struct leap_entry entry[LEAP_TABLE_MAX]; /* ascending */
	uint64_t updated, expires;               /* 0: not said */
};

#define LEAP_LIST_VERDICTS(X)                                                                              \
	X(GOOD, "good")                                                                                    \
	X(SYNTAX, "not of the format of leap-seconds.list: numbers of seconds that ascend, and TAI - UTC " \
		  "that changes by one")                                                                   \
	X(EMPTY, "it has no entries")                                                                      \
	X(NO_HASH, "the line #h with its hash is missing")                                                 \
	X(HASH, "its hash does not match: it is damaged, or was edited")                                   \
	X(LARGE, "larger than any list of leap seconds")                                                   \
	X(NO_DIGEST, "libcrypto has no SHA-1, and so the hash cannot be checked")

enum leap_list_verdict {
#define X(name, text) LEAP_LIST_##name,
	LEAP_LIST_VERDICTS(X)
#undef X
		LEAP_LIST_VERDICT_COUNT
};

/*
 * The text of a leap-seconds.list (IERS/NIST format, with #$, #@ and #h lines; the hash is SHA-1 over the
 * digits). On anything but GOOD the table is empty and *line is the line, from 1; 0: it is of none.
 */
enum leap_list_verdict leap_list_parse(struct leap_table *table, const char *text, size_t size, int *line);

#define LEAP_ZONE_VERDICTS(X)                                                         \
	X(GOOD, "good")                                                               \
	X(NOT_TZIF, "not a compiled time zone (TZif)")                                \
	X(TRUNCATED, "it ends before what its header promises")                       \
	X(NO_LEAPS, "it counts no leap seconds; a zone such as right/UTC does")       \
	X(LEAPS, "its leap seconds are not in order, or do not change by one second") \
	X(LARGE, "more leap seconds than are kept")

enum leap_zone_verdict {
#define X(name, text) LEAP_ZONE_##name,
	LEAP_ZONE_VERDICTS(X)
#undef X
		LEAP_ZONE_VERDICT_COUNT
};

/* The octets of a zone of the tz database that counts leap seconds, such as right/UTC (TZif of versions 1 to
 * 4, RFC 9636). On anything but GOOD the table is empty. `updated` is not said there, `expires` by few. */
enum leap_zone_verdict leap_zone_parse(struct leap_table *table, const void *octets, size_t size);

/* For people; "unknown" for a number that is none. */
const char *leap_list_text(unsigned verdict);
const char *leap_zone_text(unsigned verdict);

/* The whole seconds of a time, in the era that puts them into the 136 years from LEAP_PIVOT on. */
uint64_t leap_seconds(ntp64 time);

/* TAI - UTC in force at a time; 0 before 1972 or without a table. */
int leap_tai_offset(const struct leap_table *table, uint64_t seconds);

/* The next leap second at or after `seconds`: the instant (its UTC midnight, the first second of the day that
 * begins with it) and +1 (inserted) or -1 (deleted); false where the table knows none. */
bool leap_next(const struct leap_table *table, uint64_t seconds, uint64_t *midnight, int *sign);

enum leap_expiry {
	LEAP_EXPIRY_NONE = 0, /* the table does not say when it ends, or is empty */
	LEAP_EXPIRY_GOOD,
	LEAP_EXPIRY_SOON, /* in LEAP_EXPIRY_DAYS or less: somebody should fetch a new one */
	LEAP_EXPIRED,     /* it says nothing any more of whether a leap second comes */
};

/* What a table is worth at a time. *days, where not NULL: whole days until it ends, rounded towards the
 * past; negative after it, 0 where it does not say. */
enum leap_expiry leap_expiry(const struct leap_table *table, uint64_t seconds, int *days);

enum leap_smear_shape { LEAP_SMEAR_OFF = 0, LEAP_SMEAR_LINEAR, LEAP_SMEAR_COSINE };

/*
 * Seconds that smeared time is behind (positive) unsmeared UTC-without-the-leap at `t`: 0 before the window,
 * `sign` after it. The window is centred on the leap's midnight ("noon to noon" at 86400 s). `to_midnight`:
 * seconds to the leap, negative after it. LEAP_SMEAR_OFF, or no window: all at once at midnight.
 */
double leap_smear(enum leap_smear_shape shape, double window, int sign, double to_midnight);

#endif
