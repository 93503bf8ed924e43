/* Certificates of `tickwire keys selfsign`: control/selfsign.h. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "control/selfsign.h"

static char dir[] = "/tmp/tickwire-selfsign-XXXXXX";

static const char *const names[] = {"time.example.com", "192.0.2.1", "ntp-2.example.com", "2001:db8::1"};

static struct selfsign wanted(void)
{
	return (struct selfsign){.dir = dir, .name = names, .names = 4, .days = SELFSIGN_DAYS};
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(strcpy(dir, "/tmp/tickwire-selfsign-XXXXXX")) ? 0 : -1;
}

static unsigned count_files(void)
{
	DIR *d = opendir(dir);
	unsigned count = 0;

	assert_non_null(d);
	for (struct dirent *entry = readdir(d); entry; entry = readdir(d))
		count += entry->d_name[0] != '.';
	closedir(d);
	return count;
}

static int remove_dir(void **state)
{
	DIR *d = opendir(dir);

	(void)state;
	if (!d)
		return -1;
	for (struct dirent *entry = readdir(d); entry; entry = readdir(d))
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

static void make(struct selfsign *s)
{
	char text[512] = "";

	if (!selfsign(s, text, sizeof(text)))
		fail_msg("%s", text);
}

static void assert_fails(struct selfsign *s, const char *part)
{
	char text[512] = "";

	assert_false(selfsign(s, text, sizeof(text)));
	if (!strstr(text, part))
		fail_msg("\"%s\", expected \"%s\"", text, part);
}

static X509 *read_certificate(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	assert_non_null(x);
	return x;
}

static EVP_PKEY *read_key(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	assert_non_null(key);
	return key;
}

static void test_files(void **state)
{
	struct selfsign s = wanted();
	char path[256];
	struct stat st;

	(void)state;
	make(&s);
	snprintf(path, sizeof(path), "%s/time.example.com.crt", dir);
	assert_string_equal(s.certificate, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	snprintf(path, sizeof(path), "%s/time.example.com.key", dir);
	assert_string_equal(s.key, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(count_files(), 2);
}

static void test_content(void **state)
{
	struct selfsign s = wanted();
	EVP_PKEY *key;
	X509 *x;
	time_t now = time(NULL), then;

	(void)state;
	make(&s);
	x = read_certificate(s.certificate);
	key = read_key(s.key);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_true(EVP_PKEY_is_a(key, "EC"));
	assert_int_equal(EVP_PKEY_get_bits(key), 256);
	assert_int_equal(X509_verify(x, key), 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(strchr("0123456789", names[i][0]) ? X509_check_ip_asc(x, names[i], 0)
								   : X509_check_host(x, names[i], 0, 0, NULL),
			1);
	assert_int_equal(X509_check_host(x, "example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.2", 0), 0);
	assert_int_equal(X509_check_ca(x), 0);
	assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 0);
	then = now - 23 * 3600;
	assert_true(X509_cmp_time(X509_get0_notBefore(x), &then) < 0);
	then = now - 25 * 3600;
	assert_true(X509_cmp_time(X509_get0_notBefore(x), &then) > 0);
	then = now + SELFSIGN_DAYS * 86400 - 60;
	assert_true(X509_cmp_time(X509_get0_notAfter(x), &then) > 0);
	then += 120;
	assert_true(X509_cmp_time(X509_get0_notAfter(x), &then) < 0);
	EVP_PKEY_free(key);
	X509_free(x);
}

/* As a client does that trusts this file and nothing else. */
static int verify(const char *trusted, const char *presented, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509 *x = read_certificate(presented);
	int error;

	assert_int_equal(X509_STORE_load_file(store, trusted), 1);
	assert_int_equal(X509_STORE_CTX_init(context, store, x, NULL), 1);
	assert_int_equal(X509_STORE_CTX_set_default(context, "ssl_server"), 1);
	assert_int_equal(
		X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context), host, strlen(host)), 1);
	error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(x);
	return error;
}

