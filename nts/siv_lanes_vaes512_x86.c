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
#define STREAM 7 /* a reply with one cookie has as many */
#define SPREAD 2
#define COOKIES 4
#define CHAINED 1
#define KERNEL siv_lanes_vaes512
#define KERNEL_(name) vaes512_##name

X86_BEGIN("avx512f,avx512bw,aes,vaes,vpclmulqdq")

typedef __m512i vec;

/* Half of a gathered vector; vbroadcasti128 is a load and no more, as vinserti128 is not. */
static inline __m256i load_half(uint8_t *const *base, size_t at)
{
	const __m256i upper = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i_u *)(base[1] + at)));
	const __m256i lower = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i_u *)(base[0] + at)));

	return _mm256_blend_epi32(upper, lower, 0x0f);
}

static inline vec v_load(uint8_t *const *base, size_t at)
{
	return _mm512_inserti64x4(_mm512_castsi256_si512(load_half(base, at)), load_half(base + 2, at), 1);
}

static inline void v_store(uint8_t *const *base, size_t at, vec block)
{
	_mm_storeu_si128((__m128i_u *)(base[0] + at), _mm512_castsi512_si128(block));
	_mm_storeu_si128((__m128i_u *)(base[1] + at), _mm512_extracti32x4_epi32(block, 1));
	_mm_storeu_si128((__m128i_u *)(base[2] + at), _mm512_extracti32x4_epi32(block, 2));
	_mm_storeu_si128((__m128i_u *)(base[3] + at), _mm512_extracti32x4_epi32(block, 3));
}

/* Four blocks of each lane, in a row: a register for each lane. */
static inline void v_turn(vec s[WIDTH])
{
	const vec a = _mm512_shuffle_i32x4(s[0], s[1], 0x44), b = _mm512_shuffle_i32x4(s[2], s[3], 0x44);
	const vec c = _mm512_shuffle_i32x4(s[0], s[1], 0xee), d = _mm512_shuffle_i32x4(s[2], s[3], 0xee);

	s[0] = _mm512_shuffle_i32x4(a, b, 0x88);
	s[1] = _mm512_shuffle_i32x4(a, b, 0xdd);
	s[2] = _mm512_shuffle_i32x4(c, d, 0x88);
	s[3] = _mm512_shuffle_i32x4(c, d, 0xdd);
}

static inline void v_store_four(uint8_t *const *base, size_t at, const vec s[4])
{
	vec row[WIDTH] = {s[0], s[1], s[2], s[3]};

	v_turn(row);
	for (unsigned l = 0; l < WIDTH; l++)
		_mm512_storeu_si512(base[l] + at, row[l]);
}

/* ... to what stands elsewhere. */
static inline void v_xor_four(
	uint8_t *const *to, size_t at, uint8_t *const *from, size_t from_at, const vec s[4])
{
	vec row[WIDTH] = {s[0], s[1], s[2], s[3]};

	v_turn(row);
	for (unsigned l = 0; l < WIDTH; l++)
		_mm512_storeu_si512(
			to[l] + at, _mm512_xor_si512(row[l], _mm512_loadu_si512(from[l] + from_at)));
}

/* To what stands there. */
static inline void v_xor_into(uint8_t *const *base, size_t at, vec block)
{
	const __m128i part[WIDTH] = {_mm512_castsi512_si128(block), _mm512_extracti32x4_epi32(block, 1),
		_mm512_extracti32x4_epi32(block, 2), _mm512_extracti32x4_epi32(block, 3)};

	for (unsigned l = 0; l < WIDTH; l++) {
		__m128i_u *const place = (__m128i_u *)(base[l] + at);

		_mm_storeu_si128(place, _mm_xor_si128(_mm_loadu_si128(place), part[l]));
	}
}

/* ... the first half of a block. */
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

/* Bits 0, 2, 4 and 6 of what is equal in both halves, each to an octet of its own. */
static inline void v_compare(bool *same, vec a, vec b)
{
	const uint32_t equal = _mm512_cmpeq_epi64_mask(a, b);
	const uint32_t spread = (equal & equal >> 1 & 0x55) * (1 | 1 << 6 | 1 << 12 | 1 << 18) & 0x01010101;

	memcpy(same, &spread, sizeof(spread));
}

#define v_zero() _mm512_setzero_si512()
#define v_xor _mm512_xor_si512
#define v_xor3(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define v_xor_and(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0x78)
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
#define v_upper_halves _mm512_unpackhi_epi64
#define v_lower_words _mm512_unpacklo_epi32
#define v_upper_words _mm512_unpackhi_epi32
#define v_swap_halves(block) _mm512_shuffle_epi32(block, (_MM_PERM_ENUM)_MM_SHUFFLE(1, 0, 3, 2))
#define v_add_words _mm512_add_epi32
#define v_add_halves _mm512_add_epi64
#define v_double_words(block) _mm512_slli_epi32(block, 1)
#define v_sign_words(block) _mm512_srai_epi32(block, 31)
#define v_rotate_words(block) _mm512_shuffle_epi32(block, (_MM_PERM_ENUM)_MM_SHUFFLE(2, 1, 0, 3))

#include "nts/siv_lanes_kernel.inc"

X86_END

SIV_LANES_BACKEND;
