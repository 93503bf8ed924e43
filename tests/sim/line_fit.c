#include "tests/sim/line_fit.h"

void line_fit_start(struct line_fit *fit, double hz)
{
	*fit = (struct line_fit){.hz = hz};
}

static double seconds(const struct line_fit *fit, uint64_t counter)
{
	return (double)(int64_t)(counter - fit->counter) / fit->hz;
}

static double ahead(const struct line_fit *fit, uint64_t counter, ntp64 time)
{
	return (double)ntp64_diff(time, fit->time) / (double)NTP64_SECOND - seconds(fit, counter);
}

void line_fit_sample(struct line_fit *fit, uint64_t counter, ntp64 time)
{
	double x, y;

	if (fit->n == 0) {
		fit->counter = counter;
		fit->time = time;
	}
	x = seconds(fit, counter);
	y = ahead(fit, counter, time);
	fit->n++;
	fit->x += x;
	fit->y += y;
	fit->xx += x * x;
	fit->xy += x * y;
}

void line_fit_probe(struct line_fit *fit, uint64_t counter, ntp64 time)
{
	double slope;

	if (fit->n < 2)
		return;
	slope = (fit->n * fit->xy - fit->x * fit->y) / (fit->n * fit->xx - fit->x * fit->x);
	series_add(&fit->error, (fit->y - slope * fit->x) / fit->n + slope * seconds(fit, counter) -
					ahead(fit, counter, time));
}

void line_fit_free(struct line_fit *fit)
{
	series_free(&fit->error);
}
