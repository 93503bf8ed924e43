/*
 * How many Kiss-o'-Death packets a worker may still send: a token bucket of fixed cost, so that a flood of
 * forged requests is not answered by as large a flood. A full bucket holds KISS_BURST; a second fills in
 * KISS_RATE.
 *
 * The bucket is one counter value: the time at which it would have been empty. Pure; one worker each; all
 * zero is a full bucket.
 */
#ifndef DATAPLANE_KISS_LIMIT_H
#define DATAPLANE_KISS_LIMIT_H

#include <stdint.h>

enum { KISS_RATE = 1000, KISS_BURST = 1000 };

struct kiss_limit {
	uint64_t empty;
};

/* Counter ticks that a kiss costs; hz is the counter's. */
static inline uint64_t kiss_ticks(uint64_t hz)
{
	return hz / KISS_RATE + 1;
}

/* Kisses in the bucket, at most `most`. A counter that went back or stood still for long means a full one. */
static inline unsigned kiss_limit_left(struct kiss_limit *limit, uint64_t now, uint64_t hz, unsigned most)
{
	const uint64_t each = kiss_ticks(hz);
	uint64_t left;

	if (now - limit->empty > KISS_BURST * each)
		limit->empty = now - KISS_BURST * each;
	left = (now - limit->empty) / each;
	return left < most ? (unsigned)left : most;
}

/* Take out what has been sent, of those that were left. */
static inline void kiss_limit_take(struct kiss_limit *limit, uint64_t hz, unsigned sent)
{
	limit->empty += sent * kiss_ticks(hz);
}

#endif
