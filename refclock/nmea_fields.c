#include "refclock/nmea_fields.h"

#include <string.h>

#include "ntp/timestamp.h"

bool nmea_next_after(struct comma_fields *fields, int count, struct comma_field *field)
{
	for (int i = 0; i < count; i++) {
		if (!comma_next(fields, field))
			return false;
	}
	return comma_next(fields, field);
}

bool nmea_digits(const char *at, size_t length, unsigned *value)
{
	*value = 0;
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*value = *value * 10 + (unsigned)(at[i] - '0');
	}
	return true;
}

bool nmea_number(struct comma_field field, unsigned *value)
{
	return field.length >= 1 && field.length <= 4 && nmea_digits(field.at, field.length, value);
}

/* The digits behind a point, as a part of one. No digits are 0: some receivers print "123519.". */
static bool fraction(const char *at, size_t length, double *value)
{
	unsigned digits;

	if (length > 9 || !nmea_digits(at, length, &digits))
		return false;
	*value = digits;
	for (size_t i = 0; i < length; i++)
		*value /= 10;
	return true;
}

bool nmea_decimal(struct comma_field field, double *value)
{
	const char *point = memchr(field.at, '.', field.length);
	size_t whole = point ? (size_t)(point - field.at) : field.length;
	unsigned digits;
	double part = 0;

	if (field.length == 0 || whole > 9 || !nmea_digits(field.at, whole, &digits))
		return false;
	if (point && !fraction(point + 1, field.length - whole - 1, &part))
		return false;
	*value = digits + part;
	return true;
}

bool nmea_time_of_day(struct comma_field field, uint64_t *units)
{
	unsigned hour, minute, second;
	double part = 0;

	if (field.length < 6 || !nmea_digits(field.at, 2, &hour) || !nmea_digits(field.at + 2, 2, &minute) ||
		!nmea_digits(field.at + 4, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60 || (second == 60 && (hour != 23 || minute != 59)))
		return false;
	if (field.length > 6 && (field.at[6] != '.' || !fraction(field.at + 7, field.length - 7, &part)))
		return false;
	*units = (hour * 3600U + minute * 60U + second) * NTP64_SECOND +
		 (uint64_t)(part * (double)NTP64_SECOND + 0.5);
	return true;
}

bool nmea_date(struct comma_field field, int near, struct calendar_date *date)
{
	unsigned day, month, year;

	if (field.length != 6 || !nmea_digits(field.at, 2, &day) || !nmea_digits(field.at + 2, 2, &month) ||
		!nmea_digits(field.at + 4, 2, &year))
		return false;
	*date = (struct calendar_date){calendar_year_near((int)year, near), (int)month, (int)day};
	return calendar_is_valid(*date);
}
