/* Two requests to a register: CPUs with VAES, VPCLMULQDQ and AVX2. */
#include <assert.h>
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nts/aes_x86.h"
#include "nts/siv_lanes_x86.h"

#define WIDTH 2
#define DEPTH 8
#define GCM_DEPTH 2
#define STREAM 7 /* a reply with one cookie has as many */
#define SPREAD 1
#define COOKIES 2
#define CHAINED 0
#define KERNEL siv_lanes_vaes256
#define KERNEL_(name) vaes256_##name

X86_BEGIN("avx2,aes,vaes,vpclmulqdq")

typedef __m256i vec;

static inline vec v_load(uint8_t *const *base, size_t at)
{
	return _mm256_inserti128_si256(
		_mm256_castsi128_si256(_mm_loadu_si128((const __m128i_u *)(base[0] + at))),
		_mm_loadu_si128((const __m128i_u *)(base[1] + at)), 1);
}

static inline void v_store(uint8_t *const *base, size_t at, vec block)
{
	_mm_storeu_si128((__m128i_u *)(base[0] + at), _mm256_castsi256_si128(block));
	_mm_storeu_si128((__m128i_u *)(base[1] + at), _mm256_extracti128_si256(block, 1));
}

/* Four blocks of each lane, in a row. */
static inline void v_store_four(uint8_t *const *base, size_t at, const vec s[4])
{
	for (unsigned b = 0; b < 4; b++)
		v_store(base, at + b * SIV_LANES_BLOCK, s[b]);
}

/* ... to what stands elsewhere. */
static inline void v_xor_four(
	uint8_t *const *to, size_t at, uint8_t *const *from, size_t from_at, const vec s[4])
{
	for (unsigned b = 0; b < 4; b++)
		v_store(to, at + b * SIV_LANES_BLOCK,
			_mm256_xor_si256(s[b], v_load(from, from_at + b * SIV_LANES_BLOCK)));
}

/* To what stands there. */
static inline void v_xor_into(uint8_t *const *base, size_t at, vec block)
{
	v_store(base, at, _mm256_xor_si256(v_load(base, at), block));
}

/* ... the first half of a block. */
static inline void v_xor_half(uint8_t *const *base, size_t at, vec block)
{
	const __m128i half[WIDTH] = {_mm256_castsi256_si128(block), _mm256_extracti128_si256(block, 1)};

	for (unsigned l = 0; l < WIDTH; l++) {
		__m128i *const place = (__m128i *)(base[l] + at);

		_mm_storel_epi64(place, _mm_xor_si128(_mm_loadl_epi64(place), half[l]));
	}
}

static inline vec v_broadcast(const void *block)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128(block));
}

static inline void v_compare(bool *same, vec a, vec b)
{
	const uint32_t equal = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b));

	same[0] = (uint16_t)equal == UINT16_MAX;
	same[1] = equal >> 16 == UINT16_MAX;
}

#define v_zero() _mm256_setzero_si256()
#define v_xor _mm256_xor_si256
#define v_xor3(a, b, c) _mm256_xor_si256(_mm256_xor_si256(a, b), c)
#define v_xor_and(a, b, c) _mm256_xor_si256(a, _mm256_and_si256(b, c))
#define v_and _mm256_and_si256
#define v_or _mm256_or_si256
#define v_aesenc _mm256_aesenc_epi128
#define v_aesenclast _mm256_aesenclast_epi128
#define v_shuffle _mm256_shuffle_epi8
#define v_up4(block) _mm256_slli_si256(block, 4)
#define v_up8(block) _mm256_slli_si256(block, 8)
#define v_down8(block) _mm256_srli_si256(block, 8)
#define v_multiply _mm256_clmulepi64_epi128
#define v_lower_halves _mm256_unpacklo_epi64
#define v_upper_halves _mm256_unpackhi_epi64
#define v_lower_words _mm256_unpacklo_epi32
#define v_upper_words _mm256_unpackhi_epi32
#define v_swap_halves(block) _mm256_shuffle_epi32(block, _MM_SHUFFLE(1, 0, 3, 2))
#define v_add_words _mm256_add_epi32
#define v_add_halves _mm256_add_epi64
#define v_double_words(block) _mm256_slli_epi32(block, 1)
#define v_sign_words(block) _mm256_srai_epi32(block, 31)
#define v_rotate_words(block) _mm256_shuffle_epi32(block, _MM_SHUFFLE(2, 1, 0, 3))

#include "nts/siv_lanes_kernel.inc"

X86_END

SIV_LANES_BACKEND;
