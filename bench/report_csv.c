#include "bench/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bench/figures.h"
#include "bench/text.h"

static void write_text(FILE *out, const char *text)
{
	char clean[TEXT_MAX];

	fputc('"', out);
	for (const char *c = text_clean(clean, sizeof(clean), text); *c; c++) {
		if (*c == '"')
			fputc('"', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

static void write_count(FILE *out, uint64_t count)
{
	fprintf(out, "%" PRIu64, count);
}

static void write_real(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, "%.12g", value);
}

static void write_at(FILE *out, const struct distribution *d, double share)
{
	if (d->count)
		write_real(out, figures_at(d, share));
}

static void write_mean(FILE *out, const struct distribution *d)
{
	if (d->count)
		write_real(out, figures_mean(d));
}

static void write_offset(FILE *out, const struct result_offsets *offsets, double share)
{
	if (figures_offsets(offsets))
		write_real(out, figures_offset_at(offsets, share));
}

/* X(name, what writes it), of the step `s`, number `i` of the result `r`. */
#define COLUMNS(X)                                                                   \
	X(target, write_text(out, r->target))                                        \
	X(started, write_text(out, r->started))                                      \
	X(kind, fputs(figures_kind(r->kind), out))                                   \
	X(step, write_count(out, i + 1))                                             \
	X(at, write_real(out, s->at))                                                \
	X(repeat, write_count(out, s->repeat))                                       \
	X(rate_wanted, write_real(out, s->rate_wanted))                              \
	X(seconds, write_real(out, s->seconds))                                      \
	X(due, write_count(out, s->due))                                             \
	X(sent, write_count(out, s->sent))                                           \
	X(answered, write_count(out, s->counts.answered))                            \
	X(valid, write_count(out, figures_valid(&s->counts)))                        \
	X(lost, write_count(out, s->counts.lost))                                    \
	X(wrong, write_count(out, result_wrong(&s->counts)))                         \
	X(loss, write_real(out, result_loss(s)))                                     \
	X(rate_sent, write_real(out, figures_rate(s, s->sent)))                      \
	X(rate_answered, write_real(out, figures_rate(s, s->counts.answered)))       \
	X(rate_valid, write_real(out, figures_rate(s, figures_valid(&s->counts))))   \
	X(outcome, fputs(figures_outcome(r, s), out))                                \
	X(generator_limited, write_count(out, result_generator_limited(s)))          \
	X(kisses, write_count(out, figures_kisses(&s->counts)))                      \
	X(unsynchronised, write_count(out, s->counts.verdict[JUDGE_UNSYNCHRONISED])) \
	X(late, write_count(out, s->counts.verdict[JUDGE_LATE]))                     \
	X(garbage, write_count(out, s->garbage))                                     \
	X(garbage_answered, write_count(out, s->garbage_answered))                   \
	X(refused, write_count(out, s->refused))                                     \
	X(foreign, write_count(out, s->foreign))                                     \
	X(nts_sent, write_count(out, s->nts_sent))                                   \
	X(latency_p50_s, write_at(out, &s->latency, 0.5))                            \
	X(latency_p90_s, write_at(out, &s->latency, 0.9))                            \
	X(latency_p99_s, write_at(out, &s->latency, 0.99))                           \
	X(latency_p999_s, write_at(out, &s->latency, 0.999))                         \
	X(latency_max_s, write_at(out, &s->latency, 1))                              \
	X(latency_mean_s, write_mean(out, &s->latency))                              \
	X(held_up_p50_s, write_at(out, &s->held_up, 0.5))                            \
	X(held_up_p99_s, write_at(out, &s->held_up, 0.99))                           \
	X(held_up_max_s, write_at(out, &s->held_up, 1))                              \
	X(residence_p50_s, write_at(out, &s->residence, 0.5))                        \
	X(residence_p99_s, write_at(out, &s->residence, 0.99))                       \
	X(residence_max_s, write_at(out, &s->residence, 1))                          \
	X(offset_p1_s, write_offset(out, &s->offset, 0.01))                          \
	X(offset_p50_s, write_offset(out, &s->offset, 0.5))                          \
	X(offset_p99_s, write_offset(out, &s->offset, 0.99))

static void write_step(FILE *out, const struct result *r, unsigned i)
{
	const struct result_step *s = &r->step[i];
	const char *separator = "";

#define X(name, write)         \
	fputs(separator, out); \
	separator = ",";       \
	write;
	COLUMNS(X)
#undef X
	fputs("\r\n", out);
}

int report_csv(FILE *out, const struct result *r)
{
	static const char names[] =
#define X(name, write) "," #name
		COLUMNS(X);
#undef X

	fprintf(out, "%s\r\n", names + 1);
	for (unsigned i = 0; i < r->steps; i++)
		write_step(out, r, i);
	return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
