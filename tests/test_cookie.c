/* Cookies: nts/cookie.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntp/octets.h"
#include "nts/cookie.h"

enum { BURST = 70 }; /* more than are done at once */

static const ntp64 now = 5 * NTP64_SECOND;
static const uint64_t period = 10 * NTP64_SECOND;

static struct siv *siv;
static struct keyring ring;
static const struct cookie_keys no_keys;

static void fill(void *to, size_t size, unsigned start)
{
	uint8_t *octets = to;

	for (size_t i = 0; i < size; i++)
		octets[i] = (uint8_t)(start + 7 * i);
}

static void rotate(uint32_t id, ntp64 time)
{
	struct keyring_fresh fresh = {.id = id};

	fill(fresh.key, sizeof(fresh.key), id);
	assert_true(keyring_rotate(&ring, &fresh, time, period));
}

/* 11 and 12 are old, 13 is current, 14 future. */
static int make(void **state)
{
	(void)state;
	siv = siv_new(siv_backend_best());
	memset(&ring, 0, sizeof(ring));
	for (uint32_t id = 11; id <= 14; id++)
		rotate(id, now);
	return siv ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	siv_free(siv);
	return 0;
}

static void seal(uint8_t cookie[COOKIE_SIZE], uint32_t id, unsigned start)
{
	uint8_t nonce[COOKIE_NONCE];
	struct cookie_keys keys;
	struct cookie_sealing sealing = {
		.aead = AEAD_AES_SIV_CMAC_256, .cookie = cookie, .nonce = nonce, .keys = &keys};

	fill(nonce, sizeof(nonce), start + 100);
	fill(&keys, sizeof(keys), start);
	cookie_seal(siv, keyring_find(&ring, id), &sealing, 1);
	assert_true(sealing.done);
}

/* Open a copy in a block of exactly its size. */
static enum cookie_verdict open_at(const uint8_t *cookie, size_t size, ntp64 time, struct cookie_opening *o)
{
	uint8_t *block = malloc(size ? size : 1);

	assert_non_null(block);
	memcpy(block, cookie, size);
	memset(o, 0xee, sizeof(*o));
	o->cookie = block;
	o->size = size;
	cookie_open(siv, &ring, time, o, 1);
	assert_memory_equal(block, cookie, size);
	free(block);
	if (o->verdict != COOKIE_OPENED) {
		assert_memory_equal(&o->keys, &no_keys, sizeof(no_keys));
		assert_int_equal(o->aead, 0);
	}
	return o->verdict;
}

static void assert_opens(const uint8_t *cookie, unsigned start)
{
	struct cookie_opening o;
	struct cookie_keys keys;

	fill(&keys, sizeof(keys), start);
	assert_int_equal(open_at(cookie, COOKIE_SIZE, now, &o), COOKIE_OPENED);
	assert_int_equal(o.aead, AEAD_AES_SIV_CMAC_256);
	assert_memory_equal(&o.keys, &keys, sizeof(keys));
}

static void test_layout(void **state)
{
	uint8_t cookie[COOKIE_SIZE], nonce[COOKIE_NONCE], tag[SIV_TAG];
	struct cookie_keys keys;
	struct siv_job job = {.key = keyring_find(&ring, 13)->key,
		.text = (uint8_t *)&keys,
		.size = sizeof(keys),
		.tag = tag};

	(void)state;
	seal(cookie, 13, 1);
	fill(nonce, sizeof(nonce), 101);
	fill(&keys, sizeof(keys), 1);
	siv_job_bind(&job, NULL, 0, nonce, sizeof(nonce));
	siv_seal(siv, &job, 1);
	assert_int_equal(load_be32(cookie), 13);
	assert_memory_equal(cookie + 4, nonce, 16);
	assert_memory_equal(cookie + 20, tag, 16);
	assert_memory_equal(cookie + 36, &keys, 64);
}

static void test_every_key_opens(void **state)
{
	uint8_t cookie[COOKIE_SIZE];

	(void)state;
	for (uint32_t id = 11; id <= 14; id++) {
		seal(cookie, id, id);
		assert_opens(cookie, id);
	}
}

