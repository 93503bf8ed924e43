#include "refclock/stability.h"

#include <math.h>
#include <stdbool.h>

/* The largest change seen is half forgotten after 5 days. */
static const double forget = 0.9999;
/* A change is allowed to be so many times the largest seen, and more where little was seen. */
static const double margin = 2, inexperience = 4;
/* After so many seconds without a sign of it, the oscillator does not wander at its fastest all the time ...
 */
static const double patience = 256;
/* ... but for so long it still may, say for a door that has not been opened in so many seconds. */
static const double burst = 300, surprise_free = 10800;

void stability_gap(struct stability *s)
{
	s->count = s->next = 0;
}

void stability_add(struct stability *s, double rate)
{
	for (unsigned octave = 0; octave < STABILITY_OCTAVES; octave++) {
		unsigned lag = 1U << octave;

		s->largest[octave] *= forget;
		if (lag <= s->count) {
			double before = s->ring[(s->next + STABILITY_RING - lag) % STABILITY_RING];

			s->largest[octave] = fmax(s->largest[octave], fabs(rate - before));
		}
	}
	s->ring[s->next] = rate;
	s->next = (s->next + 1) % STABILITY_RING;
	if (s->count < STABILITY_RING)
		s->count++;
	if (s->count > 1)
		s->watched += STABILITY_INTERVAL;
}

/* The longest octave that has been watched at least twice over; -1: none. */
static int longest(const struct stability *s)
{
	int octave = -1;

	while (octave + 1 < STABILITY_OCTAVES && s->watched >= 2.0 * (STABILITY_INTERVAL << (octave + 1)))
		octave++;
	return octave;
}

static double lag_of(int octave)
{
	return (double)(STABILITY_INTERVAL << octave);
}

/* What may have changed over an octave's lag. It never shrinks with the lag. */
static double at(const struct stability *s, int octave)
{
	double most = 0;

	for (int i = 0; i <= octave; i++)
		most = fmax(most, s->largest[i] * (margin + inexperience * lag_of(i) / s->watched));
	return most;
}

/* Seconds out of t for which the oscillator may wander at its fastest, though it has not been seen to. */
static double unseen(const struct stability *s, double t)
{
	return fmin(t, burst * fmin(1, surprise_free / s->watched)) + t * fmin(1, patience / s->watched);
}

static double change_of(const struct stability *s, double t, double max_wander, bool surprises)
{
	int last = longest(s), octave = 0;
	double seen;

	if (!(t > 0))
		return 0;
	if (last < 0)
		return max_wander * t;
	while (octave < last && lag_of(octave) < t)
		octave++;
	seen = at(s, octave);
	if (t > lag_of(last))
		seen *= t / lag_of(last);
	else if (t < lag_of(0))
		seen *= sqrt(t / lag_of(0));
	return fmin(max_wander * t, seen + (surprises ? max_wander * unseen(s, t) : 0));
}

double stability_change(const struct stability *s, double t, double max_wander)
{
	return change_of(s, t, max_wander, true);
}

static double growth_of(const struct stability *s, double t, double max_wander, bool surprises)
{
	double sum = 0, from = 0, before = 0;

	if (!(t > 0))
		return 0;
	for (double to = fmin(t, 1);; to = fmin(2 * to, t)) {
		double change = change_of(s, to, max_wander, surprises);

		/* `to` may lie on a stair: the higher end holds for the whole stretch. */
		sum += (to - from) * (from < 1 ? change : fmax(before, change));
		from = to;
		before = change;
		if (to >= t)
			return sum;
	}
}

double stability_growth(const struct stability *s, double t, double max_wander)
{
	return growth_of(s, t, max_wander, true);
}

double stability_habit(const struct stability *s, double t, double max_wander)
{
	return growth_of(s, t, max_wander, false);
}
