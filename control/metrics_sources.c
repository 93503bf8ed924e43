/* The discipline and its sources (directive `refclock`). */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "control/clock_names.h"
#include "control/metrics_page.h"

enum { LABELS = 3, NAME = 32 };

/* What every sample of a source is labelled with: its number, since all else may be the same of two. */
struct named {
	const struct source_report *source;
	char number[12];
	struct metrics_label label[LABELS + 1]; /* the last is free */
};

static void name_source(struct named *n, const struct source_report *source, unsigned number)
{
	n->source = source;
	snprintf(n->number, sizeof(n->number), "%u", number);
	n->label[0] = METRICS_WORD("source", n->number);
	n->label[1] = METRICS_TEXT("driver", source->name);
	n->label[2] = (struct metrics_label){"refid", (const char *)source->refid, sizeof(source->refid)};
}

static double seconds_since(const struct sources *all, uint64_t counter, double age)
{
	return all->counter_hz > 0 ? (double)(int64_t)(all->counter - counter) / all->counter_hz + age : NAN;
}

static double reach_of(const struct source_report *s)
{
	return __builtin_popcount(s->reach) / 8.0;
}

static double open_of(const struct source_report *s)
{
	return s->open != 0;
}

static double offset_of(const struct source_report *s)
{
	return s->offset;
}

static double last_offset_of(const struct source_report *s)
{
	return s->last_offset;
}

static double jitter_of(const struct source_report *s)
{
	return s->samples ? s->jitter : NAN;
}

static double error_of(const struct source_report *s)
{
	return s->samples ? s->error : NAN;
}

static double satellites_used_of(const struct source_report *s)
{
	return s->receiver == RECEIVER_GNSS ? s->gnss.used : NAN;
}

static double satellites_in_view_of(const struct source_report *s)
{
	return s->receiver == RECEIVER_GNSS ? s->gnss.in_view : NAN;
}

static double fix_of(const struct source_report *s)
{
	return s->receiver == RECEIVER_GNSS ? s->gnss.fix : NAN;
}

static const struct {
	const char *name, *help;
	double (*of)(const struct source_report *);
} gauges[] = {
	{"source_open", "1 while the source's device is there.", open_of},
	{"source_reach_ratio", "Of the last eight polls, the share that gave a sample.", reach_of},
	{"source_offset_seconds", "The newest filtered sample against the time served.", offset_of},
	{"source_last_offset_seconds", "The newest raw sample against the time served.", last_offset_of},
	{"source_jitter_seconds", "Root mean square of the samples around their median.", jitter_of},
	{"source_error_bound_seconds", "How far the newest filtered sample can be off.", error_of},
	{"source_satellites_used", "Satellites in the receiver's fix.", satellites_used_of},
	{"source_satellites_in_view", "Satellites that the receiver sees.", satellites_in_view_of},
	{"source_receiver_fix", "The receiver's fix: 0 unknown, 1 none, 2 in two dimensions, 3 in three.",
		fix_of},
};

static void show_state(struct metrics_out *out, struct named *n)
{
	for (unsigned i = 0; i < SOURCE_STATES; i++) {
		n->label[LABELS] = METRICS_WORD("state", clock_source_state_name(i));
		metrics_whole(out, n->source->state == i, n->label, LABELS + 1);
	}
}

static void show_verdicts(struct metrics_out *out, struct named *n)
{
	for (unsigned i = 0; i < SOURCE_VERDICT_COUNT; i++) {
		char name[CLOCK_VERDICT_NAME];

		clock_verdict_name(i, name);
		n->label[LABELS] = METRICS_WORD("verdict", name);
		metrics_whole(out, n->source->verdicts[i], n->label, LABELS + 1);
	}
}

