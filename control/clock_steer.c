#include "control/clock_steer.h"

#include <errno.h>
#include <string.h>
#include <sys/timex.h>

#include "dataplane/log.h"
#include "ntp/packet.h"

void clock_steer_init(struct clock_steer *steer, const struct clock_settings *settings)
{
	*steer = (struct clock_steer){.on = settings->steer_kernel};
	kernel_steer_init(&steer->plan, settings->step_threshold, settings->step_limit);
}

static double rate_of(const struct line *kernel, const struct timebase *published)
{
	const double served = (double)published->rate / (double)(UINT64_C(1) << TIMEBASE_RATE_SHIFT);

	return (kernel->rate / served - 1) * 1e6;
}

static void measure(struct kernel_state *state, const struct line *kernel, const struct sample *sample,
	const struct timebase *published, const struct timex *now)
{
	*state = (struct kernel_state){
		.offset = ntp64_interval_to_seconds(
			ntp64_diff(sample->time, timebase_time(published, sample->counter))),
		.rate = rate_of(kernel, published),
		.frequency = (double)now->freq / 65536,
		.bound = ntp64_interval_to_seconds((int64_t)timebase_error(published, sample->counter)),
		.jitter = ntp64_interval_to_seconds((int64_t)sample->half),
		.leap = published->leap,
		.tai_offset = published->tai_offset,
		.synchronised = timebase_is_synchronised(published, sample->counter) != 0,
	};
}

void clock_steer_do(struct clock_steer *steer, const struct line *kernel, const struct sample *sample,
	const struct timebase *published)
{
	struct timex timex = {.modes = 0};
	struct kernel_state state;

	if (!steer->on || !kernel->settled || clock_adjtime(CLOCK_REALTIME, &timex) < 0)
		return;
	measure(&state, kernel, sample, published, &timex);
	if (kernel_steer_plan(&steer->plan, &state, &timex))
		log_warning("the kernel clock is stepped by %+.9f s", -state.offset);
	if (clock_adjtime(CLOCK_REALTIME, &timex) < 0 && !steer->told) {
		log_error("the kernel does not let its clock be steered: %s", strerror(errno));
		steer->told = true;
	}
}
