#include "bench/plot.h"

#include <math.h>
#include <string.h>

#include "bench/text.h"

const char plot_style[] =
	":root { --p0: #0072b2; --p1: #c04f00; --p2: #007a59; --p3: #a3457f; --pt: #333; --pg: #d9d9d9; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	":root { --p0: #56b4e9; --p1: #f0a030; --p2: #2bc79b; --p3: #dd8fbf; --pt: #ccc; --pg: #444; }\n"
	"}\n"
	"@media print {\n"
	":root { --p0: #0072b2; --p1: #c04f00; --p2: #007a59; --p3: #a3457f; --pt: #333; --pg: #d9d9d9; }\n"
	"}\n"
	"svg.plot { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }\n"
	"svg.plot text { fill: var(--pt); stroke: none; }\n"
	".pg, .pa { stroke: var(--pg); stroke-width: 1; fill: none; }\n"
	".pa { stroke: var(--pt); }\n"
	".pl { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }\n"
	".pr { fill: none; stroke-width: 1.5; stroke-dasharray: 5 4; }\n"
	".p0 { stroke: var(--p0); fill: var(--p0); }\n"
	".p1 { stroke: var(--p1); fill: var(--p1); }\n"
	".p2 { stroke: var(--p2); fill: var(--p2); }\n"
	".p3 { stroke: var(--p3); fill: var(--p3); }\n"
	".pl, .pr { fill: none; }\n"
	".pf { stroke: none; }\n"
	".pl.p1 { stroke-dasharray: 7 3; }\n"
	".pl.p2 { stroke-dasharray: 2 4; }\n"
	".pl.p3 { stroke-dasharray: 9 3 2 3; }\n";

/* Room around the drawing, in units of the view box; a character is taken for 7 wide, which most are not. */
enum { CHARACTER = 7, RIGHT = 16, BOTTOM = 40, ROW = 16, EDGE = 4, FEW = 48, LEFT_MAX = 130 };

struct frame {
	double left, right, top, bottom;
};

static double width_of(const char *text)
{
	double width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) == 0x80 ? 0 : CHARACTER;
	return width;
}

static struct frame frame_of(const struct plot *plot)
{
	struct frame frame = {
		.right = PLOT_WIDTH - RIGHT, .top = ROW + 10, .bottom = PLOT_HEIGHT - BOTTOM, .left = 24};
	double tick[PLOT_TICKS];
	const unsigned ticks = plot_axis_ticks(&plot->y, tick);

	for (unsigned i = 0; i < ticks; i++)
		frame.left = fmax(frame.left, width_of(plot_axis_text(&plot->y, tick[i]).text) + EDGE + 6);
	frame.left = fmin(frame.left, LEFT_MAX);
	if (plot->series > 1)
		frame.top += ROW;
	return frame;
}

static double across(const struct plot *plot, const struct frame *frame, double x)
{
	return frame->left + plot_axis_place(&plot->x, x) * (frame->right - frame->left);
}

static double up(const struct plot *plot, const struct frame *frame, double y)
{
	return frame->bottom - plot_axis_place(&plot->y, y) * (frame->bottom - frame->top);
}

static void write_text(FILE *out, double x, double y, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	text_markup(out, text);
	fputs("</text>\n", out);
}

static void write_y_axis(FILE *out, const struct plot *plot, const struct frame *frame)
{
	double tick[PLOT_TICKS];
	const unsigned ticks = plot_axis_ticks(&plot->y, tick);

	for (unsigned i = 0; i < ticks; i++) {
		const double y = up(plot, frame, tick[i]);

		fprintf(out, "<path class=\"pg\" d=\"M%.1f %.1fH%.1f\"/>\n", frame->left, y, frame->right);
		write_text(out, frame->left - 6, fmin(y + 4, frame->bottom), "end",
			plot_axis_text(&plot->y, tick[i]).text);
	}
	write_text(out, EDGE, 12, "start", plot->y.label);
}

/* Where texts stand already along the x axis. */
struct taken {
	unsigned count;
	double from[PLOT_TICKS], to[PLOT_TICKS];
};

static bool is_free(const struct taken *taken, double from, double to)
{
	for (unsigned i = 0; i < taken->count; i++)
		if (from < taken->to[i] + CHARACTER && to > taken->from[i] - CHARACTER)
			return false;
	return true;
}

/* One that would run into another is left out; one that would leave the picture is moved in. */
static void write_x_text(
	FILE *out, double x, const struct frame *frame, const char *text, struct taken *taken)
{
	const double half = width_of(text) / 2, middle = fmax(half + 2, fmin(x, PLOT_WIDTH - 2 - half));

	if (taken->count >= PLOT_TICKS || !is_free(taken, middle - half, middle + half))
		return;
	write_text(out, middle, frame->bottom + 16, "middle", text);
	taken->from[taken->count] = middle - half;
	taken->to[taken->count++] = middle + half;
}

/* Powers of ten on a logarithmic axis come before what is between them. */
static bool is_round(const struct plot_axis *axis, double tick)
{
	return !axis->log || fabs(log10(tick) - round(log10(tick))) < 1e-9;
}

static void write_x_tick(
	FILE *out, const struct plot *plot, const struct frame *frame, double tick, struct taken *taken)
{
	const double x = across(plot, frame, tick);

	fprintf(out, "<path class=\"pg\" d=\"M%.1f %.1fV%.1f\"/>\n", x, frame->top, frame->bottom);
	write_x_text(out, x, frame, plot_axis_text(&plot->x, tick).text, taken);
}

