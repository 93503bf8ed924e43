/* The disciplined time and its bound, and the served line after it. */
#include <math.h>

#include "refclock/discipline_private.h"

/* A source that was used may have been off to the other side; that is forgotten so slowly, per update. */
static const double bias_memory = 0.9;
/* Between rates that the stability is learned from, and until the first: s, relative. */
static const double settled_rate = 2e-8;

void discipline_predict(const struct discipline *d, uint64_t counter, struct estimate *estimate)
{
	estimator_predict(
		&d->estimator, frame_seconds(&d->frame, counter), fmax(64, 4 * d->interval), estimate);
}

void discipline_glimpse(const struct discipline *d, uint64_t counter, struct estimate *estimate)
{
	estimator_glimpse(
		&d->estimator, frame_seconds(&d->frame, counter), fmax(64, 4 * d->interval), estimate);
}

/* 1/s */
static double fastest(const struct discipline *d)
{
	return d->options.max_wander * 1e-6;
}

/* How far the oscillator may have gone since it was watched last, `t` s ago. When there is nothing to watch
 * it by, it is not taken to go on at its fastest for longer than three polls: stability_growth has that. */
static double unseen(const struct discipline *d, double t)
{
	t = fmin(t, 3 * d->interval);
	return fastest(d) * t * t / 2;
}

double discipline_bias_rate(const struct discipline *d)
{
	return d->bias / 1000;
}

/* What is the same whether samples come in or not. */
static double common(const struct discipline *d, const struct estimate *e, double since_update)
{
	double lost = fmax(since_update - 2 * d->interval, 0);

	return d->bias + d->noise + DISCIPLINE_SIGMAS * e->phase_sigma + discipline_bias_rate(d) * lost +
	       stability_growth(&d->stability, lost, fastest(d));
}

double discipline_bound_tracking(const struct discipline *d, uint64_t counter)
{
	double t = fmax(frame_seconds(&d->frame, counter), 0);
	struct estimate e;

	discipline_predict(d, counter, &e);
	return common(d, &e, t) + unseen(d, t);
}

/* What has left the bound once, does not come back because the bound has grown for what the oscillator might
 * have done, and was not seen to do. */
double discipline_bound_strict(const struct discipline *d, uint64_t counter)
{
	double t = fmax(frame_seconds(&d->frame, counter), 0), lost = fmax(t - 2 * d->interval, 0);
	double excused = stability_growth(&d->stability, lost, fastest(d)) -
			 stability_habit(&d->stability, lost, fastest(d));

	return discipline_bound_tracking(d, counter) - excused;
}

/* By how much the newest samples together lie off more than noise explains. */
static double straying(const struct discipline_source *s)
{
	double sorted[DISCIPLINE_WATCH];

	if (s->watched < DISCIPLINE_WATCH)
		return 0;
	for (int i = 0; i < DISCIPLINE_WATCH; i++)
		sorted[i] = s->watch[i];
	return fmax(fabs(median_of(sorted, DISCIPLINE_WATCH)) - 1.5 * discipline_sigma(s), 0);
}

double discipline_bound(const struct discipline *d, uint64_t counter)
{
	const struct discipline_source *s = &d->source[d->used < 0 ? 0 : d->used];
	double t = fmax(frame_seconds(&d->frame, counter), 0);
	double watched = t;
	struct estimate e;

	if (!d->known)
		return INFINITY;
	discipline_glimpse(d, counter, &e);
	if (d->used >= 0 && s->numbered)
		watched = fmin(t, fmax(discipline_seconds(d, s->last_good, counter), 0) + 3 * d->reading);
	return common(d, &e, t) + unseen(d, watched) + (d->used >= 0 ? straying(s) : 0);
}

/* s: noise of a raw sample. What precision claims is not believed to be the noise, but not ignored either; of
 * few samples an outlier may be one of many. */
static double noise_of(const struct discipline_source *s)
{
	double noise = fmax(sqrt(s->variance), s->options.precision / 4);

	if (s->seen < DISCIPLINE_KNOWN_NOISE)
		noise = fmax(noise, s->jitter);
	return noise * sqrt(1 + 16 / (s->seen + 1));
}

/* The first sample: true time runs through it. */
static void begin(struct discipline *d, const struct discipline_source *s)
{
	const struct discipline_sample *n = &s->newest;
	struct estimate e = d->estimate;

	d->frame.counter = n->counter;
	d->frame.time = n->time;
	estimator_init(&d->estimator, noise_of(s), e.rate, e.rate_sigma);
	d->estimator.updates = 1;
	d->known = true;
	d->begun = n->counter;
}

static void follow(
	struct discipline *d, const struct discipline_source *s, const struct median_result *samples)
{
	for (unsigned i = 0; i < samples->good; i++) {
		const struct median_sample *m = &samples->sample[i];
		double t = frame_seconds(&d->frame, m->counter);

		if (t <= 0)
			continue; /* older than another source's */
		estimator_advance(&d->estimator, t);
		estimator_update(&d->estimator, frame_offset(&d->frame, m->counter, m->time), noise_of(s));
		estimator_shift(&d->estimator, frame_move(&d->frame, m->counter, d->estimator.belief.phase));
	}
}

