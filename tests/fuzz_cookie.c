/*
 * Fuzz target: what a cookie opens to (nts/cookie.h). An input is the time in seconds after the keyring's (2,
 * signed), then the cookie.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"
#include "nts/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The time that the ring is made for. tests/write_nts_seeds.c knows the ids and keys of it. */
static const ntp64 base = UINT64_C(0xe5f1a2b300000000);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void make_ring(struct keyring *ring)
{
	*ring = (struct keyring){0};
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		struct keyring_key *key = &ring->key[i];

		key->id = i;
		key->algorithm = i == 3 ? 17 : AEAD_AES_SIV_CMAC_256;
		key->not_before = base - i * 100 * NTP64_SECOND;
		key->not_after = base + (100 - i * 50) * NTP64_SECOND;
		memset(key->key, (int)i, sizeof(key->key));
	}
}

/* All that can be said without the AEAD. */
static enum cookie_verdict judge(const uint8_t *cookie, size_t size, int seconds)
{
	if (size != 100 && size != 68 && size != 96 && size != 64)
		return COOKIE_LENGTH;
	if (load_be32(cookie) >= KEYRING_KEYS)
		return COOKIE_UNKNOWN_KEY;
	if (seconds >= 100 - (int)load_be32(cookie) * 50)
		return COOKIE_EXPIRED_KEY;
	if (load_be32(cookie) == 3)
		return COOKIE_ALGORITHM;
	return size == 100 || size == 68 ? COOKIE_FORGED : COOKIE_LENGTH;
}

/* What opened is what seals to the same cookie; nobody else knows the keys. */
static void check_opened(
	struct siv *siv, const struct keyring *ring, const struct cookie_opening *o, const uint8_t *octets)
{
	uint8_t again[COOKIE_SIZE];
	struct cookie_sealing sealing = {
		.aead = o->aead, .cookie = again, .nonce = octets + COOKIE_NONCE_AT, .keys = &o->keys};

	require(o->aead == (o->size == 100 ? AEAD_AES_SIV_CMAC_256 : AEAD_AES_128_GCM_SIV));
	cookie_seal(siv, keyring_find(ring, load_be32(octets)), &sealing, 1);
	require(sealing.done && memcmp(again, octets, o->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cookie_keys none;
	static struct siv *siv;
	struct cookie_opening o = {0};
	enum cookie_verdict expected;
	struct keyring ring;
	uint8_t *cookie;
	int seconds;

	if (!siv)
		siv = siv_new(siv_backend_best());
	require(siv != NULL);
	if (size < 2)
		return 0;
	seconds = (int16_t)load_be16(data);
	make_ring(&ring);
	/* a copy of its own size, so that AddressSanitizer sees an access past the end */
	cookie = malloc(size - 2 + (size == 2));
	require(cookie != NULL);
	memcpy(cookie, data + 2, size - 2);
	o.cookie = cookie;
	o.size = size - 2;
	cookie_open(siv, &ring, base + (uint64_t)seconds * NTP64_SECOND, &o, 1);
	require(memcmp(cookie, data + 2, size - 2) == 0);
	expected = judge(cookie, size - 2, seconds);
	require(o.verdict == expected || (o.verdict == COOKIE_OPENED && expected == COOKIE_FORGED));
	if (o.verdict == COOKIE_OPENED)
		check_opened(siv, &ring, &o, cookie);
	else
		require(o.aead == 0 && memcmp(&o.keys, &none, sizeof(none)) == 0);
	free(cookie);
	return 0;
}
