/*
 * Blocks of AES-128 and their arithmetic, by the AES, SSSE3 and PCLMULQDQ instructions of x86-64. A block is
 * in a register as it is in memory. Nothing here branches on what a block holds, or uses it as an address.
 */
#ifndef NTS_AES_X86_H
#define NTS_AES_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tmmintrin.h>
#include <wmmintrin.h>

#include "ntp/x86.h"

#define AES_X86_BEGIN X86_BEGIN("aes,ssse3,pclmul")
#define AES_X86_END X86_END

enum { AES_BLOCK = 16, AES_ROUNDS = 10 };

static inline bool aes_supported(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("ssse3") &&
	       __builtin_cpu_supports("pclmul");
}

AES_X86_BEGIN

static inline __m128i aes_load(const uint8_t *octets)
{
	return _mm_loadu_si128((const __m128i_u *)octets);
}

static inline void aes_store(uint8_t *octets, __m128i block)
{
	_mm_storeu_si128((__m128i_u *)octets, block);
}

/* Each octet of a block from `by` places further on; zero where there is none. From -16 to 16. */
static inline __m128i aes_shifted(__m128i block, int by)
{
	static const int8_t places[3 * AES_BLOCK] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
		-1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1,
		-1, -1, -1, -1, -1, -1, -1, -1};

	return _mm_shuffle_epi8(block, aes_load((const uint8_t *)places + AES_BLOCK + by));
}

/* The padding of a block of `size` octets, less than AES_BLOCK. */
static inline __m128i aes_padding(size_t size)
{
	static const uint8_t bit[2 * AES_BLOCK] = {[AES_BLOCK] = 0x80};

	return aes_load(bit + AES_BLOCK - size);
}

/* Times x in GF(2^128), RFC 5297 section 2.3: each word of 32 bits takes in the bit that the next loses. */
static inline __m128i aes_doubled(__m128i block)
{
	const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const __m128i number = _mm_shuffle_epi8(block, reverse);
	const __m128i lost = _mm_shuffle_epi32(_mm_srai_epi32(number, 31), _MM_SHUFFLE(2, 1, 0, 3));
	const __m128i carry = _mm_and_si128(lost, _mm_set_epi32(1, 1, 1, 0x87));

	return _mm_shuffle_epi8(_mm_xor_si128(_mm_slli_epi32(number, 1), carry), reverse);
}

/*
 * FIPS 197's key expansion. AESKEYGENASSIST is slow on most CPUs. The last round's instruction does as well:
 * on four equal columns its ShiftRows has no effect, and SubBytes and the round's constant are what is
 * wanted.
 */
static inline void aes_expand(__m128i schedule[AES_ROUNDS + 1], const uint8_t *key)
{
	static const uint8_t constant[AES_ROUNDS] = {1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36};
	const __m128i rotate = _mm_set1_epi32(0x0c0f0e0d);
	__m128i k = aes_load(key);

	schedule[0] = k;
	for (int i = 0; i < AES_ROUNDS; i++) {
		const __m128i word =
			_mm_aesenclast_si128(_mm_shuffle_epi8(k, rotate), _mm_set1_epi32(constant[i]));

		k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
		k = _mm_xor_si128(k, _mm_slli_si128(k, 8));
		k = _mm_xor_si128(k, word);
		schedule[i + 1] = k;
	}
}

AES_X86_END

#endif
