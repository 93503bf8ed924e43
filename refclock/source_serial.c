/*
 * Receivers on a line: NMEA, DCF77 and MEINBERG. One driver; what its octets mean is up to the kind's parser.
 */
#include <stdio.h>
#include <stdlib.h>

#include "refclock/calendar.h"
#include "refclock/dcf77.h"
#include "refclock/drivers.h"
#include "refclock/meinberg.h"
#include "refclock/nmea.h"
#include "refclock/serial.h"

union parser {
	struct nmea nmea;
	struct dcf77 dcf77;
	struct meinberg meinberg;
};

struct dialect {
	unsigned baud; /* by default */
	bool fed;      /* the receiver may be fed from modem lines */
	void (*init)(union parser *parser, double hz);
	/* True where an octet that began at `stamp` completed a time. Where what it ended was refused, or is
	 * strange, *refused says so. */
	bool (*octet)(union parser *parser, uint8_t octet, uint64_t stamp, struct measurement *m,
		const char **refused);
	enum receiver_kind (*report)(const union parser *parser, uint64_t now, struct source_report *report);
};

static void init_nmea(union parser *p, double hz)
{
	struct nmea_options options = {
		.hz = hz,
		.floor = calendar_days((struct calendar_date){CALENDAR_FLOOR_YEAR, 1, 1}),
	};

	nmea_init(&p->nmea, &options);
}

static bool octet_nmea(
	union parser *p, uint8_t octet, uint64_t stamp, struct measurement *m, const char **refused)
{
	const uint32_t jumps = p->nmea.jumps;
	enum nmea_verdict verdict = nmea_octet(&p->nmea, octet, stamp);
	struct nmea_time time;

	if (verdict == NMEA_NO_DATE || verdict == NMEA_LEAP_SECOND || verdict > NMEA_OTHER)
		*refused = nmea_verdict_text(verdict);
	if (p->nmea.jumps != jumps)
		*refused = "the receiver's time has jumped";
	if (!nmea_take(&p->nmea, &time))
		return false;
	*m = (struct measurement){
		.counter = time.stamp,
		.time = time.time,
		.leap = time.valid ? NTP_LEAP_NONE : NTP_LEAP_UNSYNC,
	};
	return true;
}

static enum receiver_kind report_nmea(const union parser *p, uint64_t now, struct source_report *report)
{
	nmea_report(&p->nmea, now, &report->gnss);
	return RECEIVER_GNSS;
}

static void init_dcf77(union parser *p, double hz)
{
	dcf77_init(&p->dcf77, hz, CALENDAR_FLOOR_YEAR);
}

static bool octet_dcf77(
	union parser *p, uint8_t octet, uint64_t stamp, struct measurement *m, const char **refused)
{
	enum dcf77_verdict verdict = dcf77_mark(&p->dcf77, stamp, dcf77_octet_ms(octet));
	struct dcf77_time time;

	if (verdict > DCF77_FIRST)
		*refused = dcf77_verdict_text(verdict);
	if (!dcf77_take(&p->dcf77, &time))
		return false;
	*m = (struct measurement){.counter = time.stamp, .time = time.time, .leap = time.leap};
	return true;
}

static enum receiver_kind report_dcf77(const union parser *p, uint64_t now, struct source_report *report)
{
	(void)now;
	report->radio = p->dcf77.report;
	return RECEIVER_RADIO;
}

static void init_meinberg(union parser *p, double hz)
{
	meinberg_init(&p->meinberg, hz, CALENDAR_FLOOR_YEAR);
}

static bool octet_meinberg(
	union parser *p, uint8_t octet, uint64_t stamp, struct measurement *m, const char **refused)
{
	enum meinberg_verdict verdict = meinberg_octet(&p->meinberg, octet, stamp);
	struct meinberg_time time;

	if (verdict > MEINBERG_FREE_RUNNING)
		*refused = meinberg_verdict_text(verdict);
	if (!meinberg_take(&p->meinberg, &time))
		return false;
	*m = (struct measurement){.counter = time.stamp, .time = time.time, .leap = time.leap};
	return true;
}

static enum receiver_kind report_meinberg(const union parser *p, uint64_t now, struct source_report *report)
{
	(void)now;
	report->radio = p->meinberg.report;
	return RECEIVER_RADIO;
}

/* At 50 baud a mark of 100 or 200 ms fits into an octet. */
static const struct dialect nmea = {9600, false, init_nmea, octet_nmea, report_nmea};
static const struct dialect dcf77 = {50, true, init_dcf77, octet_dcf77, report_dcf77};
static const struct dialect meinberg = {9600, false, init_meinberg, octet_meinberg, report_meinberg};

struct serial_source {
	const struct dialect *dialect;
	struct serial line;
	union parser parser;
};

static const struct dialect *dialect_of(uint8_t kind)
{
	switch (kind) {
	case SOURCE_NMEA:
		return &nmea;
	case SOURCE_DCF77:
		return &dcf77;
	case SOURCE_MEINBERG:
		return &meinberg;
	default:
		return NULL;
	}
}

static void *open_source(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	const struct dialect *dialect = dialect_of(options->kind);
	struct serial_source *s = dialect ? calloc(1, sizeof(*s)) : NULL;

	snprintf(text, size, "%s", dialect ? "no memory" : "this kind of source is not on a line");
	if (!s || !serial_open(&s->line, options->parameter, dialect->baud, world, text, size)) {
		free(s);
		return NULL;
	}
	s->dialect = dialect;
	dialect->init(&s->parser, world->counter_hz);
	if (dialect->fed)
		serial_feed_from_modem_lines(&s->line);
	snprintf(text, size, "%s", "");
	return s;
}

static void close_source(void *state)
{
	struct serial_source *s = state;

	serial_close(&s->line);
	free(s);
}

static int descriptor(const void *state)
{
	const struct serial_source *s = state;

	return s->line.fd;
}

static enum driver_news take(void *state, struct measurement *m, char *text, size_t size)
{
	struct serial_source *s = state;
	const char *refused = "";
	enum serial_news news;
	bool complete = false;
	uint8_t octet;

	while (!complete && (news = serial_next(&s->line, &octet, text, size)) == SERIAL_OCTET)
		complete = s->dialect->octet(&s->parser, octet, s->line.began, m, &refused);
	if (news == SERIAL_GONE)
		return DRIVER_GONE;
	snprintf(text, size, "%s", refused);
	if (complete)
		m->error = s->line.error;
	return complete ? DRIVER_MEASUREMENT : DRIVER_SILENT;
}

static enum receiver_kind receiver(const void *state, struct source_report *report)
{
	const struct serial_source *s = state;
	const struct driver_world *world = s->line.world;

	return s->dialect->report(&s->parser, world->counter_now(world->opaque), report);
}

const struct driver_functions driver_nmea = {open_source, close_source, descriptor, take, receiver, NULL};
const struct driver_functions driver_dcf77 = {open_source, close_source, descriptor, take, receiver, NULL};
const struct driver_functions driver_meinberg = {open_source, close_source, descriptor, take, receiver, NULL};
