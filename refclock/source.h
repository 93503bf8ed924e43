/*
 * The sources of time that the `refclock` directive makes, and its options: chrony's names and meanings.
 * Plain data and names; any thread.
 */
#ifndef REFCLOCK_SOURCE_H
#define REFCLOCK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SOURCES_MAX = 16, SOURCE_PARAMETER = 128, SOURCE_REFID = 4 };

/* Stable numbers: they cross processes. The names (source_kind_name) are the directive's driver words. */
enum source_kind {
	SOURCE_SYSTEM = 0, /* the kernel clock that chronyd or another keeps: "SYSTEM" */
	SOURCE_PPS,        /* RFC 2783: "PPS /dev/pps0[:clear]" */
	SOURCE_PHC,        /* "PHC /dev/ptp0[:extpps[:pin=N][:channel=N][:clear]][:nocrossts]" */
	SOURCE_SHM,        /* NTP shared memory: "SHM 0[:perm=0600]" */
	SOURCE_SOCK,       /* chrony's SOCK protocol: "SOCK /run/chrony.ttyS0.sock" */
	SOURCE_GPSD,       /* gpsd through libgps: "GPSD [HOST][:PORT][:DEVICE]" */
	SOURCE_NMEA,       /* a receiver's line: "NMEA /dev/ttyS0[:BAUD]" */
	SOURCE_DCF77,      /* raw second marks: "DCF77 /dev/ttyS0[:BAUD]", 50 baud by default */
	SOURCE_MEINBERG,   /* the Meinberg standard time string: "MEINBERG /dev/ttyS0[:BAUD]" */
	SOURCE_LOCAL,      /* the undisciplined counter, at `stratum`: "LOCAL" */
	SOURCE_KINDS
};

/* One `refclock` directive. Times are seconds. */
struct source_options {
	uint8_t kind;                     /* enum source_kind */
	char parameter[SOURCE_PARAMETER]; /* "/dev/pps0:clear", as in the directive */
	uint8_t refid[SOURCE_REFID];      /* in the order of the wire, zero-padded */
	uint8_t lock[SOURCE_REFID]; /* refid of the source that numbers a pulse's seconds; zeros: none */
	int8_t poll;                /* log2 s between two uses of the filtered samples */
	int8_t dpoll;               /* log2 s between two readings */
	uint16_t filter;            /* length of the median filter, in samples */
	uint16_t min_samples;       /* filtered ones, before it is selected */
	uint8_t stratum;            /* of the reference itself: 0 makes us stratum 1 */
	double offset;              /* added to what the reference says */
	double delay;               /* twice the most that the reference is off after `offset` */
	double precision;           /* noise of one sample */
	double max_dispersion;      /* of the filter's samples; beyond it the poll gives nothing */
	double rate;                /* pulses a second, a whole number, 1 by default */
	double width;               /* of a pulse: its ends are told apart by it; 0: unknown */
	bool noselect, prefer, trust, require;
	bool tai;   /* the reference keeps TAI */
	bool local; /* the reference is not accurate: it keeps rate alone (chrony's `local`) */
	bool pps;   /* treat it as a pulse whatever its seconds say */
};

/* Why a measurement was not used, beside that it was. Stable numbers: they cross processes. */
#define SOURCE_VERDICTS(X)                                                                \
	X(USED, "used")                                                                   \
	X(UNSYNCHRONISED, "receiver says it does not know the time")                      \
	X(NO_SECOND, "nobody numbers the pulse's second")                                 \
	X(FAR_FROM_SECOND, "pulse too far from the second of the source it is locked to") \
	X(DOUBLE, "pulse or sample that comes too soon after another")                    \
	X(OUTLIER, "outlier of the filter")                                               \
	X(IMPLAUSIBLE, "farther from the disciplined time than both bounds allow")        \
	X(BACKWARDS, "older than the sample before")

enum source_verdict {
#define X(name, text) SOURCE_##name,
	SOURCE_VERDICTS(X)
#undef X
		SOURCE_VERDICT_COUNT
};

/* "PPS" and the like. NULL for a number that is none. */
const char *source_kind_name(unsigned kind);

/* The sentence of the list above; "unknown" for a number that is none. */
const char *source_verdict_text(unsigned verdict);

/* The defaults of a kind, as chrony has them where it knows the driver. */
void source_options_init(struct source_options *options, enum source_kind kind);

#endif