static void test_trust(void **state)
{
	struct selfsign s = wanted(), other = wanted();

	(void)state;
	other.name = names + 2;
	other.names = 1;
	make(&s);
	make(&other);
	assert_int_equal(verify(s.certificate, s.certificate, "time.example.com"), X509_V_OK);
	assert_int_equal(verify(s.certificate, s.certificate, "ntp-2.example.com"), X509_V_OK);
	assert_int_equal(
		verify(s.certificate, s.certificate, "www.example.com"), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(s.certificate, other.certificate, "ntp-2.example.com"),
		X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
}

/* Neither key nor serial number comes twice. */
static void test_fresh(void **state)
{
	struct selfsign s = wanted();
	X509 *first, *second;
	EVP_PKEY *key;

	(void)state;
	make(&s);
	first = read_certificate(s.certificate);
	s.replace = true;
	make(&s);
	second = read_certificate(s.certificate);
	key = read_key(s.key);
	assert_int_equal(X509_check_private_key(second, key), 1);
	assert_int_equal(X509_check_private_key(first, key), 0);
	assert_int_not_equal(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)), 0);
	assert_int_equal(count_files(), 2);
	EVP_PKEY_free(key);
	X509_free(first);
	X509_free(second);
}

/* What is there stays, and nothing else is made. */
static void test_no_overwrite(void **state)
{
	struct selfsign s = wanted();
	char path[256];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/time.example.com.crt", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	fclose(file);
	assert_fails(&s, ".crt is there already");
	assert_int_equal(count_files(), 1);
	s.replace = true;
	make(&s);
	unlink(s.certificate);
	s.replace = false;
	assert_fails(&s, ".key is there already");
	assert_int_equal(count_files(), 1);
}

static void test_bad_names(void **state)
{
	static char long_label[65], long_name[260];
	static const char *const bad[] = {"", ".", "a..b", "-a.example", "a-.example", "a b", "a/b", "../a",
		"*.example", "a_b.example", "example.", "192.0.2.256", "1.2.3", "2001:db8::g",
		"caf\xc3\xa9.example", "a\n", long_label, long_name};

	(void)state;
	memset(long_label, 'a', 64);
	for (unsigned i = 0; i < 254; i++)
		long_name[i] = i % 2 ? '.' : 'a';
	long_name[253] = 'a';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (unsigned second = 0; second < 2; second++) {
			const char *const pair[] = {second ? names[0] : bad[i], bad[i]};
			struct selfsign s = wanted();

			s.name = pair;
			s.names = 1 + second;
			assert_fails(&s, "expected a host name or an address");
		}
	assert_int_equal(count_files(), 0);
}

static void test_good_names(void **state)
{
	static char long_name[260];
	static const char *const good[] = {
		"a", "localhost", "3com.example", "A-1.Example", "1.2.3.a", "::1", long_name};

	(void)state;
	for (unsigned i = 0; i < 253; i++)
		long_name[i] = i % 50 == 49 ? '.' : 'a';
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]) - 1; i++) {
		struct selfsign s = wanted();
		const char *const one[] = {good[i]};

		s.name = one;
		s.names = 1;
		make(&s);
	}
	/* too long for a common name, but not for a file's name */
	long_name[195] = '\0';
	{
		struct selfsign s = wanted();

		s.name = &good[6];
		s.names = 1;
		make(&s);
		assert_int_equal(verify(s.certificate, s.certificate, long_name), X509_V_OK);
	}
}

static void test_bad_directory(void **state)
{
	struct selfsign s = wanted();

	(void)state;
	s.dir = "/tmp/tickwire-selfsign-that-is-not-there";
	assert_fails(&s, "No such file or directory");
	s.dir = "/dev/null";
	assert_fails(&s, "Not a directory");
	s.dir = "/proc/self";
	assert_fails(&s, "/proc/self");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_files),
		CASE(test_content),
		CASE(test_trust),
		CASE(test_fresh),
		CASE(test_no_overwrite),
		CASE(test_bad_names),
		CASE(test_good_names),
		CASE(test_bad_directory),
	};

	return cmocka_run_group_tests_name("selfsign", tests, NULL, NULL);
}
