/* AES-SIV and AES-CMAC: the RFCs' vectors, and nettle as a second opinion where it is installed. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#ifdef WITH_NETTLE
#include <nettle/siv-cmac.h>
#endif

#include "nts/siv.h"
#include "tests/each_backend.h"

enum { TEXT_MAX = 1400, BURST = 40, ROUNDS = 60 };

static uint64_t seed;

static uint32_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33);
}

static void fill(uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		octets[i] = (uint8_t)draw();
}

/* From hexadecimal digits, blanks ignored; the number of octets. */
static size_t unhex(uint8_t *to, const char *text)
{
	size_t size = 0;
	unsigned octet;
	int used;

	while (sscanf(text, " %2x%n", &octet, &used) == 1) {
		to[size++] = (uint8_t)octet;
		text += used;
	}
	return size;
}

static int make(void **state)
{
	*state = siv_new(backend);
	seed = 5297;
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	siv_free(*state);
	return 0;
}

static void test_backends(void **state)
{
	size_t last = 0;

	(void)state;
	assert_ptr_equal(siv_backend_find(backend->name), backend);
	while (siv_backends[last + 1])
		last++;
	assert_ptr_equal(siv_backends[last], &siv_openssl);
	assert_true(siv_openssl.supported() && siv_backend_best()->supported());
	assert_null(siv_backend_find("none"));
	assert_null(siv_backend_find(""));
	siv_free(NULL);
}

/* RFC 4493 section 4. */
static void test_cmac(void **state)
{
	static const struct {
		size_t size;
		const char *mac;
	} vector[] = {
		{0, "bb1d6929 e9593728 7fa37d12 9b756746"},
		{16, "070a16b4 6b4d4144 f79bdd9d d04a287c"},
		{40, "dfa66747 de9ae630 30ca3261 1497c827"},
		{64, "51f0bebf 7e3b9d92 fc497417 79363cfe"},
	};
	uint8_t key[16], message[64], expected[16], mac[16];

	unhex(key, "2b7e1516 28aed2a6 abf71588 09cf4f3c");
	assert_int_equal(
		unhex(message, "6bc1bee2 2e409f96 e93d7e11 7393172a ae2d8a57 1e03ac9c 9eb76fac 45af8e51"
			       "30c81c46 a35ce411 e5fbc119 1a0a52ef f69f2445 df4f9b17 ad2b417b e66c3710"),
		64);
	for (size_t i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		unhex(expected, vector[i].mac);
		assert_true(siv_cmac(*state, key, vector[i].size ? message : NULL, vector[i].size, mac));
		assert_memory_equal(mac, expected, 16);
	}
}

static void check_vector(struct siv *siv, const char *key_text, const char *const *strings, const char *text,
	const char *output)
{
	uint8_t key[SIV_KEY], string[SIV_STRINGS_MAX][64], plain[64], work[64], tag[SIV_TAG], expected[80];
	const size_t size = unhex(plain, text);
	struct siv_job job = {.key = key, .text = work, .size = size, .tag = tag};

	assert_int_equal(unhex(key, key_text), SIV_KEY);
	assert_int_equal(unhex(expected, output), SIV_TAG + size);
	for (; strings[job.strings]; job.strings++)
		job.string[job.strings] = (struct siv_span){
			string[job.strings], unhex(string[job.strings], strings[job.strings])};
	memcpy(work, plain, size);
	siv_seal(siv, &job, 1);
	assert_true(job.done);
	assert_memory_equal(tag, expected, SIV_TAG);
	assert_memory_equal(work, expected + SIV_TAG, size);
	siv_open(siv, &job, 1);
	assert_true(job.done);
	assert_memory_equal(work, plain, size);
}

/* RFC 5297 appendix A.1 and A.2. */
static void test_rfc5297(void **state)
{
	const char *const deterministic[] = {"10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627", NULL};
	const char *const with_nonce[] = {
		"00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100",
		"10203040 50607080 90a0", "09f91102 9d74e35b d84156c5 635688c0", NULL};

	check_vector(*state, "fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff",
		deterministic, "11223344 55667788 99aabbcc ddee",
		"85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c");
	check_vector(*state, "7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f",
		with_nonce,
		"74686973 20697320 736f6d65 20706c61 696e7465 78742074 6f20656e 63727970"
		"74207573 696e6720 5349562d 414553",
		"7bdb6e3b 432667eb 06f4d14b ff2fbd0f cb900f2f ddbe4043 26601965 c889bf17"
		"dba77ceb 094fa663 b7a3f748 ba8af829 ea64ad54 4a272e9c 485b62a3 fd5c0d");
}

