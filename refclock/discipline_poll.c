/* A source's poll: from its raw samples to a filtered one, for the disciplined time or against it. */
#include <math.h>

#include "refclock/discipline_private.h"

enum { LEAST = 4 /* samples that a poll takes, unless its filter is shorter */ };

double discipline_sigma(const struct discipline_source *s)
{
	return fmax(sqrt(s->variance), s->options.precision);
}

static unsigned least(const struct discipline_source *s)
{
	return s->options.filter < LEAST ? s->options.filter : LEAST;
}

static double interval_of(const struct discipline_source *s)
{
	return ldexp(1, s->options.poll);
}

/* The newest samples of the source in use lie off together: do not wait until the poll is over. */
static bool strays(const struct discipline *d, const struct discipline_source *s)
{
	double sorted[DISCIPLINE_WATCH];

	if (!d->known || d->used < 0 || s != &d->source[d->used] || s->watched < DISCIPLINE_WATCH ||
		s->agreeing.count < DISCIPLINE_WATCH)
		return false;
	for (int i = 0; i < DISCIPLINE_WATCH; i++)
		sorted[i] = s->watch[i];
	return fabs(median_of(sorted, DISCIPLINE_WATCH)) >
	       2 * discipline_sigma(s) + 2 * d->estimate.phase_sigma;
}

static bool is_due(const struct discipline *d, const struct discipline_source *s)
{
	double since = discipline_seconds(d, s->polled, d->now);

	if (since >= interval_of(s))
		return true;
	/* At first, as soon as there is enough. */
	if (d->estimator.updates < DISCIPLINE_WARM_UP && s->agreeing.count >= least(s) && least(s) > 1)
		return true;
	return strays(d, s);
}

static void learn_noise(
	const struct discipline *d, struct discipline_source *s, const struct median_result *r, double offset)
{
	double variance = r->sigma * r->sigma;

	if (r->taken < 3) {
		/* Where polls have one sample each, it shows the noise; where the others are missing, it does
		 * not. */
		if (!d->known || s->options.filter >= 3)
			return;
		variance = offset * offset;
		if (s->variance > 0)
			variance = fmin(variance, 25 * s->variance);
	}
	/* Of all samples at first, of the newest 64 or so later. */
	s->seen = fmin(s->seen + r->taken, 64);
	s->variance += (variance - s->variance) * r->taken / s->seen;
}

static void make_sample(
	const struct discipline_source *s, const struct median_result *r, struct discipline_sample *sample)
{
	*sample = (struct discipline_sample){
		.counter = r->counter,
		.time = r->time,
		.error = s->options.delay / 2 + r->error,
		.sigma = fmax(sqrt(s->variance), s->options.precision / 4) * sqrt(1.1 / r->taken),
		.valid = true,
	};
}

static void record(const struct discipline *d, int source, const struct median_result *r, double offset)
{
	const struct discipline_source *s = &d->source[source];

	if (d->log)
		d->log(d->opaque, &(struct discipline_record){
					  .kind = RECORD_FILTERED,
					  .source = source,
					  .time = r->time,
					  .number = r->taken,
					  .stratum = s->options.stratum,
					  .pulse = s->options.pps,
					  .raw_offset = s->last_offset,
					  .offset = offset,
					  .dispersion = s->newest.sigma,
					  .samples = (int)r->kept,
				  });
}

static void record_statistics(const struct discipline *d, int source)
{
	const struct discipline_source *s = &d->source[source];

	if (d->log)
		d->log(d->opaque, &(struct discipline_record){
					  .kind = RECORD_STATISTICS,
					  .source = source,
					  .time = s->newest.time,
					  .stratum = s->options.stratum,
					  .pulse = s->options.pps,
					  .offset = d->known ? s->offset : 0,
					  .dispersion = s->newest.sigma,
					  .deviation = sqrt(s->variance),
					  .frequency = -1e6 * discipline_rate_of(d, s),
					  .skew = 1e6 * d->estimate.rate_sigma,
					  .samples = (int)fmin(s->filtered, DISCIPLINE_HISTORY),
				  });
}

/* Sources that do not agree on the time may still know the rate, which makes it plain that they do not agree.
 */
static void presume_rate(struct discipline *d, const struct discipline_source *s)
{
	const struct discipline_sample *n = &s->newest;
	double rate = discipline_rate_of(d, s), sigma;
	unsigned oldest = s->filtered < DISCIPLINE_HISTORY ? 0 : s->filtered % DISCIPLINE_HISTORY;

	if (!isfinite(rate))
		return;
	sigma = (n->error + 2 * n->sigma) / discipline_seconds(d, s->history[oldest].counter, n->counter);
	if (sigma > d->estimate.rate_sigma / 2 || fabs(rate) > 10 * DISCIPLINE_RATE_SIGMA)
		return;
	estimator_init(&d->estimator, 1, rate, sigma);
	discipline_predict(d, d->now, &d->estimate);
}

