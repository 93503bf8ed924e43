/*
 * The keyring as a file: `ntskeys` of `ntsdumpdir`, readable by chrony as it is, and chrony's own.
 *
 *   NKS0
 *   15 604.2                      AEAD of the cookies, seconds since the last rotation
 *   1A2B3C40 0123...              id and key in hexadecimal, oldest first: old, old, current, future;
 *   1A2B3C41 4567...              the lowest two bits of the ids count on, which chrony asks for
 *   ...
 *   tickwire 1                    from here on what chrony does not read
 *   1A2B3C40 NOT-BEFORE NOT-AFTER     of each key, NTP time in 16 hexadecimal digits; 0 0 for one that is
 *   ...                               there only because chrony wants four, and is no part of the ring
 *   rotations 17
 *   sha256 0123...                of all octets before this line, in hexadecimal
 *
 * chrony 4.4 and newer writes NKS1, with the AEAD behind each key, and so do we where one of them is of
 * AEAD_AES_128_GCM_SIV: of 32 digits. Pure.
 */
#ifndef NTS_KEY_FILE_H
#define NTS_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/keyring.h"

enum {
	KEY_FILE_MAX = 2048,
	KEY_FILE_ID_LOW = 3, /* the bits of an id that count on from line to line */

	/* The form, for both directions. */
	KEY_FILE_ID_DIGITS = 8,
	KEY_FILE_TIME_DIGITS = 16,
	KEY_FILE_CURRENT_LINE = KEYRING_KEYS - 2, /* of the keys' lines, from 0; chrony seals with that key */
	KEY_FILE_SHA256 = 32,
	KEY_FILE_AGE_MOST = 999999999, /* seconds */
};

#define KEY_FILE_NAME "ntskeys"

/*
 * Write a ring with at least one key that has not expired; those that have are left out, and so is one whose
 * place is a newer one's, which is possible where keys between the two have expired before it. `fill` gives
 * ids and keys for the places of keys that are not there (KEYRING_KEYS of them, random; their low id bits are
 * set here). The size of the text, which is not NUL-terminated and which the caller erases; 0 where there is
 * no key, or one of yet another AEAD.
 */
size_t key_file_write(char text[KEY_FILE_MAX], const struct keyring *ring, ntp64 now,
	const struct keyring_fresh fill[KEYRING_KEYS]);

/*
 * Read a file of ours or of chrony's. Where it does not say when keys begin and end, they are counted from
 * the age that it gives and `period` (units of 2^-32 s, below 2^61): the last rotation was that long ago, but
 * a period at most, so that all but the oldest key still open. A period of 0: they last for 34 years, and the
 * future key begins when those are over.
 *
 * False with a sentence in message[message_size] that begins with "line N: " and has nothing of a key; the
 * ring is then untouched. No octet behind text[size] is looked at.
 */
bool key_file_read(struct keyring *ring, const char *text, size_t size, ntp64 now, uint64_t period,
	char *message, size_t message_size);

/* Octets of a key of that AEAD. */
static inline size_t key_file_key_size(uint16_t algorithm)
{
	return algorithm == AEAD_AES_128_GCM_SIV ? GCM_SIV_KEY : SIV_KEY;
}

/* An id for the next rotation: random, but for the lowest bits, which count on. */
uint32_t key_file_next_id(const struct keyring *ring, uint32_t random);

#endif
