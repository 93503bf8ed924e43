#include "refclock/kernel_history.h"

#include <math.h>

#include "refclock/line.h"

void kernel_history_clear(struct kernel_history *history)
{
	history->taken = 0;
}

/* By its number since the step. */
static const struct sample *at(const struct kernel_history *history, uint64_t number)
{
	return &history->sample[number % KERNEL_HISTORY_SAMPLES];
}

static uint64_t oldest(const struct kernel_history *history)
{
	return history->taken > KERNEL_HISTORY_SAMPLES ? history->taken - KERNEL_HISTORY_SAMPLES : 0;
}

static bool is_after(const struct sample *later, const struct sample *sample)
{
	return (int64_t)(later->counter - sample->counter) > 0 && ntp64_diff(later->time, sample->time) > 0;
}

void kernel_history_add(struct kernel_history *history, const struct sample *sample)
{
	if (history->taken > 0 && !is_after(sample, at(history, history->taken - 1)))
		kernel_history_clear(history);
	history->sample[history->taken++ % KERNEL_HISTORY_SAMPLES] = *sample;
}

/* Of the first pair of neighbours whose second is at or after the time; the last pair where there is none. */
static uint64_t find(const struct kernel_history *history, ntp64 time)
{
	uint64_t low = oldest(history), high = history->taken - 2;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (ntp64_diff(at(history, middle + 1)->time, time) >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Ticks per unit. */
static double slope(const struct sample *from, const struct sample *to)
{
	return (double)(to->counter - from->counter) / (double)ntp64_diff(to->time, from->time);
}

/* Relative: how far the rate in an interval can be from that of its chord, by the rate before it. */
static double change(const struct kernel_history *history, uint64_t number, double chord)
{
	const uint64_t first = oldest(history);
	const uint64_t reach = number - first < KERNEL_HISTORY_REACH ? number - first : KERNEL_HISTORY_REACH;

	if (reach == 0)
		return LINE_ALLOWANCE_PPM * 1e-6;
	return fabs(slope(at(history, number - reach), at(history, number)) / chord - 1);
}

bool kernel_history_counter(
	const struct kernel_history *history, ntp64 time, uint64_t *counter, uint64_t *error)
{
	const struct sample *a, *b;
	uint64_t number;
	double chord, length, along, beyond;

	if (history->taken < 2 || ntp64_diff(time, at(history, oldest(history))->time) < 0)
		return false;
	number = find(history, time);
	a = at(history, number);
	b = at(history, number + 1);
	length = (double)ntp64_diff(b->time, a->time);
	along = (double)ntp64_diff(time, a->time);
	beyond = fmax(along - length, 0);
	if (beyond > length)
		return false;
	chord = slope(a, b);
	*counter = a->counter + (uint64_t)(along * chord + 0.5);
	*error = (a->half > b->half ? a->half : b->half) +
		 (uint64_t)(length * change(history, number, chord) + beyond * LINE_ALLOWANCE_PPM * 1e-6) +
		 (uint64_t)(1 / chord) + 2; /* a tick, and rounding */
	return true;
}
