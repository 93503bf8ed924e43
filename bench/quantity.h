/* Numbers for people: "1.25 M/s", "83.4 us", "0.012 %". Pure. */
#ifndef BENCH_QUANTITY_H
#define BENCH_QUANTITY_H

#include <stdint.h>

enum quantity_unit {
	QUANTITY_NUMBER, /* 310 k */
	QUANTITY_RATE,   /* a second: 310 k/s */
	QUANTITY_TIME,   /* given in seconds: 83.4 us */
	QUANTITY_SHARE,  /* given as 0 to 1: 12.3 % */
	QUANTITY_NINES,  /* given as 1/(1 - share), as percentiles are drawn: 1000 is 99.9 % */
};

enum { QUANTITY_DIGITS_MAX = 15 };

struct quantity {
	char text[40]; /* ASCII; "-" for what is no finite number */
};

/* Rounded to so many significant digits, 1 to QUANTITY_DIGITS_MAX, without zeros at the end. */
struct quantity quantity_of(double value, enum quantity_unit unit, unsigned digits);

/* All digits, in groups of three: "1 250 000". */
struct quantity quantity_count(uint64_t count);

struct quantity quantity_rate(double per_second);
struct quantity quantity_time(double seconds);

/* Of three digits, or as many more as it takes for less than all not to read "100 %". */
struct quantity quantity_share(double share);

#endif
