#include "refclock/source.h"

#include <string.h>

static const char *const kind_names[SOURCE_KINDS] = {
	[SOURCE_SYSTEM] = "SYSTEM",
	[SOURCE_PPS] = "PPS",
	[SOURCE_PHC] = "PHC",
	[SOURCE_SHM] = "SHM",
	[SOURCE_SOCK] = "SOCK",
	[SOURCE_GPSD] = "GPSD",
	[SOURCE_NMEA] = "NMEA",
	[SOURCE_DCF77] = "DCF77",
	[SOURCE_MEINBERG] = "MEINBERG",
	[SOURCE_LOCAL] = "LOCAL",
};

static const char *const verdict_texts[SOURCE_VERDICT_COUNT] = {
#define X(name, text) [SOURCE_##name] = text,
	SOURCE_VERDICTS(X)
#undef X
};

/*
 * Of a kind, what differs from chrony's defaults. chrony takes the clock's own precision for every driver,
 * and 1 ns for how far a reference can be off. That is no bound of a serial line's latency, so what chrony
 * has no driver for gets an honest one.
 */
static const struct {
	double delay, precision;
	int8_t poll;
	uint8_t stratum;
} kind_defaults[SOURCE_KINDS] = {
	[SOURCE_SYSTEM] = {1e-9, 1e-7, 4, 0},
	[SOURCE_PPS] = {1e-9, 1e-7, 4, 0},
	[SOURCE_PHC] = {1e-9, 1e-7, 4, 0},
	[SOURCE_SHM] = {1e-9, 1e-6, 4, 0},
	[SOURCE_SOCK] = {1e-9, 1e-6, 4, 0},
	[SOURCE_GPSD] = {0.2, 1e-6, 4, 0},
	[SOURCE_NMEA] = {0.2, 1e-3, 4, 0},
	/* A mark a second, and a minute's telegram to number them; a receiver's filter takes 20 ms and up. */
	[SOURCE_DCF77] = {0.1, 5e-3, 6, 0},
	[SOURCE_MEINBERG] = {0.02, 1e-3, 4, 0},
	/* As `local` has it: 10 in replies. */
	[SOURCE_LOCAL] = {1e-9, 1e-9, 4, 9},
};

const char *source_kind_name(unsigned kind)
{
	return kind < SOURCE_KINDS ? kind_names[kind] : NULL;
}

const char *source_verdict_text(unsigned verdict)
{
	return verdict < SOURCE_VERDICT_COUNT ? verdict_texts[verdict] : "unknown";
}

void source_options_init(struct source_options *options, enum source_kind kind)
{
	/* Padding too: options are compared by their octets. */
	memset(options, 0, sizeof(*options));
	options->kind = (uint8_t)kind;
	options->poll = kind_defaults[kind].poll;
	options->stratum = kind_defaults[kind].stratum;
	options->filter = 64;
	options->delay = kind_defaults[kind].delay;
	options->precision = kind_defaults[kind].precision;
	options->rate = 1;
}
