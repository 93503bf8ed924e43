/* Evidence against the disciplined time: the kernel clock's keeper, and sources that dissent for long. */
#include <math.h>

#include "refclock/discipline_private.h"

enum { TWICE = 2 /* in a row, before it is an alarm */ };

static const struct discipline_sample *newest(const struct discipline_source *s)
{
	return s->dissents ? &s->dissent : &s->newest;
}

static int find_system(const struct discipline *d)
{
	for (int i = 0; i < d->sources; i++)
		if (d->source[i].options.kind == SOURCE_SYSTEM)
			return i;
	return -1;
}

static bool counts(const struct discipline *d, int source)
{
	const struct discipline_source *s = &d->source[source];

	return s->options.kind != SOURCE_SYSTEM && s->options.kind != SOURCE_LOCAL && !s->options.noselect &&
	       !s->options.local && discipline_is_fresh(d, s, newest(s));
}

/* Whether two samples are farther apart than both can be off. */
static bool contradict(
	const struct discipline *d, const struct discipline_sample *a, double b, double b_error)
{
	return fabs(discipline_disagreement(d, a) - b) >
	       discipline_sample_error(d, a) + b_error + d->options.crosscheck;
}

static bool is_contradicted(
	const struct discipline *d, const struct discipline_sample *system, int system_index)
{
	if (d->known && d->used != system_index && contradict(d, system, 0, discipline_bound(d, d->now)))
		return true;
	for (int i = 0; i < d->sources; i++) {
		const struct discipline_sample *n = newest(&d->source[i]);

		if (counts(d, i) &&
			contradict(d, system, discipline_disagreement(d, n), discipline_sample_error(d, n)))
			return true;
	}
	return false;
}

void discipline_crosscheck(struct discipline *d)
{
	int system = find_system(d);
	const struct discipline_sample *sample;
	bool before = d->alarm;

	if (system < 0 || !discipline_is_fresh(d, &d->source[system], newest(&d->source[system])))
		return;
	sample = newest(&d->source[system]);
	d->contradictions = is_contradicted(d, sample, system) ? d->contradictions + 1 : 0;
	d->alarm = d->contradictions >= (before ? 1 : TWICE);
	if (d->alarm && !before)
		discipline_tell(d, DISCIPLINE_CROSSCHECK, system, 1,
			"the kernel clock's keeper and the reference disagree by more than both can err");
	if (before && !d->alarm)
		discipline_tell(d, DISCIPLINE_CROSSCHECK, system, 0,
			"the kernel clock's keeper and the reference agree again");
}

static bool persists(const struct discipline *d, const struct discipline_source *s)
{
	return s->open && s->dissents && discipline_is_fresh(d, s, &s->dissent) &&
	       discipline_seconds(d, s->dissent_since, s->dissent.counter) > DISCIPLINE_RESET_AFTER;
}

/* Whether a source that agrees with the disciplined time excludes what the dissenter says. */
static bool is_refuted(const struct discipline *d, const struct discipline_source *dissenter)
{
	double offset = discipline_disagreement(d, &dissenter->dissent);
	double error = discipline_sample_error(d, &dissenter->dissent);

	for (int i = 0; i < d->sources; i++) {
		const struct discipline_source *s = &d->source[i];

		if (s != dissenter && !s->dissents && !s->options.noselect &&
			discipline_is_fresh(d, s, &s->newest) && contradict(d, &s->newest, offset, error))
			return true;
	}
	return false;
}

void discipline_restart(struct discipline *d)
{
	struct estimate *e = &d->estimate;

	e->rate_sigma = fmin(5 * e->rate_sigma + 1e-7, DISCIPLINE_RATE_SIGMA);
	estimator_init(&d->estimator, 1, e->rate, e->rate_sigma);
	e->phase = e->drift = 0;
	for (int i = 0; i < d->sources; i++) {
		struct discipline_source *s = &d->source[i];

		median_init(&s->agreeing, s->options.filter);
		median_init(&s->dissenting, s->options.filter);
		s->newest.valid = s->dissent.valid = s->dissents = s->numbered = s->edged = s->started =
			false;
		s->watched = s->filtered = 0;
		s->offset = NAN;
		s->last_offset = 0;
		s->seen = 0;
	}
	d->known = d->committed = d->settled = d->contested = false;
	d->selected = d->used = -1;
	d->contradictions = 0;
}

/* Whether the kernel clock's keeper is for the dissenter and against the disciplined time. */
static bool is_witnessed(const struct discipline *d, const struct discipline_source *s)
{
	int system = find_system(d);
	const struct discipline_sample *sample;

	if (system < 0 || !discipline_is_fresh(d, &d->source[system], newest(&d->source[system])))
		return false;
	sample = newest(&d->source[system]);
	return contradict(d, sample, 0, discipline_bound(d, d->now)) &&
	       !contradict(d, sample, discipline_disagreement(d, &s->dissent),
		       discipline_sample_error(d, &s->dissent));
}

/* s: by how much first samples can have misled at most. Samples of a receiver that jumps look like noise of
 * seconds. */
static const double misled_most = 0.05;

/* Whether a rate and a noise that few samples have shown wrong can make the source disagree so much with what
 * it has said itself. What is farther off has jumped, and alone is no better word than the one before. */
static bool has_misled(const struct discipline *d, const struct discipline_source *s)
{
	double noise = fmax(discipline_sigma(s), s->jitter);
	double rate = DISCIPLINE_SIGMAS * DISCIPLINE_RATE_SIGMA;

	return fabs(s->offset) <=
		       fmin(2 * 6 * noise + rate * discipline_seconds(d, d->begun, d->now), misled_most) ||
	       is_witnessed(d, s);
}

/* Soon after the start: as many against the time as for it, when they can be told apart; or a source against
 * what its own first samples have made of the rate. */
void discipline_check_start(struct discipline *d, int source)
{
	int against = 0;
	const bool own = d->used == source, has_agreed = own || d->source[source].filtered > 0;

	if (!d->known || discipline_seconds(d, d->begun, d->now) > DISCIPLINE_CONTEST)
		return;
	for (int i = 0; i < d->sources; i++)
		against += d->source[i].dissents && counts(d, i);
	if (against == 0 || against < d->agreeing || (has_agreed && !has_misled(d, &d->source[source])))
		return;
	discipline_tell(d, DISCIPLINE_RESET, source, d->source[source].offset,
		"%s contradicts how it began: time is learned anew",
		source_kind_name(d->source[source].options.kind));
	discipline_restart(d);
	if (own)
		discipline_start_estimator(d);
}

/* Once nobody speaks for the disciplined time and somebody has spoken against it for long, who is that?
 * Enough of them to be selected will be heard. */
void discipline_check_reset(struct discipline *d)
{
	int against = 0, one = -1;

	if (!d->known)
		return;
	for (int i = 0; i < d->sources; i++) {
		const struct discipline_source *s = &d->source[i];

		if (s->dissents && persists(d, s) && !is_refuted(d, s)) {
			against++;
			one = i;
		}
	}
	if (against == 0 || against < d->options.min_sources || d->selected == d->used)
		return;
	discipline_tell(d, DISCIPLINE_RESET, one, discipline_disagreement(d, &d->source[one].dissent),
		"%s has disagreed for %d s, and nobody contradicts it: time is learned anew",
		source_kind_name(d->source[one].options.kind), DISCIPLINE_RESET_AFTER);
	discipline_restart(d);
}
