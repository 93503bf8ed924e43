/* What headers of replies in columns (dataplane/columns_x86.h) have in common, plain or protected. */
#ifndef DATAPLANE_REPLY_COLUMNS_X86_H
#define DATAPLANE_REPLY_COLUMNS_X86_H

#include <stdint.h>

#include "dataplane/columns_x86.h"

COLUMNS_X86_BEGIN

static inline __m512i columns_of_qwords(uint64_t first, uint64_t second)
{
	return columns_of(_mm_set_epi64x((long long)second, (long long)first));
}

/* The bits below the precision; and a transmit stamp that is not its request's. */
static inline __m512i make_stamps(__m512i stamps, __m512i fuzz, __m512i fuzz_mask, __m512i old)
{
	const __m512i network_order =
		columns_of(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
	const __m512i below = _mm512_shuffle_epi8(_mm512_and_si512(fuzz, fuzz_mask), network_order);
	__mmask8 same;

	stamps = _mm512_or_si512(stamps, below);
	same = _mm512_mask_cmpeq_epi64_mask(0xaa, stamps, old);
	return _mm512_mask_xor_epi64(stamps, same, stamps, columns_of_dwords(0, 0, 0, DWORD(0, 0, 0, 1)));
}

COLUMNS_X86_END

#endif
