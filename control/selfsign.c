#include "control/selfsign.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "control/new_file.h"
#include "control/value.h"

enum {
	HOST_NAME_MOST = 253,   /* RFC 1035 section 2.3.4, as text */
	LABEL_MOST = 63,        /* likewise */
	COMMON_NAME_MOST = 64,  /* RFC 5280, ub-common-name */
	SERIAL = 16,            /* octets; RFC 5280 section 4.1.2.2 allows 20 */
	EARLIER = 24 * 60 * 60, /* seconds, for clients whose clock is behind: it is not set yet */
};

/* ---- names ---- */

/* An address into octets; their number, 0 where it is none. */
static int parse_address(const char *name, uint8_t octets[16])
{
	if (inet_pton(AF_INET, name, octets) == 1)
		return 4;
	return inet_pton(AF_INET6, name, octets) == 1 ? 16 : 0;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and hyphens within. `numeric`: whether it is of digits alone. */
static bool is_label(const char *label, size_t size, bool *numeric)
{
	*numeric = true;
	if (size == 0 || size > LABEL_MOST || label[0] == '-' || label[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!is_letter_or_digit(label[i]) && label[i] != '-')
			return false;
		*numeric = *numeric && label[i] >= '0' && label[i] <= '9';
	}
	return true;
}

/* The last label is not a number, because then it is half an address. */
static bool is_host_name(const char *name)
{
	bool numeric = true;

	if (strlen(name) > HOST_NAME_MOST)
		return false;
	for (;;) {
		const size_t size = strcspn(name, ".");

		if (!is_label(name, size, &numeric))
			return false;
		if (name[size] == '\0')
			return !numeric;
		name += size + 1;
	}
}

static bool check_names(const struct selfsign *s, char *text, size_t size)
{
	uint8_t octets[16];

	for (unsigned i = 0; i < s->names; i++) {
		char quoted[VALUE_QUOTED];

		if (parse_address(s->name[i], octets) || is_host_name(s->name[i]))
			continue;
		snprintf(text, size, "found %s, expected a host name or an address of the server",
			value_quote(quoted, s->name[i]));
		return false;
	}
	return true;
}

/* ---- the certificate ---- */

static bool set_serial(X509 *x)
{
	uint8_t octets[SERIAL];
	BIGNUM *number = NULL;
	bool good;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, and not 0 */
	number = BN_bin2bn(octets, sizeof(octets), NULL);
	good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
	BN_free(number);
	return good;
}

/* Subject and issuer. */
static bool set_subject(X509 *x, const char *name)
{
	const char *common = strlen(name) <= COMMON_NAME_MOST ? name : "NTS server";
	X509_NAME *subject = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(
		       subject, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, subject) == 1;
}

/* Add a name to those of the certificate. */
static bool add_name(GENERAL_NAMES *names, const char *name)
{
	uint8_t octets[16];
	const int address = parse_address(name, octets);
	const void *value = address ? (const void *)octets : name;
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_STRING *string = address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (!general || !string ||
		ASN1_STRING_set(string, value, address ? address : (int)strlen(name)) != 1 ||
		sk_GENERAL_NAME_push(names, general) <= 0) {
		GENERAL_NAME_free(general);
		ASN1_STRING_free(string);
		return false;
	}
	GENERAL_NAME_set0_value(general, address ? GEN_IPADD : GEN_DNS, string);
	return true;
}

static bool add_names(X509 *x, const struct selfsign *s)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool good = names;

	for (unsigned i = 0; good && i < s->names; i++)
		good = add_name(names, s->name[i]);
	good = good && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return good;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	good = extension && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

/*
 * No authority: who steals the key can be this server, and no other. There is no keyUsage, because
 * OpenSSL 1.1 takes a certificate for self-signed only where that allows the signing of certificates, which
 * is for authorities alone.
 */
static bool add_extensions(X509 *x, const struct selfsign *s)
{
	return add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x, NID_ext_key_usage, "serverAuth") &&
	       add_extension(x, NID_subject_key_identifier, "hash") && add_names(x, s);
}

/* NULL where memory is short. */
static X509 *make_certificate(const struct selfsign *s, EVP_PKEY *key)
{
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_subject(x, s->name[0]) &&
		X509_time_adj_ex(X509_getm_notBefore(x), 0, -EARLIER, NULL) &&
		X509_time_adj_ex(X509_getm_notAfter(x), (int)s->days, 0, NULL) &&
		X509_set_pubkey(x, key) == 1 && add_extensions(x, s) && X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* ---- the files ---- */

static bool write_bio(
	const char *path, mode_t mode, const struct selfsign *s, BIO *bio, char *text, size_t size)
{
	char *octets = NULL;
	const long length = BIO_get_mem_data(bio, &octets);

	return new_file_write(path, mode, s->replace, octets, (size_t)length, text, size);
}

static bool write_key(const struct selfsign *s, EVP_PKEY *key, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_secmem()); /* which is erased */
	bool good = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

	if (!good)
		snprintf(text, size, "the library cannot write a key: is memory short?");
	good = good && write_bio(s->key, 0600, s, bio, text, size);
	BIO_free(bio);
	return good;
}

static bool write_certificate(const struct selfsign *s, X509 *x, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio && PEM_write_bio_X509(bio, x) == 1;

	if (!good)
		snprintf(text, size, "the library cannot write a certificate: is memory short?");
	good = good && write_bio(s->certificate, 0644, s, bio, text, size);
	BIO_free(bio);
	return good;
}

static bool name_file(char path[SELFSIGN_PATH], const struct selfsign *s, const char *ending)
{
	return snprintf(path, SELFSIGN_PATH, "%s/%s%s", s->dir, s->name[0], ending) < SELFSIGN_PATH;
}

/* Before there is anything: that one of the two is there is no reason to make the other. */
static bool check_files(const struct selfsign *s, char *text, size_t size)
{
	const char *path[] = {s->key, s->certificate};
	struct stat st;

	if (stat(s->dir, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (access(s->dir, W_OK | X_OK) == 0)
		errno = 0;
	if (errno) {
		snprintf(text, size, "%s: %s; it has to be a directory that can be written", s->dir,
			strerror(errno));
		return false;
	}
	for (unsigned i = 0; !s->replace && i < 2; i++)
		if (access(path[i], F_OK) == 0) {
			snprintf(text, size, "%s is there already; --force replaces it", path[i]);
			return false;
		}
	return true;
}

bool selfsign(struct selfsign *s, char *text, size_t size)
{
	EVP_PKEY *key;
	X509 *x;
	bool good = false;

	if (!check_names(s, text, size))
		return false;
	if (!name_file(s->certificate, s, ".crt") || !name_file(s->key, s, ".key")) {
		snprintf(text, size, "%.64s...: too long a path", s->dir);
		return false;
	}
	if (!check_files(s, text, size))
		return false;
	key = EVP_EC_gen("P-256");
	x = key ? make_certificate(s, key) : NULL;
	if (!x)
		snprintf(text, size, "the library cannot make a certificate: is memory short?");
	else if (write_key(s, key, text, size)) {
		good = write_certificate(s, x, text, size);
		if (!good && !s->replace)
			unlink(s->key);
	}
	X509_free(x);
	EVP_PKEY_free(key);
	return good;
}
