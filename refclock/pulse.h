/*
 * Which second a pulse marks. Pure.
 */
#ifndef REFCLOCK_PULSE_H
#define REFCLOCK_PULSE_H

#include <stdbool.h>

#include "ntp/timestamp.h"

/* Of a pulse's period: a pulse farther from where it belongs than this could be its neighbour's. */
#define PULSE_REACH 0.2

/*
 * Of `rate` (a whole number from 1 on) pulses a second that come at `fraction` and evenly after it, the one
 * nearest to `guess` is *time. False where the guess is farther from it than PULSE_REACH of a period.
 */
bool pulse_number(ntp64 guess, ntp64 fraction, double rate, ntp64 *time);

#endif
