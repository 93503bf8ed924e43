/*
 * Who keeps the kernel clock and what a server may say of it: stratum, leap, refid, root delay and
 * dispersion. Pure: octets, numbers and instants in, a status out. Any thread. All input is taken for
 * hostile: a status that comes out is always fit to be served.
 *
 * An instant is nanoseconds of a monotonic clock, the same one throughout.
 */
#ifndef REFCLOCK_KEEPER_H
#define REFCLOCK_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>

#include "ntp/client.h"
#include "ntp/packet.h"
#include "ntp/timestamp.h"
#include "refclock/timebase.h"

enum {
	KEEPER_PHI_PPM = 15,           /* RFC 5905 PHI: the least that dispersion grows by */
	KEEPER_KERNEL_PPM = 500,       /* by which the kernel lets its own maxerror grow */
	KEEPER_STALE_SECONDS = 10,     /* after which a status says nothing any more */
	KEEPER_LINE = 512,             /* octets of a line of tracking, its end included */
	KEEPER_DISTANCE_MAX = 16,      /* seconds: RFC 5905 MAXDISP */
	KEEPER_DISPERSION_MAX = 65535, /* seconds; more is given as this */
};

struct keeper_status {
	uint8_t keeper;   /* enum timebase_keeper */
	uint8_t leap;     /* enum ntp_leap; NTP_LEAP_UNSYNC exactly where stratum is NTP_STRATUM_UNSYNC */
	uint8_t stratum;  /* 1-15, or NTP_STRATUM_UNSYNC */
	uint8_t refid[4]; /* in the order of the wire */
	ntp32 root_delay;
	uint32_t dispersion_growth; /* 2^-32 s per s */
	ntp64 reference; /* when the clock was last set or corrected; its lowest bits are KEEPER_MARK */
	uint64_t root_dispersion; /* units of 2^-32 s, at the instant */
	uint64_t instant;         /* to which all of this applies */
	int64_t offset; /* units: the keeper's time less the kernel clock, where it says so; root_dispersion
			 * has it in it */
};

/*
 * The lowest 20 bits (0.25 ms) of every reference time that we publish. A server on the loopback that has
 * them may be tickwire itself, which must not vouch for its own clock.
 */
enum { KEEPER_MARK = 0x77a15, KEEPER_MARK_MASK = 0xfffff };

/*
 * One line as `chronyc -c tracking` prints it, without or with its end of line. Stratum, refid, leap and root
 * delay are those that chronyd answers with. Root dispersion is too, with the correction that chronyd has yet
 * to apply to the kernel clock added: chronyd's own replies are corrected by it, ours are not. False, and
 * `status` untouched, for a line that is not of this form. A chronyd that is not synchronised is a good
 * status: it says so.
 */
bool keeper_from_tracking(struct keeper_status *status, const char *line, size_t length, uint64_t instant);

/*
 * A reply that a server on this host's loopback gave. Our offset from it is added to the dispersion: it
 * should keep the same clock. False, and `status` untouched, unless the reply is CLIENT_ANSWERED, of stratum
 * 1-15, within KEEPER_DISTANCE_MAX of its root and of us, and not our own.
 */
bool keeper_from_reply(struct keeper_status *status, const struct client_reply *reply, uint64_t instant);

/*
 * What adjtimex() returned and filled in. False, and `status` untouched, where the kernel clock is not
 * synchronised. The kernel knows its error but no stratum: that is `local_stratum` (1-15), and without one
 * (0) the status is unsynchronised, since a stratum made up could close a loop of servers. `now`: NTP time of
 * the call.
 */
bool keeper_from_kernel(struct keeper_status *status, int state, const struct timex *timex,
	unsigned local_stratum, ntp64 now, uint64_t instant);

/* A clock that nobody keeps: vouched for by `local_stratum` (1-15), else (0) unsynchronised. */
void keeper_from_nobody(struct keeper_status *status, unsigned local_stratum, ntp64 now, uint64_t instant);

/* Whether a status no longer says anything at the instant; one from the future does not either. */
bool keeper_is_stale(const struct keeper_status *status, uint64_t instant);

/* Whether a reply may claim to be synchronised by this status. */
static inline bool keeper_is_synchronised(const struct keeper_status *status)
{
	return status->leap != NTP_LEAP_UNSYNC;
}

/*
 * Whether a new status takes the place of the one held. chronyd's always does; another keeper's only that of
 * its own kind or of one that has become stale by the new one's instant.
 */
bool keeper_supersedes(const struct keeper_status *new_status, const struct keeper_status *held);

/* Whether two statuses differ in what an operator wants to hear of: keeper, leap, stratum or refid. */
bool keeper_differs(const struct keeper_status *a, const struct keeper_status *b);

/*
 * Set keeper, leap, stratum, refid, reference, root delay, dispersion_growth and the root dispersion of the
 * instant; leave the rest. Where the instant is before the status's the dispersion is the status's.
 */
void keeper_publish(const struct keeper_status *status, uint64_t instant, struct timebase *timebase);

/*
 * For who compares with the keeper's time and not with the kernel clock: how far that is ahead of the clock
 * at the instant, and by how much it can be wrong, in units. An offset below 1 ms is one that the keeper is
 * about to make good: it is not counted, and stays in the error. A larger one is of a clock that it does not
 * set (chronyd -x): it is counted, and since the status the clock may have strayed by KEEPER_KERNEL_PPM.
 */
void keeper_time(const struct keeper_status *status, uint64_t instant, int64_t *ahead, uint64_t *error);

/* "chronyd", "an NTP server on the loopback", "the kernel" ...: for people. */
const char *keeper_name(unsigned keeper);

#endif
