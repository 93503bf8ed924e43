/*
 * What the helper that talks with gpsd (control/gpsd_helper.h) hands to the clock daemon, and what the daemon
 * makes of it. The helper parses what comes over a socket, so its records are judged like the wire. Plain
 * data; pure; one thread per view.
 */
#ifndef REFCLOCK_GPSD_RECORD_H
#define REFCLOCK_GPSD_RECORD_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/timestamp.h"
#include "refclock/measurement.h"
#include "refclock/receiver.h"

enum gpsd_kind {
	GPSD_CONNECTED = 1, /* gpsd answers */
	GPSD_GONE,          /* it does not; `text` says why */
	GPSD_FIX,           /* TPV: fix and leap_seconds */
	GPSD_SKY,           /* SKY: gnss but for its fix and leap fields */
	GPSD_PPS,           /* PPS: the pulse of a second */
	GPSD_TOFF,          /* TOFF: the first octet of the receiver's report of a second */
	GPSD_TROUBLE,       /* `text`: why it has nothing to say; "" for none any more */
};

/* Written whole into a pipe. */
struct gpsd_record {
	uint32_t kind;                 /* enum gpsd_kind */
	uint32_t fix;                  /* enum receiver_fix */
	int64_t real_sec, clock_sec;   /* of a PPS or TOFF: what the receiver says that it was, and ... */
	int32_t real_nsec, clock_nsec; /* ... what CLOCK_REALTIME showed; Unix */
	int32_t leap_seconds;          /* GPS - UTC; 0: not said */
	uint32_t reserved;
	union {
		char text[128];
		struct receiver_gnss gnss;
	};
};
static_assert(sizeof(struct gpsd_record) <= 4096, "PIPE_BUF: written whole");
static_assert(sizeof(struct gpsd_record) % 8 == 0, "no padding at the end");

/* What is known of a receiver by now. Zeros are the beginning. */
struct gpsd_view {
	bool connected;
	bool has_fix, has_pulse;   /* heard of */
	uint64_t fix_at, pulse_at; /* counter values when */
	struct receiver_gnss gnss;
	char message[128]; /* why gpsd is not there, or has nothing to say */
};

enum { GPSD_STALE_SECONDS = 10 /* after which a fix or a pulse says nothing of now */ };

#define GPSD_VERDICTS(X)                                                         \
	X(NOTED, "of the receiver, not of the time")                             \
	X(STAMP, "a stamp")                                                      \
	X(UNNEEDED, "the receiver's report of a second, where there are pulses") \
	X(KIND, "a record of no known kind")                                     \
	X(TIME, "a stamp with a time that is none")

enum gpsd_verdict {
#define X(name, text) GPSD_##name,
	GPSD_VERDICTS(X)
#undef X
		GPSD_VERDICT_COUNT
};

/* The sentence of the list above; "unknown" for a number that is none. */
const char *gpsd_verdict_text(unsigned verdict);

/*
 * Take a record that came at counter value `now` (hz: ticks a second). For GPSD_STAMP, *kernel is the kernel
 * clock at the measurement and *m all but its `counter`: PPS and TOFF alike have whole seconds, and their
 * leap is NTP_LEAP_UNSYNC while no fix has been heard of lately. While there are pulses, reports of a second,
 * which come whenever the receiver's line lets them, are not measurements. What is not STAMP leaves both
 * alone.
 */
enum gpsd_verdict gpsd_view_take(struct gpsd_view *view, const struct gpsd_record *record, uint64_t now,
	double hz, ntp64 *kernel, struct measurement *m);

#endif
