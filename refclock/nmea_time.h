/*
 * The half of the NMEA parser that knows times: bursts, seconds, fixes and dates. Pure.
 */
#ifndef REFCLOCK_NMEA_TIME_H
#define REFCLOCK_NMEA_TIME_H

#include "refclock/nmea.h"
#include "refclock/nmea_fields.h"

/* Seconds from an earlier stamp to a later one; else 0. */
static inline double nmea_seconds_between(const struct nmea *n, uint64_t earlier, uint64_t later)
{
	return later > earlier ? (double)(later - earlier) / n->options.hz : 0;
}

/* The fields behind the address of a sentence that began at n->start, in a burst that began at n->mark. */
enum nmea_verdict nmea_take_rmc(struct nmea *n, struct comma_fields *fields);
enum nmea_verdict nmea_take_zda(struct nmea *n, struct comma_fields *fields);
enum nmea_verdict nmea_take_gga(struct nmea *n, struct comma_fields *fields);
enum nmea_verdict nmea_take_gll(struct nmea *n, struct comma_fields *fields);
enum nmea_verdict nmea_take_pubx(struct nmea *n, struct comma_fields *fields);

#endif
