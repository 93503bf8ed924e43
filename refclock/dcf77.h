/*
 * DCF77's amplitude code: second marks in, time out. Pure; one thread each. All input is hostile.
 *
 * A mark is a reduction of the carrier that begins with the second: 100 ms are a 0, 200 ms a 1. The last
 * second of a minute has none. The 59 bits of a minute say, in CET or CEST, which minute follows (PTB,
 * "Dissemination of legal time"). A minute is believed once its telegram is right in all its digits, parities
 * and its weekday and continues an earlier one by as many minutes as the counter says have passed.
 */
#ifndef REFCLOCK_DCF77_H
#define REFCLOCK_DCF77_H

#include <stdbool.h>
#include <stdint.h>

#include "ntp/packet.h"
#include "ntp/timestamp.h"
#include "refclock/receiver.h"

/* What became of a mark, and with it of the minute that it ends. Stable numbers. */
#define DCF77_VERDICTS(X)                                               \
	X(MARK, "second mark")                                          \
	X(MINUTE, "minute that continues one before")                   \
	X(FIRST, "minute that is good, and alone so far")               \
	X(EXTRA, "mark off the grid of seconds")                        \
	X(LENGTH, "mark of no known length")                            \
	X(MARKER, "mark where the minute marker has none")              \
	X(MISSING, "minute with bits missing")                          \
	X(PARITY, "minute with a wrong parity or fixed bit")            \
	X(DIGIT, "minute with a digit, date or weekday that cannot be") \
	X(IMPLAUSIBLE, "minute that does not follow the one before")    \
	X(LOST, "mark that begins a new grid, the old one being lost")

enum dcf77_verdict {
#define X(name, text) DCF77_##name,
	DCF77_VERDICTS(X)
#undef X
		DCF77_VERDICT_COUNT
};

/* What a telegram says of the minute that follows it. */
struct dcf77_minute {
	int64_t minute;    /* minutes since 1970, UTC */
	bool summer;       /* it is CEST */
	bool change, leap; /* announced: of CET/CEST, of a leap second, both at the end of this hour */
};

/*
 * Bits 0-58 of a telegram, the first in bit 0 of `bits`; `known`: those that were received. The year is the
 * first from `floor_year` on that ends as the telegram says. MINUTE, or MISSING, PARITY or DIGIT.
 */
enum dcf77_verdict dcf77_decode(uint64_t bits, uint64_t known, int floor_year, struct dcf77_minute *minute);

/* The length in ms that an octet of a line at 50 baud stands for: 20 for its start bit and for each bit that
 * is not set. */
static inline unsigned dcf77_octet_ms(uint8_t octet)
{
	return 20U * (9U - (unsigned)__builtin_popcount(octet));
}

/* A mark, and what time it began. */
struct dcf77_time {
	uint64_t stamp;
	ntp64 time;   /* UTC */
	uint8_t leap; /* enum ntp_leap; NTP_LEAP_INSERT: within the next hour */
};

/* For the decoder's own file; read only the counts. */
struct dcf77 {
	double hz; /* of the stamps */
	int floor_year;
	bool tracking; /* `grid` is the newest mark on the grid of seconds */
	bool lost;     /* the grid was lost, and no minute has been believed since */
	uint64_t grid;
	int off_grid; /* marks in a row off it */
	int second;   /* of the newest mark on it; -1: not known */
	uint64_t bits, known;

	struct dcf77_minute newest; /* good telegram */
	uint64_t newest_stamp;      /* when the minute that it names began; 0: there was none */
	bool believed;              /* the minute that is under way is newest's, and may be used */

	bool pending;
	struct dcf77_time time;
	int correlated; /* marks that the report's correlation is of, up to a minute's worth */
	struct receiver_radio report;
	uint32_t verdicts[DCF77_VERDICT_COUNT];
};

/* hz > 0: ticks a second of the stamps. */
void dcf77_init(struct dcf77 *d, double hz, int floor_year);

/* A mark that began at `stamp`, which does not decrease, and lasted so many ms. */
enum dcf77_verdict dcf77_mark(struct dcf77 *d, uint64_t stamp, unsigned ms);

/* The time of the last mark; false where it has none. */
bool dcf77_take(struct dcf77 *d, struct dcf77_time *time);

/* The sentence of the list above; "unknown" for a number that is none. */
const char *dcf77_verdict_text(unsigned verdict);

#endif
