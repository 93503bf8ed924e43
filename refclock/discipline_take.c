/* A measurement comes in: which second it means, and whether it may be true. */
#include <math.h>

#include "refclock/discipline_private.h"
#include "refclock/pulse.h"

/* The disciplined time numbers seconds while its bound is below this part of a pulse's period. */
static const double sure = PULSE_REACH;
/* Of the expected distance of two pulses: what comes sooner is one too many. */
static const double too_soon = 0.7;

static bool is_pulse(const struct discipline_source *s, const struct measurement *m)
{
	return m->pulse || s->options.pps;
}

/* Where the source's own last sample says the time is. */
static bool time_of_source(
	const struct discipline *d, const struct discipline_source *s, uint64_t counter, ntp64 *time)
{
	const struct discipline_sample *n = &s->newest;
	double t = discipline_seconds(d, n->counter, counter);

	if (!discipline_is_fresh(d, s, n))
		return false;
	*time = n->time + (ntp64)frame_units(t * (1 + d->estimate.rate));
	return true;
}

/*
 * Who numbers a pulse's second: the disciplined time where it is sure, so that a receiver which suddenly is
 * wrong by a second takes no pulse with it; before that the source it is locked to.
 */
static bool number(
	const struct discipline *d, const struct discipline_source *s, uint64_t counter, ntp64 *guess)
{
	struct estimate e;

	if (d->known && discipline_bound_tracking(d, counter) < sure / s->options.rate) {
		discipline_predict(d, counter, &e);
		*guess = frame_time(&d->frame, counter, e.phase);
		return true;
	}
	return s->lock >= 0 && time_of_source(d, &d->source[s->lock], counter, guess);
}

/*
 * Of a pulse with a known width both ends may come in: the one that counts follows the other at the distance
 * that the width leaves, or another of its like, some of them missing, after whole periods. What comes at
 * once bounces.
 */
static bool is_end(struct discipline_source *s, double since)
{
	double period = 1 / s->options.rate, width = s->options.width;
	double tolerance = fmin(width, period - width) / 2;
	double into = fmod(since + tolerance, period) - tolerance;

	if (since <= tolerance)
		return true;
	if (into <= tolerance)
		return s->ended;
	if (fabs(into - (period - width)) <= tolerance)
		return s->ended = false;
	/* Else it is neither end, and says nothing of the next. */
	s->ended = fabs(into - width) <= tolerance;
	return true;
}

static bool is_double(const struct discipline *d, struct discipline_source *s, uint64_t counter)
{
	double period = 1 / s->options.rate, width = s->options.width;
	double since = discipline_seconds(d, s->last_edge, counter);
	bool first = !s->edged;

	s->last_edge = counter;
	s->edged = true;
	s->ended &= !first;
	if (width > 0 && width < period)
		return first || is_end(s, since);
	return s->numbered && discipline_seconds(d, s->last_good, counter) < too_soon * period;
}

/* Whether noise and what both can be off by explain how far the sample is from the disciplined time. */
static bool is_plausible(const struct discipline *d, const struct discipline_source *s, uint64_t counter,
	double error, double offset)
{
	double reach = error + s->options.delay / 2 + 6 * discipline_sigma(s);

	/* A source that is watched only may be as wrong as it takes to number seconds. */
	if (s->options.noselect)
		reach += PULSE_REACH;
	return fabs(offset) <= reach + (s->dissents ? discipline_bound_strict(d, counter)
						    : discipline_bound_tracking(d, counter));
}

static void watch(struct discipline_source *s, double offset)
{
	s->watch[s->watched++ % DISCIPLINE_WATCH] = offset;
}

static enum source_verdict keep(
	struct discipline *d, struct discipline_source *s, const struct measurement *m, ntp64 time)
{
	struct median_sample sample = {m->counter, time, m->error};
	struct estimate e;
	bool plausible = true;

	if (d->known) {
		discipline_predict(d, m->counter, &e);
		s->last_offset = frame_offset(&d->frame, m->counter, time) - e.phase;
		plausible = is_plausible(
			d, s, m->counter, (double)m->error / (double)NTP64_SECOND, s->last_offset);
	}
	median_add(plausible ? &s->agreeing : &s->dissenting, &sample);
	if (!plausible)
		return SOURCE_IMPLAUSIBLE;
	if (d->known && s == &d->source[d->used < 0 ? 0 : d->used]) {
		discipline_glimpse(d, m->counter, &e);
		watch(s, frame_offset(&d->frame, m->counter, time) - e.phase);
		discipline_notice(d, s, m->counter, time);
	}
	s->last_good = m->counter;
	s->numbered = true;
	return SOURCE_USED;
}

static enum source_verdict judge(
	struct discipline *d, struct discipline_source *s, const struct measurement *m, ntp64 *time)
{
	ntp64 shifted = m->time + (ntp64)frame_units(s->options.offset), guess;

	*time = shifted;
	if (m->leap == NTP_LEAP_UNSYNC)
		return SOURCE_UNSYNCHRONISED;
	if (s->last && (int64_t)(m->counter - s->last) <= 0)
		return m->counter == s->last ? SOURCE_DOUBLE : SOURCE_BACKWARDS;
	s->last = m->counter;
	if (!is_pulse(s, m))
		return keep(d, s, m, shifted);
	if (is_double(d, s, m->counter))
		return SOURCE_DOUBLE;
	if (!number(d, s, m->counter, &guess))
		return SOURCE_NO_SECOND;
	if (!pulse_number(guess, shifted, s->options.rate, time))
		return SOURCE_FAR_FROM_SECOND;
	return keep(d, s, m, *time);
}

static void record(const struct discipline *d, int source, const struct measurement *m, ntp64 time)
{
	const struct discipline_source *s = &d->source[source];

	d->log(d->opaque, &(struct discipline_record){
				  .kind = RECORD_RAW,
				  .source = source,
				  .time = time,
				  .number = s->agreeing.count,
				  .leap = m->leap,
				  .stratum = s->options.stratum,
				  .pulse = is_pulse(s, m),
				  .raw_offset = s->last_offset,
				  .offset = s->last_offset,
				  .dispersion = discipline_sigma(s),
			  });
}

enum source_verdict discipline_take(struct discipline *d, int source, const struct measurement *m)
{
	struct discipline_source *s;
	enum source_verdict verdict;
	ntp64 time;

	if (d->lost || source < 0 || source >= d->sources)
		return SOURCE_UNSYNCHRONISED;
	s = &d->source[source];
	s->samples++;
	verdict = judge(d, s, m, &time);
	s->verdicts[verdict]++;
	s->arrived |= verdict == SOURCE_USED || verdict == SOURCE_IMPLAUSIBLE;
	if (verdict == SOURCE_USED || verdict == SOURCE_UNSYNCHRONISED)
		s->leap = m->leap;
	d->window = m->error > UINT64_MAX / 2 ? UINT64_MAX : 2 * m->error;
	if (d->log)
		record(d, source, m, time);
	return verdict;
}
