/*
 * The kernel clock kept by us (directive steer_kernel): measured against the disciplined time, and told by
 * clock_adjtime(2) what refclock/kernel_steer.h plans. Needs CAP_SYS_TIME. One thread.
 */
#ifndef CONTROL_CLOCK_STEER_H
#define CONTROL_CLOCK_STEER_H

#include <stdbool.h>

#include "control/clock_settings.h"
#include "refclock/kernel_steer.h"
#include "refclock/line.h"
#include "refclock/sample.h"
#include "refclock/timebase.h"

struct clock_steer {
	bool on;
	bool told; /* that the kernel has refused */
	struct kernel_steer plan;
};

void clock_steer_init(struct clock_steer *steer, const struct clock_settings *settings);

/* Once a second: the kernel clock showed `sample`, its line is `kernel`, and `published` is what is served.
 */
void clock_steer_do(struct clock_steer *steer, const struct line *kernel, const struct sample *sample,
	const struct timebase *published);

#endif
