#include "bench/report_page.h"

#include <math.h>

#include "bench/figures.h"
#include "bench/plot.h"
#include "bench/quantity.h"

/* A value a step or a point: as long as the longer of the two series. */
enum { VALUES = RESULT_POINTS_MAX };
_Static_assert((int)RESULT_STEPS_MAX <= (int)VALUES, "the steps fit");

static void include(struct plot_axis *axis, const double *value, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		plot_axis_include(axis, value[i]);
}

/* Rates that are far apart, as a search's first ones from its last, would crowd at one end. */
static bool far_apart(const double *value, unsigned count)
{
	double least = INFINITY, most = 0;

	for (unsigned i = 0; i < count; i++) {
		least = fmin(least, value[i] > 0 ? value[i] : INFINITY);
		most = fmax(most, value[i]);
	}
	return most > 30 * least;
}

static struct plot_axis wanted_axis(const double *wanted, unsigned count)
{
	struct plot_axis axis;

	plot_axis_open(&axis, "requests wanted a second", QUANTITY_RATE, far_apart(wanted, count));
	axis.zero = true;
	include(&axis, wanted, count);
	plot_axis_close(&axis);
	return axis;
}

static void plot_rates(FILE *out, const struct result *r, const double *wanted)
{
	double sent[VALUES], valid[VALUES], ends[2];
	struct plot plot = {.name = "step-rates",
		.title = "Rate sent and rate of valid replies by rate wanted",
		.description = "Where the server keeps up, the dots lie on the dashed line.",
		.x = wanted_axis(wanted, r->steps),
		.series = 3};

	for (unsigned i = 0; i < r->steps; i++) {
		sent[i] = figures_rate(&r->step[i], r->step[i].sent);
		valid[i] = figures_rate(&r->step[i], figures_valid(&r->step[i].counts));
	}
	plot_axis_open(&plot.y, "a second", QUANTITY_RATE, plot.x.log);
	plot.y.zero = true;
	include(&plot.y, sent, r->steps);
	include(&plot.y, valid, r->steps);
	include(&plot.y, wanted, r->steps);
	plot_axis_close(&plot.y);
	ends[0] = fmax(plot.x.from, plot.y.from);
	ends[1] = fmin(plot.x.to, plot.y.to);
	plot.line[0] = (struct plot_series){"as wanted", PLOT_RULE, 3, 2, ends, NULL, ends};
	plot.line[1] = (struct plot_series){"sent", PLOT_DOTS, 1, r->steps, wanted, NULL, sent};
	plot.line[2] = (struct plot_series){"valid replies", PLOT_DOTS, 0, r->steps, wanted, NULL, valid};
	page_figure_open(out, "Rates by rate wanted");
	plot_write(out, &plot);
	page_figure_close(out);
}

static void plot_loss(FILE *out, const struct result *r, const double *wanted)
{
	double loss[VALUES], bound[2] = {r->knee.loss_bound, r->knee.loss_bound}, ends[2];
	const bool bounded = r->kind == RESULT_KNEE && r->knee.loss_bound > 0;
	struct plot plot = {.name = "step-loss",
		.title = "Share of the sent that was lost, by rate wanted",
		.description = "A logarithmic axis; steps without loss lie at its bottom.",
		.x = wanted_axis(wanted, r->steps),
		.series = bounded ? 2 : 1};

	plot_axis_open(&plot.y, "lost of what was sent (none: at the bottom)", QUANTITY_SHARE, true);
	for (unsigned i = 0; i < r->steps; i++)
		loss[i] = result_loss(&r->step[i]);
	include(&plot.y, loss, r->steps);
	plot_axis_include(&plot.y, bounded ? bound[0] / 10 : 1e-4);
	plot_axis_include(&plot.y, 0.01);
	plot_axis_close(&plot.y);
	ends[0] = plot.x.from;
	ends[1] = plot.x.to;
	plot.line[0] = (struct plot_series){"lost", PLOT_DOTS, 1, r->steps, wanted, NULL, loss};
	plot.line[1] = (struct plot_series){"bound", PLOT_RULE, 3, 2, ends, NULL, bound};
	page_figure_open(out, "Loss by rate wanted");
	plot_write(out, &plot);
	page_figure_close(out);
}

