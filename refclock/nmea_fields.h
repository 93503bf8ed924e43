/*
 * The comma-separated fields of an NMEA sentence. A cursor that never passes its end. Pure; any thread.
 */
#ifndef REFCLOCK_NMEA_FIELDS_H
#define REFCLOCK_NMEA_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/calendar.h"

struct nmea_fields {
	const char *at, *end;
	bool ended; /* the last field has been taken */
};

struct nmea_field {
	const char *at;
	size_t length;
};

/* The next field, empty or not; false behind the last. */
bool nmea_next(struct nmea_fields *fields, struct nmea_field *field);

/* The same, and `count` fields before it are passed over. */
bool nmea_next_after(struct nmea_fields *fields, int count, struct nmea_field *field);

/* Whether the field is this one letter. */
static inline bool nmea_is(struct nmea_field field, char letter)
{
	return field.length == 1 && field.at[0] == letter;
}

/* Exactly `length` digits at `at`. */
bool nmea_digits(const char *at, size_t length, unsigned *value);

/* A whole number of 1 to 4 digits. */
bool nmea_number(struct nmea_field field, unsigned *value);

/* A number such as "1.05", without a sign and at most 9 digits before and behind the point. */
bool nmea_decimal(struct nmea_field field, double *value);

/* "hhmmss" or "hhmmss.s...": units of 2^-32 s since midnight; 23:59:60 is a day and less than a second. */
bool nmea_time_of_day(struct nmea_field field, uint64_t *units);

/* "ddmmyy", of the years not farther than 50 from `near`. */
bool nmea_date(struct nmea_field field, int near, struct calendar_date *date);

#endif
