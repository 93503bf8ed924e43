#include "bench/arrival.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/random.h"

static const double rate_least = 0.001, rate_most = 1e9, ns_per_s = 1e9;

static const char *const words[] = {
	[ARRIVAL_STEADY] = "steady",
	[ARRIVAL_POISSON] = "poisson",
	[ARRIVAL_POOL] = "pool",
	[ARRIVAL_BURST] = "burst",
};

enum { KINDS = sizeof(words) / sizeof(words[0]) };

bool arrival_parse(const char *word, enum arrival_kind *kind)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (strcmp(word, words[i]) == 0) {
			*kind = (enum arrival_kind)i;
			return true;
		}
	return false;
}

static void put_defaults(struct arrival_settings *settings)
{
	if (settings->peak == 0)
		settings->peak = 10;
	if (settings->peak_s == 0)
		settings->peak_s = 120;
	if (settings->every_s == 0)
		settings->every_s = 600;
	if (settings->burst == 0)
		settings->burst = 32;
}

/* Written so that a NaN is out of range. */
static bool within(double value, double least, double most)
{
	return value >= least && value <= most;
}

static bool check_pool(const struct arrival_settings *settings, char *text, unsigned size)
{
	if (!within(settings->peak, 1, 100))
		snprintf(text, size, "a peak of %g times the base rate: it must be 1 to 100", settings->peak);
	else if (!within(settings->peak_s, 0.001, 1e6))
		snprintf(text, size, "peaks of %g s: they must take 0.001 to 1000000 s", settings->peak_s);
	else if (!within(settings->every_s, 0.001, 1e6))
		snprintf(text, size, "a peak every %g s: it must be every 0.001 to 1000000 s",
			settings->every_s);
	else if (settings->every_s <= settings->peak_s)
		snprintf(text, size, "peaks of %g s every %g s: they must be shorter than their turn",
			settings->peak_s, settings->every_s);
	else
		return true;
	return false;
}

static bool check(const struct arrival_settings *settings, char *text, unsigned size)
{
	if ((unsigned)settings->kind >= KINDS)
		snprintf(text, size, "kind %u of load is none", (unsigned)settings->kind);
	else if (!within(settings->rate, rate_least, rate_most))
		snprintf(text, size, "a rate of %g a second: it must be 0.001 to 1000000000", settings->rate);
	else if (settings->kind == ARRIVAL_BURST && settings->burst > 1000000)
		snprintf(text, size, "bursts of %u: they must be of 1 to 1000000", settings->burst);
	else
		return settings->kind != ARRIVAL_POOL || check_pool(settings, text, size);
	return false;
}

/* As many requests a turn as at the mean rate. */
static double base_rate(const struct arrival_settings *s)
{
	return s->rate * s->every_s / (s->every_s + (s->peak - 1) * s->peak_s);
}

static void set_rate(struct arrival *arrival, double rate)
{
	struct arrival_settings *s = &arrival->settings;

	s->rate = rate;
	arrival->base = base_rate(s);
	arrival->gap = (s->kind == ARRIVAL_BURST ? s->burst : 1) * ns_per_s / rate;
}

bool arrival_init(struct arrival *arrival, const struct arrival_settings *settings, char *text, unsigned size)
{
	*arrival = (struct arrival){.settings = *settings, .random = settings->seed};
	put_defaults(&arrival->settings);
	if (!check(&arrival->settings, text, size))
		return false;
	set_rate(arrival, arrival->settings.rate);
	/* seeds that are near to each other, or a multiple of the generator's step, start far apart */
	arrival->random = random_next(&arrival->random);
	return true;
}

/* A product each time and no sum of gaps: rounding does not add up, and a time is off by half a ns at most.
 */
static double next_even(struct arrival *arrival)
{
	return arrival->origin + (double)arrival->step++ * arrival->gap;
}

static double next_burst(struct arrival *arrival)
{
	if (arrival->left > 0) {
		arrival->left--;
		return arrival->at;
	}
	arrival->left = arrival->settings.burst - 1;
	return next_even(arrival);
}

/* Seconds into a turn by which this share of its requests has been sent: the inverse of three slopes. */
static double pool_time(const struct arrival *arrival, double share)
{
	const struct arrival_settings *s = &arrival->settings;
	double requests = share * s->rate * s->every_s, quiet_s = (s->every_s - s->peak_s) / 2;
	double into_peak = requests - arrival->base * quiet_s, peak_rate = arrival->base * s->peak;

	if (into_peak < 0)
		return requests / arrival->base;
	if (into_peak < peak_rate * s->peak_s)
		return quiet_s + into_peak / peak_rate;
	return quiet_s + s->peak_s + (into_peak - peak_rate * s->peak_s) / arrival->base;
}

/* A Poisson process of rate 1 on a time that runs as fast as the rate is high. */
static double next_pool(struct arrival *arrival, double gap)
{
	const struct arrival_settings *s = &arrival->settings;
	double turns;

	arrival->share += gap / (s->rate * s->every_s);
	turns = floor(arrival->share);
	arrival->share -= turns;
	arrival->turn += (uint64_t)turns;
	return ((double)arrival->turn * s->every_s + pool_time(arrival, arrival->share)) * ns_per_s;
}

static double next_time(struct arrival *arrival)
{
	switch (arrival->settings.kind) {
	case ARRIVAL_POISSON:
		return arrival->at - log(random_unit(&arrival->random)) * arrival->gap;
	case ARRIVAL_POOL:
		return next_pool(arrival, -log(random_unit(&arrival->random)));
	case ARRIVAL_BURST:
		return next_burst(arrival);
	case ARRIVAL_STEADY:
	default:
		return next_even(arrival);
	}
}

uint64_t arrival_next(struct arrival *arrival)
{
	double at = next_time(arrival);

	if (at > arrival->at) /* where a turn of POOL ends, rounding could step back */
		arrival->at = at;
	/* above 2^63 ns, three centuries, time stands still rather than to wrap */
	return arrival->at < 0x1p63 ? (uint64_t)(int64_t)(arrival->at + 0.5) : UINT64_C(1) << 63;
}

void arrival_rate(struct arrival *arrival, double rate)
{
	if (arrival->step > 0) {
		arrival->origin = arrival->at;
		arrival->step = 1;
	}
	set_rate(arrival, fmin(fmax(rate, rate_least), rate_most));
}
