#include "refclock/median.h"

#include <math.h>
#include <string.h>

enum { SLOPES = MEDIAN_MAX * (MEDIAN_MAX - 1) / 2 };

/* Of a normal distribution: standard deviation over median absolute deviation. */
static const double sigma_of_mad = 1.4826;
static const double keep = 0.6;

/* The samples, by seconds and offset in seconds from the first. */
struct points {
	unsigned n;
	double x[MEDIAN_MAX], y[MEDIAN_MAX];
};

void median_init(struct median *median, unsigned length)
{
	*median = (struct median){.length = length < 1 ? 1 : length > MEDIAN_MAX ? MEDIAN_MAX : length};
}

void median_add(struct median *median, const struct median_sample *sample)
{
	median->sample[median->next] = *sample;
	median->next = (median->next + 1) % median->length;
	if (median->count < median->length)
		median->count++;
}

/* Shell's sort. qsort allocates where there is more than a little, and asks the system how much memory it
 * has. */
static void sort(double *value, unsigned n)
{
	unsigned gap = 1;

	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3) {
		for (unsigned i = gap; i < n; i++) {
			const double v = value[i];
			unsigned at = i;

			for (; at >= gap && value[at - gap] > v; at -= gap)
				value[at] = value[at - gap];
			value[at] = v;
		}
	}
}

double median_of(double *value, unsigned n)
{
	if (n == 0)
		return 0;
	sort(value, n);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

static double median_copy(const double *value, unsigned n)
{
	double copy[MEDIAN_MAX];

	memcpy(copy, value, n * sizeof(copy[0]));
	return median_of(copy, n);
}

/* The i-th of the samples, the oldest being the first. */
static const struct median_sample *sample_at(const struct median *median, unsigned i)
{
	return &median->sample[(median->next + median->length - median->count + i) % median->length];
}

static void lay_out(const struct median *median, double ticks, struct points *p)
{
	const struct median_sample *first = sample_at(median, 0);

	p->n = median->count;
	for (unsigned i = 0; i < p->n; i++) {
		const struct median_sample *s = sample_at(median, i);

		p->x[i] = (double)(int64_t)(s->counter - first->counter) / ticks;
		p->y[i] = (double)ntp64_diff(s->time, first->time) / (double)NTP64_SECOND - p->x[i];
	}
}

static double slope_of(const struct points *p)
{
	double slope[SLOPES];
	unsigned n = 0;

	for (unsigned i = 1; i < p->n; i++)
		for (unsigned j = 0; j < i; j++)
			if (p->x[i] != p->x[j])
				slope[n++] = (p->y[i] - p->y[j]) / (p->x[i] - p->x[j]);
	return median_of(slope, n);
}

/* How far each point is from the line of that slope through their median. */
static void deviate(const struct points *p, double slope, double *residual, double *distance)
{
	double middle;

	for (unsigned i = 0; i < p->n; i++)
		residual[i] = p->y[i] - slope * p->x[i];
	middle = median_copy(residual, p->n);
	for (unsigned i = 0; i < p->n; i++) {
		residual[i] -= middle;
		distance[i] = fabs(residual[i]);
	}
}

/* Whether the rate's own uncertainty would blur the samples. */
static bool rate_matters(const struct points *p, double rate_sigma)
{
	double residual[MEDIAN_MAX], distance[MEDIAN_MAX], low = 0, high = 0;

	for (unsigned i = 0; i < p->n; i++) {
		low = fmin(low, p->x[i]);
		high = fmax(high, p->x[i]);
	}
	deviate(p, 0, residual, distance);
	return p->n >= 3 && rate_sigma * (high - low) > median_copy(distance, p->n) / 4;
}

/* The 60 % of smallest distance lie within this. */
static double reach_of(const double *distance, unsigned n)
{
	double sorted[MEDIAN_MAX];
	unsigned kept = (unsigned)(keep * n + 0.5);

	memcpy(sorted, distance, n * sizeof(sorted[0]));
	sort(sorted, n);
	return sorted[kept < 1 ? 0 : kept - 1];
}

static void average(const struct median *median, const struct points *p, const double *distance,
	const struct median_known *known, struct median_result *r)
{
	const double ticks = known->ticks, noise = known->noise;
	double reach = reach_of(distance, p->n), x = 0, y = 0;
	uint64_t error = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (distance[i] <= reach) {
			x += p->x[i];
			y += p->y[i];
			error = sample_at(median, i)->error > error ? sample_at(median, i)->error : error;
			r->kept++;
		}
		if (distance[i] <= fmax(3 * fmax(r->sigma, noise), reach))
			r->sample[r->good++] = *sample_at(median, i);
		if (p->n > 2 && distance[i] > 5 * r->sigma)
			r->outliers++;
	}
	x = rint(x / r->kept * ticks);
	r->counter = sample_at(median, 0)->counter + (uint64_t)(int64_t)x;
	r->time = sample_at(median, 0)->time +
		  (uint64_t)(int64_t)rint((x / ticks + y / r->kept) * (double)NTP64_SECOND);
	r->error = (double)error / (double)NTP64_SECOND;
}

bool median_take(struct median *median, const struct median_known *known, struct median_result *r)
{
	double residual[MEDIAN_MAX], distance[MEDIAN_MAX], squares = 0;
	struct points p;

	*r = (struct median_result){.taken = median->count};
	if (median->count == 0)
		return false;
	lay_out(median, known->ticks, &p);
	deviate(&p, rate_matters(&p, known->sigma) ? slope_of(&p) : 0, residual, distance);
	for (unsigned i = 0; i < p.n; i++)
		squares += residual[i] * residual[i];
	r->jitter = sqrt(squares / p.n);
	r->sigma = sigma_of_mad * median_copy(distance, p.n) * (p.n > 1 ? p.n / (p.n - 0.8) : 0);
	average(median, &p, distance, known, r);
	median->count = median->next = 0;
	return true;
}
