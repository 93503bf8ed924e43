#include "nts/gcm_siv.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ntp/octets.h"

enum {
	HALF = SIV_BLOCK / 2,
	DERIVED = 4, /* blocks, half of each is used: two for POLYVAL's key, two for AES's */
	CHUNK = 32,  /* blocks of key stream at a time */
};

/* All that depends on keys and texts, to be erased. */
struct work {
	uint8_t derived[DERIVED][SIV_BLOCK];
	uint8_t h[SIV_BLOCK], key[GCM_SIV_KEY];
	uint8_t sum[SIV_BLOCK], last[SIV_BLOCK];
	uint8_t stream[CHUNK][SIV_BLOCK];
};

/* RFC 8452 section 4. */
static bool derive(struct work *w, struct siv *siv, const struct siv_job *job)
{
	for (unsigned i = 0; i < DERIVED; i++) {
		store_le32(w->derived[i], i);
		memcpy(w->derived[i] + 4, job->string[1].octets, GCM_SIV_NONCE);
	}
	if (!siv->backend->encrypt(siv, job->key, w->derived[0], DERIVED))
		return false;
	memcpy(w->h, w->derived[0], HALF);
	memcpy(w->h + HALF, w->derived[1], HALF);
	memcpy(w->key, w->derived[2], HALF);
	memcpy(w->key + HALF, w->derived[3], HALF);
	return true;
}

/* Octets and the zeros that fill their last block. */
static void add(struct work *w, const struct siv *siv, const uint8_t *octets, size_t size)
{
	const size_t over = size % SIV_BLOCK, whole = size - over;

	if (whole > 0)
		siv->backend->polyval(w->sum, w->h, octets, whole / SIV_BLOCK);
	if (over == 0)
		return;
	memset(w->last, 0, sizeof(w->last));
	memcpy(w->last, octets + whole, over);
	siv->backend->polyval(w->sum, w->h, w->last, 1);
}

/* The tag of a plaintext, into w->sum. */
static bool make_tag(struct work *w, struct siv *siv, const struct siv_job *job)
{
	memset(w->sum, 0, sizeof(w->sum));
	add(w, siv, job->string[0].octets, job->string[0].size);
	add(w, siv, job->text, job->size);
	store_le64(w->last, (uint64_t)job->string[0].size * CHAR_BIT);
	store_le64(w->last + HALF, (uint64_t)job->size * CHAR_BIT);
	siv->backend->polyval(w->sum, w->h, w->last, 1);
	for (unsigned i = 0; i < GCM_SIV_NONCE; i++)
		w->sum[i] ^= job->string[1].octets[i];
	w->sum[SIV_BLOCK - 1] &= 0x7f;
	return siv->backend->encrypt(siv, w->key, w->sum, 1);
}

static bool add_stream(struct work *w, struct siv *siv, const struct siv_job *job, const uint8_t *tag)
{
	uint32_t counter = load_le32(tag);

	for (size_t at = 0; at < job->size;) {
		const size_t rest = job->size - at;
		const size_t size = rest < sizeof(w->stream) ? rest : sizeof(w->stream);
		const size_t blocks = (size + SIV_BLOCK - 1) / SIV_BLOCK;

		for (size_t b = 0; b < blocks; b++) {
			memcpy(w->stream[b], tag, SIV_BLOCK);
			store_le32(w->stream[b], counter++);
			w->stream[b][SIV_BLOCK - 1] |= 0x80;
		}
		if (!siv->backend->encrypt(siv, w->key, w->stream[0], blocks))
			return false;
		for (size_t i = 0; i < size; i++)
			job->text[at + i] ^= w->stream[i / SIV_BLOCK][i % SIV_BLOCK];
		at += size;
	}
	return true;
}

static bool is_sound(const struct siv_job *job)
{
	return job->strings == 2 && job->string[1].size == GCM_SIV_NONCE && job->size <= INT_MAX;
}

