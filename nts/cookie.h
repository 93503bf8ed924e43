/*
 * Cookies (RFC 8915 section 6): a client's keys, sealed under one of the keyring's master keys.
 *
 *   octets  0-3   id of the master key, big-endian
 *           4-19  nonce
 *          20-35  tag over the nonce and the keys, by AEAD_AES_SIV_CMAC_256; the associated data is empty
 *          36-    C2S and S2C, encrypted: 64 octets of keys for that AEAD, 32 for AEAD_AES_128_GCM_SIV
 *
 * Under master keys of AEAD_AES_128_GCM_SIV, which chrony 4.4 and newer make and which are never made here:
 *
 *   octets  0-3   id
 *           4-15  nonce
 *          16-    C2S and S2C, encrypted, and the tag
 *
 * Which AEAD the keys are for follows from the cookie's length, and so the plaintext is the keys alone.
 * Cookies are only ever longer than their predecessors at the price of clients whose placeholders are too
 * short: these lengths stay. The layouts are chrony's too.
 *
 * Pure, but for the struct siv, which belongs to one thread.
 */
#ifndef NTS_COOKIE_H
#define NTS_COOKIE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/keyring.h"
#include "nts/siv.h"

/* Those of AEAD_AES_128_GCM_SIV are shorter: the rest of each is zero. */
struct cookie_keys {
	uint8_t c2s[SIV_KEY];
	uint8_t s2c[SIV_KEY];
};

enum {
	COOKIE_KEY_ID = 4,
	COOKIE_NONCE = 16,
	COOKIE_NONCE_AT = COOKIE_KEY_ID,
	COOKIE_TAG_AT = COOKIE_NONCE_AT + COOKIE_NONCE,
	COOKIE_KEYS_AT = COOKIE_TAG_AT + SIV_TAG,
	COOKIE_SIZE = COOKIE_KEYS_AT + 2 * SIV_KEY, /* for AEAD_AES_SIV_CMAC_256; there are no longer ones */
	COOKIE_SIZE_GCM_SIV = COOKIE_KEYS_AT + 2 * GCM_SIV_KEY,
	COOKIE_UNDER_GCM_SIV_SHORTER = COOKIE_NONCE - GCM_SIV_NONCE, /* than under AEAD_AES_SIV_CMAC_256 */
};
static_assert(
	COOKIE_SIZE == 100 && COOKIE_SIZE_GCM_SIV == 68, "what a client was given once must go on to fit");
static_assert(
	COOKIE_SIZE % 4 == 0 && COOKIE_SIZE_GCM_SIV % 4 == 0, "an extension field's body without padding");

/* The size of cookies with keys for `aead`, one of cookie_aead's, sealed by `algorithm`, one of these two. */
static inline size_t cookie_size_under(uint16_t algorithm, uint16_t aead)
{
	const size_t nonce = algorithm == AEAD_AES_128_GCM_SIV ? GCM_SIV_NONCE : COOKIE_NONCE;
	const size_t keys = aead == AEAD_AES_128_GCM_SIV ? 2 * GCM_SIV_KEY : 2 * SIV_KEY;

	return COOKIE_KEY_ID + nonce + SIV_TAG + keys;
}

/* ... sealed by AEAD_AES_SIV_CMAC_256. */
static inline size_t cookie_size(uint16_t aead)
{
	return cookie_size_under(AEAD_AES_SIV_CMAC_256, aead);
}

/* The AEAD that seals cookies of that size; 0: none of ours has it. */
static inline uint16_t cookie_sealer(size_t size)
{
	if (size == COOKIE_SIZE || size == COOKIE_SIZE_GCM_SIV)
		return AEAD_AES_SIV_CMAC_256;
	size += COOKIE_UNDER_GCM_SIV_SHORTER;
	return size == COOKIE_SIZE || size == COOKIE_SIZE_GCM_SIV ? AEAD_AES_128_GCM_SIV : 0;
}

/* The AEAD of the keys in a cookie of that size; 0: none of ours has it. */
static inline uint16_t cookie_aead(size_t size)
{
	if (cookie_sealer(size) == AEAD_AES_128_GCM_SIV)
		size += COOKIE_UNDER_GCM_SIV_SHORTER;
	return size == COOKIE_SIZE           ? AEAD_AES_SIV_CMAC_256
	       : size == COOKIE_SIZE_GCM_SIV ? AEAD_AES_128_GCM_SIV
					     : 0;
}

/* X(symbol, name, meaning), in the order of the checks; the meaning ends the sentence "the cookie ...". */
#define COOKIE_VERDICTS(X)                                                                \
	X(OPENED, "opened", "is one of ours")                                             \
	X(LENGTH, "length", "has a length that none of ours has")                         \
	X(UNKNOWN_KEY, "unknown-key", "is under a key that is not in the ring")           \
	X(EXPIRED_KEY, "expired-key", "is under a key whose time is over")                \
	X(ALGORITHM, "algorithm", "is under a key of an AEAD that makes no cookies here") \
	X(FORGED, "forged", "does not verify: forged or damaged")

enum cookie_verdict {
#define X(symbol, name, meaning) COOKIE_##symbol,
	COOKIE_VERDICTS(X)
#undef X
		COOKIE_VERDICT_COUNT
};

struct cookie_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum cookie_verdict. */
extern const struct cookie_verdict_info cookie_verdict_info[COOKIE_VERDICT_COUNT];

struct cookie_opening {
	const uint8_t *cookie; /* stays as it is: the request's tag covers it */
	size_t size;
	/* Results. */
	enum cookie_verdict verdict;
	uint16_t aead;           /* of the keys, for COOKIE_OPENED, else 0 */
	struct cookie_keys keys; /* zero unless COOKIE_OPENED; the caller erases them */
};

struct cookie_sealing {
	uint8_t *cookie;                /* cookie_size_under octets, written; zero where it failed */
	const uint8_t *nonce;           /* COOKIE_NONCE octets, fresh for each cookie; may be used in part */
	const struct cookie_keys *keys; /* for this AEAD: */
	uint16_t aead;                  /* one of cookie_aead's */
	bool done;                      /* the result */
};

/* What can be said of a cookie without cryptography: COOKIE_OPENED where the rest is up to its tag. */
enum cookie_verdict cookie_look_up(const struct keyring *ring, ntp64 now, const uint8_t *cookie, size_t size);

/* Whether cookies are made and opened under this key here. */
bool cookie_is_served(const struct keyring_key *key);

/* Open a burst. A key that is still to become current opens too: see nts/keyring.h. */
void cookie_open(struct siv *siv, const struct keyring *ring, ntp64 now, struct cookie_opening *openings,
	size_t count);

/* Seal a burst under one key of the ring: keyring_current's. All fail where its algorithms are not ours. */
void cookie_seal(
	struct siv *siv, const struct keyring_key *key, struct cookie_sealing *sealings, size_t count);

#endif
