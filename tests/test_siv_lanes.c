/*
 * The lanes of nts/siv_lanes.h against the portable back-end of nts/siv.h, operation by operation: keys of
 * their own in every lane, every number of requests, every shape, and either AEAD for the clients. Lanes that
 * the CPU has not are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/random.h"
#include "nts/cookie.h"
#include "nts/nonce.h"
#include "nts/siv_lanes.h"
#include "tests/each_backend.h"
#include "tests/siv_lanes_wide_x86.h"
#include "tickwire_build.h"

enum {
	MOST = 40, /* more than two groups of any back-end */
	CELL = 1536,
	ROUNDS = 300,
	BLOCK = SIV_LANES_BLOCK,
	SEALED_MAX = COOKIE_SIZE - COOKIE_NONCE_AT, /* a cookie from its nonce on */
};

static struct siv *oracle;
static struct siv_lanes *lanes;
static uint64_t random_state = UINT64_C(0x6c616e65732e2e2e);

/* What each lane has. */
static struct {
	struct cookie_keys client[MOST];
	struct siv_lanes_keys keys[MOST], *key[MOST];
	uint8_t cell[MOST][CELL], wanted[MOST][CELL], *base[MOST];
	bool good[MOST], right[MOST];
	uint8_t master[SIV_KEY];
	struct siv_lanes_master prepared;
	uint16_t aead; /* the clients' */
} bed;

static bool is_gcm(void)
{
	return bed.aead == AEAD_AES_128_GCM_SIV;
}

static unsigned sealed_size(void)
{
	return (unsigned)cookie_size(bed.aead) - COOKIE_NONCE_AT;
}

/* Of each key as many octets are a client's. */
static size_t key_size(void)
{
	return is_gcm() ? GCM_SIV_KEY : SIV_KEY;
}

static unsigned blocks(void)
{
	return 2 * (unsigned)key_size() / BLOCK;
}

/* Always the same sequence. */
static uint64_t draw(void)
{
	return random_next(&random_state);
}

static unsigned below(unsigned limit)
{
	return (unsigned)(draw() % limit);
}

static void fill(void *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)octets)[i] = (uint8_t)draw();
}

/* Now and then all zeros or all ones: edges of carries and counters. */
static void fill_edgy(void *octets, size_t size)
{
	if (below(8) == 0)
		memset(octets, below(2) ? 0xff : 0, size);
	else
		fill(octets, size);
}

static int make(void **state)
{
	(void)state;
	if (!backend->lanes)
		return 0;
	oracle = siv_new(siv_backend_find("openssl"));
	lanes = siv_lanes_new(backend->lanes);
	for (unsigned i = 0; i < MOST; i++) {
		bed.key[i] = &bed.keys[i];
		bed.base[i] = bed.cell[i];
	}
	return oracle && lanes ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	if (!backend->lanes)
		return 0;
	siv_free(oracle);
	siv_lanes_free(lanes);
	return 0;
}

static void skip_without_lanes(void)
{
	if (!backend->lanes)
		skip();
}

static void seal_cookie(unsigned i, uint8_t *sealed)
{
	struct siv_job job = {
		.key = bed.master, .text = sealed + 2 * BLOCK, .size = 2 * key_size(), .tag = sealed + BLOCK};

	memcpy(job.text, bed.client[i].c2s, key_size());
	memcpy(job.text + key_size(), bed.client[i].s2c, key_size());
	siv_job_bind(&job, NULL, 0, sealed, BLOCK);
	siv_seal(oracle, &job, 1);
	assert_true(job.done);
}

static unsigned nonce_size(void)
{
	return is_gcm() ? GCM_SIV_NONCE : BLOCK;
}

static void set_keys(unsigned i)
{
	memcpy(&bed.keys[i], &bed.client[i], sizeof(bed.client[i]));
}

static void new_round(unsigned count)
{
	bed.aead = below(2) ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256;
	fill_edgy(bed.master, sizeof(bed.master));
	lanes->backend->master(&bed.prepared, bed.master);
	for (unsigned i = 0; i < count; i++)
		fill_edgy(&bed.client[i], sizeof(bed.client[i]));
}

/* ... with a cookie in each cell. */
static void new_cookies(unsigned count)
{
	new_round(count);
	for (unsigned i = 0; i < count; i++) {
		fill_edgy(bed.cell[i], CELL);
		seal_cookie(i, bed.cell[i]);
	}
}

/* A bit of these octets is turned, in some lanes. */
static void damage_some(unsigned count, size_t at, size_t size)
{
	for (unsigned i = 0; i < count; i++) {
		bed.right[i] = below(3) > 0;
		if (!bed.right[i])
			bed.cell[i][at + below((unsigned)size)] ^= (uint8_t)(1 << below(8));
	}
}

static void compare_cells(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_memory_equal(bed.cell[i], bed.wanted[i], CELL);
}

