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
	TIMEBASE_KEEPER_SOURCES = 5,  /* nobody's clock is followed: the sources of time make the line */
};

/* What is to be done with requests. Stable numbers: they cross processes. */
enum timebase_serve {
	TIMEBASE_ANSWER = 0, /* answer them, as leap and valid_until allow to claim */
	TIMEBASE_SILENT = 1, /* give no answers at all: better none than one that is known to be wrong */
};

/*
 * A leap second is in the line's reader, not in the line: up to the counter value `leap_at` the time is what
 * the line says, from it on `leap_step` less. The writer announces both ahead of the turn, and from
 * LEAP_FREEZE_SECONDS ahead (refclock/leap_turn.h) does not move leap_at any more, so that all readers turn
 * at the same counter value, whichever publication they hold. Some seconds after the turn it publishes a line
 * from the other side and no leap: the time at a counter value after the turn is the same by both.
 *
 * `time`, `reference`, `leap` and `tai_offset` are those of before the turn as long as leap_step is not 0.
 */
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
	uint64_t leap_at;         /* counter value of the turn; 0 where there is none */
	int64_t leap_step; /* units that the time is set back by at the turn: a second where one is inserted,
			    * minus a second where one is deleted; 0: no turn is ahead or just behind */
	uint32_t error_growth; /* of error_bound, 2^-32 s per s: what the line may drift while nobody renews
				  it */
	uint32_t dispersion_growth; /* of root_dispersion, 2^-32 s per s; error_growth not included */
	ntp32 root_delay;
	uint8_t refid[4];     /* in the order of the wire */
	uint8_t leap;         /* enum ntp_leap */
	uint8_t stratum;      /* 1-15, or NTP_STRATUM_UNSYNC */
	uint8_t counter_kind; /* enum counter_kind */
	uint8_t serve;        /* enum timebase_serve */
	uint32_t steps;       /* how often the followed clock has been seen to jump */
	int32_t tai_offset;   /* TAI - UTC in s; 0: not known */
	uint8_t keeper;       /* enum timebase_keeper */
	uint8_t reserved[3];
	uint64_t updates; /* publications since the clock daemon started */
	int64_t skew_ppb; /* rate of the followed clock against the counter's nominal rate, parts in 10^9 */
	uint64_t window;  /* units: width of the sandwich that the newest sample came from */
	int64_t smear;   /* units, at `counter`: the time of the line less UTC, by smearing; for people, since
			  * the line has it already */
	char source[16]; /* "SYSTEM"; zero-padded */
};
static_assert(sizeof(struct timebase) == 160, "contract timebase version 2");
static_assert(offsetof(struct timebase, leap_at) == 64, "contract timebase version 2");
static_assert(offsetof(struct timebase, refid) == 92, "contract timebase version 2");
static_assert(offsetof(struct timebase, updates) == 112, "contract timebase version 2");
static_assert(offsetof(struct timebase, source) == 144, "contract timebase version 2");
static_assert(sizeof(struct timebase) % 8 == 0, "copied by words");

#define TIMEBASE_CONTRACT       \
	((struct shm_contract){ \
		"timebase", SHM_MAGIC('T', 'W', 'T', 'I', 'M', 'E', 'B', 'S'), 2, sizeof(struct timebase)})

/* The line at a counter value before or after the base, whatever side of a turn that is on. Pure; about 5
 * clocks. */
static inline ntp64 timebase_line(const struct timebase *tb, uint64_t counter)
{
	__extension__ typedef __int128 int128;
	int64_t ticks = (int64_t)(counter - tb->counter);

	return tb->time + (ntp64)(((int128)ticks * (int128)tb->rate) >> TIMEBASE_RATE_SHIFT);
}

/*
 * The side of a leap second that a counter value is on: the units to take from the line, `leap_step` from the
 * turn on and 0 before it or without one. What belongs together, such as all stamps of a reply, is taken from
 * the line by the side of one counter value.
 */
static inline int64_t timebase_side(const struct timebase *tb, uint64_t counter)
{
	return (int64_t)(counter - tb->leap_at) >= 0 ? tb->leap_step : 0;
}

/* NTP time at a counter value before or after the base, on the counter value's own side. Pure; about 6
 * clocks. */
static inline ntp64 timebase_time(const struct timebase *tb, uint64_t counter)
{
	return timebase_line(tb, counter) - (ntp64)timebase_side(tb, counter);
}

/* What is announced on a side: after the turn, no leap second any more. Of enum ntp_leap. */
static inline unsigned timebase_leap(const struct timebase *tb, int64_t side)
{
	return side && tb->leap != NTP_LEAP_UNSYNC ? NTP_LEAP_NONE : tb->leap;
}

/* TAI - UTC in seconds on a side; 0: not known. Of nonsense in the segment it makes some other number. */
static inline int32_t timebase_tai_offset(const struct timebase *tb, int64_t side)
{
	const uint32_t turned = (uint32_t)(side / (int64_t)NTP64_SECOND);

	return tb->tai_offset ? (int32_t)((uint32_t)tb->tai_offset + turned) : 0;
}

/*
 * The first counter value at which the line has come to a time within 2^31 s of the base. A division: not for
 * the packet path. The rate must not be 0.
 */
static inline uint64_t timebase_counter_at(const struct timebase *tb, ntp64 time)
{
	__extension__ typedef __int128 int128;
	const int128 rate = tb->rate;
	const int128 units = ntp64_diff(time, tb->time) * ((int128)1 << TIMEBASE_RATE_SHIFT);

	/* Rounded towards the future. */
	return tb->counter + (uint64_t)(int64_t)(units / rate + (units % rate > 0));
}

/* Units since the base, never negative: a counter value before the base is no age. A turn does not count. */
static inline uint64_t timebase_age(const struct timebase *tb, uint64_t counter)
{
	int64_t age = ntp64_diff(timebase_line(tb, counter), tb->time);

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

/* The same line from a later counter value on, as it is served there anyway. */
static inline void timebase_rebase(struct timebase *tb, uint64_t counter)
{
	const uint64_t age = timebase_age(tb, counter);

	tb->error_bound = timebase_error(tb, counter);
	tb->root_dispersion += timebase_grow(age, tb->dispersion_growth);
	tb->time = timebase_line(tb, counter);
	tb->counter = counter;
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
