/* One request to a register: any CPU with AES, SSSE3 and PCLMULQDQ instructions. */
#include <assert.h>
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nts/aes_x86.h"
#include "nts/siv_lanes_x86.h"

#define WIDTH 1
#define DEPTH 8
#define GCM_DEPTH 4
#define STREAM 7 /* a reply with one cookie has as many */
#define SPREAD 1
#define COOKIES 2
#define CHAINED 0
#define KERNEL siv_lanes_aesni
#define KERNEL_(name) aesni_##name

X86_BEGIN("aes,ssse3,pclmul")

typedef __m128i vec;

static inline vec v_load(uint8_t *const *base, size_t at)
{
	return _mm_loadu_si128((const __m128i_u *)(base[0] + at));
}

static inline void v_store(uint8_t *const *base, size_t at, vec block)
{
	_mm_storeu_si128((__m128i_u *)(base[0] + at), block);
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
			_mm_xor_si128(s[b], v_load(from, from_at + b * SIV_LANES_BLOCK)));
}

/* To what stands there. */
static inline void v_xor_into(uint8_t *const *base, size_t at, vec block)
{
	v_store(base, at, _mm_xor_si128(v_load(base, at), block));
}

/* ... the first half of a block. */
static inline void v_xor_half(uint8_t *const *base, size_t at, vec block)
{
	__m128i *const place = (__m128i *)(base[0] + at);

	_mm_storel_epi64(place, _mm_xor_si128(_mm_loadl_epi64(place), block));
}

static inline vec v_broadcast(const void *block)
{
	return _mm_loadu_si128(block);
}

static inline void v_compare(bool *same, vec a, vec b)
{
	same[0] = _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == UINT16_MAX;
}

#define v_zero() _mm_setzero_si128()
#define v_xor _mm_xor_si128
#define v_xor3(a, b, c) _mm_xor_si128(_mm_xor_si128(a, b), c)
#define v_xor_and(a, b, c) _mm_xor_si128(a, _mm_and_si128(b, c))
#define v_and _mm_and_si128
#define v_or _mm_or_si128
#define v_aesenc _mm_aesenc_si128
#define v_aesenclast _mm_aesenclast_si128
#define v_shuffle _mm_shuffle_epi8
#define v_up4(block) _mm_slli_si128(block, 4)
#define v_up8(block) _mm_slli_si128(block, 8)
#define v_down8(block) _mm_srli_si128(block, 8)
#define v_multiply _mm_clmulepi64_si128
#define v_lower_halves _mm_unpacklo_epi64
#define v_upper_halves _mm_unpackhi_epi64
#define v_lower_words _mm_unpacklo_epi32
#define v_upper_words _mm_unpackhi_epi32
#define v_swap_halves(block) _mm_shuffle_epi32(block, _MM_SHUFFLE(1, 0, 3, 2))
#define v_add_words _mm_add_epi32
#define v_add_halves _mm_add_epi64
#define v_double_words(block) _mm_slli_epi32(block, 1)
#define v_sign_words(block) _mm_srai_epi32(block, 31)
#define v_rotate_words(block) _mm_shuffle_epi32(block, _MM_SHUFFLE(2, 1, 0, 3))

#include "nts/siv_lanes_kernel.inc"

X86_END

SIV_LANES_BACKEND;