static void plot_step_latency(FILE *out, const struct result *r, const double *wanted)
{
	double p50[VALUES], p99[VALUES];
	struct plot plot = {.name = "step-latency",
		.title = "Latency by rate wanted",
		.description = "The 50th and the 99th percentile of each step, on a logarithmic axis.",
		.x = wanted_axis(wanted, r->steps),
		.series = 2};

	for (unsigned i = 0; i < r->steps; i++) {
		const struct distribution *d = &r->step[i].latency;

		p50[i] = d->count ? figures_at(d, 0.5) : NAN;
		p99[i] = d->count ? figures_at(d, 0.99) : NAN;
	}
	plot_axis_open(&plot.y, "latency", QUANTITY_TIME, true);
	include(&plot.y, p50, r->steps);
	include(&plot.y, p99, r->steps);
	plot_axis_close(&plot.y);
	plot.line[0] = (struct plot_series){"p99", PLOT_DOTS, 1, r->steps, wanted, NULL, p99};
	plot.line[1] = (struct plot_series){"p50", PLOT_DOTS, 0, r->steps, wanted, NULL, p50};
	page_figure_open(out, "Latency by rate wanted");
	plot_write(out, &plot);
	page_figure_close(out);
}

static void step_row(FILE *out, const struct result *r, unsigned i)
{
	const struct result_step *s = &r->step[i];
	char number[16];

	snprintf(number, sizeof(number), "%u", i + 1);
	page_row_open(out);
	page_cell(out, number);
	page_cell(out, quantity_rate(s->rate_wanted).text);
	page_cell(out, figures_outcome(r, s));
	page_cell(out, quantity_rate(figures_rate(s, s->sent)).text);
	page_cell(out, quantity_rate(figures_rate(s, figures_valid(&s->counts))).text);
	page_cell(out, s->sent ? quantity_share(result_loss(s)).text : "-");
	page_cell(out, quantity_of((double)result_wrong(&s->counts), QUANTITY_NUMBER, 4).text);
	page_cell(out, s->latency.count ? quantity_time(figures_at(&s->latency, 0.5)).text : "-");
	page_cell(out, s->latency.count ? quantity_time(figures_at(&s->latency, 0.99)).text : "-");
	page_row_close(out);
}

void report_step_plots(FILE *out, const struct result *r)
{
	double wanted[VALUES];

	for (unsigned i = 0; i < r->steps; i++)
		wanted[i] = r->step[i].rate_wanted;
	plot_rates(out, r, wanted);
	plot_loss(out, r, wanted);
	plot_step_latency(out, r, wanted);
	fputs("<div class=\"box wide\">\n<h3>All steps</h3>\n", out);
	page_table_open(out, false, "step|wanted|outcome|sent|valid|lost|wrong|p50|p99");
	for (unsigned i = 0; i < r->steps; i++)
		step_row(out, r, i);
	page_table_close(out, false);
	fputs("</div>\n", out);
}

/* Points of a series as columns. */
struct series {
	unsigned count;
	double at[VALUES], due[VALUES], sent[VALUES], valid[VALUES], lost[VALUES], p50[VALUES], p99[VALUES];
};

static void series_of(struct series *series, const struct result_step *step)
{
	series->count = step->points < VALUES ? step->points : VALUES;
	for (unsigned i = 0; i < series->count; i++) {
		const struct result_point *p = &step->point[i];
		const double seconds = p->seconds > 0 ? p->seconds : NAN;

		series->at[i] = p->at;
		series->due[i] = (double)p->due / seconds;
		series->sent[i] = (double)p->sent / seconds;
		series->valid[i] = (double)p->valid / seconds;
		series->lost[i] = (double)p->lost / seconds;
		series->p50[i] = p->p50_ns ? (double)p->p50_ns * 1e-9 : NAN;
		series->p99[i] = p->p99_ns ? (double)p->p99_ns * 1e-9 : NAN;
	}
}

