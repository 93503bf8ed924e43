/*
 * What the kernel says of a PTP hardware clock (PHC) beside its own: readings between two stamps of
 * CLOCK_REALTIME, and from them where on the kernel clock the device showed a time. The structs are those of
 * linux/ptp_clock.h as the ioctls fill them. Pure; one thread per struct.
 */
#ifndef REFCLOCK_PHC_SAMPLE_H
#define REFCLOCK_PHC_SAMPLE_H

#include <linux/ptp_clock.h>
#include <stdbool.h>
#include <stdint.h>

#include "ntp/timestamp.h"

/* When the kernel clock showed `kernel`, give or take `half`, the device showed `device`. */
struct phc_reading {
	ntp64 kernel, device;
	uint64_t half; /* units; never 0 */
};

/*
 * The narrowest sandwich of an answer of PTP_SYS_OFFSET_PRECISE, PTP_SYS_OFFSET_EXTENDED and PTP_SYS_OFFSET.
 * False where none is whole: a time of the device before 1970 or after 2514, ns of more than a second, stamps
 * around it that go backwards.
 */
bool phc_from_precise(const struct ptp_sys_offset_precise *answer, struct phc_reading *reading);
bool phc_from_extended(const struct ptp_sys_offset_extended *answer, struct phc_reading *reading);
bool phc_from_basic(const struct ptp_sys_offset *answer, struct phc_reading *reading);

enum {
	PHC_RATE_PPM = 1000, /* how far apart the two clocks' rates can be while nobody has measured it */
	PHC_CHANGE_PPM = 10, /* how fast a measured one can change within ms: a servo steers the device */
};

/* From the device's time to the kernel's, near the newest reading. The rate is taken from `older`, which is
 * half a second to a second before it, however often there are readings. */
struct phc_map {
	bool begun;
	struct phc_reading older, next, newer; /* `next` becomes the older one in time */
};

/* Put a reading in. One that goes backwards on either clock makes a new start. */
void phc_map_add(struct phc_map *map, const struct phc_reading *reading);

/* The kernel clock when the device showed `device`, and how far that can be wrong in units. False without a
 * reading, and for an instant of more than two seconds from the newest. */
bool phc_map_kernel(const struct phc_map *map, ntp64 device, ntp64 *kernel, uint64_t *error);

/* A time of the device as it came. False for one that is none, as above. */
bool phc_time(const struct ptp_clock_time *t, ntp64 *time);

#endif
