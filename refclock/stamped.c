#include "refclock/stamped.h"

#include <stdio.h>

/* s: by then the daemon has read the kernel clock many times. */
static const double patience = 0.25;

void stamped_put(
	struct stamped *stamped, const struct driver_world *world, ntp64 kernel, const struct measurement *m)
{
	*stamped = (struct stamped){
		.waiting = true, .kernel = kernel, .since = world->counter_now(world->opaque), .m = *m};
}

enum driver_news stamped_take(struct stamped *stamped, const struct driver_world *world,
	struct measurement *m, char *text, size_t size)
{
	uint64_t counter, error;

	if (!stamped->waiting)
		return DRIVER_SILENT;
	if (world->counter_at(world->opaque, stamped->kernel, &counter, &error)) {
		stamped->waiting = false;
		*m = stamped->m;
		m->counter = counter;
		m->error += error;
		return DRIVER_MEASUREMENT;
	}
	if ((double)(world->counter_now(world->opaque) - stamped->since) >= patience * world->counter_hz) {
		stamped->waiting = false;
		snprintf(text, size, "stamped at a time that the kernel clock has not shown of late");
	}
	return DRIVER_SILENT;
}
