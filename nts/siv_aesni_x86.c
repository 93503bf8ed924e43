/*
 * The back-end for x86-64 CPUs with AES instructions. CMAC is serial, so what fills the lanes of
 * nts/aes_lanes_x86.h are first all strings of a group of jobs, and then all their texts; CTR's blocks fill
 * them in any order.
 *
 * All that depends on keys and texts is in struct work, which is erased behind each call.
 */
#include <cpuid.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "nts/aes_lanes_x86.h"
#include "nts/gcm_siv_x86.h"
#include "nts/siv.h"
#include "nts/siv_lanes.h"

enum { GROUP = 16, CHAINS = GROUP * (1 + SIV_STRINGS_MAX) };

/* One of the group's keys, and what is the same for all jobs that share it. */
struct key {
	__m128i mac[AES_ROUNDS + 1]; /* K1's schedule */
	__m128i ctr[AES_ROUNDS + 1]; /* K2's, only where a job has a text */
	__m128i whole;               /* CMAC's subkey for a last block that is whole ... */
	__m128i cut;                 /* ... and for one that is padded */
	__m128i first;               /* S2V's first D, the CMAC of a zero block */
	const uint8_t *octets;
	bool has_ctr;
};

struct member {
	__m128i mac[SIV_STRINGS_MAX];
	__m128i sum; /* S2V's D, and at last V */
	struct siv_job *job;
	struct key *key;
};

struct work {
	struct aes_lanes lanes;
	_Alignas(16) uint8_t part[SIV_BLOCK];
	struct member member[GROUP];
	struct key key[GROUP];
	struct aes_chain chain[CHAINS];
	unsigned members, keys, chains;
};

struct aesni {
	struct siv siv;
	struct work work;
};

static struct work *work_of(struct siv *siv)
{
	return &((struct aesni *)siv)->work;
}

static struct siv *aesni_new(void)
{
	struct aesni *s = calloc(1, sizeof(*s));

	return s ? &s->siv : NULL;
}

static void aesni_free(struct siv *siv)
{
	free(siv); /* work is always left erased */
}

AES_X86_BEGIN

/* A block of less than SIV_BLOCK octets, with zeros behind. */
static __m128i load_part(struct work *w, const uint8_t *octets, size_t size)
{
	memset(w->part, 0, sizeof(w->part));
	for (size_t i = 0; i < size; i++)
		w->part[i] = octets[i];
	return aes_load(w->part);
}

static void run_chains(struct work *w)
{
	aes_chains_run(&w->lanes, w->chain, w->chains);
	w->chains = 0;
}

static struct aes_chain *chain_add(struct work *w, const struct key *key, const uint8_t *octets, __m128i *mac)
{
	struct aes_chain *chain = &w->chain[w->chains++];

	chain->key = key->mac;
	chain->octets = octets;
	chain->blocks = 0;
	chain->tails = 1;
	chain->mac = mac;
	return chain;
}

static void add_cmac(struct work *w, const struct key *key, const uint8_t *octets, size_t size, __m128i *mac)
{
	struct aes_chain *chain = chain_add(w, key, octets, mac);
	const size_t over = size % SIV_BLOCK;
	__m128i last;

	if (size > 0 && over == 0) {
		chain->blocks = size / SIV_BLOCK - 1;
		chain->tail[0] = _mm_xor_si128(aes_load(octets + size - SIV_BLOCK), key->whole);
		return;
	}
	chain->blocks = size / SIV_BLOCK;
	last = chain->blocks ? aes_shifted(aes_load(octets + size - SIV_BLOCK), SIV_BLOCK - (int)over)
			     : load_part(w, octets, over);
	chain->tail[0] = _mm_xor_si128(_mm_xor_si128(last, aes_padding(over)), key->cut);
}

/* S2V's last step. The sum is added to the last 16 octets, which two blocks may share. */
static void add_text(struct work *w, struct member *m)
{
	const struct siv_job *job = m->job;
	struct aes_chain *chain = chain_add(w, m->key, job->text, &m->sum);
	const size_t over = job->size % SIV_BLOCK;
	__m128i end;

	if (job->size < SIV_BLOCK) {
		end = _mm_xor_si128(load_part(w, job->text, job->size), aes_padding(job->size));
		chain->tail[0] = _mm_xor_si128(_mm_xor_si128(end, aes_doubled(m->sum)), m->key->whole);
		return;
	}
	chain->blocks = job->size / SIV_BLOCK - 1;
	end = _mm_xor_si128(aes_load(job->text + job->size - SIV_BLOCK), m->sum);
	if (over == 0) {
		chain->tail[0] = _mm_xor_si128(end, m->key->whole);
		return;
	}
	chain->tails = 2;
	chain->tail[0] = _mm_xor_si128(
		aes_load(job->text + chain->blocks * SIV_BLOCK), aes_shifted(m->sum, -(int)over));
	end = _mm_xor_si128(aes_shifted(end, SIV_BLOCK - (int)over), aes_padding(over));
	chain->tail[1] = _mm_xor_si128(end, m->key->cut);
}

