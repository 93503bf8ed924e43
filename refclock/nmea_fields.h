/*
 * What the fields of an NMEA sentence say. Pure; any thread.
 */
#ifndef REFCLOCK_NMEA_FIELDS_H
#define REFCLOCK_NMEA_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/calendar.h"
#include "refclock/comma_fields.h"

/* The next field, and `count` fields before it are passed over; false where there are not so many. */
bool nmea_next_after(struct comma_fields *fields, int count, struct comma_field *field);

/* Whether the field is this one letter. */
static inline bool nmea_is(struct comma_field field, char letter)
{
	return field.length == 1 && field.at[0] == letter;
}

/* Exactly `length` digits at `at`. */
bool nmea_digits(const char *at, size_t length, unsigned *value);

/* A whole number of 1 to 4 digits. */
bool nmea_number(struct comma_field field, unsigned *value);

/* A number such as "1.05", without a sign and at most 9 digits before and behind the point. */
bool nmea_decimal(struct comma_field field, double *value);

/* "hhmmss" or "hhmmss.s...": units of 2^-32 s since midnight; 23:59:60 is a day and less than a second. */
bool nmea_time_of_day(struct comma_field field, uint64_t *units);

/* "ddmmyy", of the years not farther than 50 from `near`. */
bool nmea_date(struct comma_field field, int near, struct calendar_date *date);

#endif
