/*
 * Nonces of cookies and replies: AES-128 in counter mode under a key that one thread draws once, so that they
 * are unlike for 2^64 of them, tell nobody how many there were, and cost no system call (RFC 8915 section
 * 5.6 and 6 ask for no more than that they do not repeat). One thread each.
 */
#ifndef NTS_NONCE_H
#define NTS_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/siv.h"

enum { NONCE = 16, NONCE_KEY = 16 };

struct nonces;

/* `key` is fresh and secret; the same key gives the same nonces, by any back-end. NULL where memory is short
 * or the library fails. The CPU supports the back-end. */
struct nonces *nonces_new_by(const struct siv_backend *backend, const uint8_t key[NONCE_KEY]);

/* ... by the best that the CPU supports. */
struct nonces *nonces_new(const uint8_t key[NONCE_KEY]);

/* The key is erased. NULL is harmless. */
void nonces_free(struct nonces *nonces);

/* The next `count` nonces, NONCE octets each. False where the library failed or count is more than
 * INT_MAX / NONCE; they must not be used then. */
bool nonces_draw(struct nonces *nonces, void *octets, size_t count);

#endif
