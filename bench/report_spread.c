#include "bench/report_page.h"

#include <math.h>

#include "bench/figures.h"
#include "bench/plot.h"
#include "bench/quantity.h"

enum { BARS = 100, OFFSET_BARS = 60, CURVE = 256, A_DECADE = 12 };

struct bars {
	unsigned count;
	double from[BARS], to[BARS], share[BARS];
};

static void percentile_table(FILE *out, const struct distribution *d)
{
	static const double tail[] = {2, 10, 100, 1000, 1e4, 1e5, 1e6};

	page_table_open(out, false, "percentile|latency|replies above");
	for (unsigned i = 0; i < sizeof(tail) / sizeof(tail[0]) && tail[i] <= (double)d->count; i++) {
		page_row_open(out);
		page_cell(out, quantity_of(tail[i], QUANTITY_NINES, 1).text);
		page_cell(out, quantity_time(figures_at(d, 1 - 1 / tail[i])).text);
		page_cell(out, quantity_count((uint64_t)((double)d->count / tail[i])).text);
		page_row_close(out);
	}
	page_row_open(out);
	page_cell(out, "max");
	page_cell(out, quantity_time(figures_at(d, 1)).text);
	page_cell(out, "0");
	page_row_close(out);
	page_table_close(out, false);
}

/* To the last percentile that a single reply can make. */
static void plot_percentiles(FILE *out, const struct distribution *d)
{
	double x[CURVE], y[CURVE];
	const double last = log10((double)d->count);
	struct plot plot = {.name = "percentiles",
		.title = "Latency by percentile",
		.description = "Towards the right the percentiles come ever nearer to 100 %: each decade is "
			       "another nine.",
		.series = 1};
	unsigned count = 0;

	plot_axis_open(&plot.x, "of the replies were no later", QUANTITY_NINES, true);
	plot_axis_include(&plot.x, 1);
	plot_axis_include(&plot.x, pow(10, fmax(1, ceil(last - 1e-9))));
	plot_axis_close(&plot.x);
	plot_axis_open(&plot.y, "latency", QUANTITY_TIME, true);
	for (unsigned i = 0; i < CURVE; i++) {
		const double power = fmin((double)i / A_DECADE, last);

		x[count] = pow(10, power);
		y[count] = fmax(figures_at(d, 1 - 1 / x[count]), 1e-9);
		plot_axis_include(&plot.y, y[count++]);
		if (power >= last)
			break;
	}
	plot_axis_close(&plot.y);
	plot.line[0] = (struct plot_series){"latency", PLOT_LINE, 0, count, x, NULL, y};
	page_figure_open(out, "Latency by percentile");
	plot_write(out, &plot);
	percentile_table(out, d);
	page_figure_close(out);
}

/* Deal a bin's values out over the bars that it overlaps, by how far; the bars' edges rise. */
static void deal(struct bars *bars, double from, double to, double share)
{
	for (unsigned i = 0; i < bars->count; i++) {
		const double overlap = fmin(to, bars->to[i]) - fmax(from, bars->from[i]);

		if (overlap > 0)
			bars->share[i] += share * overlap / (to - from);
	}
}

static void deal_all(struct bars *bars, const struct distribution *d, double sign, double all)
{
	for (unsigned i = 0; i < DISTRIBUTION_BINS; i++) {
		uint64_t from, to;

		if (d->bin[i] == 0)
			continue;
		distribution_bounds(i, &from, &to);
		/* no value is beyond the least and the most, and the last bin has no end of its own */
		from = from < d->least ? d->least : from;
		if (to > d->most || i == DISTRIBUTION_BINS - 1)
			to = d->most > from ? d->most + 1 : from + 1;
		deal(bars, sign > 0 ? (double)from : -(double)to, sign > 0 ? (double)to : -(double)from,
			(double)d->bin[i] / all);
	}
}

/* Equal on a logarithmic axis, and none narrower than a bin, whose values cannot be told apart. */
static void cut_log(struct bars *bars, double from, double to)
{
	const double wanted = log(to / from) / log1p(1.0 / (DISTRIBUTION_PARTS / 2));

	bars->count = wanted < 1 ? 1 : wanted > BARS ? BARS : (unsigned)wanted;
	for (unsigned i = 0; i < bars->count; i++) {
		bars->from[i] = from * pow(to / from, (double)i / bars->count);
		bars->to[i] = from * pow(to / from, (i + 1.0) / bars->count);
		bars->share[i] = 0;
	}
}

