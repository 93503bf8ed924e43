#include "bench/report.h"

#include <stdlib.h>
#include <string.h>

#include "bench/facts.h"
#include "bench/figures.h"
#include "bench/plot.h"
#include "bench/quantity.h"
#include "bench/report_page.h"
#include "bench/text.h"

void page_figure_open(FILE *out, const char *heading)
{
	fprintf(out, "<figure>\n<h3>%s</h3>\n", heading);
}

void page_figure_close(FILE *out)
{
	fputs("</figure>\n", out);
}

void page_row_open(FILE *out)
{
	fputs("<tr>", out);
}

void page_row_close(FILE *out)
{
	fputs("</tr>\n", out);
}

void page_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	text_markup(out, text);
	fputs("</td>", out);
}

/* The column's names are ours, and contain nothing to escape. */
void page_table_open(FILE *out, bool folded, const char *columns)
{
	if (folded)
		fputs("<details><summary>The numbers</summary>\n", out);
	fputs("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">", out);
	for (const char *c = columns; *c; c++)
		if (*c == '|')
			fputs("</th><th scope=\"col\">", out);
		else
			fputc(*c, out);
	fputs("</th></tr></thead>\n<tbody>\n", out);
}

void page_table_close(FILE *out, bool folded)
{
	fputs("</tbody></table></div>\n", out);
	if (folded)
		fputs("</details>\n", out);
}

/* Words are kept whole where they fit: a line may else break after the first hyphen of an option. */
static void write_command(FILE *out, const char *command)
{
	char clean[TEXT_MAX], *rest = clean, *word;

	text_clean(clean, sizeof(clean), command);
	fputs("<p><code>", out);
	while ((word = strsep(&rest, " "))) {
		fputs("<span>", out);
		text_markup(out, word);
		fputs("</span> ", out);
	}
	fputs("</code></p>\n", out);
}

static void write_head(FILE *out, const struct result *r)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	      "'unsafe-inline'\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>Load on ",
		out);
	text_markup(out, r->target);
	fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n<main>\n<h1>Load on ", report_style,
		plot_style);
	text_markup(out, r->target);
	fputs("</h1>\n<p class=\"soft\">", out);
	text_markup(out, r->started);
	fputs("</p>\n", out);
	write_command(out, r->command);
}

static const char *lead_class(const struct result_step *figures)
{
	if (result_wrong(&figures->counts) > 0 || figures->counts.answered == 0)
		return "lead bad";
	return result_generator_limited(figures) || figures->counts.lost > 0 ? "lead mid" : "lead";
}

static void write_lead(FILE *out, const struct result *r, const struct result_step *figures, const char *of)
{
	char text[FIGURES_SENTENCE];

	fprintf(out, "<div class=\"%s\">\n", lead_class(figures));
	if (r->kind == RESULT_KNEE) {
		fputs("<p>", out);
		text_markup(out, figures_knee(text, &r->knee));
		fputs(".</p>\n", out);
	}
	fputs(strcmp(of, "knee") == 0 ? "<p>At the knee " : "<p>", out);
	text_markup(out, figures_sentence(text, figures));
	fputs(".</p>\n</div>\n", out);
}

static void card(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, text);
}

static const char *time_or_none(const struct distribution *d, double share, struct quantity *quantity)
{
	*quantity = quantity_time(figures_at(d, share));
	return d->count ? quantity->text : "-";
}

static void write_cards(FILE *out, const struct result_step *f)
{
	const struct distribution *latency = &f->latency;
	const struct quantity median = quantity_time(figures_offset_at(&f->offset, 0.5));
	struct quantity quantity;

	fputs("<dl class=\"cards\">\n", out);
	card(out, "sent", quantity_rate(figures_rate(f, f->sent)).text);
	card(out, "valid", quantity_rate(figures_rate(f, figures_valid(&f->counts))).text);
	card(out, "lost", f->sent ? quantity_share(result_loss(f)).text : "-");
	card(out, "wrong", quantity_of((double)result_wrong(&f->counts), QUANTITY_NUMBER, 4).text);
	card(out, "latency p50", time_or_none(latency, 0.5, &quantity));
	card(out, "p99", time_or_none(latency, 0.99, &quantity));
	card(out, "p99.9", time_or_none(latency, 0.999, &quantity));
	card(out, "max", time_or_none(latency, 1, &quantity));
	card(out, "offset p50", figures_offsets(&f->offset) ? median.text : "-");
	fputs("</dl>\n", out);
}

static void fact(void *to, const char *label, const char *text)
{
	FILE *out = to;

	fprintf(out, "<dt>%s</dt><dd>", label);
	text_markup(out, text);
	fputs("</dd>\n", out);
}