/* A random case; its blocks have just their sizes, so that AddressSanitizer sees an octet too many. */
struct message {
	uint8_t key[SIV_KEY], tag[SIV_TAG];
	uint8_t *ad, *nonce, *plain, *text;
	size_t ad_size, nonce_size, size;
};

static uint8_t *random_block(size_t size)
{
	uint8_t *block = malloc(size ? size : 1);

	assert_non_null(block);
	fill(block, size);
	return block;
}

static void message_draw(struct message *m, struct siv_job *job)
{
	static const size_t edge[] = {0, 1, 15, 16, 17, 31, 32, 33, 64, 511, 512, 513, 528};

	fill(m->key, sizeof(m->key));
	m->size = draw() % 3 ? edge[draw() % (sizeof(edge) / sizeof(edge[0]))] : draw() % TEXT_MAX;
	m->ad_size = draw() % 3 ? edge[draw() % (sizeof(edge) / sizeof(edge[0]))] : draw() % TEXT_MAX;
	m->nonce_size = draw() % 3 ? 16 : 1 + draw() % 40;
	m->ad = random_block(m->ad_size);
	m->nonce = random_block(m->nonce_size);
	m->plain = random_block(m->size);
	m->text = random_block(m->size);
	memcpy(m->text, m->plain, m->size);
	*job = (struct siv_job){.key = m->key, .text = m->text, .size = m->size, .tag = m->tag};
	siv_job_bind(job, m->ad, m->ad_size, m->nonce, m->nonce_size);
}

static void message_free(struct message *m)
{
	free(m->ad);
	free(m->nonce);
	free(m->plain);
	free(m->text);
}

/* Bursts of 0 to BURST random messages: seal, let `check` see them, open again. */
static void random_bursts(struct siv *siv, void (*check)(const struct message *))
{
	static struct message message[BURST];
	struct siv_job job[BURST];

	for (int round = 0; round < ROUNDS; round++) {
		const size_t count = draw() % (BURST + 1);

		for (size_t i = 0; i < count; i++)
			message_draw(&message[i], &job[i]);
		siv_seal(siv, job, count);
		for (size_t i = 0; i < count; i++) {
			assert_true(job[i].done);
			check(&message[i]);
		}
		siv_open(siv, job, count);
		for (size_t i = 0; i < count; i++) {
			assert_true(job[i].done);
			assert_memory_equal(message[i].text, message[i].plain, message[i].size);
			message_free(&message[i]);
		}
	}
}

static void assert_encrypted(const struct message *m)
{
	if (m->size >= SIV_BLOCK)
		assert_memory_not_equal(m->text, m->plain, m->size);
}

static void test_random_bursts(void **state)
{
	random_bursts(*state, assert_encrypted);
}

#ifdef WITH_NETTLE
static void assert_as_nettle(const struct message *m)
{
	struct siv_cmac_aes128_ctx ctx;
	uint8_t expected[SIV_TAG + TEXT_MAX];

	siv_cmac_aes128_set_key(&ctx, m->key);
	siv_cmac_aes128_encrypt_message(
		&ctx, m->nonce_size, m->nonce, m->ad_size, m->ad, SIV_TAG + m->size, expected, m->plain);
	assert_memory_equal(m->tag, expected, SIV_TAG);
	assert_memory_equal(m->text, expected + SIV_TAG, m->size);
}

static void test_nettle(void **state)
{
	random_bursts(*state, assert_as_nettle);
}
#else
static void test_nettle(void **state)
{
	(void)state;
	print_message("nettle is not installed (nettle-dev)\n");
	skip();
}
#endif

static void assert_zero(const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(octets[i], 0);
}

