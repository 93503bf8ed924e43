#include "bench/figures.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/quantity.h"

uint64_t figures_valid(const struct judge_counts *counts)
{
	return counts->verdict[JUDGE_VALID];
}

uint64_t figures_kisses(const struct judge_counts *counts)
{
	return counts->verdict[JUDGE_KISS_RATE] + counts->verdict[JUDGE_KISS_OTHER];
}

double figures_rate(const struct result_step *step, uint64_t count)
{
	return step->seconds > 0 ? (double)count / step->seconds : 0;
}

double figures_at(const struct distribution *d, double share)
{
	return (double)distribution_at(d, share) * 1e-9;
}

double figures_mean(const struct distribution *d)
{
	return distribution_mean(d) * 1e-9;
}

uint64_t figures_offsets(const struct result_offsets *offsets)
{
	return offsets->negative.count + offsets->positive.count;
}

/* The n-th least of a distribution, from 1. */
static double nth(const struct distribution *d, double n)
{
	return figures_at(d, n <= 1 ? 0 : n / (double)d->count);
}

double figures_offset_at(const struct result_offsets *offsets, double share)
{
	const double below = (double)offsets->negative.count, all = (double)figures_offsets(offsets);
	/* as distribution_at does: 0.07 of 100 are 7, though their product is a little above in binary */
	const double rank = fmin(fmax(ceil(share * all * (1 - 4 * DBL_EPSILON)), 1), all);

	if (all == 0)
		return 0;
	return rank <= below ? -nth(&offsets->negative, below - rank + 1)
			     : nth(&offsets->positive, rank - below);
}

double figures_offset_mean(const struct result_offsets *offsets)
{
	const double all = (double)figures_offsets(offsets);

	return all > 0 ? (offsets->positive.sum - offsets->negative.sum) * 1e-9 / all : 0;
}

static void add_counts(struct result_step *sum, const struct result_step *step)
{
	sum->due += step->due;
	sum->sent += step->sent;
	sum->garbage += step->garbage;
	sum->garbage_answered += step->garbage_answered;
	sum->nts_sent += step->nts_sent;
	sum->cookies_reused += step->cookies_reused;
	sum->tags_checked += step->tags_checked;
	sum->refused += step->refused;
	sum->foreign += step->foreign;
	sum->octets_sent += step->octets_sent;
	sum->octets_received += step->octets_received;
	judge_counts_merge(&sum->counts, &step->counts);
}

static void add_distributions(struct result_step *sum, const struct result_step *step)
{
	distribution_merge(&sum->latency, &step->latency);
	distribution_merge(&sum->held_up, &step->held_up);
	distribution_merge(&sum->residence, &step->residence);
	distribution_merge(&sum->offset.negative, &step->offset.negative);
	distribution_merge(&sum->offset.positive, &step->offset.positive);
}

static void add_series(struct result_step *sum, const struct result_step *step)
{
	for (unsigned i = 0; i < step->points && i < RESULT_POINTS_MAX; i++) {
		struct result_point point = step->point[i];

		point.at += step->at - sum->at;
		result_add_point(sum, &point);
	}
}

static void add(struct result_step *sum, const struct result_step *step)
{
	sum->rate_wanted += step->rate_wanted * step->seconds;
	sum->seconds += step->seconds;
	add_counts(sum, step);
	add_distributions(sum, step);
	add_series(sum, step);
	if (sum->limit == RESULT_LIMIT_NONE)
		sum->limit = step->limit;
	if (step->stratum) {
		sum->stratum = step->stratum;
		sum->precision = step->precision;
		memcpy(sum->refid, step->refid, sizeof(sum->refid));
	}
	sum->passed &= step->passed;
	sum->stopped |= step->stopped;
}

static void sum_up(struct result_step *sum, const struct result *result)
{
	memset(sum, 0, sizeof(*sum));
	if (result->steps == 0)
		return;
	if (result->steps == 1) {
		*sum = result->step[0];
		return;
	}
	sum->at = result->step[0].at;
	sum->passed = true;
	for (unsigned i = 0; i < result->steps; i++)
		add(sum, &result->step[i]);
	sum->rate_wanted = sum->seconds > 0 ? sum->rate_wanted / sum->seconds : 0;
}

