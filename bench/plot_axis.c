#include "bench/plot_axis.h"

#include <math.h>

enum { WANTED = 5 /* ticks, about */ };

void plot_axis_open(struct plot_axis *axis, const char *label, enum quantity_unit unit, bool log)
{
	*axis = (struct plot_axis){
		.label = label, .unit = unit, .log = log, .from = INFINITY, .to = -INFINITY};
}

/* Beyond this, differences and logarithms would overflow. */
static bool fits(double value)
{
	return fabs(value) <= 1e100;
}

void plot_axis_include(struct plot_axis *axis, double value)
{
	if (!isfinite(value) || !fits(value) || (axis->log && value < 1e-100))
		return;
	if (fabs(value) < 1e-100)
		value = 0;
	axis->from = fmin(axis->from, value);
	axis->to = fmax(axis->to, value);
}

/* The least of 1, 2 and 5 times a power of ten that is at least this; or the greatest that is at most this.
 */
static double round_up(double value)
{
	const double power = pow(10, floor(log10(value) + 1e-9)), part = value / power * (1 - 1e-9);

	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static double round_down(double value)
{
	const double power = pow(10, floor(log10(value) + 1e-9)), part = value / power * (1 + 1e-9);

	return power * (part < 2 ? 1 : part < 5 ? 2 : 5);
}

static void close_log(struct plot_axis *axis)
{
	if (axis->from > axis->to)
		axis->from = axis->to = 1;
	axis->from = round_down(axis->from);
	axis->to = round_up(axis->to);
	if (axis->to < axis->from * 1.5)
		axis->to = round_up(axis->from * 1.5);
}

static void widen(struct plot_axis *axis)
{
	const double least = fmax(fabs(axis->from), fabs(axis->to)) * 1e-9;

	if (axis->from > axis->to)
		axis->from = axis->to = 0;
	if (axis->zero) {
		axis->from = fmin(axis->from, 0);
		axis->to = fmax(axis->to, 0);
	}
	if (axis->to - axis->from > least)
		return;
	/* a single value: what is around it, so that it stands in the middle, or beside 0 */
	if (axis->from == 0 && axis->to == 0)
		axis->to = axis->unit == QUANTITY_TIME ? 1e-6 : axis->unit == QUANTITY_SHARE ? 0.01 : 1;
	else {
		axis->from -= 0.1 * fabs(axis->from);
		axis->to += 0.1 * fabs(axis->to);
	}
}

void plot_axis_close(struct plot_axis *axis)
{
	if (axis->log) {
		close_log(axis);
		return;
	}
	widen(axis);
	axis->step = round_up((axis->to - axis->from) / WANTED);
	axis->from = floor(axis->from / axis->step + 1e-9) * axis->step;
	axis->to = ceil(axis->to / axis->step - 1e-9) * axis->step;
}

static unsigned linear_ticks(const struct plot_axis *axis, double tick[PLOT_TICKS])
{
	const double first = round(axis->from / axis->step);
	unsigned count = 0;

	/* by numbers, as sums of steps would miss 0 by a little */
	while (count < PLOT_TICKS && (first + count) * axis->step <= axis->to + 0.5 * axis->step) {
		tick[count] = (first + count) * axis->step;
		count++;
	}
	return count;
}

/* So many decades between ticks, or below one of them 1, 2, 5, as the room asks. */
static unsigned decades(const struct plot_axis *axis, int every, double tick[PLOT_TICKS])
{
	const int last = (int)floor(log10(axis->to) + 1e-9);
	unsigned count = 0;

	for (int power = (int)ceil(log10(axis->from) - 1e-9); power <= last && count < PLOT_TICKS;
		power += every)
		tick[count++] = pow(10, power);
	return count;
}

static unsigned parts_of_decades(const struct plot_axis *axis, double tick[PLOT_TICKS])
{
	static const double part[] = {1, 2, 5};
	const int first = (int)floor(log10(axis->from) + 1e-9);
	unsigned count = 0;

	for (unsigned i = 0; count < PLOT_TICKS; i++) {
		const double value = part[i % 3] * pow(10, first + (int)(i / 3));

		if (value > axis->to * (1 + 1e-9))
			break;
		if (value >= axis->from * (1 - 1e-9))
			tick[count++] = value;
	}
	return count;
}

unsigned plot_axis_ticks(const struct plot_axis *axis, double tick[PLOT_TICKS])
{
	const double span = axis->log ? log10(axis->to / axis->from) : 0;

	if (!axis->log)
		return linear_ticks(axis, tick);
	if (axis->unit == QUANTITY_NINES ? span >= 1 : span > 2.5)
		return decades(axis, (int)ceil(span / 8), tick);
	return parts_of_decades(axis, tick);
}

struct quantity plot_axis_text(const struct plot_axis *axis, double tick)
{
	double digits = 1;

	if (!axis->log && tick != 0)
		digits = floor(log10(fabs(tick)) + 1e-9) - floor(log10(axis->step) + 1e-9) + 1;
	if (!axis->log && fabs(tick) < 1e-6 * axis->step)
		tick = 0;
	return quantity_of(tick, axis->unit,
		digits < 1                     ? 1
		: digits > QUANTITY_DIGITS_MAX ? QUANTITY_DIGITS_MAX
					       : (unsigned)digits);
}

double plot_axis_place(const struct plot_axis *axis, double value)
{
	if (isnan(value))
		return NAN;
	if (value <= axis->from)
		return 0;
	if (value >= axis->to)
		return 1;
	return axis->log ? log(value / axis->from) / log(axis->to / axis->from)
			 : (value - axis->from) / (axis->to - axis->from);
}
