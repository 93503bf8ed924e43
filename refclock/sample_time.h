/*
 * Times as programs hand them over, seconds and a fraction beside a difference in seconds. Pure; any thread.
 */
#ifndef REFCLOCK_SAMPLE_TIME_H
#define REFCLOCK_SAMPLE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/timestamp.h"

/* Unix seconds from 1970 to 2514: what is beyond is no time that a clock shows. */
#define SAMPLE_TIME_MAX (INT64_C(1) << 34)

static inline bool sample_time_is_sane(int64_t seconds)
{
	return seconds >= 0 && seconds < SAMPLE_TIME_MAX;
}

/* Units of 2^-32 s, towards minus infinity; |seconds| < SAMPLE_TIME_MAX, and no NaN. */
static inline ntp64 sample_time_interval(double seconds)
{
	int64_t whole = (int64_t)seconds;
	double rest;

	whole -= (double)whole > seconds;
	rest = seconds - (double)whole;
	return (ntp64)whole * NTP64_SECOND + (ntp64)(rest * (double)NTP64_SECOND);
}

#endif
