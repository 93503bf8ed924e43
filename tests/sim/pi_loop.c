#include "tests/sim/pi_loop.h"

#include <math.h>

static const double constants[PI_LOOPS] = {2, 3, 4, 6, 10, 20, 40, 80};
static const double damping = 1;

void pi_start(struct pi_bank *bank, double hz)
{
	*bank = (struct pi_bank){.hz = hz};
	for (int i = 0; i < PI_LOOPS; i++)
		bank->loop[i].constant = constants[i];
}

/* Seconds by which the time is ahead of the loop's. */
static double offset(const struct pi_bank *bank, const struct pi_loop *l, uint64_t counter, ntp64 time)
{
	double t = (double)(int64_t)(counter - l->counter) / bank->hz * (1 + l->rate);

	return (double)ntp64_diff(time, l->time) / (double)NTP64_SECOND - l->fraction - t;
}

static void take(const struct pi_bank *bank, struct pi_loop *l, uint64_t counter, ntp64 time)
{
	double t = (double)(int64_t)(counter - l->counter) / bank->hz, error, advance, whole;

	if (!l->started) {
		l->counter = counter;
		l->time = time;
		l->started = true;
		return;
	}
	error = offset(bank, l, counter, time);
	advance = (t * (1 + l->rate) + l->fraction) * (double)NTP64_SECOND;
	whole = floor(advance);
	l->time += (uint64_t)whole;
	l->fraction = (advance - whole) / (double)NTP64_SECOND;
	l->counter = counter;
	l->integral += t * error / (l->constant * l->constant);
	l->rate = l->integral + 2 * damping * error / l->constant;
}

void pi_sample(struct pi_bank *bank, uint64_t counter, ntp64 time)
{
	for (int i = 0; i < PI_LOOPS; i++)
		take(bank, &bank->loop[i], counter, time);
}

void pi_probe(struct pi_bank *bank, uint64_t counter, ntp64 time)
{
	for (int i = 0; i < PI_LOOPS; i++)
		if (bank->loop[i].started)
			series_add(&bank->loop[i].error, -offset(bank, &bank->loop[i], counter, time));
}

const struct pi_loop *pi_best(const struct pi_bank *bank, size_t from)
{
	const struct pi_loop *best = &bank->loop[0];

	for (int i = 1; i < PI_LOOPS; i++)
		if (series_rms(&bank->loop[i].error, from) < series_rms(&best->error, from))
			best = &bank->loop[i];
	return best;
}

void pi_free(struct pi_bank *bank)
{
	for (int i = 0; i < PI_LOOPS; i++)
		series_free(&bank->loop[i].error);
}