static void test_bits(void **state)
{
	uint8_t cookie[COOKIE_SIZE];
	struct cookie_opening o;

	(void)state;
	seal(cookie, 13, 3);
	for (size_t bit = 0; bit < 8 * sizeof(cookie); bit++) {
		enum cookie_verdict verdict;

		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		verdict = open_at(cookie, sizeof(cookie), now, &o);
		/* 13 with one bit changed may be another's id */
		assert_int_equal(
			verdict, keyring_find(&ring, load_be32(cookie)) ? COOKIE_FORGED : COOKIE_UNKNOWN_KEY);
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_opens(cookie, 3);
}

static void test_lengths(void **state)
{
	uint8_t cookie[COOKIE_SIZE + 40] = {0};
	struct cookie_opening o;

	(void)state;
	seal(cookie, 13, 3);
	for (size_t size = 0; size <= sizeof(cookie); size++)
		assert_int_equal(open_at(cookie, size, now, &o), size == COOKIE_SIZE ? COOKIE_OPENED
								 : size == COOKIE_SIZE_GCM_SIV
									 ? COOKIE_FORGED
									 : COOKIE_LENGTH);
}

/* The keys side by side, and half as long. */
static void test_gcm_siv(void **state)
{
	uint8_t cookie[COOKIE_SIZE_GCM_SIV], nonce[COOKIE_NONCE], text[2 * GCM_SIV_KEY], tag[SIV_TAG];
	struct cookie_keys keys = {{0}, {0}};
	struct cookie_sealing sealing = {
		.aead = AEAD_AES_128_GCM_SIV, .cookie = cookie, .nonce = nonce, .keys = &keys};
	struct siv_job job = {
		.key = keyring_find(&ring, 13)->key, .text = text, .size = sizeof(text), .tag = tag};
	struct cookie_opening o;

	(void)state;
	fill(nonce, sizeof(nonce), 7);
	fill(keys.c2s, GCM_SIV_KEY, 1);
	fill(keys.s2c, GCM_SIV_KEY, 101);
	memcpy(text, keys.c2s, GCM_SIV_KEY);
	memcpy(text + GCM_SIV_KEY, keys.s2c, GCM_SIV_KEY);
	cookie_seal(siv, keyring_find(&ring, 13), &sealing, 1);
	assert_true(sealing.done);
	siv_job_bind(&job, NULL, 0, nonce, sizeof(nonce));
	siv_seal(siv, &job, 1);
	assert_memory_equal(cookie + COOKIE_TAG_AT, tag, sizeof(tag));
	assert_memory_equal(cookie + COOKIE_KEYS_AT, text, sizeof(text));
	assert_int_equal(open_at(cookie, sizeof(cookie), now, &o), COOKIE_OPENED);
	assert_int_equal(o.aead, AEAD_AES_128_GCM_SIV);
	assert_memory_equal(&o.keys, &keys, sizeof(keys));
	for (size_t bit = 32; bit < 8 * sizeof(cookie); bit++) {
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(open_at(cookie, sizeof(cookie), now, &o), COOKIE_FORGED);
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_key_of_another_id(void **state)
{
	uint8_t cookie[COOKIE_SIZE];
	struct cookie_opening o;

	(void)state;
	seal(cookie, 13, 3);
	store_be32(cookie, 12);
	assert_int_equal(open_at(cookie, sizeof(cookie), now, &o), COOKIE_FORGED);
}

static void test_age(void **state)
{
	uint8_t cookie[COOKIE_SIZE];
	struct cookie_opening o;
	const ntp64 end = keyring_find(&ring, 13)->not_after;

	(void)state;
	seal(cookie, 13, 3);
	assert_int_equal(open_at(cookie, sizeof(cookie), end - 1, &o), COOKIE_OPENED);
	assert_int_equal(open_at(cookie, sizeof(cookie), end, &o), COOKIE_EXPIRED_KEY);
	for (uint32_t id = 15; id <= 17; id++) {
		assert_int_equal(open_at(cookie, sizeof(cookie), now, &o), COOKIE_OPENED);
		rotate(id, now);
	}
	assert_int_equal(open_at(cookie, sizeof(cookie), now, &o), COOKIE_UNKNOWN_KEY);
}

/* Under keys of AES-128-GCM-SIV: another layout and other lengths, for both kinds of clients. */
static void test_under_gcm_siv(void **state)
{
	static const uint16_t aeads[] = {AEAD_AES_SIV_CMAC_256, AEAD_AES_128_GCM_SIV};

	(void)state;
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		ring.key[i].algorithm = AEAD_AES_128_GCM_SIV;
		memset(ring.key[i].key + GCM_SIV_KEY, 0, SIV_KEY - GCM_SIV_KEY);
	}
	for (unsigned a = 0; a < 2; a++) {
		const size_t key_size = aeads[a] == AEAD_AES_128_GCM_SIV ? GCM_SIV_KEY : SIV_KEY;
		const size_t size = a ? 64 : 96;
		uint8_t cookie[96], nonce[COOKIE_NONCE], text[2 * SIV_KEY], tag[SIV_TAG];
		struct cookie_keys keys = {{0}, {0}};
		struct cookie_sealing sealing = {
			.aead = aeads[a], .cookie = cookie, .nonce = nonce, .keys = &keys};
		struct siv_job job = {.aead = AEAD_AES_128_GCM_SIV,
			.key = keyring_find(&ring, 13)->key,
			.text = text,
			.size = 2 * key_size,
			.tag = tag};
		struct cookie_opening o;

		fill(nonce, sizeof(nonce), 7);
		fill(keys.c2s, key_size, 1);
		fill(keys.s2c, key_size, 101);
		memcpy(text, keys.c2s, key_size);
		memcpy(text + key_size, keys.s2c, key_size);
		assert_int_equal(cookie_size_under(AEAD_AES_128_GCM_SIV, aeads[a]), size);
		cookie_seal(siv, keyring_find(&ring, 13), &sealing, 1);
		assert_true(sealing.done);
		siv_job_bind(&job, NULL, 0, nonce, GCM_SIV_NONCE);
		siv_seal(siv, &job, 1);
		assert_int_equal(load_be32(cookie), 13);
		assert_memory_equal(cookie + 4, nonce, 12);
		assert_memory_equal(cookie + 16, text, 2 * key_size);
		assert_memory_equal(cookie + 16 + 2 * key_size, tag, sizeof(tag));
		assert_int_equal(open_at(cookie, size, now, &o), COOKIE_OPENED);
		assert_int_equal(o.aead, aeads[a]);
		assert_memory_equal(&o.keys, &keys, sizeof(keys));
		for (size_t bit = 32; bit < 8 * size; bit++) {
			cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(open_at(cookie, size, now, &o), COOKIE_FORGED);
			cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	for (size_t size = 4; size <= 100; size++) {
		uint8_t cookie[100] = {0, 0, 0, 13};
		struct cookie_opening o;

		assert_int_equal(open_at(cookie, size, now, &o),
			size == 64 || size == 96 ? COOKIE_FORGED : COOKIE_LENGTH);
	}
}

/* What is for another AEAD is neither sealed nor opened. */
static void test_algorithm(void **state)
{
	uint8_t cookie[COOKIE_SIZE], zero[COOKIE_SIZE] = {0};
	struct cookie_keys keys = {{1}, {2}};
	struct cookie_sealing sealing = {
		.aead = AEAD_AES_SIV_CMAC_256, .cookie = cookie, .nonce = zero, .keys = &keys};
	struct cookie_opening o;

	(void)state;
	seal(cookie, 13, 3);
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		ring.key[i].algorithm = 17;
	assert_int_equal(open_at(cookie, sizeof(cookie), now, &o), COOKIE_ALGORITHM);
	cookie_seal(siv, &ring.key[0], &sealing, 1);
	assert_false(sealing.done);
	assert_memory_equal(cookie, zero, sizeof(zero));
}

static void seal_burst(uint8_t cookie[BURST][COOKIE_SIZE], struct cookie_keys keys[BURST])
{
	static struct cookie_sealing sealing[BURST];
	static uint8_t nonce[BURST][COOKIE_NONCE];

	for (unsigned i = 0; i < BURST; i++) {
		fill(nonce[i], sizeof(nonce[i]), 3 * i);
		fill(&keys[i], sizeof(keys[i]), i);
		sealing[i] = (struct cookie_sealing){.aead = AEAD_AES_SIV_CMAC_256,
			.cookie = cookie[i],
			.nonce = nonce[i],
			.keys = &keys[i]};
	}
	cookie_seal(siv, keyring_current(&ring, now), sealing, BURST);
	for (unsigned i = 0; i < BURST; i++)
		assert_true(sealing[i].done);
}

/* Good ones, unknown ones, forged ones and ones of odd lengths in one burst. */
static void test_burst(void **state)
{
	static uint8_t cookie[BURST][COOKIE_SIZE];
	static struct cookie_keys keys[BURST];
	static struct cookie_opening opening[BURST];
	static const enum cookie_verdict expected[] = {
		COOKIE_OPENED, COOKIE_UNKNOWN_KEY, COOKIE_FORGED, COOKIE_OPENED, COOKIE_LENGTH};

	(void)state;
	seal_burst(cookie, keys);
	for (unsigned i = 0; i < BURST; i++) {
		opening[i] =
			(struct cookie_opening){.cookie = cookie[i], .size = i % 5 == 4 ? 72 : COOKIE_SIZE};
		if (i % 5 == 1)
			store_be32(cookie[i], 99);
		if (i % 5 == 2)
			cookie[i][COOKIE_TAG_AT + i % SIV_TAG] ^= 1;
	}
	cookie_open(siv, &ring, now, opening, BURST);
	for (unsigned i = 0; i < BURST; i++) {
		assert_int_equal(opening[i].verdict, expected[i % 5]);
		assert_memory_equal(&opening[i].keys, expected[i % 5] == COOKIE_OPENED ? &keys[i] : &no_keys,
			sizeof(no_keys));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_layout, make, unmake),
		cmocka_unit_test_setup_teardown(test_every_key_opens, make, unmake),
		cmocka_unit_test_setup_teardown(test_bits, make, unmake),
		cmocka_unit_test_setup_teardown(test_lengths, make, unmake),
		cmocka_unit_test_setup_teardown(test_gcm_siv, make, unmake),
		cmocka_unit_test_setup_teardown(test_key_of_another_id, make, unmake),
		cmocka_unit_test_setup_teardown(test_age, make, unmake),
		cmocka_unit_test_setup_teardown(test_under_gcm_siv, make, unmake),
		cmocka_unit_test_setup_teardown(test_algorithm, make, unmake),
		cmocka_unit_test_setup_teardown(test_burst, make, unmake),
	};

	return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
