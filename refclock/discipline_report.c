/* What the discipline says to the outside: the timebase, the report, the drift file. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refclock/discipline_private.h"

static uint64_t units_up(double seconds)
{
	double units = ceil(seconds * (double)NTP64_SECOND);

	return units >= 0x1p62 || !(units == units) ? UINT64_C(1) << 62 : (uint64_t)fmax(units, 0);
}

static uint32_t parts_up(double relative)
{
	return (uint32_t)fmin(units_up(relative), UINT32_MAX);
}

/* Relative: what makes up for a line that nobody renews. */
static double growth(const struct discipline *d)
{
	double wander = d->options.max_wander * 1e-6;

	return DISCIPLINE_SIGMAS * d->estimate.rate_sigma + fabs(d->served.slew) +
	       wander * 3 * d->interval / 2 + discipline_bias_rate(d) + d->abandoned + 1e-9;
}

static int find_local(const struct discipline *d)
{
	for (int i = 0; i < d->sources; i++)
		if (d->source[i].options.kind == SOURCE_LOCAL)
			return i;
	return -1;
}

/* Whose stratum and name a reply carries. */
static int speaker(const struct discipline *d)
{
	const struct discipline_options *o = &d->options;
	int local = find_local(d);

	if (d->used < 0 || (local >= 0 && o->unsynchronised > 0 && d->bound > o->unsynchronised))
		return local;
	return d->used;
}

static void publish_source(const struct discipline *d, struct timebase *tb)
{
	const struct source_options *o;
	int source = speaker(d);

	tb->leap = NTP_LEAP_UNSYNC;
	tb->stratum = NTP_STRATUM_UNSYNC;
	memset(tb->refid, 0, sizeof(tb->refid));
	memset(tb->source, 0, sizeof(tb->source));
	if (source < 0)
		return;
	o = &d->source[source].options;
	memcpy(tb->refid, o->refid, sizeof(tb->refid));
	snprintf(tb->source, sizeof(tb->source), "%s", source_kind_name(o->kind));
	if (!d->known || d->ladder.rung >= LADDER_UNSYNCHRONISED || o->stratum + 1 > NTP_STRATUM_MAX)
		return;
	tb->leap = NTP_LEAP_NONE;
	tb->stratum = (uint8_t)(o->stratum + 1);
}

void discipline_publish(const struct discipline *d, struct timebase *tb)
{
	tb->counter = d->now;
	tb->time = d->served.started ? served_time(&d->served, d->now) : 0;
	tb->rate = d->served.rate;
	tb->counter_hz = (uint64_t)rint(d->options.nominal_hz);
	tb->error_bound = units_up(d->bound);
	tb->error_growth = parts_up(growth(d));
	tb->root_dispersion = 0;
	tb->dispersion_growth = 0;
	tb->root_delay = 0;
	tb->reference = d->reference;
	tb->steps = d->served.steps;
	tb->skew_ppb = (int64_t)rint(d->estimate.rate * 1e9);
	tb->window = d->window;
	publish_source(d, tb);
	if (d->served.started)
		return;
	tb->rate = (uint64_t)rint((double)NTP64_SECOND / d->options.nominal_hz * 0x1p48);
}

bool discipline_time(const struct discipline *d, uint64_t counter, ntp64 *time, uint64_t *bound)
{
	struct estimate e;

	if (!d->known)
		return false;
	discipline_glimpse(d, counter, &e);
	*time = frame_time(&d->frame, counter, e.phase);
	*bound = units_up(discipline_bound(d, counter));
	return true;
}

bool discipline_drift(const struct discipline *d, double *ppm, double *skew_ppm)
{
	if (d->estimator.updates < DISCIPLINE_WARM_UP)
		return false;
	*ppm = -d->estimate.rate * 1e6;
	*skew_ppm = 1e6 *
		    (3 * sqrt(fmax(d->estimator.belief.rr, 0)) +
			    fmin(stability_change(&d->stability, 86400, d->options.max_wander * 1e-6), 1e-6));
	return true;
}

/* Least squares over those there are. */
double discipline_rate_of(const struct discipline *d, const struct discipline_source *s)
{
	unsigned n = s->filtered < DISCIPLINE_HISTORY ? s->filtered : DISCIPLINE_HISTORY;
	double x = 0, y = 0, xx = 0, xy = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct discipline_sample *h = &s->history[i];
		double t = discipline_seconds(d, s->history[0].counter, h->counter);
		double o = (double)ntp64_diff(h->time, s->history[0].time) / (double)NTP64_SECOND - t;

		x += t;
		y += o;
		xx += t * t;
		xy += t * o;
	}
	return n < 3 ? NAN : (n * xy - x * y) / (n * xx - x * x);
}

static void report_source(
	const struct discipline *d, const struct discipline_source *s, struct source_report *r)
{
	const struct discipline_sample *n = s->dissents ? &s->dissent : &s->newest;

	snprintf(r->name, sizeof(r->name), "%s", source_kind_name(s->options.kind));
	memcpy(r->parameter, s->options.parameter, sizeof(r->parameter));
	memcpy(r->refid, s->options.refid, sizeof(r->refid));
	r->state = s->state;
	r->reach = s->reach;
	r->poll = s->options.poll;
	r->stratum = s->options.stratum;
	r->leap = s->leap;
	r->open = s->open;
	memcpy(r->verdicts, s->verdicts, sizeof(r->verdicts));
	r->samples = s->samples;
	r->last_sample = s->last;
	r->offset = d->known ? s->offset : NAN;
	r->last_offset = d->known ? s->last_offset : NAN;
	r->jitter = s->jitter;
	r->error = n->valid ? n->error + DISCIPLINE_SIGMAS * n->sigma : 0;
	r->frequency = -1e6 * discipline_rate_of(d, s);
	memcpy(r->message, s->message, sizeof(r->message));
}

void discipline_report(const struct discipline *d, struct sources *sources)
{
	sources->count = (uint32_t)d->sources;
	sources->rung = (uint8_t)d->ladder.rung;
	sources->crosscheck = d->alarm;
	sources->counter = d->now;
	sources->counter_hz = d->options.nominal_hz;
	sources->offset = d->served.remaining;
	sources->bound = d->bound;
	sources->frequency = -d->estimate.rate * 1e6;
	sources->wander = 1e6 *
			  stability_change(&d->stability, STABILITY_INTERVAL, d->options.max_wander * 1e-6) /
			  STABILITY_INTERVAL;
	sources->holdover = d->known && d->selected < 0 ? fmax(frame_seconds(&d->frame, d->now), 0) : 0;
	snprintf(sources->reason, sizeof(sources->reason), "%s", d->ladder.reason);
	for (int i = 0; i < d->sources; i++)
		report_source(d, &d->source[i], &sources->source[i]);
}