static struct plot_axis time_axis(const struct series *s)
{
	struct plot_axis axis;

	plot_axis_open(&axis, "since the beginning", QUANTITY_TIME, false);
	axis.zero = true;
	include(&axis, s->at, s->count);
	plot_axis_close(&axis);
	return axis;
}

static void series_rates_table(FILE *out, const struct series *s)
{
	page_table_open(out, true, "at|due|sent|valid|lost");
	for (unsigned i = 0; i < s->count; i++) {
		page_row_open(out);
		page_cell(out, quantity_of(s->at[i], QUANTITY_TIME, 6).text);
		page_cell(out, quantity_rate(s->due[i]).text);
		page_cell(out, quantity_rate(s->sent[i]).text);
		page_cell(out, quantity_rate(s->valid[i]).text);
		page_cell(out, quantity_rate(s->lost[i]).text);
		page_row_close(out);
	}
	page_table_close(out, true);
}

static void plot_series_rates(FILE *out, const struct series *s)
{
	struct plot plot = {.name = "series-rates",
		.title = "Requests sent, valid replies and losses a second, over time",
		.description = "Of each part of the load, by its length.",
		.x = time_axis(s),
		.series = 3};

	plot_axis_open(&plot.y, "a second", QUANTITY_RATE, false);
	plot.y.zero = true;
	include(&plot.y, s->sent, s->count);
	include(&plot.y, s->valid, s->count);
	include(&plot.y, s->lost, s->count);
	plot_axis_close(&plot.y);
	plot.line[0] = (struct plot_series){"sent", PLOT_LINE, 2, s->count, s->at, NULL, s->sent};
	plot.line[1] = (struct plot_series){"valid replies", PLOT_LINE, 0, s->count, s->at, NULL, s->valid};
	plot.line[2] = (struct plot_series){"lost", PLOT_LINE, 1, s->count, s->at, NULL, s->lost};
	page_figure_open(out, "Rates over time");
	plot_write(out, &plot);
	series_rates_table(out, s);
	page_figure_close(out);
}

static void series_latency_table(FILE *out, const struct series *s)
{
	page_table_open(out, true, "at|p50|p99");
	for (unsigned i = 0; i < s->count; i++) {
		page_row_open(out);
		page_cell(out, quantity_of(s->at[i], QUANTITY_TIME, 6).text);
		page_cell(out, quantity_time(s->p50[i]).text);
		page_cell(out, quantity_time(s->p99[i]).text);
		page_row_close(out);
	}
	page_table_close(out, true);
}

static void plot_series_latency(FILE *out, const struct series *s)
{
	struct plot plot = {.name = "series-latency",
		.title = "Latency over time",
		.description = "The 50th and the 99th percentile of each part, on a logarithmic axis.",
		.x = time_axis(s),
		.series = 2};

	plot_axis_open(&plot.y, "latency", QUANTITY_TIME, true);
	include(&plot.y, s->p50, s->count);
	include(&plot.y, s->p99, s->count);
	plot_axis_close(&plot.y);
	plot.line[0] = (struct plot_series){"p99", PLOT_LINE, 1, s->count, s->at, NULL, s->p99};
	plot.line[1] = (struct plot_series){"p50", PLOT_LINE, 0, s->count, s->at, NULL, s->p50};
	page_figure_open(out, "Latency over time");
	plot_write(out, &plot);
	series_latency_table(out, s);
	page_figure_close(out);
}

void report_series_plots(FILE *out, const struct result_step *figures)
{
	struct series series;

	if (figures->points < 2)
		return;
	series_of(&series, figures);
	plot_series_rates(out, &series);
	plot_series_latency(out, &series);
}
