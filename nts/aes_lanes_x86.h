/*
 * AES-128 of several blocks at a time, each under a key of its own: an instruction takes several clocks, but
 * two or more can begin in each. A block in work has a lane. CMACs take turns in the lanes: one that has done
 * with a message takes the next; a lane without work repeats another's.
 *
 * Which lane does what depends on sizes alone. What is in the structs is as secret as keys and messages;
 * erasing them is up to the caller. No key or schedule is copied elsewhere.
 */
#ifndef NTS_AES_LANES_X86_H
#define NTS_AES_LANES_X86_H

#include "nts/aes_x86.h"

enum { AES_LANES = 8 };

/* A CMAC to be made: blocks in place, and then one or two that had to be changed. */
struct aes_chain {
	__m128i tail[2];
	const __m128i *key;
	const uint8_t *octets;
	size_t blocks; /* before the tail */
	size_t tails;
	__m128i *mac; /* the result */
};

/* The first `active` are at work. */
struct aes_lanes {
	__m128i state[AES_LANES];
	const __m128i *key[AES_LANES];
	const uint8_t *from[AES_LANES]; /* the next block */
	size_t left[AES_LANES]; /* CMAC: blocks until there is something to decide; CTR: octets of the text */
	struct aes_chain *chain[AES_LANES];
	uint8_t *text[AES_LANES];
	struct aes_chain *next, *end; /* those that wait */
	unsigned active;
};

/* CBC in the active lanes (at least one): each state is added to a block and encrypted, so many times. */
void aes_lanes_encrypt(struct aes_lanes *l, size_t blocks);

/* Make all these CMACs. The chains are used up. */
void aes_chains_run(struct aes_lanes *l, struct aes_chain *chains, size_t count);

AES_X86_BEGIN

/* A block by itself takes the next lane, for aes_lanes_encrypt with one block. */
static inline void aes_lane_add(struct aes_lanes *l, const __m128i *key, __m128i block)
{
	static const uint8_t zero[AES_BLOCK];

	l->key[l->active] = key;
	l->from[l->active] = zero;
	l->state[l->active] = block;
	l->active++;
}

AES_X86_END

#endif
