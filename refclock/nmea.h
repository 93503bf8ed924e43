/*
 * NMEA 0183 as GNSS receivers speak it: octets of a line in, times and satellites out. Any talker; RMC, ZDA,
 * GGA, GLL, GSA, GSV, and u-blox's PUBX,04. Pure; one thread each. All input is hostile: whatever comes, a
 * line takes bounded memory and its end has a named verdict.
 *
 * Stamps are ticks of the caller's counter and do not decrease. Which instant a sentence's time belongs to:
 * the start of the burst that it came in, that is the '$' of the first good sentence after silence. On a line
 * that is never silent for so long, it is the '$' of the first sentence that bears the new time.
 */
#ifndef REFCLOCK_NMEA_H
#define REFCLOCK_NMEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/timestamp.h"
#include "refclock/receiver.h"

enum {
	NMEA_LINE =
		255, /* octets of a sentence from behind '$' on; the standard has 79, receivers exceed it */
	NMEA_VIEWED = 96, /* satellites and signals that are kept */
	NMEA_USED = 64,
};

/* What became of a line. Stable numbers. */
#define NMEA_VERDICTS(X)                                                            \
	X(NOTHING, "within a line")                                                 \
	X(TIME, "sentence with date and time")                                      \
	X(NO_FIX, "sentence of a receiver without a fix")                           \
	X(STATUS, "sentence about satellites or the fix")                           \
	X(REPEATED, "sentence of a second that has been taken, or is over")         \
	X(NO_DATE, "time without a date")                                           \
	X(LEAP_SECOND, "time within a leap second, which NTP time does not number") \
	X(OTHER, "sentence of another kind")                                        \
	X(CHECKSUM, "wrong checksum")                                               \
	X(NO_CHECKSUM, "no checksum")                                               \
	X(MALFORMED, "field that is not of its format")                             \
	X(LONG, "overlong line")                                                    \
	X(CUT, "sentence cut off")                                                  \
	X(GARBAGE, "octets that are no sentence")

enum nmea_verdict {
#define X(name, text) NMEA_##name,
	NMEA_VERDICTS(X)
#undef X
		NMEA_VERDICT_COUNT
};

/* What the receiver has said the time was. */
struct nmea_time {
	uint64_t stamp; /* the instant that it belongs to */
	ntp64 time;     /* UTC; 0: without a fix, and it said none */
	bool valid; /* there is a fix, and the receiver knows UTC's offset from GPS time as far as it says */
};

struct nmea_options {
	double hz;      /* of the stamps */
	double silence; /* s without an octet after which a burst begins */
	int64_t floor;  /* days since 1970: no date is earlier. Dates are put into the 1024 weeks from it on.
			 */
	bool bare;      /* take sentences without a checksum */
};

/* A satellite by one of its signals, as GSV has it. */
struct nmea_satellite {
	uint64_t stamp;  /* of its GSV */
	char talker[2];  /* one system's groups are told apart by talker and signal */
	uint8_t signal;  /* NMEA 4.10's signal id; 0: not said */
	bool old;        /* not in the newest GSV cycle so far */
	uint16_t number; /* as the receiver has it */
	struct receiver_satellite satellite;
};

/* A satellite in the fix, as GSA has it. */
struct nmea_used {
	uint32_t epoch;
	uint16_t number;
	char system;
};

/* One second of the receiver: all sentences with the same time of day. */
struct nmea_epoch {
	bool known;           /* a time of day has come */
	bool given, refused;  /* its time has been given as valid; as not valid */
	bool denied;          /* a sentence of it said that there is no fix */
	bool confirmed;       /* one said that there is */
	bool follows;         /* `before` is the time of day of the one before */
	uint64_t time_of_day; /* units of 2^-32 s */
	uint64_t before;
	uint64_t mark;  /* stamp of its start */
	uint32_t burst; /* that it began in */
};

/* For the parser's own files; read only the counts and the last jump. */
struct nmea {
	struct nmea_options options;
	uint64_t silence; /* ticks */

	/* The line. */
	bool inside, garbage, heard;
	uint16_t length;
	uint64_t start, last; /* stamps of '$' and of the newest octet */
	char line[NMEA_LINE];

	/* Bursts and seconds. */
	uint32_t burst;     /* number of the burst */
	bool marked;        /* a good sentence has come in it, at `mark` */
	bool burst_refused; /* it has been said that there is no fix, by a sentence without a time */
	uint64_t mark;
	struct nmea_epoch epoch;
	uint32_t epochs; /* number of the epoch */
	bool rmc;        /* an RMC with a date has come, the newest in epoch last_rmc */
	uint32_t last_rmc;
	bool fix; /* the newest word about it, at fix_stamp */
	uint64_t fix_stamp;
	bool default_offset; /* it says that GPS - UTC is not from the almanac yet */

	bool pending; /* `time` has not been taken */
	struct nmea_time time, last_valid;

	/* Since the start. */
	uint32_t verdicts[NMEA_VERDICT_COUNT];
	uint32_t week_rollovers; /* dates put right by a multiple of 1024 weeks */
	uint32_t jumps;          /* of the receiver's time by half a second or more */
	double last_jump;        /* s; back by some whole seconds: the almanac with GPS - UTC has come in */

	/* The report. */
	uint8_t fix_kind; /* enum receiver_fix */
	uint8_t gga_used;
	int8_t leap_offset;
	float hdop, pdop;
	uint32_t gsa_epoch; /* of the newest GSA */
	int viewed, used;
	struct nmea_satellite view[NMEA_VIEWED];
	struct nmea_used use[NMEA_USED];
};

/* hz > 0. Silence of 0 stands for 0.1 s. */
void nmea_init(struct nmea *n, const struct nmea_options *options);

/* One octet, and when it began to arrive. NOTHING within a line, else what the line that ended here was. */
enum nmea_verdict nmea_octet(struct nmea *n, uint8_t octet, uint64_t stamp);

/* The time that the last octet has completed; false where there is none. */
bool nmea_take(struct nmea *n, struct nmea_time *time);

/* What the receiver says of itself. `now`: a stamp; satellites not renewed for 30 s are left out. */
void nmea_report(const struct nmea *n, uint64_t now, struct receiver_gnss *gnss);

/* The sentence of the list above; "unknown" for a number that is none. */
const char *nmea_verdict_text(unsigned verdict);

#endif