static void remark(void *to, const char *label, const char *text)
{
	FILE *out = to;

	fprintf(out, "<li>%s ", strcmp(label, "clock") == 0 ? "The clock" : "");
	text_markup(out, text);
	fputs("</li>\n", out);
}

static void write_remarks(FILE *out, const struct result *r)
{
	if (r->remarks == 0 && r->clock_step == 0)
		return;
	fputs("<section>\n<h2>Remarks</h2>\n<ul>\n", out);
	facts_remarks(r, remark, out);
	fputs("</ul>\n</section>\n", out);
}

static void write_counts(FILE *out, const struct result_step *f)
{
	struct facts_count row[FACTS_COUNTS];
	const unsigned rows = facts_counts(f, row);

	fputs("<div class=\"box\">\n<h3>Datagrams</h3>\n", out);
	page_table_open(out, false, "|count|of sent|rate");
	for (unsigned i = 0; i < rows; i++) {
		page_row_open(out);
		page_cell(out, row[i].name);
		page_cell(out, quantity_count(row[i].count).text);
		page_cell(out, f->sent ? quantity_share((double)row[i].count / (double)f->sent).text : "-");
		page_cell(out, quantity_rate(figures_rate(f, row[i].count)).text);
		page_row_close(out);
	}
	page_table_close(out, false);
	fputs("</div>\n", out);
}

static void conviction(void *to, const char *name, uint64_t count, const char *meaning)
{
	FILE *out = to;

	page_row_open(out);
	page_cell(out, name);
	page_cell(out, quantity_count(count).text);
	fputs("<td class=\"words\">", out);
	text_markup(out, meaning);
	fputs("</td>", out);
	page_row_close(out);
}

static void write_convictions(FILE *out, const struct judge_counts *counts)
{
	if (result_wrong(counts) == 0)
		return;
	fputs("<div class=\"box wide wrong\">\n<h3>What was wrong</h3>\n", out);
	page_table_open(out, false, "verdict|count|the reply ...");
	facts_convictions(counts, conviction, out);
	page_table_close(out, false);
	fputs("</div>\n", out);
}

static void distribution_row(FILE *out, const char *name, const struct distribution *d)
{
	static const double share[] = {0.5, 0.99, 1};
	struct quantity quantity;

	page_row_open(out);
	page_cell(out, name);
	for (unsigned i = 0; i < sizeof(share) / sizeof(share[0]); i++)
		page_cell(out, time_or_none(d, share[i], &quantity));
	page_cell(out, d->count ? quantity_time(figures_mean(d)).text : "-");
	page_row_close(out);
}

static void write_times(FILE *out, const struct result_step *f)
{
	fputs("<div class=\"box\">\n<h3>Times</h3>\n", out);
	page_table_open(out, false, "|p50|p99|max|mean");
	distribution_row(out, "latency", &f->latency);
	distribution_row(out, "of it held up", &f->held_up);
	distribution_row(out, "residence", &f->residence);
	page_table_close(out, false);
	fputs("<p class=\"soft\">Latency counts from when a request was due; held up is what passed before "
	      "it was "
	      "really sent. Residence is what the server says it took.</p>\n</div>\n",
		out);
}

static void write_facts(FILE *out, const struct result *r, const struct result_step *figures)
{
	fputs("<section class=\"grid\">\n<div class=\"box\">\n<h3>What was asked</h3>\n<dl "
	      "class=\"facts\">\n",
		out);
	facts_of_load(r, figures, fact, out);
	fputs("</dl>\n</div>\n<div class=\"box\">\n<h3>The generator's machine</h3>\n<dl class=\"facts\">\n",
		out);
	facts_of_machine(&r->machine, fact, out);
	fputs("</dl>\n</div>\n</section>\n", out);
}

static void write_body(FILE *out, const struct result *r, const struct result_step *figures, const char *of)
{
	const bool knee = strcmp(of, "knee") == 0;

	write_lead(out, r, figures, of);
	write_cards(out, figures);
	write_remarks(out, r);
	if (r->steps > 1) {
		fputs("<h2>Steps</h2>\n<section class=\"grid\">\n", out);
		report_step_plots(out, r);
		fputs("</section>\n", out);
	}
	fprintf(out, "<h2>Replies%s</h2>\n<section class=\"grid\">\n", knee ? " at the knee" : "");
	report_series_plots(out, figures);
	report_spread_plots(out, figures);
	write_counts(out, figures);
	write_convictions(out, &figures->counts);
	write_times(out, figures);
	fputs("</section>\n<h2>Conditions</h2>\n", out);
	write_facts(out, r, figures);
}

int report_html(FILE *out, const struct result *r)
{
	const char *of;
	struct result_step *figures = figures_of(r, &of);

	if (!figures)
		return -1;
	write_head(out, r);
	write_body(out, r, figures, of);
	fputs("</main>\n</body>\n</html>\n", out);
	free(figures);
	return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
