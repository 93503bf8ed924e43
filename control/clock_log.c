#include "control/clock_log.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ntp/timestamp.h"

static const struct {
	const char *name, *columns;
	uint32_t bit;
} files[CLOCK_LOG_FILES] = {
	[CLOCK_LOG_FILE_MEASUREMENTS] = {"measurements.log",
		"   Date (UTC) Time     IP Address   L St 123 567 ABCD  LP RP Score    Offset  Peer del. "
		"Peer "
		"disp.  Root del. Root disp. Refid     MTxRx",
		CLOCK_LOG_MEASUREMENTS},
	[CLOCK_LOG_FILE_STATISTICS] = {"statistics.log",
		"   Date (UTC) Time     IP Address    Std dev'n Est offset  Offset sd  Diff freq   Est skew  "
		"Stress  Ns  Bs  Nr  Asym",
		CLOCK_LOG_STATISTICS},
	[CLOCK_LOG_FILE_TRACKING] = {"tracking.log",
		"   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd "
		"Rem. "
		"corr. Root delay Root disp. Max. error",
		CLOCK_LOG_TRACKING},
	[CLOCK_LOG_FILE_REFCLOCKS] = {"refclocks.log",
		"   Date (UTC) Time         Refid  DP L P  Raw offset   Cooked offset      Disp.",
		CLOCK_LOG_REFCLOCKS},
};

enum {
	TIME_TEXT = 80,
	DAY_S = 86400,
	NTP_DISPERSION_MAX = 16, /* s, RFC 5905's MAXDISP */
	SKEW_MAX_PPM = 2000,     /* chrony's of a source that it knows nothing of */
};

const char *clock_log_file_name(enum clock_log_file file)
{
	return files[file].name;
}

uint32_t clock_log_file_bit(enum clock_log_file file)
{
	return files[file].bit;
}

const char *clock_log_columns(enum clock_log_file file)
{
	return files[file].columns;
}

size_t clock_log_banner(char *text, size_t size, enum clock_log_file file)
{
	const char *columns = files[file].columns;
	char rule[CLOCK_LOG_LINE] = "";

	memset(rule, '=', strlen(columns));
	return (size_t)snprintf(text, size, "%s\n%s\n%s\n", rule, columns, rule);
}

struct date {
	int year, month, day;
};

/* Gregorian date of a day since 1970. gmtime would look for the time zone in a file, which the daemon has no
 * way to open. */
static struct date date_of(unsigned days)
{
	/* Years are counted from March on, so that a leap day is a year's last: 400 years have 146097 days.
	 */
	const unsigned since = days + 719468, era = since / 146097, of_era = since % 146097;
	const unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	const unsigned month = (5 * of_year + 2) / 153; /* 0: March */

	return (struct date){.year = (int)(year + era * 400 + (month >= 10)),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(of_year - (153 * month + 2) / 5 + 1)};
}

/* From 1970 to 2106, which is as far as 32 bits of seconds reach. */
static const char *time_of(ntp64 time, char text[TIME_TEXT])
{
	const uint32_t seconds = (uint32_t)(time >> 32) - (uint32_t)NTP_UNIX_EPOCH;
	const unsigned of_day = seconds % DAY_S;
	const struct date date = date_of(seconds / DAY_S);

	snprintf(text, TIME_TEXT, "%04d-%02d-%02d %02u:%02u:%02u", date.year, date.month, date.day,
		of_day / 3600, of_day / 60 % 60, of_day % 60);
	return text;
}

static unsigned microseconds_of(ntp64 time)
{
	return (unsigned)(((time & UINT32_MAX) * 1000000) >> 32);
}

static char leap_of(const struct discipline_record *r)
{
	return "N+-?"[r->leap & 3];
}

static void find_source(struct source_options *source, const struct clock_settings *settings,
	const struct discipline_record *r)
{
	if (r->source >= 0 && r->source < settings->sources)
		*source = settings->source[r->source];
	else if (r->source == settings->sources)
		clock_settings_implicit_system(settings, source);
	else
		*source = (struct source_options){.refid = "-"};
}

static void format_refclocks(
	char text[CLOCK_LOG_LINE], const struct source_options *source, const struct discipline_record *r)
{
	char time[TIME_TEXT];

	if (r->kind == RECORD_RAW)
		snprintf(text, CLOCK_LOG_LINE, "%s.%06u %-5.4s %3u %c %d %13.6e %13.6e %10.3e\n",
			time_of(r->time, time), microseconds_of(r->time), (const char *)source->refid,
			r->number, leap_of(r), r->pulse, r->raw_offset, r->offset, r->dispersion);
	else
		snprintf(text, CLOCK_LOG_LINE, "%s.%06u %-5.4s   - %c -       -       %13.6e %10.3e\n",
			time_of(r->time, time), microseconds_of(r->time), (const char *)source->refid,
			leap_of(r), r->offset, r->dispersion);
}

