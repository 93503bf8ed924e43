/*
 * How a thread makes cookies: under the current key of a ring that the main thread sets and each thread
 * copies, so that no thread waits for another while it seals.
 */
#ifndef CONTROL_KE_SEALER_H
#define CONTROL_KE_SEALER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/cookie.h"
#include "nts/keyring.h"
#include "nts/nonce.h"
#include "nts/siv.h"

/* The ring of all threads. */
struct ke_ring {
	pthread_mutex_t lock; /* of the ring, and who changes `changes` holds it */
	struct keyring ring;
	uint64_t changes; /* atomic */
};

/* Empty, and locked in memory where that is allowed. */
void ke_ring_init(struct ke_ring *ring);

/* Use another one. Any thread; copies are renewed by their owners (ke_sealer_renew). */
void ke_ring_set(struct ke_ring *ring, const struct keyring *keys);

/* Erase it. */
void ke_ring_end(struct ke_ring *ring);

/* One thread's. */
struct ke_sealer {
	struct ke_ring *source;
	struct siv *siv;
	struct nonces *nonces;
	struct keyring ring; /* copy of the source's */
	uint64_t changes;    /* then */
};

/* False where memory, ciphers or random octets cannot be had; to be closed then, too. */
bool ke_sealer_open(struct ke_sealer *sealer, struct ke_ring *source);

/* Overwrite an outdated copy. */
void ke_sealer_renew(struct ke_sealer *sealer);

/*
 * Make `count` cookies, at most KE_COOKIES, with keys for one of cookie_aead's AEADs. The size of each; 0
 * where there is no current key, or a cipher failed.
 */
size_t ke_sealer_make(struct ke_sealer *sealer, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count, ntp64 now);

/* Erase and free. Harmless on a zeroed struct. */
void ke_sealer_close(struct ke_sealer *sealer);

#endif
