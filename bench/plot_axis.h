/* The axis of a plot: its ends, its ticks and where a value lies. Pure. */
#ifndef BENCH_PLOT_AXIS_H
#define BENCH_PLOT_AXIS_H

#include <stdbool.h>

#include "bench/quantity.h"

enum { PLOT_TICKS = 12 };

struct plot_axis {
	const char *label;
	enum quantity_unit unit;
	bool log;
	bool zero; /* linear: one end is 0 */
	double from, to;
	double step; /* linear: between ticks, 0 before plot_axis_close */
};

/* An axis without an end yet; then include the values, none or many, and close it. */
void plot_axis_open(struct plot_axis *axis, const char *label, enum quantity_unit unit, bool log);

/* What is not finite, or not above 0 on a logarithmic axis, is passed over. */
void plot_axis_include(struct plot_axis *axis, double value);

/*
 * Round the ends outwards, linear ones to whole ticks, logarithmic ones to 1, 2 or 5 times a power of ten;
 * from < to and both finite afterwards, whatever was included.
 */
void plot_axis_close(struct plot_axis *axis);

/* Ticks, rising, within the axis: 2 to PLOT_TICKS of a closed one. Returns how many. */
unsigned plot_axis_ticks(const struct plot_axis *axis, double tick[PLOT_TICKS]);

/* What stands at a tick; ticks that differ read differently. */
struct quantity plot_axis_text(const struct plot_axis *axis, double tick);

/* Where a value lies, 0 to 1; one beyond an end lies at the end. NAN for what is no number. */
double plot_axis_place(const struct plot_axis *axis, double value);

#endif
