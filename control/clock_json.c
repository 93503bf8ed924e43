#include "control/clock_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "control/clock_names.h"
#include "control/show.h"
#include "refclock/counter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static json_t *whole_or_null(bool known, int64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static json_t *satellites_json(const struct receiver_gnss *g)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < g->satellites && i < RECEIVER_SATELLITES; i++) {
		const struct receiver_satellite *s = &g->satellite[i];

		json_array_append_new(
			list, json_pack("{s:o, s:i, s:i, s:b, s:o, s:o}", "system",
				      show_text_json(&s->system, 1), "prn", s->prn, "snr", s->snr, "used",
				      s->used, "azimuth", whole_or_null(s->azimuth >= 0, s->azimuth),
				      "elevation", whole_or_null(s->elevation >= -90, s->elevation)));
	}
	return list;
}

static json_t *dilution_json(float dilution)
{
	return dilution > 0 ? show_real_json(dilution) : json_null();
}

static json_t *gnss_json(const struct receiver_gnss *g)
{
	static const char *const fixes[] = {"unknown", "none", "2D", "3D"};

	return json_pack("{s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:i, s:o}", "fix",
		g->fix < COUNT(fixes) ? fixes[g->fix] : "unknown", "satellites_used", g->used,
		"satellites_in_view", g->in_view, "leap_pending", g->leap_pending, "gps_utc_offset",
		whole_or_null(g->leap_offset != 0, g->leap_offset), "hdop", dilution_json(g->hdop), "pdop",
		dilution_json(g->pdop), "tdop", dilution_json(g->tdop), "week_rollovers",
		(int)g->week_rollovers, "satellites", satellites_json(g));
}

static json_t *radio_json(const struct receiver_radio *r)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:b}", "status", (json_int_t)r->status,
		"telegrams", (json_int_t)r->telegrams, "parity_errors", (json_int_t)r->parity_errors,
		"implausible", (json_int_t)r->implausible, "field_events", (json_int_t)r->field_events,
		"bit_errors", (json_int_t)r->bit_errors, "correlation",
		r->correlation > 0 ? show_real_json(r->correlation) : json_null(), "summer_time",
		r->summer_time != 0);
}

static json_t *receiver_json(const struct source_report *s)
{
	if (s->receiver == RECEIVER_GNSS)
		return gnss_json(&s->gnss);
	return s->receiver == RECEIVER_RADIO ? radio_json(&s->radio) : json_null();
}

static json_t *verdicts_json(const struct source_report *s)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < SOURCE_VERDICT_COUNT; i++) {
		char name[CLOCK_VERDICT_NAME];

		clock_verdict_name(i, name);
		json_object_set_new(object, name, json_integer((json_int_t)s->verdicts[i]));
	}
	return object;
}

/* Seconds from a counter value to the other one, of which none is before 0. */
static double seconds_between(uint64_t from, uint64_t to, double hz)
{
	const double s = hz > 0 ? (double)(int64_t)(to - from) / hz : 0;

	return s > 0 ? s : 0;
}

static json_t *source_json(const struct sources *all, const struct source_report *s, double age)
{
	static const char *const leaps[] = {"none", "insert", "delete", "unsynchronised"};
	const bool taken = s->last_sample != 0;
	json_t *since =
		taken ? show_real_json(seconds_between(s->last_sample, all->counter, all->counter_hz) + age)
		      : json_null();

	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:i, s:i, s:i, s:s, s:b, s:I, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o, s:o}",
		"driver", show_text_json(s->name, sizeof(s->name)), "parameter",
		show_text_json(s->parameter, sizeof(s->parameter)), "refid",
		show_text_json((const char *)s->refid, sizeof(s->refid)), "state",
		clock_source_state_name(s->state), "letter", clock_source_state_letter(s->state), "reach",
		s->reach, "poll", s->poll, "stratum", s->stratum, "leap", leaps[s->leap & 3], "open",
		s->open != 0, "samples", (json_int_t)s->samples, "since", since, "offset",
		show_real_json(s->offset), "last_offset", show_real_json(s->last_offset), "jitter",
		show_real_json(s->jitter), "error", show_real_json(s->error), "frequency_ppm",
		show_real_json(s->frequency), "verdicts", verdicts_json(s), "message",
		show_text_json(s->message, sizeof(s->message)), "receiver", receiver_json(s));
}

json_t *clock_json(const struct sources *s, double age)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->count && i < SOURCES_MAX; i++)
		json_array_append_new(list, source_json(s, &s->source[i], age));
	return json_pack(
		"{s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
		"rung", clock_rung_name(s->rung), "reason", show_text_json(s->reason, sizeof(s->reason)),
		"crosscheck_failed", s->crosscheck != 0, "drill", s->drill != 0, "age", show_real_json(age),
		"offset", show_real_json(s->offset), "bound", show_real_json(s->bound), "frequency_ppm",
		show_real_json(s->frequency), "wander", show_real_json(s->wander), "holdover",
		show_real_json(s->holdover), "temperature", show_real_json(s->temperature), "tai_offset",
		whole_or_null(s->tai_offset != 0, s->tai_offset), "leap_days",
		whole_or_null(s->leap_days >= 0, s->leap_days), "leap_list_expires",
		whole_or_null(s->leap_list_expires != 0, s->leap_list_expires), "smear",
		show_real_json(s->smear), "files_trouble", show_text_json(s->files, sizeof(s->files)),
		"files_lost", (json_int_t)s->files_lost, "sources", list);
}

bool clock_json_read(
	const char *run_dir, struct sources *sources, double *age, bool *missing, char *text, size_t size)
{
	struct shm segment = {0};
	enum shm_error error = shm_open_reader(&segment, run_dir, &SOURCES_CONTRACT);
	uint64_t sequence;

	*missing = error == SHM_SYSTEM && errno == ENOENT;
	if (error != SHM_OK) {
		shm_explain(error, run_dir, &SOURCES_CONTRACT, text, size);
		return false;
	}
	sequence = shm_read(&segment, sources);
	shm_close(&segment);
	if (sequence == 0) {
		*missing = true;
		snprintf(text, size,
			"%s/%s has nothing in it yet; ask again in a second, and see the log of "
			"tickwire-clock",
			run_dir, SOURCES_CONTRACT.file);
		return false;
	}
	*age = seconds_between(sources->counter, counter_read((enum counter_kind)sources->counter_kind),
		sources->counter_hz);
	return true;
}