/* `bin` is how far values may be apart that cannot be told apart. */
static void cut_linear(struct bars *bars, double from, double to, double bin)
{
	const double wanted = floor((to - from) / bin);

	bars->count = wanted < 1 ? 1 : wanted > OFFSET_BARS ? OFFSET_BARS : (unsigned)wanted;
	for (unsigned i = 0; i < bars->count; i++) {
		bars->from[i] = from + (to - from) * i / bars->count;
		bars->to[i] = from + (to - from) * (i + 1) / bars->count;
		bars->share[i] = 0;
	}
}

static void to_seconds(struct bars *bars)
{
	for (unsigned i = 0; i < bars->count; i++) {
		bars->from[i] *= 1e-9;
		bars->to[i] *= 1e-9;
	}
}

static void bars_table(FILE *out, const struct bars *bars)
{
	page_table_open(out, true, "from|to|of all");
	for (unsigned i = 0; i < bars->count; i++) {
		if (bars->share[i] <= 0)
			continue;
		page_row_open(out);
		page_cell(out, quantity_of(bars->from[i], QUANTITY_TIME, 4).text);
		page_cell(out, quantity_of(bars->to[i], QUANTITY_TIME, 4).text);
		page_cell(out, quantity_of(bars->share[i], QUANTITY_SHARE, 3).text);
		page_row_close(out);
	}
	page_table_close(out, true);
}

static void write_bars(FILE *out, struct plot *plot, const struct bars *bars)
{
	plot_axis_open(&plot->y, "of the replies", QUANTITY_SHARE, false);
	plot->y.zero = true;
	for (unsigned i = 0; i < bars->count; i++) {
		plot_axis_include(&plot->x, bars->from[i]);
		plot_axis_include(&plot->x, bars->to[i]);
		plot_axis_include(&plot->y, bars->share[i]);
	}
	plot_axis_close(&plot->x);
	plot_axis_close(&plot->y);
	plot->series = 1;
	plot->line[0] =
		(struct plot_series){"share", PLOT_BARS, 0, bars->count, bars->from, bars->to, bars->share};
	plot_write(out, plot);
}

static void plot_latency(FILE *out, const struct distribution *d)
{
	struct bars bars;
	struct plot plot = {.name = "latency",
		.title = "Histogram of the latency",
		.description =
			"Each bar spans the same factor; a bar is never drawn thinner than can be seen."};

	cut_log(&bars, fmax((double)d->least, 1), (double)d->most + 1);
	deal_all(&bars, d, 1, (double)d->count);
	to_seconds(&bars);
	page_figure_open(out, "Latency, histogram");
	plot_axis_open(&plot.x, "latency", QUANTITY_TIME, true);
	write_bars(out, &plot, &bars);
	bars_table(out, &bars);
	page_figure_close(out);
}

static void offset_tails(FILE *out, const struct result_offsets *offsets, double low, double high)
{
	const struct quantity least = quantity_time(figures_offset_at(offsets, 0)), from = quantity_time(low),
			      to = quantity_time(high), most = quantity_time(figures_offset_at(offsets, 1)),
			      mean = quantity_time(figures_offset_mean(offsets));

	fprintf(out,
		"<p class=\"soft\">Drawn from the 1st percentile, %s, to the 99th, %s. Least %s, greatest "
		"%s, mean %s.</p>\n",
		from.text, to.text, least.text, most.text, mean.text);
}

static void plot_offset(FILE *out, const struct result_offsets *offsets)
{
	const double low = figures_offset_at(offsets, 0.01), high = figures_offset_at(offsets, 0.99);
	const double all = (double)figures_offsets(offsets);
	const double bin = fmax(1, fmax(fabs(low), fabs(high)) * 1e9 / (DISTRIBUTION_PARTS / 2));
	struct bars bars;
	struct plot plot = {.name = "offset",
		.title = "Histogram of the server's offset from our clock",
		.description = "From the 1st to the 99th percentile."};

	/* the values at the ends are the ends of bins, as the percentiles are told */
	cut_linear(&bars, low * 1e9 - bin, high * 1e9 + bin, bin);
	deal_all(&bars, &offsets->positive, 1, all);
	deal_all(&bars, &offsets->negative, -1, all);
	to_seconds(&bars);
	page_figure_open(out, "Offset, histogram");
	plot_axis_open(&plot.x, "offset of the server's clock from ours", QUANTITY_TIME, false);
	write_bars(out, &plot, &bars);
	offset_tails(out, offsets, low, high);
	bars_table(out, &bars);
	page_figure_close(out);
}

void report_spread_plots(FILE *out, const struct result_step *figures)
{
	if (figures->latency.count > 0) {
		plot_percentiles(out, &figures->latency);
		plot_latency(out, &figures->latency);
	}
	if (figures_offsets(&figures->offset) > 0)
		plot_offset(out, &figures->offset);
}
