#include "nts/aes_lanes_x86.h"

AES_X86_BEGIN

/*
 * CBC in the first `width` lanes, which is a constant, so that the states are in registers: gcc wants to be
 * told to unroll. Round keys are not: a compiler that takes them out of the loop only copies them to the
 * stack, where they would stay.
 */
static inline __attribute__((always_inline)) void encrypt_lanes(
	struct aes_lanes *l, size_t blocks, const unsigned width)
{
	const __m128i *key[AES_LANES];
	__m128i state[AES_LANES];

#pragma GCC unroll 8
	for (unsigned i = 0; i < width; i++) {
		key[i] = l->key[i];
		state[i] = l->state[i];
	}
	for (size_t at = 0; at < blocks * AES_BLOCK; at += AES_BLOCK) {
#pragma GCC unroll 8
		for (unsigned i = 0; i < width; i++)
			__asm__("" : "+r"(key[i]));
#pragma GCC unroll 8
		for (unsigned i = 0; i < width; i++)
			state[i] =
				_mm_xor_si128(_mm_xor_si128(state[i], aes_load(l->from[i] + at)), key[i][0]);
#pragma GCC unroll 10
		for (unsigned round = 1; round < AES_ROUNDS; round++)
#pragma GCC unroll 8
			for (unsigned i = 0; i < width; i++)
				state[i] = _mm_aesenc_si128(state[i], key[i][round]);
#pragma GCC unroll 8
		for (unsigned i = 0; i < width; i++)
			state[i] = _mm_aesenclast_si128(state[i], key[i][AES_ROUNDS]);
	}
#pragma GCC unroll 8
	for (unsigned i = 0; i < width; i++)
		l->state[i] = state[i];
}

void aes_lanes_encrypt(struct aes_lanes *l, size_t blocks)
{
	for (unsigned i = l->active; i < AES_LANES; i++) {
		l->key[i] = l->key[0];
		l->from[i] = l->from[0];
	}
	if (l->active == 1)
		encrypt_lanes(l, blocks, 1);
	else if (l->active <= AES_LANES / 2)
		encrypt_lanes(l, blocks, AES_LANES / 2);
	else
		encrypt_lanes(l, blocks, AES_LANES);
}

static void lane_start(struct aes_lanes *l, unsigned i, struct aes_chain *chain)
{
	l->chain[i] = chain;
	l->key[i] = chain->key;
	l->state[i] = _mm_setzero_si128();
	l->from[i] = chain->octets;
	l->left[i] = chain->blocks;
}

static void lane_to_tail(struct aes_lanes *l, unsigned i)
{
	l->from[i] = (const uint8_t *)l->chain[i]->tail;
	l->left[i] = l->chain[i]->tails;
	l->chain[i]->tails = 0;
}

static void lane_move(struct aes_lanes *l, unsigned to, unsigned from)
{
	l->chain[to] = l->chain[from];
	l->key[to] = l->key[from];
	l->state[to] = l->state[from];
	l->from[to] = l->from[from];
	l->left[to] = l->left[from];
}

/* Each active lane gets a block to encrypt. From the last lane on, because that one may have to move. */
static void lanes_fill(struct aes_lanes *l)
{
	for (; l->active < AES_LANES && l->next < l->end; l->active++)
		lane_start(l, l->active, l->next++);
	for (unsigned i = l->active; i-- > 0;) {
		if (l->left[i] == 0 && l->chain[i]->tails == 0) {
			*l->chain[i]->mac = l->state[i];
			if (l->next < l->end)
				lane_start(l, i, l->next++);
			else if (--l->active != i)
				lane_move(l, i, l->active);
		}
		if (l->left[i] == 0 && i < l->active)
			lane_to_tail(l, i);
	}
}

static void lanes_advance(struct aes_lanes *l)
{
	size_t blocks = l->left[0];

	for (unsigned i = 1; i < l->active; i++)
		blocks = l->left[i] < blocks ? l->left[i] : blocks;
	aes_lanes_encrypt(l, blocks);
	for (unsigned i = 0; i < l->active; i++) {
		l->left[i] -= blocks;
		l->from[i] += blocks * AES_BLOCK;
	}
}

void aes_chains_run(struct aes_lanes *l, struct aes_chain *chains, size_t count)
{
	l->next = chains;
	l->end = chains + count;
	l->active = 0;
	for (lanes_fill(l); l->active > 0; lanes_fill(l))
		lanes_advance(l);
}

AES_X86_END