/* Several jobs in a row with one key are common: all cookies have the server's. */
static struct key *key_add(struct work *w, const uint8_t *octets, bool ctr)
{
	struct key *key = w->keys ? &w->key[w->keys - 1] : NULL;

	if (!key || key->octets != octets) {
		key = &w->key[w->keys++];
		key->octets = octets;
		key->has_ctr = false;
		aes_expand(key->mac, octets);
	}
	if (ctr && !key->has_ctr) {
		aes_expand(key->ctr, octets + SIV_BLOCK);
		key->has_ctr = true;
	}
	return key;
}

static void make_subkeys(struct work *w)
{
	struct aes_lanes *l = &w->lanes;

	for (unsigned at = 0; at < w->keys; at += AES_LANES) {
		struct key *key = &w->key[at];

		for (l->active = 0; l->active < AES_LANES && at + l->active < w->keys;)
			aes_lane_add(l, key[l->active].mac, _mm_setzero_si128());
		aes_lanes_encrypt(l, 1);
		for (unsigned i = 0; i < l->active; i++) {
			key[i].whole = aes_doubled(l->state[i]);
			key[i].cut = aes_doubled(key[i].whole);
		}
	}
}

/* RFC 5297 section 2.4, into each member's sum. */
static void s2v(struct work *w)
{
	for (unsigned i = 0; i < w->keys; i++)
		chain_add(w, &w->key[i], NULL, &w->key[i].first)->tail[0] = w->key[i].whole;
	for (unsigned s = 0; s < SIV_STRINGS_MAX; s++)
		for (struct member *m = w->member; m < w->member + w->members; m++)
			if (s < m->job->strings)
				add_cmac(w, m->key, m->job->string[s].octets, m->job->string[s].size,
					&m->mac[s]);
	run_chains(w);
	for (struct member *m = w->member; m < w->member + w->members; m++) {
		m->sum = m->key->first;
		for (unsigned s = 0; s < m->job->strings; s++)
			m->sum = _mm_xor_si128(aes_doubled(m->sum), m->mac[s]);
		add_text(w, m);
	}
	run_chains(w);
}

static void lanes_to_texts(struct aes_lanes *l)
{
	aes_lanes_encrypt(l, 1);
	for (unsigned i = 0; i < l->active; i++) {
		const uint8_t *stream = (const uint8_t *)&l->state[i];

		if (l->left[i] == SIV_BLOCK)
			aes_store(l->text[i], _mm_xor_si128(aes_load(l->text[i]), l->state[i]));
		else
			for (size_t k = 0; k < l->left[i]; k++)
				l->text[i][k] ^= stream[k];
	}
	l->active = 0;
}

/* RFC 5297 section 2.5: the two bits are cleared so that 32-bit counters never carry. */
static void ctr(struct work *w, const struct member *m, const uint8_t *tag)
{
	const __m128i number = _mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	const __m128i clear =
		_mm_set_epi8(-1, -1, -1, 0x7f, -1, -1, -1, 0x7f, -1, -1, -1, -1, -1, -1, -1, -1);
	struct aes_lanes *l = &w->lanes;
	__m128i counter = _mm_shuffle_epi8(_mm_and_si128(aes_load(tag), clear), number);

	for (size_t at = 0; at < m->job->size; at += SIV_BLOCK) {
		const size_t rest = m->job->size - at;

		l->text[l->active] = m->job->text + at;
		l->left[l->active] = rest < SIV_BLOCK ? rest : SIV_BLOCK;
		aes_lane_add(l, m->key->ctr, _mm_shuffle_epi8(counter, number));
		counter = _mm_add_epi32(counter, _mm_set_epi32(1, 0, 0, 0));
		if (l->active == AES_LANES)
			lanes_to_texts(l);
	}
}

