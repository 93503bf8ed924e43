/*
 * The 512-bit instructions that nts/siv_lanes_vaes512_x86.c uses, each by four of 128 bits, under the names
 * of the compiler's: so that its kernels run on a CPU without them. To be included before it.
 */
#ifndef TESTS_WIDE_BY_FOUR_X86_H
#define TESTS_WIDE_BY_FOUR_X86_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "nts/aes_x86.h"

/* That file asks for more. */
#undef X86_BEGIN
#define X86_BEGIN(features) AES_ONLY
#if defined(__clang__)
#define AES_ONLY \
	_Pragma("clang attribute push(__attribute__((target(\"aes,ssse3,pclmul\"))), apply_to = function)")
#else
#define AES_ONLY _Pragma("GCC push_options") _Pragma("GCC target(\"aes,ssse3,pclmul\")")
#endif

enum { QUARTERS = 4, QUADS = 8 };

struct wide {
	_Alignas(64) __m128i quarter[QUARTERS];
};

struct half {
	_Alignas(32) __m128i quarter[QUARTERS / 2];
};

#define EACH_QUARTER for (int q = 0; q < QUARTERS; q++)

#define BY_TWO(name, instruction)                                                    \
	static inline struct wide name(struct wide a, struct wide b)                 \
	{                                                                            \
		EACH_QUARTER a.quarter[q] = instruction(a.quarter[q], b.quarter[q]); \
		return a;                                                            \
	}

#define BY_COUNT(name, instruction)                                           \
	static inline struct wide name(struct wide a, int count)              \
	{                                                                     \
		EACH_QUARTER a.quarter[q] = instruction(a.quarter[q], count); \
		return a;                                                     \
	}

AES_ONLY

BY_TWO(wide_xor, _mm_xor_si128)
BY_TWO(wide_and, _mm_and_si128)
BY_TWO(wide_or, _mm_or_si128)
BY_TWO(wide_lower_halves, _mm_unpacklo_epi64)
BY_TWO(wide_upper_halves, _mm_unpackhi_epi64)
BY_TWO(wide_lower_words, _mm_unpacklo_epi32)
BY_TWO(wide_upper_words, _mm_unpackhi_epi32)
BY_TWO(wide_aesenc, _mm_aesenc_si128)
BY_TWO(wide_aesenclast, _mm_aesenclast_si128)
BY_TWO(wide_shuffle, _mm_shuffle_epi8)
BY_TWO(wide_add, _mm_add_epi32)
BY_TWO(wide_add_halves, _mm_add_epi64)
BY_COUNT(wide_left, _mm_slli_epi32)
BY_COUNT(wide_right, _mm_srai_epi32)

static inline struct wide wide_of(__m128i block)
{
	struct wide a;

	EACH_QUARTER a.quarter[q] = block;
	return a;
}

static inline struct half half_of(__m128i block)
{
	return (struct half){{block, block}};
}

/* Of the first, but the lower quarter of the other. */
static inline struct half half_blend(struct half a, struct half b)
{
	a.quarter[0] = b.quarter[0];
	return a;
}

static inline struct wide wide_of_halves(struct half lower, struct half upper)
{
	return (struct wide){{lower.quarter[0], lower.quarter[1], upper.quarter[0], upper.quarter[1]}};
}

/* Two quarters of each, by two bits for each. */
static inline struct wide wide_quarters(struct wide a, struct wide b, int which)
{
	return (struct wide){{a.quarter[which & 3], a.quarter[which >> 2 & 3], b.quarter[which >> 4 & 3],
		b.quarter[which >> 6 & 3]}};
}

/* The two functions of three that are used. */
static inline struct wide wide_of_three(struct wide a, struct wide b, struct wide c, int function)
{
	return wide_xor(a, function == 0x96 ? wide_xor(b, c) : wide_and(b, c));
}

static inline struct wide wide_load(const void *octets)
{
	struct wide a;

	memcpy(&a, octets, sizeof(a));
	return a;
}

static inline void wide_store(void *octets, struct wide a)
{
	memcpy(octets, &a, sizeof(a));
}

/* Counts are constants in the instruction: by octets there are two that are used. */
static inline struct wide wide_up(struct wide a, int octets)
{
	EACH_QUARTER a.quarter[q] =
		octets == 4 ? _mm_slli_si128(a.quarter[q], 4) : _mm_slli_si128(a.quarter[q], 8);
	return a;
}

static inline struct wide wide_down(struct wide a)
{
	EACH_QUARTER a.quarter[q] = _mm_srli_si128(a.quarter[q], 8);
	return a;
}

