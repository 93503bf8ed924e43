/*
 * A server's certificate, the chain above it and its key, out of PEM in memory; by libcrypto alone. No octet
 * of the key is copied but into the library's own object, which erases it when freed.
 *
 * Callable from any thread, each with identities of its own; identity_is_for only reads.
 */
#ifndef NTS_IDENTITY_H
#define NTS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "nts/tls.h"

struct identity {
	X509 *certificate;
	STACK_OF(X509) * chain; /* without the certificate; may be empty */
	EVP_PKEY *key;
};

/*
 * Read an identity that TLS 1.3 can use. False with a sentence in text[size] that names the file, and nothing
 * to be freed.
 */
bool identity_read(struct identity *identity, const struct tls_identity *pem, char *text, size_t size);

/* Free and erase; harmless after identity_read has failed. */
void identity_free(struct identity *identity);

void identity_describe(const struct identity *identity, struct tls_identity_facts *facts);

/*
 * Whether the certificate's subject alternative names hold a name, by wildcard of the leftmost label too, or
 * a numeric address.
 */
bool identity_is_for(X509 *certificate, const char *name);

#endif
