#include "nts/cookie.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ntp/octets.h"

enum { BATCH = 32 };

const struct cookie_verdict_info cookie_verdict_info[COOKIE_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [COOKIE_##symbol] = {name, meaning},
	COOKIE_VERDICTS(X)
#undef X
};

bool cookie_is_served(const struct keyring_key *key)
{
	return key->algorithm == AEAD_AES_SIV_CMAC_256 || key->algorithm == AEAD_AES_128_GCM_SIV;
}

static enum cookie_verdict look_up(const struct keyring *ring, ntp64 now, const uint8_t *cookie, size_t size,
	const struct keyring_key **key)
{
	if (cookie_aead(size) == 0)
		return COOKIE_LENGTH;
	*key = keyring_find(ring, load_be32(cookie));
	if (!*key)
		return COOKIE_UNKNOWN_KEY;
	if (keyring_is_expired(*key, now))
		return COOKIE_EXPIRED_KEY;
	if (!cookie_is_served(*key))
		return COOKIE_ALGORITHM;
	return cookie_sealer(size) == (*key)->algorithm ? COOKIE_OPENED : COOKIE_LENGTH;
}

enum cookie_verdict cookie_look_up(const struct keyring *ring, ntp64 now, const uint8_t *cookie, size_t size)
{
	const struct keyring_key *key;

	return look_up(ring, now, cookie, size, &key);
}

/* Keys as they are in the cookie, side by side. Those of AEAD_AES_128_GCM_SIV fill half the struct. */
static uint8_t *packed(struct cookie_keys *keys)
{
	static_assert(
		sizeof(*keys) == 2 * (size_t)SIV_KEY && 2 * GCM_SIV_KEY == (int)SIV_KEY, "both lengths");
	return (uint8_t *)keys;
}

static void unpack(struct cookie_keys *keys, uint16_t aead)
{
	if (aead != AEAD_AES_128_GCM_SIV)
		return;
	memcpy(keys->s2c, keys->c2s + GCM_SIV_KEY, GCM_SIV_KEY);
	OPENSSL_cleanse(keys->c2s + GCM_SIV_KEY, GCM_SIV_KEY);
}

/* Where things stand in a cookie; its keys have `size` octets together. */
struct places {
	size_t nonce_size, keys, tag;
};

static struct places places_of(uint16_t algorithm, size_t size)
{
	if (algorithm == AEAD_AES_128_GCM_SIV)
		return (struct places){.nonce_size = GCM_SIV_NONCE,
			.keys = COOKIE_NONCE_AT + GCM_SIV_NONCE,
			.tag = COOKIE_NONCE_AT + GCM_SIV_NONCE + size};
	return (struct places){.nonce_size = COOKIE_NONCE, .keys = COOKIE_KEYS_AT, .tag = COOKIE_TAG_AT};
}

/* `tag` is a copy that the job may point to: the cookie itself is not written. */
static void prepare_open(
	struct siv_job *job, uint8_t tag[SIV_TAG], struct cookie_opening *o, const struct keyring_key *key)
{
	const size_t size = o->size - (cookie_size_under(key->algorithm, 0) - 2 * (size_t)SIV_KEY);
	const struct places at = places_of(key->algorithm, size);

	memset(&o->keys, 0, sizeof(o->keys));
	memcpy(packed(&o->keys), o->cookie + at.keys, size);
	memcpy(tag, o->cookie + at.tag, SIV_TAG);
	*job = (struct siv_job){
		.aead = key->algorithm, .key = key->key, .text = packed(&o->keys), .size = size, .tag = tag};
	siv_job_bind(job, NULL, 0, o->cookie + COOKIE_NONCE_AT, at.nonce_size);
	o->aead = cookie_aead(o->size);
}

static void open_batch(
	struct siv *siv, const struct keyring *ring, ntp64 now, struct cookie_opening *openings, size_t count)
{
	struct siv_job jobs[BATCH];
	uint8_t tags[BATCH][SIV_TAG];
	struct cookie_opening *of[BATCH];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		struct cookie_opening *o = &openings[i];
		const struct keyring_key *key = NULL;

		o->verdict = look_up(ring, now, o->cookie, o->size, &key);
		o->aead = 0;
		if (o->verdict == COOKIE_OPENED) {
			prepare_open(&jobs[n], tags[n], o, key);
			of[n++] = o;
		} else {
			memset(&o->keys, 0, sizeof(o->keys));
		}
	}
	siv_open(siv, jobs, n);
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].done) {
			unpack(&of[i]->keys, of[i]->aead);
			continue;
		}
		of[i]->verdict = COOKIE_FORGED;
		of[i]->aead = 0;
	}
}

void cookie_open(
	struct siv *siv, const struct keyring *ring, ntp64 now, struct cookie_opening *openings, size_t count)
{
	for (size_t at = 0; at < count; at += BATCH)
		open_batch(siv, ring, now, openings + at, count - at < BATCH ? count - at : BATCH);
}

static void prepare_seal(struct siv_job *job, struct cookie_sealing *s, const struct keyring_key *key)
{
	const size_t size = s->aead == AEAD_AES_128_GCM_SIV ? GCM_SIV_KEY : SIV_KEY;
	const struct places at = places_of(key->algorithm, 2 * size);
	uint8_t *cookie = s->cookie, *text = cookie + at.keys;

	store_be32(cookie, key->id);
	memcpy(cookie + COOKIE_NONCE_AT, s->nonce, at.nonce_size);
	memcpy(text, s->keys->c2s, size);
	memcpy(text + size, s->keys->s2c, size);
	*job = (struct siv_job){.aead = key->algorithm,
		.key = key->key,
		.text = text,
		.size = 2 * size,
		.tag = cookie + at.tag};
	siv_job_bind(job, NULL, 0, cookie + COOKIE_NONCE_AT, at.nonce_size);
}

static void seal_batch(
	struct siv *siv, const struct keyring_key *key, struct cookie_sealing *sealings, size_t count)
{
	struct siv_job jobs[BATCH];
	const bool served = cookie_is_served(key);

	for (size_t i = 0; served && i < count; i++)
		prepare_seal(&jobs[i], &sealings[i], key);
	if (served)
		siv_seal(siv, jobs, count);
	for (size_t i = 0; i < count; i++) {
		sealings[i].done = served && jobs[i].done;
		if (!sealings[i].done)
			OPENSSL_cleanse(
				sealings[i].cookie, cookie_size_under(key->algorithm, sealings[i].aead));
	}
}

void cookie_seal(
	struct siv *siv, const struct keyring_key *key, struct cookie_sealing *sealings, size_t count)
{
	for (size_t at = 0; at < count; at += BATCH)
		seal_batch(siv, key, sealings + at, count - at < BATCH ? count - at : BATCH);
}
