/*
 * Four frames side by side, for the packet lane with AVX-512: a column is the 16 octets at the same place of
 * each, a frame to each 128-bit lane of a register, as they are in memory. To be included by files for x86-64
 * alone, which say COLUMNS_X86_BEGIN before their own functions.
 */
#ifndef DATAPLANE_COLUMNS_X86_H
#define DATAPLANE_COLUMNS_X86_H

#include <assert.h>
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/packet.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "ntp/x86.h"

#define COLUMNS_X86_BEGIN X86_BEGIN("avx512f,avx512bw,avx512vbmi,avx512vnni")
#define COLUMNS_X86_END X86_END

enum {
	COLUMNS = 4, /* frames in a register */
	COLUMN = 16,
	/* The usual frame has no tag, no IP options and no octets behind the NTP header. */
	USUAL_L3 = ETHERNET_HEADER,
	USUAL_UDP_LENGTH = UDP_HEADER + NTP_HEADER_SIZE,
	USUAL_IP_LENGTH = IPV4_HEADER + USUAL_UDP_LENGTH,
	USUAL_LENGTH = USUAL_L3 + USUAL_IP_LENGTH,
	/* Where its columns are; the last two overlap. */
	COLUMN_ETHERNET = 0,
	COLUMN_IP = USUAL_L3,                /* the IPv4 header but for the destination */
	COLUMN_UDP = COLUMN_IP + COLUMN,     /* that, the UDP header, and the first word of NTP */
	COLUMN_MIDDLE = COLUMN_UDP + COLUMN, /* of NTP, from the root delay on */
	COLUMN_ORIGIN = COLUMN_MIDDLE + COLUMN,
	COLUMN_STAMPS = USUAL_LENGTH - COLUMN, /* receive and transmit */
};
static_assert(COLUMN_STAMPS - COLUMN_ORIGIN < COLUMN, "the columns are all of the frame");

/* As octets lie in memory: a word or a dword. */
#define WORD(first, second) ((int16_t)(uint16_t)((unsigned)(first) | (unsigned)(second) << 8))
#define DWORD(a, b, c, d) \
	((int)((unsigned)(a) | (unsigned)(b) << 8 | (unsigned)(c) << 16 | (unsigned)(d) << 24))

/* Four of struct packet are a register, too: these are the words and dwords of it that are asked about. */
static_assert(sizeof(struct packet) == COLUMN && offsetof(struct packet, length) == 8 &&
		      offsetof(struct packet, vlan_tci) == 10 && offsetof(struct packet, flags) == 12 &&
		      offsetof(struct packet, verdict) == 13 && offsetof(struct packet, l3) == 14 &&
		      offsetof(struct packet, is_ipv6) == 15,
	"a length in the third dword; flags, verdict, l3 and is_ipv6 in the last");

/* Certain dwords of each lane, as a mask. */
enum { FIRST_DWORDS = 0x1111, LAST_DWORDS = 0x8888, NOT_FIRST_DWORDS = 0xeeee, NOT_LAST_DWORDS = 0x7777 };

COLUMNS_X86_BEGIN

/* The same in each lane. */
static inline __m512i columns_of(__m128i column)
{
	return _mm512_broadcast_i32x4(column);
}

static inline __m512i columns_of_dwords(int a, int b, int c, int d)
{
	return columns_of(_mm_setr_epi32(a, b, c, d));
}

static inline __m128i column_load(const uint8_t *octets)
{
	return _mm_loadu_si128((const __m128i_u *)octets);
}

static inline void column_store(uint8_t *octets, __m128i column)
{
	_mm_storeu_si128((__m128i_u *)octets, column);
}

static inline __m512i columns_load(uint8_t *const frame[COLUMNS], size_t at)
{
	const __m256i low = _mm256_inserti128_si256(
		_mm256_castsi128_si256(column_load(frame[0] + at)), column_load(frame[1] + at), 1);
	const __m256i high = _mm256_inserti128_si256(
		_mm256_castsi128_si256(column_load(frame[2] + at)), column_load(frame[3] + at), 1);

	return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

static inline void columns_store(uint8_t *const frame[COLUMNS], size_t at, __m512i columns)
{
	column_store(frame[0] + at, _mm512_castsi512_si128(columns));
	column_store(frame[1] + at, _mm512_extracti32x4_epi32(columns, 1));
	column_store(frame[2] + at, _mm512_extracti32x4_epi32(columns, 2));
	column_store(frame[3] + at, _mm512_extracti32x4_epi32(columns, 3));
}

/* Two columns, one behind the other: half as many stores. */
static inline void columns_store_two(uint8_t *const frame[COLUMNS], size_t at, __m512i first, __m512i second)
{
	const __m512i low =
		_mm512_permutex2var_epi64(first, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second);
	const __m512i high =
		_mm512_permutex2var_epi64(first, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), second);

	_mm256_storeu_si256((__m256i_u *)(frame[0] + at), _mm512_castsi512_si256(low));
	_mm256_storeu_si256((__m256i_u *)(frame[1] + at), _mm512_extracti64x4_epi64(low, 1));
	_mm256_storeu_si256((__m256i_u *)(frame[2] + at), _mm512_castsi512_si256(high));
	_mm256_storeu_si256((__m256i_u *)(frame[3] + at), _mm512_extracti64x4_epi64(high, 1));
}

