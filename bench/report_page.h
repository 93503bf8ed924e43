/* Parts of the page that bench/report.h's report_html makes. */
#ifndef BENCH_REPORT_PAGE_H
#define BENCH_REPORT_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/result.h"

/* The page's own rules of CSS. */
extern const char report_style[];

/* A heading, for a plot and its numbers. */
void page_figure_open(FILE *out, const char *heading);
void page_figure_close(FILE *out);

/* A table; the names of its columns separated by '|'. A folded one is opened by a click, and not printed. */
void page_table_open(FILE *out, bool folded, const char *columns);
void page_table_close(FILE *out, bool folded);
void page_row_open(FILE *out);
void page_row_close(FILE *out);
void page_cell(FILE *out, const char *text);

/* Rates, loss and latency by the rate wanted: of more than one step. */
void report_step_plots(FILE *out, const struct result *result);

/* Rates and latency over time: of a series of more than one point. */
void report_series_plots(FILE *out, const struct result_step *figures);

/* How latency and offset are spread: where there are any. */
void report_spread_plots(FILE *out, const struct result_step *figures);

#endif
