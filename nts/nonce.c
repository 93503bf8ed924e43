#include "nts/nonce.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "nts/siv_lanes.h"

/* Nonces are numbered across calls, from 0 on. */
struct nonces {
	struct siv_lanes_master master;
	const struct siv_lanes_backend *lanes; /* NULL: by the library */
	uint64_t next;
	EVP_CIPHER_CTX *ctr; /* counts for itself */
};

static bool begin_lanes(struct nonces *nonces, const uint8_t key[NONCE_KEY])
{
	uint8_t both[SIV_KEY]; /* a master has two keys */

	memcpy(both, key, NONCE_KEY);
	memcpy(both + NONCE_KEY, key, NONCE_KEY);
	nonces->lanes->master(&nonces->master, both);
	OPENSSL_cleanse(both, sizeof(both));
	return true;
}

static bool begin_ctr(struct nonces *nonces, const uint8_t key[NONCE_KEY])
{
	static const uint8_t zero[NONCE];

	nonces->ctr = EVP_CIPHER_CTX_new();
	return nonces->ctr && EVP_EncryptInit_ex2(nonces->ctr, EVP_aes_128_ctr(), key, zero, NULL) == 1;
}

struct nonces *nonces_new_by(const struct siv_backend *backend, const uint8_t key[NONCE_KEY])
{
	struct nonces *nonces = aligned_alloc(_Alignof(struct nonces), sizeof(*nonces));

	if (!nonces)
		return NULL;
	memset(nonces, 0, sizeof(*nonces));
	nonces->lanes = backend->lanes;
	if (!(nonces->lanes ? begin_lanes : begin_ctr)(nonces, key)) {
		nonces_free(nonces);
		return NULL;
	}
	return nonces;
}

struct nonces *nonces_new(const uint8_t key[NONCE_KEY])
{
	return nonces_new_by(siv_backend_best(), key);
}

void nonces_free(struct nonces *nonces)
{
	if (!nonces)
		return;
	EVP_CIPHER_CTX_free(nonces->ctr); /* which erases the key's schedule */
	OPENSSL_cleanse(nonces, sizeof(*nonces));
	free(nonces);
}

bool nonces_draw(struct nonces *nonces, void *octets, size_t count)
{
	const size_t size = count * NONCE;
	int got = 0;

	if (count > INT_MAX / NONCE)
		return false;
	if (nonces->lanes) {
		nonces->lanes->stream(&nonces->master, nonces->next, octets, count);
		nonces->next += count;
		return true;
	}
	/* The key stream itself: zeros, encrypted in place. */
	memset(octets, 0, size);
	return EVP_EncryptUpdate(nonces->ctr, octets, &got, octets, (int)size) == 1 && got == (int)size;
}
