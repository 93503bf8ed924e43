/* Nonces from a key stream: nts/nonce.h, by each back-end. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "nts/nonce.h"
#include "tests/each_backend.h"

static const uint8_t key[NONCE_KEY] = "sixteen octets..";

/* The n-th nonce by another way: AES of its number. */
static void expected_nonce(uint8_t nonce[NONCE], uint64_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t block[NONCE] = {0};
	int got = 0;

	for (unsigned i = 0; i < 8; i++)
		block[NONCE - 1 - i] = (uint8_t)(n >> 8 * i);
	assert_non_null(ctx);
	assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_aes_128_ecb(), key, NULL, NULL), 1);
	assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, nonce, &got, block, NONCE), 1);
	assert_int_equal(got, NONCE);
	EVP_CIPHER_CTX_free(ctx);
}

/* Draws of any size continue each other; what was in the buffer before does not matter. */
static void test_stream(void **state)
{
	static const size_t draws[] = {1, 3, 0, 256, 7, 1, 16, 8, 33};
	struct nonces *nonces = nonces_new_by(backend, key);
	uint64_t n = 0;

	(void)state;
	assert_non_null(nonces);
	for (size_t i = 0; i < sizeof(draws) / sizeof(draws[0]); i++) {
		uint8_t octets[257][NONCE], expected[NONCE];

		memset(octets, 0xa5, sizeof(octets));
		assert_true(nonces_draw(nonces, octets, draws[i]));
		for (size_t k = 0; k < draws[i]; k++, n++) {
			expected_nonce(expected, n);
			assert_memory_equal(octets[k], expected, NONCE);
		}
		memset(expected, 0xa5, sizeof(expected));
		assert_memory_equal(octets[draws[i]], expected, NONCE);
	}
	nonces_free(nonces);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, NONCE);
}

static void test_unlike(void **state)
{
	enum { COUNT = 100000 };
	uint8_t(*octets)[NONCE] = malloc((size_t)COUNT * NONCE);
	struct nonces *nonces = nonces_new_by(backend, key);

	(void)state;
	assert_non_null(octets);
	assert_non_null(nonces);
	for (size_t i = 0; i < COUNT; i += 32)
		assert_true(nonces_draw(nonces, octets[i], 32));
	qsort(octets, COUNT, NONCE, compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_memory_not_equal(octets[i - 1], octets[i], NONCE);
	nonces_free(nonces);
	free(octets);
}

static void test_keys(void **state)
{
	uint8_t other[NONCE_KEY], a[NONCE], b[NONCE], c[NONCE];
	struct nonces *of_key = nonces_new_by(backend, key), *again = nonces_new_by(backend, key), *of_other;

	(void)state;
	memcpy(other, key, sizeof(other));
	other[15] ^= 1;
	of_other = nonces_new_by(backend, other);
	assert_true(nonces_draw(of_key, a, 1) && nonces_draw(again, b, 1) && nonces_draw(of_other, c, 1));
	assert_memory_equal(a, b, NONCE);
	assert_memory_not_equal(a, c, NONCE);
	nonces_free(of_key);
	nonces_free(again);
	nonces_free(of_other);
	nonces_free(NULL);
}

/* More than the library counts: refused before anything is written. */
static void test_too_many(void **state)
{
	struct nonces *nonces = nonces_new_by(backend, key);
	uint8_t octet = 0xa5;

	(void)state;
	assert_false(nonces_draw(nonces, &octet, (size_t)INT_MAX / NONCE + 1));
	assert_false(nonces_draw(nonces, &octet, SIZE_MAX));
	assert_false(nonces_draw(nonces, &octet, SIZE_MAX / NONCE + 1));
	assert_int_equal(octet, 0xa5);
	nonces_free(nonces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_unlike),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_too_many),
	};

	return run_each_backend("nonce", tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