static void test_open(void **state)
{
	(void)state;
	skip_without_lanes();
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned count = 1 + below(MOST);

		new_cookies(count);
		damage_some(count, 0, sealed_size());
		memcpy(bed.wanted, bed.cell, sizeof(bed.cell));
		lanes->backend->open(lanes, &bed.prepared, blocks(), bed.base, bed.key, bed.good, count);
		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(bed.good[i], bed.right[i]);
			if (!bed.good[i])
				continue;
			assert_memory_equal(bed.keys[i].c2s, bed.client[i].c2s, key_size());
			assert_memory_equal(bed.keys[i].s2c, bed.client[i].s2c, key_size());
		}
		compare_cells(count);
	}
}

static void check_every_bit(uint8_t sealed[SEALED_MAX])
{
	const unsigned bits = sealed_size() * 8;

	fill(sealed, SEALED_MAX);
	seal_cookie(0, sealed);
	for (unsigned bit = 0; bit < bits; bit += MOST) {
		const unsigned count = bits - bit < MOST ? bits - bit : MOST;

		for (unsigned i = 0; i < count; i++) {
			memcpy(bed.cell[i], sealed, SEALED_MAX);
			bed.cell[i][(bit + i) / 8] ^= (uint8_t)(1 << (bit + i) % 8);
		}
		lanes->backend->open(lanes, &bed.prepared, blocks(), bed.base, bed.key, bed.good, count);
		for (unsigned i = 0; i < count; i++)
			assert_false(bed.good[i]);
	}
}

/* Every bit of a cookie, in a lane of its own each. */
static void test_every_bit_of_a_cookie(void **state)
{
	uint8_t sealed[SEALED_MAX];

	(void)state;
	skip_without_lanes();
	new_round(1);
	for (unsigned n = 0; n < 2; n++) {
		bed.aead = n ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256;
		check_every_bit(sealed);
	}
}

static void test_verify(void **state)
{
	(void)state;
	skip_without_lanes();
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned count = 1 + below(MOST), ad = BLOCK + below(1200), gap = below(64);
		const struct siv_lanes_shape shape = {.ad_size = (uint16_t)ad,
			.nonce_at = (uint16_t)(ad + gap),
			.tag_at = (uint16_t)(ad + gap + BLOCK + below(64))};

		new_round(count);
		for (unsigned i = 0; i < count; i++) {
			struct siv_job job = {.aead = bed.aead,
				.key = bed.client[i].c2s,
				.tag = bed.cell[i] + shape.tag_at};

			fill_edgy(bed.cell[i], CELL);
			set_keys(i);
			siv_job_bind(&job, bed.cell[i], ad, bed.cell[i] + shape.nonce_at, nonce_size());
			siv_seal(oracle, &job, 1);
		}
		if (round % 3 == 0)
			damage_some(count, 0, ad);
		else
			damage_some(count, round % 3 == 1 ? shape.nonce_at : shape.tag_at,
				round % 3 == 1 ? nonce_size() : BLOCK);
		memcpy(bed.wanted, bed.cell, sizeof(bed.cell));
		(is_gcm() ? lanes->backend->gcm_verify : lanes->backend->verify)(
			lanes, &shape, bed.base, bed.key, bed.good, count);
		for (unsigned i = 0; i < count; i++)
			assert_int_equal(bed.good[i], bed.right[i]);
		compare_cells(count);
	}
}

/* From an opened cookie and without one. */
static void test_chain_and_bake(void **state)
{
	(void)state;
	skip_without_lanes();
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned count = 1 + below(MOST);

		new_cookies(count);
		if (round & 1) {
			lanes->backend->open(
				lanes, &bed.prepared, blocks(), bed.base, bed.key, bed.good, count);
		} else {
			for (unsigned i = 0; i < count; i++)
				set_keys(i);
			lanes->backend->chain(lanes, &bed.prepared, blocks(), bed.key, count);
		}
		for (unsigned i = 0; i < count; i++)
			fill_edgy(bed.cell[i], CELL);
		memcpy(bed.wanted, bed.cell, sizeof(bed.cell));
		for (unsigned i = 0; i < count; i++)
			seal_cookie(i, bed.wanted[i]);
		lanes->backend->bake(lanes, &bed.prepared, blocks(), bed.base, bed.key, count);
		compare_cells(count);
	}
}

static void test_seal(void **state)
{
	(void)state;
	skip_without_lanes();
	for (unsigned round = 0; round < 2 * ROUNDS; round++) {
		const unsigned count = 1 + below(MOST), ad = BLOCK + below(300);
		const unsigned size = 16 + SIV_LANES_TEXT_UNIT * below(120);
		struct siv_lanes_shape shape = {
			.ad_size = (uint16_t)ad, .nonce_at = (uint16_t)(ad + 8), .text_size = (uint16_t)size};

		new_round(count);
		shape.text_at = (uint16_t)(shape.nonce_at + nonce_size() + (is_gcm() ? 0 : SIV_TAG));
		shape.tag_at = (uint16_t)(is_gcm() ? shape.text_at + size : shape.nonce_at + nonce_size());
		for (unsigned i = 0; i < count; i++) {
			fill_edgy(bed.cell[i], CELL);
			set_keys(i);
		}
		memcpy(bed.wanted, bed.cell, sizeof(bed.cell));
		for (unsigned i = 0; i < count; i++) {
			struct siv_job job = {.aead = bed.aead,
				.key = bed.client[i].s2c,
				.text = bed.wanted[i] + shape.text_at,
				.size = size,
				.tag = bed.wanted[i] + shape.tag_at};

			siv_job_bind(&job, bed.wanted[i], ad, bed.wanted[i] + shape.nonce_at, nonce_size());
			siv_seal(oracle, &job, 1);
		}
		(is_gcm() ? lanes->backend->gcm_seal : lanes->backend->seal)(
			lanes, &shape, bed.base, bed.key, count);
		compare_cells(count);
	}
}

