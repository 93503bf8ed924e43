#include "control/ke_sealer.h"

#include <sys/mman.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "nts/ke_record.h"

void ke_ring_init(struct ke_ring *r)
{
	pthread_mutex_init(&r->lock, NULL);
	r->ring = (struct keyring){0};
	r->changes = 0;
	(void)mlock(&r->ring, sizeof(r->ring)); /* without it the system's swap has to be trusted */
}

void ke_ring_set(struct ke_ring *r, const struct keyring *keys)
{
	pthread_mutex_lock(&r->lock);
	r->ring = *keys;
	__atomic_store_n(&r->changes, r->changes + 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&r->lock);
}

void ke_ring_end(struct ke_ring *r)
{
	OPENSSL_cleanse(&r->ring, sizeof(r->ring));
	pthread_mutex_destroy(&r->lock);
}

bool ke_sealer_open(struct ke_sealer *s, struct ke_ring *source)
{
	uint8_t key[NONCE_KEY];

	*s = (struct ke_sealer){.source = source, .siv = siv_new(siv_backend_best())};
	(void)mlock(&s->ring, sizeof(s->ring));
	if (getrandom(key, sizeof(key), 0) == sizeof(key))
		s->nonces = nonces_new(key);
	OPENSSL_cleanse(key, sizeof(key));
	return s->siv && s->nonces;
}

void ke_sealer_renew(struct ke_sealer *s)
{
	struct ke_ring *source = s->source;

	if (__atomic_load_n(&source->changes, __ATOMIC_ACQUIRE) == s->changes)
		return;
	pthread_mutex_lock(&source->lock);
	s->ring = source->ring;
	s->changes = source->changes;
	pthread_mutex_unlock(&source->lock);
}

size_t ke_sealer_make(struct ke_sealer *s, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count, ntp64 now)
{
	struct cookie_sealing sealings[KE_COOKIES];
	uint8_t nonces[KE_COOKIES][COOKIE_NONCE];
	const struct keyring_key *key;
	bool done = true;

	ke_sealer_renew(s);
	key = keyring_current(&s->ring, now);
	if (!key || count > KE_COOKIES || !nonces_draw(s->nonces, nonces, count))
		return 0;
	for (size_t i = 0; i < count; i++)
		sealings[i] = (struct cookie_sealing){
			.cookie = cookies[i], .nonce = nonces[i], .keys = keys, .aead = aead};
	cookie_seal(s->siv, key, sealings, count);
	for (size_t i = 0; i < count; i++)
		done = done && sealings[i].done;
	return done ? cookie_size_under(key->algorithm, aead) : 0;
}

void ke_sealer_close(struct ke_sealer *s)
{
	siv_free(s->siv);
	nonces_free(s->nonces);
	OPENSSL_cleanse(s, sizeof(*s));
}