static void assert_refused(struct siv *siv, const struct siv_job *good, const uint8_t *cipher)
{
	struct siv_job job = *good;

	if (job.size)
		memcpy(job.text, cipher, job.size);
	siv_open(siv, &job, 1);
	assert_false(job.done);
	assert_zero(job.text, job.size);
}

/* Every bit of tag, nonce, associated data, ciphertext and key counts. With an empty text too, for which K2
 * alone is of no account. */
static void test_forgeries(void **state)
{
	static const size_t sizes[] = {0, 1, 16, 20, 64, 104};

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		uint8_t key[SIV_KEY], ad[88], nonce[16], tag[SIV_TAG], cipher[104], text[104];
		struct siv_job job = {.key = key, .text = text, .size = sizes[k], .tag = tag};
		const struct siv_span part[] = {{key, sizes[k] ? SIV_KEY : SIV_KEY / 2}, {ad, sizeof(ad)},
			{nonce, sizeof(nonce)}, {tag, sizeof(tag)}, {cipher, sizes[k]}};

		fill(key, sizeof(key));
		fill(ad, sizeof(ad));
		fill(nonce, sizeof(nonce));
		fill(text, sizeof(text));
		siv_job_bind(&job, ad, sizeof(ad), nonce, sizeof(nonce));
		siv_seal(*state, &job, 1);
		memcpy(cipher, text, sizeof(text));
		for (size_t p = 0; p < 5; p++)
			for (size_t bit = 0; bit < 8 * part[p].size; bit++) {
				uint8_t *octet = (uint8_t *[]){key, ad, nonce, tag, cipher}[p] + bit / 8;

				*octet ^= (uint8_t)(1 << bit % 8);
				assert_refused(*state, &job, cipher);
				*octet ^= (uint8_t)(1 << bit % 8);
			}
		memcpy(text, cipher, sizeof(text));
		siv_open(*state, &job, 1);
		assert_true(job.done);
	}
}

/* An empty string is authenticated; strings do not run into each other. */
static void test_string_borders(void **state)
{
	uint8_t key[SIV_KEY], octets[32], tag[4][SIV_TAG];
	struct siv_job job[4] = {0};

	fill(key, sizeof(key));
	fill(octets, sizeof(octets));
	for (int i = 0; i < 4; i++) {
		job[i].key = key;
		job[i].tag = tag[i];
	}
	siv_job_bind(&job[0], octets, 16, octets + 16, 16);
	siv_job_bind(&job[1], octets, 15, octets + 15, 17);
	siv_job_bind(&job[2], octets, 32, NULL, 0);
	job[3].string[0] = (struct siv_span){octets, 32};
	job[3].strings = 1;
	siv_seal(*state, job, 4);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(tag[i], tag[j], SIV_TAG);
}

/* One bad job among good ones changes nothing for them, and jobs that are no jobs fail closed. */
static void test_mixed_burst(void **state)
{
	static struct message message[BURST];
	struct siv_job job[BURST];

	for (size_t i = 0; i < BURST; i++)
		message_draw(&message[i], &job[i]);
	siv_seal(*state, job, BURST);
	for (size_t i = 0; i < BURST; i += 3)
		message[i].tag[i % SIV_TAG] ^= 0x40;
	job[1].strings = SIV_STRINGS_MAX + 1;
	siv_open(*state, job, BURST);
	for (size_t i = 0; i < BURST; i++) {
		assert_int_equal(job[i].done, i % 3 != 0 && i != 1);
		if (job[i].done)
			assert_memory_equal(message[i].text, message[i].plain, message[i].size);
		else
			assert_zero(message[i].text, message[i].size);
		message_free(&message[i]);
	}
}

/* libcrypto's allocations, all by way of these. The newest that live are known, which a siv's are among. */
static unsigned allocations;
static void *known[64];

static void know(void *block)
{
	known[allocations++ % 64] = block;
}

static void forget(const void *block)
{
	for (size_t i = 0; i < 64; i++)
		if (known[i] == block)
			known[i] = NULL;
}

static void *counted_malloc(size_t size, const char *file, int line)
{
	void *block = malloc(size);

	(void)file;
	(void)line;
	know(block);
	return block;
}

