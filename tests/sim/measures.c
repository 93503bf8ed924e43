#include "tests/sim/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool series_add(struct series *s, double x)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 1024;
		double *more = realloc(s->x, room * sizeof(*more));

		if (!more)
			return false;
		s->x = more;
		s->room = room;
	}
	s->x[s->count++] = x;
	return true;
}

void series_free(struct series *s)
{
	free(s->x);
	*s = (struct series){0};
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double series_median(const struct series *s)
{
	double *copy, median;

	if (s->count == 0 || !(copy = malloc(s->count * sizeof(*copy))))
		return NAN;
	memcpy(copy, s->x, s->count * sizeof(*copy));
	qsort(copy, s->count, sizeof(*copy), compare);
	median = copy[s->count / 2];
	free(copy);
	return median;
}

double series_rms(const struct series *s, size_t from)
{
	double squares = 0;

	for (size_t i = from; i < s->count; i++)
		squares += s->x[i] * s->x[i];
	return s->count > from ? sqrt(squares / (double)(s->count - from)) : NAN;
}

void measures_probe(struct measures *m, double now, double dt, double error, double bound, bool synchronised)
{
	double ratio = fabs(error) / bound;

	if (!synchronised)
		return;
	if (m->probes++ == 0)
		m->first = now;
	m->synchronised += dt;
	if (ratio > 1)
		m->outside += dt;
	if (ratio > m->worst) {
		m->worst = ratio;
		m->worst_at = now;
	}
	if (now < m->settle || m->abandoned)
		return;
	m->late++;
	m->sum += error;
	m->squares += error * error;
	m->bounds += bound;
	m->max = fmax(m->max, fabs(error));
}

static double allan(const double *x, size_t n, size_t m)
{
	double sum = 0;

	for (size_t i = 0; i + 2 * m < n; i++) {
		double d = x[i + 2 * m] - 2 * x[i + m] + x[i];

		sum += d * d;
	}
	return sqrt(sum / (2 * (double)m * (double)m * (double)(n - 2 * m)));
}

/* tau/sqrt(3) times the modified Allan deviation, by a window that slides. */
static double time_deviation(const double *x, size_t n, size_t m)
{
	double window = 0, sum = 0;

	for (size_t i = 0; i < m; i++)
		window += x[i + 2 * m] - 2 * x[i + m] + x[i];
	for (size_t j = 0;; j++) {
		sum += window * window;
		if (j + 3 * m >= n)
			return sqrt(sum / (6 * (double)m * (double)m * (double)(j + 1)));
		window += x[j + 3 * m] - 3 * x[j + 2 * m] + 3 * x[j + m] - x[j];
	}
}

void deviations_of(const struct series *s, size_t from, struct deviations *d)
{
	size_t n = s->count > from ? s->count - from : 0;

	d->count = 0;
	for (size_t m = 1; d->count < MEASURES_TAUS && 4 * m <= n; m *= 2) {
		d->tau[d->count] = (double)m;
		d->adev[d->count] = allan(s->x + from, n, m);
		d->tdev[d->count++] = time_deviation(s->x + from, n, m);
	}
}

double measures_settled(const struct measures *m)
{
	double rms = sqrt(m->squares / (double)m->late);

	for (size_t i = m->early.count; i > 0; i--)
		if (!(fabs(m->early.x[i - 1]) <= 4 * rms))
			return (double)i;
	return 0;
}

void measures_free(struct measures *m)
{
	series_free(&m->early);
	series_free(&m->error);
	series_free(&m->bound);
	series_free(&m->ratio);
	series_free(&m->free_running);
}