static const struct result_step *knee_step(const struct result *result)
{
	if (result->kind != RESULT_KNEE || !result->knee.found)
		return NULL;
	for (unsigned i = result->steps; i-- > 0;)
		if (result->step[i].passed &&
			fabs(result->step[i].rate_wanted - result->knee.rate) <= 1e-9 * result->knee.rate)
			return &result->step[i];
	return NULL;
}

struct result_step *figures_of(const struct result *result, const char **of)
{
	const struct result_step *knee = knee_step(result);
	struct result_step *figures = malloc(sizeof(*figures));

	*of = knee ? "knee" : "all";
	if (!figures)
		return NULL;
	if (knee)
		*figures = *knee;
	else
		sum_up(figures, result);
	return figures;
}

static const char *limited_by(enum result_limit limit)
{
	switch (limit) {
	case RESULT_LIMIT_PORT:
		return "the port took no more than";
	case RESULT_LIMIT_CORE:
		return "its cores had no time for more than";
	default:
		return "it made no more than";
	}
}

static int say_limit(char *text, int size, const struct result_step *step)
{
	if (result_generator_limited(step))
		return snprintf(text, (size_t)size, "generator-limited: %s %s; loss of what was sent %s",
			limited_by(step->limit), quantity_rate(figures_rate(step, step->sent)).text,
			quantity_share(result_loss(step)).text);
	if (step->counts.answered == 0)
		return snprintf(
			text, (size_t)size, "the generator kept to its schedule; no request was answered");
	if (step->counts.lost == 0)
		return snprintf(text, (size_t)size,
			"the generator kept to its schedule; the server answered every request");
	return snprintf(text, (size_t)size,
		"the generator kept to its schedule; the server or the path to it lost %s",
		quantity_share(result_loss(step)).text);
}

const char *figures_sentence(char text[FIGURES_SENTENCE], const struct result_step *step)
{
	const uint64_t wrong = result_wrong(&step->counts);
	int used;

	if (step->sent == 0) {
		snprintf(text, FIGURES_SENTENCE, "nothing was sent");
		return text;
	}
	used = say_limit(text, FIGURES_SENTENCE, step);
	if (wrong > 0)
		used += snprintf(text + used, FIGURES_SENTENCE - (size_t)used, "; %s %s wrong",
			quantity_count(wrong).text, wrong == 1 ? "reply was" : "replies were");
	if (step->refused > 0)
		used += snprintf(text + used, FIGURES_SENTENCE - (size_t)used, "; %s refused by ICMP",
			quantity_count(step->refused).text);
	if (step->stopped)
		snprintf(text + used, FIGURES_SENTENCE - (size_t)used, "; stopped before its time");
	return text;
}

const char *figures_knee(char text[FIGURES_SENTENCE], const struct result_knee *knee)
{
	const struct quantity bound = quantity_share(knee->loss_bound), rate = quantity_rate(knee->rate);
	char runs[32] = "its run";
	int used;

	if (!knee->found) {
		snprintf(text, FIGURES_SENTENCE, "no knee: each rate that was tried lost more than %s%s",
			bound.text, knee->generator_limited ? ", or could not be made" : "");
		return text;
	}
	if (knee->repeats > 1)
		snprintf(runs, sizeof(runs), "most of %u runs", knee->repeats);
	used = snprintf(text, FIGURES_SENTENCE, "knee%s %s: at most %s lost in %s",
		knee->generator_limited ? " at least" : "", rate.text, bound.text, runs);
	if (knee->generator_limited)
		snprintf(text + used, FIGURES_SENTENCE - (size_t)used, "; the generator could not make more");
	else if (knee->least_failed > 0)
		snprintf(text + used, FIGURES_SENTENCE - (size_t)used, "; %s failed",
			quantity_rate(knee->least_failed).text);
	else
		snprintf(text + used, FIGURES_SENTENCE - (size_t)used, "; no higher rate was tried");
	return text;
}

const char *figures_kind(enum result_kind kind)
{
	return kind == RESULT_KNEE ? "knee" : kind == RESULT_RAMP ? "ramp" : "load";
}

const char *figures_outcome(const struct result *result, const struct result_step *step)
{
	if (step->stopped)
		return "stopped";
	if (result_generator_limited(step))
		return "generator-limited";
	if (result->kind == RESULT_KNEE)
		return step->passed ? "passed" : "failed";
	return step->counts.lost > 0 ? "lost" : "kept up";
}
