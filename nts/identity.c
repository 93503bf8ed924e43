#include "nts/identity.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
	STRENGTH_MIN = 112, /* bits: RSA of 2048, which NIST SP 800-57 gives as the least since 2014 */
	CHAIN_MAX = 16,
	PEM_MAX = 1 << 20, /* octets */
};

/* Always false, so that a check can return it. */
__attribute__((format(printf, 3, 4))) static bool say(char *text, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, size, format, ap);
	va_end(ap);
	return false;
}

/* Whether the reader has merely found no further block, which is how a list ends. */
static bool is_end_of_blocks(void)
{
	const unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool read_chain(struct identity *i, BIO *pem)
{
	X509 *above;

	while ((above = PEM_read_bio_X509(pem, NULL, NULL, NULL))) {
		if (sk_X509_num(i->chain) >= CHAIN_MAX || !sk_X509_push(i->chain, above)) {
			X509_free(above);
			return false;
		}
	}
	return is_end_of_blocks();
}

static bool read_certificates(struct identity *i, const struct tls_identity *from, char *text, size_t size)
{
	BIO *pem = BIO_new_mem_buf(from->certificate ? from->certificate : "", (int)from->certificate_size);
	bool whole;

	i->chain = sk_X509_new_null();
	if (!pem || !i->chain) {
		BIO_free(pem);
		return say(text, size, "no memory for %s", from->certificate_name);
	}
	i->certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	whole = i->certificate && read_chain(i, pem);
	BIO_free(pem);
	if (!i->certificate && is_end_of_blocks())
		return say(text, size,
			"%s holds no certificate in PEM (a block that begins with -----BEGIN "
			"CERTIFICATE-----)",
			from->certificate_name);
	if (!whole)
		return say(text, size, "%s: certificate %d in it is damaged, or there are more than %d",
			from->certificate_name, i->certificate ? sk_X509_num(i->chain) + 2 : 1,
			CHAIN_MAX + 1);
	return true;
}

/* In place of asking at the terminal. */
static int note_encryption(char *password, int size, int writing, void *encrypted)
{
	(void)password;
	(void)size;
	(void)writing;
	*(bool *)encrypted = true;
	return -1;
}

static bool read_key(struct identity *i, const struct tls_identity *from, char *text, size_t size)
{
	BIO *pem = BIO_new_mem_buf(from->key ? from->key : "", (int)from->key_size);
	bool encrypted = false;

	if (!pem)
		return say(text, size, "no memory for %s", from->key_name);
	i->key = PEM_read_bio_PrivateKey(pem, NULL, note_encryption, &encrypted);
	BIO_free(pem);
	if (encrypted)
		return say(text, size,
			"the key in %s is encrypted, and nobody is here to give its password; store it"
			" decrypted (openssl pkey -in OLD -out NEW), readable for root alone",
			from->key_name);
	if (!i->key)
		return say(text, size,
			"%s holds no key in PEM (a block that begins with -----BEGIN PRIVATE KEY-----)",
			from->key_name);
	return true;
}

/* TLS 1.3 has signatures for these keys only (RFC 8446 section 4.2.3). */
static bool is_usable(const EVP_PKEY *key)
{
	char group[32] = "";

	if (!EVP_PKEY_is_a(key, "EC"))
		return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ||
		       EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	return strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 ||
	       strcmp(group, "secp521r1") == 0;
}

static void name_kind(const EVP_PKEY *key, char *text, size_t size)
{
	const char *type = EVP_PKEY_get0_type_name(key);
	char group[32];

	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
		snprintf(text, size, "EC %.24s", group);
	else if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		snprintf(text, size, "%.20s %d", type, EVP_PKEY_get_bits(key));
	else
		snprintf(text, size, "%.31s", type ? type : "unknown");
}

static bool check_pair(const struct identity *i, const struct tls_identity *from, char *text, size_t size)
{
	char kind[32];

	if (X509_check_private_key(i->certificate, i->key) != 1)
		return say(text, size,
			"the key in %s is not that of the certificate in %s; the server's own certificate"
			" has to be the first in its file",
			from->key_name, from->certificate_name);
	name_kind(i->key, kind, sizeof(kind));
	if (!is_usable(i->key))
		return say(text, size,
			"%s: TLS 1.3 has no use for a key of this kind (%s); make one of EC prime256v1",
			from->key_name, kind);
	if (EVP_PKEY_get_security_bits(i->key) < STRENGTH_MIN)
		return say(text, size, "%s: the key is too weak (%s); make one of EC prime256v1 or RSA 2048",
			from->key_name, kind);
	return true;
}

bool identity_read(struct identity *identity, const struct tls_identity *pem, char *text, size_t size)
{
	bool done;

	memset(identity, 0, sizeof(*identity));
	if (pem->certificate_size > PEM_MAX || pem->key_size > PEM_MAX)
		return say(text, size, "%s is too large",
			pem->key_size > PEM_MAX ? pem->key_name : pem->certificate_name);
	ERR_clear_error();
	done = read_certificates(identity, pem, text, size) && read_key(identity, pem, text, size) &&
	       check_pair(identity, pem, text, size);
	if (!done)
		identity_free(identity);
	ERR_clear_error();
	return done;
}

void identity_free(struct identity *identity)
{
	X509_free(identity->certificate);
	sk_X509_pop_free(identity->chain, X509_free);
	EVP_PKEY_free(identity->key);
	memset(identity, 0, sizeof(*identity));
}

/* What a certificate says was chosen by its issuer: only what can be a name or an address is shown. */
static bool is_shown(const char *name)
{
	return name[0] &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*:")] == 0;
}

static void append_name(char *list, size_t size, const char *name)
{
	const size_t used = strlen(list);

	if (is_shown(name))
		snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static void append_alternative(char *list, size_t size, const GENERAL_NAME *alternative)
{
	int type, length;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(alternative, &type);
	char name[TLS_NAME] = "";

	if (type != GEN_DNS && type != GEN_IPADD)
		return;
	length = ASN1_STRING_length(value);
	if (type == GEN_DNS && length < (int)sizeof(name) &&
		!memchr(ASN1_STRING_get0_data(value), 0, (size_t)length))
		memcpy(name, ASN1_STRING_get0_data(value), (size_t)length);
	if (type == GEN_IPADD && (length == 4 || length == 16))
		inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), name, sizeof(name));
	append_name(list, size, name);
}

static void list_names(X509 *certificate, char *list, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char common[TLS_NAME] = "";

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++)
		append_alternative(list, size, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	if (list[0])
		return;
	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common, sizeof(common));
	append_name(list, size, common);
}

static time_t time_of(const ASN1_TIME *time)
{
	struct tm parts;

	return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

void identity_describe(const struct identity *identity, struct tls_identity_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	ERR_clear_error();
	list_names(identity->certificate, facts->subject, sizeof(facts->subject));
	name_kind(identity->key, facts->kind, sizeof(facts->kind));
	facts->not_before = time_of(X509_get0_notBefore(identity->certificate));
	facts->not_after = time_of(X509_get0_notAfter(identity->certificate));
	ERR_clear_error();
}

bool identity_is_for(X509 *certificate, const char *name)
{
	const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	return X509_check_host(certificate, name, 0, flags, NULL) == 1 ||
	       X509_check_ip_asc(certificate, name, 0) == 1;
}
