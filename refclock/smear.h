/*
 * Leap smear: the second of a leap is spread over a window around its midnight, by the clock daemon in the
 * line itself, so that no reader knows of it. Pure; any thread.
 */
#ifndef REFCLOCK_SMEAR_H
#define REFCLOCK_SMEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/leap.h"
#include "refclock/timebase.h"

struct smear {
	enum leap_smear_shape shape;
	double window;  /* s; longer than 0 */
	int sign;       /* +1: a second is inserted, -1: deleted */
	ntp64 middle;   /* of the window, on the line before it is smeared */
	ntp64 midnight; /* of the leap, likewise: the window's middle unless it began late */
};

/*
 * Turn an unsmeared line, that of before the leap, into the smeared one: counter, time and rate so that the
 * line is right at its base and `horizon` seconds later, when the next publication is due. In between it is
 * off by the curvature, which is below 0.1 ns at 4 ms and a window of ten minutes or more; only at a linear
 * window's two corners by a quarter of what the horizon changes, 12 ns at a day and 4 ms, once each.
 * error_growth has the steepest slope added: a line that is not renewed would go on beyond the window.
 *
 * The reference time moves along, so that it is not after the time. LI is cleared as long as it is not
 * NTP_LEAP_UNSYNC, leap_at and leap_step too. `smear` is set, and while it is not 0 so is the refid: see
 * smear_refid.
 */
void smear_line(struct timebase *timebase, const struct smear *smear, double horizon);

/*
 * What ntpd's servers say while they smear: 254.x.y.z, whose 24 bits are what has been added to UTC in 2^-22
 * s, two's complement, rounded to nearest (chronyd says 127.127.1.255 and no value).
 */
void smear_refid(uint8_t refid[4], int64_t smear);

/* Whether a time of the line that is not smeared is behind the window's end. */
bool smear_is_over(const struct smear *smear, ntp64 unsmeared);

#endif
