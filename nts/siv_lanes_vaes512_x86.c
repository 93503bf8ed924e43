/* Four requests to a register: CPUs with VAES, VPCLMULQDQ and AVX-512. */
#include <assert.h>
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nts/aes_x86.h"
#include "nts/siv_lanes_x86.h"

#define WIDTH 4
#define DEPTH 4
#define GCM_DEPTH 4
#define KERNEL siv_lanes_vaes512
#define KERNEL_(name) vaes512_##name

X86_BEGIN("avx512f,avx512bw,aes,vaes,vpclmulqdq")

typedef __m512i vec;

static inline vec v_load(uint8_t *const *base, size_t at)
{
	vec block = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i_u *)(base[0] + at)));

	block = _mm512_inserti32x4(block, _mm_loadu_si128((const __m128i_u *)(base[1] + at)), 1);
	block = _mm512_inserti32x4(block, _mm_loadu_si128((const __m128i_u *)(base[2] + at)), 2);
	return _mm512_inserti32x4(block, _mm_loadu_si128((const __m128i_u *)(base[3] + at)), 3);
}

static inline void v_store(uint8_t *const *base, size_t at, vec block)
{
	_mm_storeu_si128((__m128i_u *)(base[0] + at), _mm512_castsi512_si128(block));
	_mm_storeu_si128((__m128i_u *)(base[1] + at), _mm512_extracti32x4_epi32(block, 1));
	_mm_storeu_si128((__m128i_u *)(base[2] + at), _mm512_extracti32x4_epi32(block, 2));
	_mm_storeu_si128((__m128i_u *)(base[3] + at), _mm512_extracti32x4_epi32(block, 3));
}

/* The first half of a block. */
static inline void v_xor_half(uint8_t *const *base, size_t at, vec block)
{
	const __m128i half[WIDTH] = {_mm512_castsi512_si128(block), _mm512_extracti32x4_epi32(block, 1),
		_mm512_extracti32x4_epi32(block, 2), _mm512_extracti32x4_epi32(block, 3)};

	for (unsigned l = 0; l < WIDTH; l++) {
		__m128i *const place = (__m128i *)(base[l] + at);

		_mm_storel_epi64(place, _mm_xor_si128(_mm_loadl_epi64(place), half[l]));
	}
}

static inline vec v_broadcast(const void *block)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128(block));
}

static inline void v_compare(bool *same, vec a, vec b)
{
	const unsigned equal = _mm512_cmpeq_epi64_mask(a, b);

	for (unsigned l = 0; l < WIDTH; l++)
		same[l] = (equal >> 2 * l & 3) == 3;
}

#define v_zero() _mm512_setzero_si512()
#define v_xor _mm512_xor_si512
#define v_and _mm512_and_si512
#define v_or _mm512_or_si512
#define v_aesenc _mm512_aesenc_epi128
#define v_aesenclast _mm512_aesenclast_epi128
#define v_shuffle _mm512_shuffle_epi8
#define v_up4(block) _mm512_bslli_epi128(block, 4)
#define v_up8(block) _mm512_bslli_epi128(block, 8)
#define v_down8(block) _mm512_bsrli_epi128(block, 8)
#define v_multiply _mm512_clmulepi64_epi128
#define v_lower_halves _mm512_unpacklo_epi64
#define v_swap_halves(block) _mm512_shuffle_epi32(block, (_MM_PERM_ENUM)_MM_SHUFFLE(1, 0, 3, 2))
#define v_add_words _mm512_add_epi32
#define v_double_words(block) _mm512_slli_epi32(block, 1)
#define v_sign_words(block) _mm512_srai_epi32(block, 31)
#define v_rotate_words(block) _mm512_shuffle_epi32(block, (_MM_PERM_ENUM)_MM_SHUFFLE(2, 1, 0, 3))

#include "nts/siv_lanes_kernel.inc"

X86_END

SIV_LANES_BACKEND;
