#include "control/sources_table.h"

#include <string.h>
#include <time.h>

#include "control/show.h"
#include "refclock/source.h"

enum {
	NAME_LEAST = 12, /* columns of the first column, however short the names are */
	NAME_MOST = 40,
	STALE_S = 3,      /* the segment is written each second */
	EXPIRY_DAYS = 30, /* of the leap list, warned of */
	DAY_S = 86400,
	SATELLITES_A_LINE = 8,
};

static const char legend[] = "S: * selected, + combined, - agrees but is not needed, x falseticker, ~ too "
			     "variable, ? unusable, N watched only\n"
			     "Reach: the last eight polls, octal, the newest lowest. Offset: newest filtered "
			     "sample against the time served.\n"
			     "Jitter: of the samples around their median. Error: hard bound of the newest "
			     "sample. PPM: the counter by it.\n";

static void print_line_served(FILE *out, const json_t *clock)
{
	char bound[SHOW_TEXT], offset[SHOW_TEXT], age[SHOW_TEXT];

	fprintf(out, "within %s, %s to make good; counter %+.3f ppm, wander %.2g ppm/s",
		show_has(clock, "bound") ? show_seconds(show_real_of(clock, "bound"), bound) : "no bound",
		show_signed_seconds(show_real_of(clock, "offset"), offset),
		show_real_of(clock, "frequency_ppm"), show_real_of(clock, "wander"));
	if (show_has(clock, "temperature"))
		fprintf(out, ", %.1f C", show_real_of(clock, "temperature"));
	if (show_real_of(clock, "holdover") > 0)
		fprintf(out, "; holdover for %s", show_age(show_real_of(clock, "holdover"), age));
	fputs("\n", out);
}

static void print_leap_list(FILE *out, const json_t *clock, time_t now)
{
	const time_t expires = (time_t)json_integer_value(json_object_get(clock, "leap_list_expires"));
	char day[SHOW_TEXT];
	struct tm tm;

	if (!show_has(clock, "leap_list_expires") || !gmtime_r(&expires, &tm))
		return;
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	if (expires < now)
		fprintf(out, "; the list EXPIRED on %s", day);
	else
		fprintf(out, "; list expires %s%s", day,
			expires - now < EXPIRY_DAYS * (time_t)DAY_S ? ": warning, renew it" : "");
}

static void print_leap(FILE *out, const json_t *clock, time_t now)
{
	char smear[SHOW_TEXT];

	if (show_has(clock, "tai_offset"))
		fprintf(out, "TAI - UTC %.0f s", show_real_of(clock, "tai_offset"));
	else
		fputs("TAI - UTC not known", out);
	if (show_has(clock, "leap_days"))
		fprintf(out, ", leap second in %.0f days", show_real_of(clock, "leap_days"));
	else
		fputs(", no leap second known of", out);
	print_leap_list(out, clock, now);
	if (show_real_of(clock, "smear") != 0)
		fprintf(out, "; smeared by %s", show_signed_seconds(show_real_of(clock, "smear"), smear));
	fputs("\n", out);
}

void sources_table_clock(FILE *out, const char *head, const json_t *clock)
{
	const int indent = (int)strlen(head);
	char age[SHOW_TEXT];

	fprintf(out, "%s%s%s%s\n", head, show_string_of(clock, "rung"),
		show_string_of(clock, "reason")[0] ? ": " : "", show_string_of(clock, "reason"));
	fprintf(out, "%*s", indent, "");
	print_line_served(out, clock);
	fprintf(out, "%*s", indent, "");
	print_leap(out, clock, time(NULL));
	if (show_is(clock, "crosscheck_failed"))
		fprintf(out,
			"%*sALARM: a source and the kernel clock's keeper disagree by more than both "
			"bounds\n",
			indent, "");
	if (show_string_of(clock, "files_trouble")[0])
		fprintf(out, "%*swarning: %s\n", indent, "", show_string_of(clock, "files_trouble"));
	if (show_is(clock, "drill"))
		fprintf(out, "%*sDRILL: this is a rehearsal; `tickwire drill end` ends it\n", indent, "");
	if (show_real_of(clock, "age") > STALE_S)
		fprintf(out, "%*swarning: written %s ago; is tickwire-clock running?\n", indent, "",
			show_age(show_real_of(clock, "age"), age));
}

static void name_source(const json_t *source, char name[NAME_MOST + 1])
{
	const char *parameter = show_string_of(source, "parameter");

	snprintf(name, NAME_MOST + 1, "%s%s%s", show_string_of(source, "driver"), parameter[0] ? " " : "",
		parameter);
}

static int name_width(const json_t *sources)
{
	const json_t *source;
	size_t i, widest = NAME_LEAST;

	json_array_foreach(sources, i, source)
	{
		char name[NAME_MOST + 1];

		name_source(source, name);
		if (strlen(name) > widest)
			widest = strlen(name);
	}
	return (int)widest;
}

/* A number of seconds, or "-" where there is none. */
static const char *seconds_of(const json_t *source, const char *key,
	const char *(*show)(double, char[SHOW_TEXT]), char text[SHOW_TEXT])
{
	return show_has(source, key) ? show(show_real_of(source, key), text) : "-";
}

