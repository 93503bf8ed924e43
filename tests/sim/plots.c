#include "tests/sim/plots.h"

#include <math.h>

#include "bench/plot.h"

enum { POINTS = 600 };

/* Of each stretch of the series, what is largest. */
struct curve {
	unsigned count;
	double x[POINTS], y[POINTS];
};

static void thin(const struct series *s, double from, struct curve *c)
{
	size_t stretch = s->count / POINTS + 1;

	c->count = 0;
	for (size_t i = 0; i < s->count; i += stretch) {
		double most = 0;

		for (size_t j = i; j < i + stretch && j < s->count; j++)
			most = fmax(most, fabs(s->x[j]));
		c->x[c->count] = from + (double)i;
		c->y[c->count++] = most;
	}
}

static void include(struct plot_axis *axis, const double *value, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		plot_axis_include(axis, value[i]);
}

static void plot_errors(FILE *out, const struct world *w)
{
	static struct curve error, bound;
	struct plot plot = {.name = "error",
		.title = "Error of served time, and its bound",
		.description = "The largest error of each stretch lies below the published bound throughout.",
		.series = 2};

	thin(&w->measures.error, w->measures.settle, &error);
	thin(&w->measures.bound, w->measures.settle, &bound);
	plot_axis_open(&plot.x, "virtual time", QUANTITY_TIME, false);
	plot_axis_open(&plot.y, "error", QUANTITY_TIME, true);
	include(&plot.x, error.x, error.count);
	include(&plot.y, error.y, error.count);
	include(&plot.y, bound.y, bound.count);
	plot_axis_close(&plot.x);
	plot_axis_close(&plot.y);
	plot.line[0] = (struct plot_series){"error", PLOT_DOTS, 0, error.count, error.x, NULL, error.y};
	plot.line[1] = (struct plot_series){"bound", PLOT_LINE, 1, bound.count, bound.x, NULL, bound.y};
	plot_write(out, &plot);
}

static void add(struct plot *plot, const char *name, const struct deviations *d, const double *y)
{
	include(&plot->x, d->tau, d->count);
	include(&plot->y, y, d->count);
	plot->line[plot->series] =
		(struct plot_series){name, PLOT_LINE, plot->series, d->count, d->tau, NULL, y};
	plot->series++;
}

/* One of Allan and of time deviations. */
static void plot_deviations(FILE *out, const struct world *w, bool time)
{
	static struct deviations oscillator, served, pi;
	struct plot plot = {.name = time ? "tdev" : "adev",
		.title = time ? "Time deviation" : "Allan deviation",
		.description = "Of the oscillator by itself, of served time and of a PI loop."};

	plot_axis_open(&plot.x, "tau", QUANTITY_TIME, true);
	plot_axis_open(&plot.y, plot.title, time ? QUANTITY_TIME : QUANTITY_NUMBER, true);
	deviations_of(&w->measures.free_running, (size_t)w->measures.settle, &oscillator);
	deviations_of(&w->measures.error, 0, &served);
	add(&plot, "oscillator", &oscillator, time ? oscillator.tdev : oscillator.adev);
	add(&plot, "served", &served, time ? served.tdev : served.adev);
	if (w->pi) {
		deviations_of(
			&pi_best(w->pi, (size_t)w->measures.settle)->error, (size_t)w->measures.settle, &pi);
		add(&plot, "PI loop", &pi, time ? pi.tdev : pi.adev);
	}
	plot_axis_close(&plot.x);
	plot_axis_close(&plot.y);
	plot_write(out, &plot);
}

void plots_write(FILE *out, const struct world *w)
{
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<meta "
		"charset=\"utf-8\">\n<title>%s</title>\n<style>\n%s</style>\n",
		w->scenario->name, plot_style);
	plot_errors(out, w);
	plot_deviations(out, w, true);
	plot_deviations(out, w, false);
	fputs("</html>\n", out);
}
