#include "nts/nonce.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* The context counts blocks across calls, a nonce each; it begins at 0. */
struct nonces {
	EVP_CIPHER_CTX *ctr;
};

struct nonces *nonces_new(const uint8_t key[NONCE_KEY])
{
	static const uint8_t zero[NONCE];
	struct nonces *nonces = calloc(1, sizeof(*nonces));

	if (!nonces)
		return NULL;
	nonces->ctr = EVP_CIPHER_CTX_new();
	if (!nonces->ctr || EVP_EncryptInit_ex2(nonces->ctr, EVP_aes_128_ctr(), key, zero, NULL) != 1) {
		nonces_free(nonces);
		return NULL;
	}
	return nonces;
}

void nonces_free(struct nonces *nonces)
{
	if (!nonces)
		return;
	EVP_CIPHER_CTX_free(nonces->ctr); /* which erases the key's schedule */
	free(nonces);
}

bool nonces_draw(struct nonces *nonces, void *octets, size_t count)
{
	const size_t size = count * NONCE;
	int got = 0;

	if (count > INT_MAX / NONCE)
		return false;
	/* The key stream itself: zeros, encrypted in place. */
	memset(octets, 0, size);
	return EVP_EncryptUpdate(nonces->ctr, octets, &got, octets, (int)size) == 1 && got == (int)size;
}