void discipline_notice(struct discipline *d, const struct discipline_source *s, uint64_t counter, ntp64 time)
{
	if (s->seen < DISCIPLINE_KNOWN_NOISE)
		return; /* a spike could pass for a sample */
	estimator_notice(&d->estimator, frame_seconds(&d->frame, counter),
		frame_offset(&d->frame, counter, time), noise_of(s));
}

/* Another source: its phase is its own, and the rate may have followed what moved the one before. */
static void take_over(struct discipline *d, const struct discipline_sample *n)
{
	estimator_loosen(&d->estimator, n->error + d->bias + DISCIPLINE_SIGMAS * n->sigma,
		fmin(3 * discipline_bias_rate(d), DISCIPLINE_RATE_SIGMA));
}

static void learn_stability(struct discipline *d, uint64_t counter)
{
	double since = discipline_seconds(d, d->stability_at, counter);

	if (!d->settled && sqrt(d->estimator.belief.rr) > settled_rate)
		return;
	if (d->settled && since < STABILITY_INTERVAL)
		return;
	if (!d->settled || since > 2 * fmax(STABILITY_INTERVAL, d->interval))
		stability_gap(&d->stability);
	stability_add(&d->stability, d->estimator.belief.rate);
	d->stability_at = counter;
	d->settled = true;
}

static void record(const struct discipline *d, int source)
{
	const struct discipline_source *s = &d->source[source];

	if (!d->log)
		return;
	d->log(d->opaque, &(struct discipline_record){
				  .kind = RECORD_TRACKING,
				  .source = source,
				  .time = d->reference,
				  .stratum = (uint8_t)(s->options.stratum + 1),
				  .offset = s->offset,
				  .dispersion = d->bound,
				  .deviation = sqrt(s->variance),
				  .frequency = -d->estimator.belief.rate * 1e6,
				  .skew = sqrt(d->estimator.belief.rr) * 1e6,
				  .combined = 1,
			  });
}

void discipline_update(struct discipline *d, int source, const struct median_result *samples)
{
	struct discipline_source *s = &d->source[source];
	const struct discipline_sample *n = &s->newest;

	if (!d->known) {
		begin(d, s);
		s->offset = 0;
	} else {
		if (d->used != source)
			take_over(d, n);
		follow(d, s, samples);
	}
	d->bias = d->used == source ? fmax(n->error, d->bias * bias_memory) : n->error;
	/* What few samples scatter by, may still hide what they are off by. */
	d->noise = fmax(
		discipline_sigma(s), s->seen < DISCIPLINE_KNOWN_NOISE ? fmax(noise_of(s), 2 * s->jitter) : 0);
	d->interval = ldexp(1, s->options.poll);
	d->reading = fmax(ldexp(1, s->options.dpoll), 1 / s->options.rate);
	d->used = source;
	s->watched = 0;
	d->reference = n->time;
	d->updates++;
	learn_stability(d, n->counter);
	record(d, source);
}

static bool may_step(const struct discipline *d, double offset)
{
	const struct discipline_options *o = &d->options;

	return o->step_threshold > 0 && fabs(offset) > o->step_threshold &&
	       (o->step_limit < 0 || d->updates <= (unsigned)o->step_limit);
}

static void step(struct discipline *d, const struct served_target *target)
{
	double by = served_step(&d->served, d->now, target);

	if (fabs(by) > 1e-6)
		discipline_tell(d, DISCIPLINE_STEPPED, d->used, by, "served time was stepped by %+.9f s", by);
}

static void steer_to(struct discipline *d, const struct served_target *target)
{
	double offset =
		(double)ntp64_diff(target->time, served_time(&d->served, d->now)) / (double)NTP64_SECOND;

	if (!d->served.started || (!d->committed && offset != 0) || may_step(d, offset))
		step(d, target);
	else
		served_steer(&d->served, d->now, target, d->options.slew_ppm * 1e-6, fmax(1, 2 * d->tick));
}

static void judge(struct discipline *d)
{
	const struct discipline_options *o = &d->options;
	struct ladder_input in = {
		.known = d->known,
		.contradicted = d->alarm && o->crosscheck_counts,
		.bound = d->bound,
		.holdover = d->selected < 0 ? fmax(frame_seconds(&d->frame, d->now), 0) : 0,
		.unknown = d->contested ? "the sources do not agree on the time"
					: "no source has given the time yet",
	};

	for (int i = 0; i < d->sources; i++)
		in.vouched |= d->source[i].options.kind == SOURCE_LOCAL;
	if (ladder_judge(
		    &d->ladder, &(struct ladder_thresholds){o->raised, o->unsynchronised, o->silent}, &in))
		discipline_tell(d, DISCIPLINE_RUNG, -1, d->ladder.rung, "%s", d->ladder.reason);
	d->committed |= d->known && d->ladder.rung < LADDER_UNSYNCHRONISED;
}

void discipline_steer(struct discipline *d)
{
	discipline_glimpse(d, d->now, &d->estimate);
	if (d->known)
		steer_to(d, &(struct served_target){frame_time(&d->frame, d->now, d->estimate.phase),
				    d->estimate.rate, d->frame.hz});
	d->bound = discipline_bound(d, d->now) + fabs(d->served.remaining) + 1e-9;
	judge(d);
}
