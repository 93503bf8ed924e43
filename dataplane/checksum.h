/*
 * The Internet checksum (RFC 1071) in native byte order: one's complement sums of 64 bits, folded at the end.
 * The sum of octets in their own order is right in the same order, so nothing is swapped. Pure.
 */
#ifndef DATAPLANE_CHECKSUM_H
#define DATAPLANE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/octets.h"

/* Fold to 16 bits. Adding a word to itself with its halves swapped leaves their end-around sum in the upper
 * half. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum >> 32 | sum << 32)) >> 32);

	return (uint16_t)((half + (half >> 16 | half << 16)) >> 16);
}

/* Add a 64-bit word with end-around carry: `sum` may be anything. */
static inline uint64_t checksum_add64(uint64_t sum, uint64_t raw)
{
	bool carry = __builtin_add_overflow(sum, raw, &sum);

	return sum + carry;
}

/* Any number of octets, an odd one padded with zero (RFC 1071 section 4.1). */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *p, size_t size)
{
	uint64_t tail = 0;

	/* Sums side by side: one alone would wait for its carry at each word. */
	if (size >= 32) {
		uint64_t b = 0, c = 0, d = 0;

		for (; size >= 32; size -= 32, p += 32) {
			sum = checksum_add64(sum, load_raw64(p));
			b = checksum_add64(b, load_raw64(p + 8));
			c = checksum_add64(c, load_raw64(p + 16));
			d = checksum_add64(d, load_raw64(p + 24));
		}
		sum = checksum_add64(checksum_add64(sum, b), checksum_add64(c, d));
	}
	for (; size >= 8; size -= 8, p += 8)
		sum = checksum_add64(sum, load_raw64(p));
	if (size >= 4) {
		tail += load_raw32(p);
		size -= 4, p += 4;
	}
	if (size >= 2) {
		tail += load_raw16(p);
		size -= 2, p += 2;
	}
	if (size) {
		const uint8_t last[2] = {*p, 0};

		tail += load_raw16(last);
	}
	return checksum_add64(sum, tail);
}

#endif