/* Any stretch of what the portable back-end makes from the beginning. */
static void test_stream(void **state)
{
	enum { BLOCKS = 200 };
	static uint8_t wanted[BLOCKS][BLOCK], got[BLOCKS + 1][BLOCK];
	static const uint8_t untouched[BLOCK];

	(void)state;
	skip_without_lanes();
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned first = below(BLOCKS), count = below(BLOCKS - first + 1);
		struct nonces *nonces;

		new_round(1);
		nonces = nonces_new_by(&siv_openssl, bed.master + BLOCK);
		assert_non_null(nonces);
		assert_true(nonces_draw(nonces, wanted, BLOCKS));
		nonces_free(nonces);
		memset(got, 0, sizeof(got));
		lanes->backend->stream(&bed.prepared, first, got[0], count);
		assert_memory_equal(got, wanted[first], (size_t)count * BLOCK);
		assert_memory_equal(got[count], untouched, BLOCK);
	}
}

static const struct siv_lanes_shape any_shape = {
	.ad_size = 84, .nonce_at = 92, .tag_at = 108, .text_at = 124, .text_size = 104};

static void run_open(void)
{
	lanes->backend->open(lanes, &bed.prepared, blocks(), bed.base, bed.key, bed.good, MOST);
}

static void run_verify(void)
{
	(is_gcm() ? lanes->backend->gcm_verify : lanes->backend->verify)(
		lanes, &any_shape, bed.base, bed.key, bed.good, MOST);
}

static void run_bake(void)
{
	lanes->backend->bake(lanes, &bed.prepared, blocks(), bed.base, bed.key, MOST);
}

static void run_seal(void)
{
	(is_gcm() ? lanes->backend->gcm_seal : lanes->backend->seal)(
		lanes, &any_shape, bed.base, bed.key, MOST);
}

/* The lanes' memory after an operation with all keys made of this octet, by lanes as they were when new; it
 * is forgotten what they knew, or not. The caller frees. */
static uint8_t *left_by(void (*run)(void), uint8_t octet, bool forgotten)
{
	const size_t size = backend->lanes->size;
	uint8_t *left = malloc(size);

	assert_non_null(left);
	memset(lanes + 1, 0, size - sizeof(*lanes));
	memset(bed.cell, 0, sizeof(bed.cell));
	memset(bed.keys, octet, sizeof(bed.keys));
	run();
	if (forgotten)
		lanes->backend->forget(lanes);
	memcpy(left, lanes, size);
	return left;
}

static bool depends_on_keys(void (*run)(void), bool forgotten)
{
	uint8_t *left = left_by(run, 0x5a, forgotten), *other = left_by(run, 0xc3, forgotten);
	const bool depends = memcmp(left, other, backend->lanes->size) != 0;

	free(left);
	free(other);
	return depends;
}

/* Those that leave a schedule in the lanes' memory leave nothing there of it, and no other leaves any. */
static void test_forget(void **state)
{
	static void (*const operations[])(void) = {run_open, run_verify, run_bake, run_seal};

	(void)state;
	skip_without_lanes();
	new_round(MOST);
	for (unsigned o = 0; o < sizeof(operations) / sizeof(operations[0]); o++) {
		bed.aead = AEAD_AES_SIV_CMAC_256;
		assert_int_equal(depends_on_keys(operations[o], false),
			operations[o] == run_verify || operations[o] == run_seal);
		assert_false(depends_on_keys(operations[o], true));
		bed.aead = AEAD_AES_128_GCM_SIV;
		assert_int_equal(depends_on_keys(operations[o], false), operations[o] == run_seal);
		assert_false(depends_on_keys(operations[o], true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_every_bit_of_a_cookie),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_chain_and_bake),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_forget),
	};

	int failed = run_each_backend("siv lanes", tests, sizeof(tests) / sizeof(tests[0]), make, unmake);

#if TICKWIRE_X86_KERNELS
	/* The widest everywhere, by instructions that nearly every CPU has. */
	struct siv_backend wide = siv_aesni;

	wide.name = "vaes512-by-four";
	wide.lanes = &siv_lanes_wide;
	failed += run_backend(&wide, "siv lanes", tests, sizeof(tests) / sizeof(tests[0]), make, unmake);
#endif
	return failed;
}
