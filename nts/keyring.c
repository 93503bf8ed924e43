#include "nts/keyring.h"

#include <openssl/crypto.h>

static bool is_used(const struct keyring_key *key)
{
	return key->algorithm != 0;
}

static bool is_before(ntp64 a, ntp64 b)
{
	return ntp64_diff(a, b) < 0;
}

const struct keyring_key *keyring_find(const struct keyring *ring, uint32_t id)
{
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		if (is_used(&ring->key[i]) && ring->key[i].id == id)
			return &ring->key[i];
	return NULL;
}

bool keyring_is_expired(const struct keyring_key *key, ntp64 now)
{
	return !is_before(now, key->not_after);
}

/* Whether `a` is to be preferred to `b` for sealing. */
static bool is_better(const struct keyring_key *a, const struct keyring_key *b, ntp64 now)
{
	const bool a_began = !is_before(now, a->not_before), b_began = !is_before(now, b->not_before);

	if (a_began != b_began)
		return a_began;
	return a_began ? is_before(b->not_before, a->not_before) : is_before(a->not_before, b->not_before);
}

const struct keyring_key *keyring_current(const struct keyring *ring, ntp64 now)
{
	const struct keyring_key *best = NULL;

	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		const struct keyring_key *key = &ring->key[i];

		if (is_used(key) && !keyring_is_expired(key, now) && (!best || is_better(key, best, now)))
			best = key;
	}
	return best;
}

static void end_by(struct keyring_key *key, ntp64 time)
{
	if (is_before(time, key->not_after))
		key->not_after = time;
}

/* key[0] turns from future to current. It seals until the fresh key begins, a period from now. */
static void promote(struct keyring *ring, ntp64 now, uint64_t period)
{
	struct keyring_key *next = &ring->key[0], *previous = &ring->key[1];

	if (is_before(now, next->not_before))
		next->not_before = now;
	next->not_after = now + (1 + KEYRING_OLD) * period;
	if (is_used(previous))
		end_by(previous, next->not_before + KEYRING_OLD * period);
}

unsigned keyring_erase_expired(struct keyring *ring, ntp64 now)
{
	unsigned kept = 0, used = 0;

	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		if (!is_used(&ring->key[i]))
			continue;
		used++;
		if (!keyring_is_expired(&ring->key[i], now))
			ring->key[kept++] = ring->key[i];
	}
	OPENSSL_cleanse(&ring->key[kept], (KEYRING_KEYS - kept) * sizeof(ring->key[0]));
	return used - kept;
}

bool keyring_rotate(struct keyring *ring, const struct keyring_fresh *fresh, ntp64 now, uint64_t period)
{
	struct keyring_key *key = ring->key;

	if (keyring_find(ring, fresh->id))
		return false;
	keyring_erase_expired(ring, now);
	if (is_used(&key[0]))
		promote(ring, now, period);
	for (unsigned i = KEYRING_KEYS - 1; i > 0; i--)
		key[i] = key[i - 1];
	key[0] = (struct keyring_key){
		.id = fresh->id,
		.algorithm = AEAD_AES_SIV_CMAC_256,
		.not_before = now + period,
		.not_after = now + (1 + 1 + KEYRING_OLD) * period,
	};
	for (unsigned i = 0; i < SIV_KEY; i++)
		key[0].key[i] = fresh->key[i];
	ring->rotations++;
	return true;
}
