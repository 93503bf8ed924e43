#include "bench/search.h"

#include <math.h>

void search_init(struct search *search, const struct search_settings *settings)
{
	*search = (struct search){.settings = *settings, .rate = settings->rate, .grows = true};
	if (settings->kind == RESULT_RAMP)
		search->rate = settings->from;
	if (settings->kind == RESULT_KNEE)
		search->rate = fmin(SEARCH_FIRST, settings->rate);
}

bool search_next(struct search *search, double *rate, unsigned *repeat)
{
	*rate = search->rate;
	*repeat = search->passed + search->fell;
	if (search->steps == RESULT_STEPS_MAX)
		search->over = true;
	return !search->over;
}

static void next_of_ramp(struct search *s)
{
	const struct search_settings *set = &s->settings;

	/* a product and no sum, so that the last step is not missed by a rounding */
	s->rate = set->from + s->steps * set->step;
	s->over = set->step > 0 ? s->rate > set->to * (1 + 1e-9) : s->rate < set->to * (1 - 1e-9);
}

static bool is_good(const struct search *s, const struct result_step *step)
{
	return step->sent > 0 && !result_generator_limited(step) && result_loss(step) <= s->settings.loss;
}

/* A middle in proportion: rates are known to a share of themselves. */
static double middle(double a, double b)
{
	return sqrt(a * b);
}

static void try_rate(struct search *s, double rate)
{
	s->rate = rate;
	s->passed = s->fell = 0;
}

/* Between what is good and what is bad. */
static void settle(struct search *s)
{
	if (s->bad == 0 || (s->good == 0 && s->bad <= SEARCH_LEAST))
		s->over = true;
	else if (s->good == 0)
		try_rate(s, s->bad / 2);
	else if (s->bad > s->good * SEARCH_NARROW)
		try_rate(s, middle(s->good, s->bad));
	else if (!s->sure)
		try_rate(s, s->good);
	else
		s->over = true;
}

static void call_good(struct search *s, bool sure)
{
	s->good = s->rate;
	s->sure = sure;
	if (s->grows && s->rate < s->settings.rate)
		try_rate(s, fmin(s->rate * 2, s->settings.rate));
	else
		settle(s);
}

static void call_bad(struct search *s)
{
	s->grows = false;
	s->bad = s->rate;
	if (s->good >= s->bad)
		s->good = 0;
	settle(s);
}

static void take_knee(struct search *s, const struct result_step *step)
{
	const unsigned most = s->settings.repeats / 2 + 1;

	if (step->passed)
		s->passed++;
	else
		s->fell++;
	if (!step->passed)
		s->limited = result_generator_limited(step);
	if (step->passed && (s->passed >= most || (s->grows && s->rate < s->settings.rate)))
		call_good(s, s->passed >= most);
	else if (s->fell >= most)
		call_bad(s);
}

void search_take(struct search *search, struct result_step *step)
{
	search->steps++;
	if (step->stopped)
		search->over = true;
	step->repeat = search->passed + search->fell;
	switch (search->settings.kind) {
	case RESULT_LOAD:
		search->over = true;
		step->passed = true;
		break;
	case RESULT_RAMP:
		next_of_ramp(search);
		step->passed = !result_generator_limited(step);
		search->over |= step->stopped;
		break;
	case RESULT_KNEE:
		step->passed = !step->stopped && is_good(search, step);
		if (!step->stopped)
			take_knee(search, step);
		break;
	}
}

void search_knee(const struct search *search, struct result_knee *knee)
{
	*knee = (struct result_knee){
		.found = search->good > 0 && search->sure,
		.generator_limited = search->bad > 0 && search->limited,
		.rate = search->good,
		.least_failed = search->bad,
		.loss_bound = search->settings.loss,
		.repeats = search->settings.repeats,
	};
}