static void ctr_all(struct work *w)
{
	w->lanes.active = 0;
	for (unsigned i = 0; i < w->members; i++)
		ctr(w, &w->member[i], w->member[i].job->tag);
	if (w->lanes.active > 0)
		lanes_to_texts(&w->lanes);
}

static void refuse(struct siv_job *job)
{
	job->done = false;
	if (job->size > 0)
		explicit_bzero(job->text, job->size);
}

static void seal_group(struct work *w)
{
	s2v(w);
	for (unsigned i = 0; i < w->members; i++) {
		aes_store(w->member[i].job->tag, w->member[i].sum);
		w->member[i].job->done = true;
	}
	ctr_all(w);
}

static void open_group(struct work *w)
{
	ctr_all(w);
	s2v(w);
	for (unsigned i = 0; i < w->members; i++) {
		struct siv_job *job = w->member[i].job;
		const __m128i same = _mm_cmpeq_epi8(w->member[i].sum, aes_load(job->tag));

		job->done = _mm_movemask_epi8(same) == 0xffff;
		if (!job->done)
			refuse(job);
	}
}

/* Of all arrays only the first `members` have been in use, or as many times that as one may need. */
static void forget(struct work *w, size_t members)
{
	explicit_bzero(&w->lanes, sizeof(w->lanes));
	explicit_bzero(w->part, sizeof(w->part));
	explicit_bzero(w->member, members * sizeof(w->member[0]));
	explicit_bzero(w->key, members * sizeof(w->key[0]));
	explicit_bzero(w->chain, members * (1 + SIV_STRINGS_MAX) * sizeof(w->chain[0]));
	w->members = w->keys = 0;
}

static void run(struct siv *siv, struct siv_job *jobs, size_t count, void (*group)(struct work *))
{
	struct work *w = work_of(siv);

	for (size_t i = 0; i < count;) {
		for (w->members = w->keys = 0; i < count && w->members < GROUP; i++) {
			struct siv_job *job = &jobs[i];

			if (job->strings > SIV_STRINGS_MAX || job->size > INT_MAX) {
				refuse(job);
				continue;
			}
			w->member[w->members].job = job;
			w->member[w->members++].key = key_add(w, job->key, job->size > 0);
		}
		make_subkeys(w);
		group(w);
	}
	forget(w, count < GROUP ? count : GROUP);
}

static void aesni_seal(struct siv *siv, struct siv_job *jobs, size_t count)
{
	run(siv, jobs, count, seal_group);
}

static void aesni_open(struct siv *siv, struct siv_job *jobs, size_t count)
{
	run(siv, jobs, count, open_group);
}

static bool aesni_cmac(struct siv *siv, const uint8_t key[SIV_BLOCK], const void *message, size_t size,
	uint8_t mac[SIV_BLOCK])
{
	struct work *w = work_of(siv);

	key_add(w, key, false);
	make_subkeys(w);
	add_cmac(w, &w->key[0], message, size, &w->member[0].sum);
	run_chains(w);
	aes_store(mac, w->member[0].sum);
	forget(w, 1);
	return true;
}

AES_X86_END

/* Not all compilers' look at the CPU knows of these. */
static bool has_vaes(void)
{
	enum { FEATURES = 7, VAES = 1 << 9, VPCLMULQDQ = 1 << 10 };
	unsigned a, b, c, d;

	return __get_cpuid_count(FEATURES, 0, &a, &b, &c, &d) && (c & VAES) && (c & VPCLMULQDQ);
}

/* Wider registers serve the lanes alone. That the system keeps them is part of avx2 and avx512f. */
static bool vaes256_supported(void)
{
	return aes_supported() && __builtin_cpu_supports("avx2") && has_vaes();
}

static bool vaes512_supported(void)
{
	return vaes256_supported() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

#define BACKEND(identifier, cpu)                      \
	const struct siv_backend siv_##identifier = { \
		.name = #identifier,                  \
		.supported = cpu,                     \
		.new = aesni_new,                     \
		.free = aesni_free,                   \
		.seal = aesni_seal,                   \
		.open = aesni_open,                   \
		.cmac = aesni_cmac,                   \
		.encrypt = gcm_siv_encrypt_x86,       \
		.polyval = gcm_siv_polyval_x86,       \
		.lanes = &siv_lanes_##identifier,     \
	}

BACKEND(aesni, aes_supported);
BACKEND(vaes256, vaes256_supported);
BACKEND(vaes512, vaes512_supported);
