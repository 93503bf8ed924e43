#include "bench/result.h"

#include <stddef.h>

#define LIMITED_SHARE 0.001

uint64_t result_wrong(const struct judge_counts *counts)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		wrong += counts->verdict[i];
	return wrong - counts->verdict[JUDGE_VALID] - counts->verdict[JUDGE_LATE] -
	       counts->verdict[JUDGE_KISS_RATE] - counts->verdict[JUDGE_KISS_OTHER] -
	       counts->verdict[JUDGE_UNSYNCHRONISED];
}

double result_loss(const struct result_step *step)
{
	return step->sent ? (double)step->counts.lost / (double)step->sent : 0;
}

bool result_generator_limited(const struct result_step *step)
{
	return (double)(step->due - step->sent) > (double)step->due * LIMITED_SHARE;
}

static struct result_point both(const struct result_point *a, const struct result_point *b)
{
	const double share = a->valid + b->valid ? (double)b->valid / (double)(a->valid + b->valid) : 0;

	return (struct result_point){
		.at = a->at,
		.seconds = a->seconds + b->seconds,
		.due = a->due + b->due,
		.sent = a->sent + b->sent,
		.valid = a->valid + b->valid,
		.wrong = a->wrong + b->wrong,
		.lost = a->lost + b->lost,
		.p50_ns = (uint64_t)((double)a->p50_ns * (1 - share) + (double)b->p50_ns * share),
		.p99_ns = a->p99_ns > b->p99_ns ? a->p99_ns : b->p99_ns,
		.most_ns = a->most_ns > b->most_ns ? a->most_ns : b->most_ns,
	};
}

void result_add_point(struct result_step *step, const struct result_point *point)
{
	if (step->points == RESULT_POINTS_MAX) {
		for (unsigned i = 0; i < RESULT_POINTS_MAX / 2; i++)
			step->point[i] = both(&step->point[2 * i], &step->point[2 * i + 1]);
		step->points = RESULT_POINTS_MAX / 2;
	}
	step->point[step->points++] = *point;
}
