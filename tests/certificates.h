/* Keys and certificates for tests, made on the spot. Whatever fails ends the test program. */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "nts/tls.h"

struct certified {
	EVP_PKEY *key;
	X509 *certificate;
	char *certificate_pem, *key_pem;
};

enum certified_key { KEY_P256, KEY_RSA2048, KEY_RSA1024, KEY_ED25519, KEY_P256K1 };

/*
 * `names` is a subject alternative name as OpenSSL's configuration has it, "DNS:a.example,IP:192.0.2.1";
 * NULL: an authority. Signed by the issuer, or by itself where that is NULL. Valid from an hour ago until
 * `seconds` from now.
 */
struct certified *certify(
	enum certified_key kind, const char *names, const struct certified *issuer, long seconds);
void certified_free(struct certified *certified);

/* The certificate and the key with their names for sentences; freed with `certified`. */
struct tls_identity certified_identity(const struct certified *certified);

#endif
