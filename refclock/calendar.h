/*
 * Dates of the Gregorian calendar as numbers of days, for parsers of what receivers say. Pure; any thread.
 */
#ifndef REFCLOCK_CALENDAR_H
#define REFCLOCK_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CALENDAR_DAY = 86400,       /* seconds */
	CALENDAR_WEEKS_1024 = 7168, /* days, after which GPS counts its weeks anew */
	CALENDAR_FLOOR_YEAR = 2025, /* no receiver's date is earlier: this software is of later */
};

struct calendar_date {
	int year, month, day; /* 2026, 1-12, 1-31 */
};

static inline bool calendar_is_leap_year(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Whether there is such a day; years 1 to 9999. */
static inline bool calendar_is_valid(struct calendar_date d)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (d.year < 1 || d.year > 9999 || d.month < 1 || d.month > 12 || d.day < 1)
		return false;
	return d.day <= days[d.month - 1] + (d.month == 2 && calendar_is_leap_year(d.year));
}

/* Days since 1970-01-01 of a valid date; negative before it. The year is taken to begin in March, so that the
 * leap day is its last. */
static inline int64_t calendar_days(struct calendar_date d)
{
	int64_t year = d.month > 2 ? d.year : d.year - 1;
	int64_t month = d.month > 2 ? d.month - 3 : d.month + 9;

	return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + d.day - 1 - 719468;
}

/* The date of so many days since 1970-01-01; years 1 to 9999. */
static inline struct calendar_date calendar_date(int64_t days)
{
	int64_t n = days + 719468, era = n / 146097, in_era = n % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;
	int64_t january = month >= 10;

	return (struct calendar_date){
		.year = (int)(era * 400 + year + january),
		.month = (int)(january ? month - 9 : month + 3),
		.day = (int)(in_year - (153 * month + 2) / 5 + 1),
	};
}

/* 1 is Monday, 7 Sunday: ISO 8601. */
static inline int calendar_weekday(int64_t days)
{
	int64_t since_monday = (days + 3) % 7;

	return (int)(since_monday < 0 ? since_monday + 7 : since_monday) + 1;
}

/* The year that ends in these two digits and is not farther than 50 years from `near`. */
static inline int calendar_year_near(int two_digits, int near)
{
	int year = near - near % 100 + two_digits;

	if (year > near + 50)
		return year - 100;
	return year < near - 49 ? year + 100 : year;
}

/* The day of the 1024 weeks from `floor` on that a receiver means which has lost count of them. */
static inline int64_t calendar_unroll(int64_t days, int64_t floor)
{
	int64_t since = (days - floor) % CALENDAR_WEEKS_1024;

	return floor + (since < 0 ? since + CALENDAR_WEEKS_1024 : since);
}

#endif