static void conclude(struct work *w, struct siv_job *job, bool done)
{
	job->done = done;
	if (!done && job->size > 0)
		OPENSSL_cleanse(job->text, job->size);
	OPENSSL_cleanse(w, sizeof(*w));
}

void gcm_siv_seal(struct siv *siv, struct siv_job *job)
{
	struct work w;
	uint8_t tag[SIV_TAG];
	bool done = is_sound(job) && derive(&w, siv, job) && make_tag(&w, siv, job);

	if (done) {
		memcpy(tag, w.sum, SIV_TAG);
		done = add_stream(&w, siv, job, tag);
	}
	if (done)
		memcpy(job->tag, tag, SIV_TAG);
	conclude(&w, job, done);
}

void gcm_siv_open(struct siv *siv, struct siv_job *job)
{
	struct work w;

	conclude(&w, job,
		is_sound(job) && derive(&w, siv, job) && add_stream(&w, siv, job, job->tag) &&
			make_tag(&w, siv, job) && CRYPTO_memcmp(w.sum, job->tag, SIV_TAG) == 0);
}

/* POLYVAL in C: a product without carries out of products with them */

static uint64_t bits_reversed(uint64_t x)
{
	x = (x & UINT64_C(0x5555555555555555)) << 1 | (x >> 1 & UINT64_C(0x5555555555555555));
	x = (x & UINT64_C(0x3333333333333333)) << 2 | (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4 | (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
	return __builtin_bswap64(x);
}

/*
 * The lower 64 bits of the product of polynomials over GF(2). Of each factor only every fourth bit is taken
 * at a time: a sum of at most 16 ones then does not reach the next of these places, but in the highest one,
 * where it is cut off.
 */
static uint64_t lower_product(uint64_t a, uint64_t b)
{
	enum { APART = 4 };
	const uint64_t places = UINT64_C(0x1111111111111111);
	uint64_t product = 0;

	for (unsigned k = 0; k < APART; k++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < APART; i++)
			sum ^= (a & places << i) * (b & places << (k - i) % APART);
		product |= sum & places << k;
	}
	return product;
}

/* Bits 64 to 126: those of the reversed factors' product, reversed. */
static uint64_t upper_product(uint64_t a, uint64_t b)
{
	return bits_reversed(lower_product(bits_reversed(a), bits_reversed(b))) >> 1;
}

struct element {
	uint64_t low, high;
};

/* a * b * x^-128 modulo x^128 + x^127 + x^126 + x^121 + 1: a multiple of that takes away the lowest word. */
static struct element dot(struct element a, struct element b)
{
	const uint64_t middle = a.low ^ a.high, other = b.low ^ b.high;
	uint64_t r[4] = {lower_product(a.low, b.low), upper_product(a.low, b.low),
		lower_product(a.high, b.high), upper_product(a.high, b.high)};
	const uint64_t low = lower_product(middle, other) ^ r[0] ^ r[2];
	const uint64_t high = upper_product(middle, other) ^ r[1] ^ r[3];

	r[1] ^= low;
	r[2] ^= high;
	for (unsigned i = 0; i < 2; i++) {
		r[i + 1] ^= r[i] << 63 ^ r[i] << 62 ^ r[i] << 57;
		r[i + 2] ^= r[i] ^ r[i] >> 1 ^ r[i] >> 2 ^ r[i] >> 7;
	}
	return (struct element){r[2], r[3]};
}

static struct element element_of(const uint8_t block[SIV_BLOCK])
{
	return (struct element){load_le64(block), load_le64(block + HALF)};
}

void gcm_siv_polyval(uint8_t sum[SIV_BLOCK], const uint8_t h[SIV_BLOCK], const uint8_t *octets, size_t blocks)
{
	const struct element key = element_of(h);
	struct element s = element_of(sum);

	for (; blocks > 0; blocks--, octets += SIV_BLOCK) {
		const struct element block = element_of(octets);

		s = dot((struct element){s.low ^ block.low, s.high ^ block.high}, key);
	}
	store_le64(sum, s.low);
	store_le64(sum + HALF, s.high);
}
