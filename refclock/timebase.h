/*
 * The contract between the clock daemon and everybody who needs the time: a line from a counter to NTP time,
 * how far it can be wrong, and what a server may say of itself.
 *
 * Writer: tickwire-clock, every 1-10 ms. Readers: workers, metrics, CLI; they copy it between bursts
 * (ntp/shm.h). All values are host integers in the units named; "units" are 2^-32 s.
 */
#ifndef REFCLOCK_TIMEBASE_H
#define REFCLOCK_TIMEBASE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/packet.h"
#include "ntp/shm.h"
#include "ntp/timestamp.h"
#include "refclock/counter.h"

enum { TIMEBASE_RATE_SHIFT = 48 };

/* Who keeps the clock that the line follows. Stable numbers: they cross processes. */
enum timebase_keeper {
	TIMEBASE_KEEPER_NONE = 0,     /* nobody: leap is NTP_LEAP_UNSYNC */
	TIMEBASE_KEEPER_CHRONY = 1,   /* chronyc tracking */
	TIMEBASE_KEEPER_NTP = 2,      /* a server on this host's loopback */
	TIMEBASE_KEEPER_ADJTIMEX = 3, /* the kernel says it is synchronised */
	TIMEBASE_KEEPER_LOCAL = 4,    /* the `local` directive vouches for it */
};

struct timebase {
	uint64_t counter;         /* base of the line: counter value ... */
	ntp64 time;               /* ... and the NTP time then */
	uint64_t rate;            /* units per tick, times 2^TIMEBASE_RATE_SHIFT */
	uint64_t counter_hz;      /* ticks a second, nominal: for ages only */
	uint64_t valid_until;     /* counter value from which on the line must be served as unsynchronised */
	uint64_t error_bound;     /* units: the line against the clock it follows, at `counter` */
	uint64_t root_dispersion; /* units, at `counter`, the clock against its root; error_bound not included
				   */
	ntp64 reference;          /* when the clock was last set or corrected */
	uint32_t error_growth; /* of error_bound, 2^-32 s per s: what the line may drift while nobody renews
				  it */
	uint32_t dispersion_growth; /* of root_dispersion, 2^-32 s per s; error_growth not included */
	ntp32 root_delay;
	uint8_t refid[4];     /* in the order of the wire */
	uint8_t leap;         /* enum ntp_leap */
	uint8_t stratum;      /* 1-15, or NTP_STRATUM_UNSYNC */
	uint8_t counter_kind; /* enum counter_kind */
	uint8_t keeper;       /* enum timebase_keeper */
	uint32_t steps;       /* how often the followed clock has been seen to jump */
	uint64_t updates;     /* publications since the clock daemon started */
	int64_t skew_ppb; /* rate of the followed clock against the counter's nominal rate, parts in 10^9 */
	uint64_t window;  /* units: width of the sandwich that the newest sample came from */
	char source[16];  /* "SYSTEM"; zero-padded */
};
static_assert(sizeof(struct timebase) == 128, "contract timebase version 1");
static_assert(offsetof(struct timebase, refid) == 76, "contract timebase version 1");
static_assert(offsetof(struct timebase, source) == 112, "contract timebase version 1");
static_assert(sizeof(struct timebase) % 8 == 0, "copied by words");

#define TIMEBASE_CONTRACT       \
	((struct shm_contract){ \
		"timebase", SHM_MAGIC('T', 'W', 'T', 'I', 'M', 'E', 'B', 'S'), 1, sizeof(struct timebase)})

/* NTP time at a counter value before or after the base. Pure; about 5 clocks. */
static inline ntp64 timebase_time(const struct timebase *tb, uint64_t counter)
{
	__extension__ typedef __int128 int128;
	int64_t ticks = (int64_t)(counter - tb->counter);

	return tb->time + (ntp64)(((int128)ticks * (int128)tb->rate) >> TIMEBASE_RATE_SHIFT);
}

/* Units since the base, never negative: a counter value before the base is no age. */
static inline uint64_t timebase_age(const struct timebase *tb, uint64_t counter)
{
	int64_t age = ntp64_diff(timebase_time(tb, counter), tb->time);

	return age < 0 ? 0 : (uint64_t)age;
}

/* age (units) times growth (2^-32 s per s), in units, rounded up. */
static inline uint64_t timebase_grow(uint64_t age, uint32_t growth)
{
	return (age >> 32) * growth + (((age & UINT32_MAX) * growth) >> 32) + 1;
}

/* Units: how far the line can be from the clock it follows at this counter value. */
static inline uint64_t timebase_error(const struct timebase *tb, uint64_t counter)
{
	return tb->error_bound + timebase_grow(timebase_age(tb, counter), tb->error_growth);
}

/* The root dispersion to put in a reply: everything above together, rounded up (RFC 5905 section 11.2.3). */
static inline ntp32 timebase_dispersion(const struct timebase *tb, uint64_t counter)
{
	uint64_t age = timebase_age(tb, counter);

	return ntp32_from_interval_up(tb->error_bound + tb->root_dispersion +
				      timebase_grow(age, tb->error_growth) +
				      timebase_grow(age, tb->dispersion_growth));
}

/* Whether a reply may claim the timebase's leap and stratum; otherwise it says NTP_LEAP_UNSYNC and stratum 0.
 */
static inline int timebase_is_synchronised(const struct timebase *tb, uint64_t counter)
{
	return tb->leap != NTP_LEAP_UNSYNC && tb->stratum >= 1 && tb->stratum <= NTP_STRATUM_MAX &&
	       (int64_t)(tb->valid_until - counter) > 0;
}

#endif
