/* Which sources are believed, and which of them the time comes from. */
#include <math.h>

#include "refclock/discipline_private.h"
#include "refclock/select.h"

double discipline_disagreement(const struct discipline *d, const struct discipline_sample *sample)
{
	struct estimate e;

	discipline_predict(d, sample->counter, &e);
	return frame_offset(&d->frame, sample->counter, sample->time) - e.phase;
}

bool discipline_is_fresh(
	const struct discipline *d, const struct discipline_source *s, const struct discipline_sample *sample)
{
	double limit = DISCIPLINE_FRESH * ldexp(1, s->options.poll) + 2;

	return sample->valid && discipline_seconds(d, sample->counter, d->now) <= limit;
}

/* Where samples are compared: now, or, while the rate may be far off, where the newest of them is. */
static uint64_t instant(const struct discipline *d)
{
	uint64_t newest = 0;
	bool any = false;

	for (int i = 0; i < d->sources && !d->known; i++) {
		const struct discipline_sample *n = &d->source[i].newest;

		if (n->valid && (!any || (int64_t)(n->counter - newest) > 0))
			newest = n->counter;
		any |= n->valid;
	}
	return any ? newest : d->now;
}

double discipline_sample_error(const struct discipline *d, const struct discipline_sample *sample)
{
	double age = fmax(discipline_seconds(d, sample->counter, instant(d)), 0);

	return sample->error + DISCIPLINE_SIGMAS * (sample->sigma + age * d->estimate.rate_sigma) +
	       stability_growth(&d->stability, age, d->options.max_wander * 1e-6);
}

static void list(const struct discipline *d, struct candidate *c)
{
	for (int i = 0; i < d->sources; i++) {
		const struct discipline_source *s = &d->source[i];

		c[i] = (struct candidate){
			.usable = s->open && !s->dissents && s->filtered >= s->options.min_samples &&
				  !s->options.noselect && !s->options.local &&
				  s->options.kind != SOURCE_LOCAL && discipline_is_fresh(d, s, &s->newest),
			.prefer = s->options.prefer,
			.trust = s->options.trust,
			.require = s->options.require,
		};
		if (!c[i].usable)
			continue;
		c[i].offset = discipline_disagreement(d, &s->newest);
		c[i].error = discipline_sample_error(d, &s->newest);
	}
}

static void set_states(struct discipline *d, const struct candidate *c)
{
	for (int i = 0; i < d->sources; i++) {
		struct discipline_source *s = &d->source[i];

		if (s->options.noselect)
			s->state = SOURCE_STATE_NOSELECT;
		else if (s->dissents && discipline_is_fresh(d, s, &s->dissent))
			s->state = SOURCE_STATE_FALSETICKER;
		else if (i == d->selected)
			s->state = SOURCE_STATE_SELECTED;
		else if (c[i].truechimer)
			s->state = SOURCE_STATE_CANDIDATE;
		else if (s->state != SOURCE_STATE_JITTERY || c[i].usable)
			s->state = c[i].usable ? SOURCE_STATE_FALSETICKER : SOURCE_STATE_UNUSABLE;
	}
}

static void tell_selected(struct discipline *d)
{
	if (d->selected < 0)
		discipline_tell(d, DISCIPLINE_SELECTED, -1, 0,
			d->agreeing > 0 ? "holdover is still better than the sources that agree"
					: "no source can be used");
	else
		discipline_tell(d, DISCIPLINE_SELECTED, d->selected, 0, "%s %.32s is selected",
			source_kind_name(d->source[d->selected].options.kind),
			d->source[d->selected].options.parameter);
}

/* Before there is a time, a source whose first samples are in is waited for: with it there may be a majority.
 */
static bool is_gathering(const struct discipline *d)
{
	bool waited = false;

	for (int i = 0; i < d->sources; i++) {
		const struct discipline_source *s = &d->source[i];

		if (s->newest.valid && discipline_seconds(d, s->newest.counter, d->now) > DISCIPLINE_GATHER)
			return false;
		waited |= s->open && !s->options.noselect && s->agreeing.count > 0 && !s->newest.valid;
	}
	return waited;
}

/* Sources that did not agree may seem to, when their next samples are far apart and the rate is unknown. */
static bool is_contested(const struct discipline *d)
{
	return d->contested && d->estimate.rate_sigma > 1e-6 &&
	       discipline_seconds(d, d->contested_at, d->now) < DISCIPLINE_CONTEST;
}

static void vote(struct discipline *d, struct candidate *c)
{
	int usable = 0;

	list(d, c);
	d->agreeing = select_truechimers(c, d->sources, d->options.min_sources);
	for (int i = 0; i < d->sources; i++)
		usable += c[i].usable;
	if (d->known || usable < 2 || d->agreeing > 0 || d->contested)
		return;
	d->contested = true;
	d->contested_at = d->now;
}

void discipline_select(struct discipline *d)
{
	struct candidate c[SOURCES_MAX];
	int before = d->selected;

	if (!d->known && (is_gathering(d) || is_contested(d)))
		return;
	vote(d, c);
	d->selected = select_best(c, d->sources, before);
	/* What is worse than going on without it, waits. */
	if (d->known && d->selected >= 0 && d->selected != d->used &&
		c[d->selected].error > discipline_bound(d, d->now))
		d->selected = -1;
	set_states(d, c);
	if (d->selected != before)
		tell_selected(d);
}