/* So are which halves are multiplied. */
static inline struct wide wide_multiply(struct wide a, struct wide b, int halves)
{
	EACH_QUARTER
	{
		const __m128i x = halves & 0x01 ? _mm_srli_si128(a.quarter[q], 8) : a.quarter[q];
		const __m128i y = halves & 0x10 ? _mm_srli_si128(b.quarter[q], 8) : b.quarter[q];

		a.quarter[q] = _mm_clmulepi64_si128(x, y, 0);
	}
	return a;
}

/* Words in another order: the lowest that of the highest, and each other that of the one below; or halves
 * exchanged. */
static inline struct wide wide_reorder(struct wide a, int order)
{
	EACH_QUARTER a.quarter[q] = order == _MM_SHUFFLE(1, 0, 3, 2)
					    ? _mm_shuffle_epi32(a.quarter[q], _MM_SHUFFLE(1, 0, 3, 2))
					    : _mm_shuffle_epi32(a.quarter[q], _MM_SHUFFLE(2, 1, 0, 3));
	return a;
}

/* A bit for each 64 that are equal. */
static inline unsigned wide_equal(struct wide a, struct wide b)
{
	uint64_t x[QUADS], y[QUADS];
	unsigned mask = 0;

	memcpy(x, &a, sizeof(x));
	memcpy(y, &b, sizeof(y));
	for (unsigned i = 0; i < QUADS; i++)
		mask |= (unsigned)(x[i] == y[i]) << i;
	return mask;
}

X86_END

/* Some are macros of the compiler's. */
#undef _mm512_xor_si512
#undef _mm512_and_si512
#undef _mm512_or_si512
#undef _mm512_ternarylogic_epi32
#undef _mm512_unpacklo_epi64
#undef _mm512_unpackhi_epi64
#undef _mm512_unpacklo_epi32
#undef _mm512_unpackhi_epi32
#undef _mm512_shuffle_i32x4
#undef _mm512_loadu_si512
#undef _mm512_storeu_si512
#undef _mm512_clmulepi64_epi128
#undef _mm512_bsrli_epi128
#undef _mm512_aesenc_epi128
#undef _mm512_aesenclast_epi128
#undef _mm512_shuffle_epi8
#undef _mm512_add_epi32
#undef _mm512_add_epi64
#undef _mm512_slli_epi32
#undef _mm512_srai_epi32
#undef _mm512_bslli_epi128
#undef _mm512_shuffle_epi32
#undef _mm512_setzero_si512
#undef _mm512_broadcast_i32x4
#undef _mm256_castsi128_si256
#undef _mm256_broadcastsi128_si256
#undef _mm256_blend_epi32
#undef _mm512_castsi256_si512
#undef _mm512_castsi512_si128
#undef _mm512_inserti64x4
#undef _mm512_extracti32x4_epi32
#undef _mm512_cmpeq_epi64_mask

#define __m512i struct wide
#undef X86_SETTLE
#define X86_SETTLE(vector) ((void)(vector))
#define _mm512_xor_si512 wide_xor
#define _mm512_and_si512 wide_and
#define _mm512_or_si512 wide_or
#define _mm512_ternarylogic_epi32 wide_of_three
#define _mm512_unpacklo_epi64 wide_lower_halves
#define _mm512_unpackhi_epi64 wide_upper_halves
#define _mm512_unpacklo_epi32 wide_lower_words
#define _mm512_unpackhi_epi32 wide_upper_words
#define _mm512_shuffle_i32x4 wide_quarters
#define _mm512_loadu_si512 wide_load
#define _mm512_storeu_si512 wide_store
#define _mm512_clmulepi64_epi128 wide_multiply
#define _mm512_bsrli_epi128(a, octets) wide_down(a)
#define _mm512_aesenc_epi128 wide_aesenc
#define _mm512_aesenclast_epi128 wide_aesenclast
#define _mm512_shuffle_epi8 wide_shuffle
#define _mm512_add_epi32 wide_add
#define _mm512_add_epi64 wide_add_halves
#define _mm512_slli_epi32 wide_left
#define _mm512_srai_epi32 wide_right
#define _mm512_bslli_epi128 wide_up
#define _mm512_shuffle_epi32(a, order) wide_reorder(a, (int)(order))
#define _mm512_setzero_si512() wide_of(_mm_setzero_si128())
#define _mm512_broadcast_i32x4 wide_of
#define __m256i struct half
#define _mm256_castsi128_si256 half_of
#define _mm256_broadcastsi128_si256 half_of
#define _mm256_blend_epi32(a, b, words) half_blend(a, b)
#define _mm512_castsi256_si512(a) (a)
#define _mm512_castsi512_si128(a) ((a).quarter[0])
#define _mm512_inserti64x4(lower, upper, at) wide_of_halves(lower, upper)
#define _mm512_extracti32x4_epi32(a, at) ((a).quarter[at])
#define _mm512_cmpeq_epi64_mask wide_equal

#endif
