#include "tests/certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static void require(int holds)
{
	if (!holds)
		abort();
}

static EVP_PKEY *make_key(enum certified_key kind)
{
	switch (kind) {
	case KEY_RSA2048:
		return EVP_RSA_gen(2048);
	case KEY_RSA1024:
		return EVP_RSA_gen(1024);
	case KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case KEY_P256K1:
		return EVP_EC_gen("secp256k1");
	default:
		return EVP_EC_gen("prime256v1");
	}
}

static void name(X509_NAME *to, const char *text)
{
	require(X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) ==
		1);
}

static void extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	require(extension && X509_add_ext(certificate, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key, const char *names, const struct certified *issuer, long seconds)
{
	static long serial;
	char common[64];
	X509 *x = X509_new();

	require(x && X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, key) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	snprintf(common, sizeof(common), "%s%ld.example", names ? "server" : "authority", serial);
	name(X509_get_subject_name(x), common);
	require(X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->certificate : x)) == 1);
	extend(x, NID_basic_constraints, names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names && names[0])
		extend(x, NID_subject_alt_name, names);
	require(X509_sign(x, issuer ? issuer->key : key,
			EVP_PKEY_is_a(issuer ? issuer->key : key, "ED25519") ? NULL : EVP_sha256()) > 0);
	return x;
}

/* What a BIO in memory holds, as a string; frees it. */
static char *text_of(BIO *bio)
{
	char *octets, *text;
	const long size = BIO_get_mem_data(bio, &octets);

	text = calloc(1, (size_t)size + 1);
	require(text != NULL);
	memcpy(text, octets, (size_t)size);
	BIO_free(bio);
	return text;
}

struct certified *certify(
	enum certified_key kind, const char *names, const struct certified *issuer, long seconds)
{
	struct certified *c = calloc(1, sizeof(*c));
	BIO *certificate = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());

	require(c && certificate && key);
	c->key = make_key(kind);
	require(c->key != NULL);
	c->certificate = make_certificate(c->key, names, issuer, seconds);
	require(PEM_write_bio_X509(certificate, c->certificate) == 1);
	require(PEM_write_bio_PrivateKey(key, c->key, NULL, NULL, 0, NULL, NULL) == 1);
	c->certificate_pem = text_of(certificate);
	c->key_pem = text_of(key);
	return c;
}

void certified_free(struct certified *certified)
{
	EVP_PKEY_free(certified->key);
	X509_free(certified->certificate);
	free(certified->certificate_pem);
	free(certified->key_pem);
	free(certified);
}

struct tls_identity certified_identity(const struct certified *certified)
{
	return (struct tls_identity){
		.certificate_name = "cert.pem",
		.key_name = "key.pem",
		.certificate = certified->certificate_pem,
		.key = certified->key_pem,
		.certificate_size = strlen(certified->certificate_pem),
		.key_size = strlen(certified->key_pem),
	};
}