static void accept(struct discipline *d, int source, const struct median_result *r)
{
	struct discipline_source *s = &d->source[source];
	double offset;

	s->verdicts[SOURCE_OUTLIER] += r->outliers;
	s->verdicts[SOURCE_USED] -= r->outliers < s->verdicts[SOURCE_USED] ? r->outliers : 0;
	make_sample(s, r, &s->newest);
	s->jitter = r->jitter;
	offset = d->known ? discipline_disagreement(d, &s->newest) : 0;
	s->offset = d->known ? offset : NAN;
	learn_noise(d, s, r, offset);
	make_sample(s, r, &s->newest); /* once more, with the noise learned */
	s->history[s->filtered++ % DISCIPLINE_HISTORY] = s->newest;
	s->dissents = false;
	record(d, source, r, offset);
	record_statistics(d, source);
	if (s->newest.sigma > s->options.max_dispersion && s->options.max_dispersion > 0) {
		s->newest.valid = false;
		s->state = SOURCE_STATE_JITTERY;
		return;
	}
	/* The first time, it waits for what the others' polls bring. */
	if (!d->known) {
		presume_rate(d, s);
		return;
	}
	discipline_select(d);
	if (d->selected == source)
		discipline_update(d, source, r);
	discipline_crosscheck(d);
}

/* Whether the dissenter says what it has said before. */
static bool persists(const struct discipline *d, const struct discipline_source *s,
	const struct discipline_sample *before, const struct discipline_sample *sample)
{
	double t = discipline_seconds(d, before->counter, sample->counter);
	double change = discipline_disagreement(d, sample) - discipline_disagreement(d, before);

	return s->dissents &&
	       fabs(change) <= 2 * sample->error + 6 * (sample->sigma + before->sigma) + 1e-6 * t;
}

static void dissent(struct discipline *d, int source, const struct median_result *r)
{
	struct discipline_source *s = &d->source[source];
	struct discipline_sample before = s->dissent;

	make_sample(s, r, &s->dissent);
	s->offset = discipline_disagreement(d, &s->dissent);
	if (!persists(d, s, &before, &s->dissent))
		s->dissent_since = s->dissent.counter;
	if (!s->dissents)
		discipline_tell(d, DISCIPLINE_FALSETICKER, source, s->offset,
			"%s is %.3g s off, farther than it and the disciplined time can err",
			source_kind_name(s->options.kind), s->offset);
	s->dissents = true;
	if (d->used == source)
		estimator_forget(&d->estimator);
	s->state = SOURCE_STATE_FALSETICKER;
	record(d, source, r, s->offset);
	discipline_crosscheck(d);
	if (s->dissent_since != s->dissent.counter)
		discipline_check_start(d, source);
}

/* Samples that are too few wait for the next poll, but not for long. */
static bool is_enough(struct discipline *d, struct discipline_source *s)
{
	unsigned taken = s->agreeing.count + s->dissenting.count;

	if (taken >= least(s))
		return true;
	if (taken > 0 && discipline_seconds(d, s->last, d->now) > 2 * interval_of(s))
		s->agreeing.count = s->agreeing.next = s->dissenting.count = s->dissenting.next = 0;
	return false;
}

static void poll_source(struct discipline *d, int source)
{
	struct discipline_source *s = &d->source[source];
	struct median_known known = {
		d->options.nominal_hz / (1 + d->estimate.rate), d->estimate.rate_sigma, sqrt(s->variance)};
	bool agrees = s->agreeing.count >= s->dissenting.count;
	struct median_result result;

	s->polled = d->now;
	s->reach = (uint8_t)(s->reach << 1 | s->arrived);
	s->arrived = false;
	if (!is_enough(d, s))
		return;
	if (median_take(agrees ? &s->agreeing : &s->dissenting, &known, &result)) {
		if (agrees)
			accept(d, source, &result);
		else
			dissent(d, source, &result);
	}
	median_init(&s->agreeing, s->options.filter);
	median_init(&s->dissenting, s->options.filter);
}

void discipline_poll(struct discipline *d)
{
	for (int i = 0; i < d->sources; i++) {
		struct discipline_source *s = &d->source[i];

		if (!s->started)
			s->polled = d->now;
		s->started = true;
		if (is_due(d, s))
			poll_source(d, i);
	}
}
