#include "refclock/kernel_steer.h"

#include <math.h>
#include <string.h>

#include "ntp/packet.h"

void kernel_steer_init(struct kernel_steer *steer, double step_threshold, int step_limit)
{
	*steer = (struct kernel_steer){.step_threshold = step_threshold, .step_limit = step_limit};
}

static double within(double value, double most)
{
	return fmin(fmax(value, -most), most);
}

static bool steps(const struct kernel_steer *steer, double offset)
{
	return steer->step_threshold > 0 && fabs(offset) > steer->step_threshold &&
	       (steer->step_limit < 0 || steer->steps < steer->step_limit);
}

/* ADJ_SETOFFSET wants the fraction from 0 up, whatever the sign. */
static void plan_step(struct timex *timex, double offset)
{
	const double seconds = floor(-offset);

	timex->modes = ADJ_SETOFFSET | ADJ_NANO;
	timex->time.tv_sec = (time_t)seconds;
	timex->time.tv_usec = (suseconds_t)((-offset - seconds) * 1e9);
}

static int status_of(const struct kernel_state *state)
{
	if (!state->synchronised)
		return STA_UNSYNC;
	return state->leap == NTP_LEAP_INSERT ? STA_INS : state->leap == NTP_LEAP_DELETE ? STA_DEL : 0;
}

static long microseconds_up(double seconds)
{
	return (long)ceil(within(seconds, 16) * 1e6);
}

/* Without a known time the rate alone is kept: a clock that runs on evenly is the best there is. */
static double frequency_for(const struct kernel_steer *steer, const struct kernel_state *state)
{
	const double haste = state->synchronised ? -state->offset / KERNEL_STEER_SECONDS * 1e6 : 0;

	return within(steer->base + haste, KERNEL_STEER_MOST_PPM);
}

bool kernel_steer_plan(struct kernel_steer *steer, const struct kernel_state *state, struct timex *timex)
{
	memset(timex, 0, sizeof(*timex));
	if (state->synchronised && steps(steer, state->offset)) {
		steer->steps++;
		plan_step(timex, state->offset);
		return true;
	}
	steer->base = within(state->frequency - state->rate, KERNEL_STEER_MOST_PPM);
	timex->modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR;
	timex->freq = (long)llround(frequency_for(steer, state) * 65536);
	timex->status = status_of(state);
	timex->maxerror = microseconds_up(state->bound);
	timex->esterror = microseconds_up(state->jitter);
	if (state->tai_offset) {
		/* The kernel takes one value in `constant`: ADJ_TAI excludes ADJ_TIMECONST, which we do not
		 * use. */
		timex->modes |= ADJ_TAI;
		timex->constant = state->tai_offset;
	}
	return false;
}
