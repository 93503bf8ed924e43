#include "refclock/sample.h"

void sampler_init(struct sampler *sampler, enum counter_kind kind, double hz, int tries)
{
	struct timespec t = {.tv_sec = 0, .tv_nsec = 1};

	clock_getres(CLOCK_REALTIME, &t);
	*sampler = (struct sampler){
		.kind = kind,
		.units_per_tick = (double)NTP64_SECOND / hz,
		.resolution = ntp64_from_timespec(t) - NTP_UNIX_EPOCH * NTP64_SECOND,
		.tries = tries,
	};
}

void sample_take(const struct sampler *sampler, struct sample *sample)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < sampler->tries; i++) {
		struct timespec t;
		uint64_t before = counter_read_ordered(sampler->kind);
		clock_gettime(CLOCK_REALTIME, &t);
		uint64_t width = counter_read_ordered(sampler->kind) - before;

		if (width >= best)
			continue;
		best = width;
		sample->counter = before + width / 2;
		sample->time = ntp64_from_timespec(t);
	}
	/* A tick more for the halved odd width and for the counter's own resolution. */
	sample->half = (uint64_t)((double)(best / 2 + 1) * sampler->units_per_tick) + 1 + sampler->resolution;
}
