/*
 * One reading of a reference clock, as a driver hands it to the discipline. Plain data; any thread.
 */
#ifndef REFCLOCK_MEASUREMENT_H
#define REFCLOCK_MEASUREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/packet.h"
#include "ntp/timestamp.h"

/* At `counter` the reference said that it was `time`. Its `offset` directive is not applied yet. */
struct measurement {
	uint64_t counter; /* the instant, in ticks of the timebase's counter */
	ntp64 time;       /* UTC; of a pulse the fraction of the second alone counts */
	uint64_t error; /* units of 2^-32 s: what reading it took, at most: sandwich, resolution, conversion.
			 * What the reference itself is wrong by is the source's `delay` and `precision`. */
	uint8_t leap;   /* enum ntp_leap. NTP_LEAP_UNSYNC: the reference says that it does not know the time,
			 * and the measurement is counted and not used. */
	bool pulse;     /* it marks a second and does not say which */
};

#endif
