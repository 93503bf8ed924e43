/*
 * NTP timestamps as host integers: RFC 5905 section 6.
 * ntp64 counts 2^-32 s since 1900-01-01 modulo 2^64 (one era, 136 years); a difference of two is signed and
 * right across an era's end as long as they are less than 68 years apart. ntp32 is the short format, 16.16
 * seconds. Pure; callable from any thread.
 */
#ifndef NTP_TIMESTAMP_H
#define NTP_TIMESTAMP_H

#include <stdint.h>
#include <time.h>

typedef uint64_t ntp64;
typedef uint32_t ntp32;

/* Seconds from the NTP era 0 (1900) to the Unix epoch (1970). */
#define NTP_UNIX_EPOCH UINT64_C(2208988800)
/* One second in units of an ntp64. */
#define NTP64_SECOND (UINT64_C(1) << 32)

/* ns in 0..999999999; seconds of any era are folded. Rounded to nearest. */
static inline ntp64 ntp64_from_unix(int64_t seconds, uint32_t ns)
{
	return ((uint64_t)seconds + NTP_UNIX_EPOCH) * NTP64_SECOND +
	       (((uint64_t)ns << 32) + 500000000U) / 1000000000U;
}

static inline ntp64 ntp64_from_timespec(struct timespec t)
{
	return ntp64_from_unix((int64_t)t.tv_sec, (uint32_t)t.tv_nsec);
}

/* Units of 2^-32 s; positive where a is later than b. */
static inline int64_t ntp64_diff(ntp64 a, ntp64 b)
{
	return (int64_t)(a - b);
}

static inline double ntp64_interval_to_seconds(int64_t units)
{
	return (double)units / 4294967296.0;
}

/* A non-negative interval in units of 2^-32 s to 16.16 seconds, rounded up, saturated. */
static inline ntp32 ntp32_from_interval_up(uint64_t units)
{
	uint64_t short_units = (units >> 16) + ((units & 0xffff) != 0);

	return short_units > UINT32_MAX ? UINT32_MAX : (ntp32)short_units;
}

/* Seconds to 16.16, rounded up, saturated at 0 and, from 65535 s on, at the highest value; a NaN saturates
 * high. */
static inline ntp32 ntp32_from_seconds_up(double seconds)
{
	if (seconds <= 0)
		return 0;
	if (!(seconds < 65535.0))
		return UINT32_MAX;
	double units = seconds * 65536.0;
	ntp32 whole = (ntp32)units;

	return whole + (units > (double)whole);
}

static inline double ntp32_to_seconds(ntp32 t)
{
	return (double)t / 65536.0;
}

#endif
