/*
 * Fuzz the reader of key files (nts/key_file.h). An input is an octet of flags, 1: the sum at the end is made
 * right first, so that what stands before it is looked at; 2: keys do not end; then the file.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "nts/key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SUM_DIGITS = 64 };

static const ntp64 now = UINT64_C(0xeb00000000000000);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void mend_sum(char *text, size_t size)
{
	static const char name[] = "sha256 ", digits[] = "0123456789ABCDEF";
	const size_t line = strlen(name) + SUM_DIGITS + 1;
	uint8_t digest[SUM_DIGITS / 2];
	char *sum;

	if (size < line || memcmp(text + size - line, name, strlen(name)) != 0)
		return;
	sum = text + size - line + strlen(name);
	require(EVP_Digest(text, size - line, digest, NULL, EVP_sha256(), NULL) == 1);
	for (size_t i = 0; i < SUM_DIGITS; i++)
		sum[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

/* What a user of a ring relies on. */
static void check_ring(const struct keyring *ring)
{
	unsigned keys = 0;

	while (keys < KEYRING_KEYS && ring->key[keys].algorithm != 0)
		keys++;
	require(keys > 0);
	for (unsigned i = 0; i < keys; i++) {
		require(ring->key[i].algorithm == AEAD_AES_SIV_CMAC_256 ||
			ring->key[i].algorithm == AEAD_AES_128_GCM_SIV);
		require(keyring_find(ring, ring->key[i].id) == &ring->key[i]);
		require(i == 0 || ((ring->key[0].id - ring->key[i].id) & KEY_FILE_ID_LOW) >= i);
	}
	for (unsigned i = keys; i < KEYRING_KEYS; i++)
		require(ring->key[i].algorithm == 0 && ring->key[i].not_after == 0);
}

/* What is read can be written, and is then read as the same. */
static void check_again(const struct keyring *ring)
{
	static const struct keyring_fresh fill[KEYRING_KEYS];
	struct keyring kept = *ring, again;
	char text[KEY_FILE_MAX], message[256];
	size_t size = key_file_write(text, ring, now, fill);

	keyring_erase_expired(&kept, now);
	require((size > 0) == (kept.key[0].algorithm != 0));
	if (size == 0)
		return;
	require(size <= sizeof(text));
	require(key_file_read(&again, text, size, now, 0, message, sizeof(message)));
	require(memcmp(&again, &kept, sizeof(kept)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t period = size > 0 && data[0] & 2 ? 0 : 604800 * NTP64_SECOND;
	struct keyring ring;
	char message[256] = "";
	char *text;

	if (size < 1)
		return 0;
	size--;
	/* a copy of its own size, so that AddressSanitizer sees an access past the end */
	text = malloc(size + (size == 0));
	require(text != NULL);
	memcpy(text, data + 1, size);
	if (data[0] & 1)
		mend_sum(text, size);
	if (key_file_read(&ring, text, size, now, period, message, sizeof(message))) {
		check_ring(&ring);
		check_again(&ring);
	} else {
		require(strncmp(message, "line ", 5) == 0);
	}
	free(text);
	return 0;
}
