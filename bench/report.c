#include "bench/report.h"

#include <jansson.h>
#include <stdlib.h>

#include "bench/generator.h"

static json_t *percentiles(const struct distribution *d)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "p50", (double)distribution_at(d, 0.5) / 1e9, "p90",
		(double)distribution_at(d, 0.9) / 1e9, "p99", (double)distribution_at(d, 0.99) / 1e9, "p999",
		(double)distribution_at(d, 0.999) / 1e9, "max", (double)d->most / 1e9);
}

static json_t *verdicts(const struct judge_counts *counts)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		json_object_set_new(
			o, judge_verdict_info[i].name, json_integer((json_int_t)counts->verdict[i]));
	return o;
}

static json_t *header_verdicts(const struct judge_counts *counts)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < CLIENT_VERDICT_COUNT; i++)
		json_object_set_new(
			o, client_verdict_info[i].name, json_integer((json_int_t)counts->header[i]));
	return o;
}

static json_t *figures(const struct result_step *s)
{
	const double seconds = s->seconds > 0 ? s->seconds : 1;
	json_t *o = json_object();
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {{"due", s->due}, {"sent", s->sent}, {"answered", s->counts.answered},
		{"valid", s->counts.verdict[JUDGE_VALID]}, {"lost", s->counts.lost},
		{"wrong", result_wrong(&s->counts)},
		{"kisses", s->counts.verdict[JUDGE_KISS_RATE] + s->counts.verdict[JUDGE_KISS_OTHER]},
		{"unsynchronised", s->counts.verdict[JUDGE_UNSYNCHRONISED]},
		{"late", s->counts.verdict[JUDGE_LATE]}, {"duplicates", s->counts.verdict[JUDGE_DUPLICATE]},
		{"garbage", s->garbage}, {"garbage_answered", s->garbage_answered}, {"refused", s->refused},
		{"foreign", s->foreign}};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(o, counts[i].name, json_integer((json_int_t)counts[i].value));
	json_object_set_new(o, "rate_wanted", json_real(s->rate_wanted));
	json_object_set_new(o, "rate_sent", json_real((double)s->sent / seconds));
	json_object_set_new(o, "rate_valid", json_real((double)s->counts.verdict[JUDGE_VALID] / seconds));
	json_object_set_new(o, "seconds", json_real(s->seconds));
	json_object_set_new(o, "generator_limited", json_boolean(result_generator_limited(s)));
	json_object_set_new(o, "passed", json_boolean(s->passed));
	json_object_set_new(o, "stopped", json_boolean(s->stopped));
	json_object_set_new(o, "latency", percentiles(&s->latency));
	json_object_set_new(o, "verdicts", verdicts(&s->counts));
	json_object_set_new(o, "header", header_verdicts(&s->counts));
	return o;
}

static const struct result_step *told(const struct result *r)
{
	const struct result_step *step = &r->step[r->steps ? r->steps - 1 : 0];

	for (unsigned i = 0; r->kind == RESULT_KNEE && i < r->steps; i++)
		if (r->step[i].passed && r->step[i].rate_wanted == r->knee.rate)
			step = &r->step[i];
	return step;
}

int report_json(FILE *out, const struct result *r)
{
	json_t *o = figures(told(r)), *steps = json_array();
	int status;

	for (unsigned i = 0; i < r->steps; i++)
		json_array_append_new(steps, figures(&r->step[i]));
	json_object_set_new(o, "steps", steps);
	json_object_set_new(o, "knee",
		r->kind == RESULT_KNEE ? json_pack("{s:b, s:f, s:b, s:f}", "found", r->knee.found, "rate",
						 r->knee.rate, "generator_limited", r->knee.generator_limited,
						 "least_failed", r->knee.least_failed)
				       : json_null());
	status = json_dumpf(o, out, JSON_INDENT(1)) == 0 && fputc('\n', out) == '\n' ? 0 : -1;
	json_decref(o);
	return status;
}

int report_table(FILE *out, const struct result *r)
{
	return report_json(out, r);
}

int report_csv(FILE *out, const struct result *r)
{
	return report_json(out, r);
}

int report_html(FILE *out, const struct result *r)
{
	return report_json(out, r);
}
