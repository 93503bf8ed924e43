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
 *   sha256 0123...                of all octets before this line
 *
 * chrony 4.4 and newer writes NKS1, with the AEAD behind each key. Pure.
 */
#ifndef NTS_KEY_FILE_H
#define NTS_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/keyring.h"

enum { KEY_FILE_MAX = 2048 };

#define KEY_FILE_NAME "ntskeys"

/*
 * Write a ring of at least a current key. `fill` gives ids and keys for the places of keys that are not there
 * any more (KEYRING_KEYS of them, random; their low id bits are set here). The size of the text, which is not
 * NUL-terminated; 0 where the ring cannot be written.
 */
size_t key_file_write(char text[KEY_FILE_MAX], const struct keyring *ring, ntp64 now,
	const struct keyring_fresh fill[KEYRING_KEYS]);

/*
 * Read a file of ours or of chrony's. Where it does not say when keys begin and end, they are counted from
 * the age that it gives and `period` (units of 2^-32 s; 0: keys do not end, and the future key never begins).
 * False with a sentence in message[message_size] that says what was found and expected, and in which line;
 * the ring is then untouched.
 */
bool key_file_read(struct keyring *ring, const char *text, size_t size, ntp64 now, uint64_t period,
	char *message, size_t message_size);

/* The id that follows in a ring: random, but for the lowest two bits, which count on (chrony's file). */
uint32_t key_file_next_id(const struct keyring *ring, uint32_t random);

#endif
