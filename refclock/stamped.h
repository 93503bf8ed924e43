/*
 * A measurement whose instant is known in the kernel's time and not yet on the counter: stamps of PPS and PHC
 * devices, and of programs that feed samples. The daemon may know the kernel clock up to some ms ago only, so
 * such a measurement may have to wait. One thread.
 */
#ifndef REFCLOCK_STAMPED_H
#define REFCLOCK_STAMPED_H

#include <stdbool.h>
#include <stddef.h>

#include "ntp/timestamp.h"
#include "refclock/driver.h"
#include "refclock/measurement.h"

struct stamped {
	bool waiting;
	ntp64 kernel;         /* CLOCK_REALTIME at the instant */
	uint64_t since;       /* counter value when it came */
	struct measurement m; /* all of it but `counter`; `error` is without that of the conversion */
};

/* Let it wait, in place of one that waits already. */
void stamped_put(
	struct stamped *stamped, const struct driver_world *world, ntp64 kernel, const struct measurement *m);

/*
 * DRIVER_MEASUREMENT, with *m whole, if one waits and its instant is known by now; else DRIVER_SILENT. One
 * that is not known after a quarter of a second is dropped, with a sentence in text[size]: the kernel clock
 * was stepped since, or never showed that time. Ask before looking for the next, which may take its place,
 * and after.
 */
enum driver_news stamped_take(struct stamped *stamped, const struct driver_world *world,
	struct measurement *m, char *text, size_t size);

#endif
