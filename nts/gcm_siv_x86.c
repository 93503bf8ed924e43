#include "nts/gcm_siv_x86.h"

#include <string.h>

#include "nts/aes_x86.h"

AES_X86_BEGIN

static __m128i encrypted(const __m128i schedule[AES_ROUNDS + 1], __m128i block)
{
	block = _mm_xor_si128(block, schedule[0]);
	for (int r = 1; r < AES_ROUNDS; r++)
		block = _mm_aesenc_si128(block, schedule[r]);
	return _mm_aesenclast_si128(block, schedule[AES_ROUNDS]);
}

bool gcm_siv_encrypt_x86(struct siv *siv, const uint8_t key[GCM_SIV_KEY], uint8_t *octets, size_t blocks)
{
	__m128i schedule[AES_ROUNDS + 1];

	(void)siv;
	aes_expand(schedule, key);
	for (; blocks > 0; blocks--, octets += AES_BLOCK)
		aes_store(octets, encrypted(schedule, aes_load(octets)));
	explicit_bzero(schedule, sizeof(schedule));
	return true;
}

/* Take away the lower half: see dot of nts/gcm_siv.c. A word at a time, the lower one first. */
static __m128i reduced(__m128i low, __m128i high)
{
	const __m128i polynomial = _mm_set_epi64x((long long)0xc200000000000000, 0);

	for (int i = 0; i < 2; i++)
		low = _mm_xor_si128(_mm_shuffle_epi32(low, _MM_SHUFFLE(1, 0, 3, 2)),
			_mm_clmulepi64_si128(low, polynomial, 0x10));
	return _mm_xor_si128(low, high);
}

static __m128i dot(__m128i a, __m128i b)
{
	const __m128i middle =
		_mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));

	return reduced(_mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x00), _mm_slli_si128(middle, 8)),
		_mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x11), _mm_srli_si128(middle, 8)));
}

void gcm_siv_polyval_x86(
	uint8_t sum[SIV_BLOCK], const uint8_t h[SIV_BLOCK], const uint8_t *octets, size_t blocks)
{
	const __m128i key = aes_load(h);
	__m128i s = aes_load(sum);

	for (; blocks > 0; blocks--, octets += AES_BLOCK)
		s = dot(_mm_xor_si128(s, aes_load(octets)), key);
	aes_store(sum, s);
}

AES_X86_END