static void *counted_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	forget(block);
	block = realloc(block, size);
	know(block);
	return block;
}

static void counted_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	forget(block);
	free(block);
}

static unsigned blocks_with(const void *octets, size_t size)
{
	unsigned count = 0;

	for (size_t i = 0; i < 64; i++)
		count += known[i] && memmem(known[i], malloc_usable_size(known[i]), octets, size);
	return count;
}

static void test_no_allocation(void **state)
{
	uint8_t key[2][SIV_KEY], ad[188], nonce[16], text[2][64], tag[2][SIV_TAG];
	struct siv_job job[2];
	unsigned before;

	assert_true(allocations > 0); /* main's: they are counted */
	fill(key[0], sizeof(key[0]));
	fill(key[1], sizeof(key[1]));
	fill(ad, sizeof(ad));
	fill(nonce, sizeof(nonce));
	for (int i = 0; i < 2; i++) {
		job[i] = (struct siv_job){
			.key = key[i], .text = text[i], .size = sizeof(text[i]), .tag = tag[i]};
		fill(text[i], sizeof(text[i]));
		siv_job_bind(&job[i], ad, sizeof(ad), nonce, sizeof(nonce));
	}
	before = allocations;
	for (int round = 0; round < 100; round++) {
		siv_seal(*state, job, 2);
		siv_open(*state, job, 2);
		assert_true(job[0].done && job[1].done);
	}
	assert_int_equal(allocations, before);
}

/* A key schedule begins with the key itself; in either order of a word's octets. */
static void assert_nowhere(const uint8_t key[SIV_BLOCK])
{
	uint8_t swapped[SIV_BLOCK];

	for (int i = 0; i < SIV_BLOCK; i++)
		swapped[i] = key[i ^ 3];
	assert_int_equal(blocks_with(key, SIV_BLOCK), 0);
	assert_int_equal(blocks_with(swapped, SIV_BLOCK), 0);
}

/* Behind a call a siv is as it was, and nothing of a key is left in what libcrypto holds for it, nor the last
 * block of a text. */
static void test_keys_are_erased(void **state)
{
	struct siv *siv = siv_new(backend);
	const size_t size = malloc_usable_size(siv);
	uint8_t *before = malloc(size), key[SIV_KEY], mac[SIV_BLOCK];
	struct message m;
	struct siv_job job;

	(void)state;
	assert_true(siv && before);
	memcpy(before, siv, size);
	for (int round = 0; round < 20; round++) {
		message_draw(&m, &job);
		siv_seal(siv, &job, 1);
		assert_nowhere(m.key);
		assert_nowhere(m.key + SIV_BLOCK);
		assert_int_equal(blocks_with(m.tag, SIV_TAG), 0);
		m.tag[0] ^= round & 1;
		siv_open(siv, &job, 1);
		assert_int_equal(job.done, !(round & 1));
		assert_nowhere(m.key);
		assert_nowhere(m.key + SIV_BLOCK);
		assert_memory_equal(siv, before, size);
		message_free(&m);
	}
	fill(key, sizeof(key));
	assert_true(siv_cmac(siv, key, key, sizeof(key), mac));
	assert_nowhere(key);
	assert_int_equal(blocks_with(mac, sizeof(mac)), 0);
	assert_memory_equal(siv, before, size);
	free(before);
	siv_free(siv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backends),
		cmocka_unit_test_setup_teardown(test_cmac, make, unmake),
		cmocka_unit_test_setup_teardown(test_rfc5297, make, unmake),
		cmocka_unit_test_setup_teardown(test_random_bursts, make, unmake),
		cmocka_unit_test_setup_teardown(test_nettle, make, unmake),
		cmocka_unit_test_setup_teardown(test_forgeries, make, unmake),
		cmocka_unit_test_setup_teardown(test_string_borders, make, unmake),
		cmocka_unit_test_setup_teardown(test_mixed_burst, make, unmake),
		cmocka_unit_test_setup_teardown(test_no_allocation, make, unmake),
		cmocka_unit_test(test_keys_are_erased),
	};

	if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1)
		return 1;
	OPENSSL_free(OPENSSL_malloc(1)); /* counted */
	return run_each_backend("siv", tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}
