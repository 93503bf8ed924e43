/* Plots: bench/plot.h, bench/plot_axis.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plot.h"
#include "bench/random.h"
#include "tests/markup.h"

static void open_axis(struct plot_axis *axis, enum quantity_unit unit, bool log, double from, double to)
{
	plot_axis_open(axis, "label", unit, log);
	plot_axis_include(axis, from);
	plot_axis_include(axis, to);
	plot_axis_close(axis);
}

static void assert_ticks(const struct plot_axis *axis, const char *expected)
{
	double tick[PLOT_TICKS];
	const unsigned count = plot_axis_ticks(axis, tick);
	char text[512] = "";

	for (unsigned i = 0; i < count; i++) {
		strcat(text, i ? "|" : "");
		strcat(text, plot_axis_text(axis, tick[i]).text);
	}
	assert_string_equal(text, expected);
}

static void test_known_ticks(void **state)
{
	struct plot_axis axis;

	(void)state;
	open_axis(&axis, QUANTITY_RATE, false, 0, 940e3);
	assert_ticks(&axis, "0 /s|200 k/s|400 k/s|600 k/s|800 k/s|1 M/s");
	open_axis(&axis, QUANTITY_TIME, false, -3.1e-6, 7e-6);
	assert_ticks(&axis, "-5 us|0 s|5 us|10 us");
	open_axis(&axis, QUANTITY_TIME, true, 21e-6, 990e-6);
	assert_ticks(&axis, "20 us|50 us|100 us|200 us|500 us|1 ms");
	open_axis(&axis, QUANTITY_TIME, true, 1e-6, 1);
	assert_ticks(&axis, "1 us|10 us|100 us|1 ms|10 ms|100 ms|1 s");
	open_axis(&axis, QUANTITY_NINES, true, 1, 1e4);
	assert_ticks(&axis, "0 %|90 %|99 %|99.9 %|99.99 %");
	open_axis(&axis, QUANTITY_TIME, false, 1.0000001, 1.0000004);
	assert_ticks(&axis, "1.0000001 s|1.0000002 s|1.0000003 s|1.0000004 s");
}

/* Ticks rise, lie within, read differently, and what was included lies within too. */
static void assert_sound(const struct plot_axis *axis, double from, double to)
{
	double tick[PLOT_TICKS];
	const unsigned count = plot_axis_ticks(axis, tick);

	assert_true(isfinite(axis->from) && isfinite(axis->to) && axis->from < axis->to);
	assert_true(axis->from <= from + fabs(from) * 1e-6 && axis->to >= to - fabs(to) * 1e-6);
	assert_true(count >= 2 && count <= PLOT_TICKS);
	for (unsigned i = 0; i < count; i++) {
		const double place = plot_axis_place(axis, tick[i]);

		assert_true(place >= 0 && place <= 1);
		if (i > 0) {
			assert_true(tick[i] > tick[i - 1]);
			assert_string_not_equal(
				plot_axis_text(axis, tick[i]).text, plot_axis_text(axis, tick[i - 1]).text);
		}
	}
}

static void test_random_axes(void **state)
{
	uint64_t random = 5;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		const double from = pow(10, 30 * random_unit(&random) - 12);
		const double to = from * (1 + pow(10, 12 * random_unit(&random) - 6));
		struct plot_axis axis;

		open_axis(&axis, QUANTITY_TIME, true, from, to);
		assert_sound(&axis, from, to);
		open_axis(&axis, QUANTITY_RATE, false, from, to);
		assert_sound(&axis, from, to);
		open_axis(&axis, QUANTITY_TIME, false, -to, from);
		assert_sound(&axis, -to, from);
	}
}

