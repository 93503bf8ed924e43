#include "bench/ke_report.h"

#include <inttypes.h>
#include <jansson.h>

static const double ns_per_s = 1e9, ns_per_ms = 1e6;

struct share {
	const char *name, *title;
	double share;
};

static const struct share shares[] = {
	{"p50", "50 %", 0.5},
	{"p90", "90 %", 0.9},
	{"p99", "99 %", 0.99},
	{"p999", "99.9 %", 0.999},
	{"max", "most", 1},
};

enum { SHARES = sizeof(shares) / sizeof(shares[0]) };

static double rate_of(const struct ke_storm_result *result)
{
	return result->seconds > 0 ? (double)result->good / result->seconds : 0;
}

static void print_times(FILE *out, const char *name, const struct distribution *d)
{
	fprintf(out, "%-14s", name);
	for (unsigned i = 0; i < SHARES; i++)
		fprintf(out, " %10.3f", (double)distribution_at(d, shares[i].share) / ns_per_ms);
	fputc('\n', out);
}

static void print_latencies(FILE *out, const struct ke_storm_result *result)
{
	fprintf(out, "%-14s", "ms");
	for (unsigned i = 0; i < SHARES; i++)
		fprintf(out, " %10s", shares[i].title);
	fputc('\n', out);
	if (result->kept.count)
		print_times(out, "kept", &result->kept);
	if (!result->good)
		return;
	print_times(out, "latency", &result->latency);
	print_times(out, "  TCP", &result->connect);
	print_times(out, "  handshake", &result->handshake);
	print_times(out, "  response", &result->response);
}

static void print_failures(FILE *out, const struct ke_storm_result *result)
{
	for (unsigned i = 0; i < KE_REASON_COUNT; i++)
		if (result->failures[i])
			fprintf(out, "%10" PRIu64 " %s: %s; %s\n", result->failures[i],
				ke_reason_info[i].name, ke_reason_info[i].meaning, ke_reason_info[i].remedy);
	if (result->failed && result->first.detail[0])
		fprintf(out, "%10s %s: %s\n", "the first", ke_reason_info[result->first.reason].name,
			result->first.detail);
}

static void print_note(FILE *out, uint64_t count, const char *meaning)
{
	if (count)
		fprintf(out, "%10" PRIu64 " %s\n", count, meaning);
}

void ke_report_print(FILE *out, const struct ke_options *options, const struct target *target,
	const struct ke_storm_result *result)
{
	fprintf(out, "%s (%s), %u connections at most\n", target->text, target->host, options->connections);
	if (options->hold)
		fprintf(out,
			"held after %s: %" PRIu64 " of %" PRIu64 ", %" PRIu64
			" closed by the server, in %.3f s\n",
			ke_hold_name[options->hold], result->held, result->begun, result->dropped,
			result->seconds);
	else
		fprintf(out,
			"begun %" PRIu64 ", good %" PRIu64 ", failed %" PRIu64 ", in %.3f s: %.1f a second\n",
			result->begun, result->good, result->failed, result->seconds, rate_of(result));
	if (result->good || result->kept.count)
		print_latencies(out, result);
	print_failures(out, result);
	print_note(out, result->abandoned, "abandoned, as the storm was stopped");
	print_note(out, result->late, "begun more than 1 ms after their time");
	print_note(out, result->unbegun,
		"never begun, as no connection was free: ask for more --connections or a lower --rate");
	print_note(out, result->few_cookies, "responses with fewer than 8 cookies");
}

static json_t *make_times(const struct distribution *d)
{
	json_t *times = json_object();

	for (unsigned i = 0; i < SHARES; i++)
		json_object_set_new(times, shares[i].name,
			json_real((double)distribution_at(d, shares[i].share) / ns_per_s));
	return times;
}

static json_t *make_failures(const struct ke_storm_result *result)
{
	json_t *failures = json_object();

	for (unsigned i = 0; i < KE_REASON_COUNT; i++)
		if (result->failures[i])
			json_object_set_new(failures, ke_reason_info[i].name,
				json_integer((json_int_t)result->failures[i]));
	return failures;
}

static void set_count(json_t *report, const char *name, uint64_t count)
{
	json_object_set_new(report, name, json_integer((json_int_t)count));
}

static void set_counts(json_t *report, const struct ke_storm_result *result)
{
	set_count(report, "begun", result->begun);
	set_count(report, "good", result->good);
	set_count(report, "failed", result->failed);
	set_count(report, "abandoned", result->abandoned);
	set_count(report, "late", result->late);
	set_count(report, "unbegun", result->unbegun);
	set_count(report, "few_cookies", result->few_cookies);
	set_count(report, "held", result->held);
	set_count(report, "dropped", result->dropped);
}

static void set_first_failure(json_t *report, const struct ke_storm_result *result)
{
	const struct ke_reason_info *info = &ke_reason_info[result->first.reason];
	json_t *first;

	if (result->failed == 0)
		return;
	first = json_pack("{s:s, s:s, s:s, s:s}", "reason", info->name, "meaning", info->meaning, "detail",
		result->first.detail, "remedy", info->remedy);
	json_object_set_new(report, "first_failure", first);
}

bool ke_report_print_json(FILE *out, const struct ke_options *options, const struct target *target,
	const struct ke_storm_result *result)
{
	json_t *report = json_pack("{s:s, s:s, s:i, s:f}", "target", target->text, "host", target->host,
		"connections", (int)options->connections, "rate_wanted", options->rate);
	bool written;

	if (!report)
		return false;
	if (options->hold)
		json_object_set_new(report, "hold", json_string(ke_hold_name[options->hold]));
	set_counts(report, result);
	json_object_set_new(report, "seconds", json_real(result->seconds));
	json_object_set_new(report, "rate", json_real(rate_of(result)));
	json_object_set_new(report, "latency", make_times(&result->latency));
	json_object_set_new(report, "connect", make_times(&result->connect));
	json_object_set_new(report, "handshake", make_times(&result->handshake));
	json_object_set_new(report, "response", make_times(&result->response));
	json_object_set_new(report, "kept", make_times(&result->kept));
	json_object_set_new(report, "failures", make_failures(result));
	set_first_failure(report, result);
	written = json_dumpf(report, out, JSON_REAL_PRECISION(9) | JSON_INDENT(2)) == 0;
	json_decref(report);
	return fputc('\n', out) != EOF && fflush(out) == 0 && written;
}

bool ke_report_write_csv(const char *path, const struct ke_storm_result *result)
{
	FILE *file = fopen(path, "we");
	bool good;

	if (!file)
		return false;
	fputs("from_s,to_s,count\n", file);
	for (unsigned i = 0; i < DISTRIBUTION_BINS; i++) {
		uint64_t from, to;

		if (!result->latency.bin[i])
			continue;
		distribution_bounds(i, &from, &to);
		fprintf(file, "%.9f,%.9f,%" PRIu64 "\n", (double)from / ns_per_s, (double)to / ns_per_s,
			result->latency.bin[i]);
	}
	good = ferror(file) == 0;
	return fclose(file) == 0 && good;
}
