#include "refclock/shm_sample.h"

#include <stdbool.h>

#include "refclock/sample_time.h"

/* Units, rounded up: of a stamp in nanoseconds and in microseconds, both truncated. */
enum { NANOSECOND = 5, MICROSECOND = 4295 };

const char *shm_sample_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		SHM_SAMPLE_VERDICTS(X)
#undef X
	};

	return verdict < SHM_SAMPLE_VERDICT_COUNT ? texts[verdict] : "unknown";
}

/* Nanoseconds of the second; the field of that name counts where it agrees with the microseconds. */
static uint32_t fraction(int32_t us, uint32_t ns, uint64_t *error)
{
	bool fine = ns / 1000 == (uint32_t)us;

	*error += fine ? NANOSECOND : MICROSECOND;
	return fine ? ns : (uint32_t)us * 1000;
}

static bool is_time(int64_t seconds, int32_t us)
{
	return sample_time_is_sane(seconds) && us >= 0 && us < 1000000;
}

static enum shm_sample_verdict judge(const struct shm_sample *s, const struct shm_sample_after *after)
{
	if (!s->valid)
		return SHM_SAMPLE_EMPTY;
	if (s->mode != 0 && s->mode != 1)
		return SHM_SAMPLE_MODE;
	if (!after->valid || (s->mode == 1 && s->count != after->count))
		return SHM_SAMPLE_TORN;
	if (!is_time(s->clock_seconds, s->clock_us) || !is_time(s->kernel_seconds, s->kernel_us))
		return SHM_SAMPLE_TIME;
	if (s->leap < NTP_LEAP_NONE || s->leap > NTP_LEAP_UNSYNC)
		return SHM_SAMPLE_LEAP;
	return SHM_SAMPLE_GOOD;
}

enum shm_sample_verdict shm_sample_parse(const struct shm_sample *copy, const struct shm_sample_after *after,
	ntp64 *kernel, struct measurement *m)
{
	enum shm_sample_verdict verdict = judge(copy, after);
	uint64_t error = 0;

	if (verdict != SHM_SAMPLE_GOOD)
		return verdict;
	*kernel = ntp64_from_unix(copy->kernel_seconds, fraction(copy->kernel_us, copy->kernel_ns, &error));
	*m = (struct measurement){
		.time = ntp64_from_unix(
			copy->clock_seconds, fraction(copy->clock_us, copy->clock_ns, &error)),
		.leap = (uint8_t)copy->leap,
	};
	m->error = error;
	return verdict;
}
