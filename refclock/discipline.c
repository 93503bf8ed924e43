/* The discipline's frame: options, sources, ticks, events. The rest of it is in the other files of the name.
 */
#include "refclock/discipline.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/discipline_private.h"

/* s: between two looks at what changes slowly. */
static const double review = 1;
/* s: for which the line may be served after the last publication, and its growth has to hold. */
static const double abandoned = 3600;

void discipline_options_init(struct discipline_options *options)
{
	*options = (struct discipline_options){
		.nominal_hz = 1e9,
		.slew_ppm = 500,
		.max_wander = 0.01,
		.raised = 0.01,
		.unsynchronised = 1,
		.min_sources = 1,
	};
}

/* What a directive cannot say, but a caller might. */
static void make_sane(struct discipline_options *o)
{
	o->nominal_hz = isfinite(o->nominal_hz) ? fmax(o->nominal_hz, 1e6) : 1e9;
	o->slew_ppm = fmin(fmax(o->slew_ppm, 0.1), 100000);
	o->max_wander = fmin(fmax(o->max_wander, 1e-9), 100);
	if (!isfinite(o->drift_ppm) || fabs(o->drift_ppm) > 1000 || !isfinite(o->drift_skew_ppm))
		o->drift_ppm = o->drift_skew_ppm = 0;
}

/* The rate that is known from the drift file, or else none. */
void discipline_start_estimator(struct discipline *d)
{
	const struct discipline_options *o = &d->options;
	bool known = o->drift_skew_ppm > 0;

	estimator_init(&d->estimator, 1, known ? -o->drift_ppm * 1e-6 : 0,
		known ? fmin(o->drift_skew_ppm * 1e-6, DISCIPLINE_RATE_SIGMA) : DISCIPLINE_RATE_SIGMA);
	estimator_predict(&d->estimator, 0, 0, &d->estimate);
}

void discipline_resume(struct discipline *d, uint64_t counter, ntp64 time, uint64_t rate)
{
	d->served = (struct served){.counter = counter, .time = time, .rate = rate, .started = true};
	d->committed = true;
}

struct discipline *discipline_new(const struct discipline_options *options)
{
	struct discipline *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->options = *options;
	make_sane(&d->options);
	d->selected = d->used = -1;
	d->frame.hz = d->options.nominal_hz;
	discipline_start_estimator(d);
	ladder_init(&d->ladder,
		&(struct ladder_thresholds){options->raised, options->unsynchronised, options->silent});
	return d;
}

void discipline_free(struct discipline *d)
{
	free(d);
}

/* Who numbers whose pulses; sources may be added in any order. */
static void link_locks(struct discipline *d)
{
	static const uint8_t none[SOURCE_REFID];

	for (int i = 0; i < d->sources; i++) {
		struct discipline_source *s = &d->source[i];

		s->lock = -1;
		for (int j = 0; j < d->sources; j++)
			if (j != i && memcmp(s->options.lock, none, SOURCE_REFID) != 0 &&
				memcmp(s->options.lock, d->source[j].options.refid, SOURCE_REFID) == 0)
				s->lock = j;
	}
}

static unsigned filter_length(const struct source_options *o)
{
	int octaves = o->poll - o->dpoll;
	unsigned samples = octaves <= 0 ? 1 : octaves >= 6 ? MEDIAN_MAX : 1U << octaves;

	return o->filter > 0 && o->filter < samples ? o->filter : samples;
}

int discipline_add(struct discipline *d, const struct source_options *options)
{
	struct discipline_source *s = &d->source[d->sources];
	unsigned length = filter_length(options);

	if (d->sources == SOURCES_MAX)
		return -1;
	*s = (struct discipline_source){.options = *options, .lock = -1, .open = true};
	s->options.precision = fmax(options->precision, 1e-9);
	s->options.delay = fmax(options->delay, 0);
	s->options.rate = fmin(fmax(rint(options->rate), 1), 1000);
	s->options.poll = (int8_t)(options->poll < -6 ? -6 : options->poll > 17 ? 17 : options->poll);
	s->options.dpoll = options->dpoll > s->options.poll ? s->options.poll : options->dpoll;
	s->options.filter = (uint16_t)length;
	median_init(&s->agreeing, length);
	median_init(&s->dissenting, length);
	d->sources++;
	link_locks(d);
	return d->sources - 1;
}

void discipline_set_open(struct discipline *d, int source, bool open, const char *message)
{
	if (source < 0 || source >= d->sources)
		return;
	d->source[source].open = open;
	snprintf(d->source[source].message, sizeof(d->source[source].message), "%s", message ? message : "");
}

void discipline_set_log(struct discipline *d, discipline_log *log, void *opaque)
{
	d->log = log;
	d->opaque = opaque;
}

void discipline_drill_lost(struct discipline *d, bool lost)
{
	d->lost = lost;
}

double discipline_seconds(const struct discipline *d, uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / d->options.nominal_hz;
}

void discipline_tell(struct discipline *d, enum discipline_event_kind kind, int source, double value,
	const char *format, ...)
{
	struct discipline_event *e = &d->event[(d->event_next + d->events) % DISCIPLINE_EVENTS];
	va_list arguments;

	if (d->events == DISCIPLINE_EVENTS)
		return; /* nobody listens; the oldest say how it began */
	d->events++;
	*e = (struct discipline_event){.kind = kind, .source = source, .value = value};
	va_start(arguments, format);
	vsnprintf(e->text, sizeof(e->text), format, arguments);
	va_end(arguments);
}

bool discipline_event(struct discipline *d, struct discipline_event *event)
{
	if (d->events == 0)
		return false;
	*event = d->event[d->event_next];
	d->event_next = (d->event_next + 1) % DISCIPLINE_EVENTS;
	d->events--;
	return true;
}

/* The counter has jumped: what was measured before does not relate to what comes. */
static void resume(struct discipline *d, double seconds)
{
	discipline_tell(d, DISCIPLINE_SUSPENDED, -1, seconds,
		"no tick for %.1f s: suspended; all but the drift is learned anew", seconds);
	discipline_restart(d);
}

/* What changes by time alone, and slowly; the polls do the rest. */
static void look_again(struct discipline *d)
{
	double wander = d->options.max_wander * 1e-6, lost = fmax(frame_seconds(&d->frame, d->now), 0);

	d->reviewed = d->now;
	discipline_select(d);
	if (!d->known && d->selected >= 0)
		discipline_update(d, d->selected, NULL);
	discipline_check_reset(d);
	d->abandoned = (stability_growth(&d->stability, lost + abandoned, wander) -
			       stability_growth(&d->stability, lost, wander)) /
		       abandoned;
}

void discipline_tick(struct discipline *d, uint64_t counter)
{
	double since = discipline_seconds(d, d->now, counter);

	if (d->ticking && since < 0)
		return;
	d->now = counter;
	if (d->ticking && since > DISCIPLINE_SUSPEND)
		resume(d, since);
	d->tick = d->ticking ? since : 0;
	d->ticking = true;
	discipline_poll(d);
	if (!d->known || discipline_seconds(d, d->reviewed, counter) >= review)
		look_again(d);
	discipline_steer(d);
}
