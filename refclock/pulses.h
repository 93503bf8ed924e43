/*
 * Which pulse of a device with numbered pulses is a new one: RFC 2783's sequence numbers. Pure; any thread.
 */
#ifndef REFCLOCK_PULSES_H
#define REFCLOCK_PULSES_H

#include <stdbool.h>
#include <stdint.h>

struct pulses {
	bool begun;
	uint32_t sequence; /* of the newest pulse seen */
	uint64_t taken;    /* pulses that were new */
	uint64_t lost;     /* pulses that came and went between two looks */
};

enum pulses_news {
	PULSES_FIRST,  /* the one that was there at the first look: nobody knows how old it is */
	PULSES_SAME,   /* seen before */
	PULSES_NEW,    /* the one after the last */
	PULSES_MISSED, /* new, and others before it were not seen */
	PULSES_RESET,  /* the numbers went backwards: the device began anew */
};

/* Look at the number of the newest pulse. Numbers wrap at 2^32; a jump by more than half of that is
 * backwards. */
enum pulses_news pulses_look(struct pulses *pulses, uint32_t sequence);

#endif
