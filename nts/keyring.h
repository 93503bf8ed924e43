/*
 * The contract between the key establishment daemon and the workers: the master keys that cookies are sealed
 * and opened with.
 *
 * Writer: tickwire-ke. Readers: workers, which copy it between bursts (ntp/shm.h). All values are host
 * integers; times are NTP time, compared across an era's end. A key's life:
 *
 *   future    from its rotation on: every node that has the ring opens its cookies, none seals them, so that
 *             a node whose clock or copy is behind never meets a cookie it cannot open
 *   current   from not_before on: seals new cookies
 *   old       from the next one's not_before on: opens only
 *   erased    from not_after on
 *
 * Turning current is a matter of time alone, so with the writer dead the workers go on, for four periods
 * after the last rotation.
 *
 * The segment holds two copies, of which a publication overwrites one: who erases a key publishes twice.
 *
 * The functions are pure, and for any thread.
 */
#ifndef NTS_KEYRING_H
#define NTS_KEYRING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/shm.h"
#include "ntp/timestamp.h"
#include "nts/siv.h"

enum {
	KEYRING_OLD = 2,
	KEYRING_KEYS = 1 + 1 + KEYRING_OLD, /* future, current, old */
};

struct keyring_key {
	uint32_t id;          /* as in the cookie, there in network order; unlike the others' */
	uint16_t algorithm;   /* the AEAD that seals the cookie; 0: the slot is empty */
	uint16_t reserved;    /* 0 */
	ntp64 not_before;     /* seals from then on */
	ntp64 not_after;      /* opens no more from then on */
	uint8_t key[SIV_KEY]; /* of AEAD_AES_128_GCM_SIV, GCM_SIV_KEY octets and zeros */
};
static_assert(sizeof(struct keyring_key) == 56, "contract keyring version 2");
static_assert(offsetof(struct keyring_key, not_before) == 8, "contract keyring version 2");
static_assert(offsetof(struct keyring_key, key) == 24, "contract keyring version 2");

struct keyring {
	struct keyring_key key[KEYRING_KEYS]; /* the newest first; used ones have no empty ones before them */
	uint64_t rotations;                   /* since the ring was empty */
};
static_assert(sizeof(struct keyring) == 232, "contract keyring version 2");
static_assert(offsetof(struct keyring, rotations) == 224, "contract keyring version 2");
static_assert(sizeof(struct keyring) % 8 == 0, "copied by words");

#define KEYRING_CONTRACT        \
	((struct shm_contract){ \
		"keyring", SHM_MAGIC('T', 'W', 'K', 'E', 'Y', 'R', 'N', 'G'), 2, sizeof(struct keyring)})

/* What a rotation needs that is random. */
struct keyring_fresh {
	uint32_t id;
	uint8_t key[SIV_KEY];
};

/* The key of that id, whatever its age; NULL where there is none. */
const struct keyring_key *keyring_find(const struct keyring *ring, uint32_t id);

/* Whether it must neither seal nor open any more. */
bool keyring_is_expired(const struct keyring_key *key, ntp64 now);

/*
 * The key to seal with: of those not expired, the one that began last, and for a clock from before they all
 * did, the one that begins first. NULL where none is left.
 */
const struct keyring_key *keyring_current(const struct keyring *ring, ntp64 now);

/*
 * The future key becomes current, now at the latest; the fresh one becomes future, to begin a period (units
 * of 2^-32 s, 0 < period < 2^61) from now. Old keys end two periods after the next one began; what has
 * expired and what has no place any more is erased, so publish twice. An empty ring takes two rotations to
 * have both a current and a future key. False, with nothing changed, where the id is taken.
 */
bool keyring_rotate(struct keyring *ring, const struct keyring_fresh *fresh, ntp64 now, uint64_t period);

/* Erase the keys that have expired, closing the gaps. Gives how many; where it is not 0, publish twice. */
unsigned keyring_erase_expired(struct keyring *ring, ntp64 now);

#endif