static void test_axes_of_nothing(void **state)
{
	static const double value[] = {NAN, INFINITY, -INFINITY, 0, -1, 1, 1e-300, 1e300, 5e-324, 1e18};

	(void)state;
	for (unsigned i = 0; i < sizeof(value) / sizeof(value[0]); i++)
		for (unsigned kind = 0; kind < 4; kind++) {
			struct plot_axis axis;
			double tick[PLOT_TICKS];

			plot_axis_open(&axis, "", QUANTITY_TIME, kind & 1);
			axis.zero = kind & 2;
			plot_axis_include(&axis, value[i]);
			plot_axis_close(&axis);
			assert_true(isfinite(axis.from) && isfinite(axis.to) && axis.from < axis.to);
			assert_true(plot_axis_ticks(&axis, tick) >= 2);
			assert_true(isnan(value[i]) || (plot_axis_place(&axis, value[i]) >= 0 &&
							       plot_axis_place(&axis, value[i]) <= 1));
		}
}

static char *drawn(const struct plot *plot)
{
	static char *text; /* not of the stack: gcc 12 cannot see that it leaves through the stream */
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	plot_write(out, plot);
	assert_int_equal(fclose(out), 0);
	return text;
}

static size_t assert_drawn_well(const struct plot *plot)
{
	char *text = drawn(plot);
	size_t count;

	markup_assert_balanced(text);
	count = markup_assert_inside(text);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	free(text);
	return count;
}

static struct plot plot_of(const double *x, const double *x_end, const double *y, unsigned count, bool log)
{
	struct plot plot = {.name = "p", .title = "<title> & \"all\"", .description = "it's", .series = 4};

	plot_axis_open(&plot.x, "x", QUANTITY_TIME, log);
	plot_axis_open(&plot.y, "y", QUANTITY_RATE, log);
	for (unsigned i = 0; i < count; i++) {
		plot_axis_include(&plot.x, x[i]);
		plot_axis_include(&plot.y, y[i]);
	}
	plot_axis_close(&plot.x);
	plot_axis_close(&plot.y);
	for (unsigned mark = PLOT_LINE; mark <= PLOT_BARS; mark++)
		plot.line[mark] =
			(struct plot_series){"name", (enum plot_mark)mark, mark, count, x, x_end, y};
	return plot;
}

static void test_empty_and_single(void **state)
{
	static const double one[] = {5}, end[] = {6}, none[] = {NAN};

	(void)state;
	for (unsigned log = 0; log < 2; log++) {
		struct plot plot = plot_of(one, end, one, 0, log);

		assert_drawn_well(&plot);
		plot = plot_of(one, end, one, 1, log);
		assert_drawn_well(&plot);
		plot = plot_of(none, none, none, 1, log);
		assert_drawn_well(&plot);
	}
}

/* Half of the values are of the kind that a bad measurement gives. */
static double wild(uint64_t *random)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e300, -1e300, 1e-300, 9.3e18, -1};

	if (random_next(random) % 2)
		return odd[random_next(random) % (sizeof(odd) / sizeof(odd[0]))];
	return (random_unit(random) - 0.5) * pow(10, 20 * random_unit(random) - 10);
}

static void test_wild_values(void **state)
{
	uint64_t random = 6;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		double x[60], x_end[60], y[60];
		const unsigned count = (unsigned)(random_next(&random) % 61);
		struct plot plot;

		for (unsigned j = 0; j < count; j++) {
			x[j] = wild(&random);
			x_end[j] = wild(&random);
			y[j] = wild(&random);
		}
		plot = plot_of(x, x_end, y, count, i % 2);
		assert_true(assert_drawn_well(&plot) > 0);
	}
}

/* Each number of a line becomes a point, and a gap breaks it. */
static void test_line_is_drawn(void **state)
{
	static const double x[] = {0, 1, 2, 3}, y[] = {0, 5, NAN, 10};
	struct plot plot = plot_of(x, x, y, 4, false);
	char *text;

	(void)state;
	plot.series = 1;
	text = drawn(&plot);
	assert_non_null(strstr(text, " d=\"M"));
	assert_non_null(strstr(text, "class=\"pl p0\""));
	assert_non_null(strchr(strstr(strstr(text, "class=\"pl p0\""), "L"), 'M'));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_ticks),
		cmocka_unit_test(test_random_axes),
		cmocka_unit_test(test_axes_of_nothing),
		cmocka_unit_test(test_empty_and_single),
		cmocka_unit_test(test_wild_values),
		cmocka_unit_test(test_line_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
