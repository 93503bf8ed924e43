/*
 * What may follow the 48-octet header: extension fields and a MAC (RFC 7822 section 3, RFC 5905 section 7.3).
 * Pure; callable from any thread.
 */
#ifndef NTP_EXTENSION_H
#define NTP_EXTENSION_H

#include <stddef.h>
#include <stdint.h>

#include "ntp/octets.h"

enum {
	EXTENSION_HEADER = 4,    /* type and length, two octets each */
	EXTENSION_MIN = 16,      /* header included */
	EXTENSION_LAST_MIN = 28, /* of the last one where no MAC follows */
	MAC_KEY_ID = 4,          /* before the digest */
	MAC_DES = 4 + 8,         /* NTPv1 and v2, RFC 1119 appendix C */
	MAC_MD5 = 4 + 16,        /* and AES-CMAC, RFC 8573 */
	MAC_SHA1 = 4 + 20,       /* and longer digests cut to 20 octets in v4 */
	MAC_SHA512 = 4 + 64,     /* uncut: v3 */
};

enum ntp_trailer {
	NTP_TRAILER_NONE,       /* nothing, or extension fields only: all of sound length */
	NTP_TRAILER_MAC,        /* ends in a MAC */
	NTP_TRAILER_CRYPTO_NAK, /* ends in a lone key id of 0 */
	NTP_TRAILER_BAD_FIELD,  /* an extension field's length is below its minimum, odd or beyond the end */
	NTP_TRAILER_BAD_MAC,    /* no MAC has this length */
};

/*
 * Judge what follows the header. `size` is a multiple of 4 (the caller has refused others). Up to v3 all of
 * it is a MAC.
 *
 * The walk's invariant: `at` <= `size`, and every octet before `at` belongs to a field of sound length.
 */
static inline enum ntp_trailer ntp_trailer_check(const uint8_t *trailer, size_t size, unsigned version)
{
	size_t at = 0;

	if (size == 0)
		return NTP_TRAILER_NONE;
	if (version < 4) {
		if (size == MAC_KEY_ID && load_raw32(trailer) == 0)
			return NTP_TRAILER_CRYPTO_NAK;
		return size == MAC_DES || (size >= MAC_MD5 && size <= MAC_SHA512) ? NTP_TRAILER_MAC
										  : NTP_TRAILER_BAD_MAC;
	}
	while (at < size) {
		size_t rest = size - at, length;

		if (rest == MAC_KEY_ID)
			return load_raw32(trailer + at) == 0 ? NTP_TRAILER_CRYPTO_NAK : NTP_TRAILER_BAD_MAC;
		if (rest == MAC_MD5 || rest == MAC_SHA1)
			return NTP_TRAILER_MAC;
		if (rest < EXTENSION_LAST_MIN)
			return NTP_TRAILER_BAD_FIELD;
		length = load_be16(trailer + at + 2);
		if (length < EXTENSION_MIN || length % 4 != 0 || length > rest)
			return NTP_TRAILER_BAD_FIELD;
		at += length;
	}
	return NTP_TRAILER_NONE;
}

#endif
