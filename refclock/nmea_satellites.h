/*
 * The half of the NMEA parser that groups satellites: GSA and GSV, of any number of systems and signals.
 * Pure.
 */
#ifndef REFCLOCK_NMEA_SATELLITES_H
#define REFCLOCK_NMEA_SATELLITES_H

#include "refclock/nmea.h"
#include "refclock/nmea_fields.h"

/* The fields behind the address, of a sentence of that talker (two letters). STATUS or MALFORMED. */
enum nmea_verdict nmea_take_gsa(struct nmea *n, const char *talker, struct comma_fields *fields);
enum nmea_verdict nmea_take_gsv(struct nmea *n, const char *talker, struct comma_fields *fields);

#endif