static void format_measurements(
	char text[CLOCK_LOG_LINE], const struct source_options *source, const struct discipline_record *r)
{
	const uint8_t *refid = source->refid;
	char time[TIME_TEXT];

	snprintf(text, CLOCK_LOG_LINE,
		"%s %-15.4s %c %2u 111 111 1111  %2d %2d %4.2f %10.3e %10.3e %10.3e %10.3e %10.3e "
		"%02X%02X%02X%02X 4B K K\n",
		time_of(r->time, time), (const char *)refid, leap_of(r), r->stratum, source->poll,
		source->poll, 1.0, r->offset, source->delay, r->dispersion, 0.0, 0.0, refid[0], refid[1],
		refid[2], refid[3]);
}

static void format_statistics(
	char text[CLOCK_LOG_LINE], const struct source_options *source, const struct discipline_record *r)
{
	char time[TIME_TEXT];

	snprintf(text, CLOCK_LOG_LINE,
		"%s %-15.4s %10.3e %10.3e %10.3e %10.3e %10.3e %7.1e %3d %3d %3d %5.2f\n",
		time_of(r->time, time), (const char *)source->refid, r->deviation, 0 - r->offset,
		r->dispersion, r->frequency * 1e-6, r->skew * 1e-6, 0.0, r->samples, 0, 0, 0.0);
}

static void format_tracking(
	char text[CLOCK_LOG_LINE], const struct source_options *source, const struct discipline_record *r)
{
	char time[TIME_TEXT];

	snprintf(text, CLOCK_LOG_LINE,
		"%s %-15.4s %2u %10.3f %10.3f %10.3e %c %2d %10.3e %10.3e %10.3e %10.3e %10.3e\n",
		time_of(r->time, time), (const char *)source->refid, r->stratum, r->frequency, r->skew,
		0 - r->offset, leap_of(r), r->combined, r->deviation, r->raw_offset, source->delay,
		r->dispersion, r->dispersion);
}

static void (*const formats[CLOCK_LOG_FILES])(
	char text[CLOCK_LOG_LINE], const struct source_options *source, const struct discipline_record *r) = {
	[CLOCK_LOG_FILE_MEASUREMENTS] = format_measurements,
	[CLOCK_LOG_FILE_STATISTICS] = format_statistics,
	[CLOCK_LOG_FILE_TRACKING] = format_tracking,
	[CLOCK_LOG_FILE_REFCLOCKS] = format_refclocks,
};

static bool belongs(uint32_t logs, enum clock_log_file file, const struct discipline_record *r)
{
	if (!(logs & files[file].bit))
		return false;
	if (file == CLOCK_LOG_FILE_STATISTICS)
		return r->kind == RECORD_STATISTICS;
	if (file == CLOCK_LOG_FILE_TRACKING)
		return r->kind == RECORD_TRACKING;
	if (file == CLOCK_LOG_FILE_MEASUREMENTS && r->kind == RECORD_RAW)
		return logs & CLOCK_LOG_RAW;
	return r->kind == RECORD_RAW || r->kind == RECORD_FILTERED;
}

static double finite_or(double value, double otherwise)
{
	return isfinite(value) ? value + 0.0 : otherwise; /* -0 is 0 */
}

/* What is not known yet, as chrony says it: what reads its logs expects numbers. */
static struct discipline_record known_of(const struct discipline_record *record)
{
	struct discipline_record r = *record;

	r.raw_offset = finite_or(r.raw_offset, 0);
	r.offset = finite_or(r.offset, 0);
	r.dispersion = finite_or(r.dispersion, NTP_DISPERSION_MAX);
	r.deviation = finite_or(r.deviation, 0);
	r.frequency = finite_or(r.frequency, 0);
	r.skew = finite_or(r.skew, SKEW_MAX_PPM);
	return r;
}

int clock_log_format(struct clock_log_line line[CLOCK_LOG_LINES], const struct clock_settings *settings,
	const struct discipline_record *record)
{
	const struct discipline_record known = known_of(record);
	struct source_options source;
	int lines = 0;

	find_source(&source, settings, record);
	for (unsigned file = 0; file < CLOCK_LOG_FILES; file++) {
		if (!belongs(settings->logs, (enum clock_log_file)file, record))
			continue;
		line[lines].file = (enum clock_log_file)file;
		formats[file](line[lines].text, &source, &known);
		/* Of numbers that no clock has, it was cut off. */
		if (strlen(line[lines].text) == CLOCK_LOG_LINE - 1)
			line[lines].text[CLOCK_LOG_LINE - 2] = '\n';
		lines++;
	}
	return lines;
}
