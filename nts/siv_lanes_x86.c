#include "nts/siv_lanes_x86.h"

#include "nts/aes_x86.h"

AES_X86_BEGIN

static __m128i encrypted(const uint8_t schedule[SIV_LANES_ROUNDS + 1][SIV_LANES_BLOCK], __m128i block)
{
	block = _mm_xor_si128(block, aes_load(schedule[0]));
	for (int r = 1; r < SIV_LANES_ROUNDS; r++)
		block = _mm_aesenc_si128(block, aes_load(schedule[r]));
	return _mm_aesenclast_si128(block, aes_load(schedule[SIV_LANES_ROUNDS]));
}

void siv_lanes_master_set(struct siv_lanes_master *master, const uint8_t *key)
{
	__m128i whole, sum;

	aes_expand((__m128i *)master->mac, key);
	aes_expand((__m128i *)master->ctr, key + AES_BLOCK);
	whole = aes_doubled(encrypted(master->mac, _mm_setzero_si128()));
	/* S2V's D: of the zero block, and then of the empty associated data */
	sum = aes_doubled(encrypted(master->mac, whole));
	sum = _mm_xor_si128(sum, encrypted(master->mac, _mm_xor_si128(aes_padding(0), aes_doubled(whole))));
	aes_store(master->whole, whole);
	aes_store(master->sum, aes_doubled(sum));
}

AES_X86_END