static void show_radio(struct metrics_out *out, struct named *named, unsigned count)
{
	metrics_family(out, METRICS_COUNTER, "source_telegrams_total",
		"Whole minutes of DCF77, or time strings, that were good.");
	for (unsigned i = 0; i < count; i++)
		if (named[i].source->receiver == RECEIVER_RADIO)
			metrics_whole(out, named[i].source->radio.telegrams, named[i].label, LABELS);
	metrics_family(out, METRICS_COUNTER, "source_telegrams_refused_total",
		"Those with a wrong parity, or that did not follow the one before.");
	for (unsigned i = 0; i < count; i++)
		if (named[i].source->receiver == RECEIVER_RADIO)
			metrics_whole(out,
				(uint64_t)named[i].source->radio.parity_errors +
					named[i].source->radio.implausible,
				named[i].label, LABELS);
}

static void show_sources(
	struct metrics_out *out, struct named *named, unsigned count, const struct sources *all, double age)
{
	metrics_family(out, METRICS_GAUGE, "source_info", "Where the source is; the value is always 1.");
	for (unsigned i = 0; i < count; i++) {
		named[i].label[LABELS] = METRICS_TEXT("parameter", named[i].source->parameter);
		metrics_whole(out, 1, named[i].label, LABELS + 1);
	}
	metrics_family(out, METRICS_GAUGE, "source_state",
		"What the selection has made of the source: 1 for the state that it is in.");
	for (unsigned i = 0; i < count; i++)
		show_state(out, &named[i]);
	for (size_t k = 0; k < sizeof(gauges) / sizeof(gauges[0]); k++) {
		metrics_family(out, METRICS_GAUGE, gauges[k].name, gauges[k].help);
		for (unsigned i = 0; i < count; i++)
			metrics_real(out, gauges[k].of(named[i].source), named[i].label, LABELS);
	}
	metrics_family(out, METRICS_GAUGE, "source_last_sample_age_seconds", "Time since the newest sample.");
	for (unsigned i = 0; i < count; i++)
		if (named[i].source->last_sample)
			metrics_real(out, seconds_since(all, named[i].source->last_sample, age),
				named[i].label, LABELS);
	metrics_family(out, METRICS_COUNTER, "source_samples_total",
		"Samples of the source, by what became of them.");
	for (unsigned i = 0; i < count; i++)
		show_verdicts(out, &named[i]);
	show_radio(out, named, count);
}

static void show_discipline(struct metrics_out *out, const struct sources *s, double age)
{
	metrics_gauge(out, "clock_report_age_seconds",
		"Time since tickwire-clock has said what follows here of its sources.", age);
	metrics_gauge(out, "clock_offset_seconds", "What the time served still has to make good.", s->offset);
	metrics_gauge(out, "clock_holdover_seconds",
		"Time since the last usable sample of any source; 0 while there are.", s->holdover);
	metrics_gauge(
		out, "clock_temperature_celsius", "The sensor of the directive temperature.", s->temperature);
	metrics_gauge(out, "clock_crosscheck_failed",
		"1: the sources and the kernel clock's keeper disagree by more than both can err.",
		s->crosscheck != 0);
	metrics_gauge(out, "clock_files_failed",
		"1: logs or the drift file cannot be written; status says why.", s->files[0] != '\0');
	metrics_family(out, METRICS_COUNTER, "clock_files_lost_records_total",
		"Records for those files that were lost.");
	metrics_whole(out, s->files_lost, NULL, 0);
	metrics_gauge(out, "clock_drill", "1 while a drill is under way.", s->drill != 0);
	if (s->leap_list_expires)
		metrics_gauge(out, "clock_leap_list_expiry_timestamp_seconds",
			"When the list of leap seconds expires, as Unix time.", (double)s->leap_list_expires);
}

void metrics_sources(struct metrics_out *out, const struct sources *sources, double age)
{
	const unsigned count = sources->count < SOURCES_MAX ? sources->count : SOURCES_MAX;
	struct named named[SOURCES_MAX];

	if (count == 0)
		return;
	for (unsigned i = 0; i < count; i++)
		name_source(&named[i], &sources->source[i], i);
	show_discipline(out, sources, age);
	show_sources(out, named, count, sources, age);
}
