/*
 * Plots as SVG, inline in a page: axes, lines, dots and bars. Colours are classes that plot_style defines,
 * for light and dark, of Okabe and Ito's palette, which the colour-blind can tell apart; lines differ in
 * their dashes as well. Pure but for the stream; whoever gave that looks for errors.
 */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include <stdio.h>

#include "bench/plot_axis.h"

enum { PLOT_WIDTH = 360, PLOT_HEIGHT = 240, PLOT_SERIES = 4 };

enum plot_mark {
	PLOT_LINE, /* with dots where there are few points */
	PLOT_RULE, /* a thin dashed line, for bounds and what was wanted */
	PLOT_DOTS,
	PLOT_BARS, /* from x to x_end */
};

/* Points that are no numbers are left out, and break a line; those beyond the axes lie on their ends. */
struct plot_series {
	const char *name;
	enum plot_mark mark;
	unsigned colour; /* 0 to PLOT_SERIES - 1 */
	unsigned count;
	const double *x, *x_end /* of bars */, *y;
};

struct plot {
	const char *name;  /* of the element, [a-z0-9-], once in the page */
	const char *title; /* what it shows, for who cannot see it, as is the description */
	const char *description;
	struct plot_axis x, y; /* closed */
	unsigned series;
	struct plot_series line[PLOT_SERIES];
};

/* One element. Nothing is drawn for series without points; the axes are. */
void plot_write(FILE *out, const struct plot *plot);

/* Rules of CSS, to stand once in a page. */
extern const char plot_style[];

#endif