static void write_x_axis(FILE *out, const struct plot *plot, const struct frame *frame)
{
	double tick[PLOT_TICKS];
	struct taken taken = {0};
	const unsigned ticks = plot_axis_ticks(&plot->x, tick);

	for (unsigned i = 0; i < ticks; i++)
		if (is_round(&plot->x, tick[i]))
			write_x_tick(out, plot, frame, tick[i], &taken);
	for (unsigned i = 0; i < ticks; i++)
		if (!is_round(&plot->x, tick[i]))
			write_x_tick(out, plot, frame, tick[i], &taken);
	write_text(out, (frame->left + frame->right) / 2, PLOT_HEIGHT - 6, "middle", plot->x.label);
	fprintf(out, "<path class=\"pa\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", frame->left, frame->top,
		frame->bottom, frame->right);
}

static bool is_point(const struct plot_series *series, unsigned i)
{
	return isfinite(series->x[i]) && isfinite(series->y[i]);
}

static void write_path(
	FILE *out, const struct plot *plot, const struct frame *frame, const struct plot_series *series)
{
	const char *command = "M";

	fprintf(out, "<path class=\"%s p%u\" d=\"", series->mark == PLOT_RULE ? "pr" : "pl", series->colour);
	for (unsigned i = 0; i < series->count; i++) {
		if (!is_point(series, i)) {
			command = "M";
			continue;
		}
		fprintf(out, "%s%.1f %.1f", command, across(plot, frame, series->x[i]),
			up(plot, frame, series->y[i]));
		command = "L";
	}
	fputs("\"/>\n", out);
}

static void write_dots(
	FILE *out, const struct plot *plot, const struct frame *frame, const struct plot_series *series)
{
	for (unsigned i = 0; i < series->count; i++)
		if (is_point(series, i))
			fprintf(out, "<circle class=\"pf p%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
				series->colour, across(plot, frame, series->x[i]),
				up(plot, frame, series->y[i]));
}

/* A bar of something is never invisible, however little it is. */
static void write_bars(
	FILE *out, const struct plot *plot, const struct frame *frame, const struct plot_series *series)
{
	for (unsigned i = 0; i < series->count; i++) {
		double left, right, top;

		if (!is_point(series, i) || !isfinite(series->x_end[i]) || series->y[i] <= 0)
			continue;
		left = across(plot, frame, series->x[i]);
		right = across(plot, frame, series->x_end[i]);
		top = fmin(up(plot, frame, series->y[i]), frame->bottom - 1);
		fprintf(out,
			"<rect class=\"pf p%u\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"/>\n",
			series->colour, left, top, fmax(right - left - 0.2, 0.5), frame->bottom - top);
	}
}

static void write_series(
	FILE *out, const struct plot *plot, const struct frame *frame, const struct plot_series *series)
{
	if (series->count == 0)
		return;
	switch (series->mark) {
	case PLOT_BARS:
		write_bars(out, plot, frame, series);
		break;
	case PLOT_LINE:
		write_path(out, plot, frame, series);
		if (series->count <= FEW)
			write_dots(out, plot, frame, series);
		break;
	case PLOT_RULE:
		write_path(out, plot, frame, series);
		break;
	case PLOT_DOTS:
		write_dots(out, plot, frame, series);
	}
}

static void write_key_mark(FILE *out, const struct plot_series *series, double x, double y)
{
	if (series->mark == PLOT_DOTS)
		fprintf(out, "<circle class=\"pf p%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", series->colour,
			x + 10, y);
	else if (series->mark == PLOT_BARS)
		fprintf(out, "<rect class=\"pf p%u\" x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"8\"/>\n",
			series->colour, x, y - 4);
	else
		fprintf(out, "<path class=\"%s p%u\" d=\"M%.1f %.1fh20\"/>\n",
			series->mark == PLOT_RULE ? "pr" : "pl", series->colour, x, y);
}

/* In a row above the drawing; names that do not fit are left out rather than written over others. */
static void write_key(FILE *out, const struct plot *plot)
{
	const double y = 12 + ROW;
	double x = EDGE;

	for (unsigned i = 0; i < plot->series; i++) {
		const double width = 26 + width_of(plot->line[i].name);

		if (x + width > PLOT_WIDTH)
			return;
		write_key_mark(out, &plot->line[i], x, y - 4);
		write_text(out, x + 25, y, "start", plot->line[i].name);
		x += width + 8;
	}
}

void plot_write(FILE *out, const struct plot *plot)
{
	const struct frame frame = frame_of(plot);

	fprintf(out,
		"<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n"
		"<title id=\"%s-t\">",
		PLOT_WIDTH, PLOT_HEIGHT, plot->name, plot->name, plot->name);
	text_markup(out, plot->title);
	fprintf(out, "</title>\n<desc id=\"%s-d\">", plot->name);
	text_markup(out, plot->description);
	fputs("</desc>\n", out);
	write_y_axis(out, plot, &frame);
	write_x_axis(out, plot, &frame);
	for (unsigned i = 0; i < plot->series && i < PLOT_SERIES; i++)
		write_series(out, plot, &frame, &plot->line[i]);
	if (plot->series > 1)
		write_key(out, plot);
	fputs("</svg>\n", out);
}
