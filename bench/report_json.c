#include "bench/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bench/figures.h"
#include "bench/text.h"
#include "nts/ke_aeads.h"

/* Of a part that could not be made, jansson's packing makes the whole fail: so NULL is looked at only at the
 * end. */

static json_t *text_json(const char *text)
{
	char clean[TEXT_MAX];

	return json_string(text_clean(clean, sizeof(clean), text));
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? text_json(text) : json_null();
}

static json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count_json(uint64_t count)
{
	return json_integer(count < INT64_MAX ? (json_int_t)count : INT64_MAX);
}

static json_t *time_at(const struct distribution *d, double share)
{
	return d->count ? real(figures_at(d, share)) : json_null();
}

static json_t *distribution_json(const struct distribution *d)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count", count_json(d->count),
		"min", time_at(d, 0), "p50", time_at(d, 0.5), "p90", time_at(d, 0.9), "p99", time_at(d, 0.99),
		"p999", time_at(d, 0.999), "p9999", time_at(d, 0.9999), "max", time_at(d, 1), "mean",
		d->count ? real(figures_mean(d)) : json_null());
}

static json_t *offset_at(const struct result_offsets *offsets, double share)
{
	return figures_offsets(offsets) ? real(figures_offset_at(offsets, share)) : json_null();
}

static json_t *offset_json(const struct result_offsets *o)
{
	const uint64_t count = figures_offsets(o);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count", count_json(count), "min",
		offset_at(o, 0), "p1", offset_at(o, 0.01), "p10", offset_at(o, 0.1), "p50", offset_at(o, 0.5),
		"p90", offset_at(o, 0.9), "p99", offset_at(o, 0.99), "max", offset_at(o, 1), "mean",
		count ? real(figures_offset_mean(o)) : json_null());
}

static json_t *verdicts_json(const struct judge_counts *counts)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		json_object_set_new(object, judge_verdict_info[i].name, count_json(counts->verdict[i]));
	return object;
}

static json_t *header_json(const struct judge_counts *counts)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < CLIENT_VERDICT_COUNT; i++)
		json_object_set_new(object, client_verdict_info[i].name, count_json(counts->header[i]));
	return object;
}

static json_t *nts_verdicts_json(const struct judge_counts *counts)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < NTS_CLIENT_VERDICT_COUNT; i++)
		json_object_set_new(object, nts_client_verdict_info[i].name, count_json(counts->nts[i]));
	return object;
}

static json_t *limit_json(const struct result_step *step)
{
	if (!result_generator_limited(step) || step->limit == RESULT_LIMIT_NONE)
		return json_null();
	return json_string(step->limit == RESULT_LIMIT_PORT ? "port" : "core");
}

static json_t *main_json(const struct result_step *s)
{
	const uint64_t valid = figures_valid(&s->counts);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:b}",
		"sent", count_json(s->sent), "due", count_json(s->due), "answered",
		count_json(s->counts.answered), "valid", count_json(valid), "lost",
		count_json(s->counts.lost), "wrong", count_json(result_wrong(&s->counts)), "loss",
		real(result_loss(s)), "rate_sent", real(figures_rate(s, s->sent)), "rate_answered",
		real(figures_rate(s, s->counts.answered)), "rate_valid", real(figures_rate(s, valid)),
		"rate_wanted", real(s->rate_wanted), "seconds", real(s->seconds), "generator_limited",
		result_generator_limited(s), "limit", limit_json(s), "stopped", s->stopped);
}

static json_t *beside_json(const struct result_step *s)
{
	const uint64_t *verdict = s->counts.verdict;
	json_t *nts = json_pack("{s:o, s:o, s:o}", "sent", count_json(s->nts_sent), "cookies_reused",
		count_json(s->cookies_reused), "tags_checked", count_json(s->tags_checked));

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kisses",
		count_json(figures_kisses(&s->counts)), "unsynchronised",
		count_json(verdict[JUDGE_UNSYNCHRONISED]), "late", count_json(verdict[JUDGE_LATE]),
		"duplicates", count_json(verdict[JUDGE_DUPLICATE]), "unsolicited",
		count_json(verdict[JUDGE_UNSOLICITED]), "garbage", count_json(s->garbage), "garbage_answered",
		count_json(s->garbage_answered), "refused", count_json(s->refused), "foreign",
		count_json(s->foreign), "octets_sent", count_json(s->octets_sent), "octets_received",
		count_json(s->octets_received), "nts", nts);
}

static json_t *measured_json(const struct result_step *s)
{
	const bool known = s->stratum != 0;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "latency",
		distribution_json(&s->latency), "held_up", distribution_json(&s->held_up), "residence",
		distribution_json(&s->residence), "offset", offset_json(&s->offset), "verdicts",
		verdicts_json(&s->counts), "header", header_json(&s->counts), "nts_verdicts",
		nts_verdicts_json(&s->counts), "stratum", known ? json_integer(s->stratum) : json_null(),
		"precision", known ? json_integer(s->precision) : json_null());
}

