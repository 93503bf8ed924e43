#include "bench/report.h"

#include <stdlib.h>
#include <string.h>

#include "bench/facts.h"
#include "bench/figures.h"
#include "bench/quantity.h"
#include "bench/text.h"

enum { COLUMNS = 100, LABEL = 12, LABEL_WRONG = 30 };

/* The end of what fits into `room` octets of a text: at a space where there is one. */
static size_t fitting(const char *text, size_t room)
{
	size_t size = strlen(text), cut = room;

	if (size <= room)
		return size;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	if (cut > 0)
		return cut;
	for (cut = room; cut > 1 && ((unsigned char)text[cut] & 0xc0) == 0x80;)
		cut--;
	return cut;
}

/* A label and a text beside it, in as many lines as it takes. */
static void wrapped(FILE *out, const char *label, int indent, const char *text)
{
	char clean[TEXT_MAX];
	const char *rest = text_clean(clean, sizeof(clean), text);

	do {
		const size_t size = fitting(rest, (size_t)(COLUMNS - indent));

		fprintf(out, "%-*s%.*s\n", indent, label, (int)size, rest);
		label = "";
		rest += size;
		rest += strspn(rest, " ");
	} while (*rest);
}

static void fact(void *to, const char *label, const char *text)
{
	wrapped(to, label, LABEL, text);
}

static void count_line(FILE *out, const char *name, uint64_t count, const struct result_step *figures)
{
	const struct quantity number = quantity_count(count),
			      rate = quantity_rate(figures_rate(figures, count));

	fprintf(out, "%-16s %26s %12s %12s\n", name, number.text,
		figures->sent ? quantity_share((double)count / (double)figures->sent).text : "-", rate.text);
}

static void write_counts(FILE *out, const struct result_step *figures)
{
	struct facts_count row[FACTS_COUNTS];
	const unsigned rows = facts_counts(figures, row);

	fprintf(out, "\n%-16s %26s %12s %12s\n", "", "datagrams", "of sent", "rate");
	for (unsigned i = 0; i < rows; i++)
		count_line(out, row[i].name, row[i].count, figures);
}

static void time_line(FILE *out, const char *name, const struct distribution *d)
{
	static const double share[] = {0.5, 0.9, 0.99, 0.999, 1};

	fprintf(out, "%-12s", name);
	for (unsigned i = 0; i < sizeof(share) / sizeof(share[0]); i++)
		fprintf(out, " %11s", d->count ? quantity_time(figures_at(d, share[i])).text : "-");
	fprintf(out, " %11s\n", d->count ? quantity_time(figures_mean(d)).text : "-");
}

static void write_times(FILE *out, const struct result_step *f)
{
	static const double share[] = {0, 0.01, 0.5, 0.99, 1};
	const bool some = figures_offsets(&f->offset) > 0;

	fprintf(out, "\n%-12s %11s %11s %11s %11s %11s %11s\n", "", "p50", "p90", "p99", "p99.9", "max",
		"mean");
	time_line(out, "latency", &f->latency);
	time_line(out, "of it held up", &f->held_up);
	time_line(out, "residence", &f->residence);
	fprintf(out, "\n%-12s %11s %11s %11s %11s %11s %11s\n%-12s", "", "min", "p1", "p50", "p99", "max",
		"mean", "offset");
	for (unsigned i = 0; i < sizeof(share) / sizeof(share[0]); i++)
		fprintf(out, " %11s",
			some ? quantity_time(figures_offset_at(&f->offset, share[i])).text : "-");
	fprintf(out, " %11s\n", some ? quantity_time(figures_offset_mean(&f->offset)).text : "-");
}

static void conviction(void *to, const char *name, uint64_t count, const char *meaning)
{
	char label[64];

	snprintf(label, sizeof(label), "%12s  %-15s ", quantity_of((double)count, QUANTITY_NUMBER, 6).text,
		name);
	wrapped(to, label, LABEL_WRONG, meaning);
}

static void write_convictions(FILE *out, const struct judge_counts *counts)
{
	if (result_wrong(counts) == 0)
		return;
	fputs("\nWhat was wrong: the reply ...\n", out);
	facts_convictions(counts, conviction, out);
}

static void write_steps(FILE *out, const struct result *r)
{
	if (r->kind == RESULT_LOAD && r->steps < 2)
		return;
	fprintf(out, "\n%4s %10s %10s %10s %10s %9s %9s %9s  %s\n", "step", "wanted", "sent", "valid", "lost",
		"wrong", "p50", "p99", "outcome");
	for (unsigned i = 0; i < r->steps; i++) {
		const struct result_step *s = &r->step[i];
		const struct quantity sent = quantity_rate(figures_rate(s, s->sent)),
				      valid = quantity_rate(figures_rate(s, figures_valid(&s->counts))),
				      p50 = quantity_time(figures_at(&s->latency, 0.5)),
				      p99 = quantity_time(figures_at(&s->latency, 0.99)),
				      wrong = quantity_of(
					      (double)result_wrong(&s->counts), QUANTITY_NUMBER, 3);

		fprintf(out, "%4u %10s %10s %10s %10s %9s %9s %9s  %s\n", i + 1,
			quantity_rate(s->rate_wanted).text, sent.text, valid.text,
			quantity_share(result_loss(s)).text, wrong.text, s->latency.count ? p50.text : "-",
			s->latency.count ? p99.text : "-", figures_outcome(r, s));
	}
}

static void write_end(FILE *out, const struct result *r, const struct result_step *figures)
{
	char text[FIGURES_SENTENCE];

	fputc('\n', out);
	wrapped(out, "verdict", LABEL, figures_sentence(text, figures));
	if (r->kind == RESULT_KNEE)
		wrapped(out, "search", LABEL, figures_knee(text, &r->knee));
	facts_remarks(r, fact, out);
}

int report_table(FILE *out, const struct result *r)
{
	const char *of;
	struct result_step *figures = figures_of(r, &of);

	if (!figures)
		return -1;
	facts_of_load(r, figures, fact, out);
	if (strcmp(of, "knee") == 0)
		fputs("\nAt the knee, the last step that passed:\n", out);
	write_counts(out, figures);
	write_times(out, figures);
	write_convictions(out, &figures->counts);
	write_steps(out, r);
	write_end(out, r, figures);
	free(figures);
	return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