/*
 * Words are added two by two into dwords by an instruction that takes them for signed: with their sign bits
 * turned, they count 0x8000 less than they are, which a sum has to begin with.
 */
enum { TURNED = 0x8000, TURNED_TWO = 2 * TURNED };

static inline __m512i turned_words(__m512i words)
{
	return _mm512_xor_si512(words, _mm512_set1_epi16((int16_t)TURNED));
}

static inline __m512i add_words(__m512i sum, __m512i columns)
{
	return _mm512_dpwssd_epi32(sum, turned_words(columns), _mm512_set1_epi16(1));
}

/* Sums of `columns` columns of words and of what is given. */
static inline __m512i first_sum(int columns, uint32_t sum)
{
	const int turned = columns * TURNED_TWO;

	return columns_of_dwords(turned + (int)sum, turned, turned, turned);
}

/* Both sums of each frame, folded to 16 bits, in the upper halves of dwords: first, second, first, second. */
static inline __m512i folded_sums(__m512i first, __m512i second)
{
	__m512i sum =
		_mm512_add_epi32(_mm512_unpacklo_epi32(first, second), _mm512_unpackhi_epi32(first, second));

	sum = _mm512_add_epi32(sum, _mm512_shuffle_epi32(sum, (_MM_PERM_ENUM)_MM_SHUFFLE(1, 0, 3, 2)));
	return _mm512_add_epi32(sum, _mm512_rol_epi32(sum, 16));
}

/* What a UDP checksum covers beside addresses, UDP header and NTP: the pseudo-header's rest. */
static inline uint32_t pseudo_sum(unsigned udp_length)
{
	return (uint32_t)OCTETS_BE16(PROTOCOL_UDP) + OCTETS_BE16((uint16_t)udp_length);
}

static inline uint32_t usual_pseudo_sum(void)
{
	return pseudo_sum(USUAL_UDP_LENGTH);
}

/*
 * A frame of any length in lines of 64 octets, for its UDP checksum: of the first and the last line those
 * words count that are in the masks. Most frames begin where a line of the cache does.
 */
enum {
	LINE = 64,
	LINES_MAX = 5,
	LINE_ADDRESSES_ON = 0xffffe000, /* addresses, UDP header and what follows */
	LINE_UDP_WRITTEN = 0x00180000,  /* UDP length and checksum */
};

static inline unsigned lines_of(unsigned length)
{
	return (length + LINE - 1) / LINE;
}

static inline __mmask32 last_words_of(unsigned length)
{
	return UINT32_MAX >> (LINE / 2 - 1 - (length / 2 - 1) % (LINE / 2));
}

SPECIALISED __m512i sum_of_lines(const uint8_t *frame, unsigned lines, __mmask32 first, __mmask32 last)
{
	const uint8_t *end = frame + (size_t)(lines - 1) * LINE;
	__m512i sum = add_words(_mm512_setzero_si512(), _mm512_maskz_loadu_epi16(first, frame)), other;

	other = add_words(_mm512_setzero_si512(), _mm512_maskz_loadu_epi16(last, end));
	for (unsigned l = 1; l + 1 < lines; l++)
		sum = add_words(sum, _mm512_loadu_si512(frame + (size_t)l * LINE));
	return _mm512_add_epi32(sum, other);
}

/* The first two lanes are of `a`, the others of `b`: halves of either, added. */
static inline __m512i halved(__m512i a, __m512i b)
{
	return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
}

/* Of all four, spread over each lane's dwords, to what is given. */
SPECIALISED __m512i add_lines(
	__m512i sum, uint8_t *const frame[COLUMNS], unsigned lines, __mmask32 first, __mmask32 last)
{
	const __m512i turned = _mm512_set1_epi32((int)(lines * COLUMNS * TURNED_TWO));
	const __m512i a = sum_of_lines(frame[0], lines, first, last);
	const __m512i b = sum_of_lines(frame[1], lines, first, last);
	const __m512i c = sum_of_lines(frame[2], lines, first, last);
	const __m512i d = sum_of_lines(frame[3], lines, first, last);

	return _mm512_add_epi32(_mm512_add_epi32(sum, turned), halved(halved(a, b), halved(c, d)));
}

COLUMNS_X86_END

#endif