/* Move what is in `from` to `to`; false where either is missing. */
static bool take(json_t *to, json_t *from)
{
	const bool taken = to && from && json_object_update(to, from) == 0;

	json_decref(from);
	return taken;
}

static json_t *failed(json_t *object)
{
	json_decref(object);
	return NULL;
}

static json_t *figures_json(const struct result_step *step)
{
	json_t *object = main_json(step);
	const bool beside = take(object, beside_json(step)), measured = take(object, measured_json(step));

	return beside && measured ? object : failed(object);
}

static json_t *point_json(const struct result_point *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "at", real(p->at), "seconds",
		real(p->seconds), "due", count_json(p->due), "sent", count_json(p->sent), "valid",
		count_json(p->valid), "wrong", count_json(p->wrong), "lost", count_json(p->lost), "p50",
		real((double)p->p50_ns * 1e-9), "p99", real((double)p->p99_ns * 1e-9), "max",
		real((double)p->most_ns * 1e-9));
}

static json_t *series_json(const struct result_step *step)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < step->points && i < RESULT_POINTS_MAX; i++)
		if (json_array_append_new(array, point_json(&step->point[i])) != 0)
			return failed(array);
	return array;
}

static json_t *step_json(const struct result *r, const struct result_step *s)
{
	json_t *object = figures_json(s);
	const bool search = r->kind == RESULT_KNEE;

	return take(object, json_pack("{s:o, s:o, s:o, s:s, s:o}", "at", real(s->at), "repeat",
				    json_integer(s->repeat), "passed",
				    search ? json_boolean(s->passed) : json_null(), "outcome",
				    figures_outcome(r, s), "series", series_json(s)))
		       ? object
		       : failed(object);
}

static json_t *steps_json(const struct result *r)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < r->steps; i++)
		if (json_array_append_new(array, step_json(r, &r->step[i])) != 0)
			return failed(array);
	return array;
}

static json_t *machine_json(const struct result_machine *m)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu", text_json(m->cpu), "kernel",
		text_json(m->kernel), "compiler", text_json(m->compiler), "version", text_json(m->version),
		"dpdk", text_or_null(m->dpdk), "cores", json_integer(m->cores), "counter_hz",
		real(m->counter_hz), "clk_per_tick",
		m->clk_per_tick > 0 ? real(m->clk_per_tick) : json_null());
}

static json_t *settings_json(const struct result *r)
{
	json_t *load = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "arrival",
		text_json(r->arrival), "clients", json_integer(r->clients), "sources", text_json(r->sources),
		"zipf", real(r->zipf), "version", json_integer(r->version), "timeout", real(r->timeout),
		"garbage_share", real(r->garbage_share), "request_size", json_integer(r->request_size),
		"nts_request_size", json_integer(r->nts_request_size), "nts_clients",
		json_integer(r->nts_clients), "nts_aead",
		r->nts_aead ? json_string(ke_aead_name(r->nts_aead)) : json_null());
	const bool wire = take(
		load, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "interface", text_json(r->interface),
			      "driver", text_or_null(r->driver), "cores", json_integer(r->cores), "vlan",
			      r->vlan ? json_integer(r->vlan) : json_null(), "stamps", text_json(r->stamps),
			      "nts_share", real(r->nts_share), "tag_share", real(r->tag_share)));

	return wire ? load : failed(load);
}

static json_t *knee_json(const struct result *r)
{
	const struct result_knee *k = &r->knee;

	if (r->kind != RESULT_KNEE)
		return json_null();
	return json_pack("{s:b, s:o, s:o, s:o, s:i, s:b}", "found", k->found, "rate",
		k->found ? real(k->rate) : json_null(), "least_failed",
		k->least_failed > 0 ? real(k->least_failed) : json_null(), "loss_bound", real(k->loss_bound),
		"repeats", (int)k->repeats, "generator_limited", k->generator_limited);
}

static json_t *remarks_json(const struct result *r)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < r->remarks && i < sizeof(r->remark) / sizeof(r->remark[0]); i++)
		if (json_array_append_new(array, text_json(r->remark[i])) != 0)
			return failed(array);
	return array;
}

static json_t *result_json(const struct result *r)
{
	const char *of;
	struct result_step *figures = figures_of(r, &of);
	json_t *object = figures ? figures_json(figures) : NULL;
	const bool about =
		take(object, json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "of",
				     of, "kind", figures_kind(r->kind), "stopped", r->stopped, "target",
				     text_json(r->target), "host", text_json(r->host), "command",
				     text_json(r->command), "started", text_json(r->started), "machine",
				     machine_json(&r->machine), "settings", settings_json(r), "clock_step",
				     real(r->clock_step), "knee", knee_json(r), "remarks", remarks_json(r)));
	const bool steps = take(object, json_pack("{s:o}", "steps", steps_json(r)));

	free(figures);
	return about && steps ? object : failed(object);
}

int report_json(FILE *out, const struct result *r)
{
	json_t *object = result_json(r);
	int written;

	if (!object)
		return -1;
	written = json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(12));
	json_decref(object);
	if (written != 0 || fputc('\n', out) == EOF)
		return -1;
	return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
