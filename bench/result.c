#include "bench/result.h"

uint64_t result_wrong(const struct judge_counts *counts)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		switch ((enum judge_verdict)i) {
		case JUDGE_VALID:
		case JUDGE_LATE:
		case JUDGE_KISS_RATE:
		case JUDGE_KISS_OTHER:
		case JUDGE_UNSYNCHRONISED:
			break;
		default:
			wrong += counts->verdict[i];
		}
	return wrong;
}

double result_loss(const struct result_step *step)
{
	if (step->sent == 0)
		return 0;
	return step->counts.lost < step->sent ? (double)step->counts.lost / (double)step->sent : 1;
}

bool result_generator_limited(const struct result_step *step)
{
	return step->due > step->sent && step->due - step->sent > step->due / 1000;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A percentile of both is not known from theirs: the median is guessed by weight, the others are not too
 * small. */
void result_merge_point(struct result_point *point, const struct result_point *next)
{
	const double one = (double)point->valid, two = (double)next->valid;

	if (two > 0)
		point->p50_ns =
			(uint64_t)(((double)point->p50_ns * one + (double)next->p50_ns * two) / (one + two));
	point->p99_ns = greater(point->p99_ns, next->p99_ns);
	point->most_ns = greater(point->most_ns, next->most_ns);
	point->due += next->due;
	point->sent += next->sent;
	point->valid += next->valid;
	point->wrong += next->wrong;
	point->lost += next->lost;
}

static void join(struct result_point *point, const struct result_point *next)
{
	result_merge_point(point, next);
	point->seconds += next->seconds;
}

static void halve(struct result_step *step)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < step->points; i += 2) {
		step->point[kept] = step->point[i];
		if (i + 1 < step->points)
			join(&step->point[kept], &step->point[i + 1]);
		kept++;
	}
	step->points = kept;
}

/* After a halving the points to come are as long as the first, or the series would be finer towards its end.
 */
static bool fits_the_last(const struct result_step *step, const struct result_point *point)
{
	return step->points > 1 &&
	       step->point[step->points - 1].seconds + point->seconds <= step->point[0].seconds * 1.001;
}

void result_add_point(struct result_step *step, const struct result_point *point)
{
	if (fits_the_last(step, point)) {
		join(&step->point[step->points - 1], point);
		return;
	}
	if (step->points >= RESULT_POINTS_MAX)
		halve(step);
	if (fits_the_last(step, point))
		join(&step->point[step->points - 1], point);
	else
		step->point[step->points++] = *point;
}
