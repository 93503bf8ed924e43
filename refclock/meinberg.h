/*
 * Time strings of Meinberg's receivers: the standard string, the SAT string and that of Uni Erlangen. Octets
 * in, times out. Pure; one thread each. All input is hostile.
 *
 *     standard  <STX>D:dd.mm.yy;T:w;U:hh.mm.ss;uvxy<ETX>
 *     SAT       <STX>dd.mm.yy/w/hh:mm:sszzzzuv<CR><LF><ETX>
 *     Erlangen  <STX>dd.mm.yy; w; hh:mm:ss; +oo:oo; acdfg i;bbb.bbbbn lll.lllle hhhhm<ETX>
 *
 * STX begins with the second. A string is used once it has come as long after the one before as their times
 * say.
 */
#ifndef REFCLOCK_MEINBERG_H
#define REFCLOCK_MEINBERG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/packet.h"
#include "ntp/timestamp.h"
#include "refclock/receiver.h"

enum { MEINBERG_STRING = 80 }; /* octets between STX and ETX, at most */

/* What became of a string. Stable numbers. */
#define MEINBERG_VERDICTS(X)                                                        \
	X(NOTHING, "within a string")                                               \
	X(TIME, "string that continues one before")                                 \
	X(FIRST, "string that is good, and alone so far")                           \
	X(FREE_RUNNING, "string of a clock that is not synchronised")               \
	X(LEAP_SECOND, "time within a leap second, which NTP time does not number") \
	X(IMPLAUSIBLE, "string that does not follow the one before")                \
	X(MALFORMED, "string that is not of its format")                            \
	X(DATE, "string with a date or weekday that cannot be")                     \
	X(LONG, "overlong string")                                                  \
	X(CUT, "string cut off")                                                    \
	X(GARBAGE, "octets that are no string")

enum meinberg_verdict {
#define X(name, text) MEINBERG_##name,
	MEINBERG_VERDICTS(X)
#undef X
		MEINBERG_VERDICT_COUNT
};

/* What one string says. */
struct meinberg_string {
	int64_t seconds;   /* since 1970, UTC; in a leap second those of the second after it */
	bool leap_second;  /* it is second 60 */
	bool synchronised; /* neither # nor * */
	bool summer;       /* it is CEST */
	bool change, leap; /* announced, for the end of the hour */
	uint32_t status;   /* its status characters, the first in the highest octet */
};

/* What is between STX and ETX. TIME, MALFORMED or DATE. The year is the first from `floor_year` on that ends
 * so. Local time is taken for CET and CEST unless the string says what it is. */
enum meinberg_verdict meinberg_parse(
	const char *text, size_t length, int floor_year, struct meinberg_string *string);

struct meinberg_time {
	uint64_t stamp; /* of STX */
	ntp64 time;     /* UTC */
	uint8_t leap;   /* enum ntp_leap; UNSYNC: the clock does not know the time */
};

/* For the parser's own file; read only the counts. */
struct meinberg {
	double hz;
	int floor_year;
	bool inside, garbage;
	uint8_t length;
	uint64_t start; /* stamp of STX */
	char text[MEINBERG_STRING];
	bool related; /* there is a string before, at before_stamp */
	uint64_t before_stamp;
	int64_t before;
	bool synchronised; /* it was */
	bool pending;
	struct meinberg_time time;
	struct receiver_radio report;
	uint32_t verdicts[MEINBERG_VERDICT_COUNT];
};

/* hz > 0: ticks a second of the stamps. */
void meinberg_init(struct meinberg *m, double hz, int floor_year);

/* One octet, of 8 bits or of 7 and a parity, and when it began to arrive. */
enum meinberg_verdict meinberg_octet(struct meinberg *m, uint8_t octet, uint64_t stamp);

/* The time of the string that the last octet has completed; false where there is none. */
bool meinberg_take(struct meinberg *m, struct meinberg_time *time);

/* The sentence of the list above; "unknown" for a number that is none. */
const char *meinberg_verdict_text(unsigned verdict);

#endif