static void print_source(FILE *out, const json_t *source, int width)
{
	const bool taken = show_has(source, "since");
	char name[NAME_MOST + 1], since[SHOW_TEXT], offset[SHOW_TEXT], jitter[SHOW_TEXT], error[SHOW_TEXT],
		ppm[SHOW_TEXT] = "-";

	name_source(source, name);
	if (taken && show_has(source, "frequency_ppm"))
		snprintf(ppm, sizeof(ppm), "%+.3f", show_real_of(source, "frequency_ppm"));
	fprintf(out, "%s %-*s %-5s %2.0f %4.0f %5o %6s %10s %9s %9s %9s\n", show_string_of(source, "letter"),
		width, name, show_string_of(source, "refid"), show_real_of(source, "stratum"),
		show_real_of(source, "poll"), (unsigned)show_real_of(source, "reach"),
		seconds_of(source, "since", show_age, since),
		taken ? seconds_of(source, "offset", show_signed_seconds, offset) : "-",
		taken ? seconds_of(source, "jitter", show_seconds, jitter) : "-",
		taken ? seconds_of(source, "error", show_seconds, error) : "-", ppm);
}

static void print_verdicts(FILE *out, const json_t *source)
{
	const json_t *verdicts = json_object_get(source, "verdicts"), *count;
	const char *key;
	unsigned verdict = 0;

	if (show_has(source, "since") && show_has(source, "last_offset"))
		fprintf(out, "  %.0f samples, the newest %s off\n", show_real_of(source, "samples"),
			show_signed_seconds(show_real_of(source, "last_offset"), (char[SHOW_TEXT]){""}));
	else
		fprintf(out, "  %.0f samples\n", show_real_of(source, "samples"));
	/* In the order of the list, which jansson keeps. */
	json_object_foreach((json_t *)(uintptr_t)verdicts, key, count)
	{
		if (json_integer_value(count) > 0)
			fprintf(out, "  %12lld  %s\n", (long long)json_integer_value(count),
				source_verdict_text(verdict));
		verdict++;
	}
}

static void print_dilution(FILE *out, const json_t *gnss, const char *key, const char *name)
{
	if (show_has(gnss, key))
		fprintf(out, ", %s %.1f", name, show_real_of(gnss, key));
}

static void print_gnss(FILE *out, const json_t *gnss)
{
	const json_t *list = json_object_get(gnss, "satellites"), *satellite;
	size_t i;

	fprintf(out, "  fix %s, %.0f of %.0f satellites used", show_string_of(gnss, "fix"),
		show_real_of(gnss, "satellites_used"), show_real_of(gnss, "satellites_in_view"));
	print_dilution(out, gnss, "hdop", "HDOP");
	print_dilution(out, gnss, "pdop", "PDOP");
	print_dilution(out, gnss, "tdop", "TDOP");
	if (show_has(gnss, "gps_utc_offset"))
		fprintf(out, ", GPS - UTC %.0f s", show_real_of(gnss, "gps_utc_offset"));
	if (show_real_of(gnss, "leap_pending") != 0)
		fprintf(out, ", leap second %+.0f announced", show_real_of(gnss, "leap_pending"));
	if (show_real_of(gnss, "week_rollovers") > 0)
		fprintf(out, ", %.0f weeks rolled over", show_real_of(gnss, "week_rollovers"));
	fputs("\n", out);
	json_array_foreach(list, i, satellite)
	{
		fprintf(out, "%s%s%02.0f%s %2.0f dB", i % SATELLITES_A_LINE ? "  " : "    ",
			show_string_of(satellite, "system"), show_real_of(satellite, "prn"),
			show_is(satellite, "used") ? "*" : " ", show_real_of(satellite, "snr"));
		if (i % SATELLITES_A_LINE == SATELLITES_A_LINE - 1 || i + 1 == json_array_size(list))
			fputs("\n", out);
	}
}

static void print_radio(FILE *out, const json_t *radio)
{
	fprintf(out, "  status 0x%x, %s, %.0f good telegrams, %.0f with wrong parity, %.0f implausible\n",
		(unsigned)show_real_of(radio, "status"),
		show_is(radio, "summer_time") ? "summer time" : "winter time",
		show_real_of(radio, "telegrams"), show_real_of(radio, "parity_errors"),
		show_real_of(radio, "implausible"));
	fprintf(out, "  %.0f field events, %.0f bit errors", show_real_of(radio, "field_events"),
		show_real_of(radio, "bit_errors"));
	if (show_has(radio, "correlation"))
		fprintf(out, ", correlation %.0f %%", show_real_of(radio, "correlation") * 100);
	fputs("\n", out);
}

static void print_more(FILE *out, const json_t *source)
{
	const json_t *receiver = json_object_get(source, "receiver");

	print_verdicts(out, source);
	if (json_object_get(receiver, "satellites"))
		print_gnss(out, receiver);
	else if (json_is_object(receiver))
		print_radio(out, receiver);
}

void sources_table_print(FILE *out, const json_t *clock, bool verbose)
{
	const json_t *sources = json_object_get(clock, "sources"), *source;
	const int width = name_width(sources);
	size_t i;

	if (json_array_size(sources) == 0) {
		fputs("There is no `refclock` in the configuration: the kernel clock is followed, and "
		      "`tickwire "
		      "status` says who keeps it.\n",
			out);
		return;
	}
	if (verbose)
		fputs(legend, out);
	fprintf(out, "S %-*s RefID St Poll Reach LastRx     Offset    Jitter     Error       PPM\n", width,
		"Source");
	json_array_foreach(sources, i, source)
	{
		print_source(out, source, width);
		if (show_string_of(source, "message")[0])
			fprintf(out, "  %s%s\n", show_is(source, "open") ? "" : "not there: ",
				show_string_of(source, "message"));
		if (verbose)
			print_more(out, source);
	}
}
