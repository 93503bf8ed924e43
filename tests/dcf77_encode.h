/*
 * DCF77 telegrams as the transmitter makes them, for tests.
 */
#ifndef TESTS_DCF77_ENCODE_H
#define TESTS_DCF77_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/calendar.h"

static inline uint64_t dcf77_put(uint64_t bits, int first, int count, int value)
{
	int digits = value / 10 << 4 | value % 10;

	return bits | (uint64_t)(digits & ((1 << count) - 1)) << first;
}

static inline uint64_t dcf77_even(uint64_t bits, int first, int last)
{
	int ones = 0;

	for (int i = first; i < last; i++)
		ones += (int)(bits >> i & 1);
	return bits | (uint64_t)(ones & 1) << last;
}

/* Bits 0 to 58 of the telegram that names that minute (since 1970, UTC). */
static inline uint64_t dcf77_encode(int64_t minute, bool summer, bool change, bool leap)
{
	int64_t local = minute + (summer ? 120 : 60);
	struct calendar_date date = calendar_date(local / 1440);
	uint64_t bits = UINT64_C(1) << 20 | (uint64_t)change << 16 | (uint64_t)leap << 19 |
			UINT64_C(1) << (summer ? 17 : 18);

	bits = dcf77_put(bits, 21, 7, (int)(local % 60));
	bits = dcf77_put(bits, 29, 6, (int)(local / 60 % 24));
	bits = dcf77_put(bits, 36, 6, date.day);
	bits = dcf77_put(bits, 42, 3, calendar_weekday(local / 1440));
	bits = dcf77_put(bits, 45, 5, date.month);
	bits = dcf77_put(bits, 50, 8, date.year % 100);
	return dcf77_even(dcf77_even(dcf77_even(bits, 21, 28), 29, 35), 36, 58);
}

#endif
