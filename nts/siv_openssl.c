/*
 * The portable back-end: CMAC is the last block of AES-CBC, and CTR is OpenSSL's, so that both use what the
 * CPU has and stay constant in time where it has nothing.
 *
 * OpenSSL's own AES-SIV is not used: before 3.5.7 it accepts any tag for an empty plaintext, and an NTS
 * request's plaintext is empty.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "nts/gcm_siv.h"
#include "nts/siv.h"

enum { CHUNK = 512 };

struct openssl {
	struct siv siv;
	EVP_CIPHER_CTX *cbc;
	EVP_CIPHER_CTX *ctr;
	EVP_CIPHER_CTX *ecb;
	/* All that depends on keys and texts, in one place, so that it is erased after each burst. */
	struct work {
		uint8_t whole[SIV_BLOCK]; /* CMAC's subkey for a last block that is whole ... */
		uint8_t cut[SIV_BLOCK];   /* ... and for one that is padded */
		uint8_t sum[SIV_BLOCK];   /* S2V's D */
		uint8_t mac[SIV_BLOCK];
		uint8_t last[SIV_BLOCK];
		uint8_t tail[2 * SIV_BLOCK];
		uint8_t tag[SIV_TAG];
		uint8_t counter[SIV_BLOCK];
		uint8_t sink[CHUNK]; /* CBC's output before the last block, which nobody wants */
	} work;
};

static const uint8_t zero[SIV_BLOCK];

static struct openssl *openssl_of(struct siv *siv)
{
	return (struct openssl *)siv;
}

/* A context with its cipher, once: a burst only changes keys. */
static EVP_CIPHER_CTX *context(const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!cipher || !ctx || EVP_EncryptInit_ex2(ctx, cipher, zero, zero, NULL) != 1 ||
		EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher); /* ctx holds a reference */
	return ctx;
}

static void openssl_free(struct siv *siv)
{
	struct openssl *s = openssl_of(siv);

	EVP_CIPHER_CTX_free(s->cbc);
	EVP_CIPHER_CTX_free(s->ctr);
	EVP_CIPHER_CTX_free(s->ecb);
	OPENSSL_cleanse(&s->work, sizeof(s->work));
	free(s);
}

static struct siv *openssl_new(void)
{
	struct openssl *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cbc = context("AES-128-CBC");
	s->ctr = context("AES-128-CTR");
	s->ecb = context("AES-128-ECB");
	if (!s->cbc || !s->ctr || !s->ecb) {
		openssl_free(&s->siv);
		return NULL;
	}
	return &s->siv;
}

static bool openssl_supported(void)
{
	return true;
}

static bool encrypt(EVP_CIPHER_CTX *ctx, uint8_t *to, const uint8_t *from, size_t size)
{
	int got = 0;

	return EVP_EncryptUpdate(ctx, to, &got, from, (int)size) == 1 && got == (int)size;
}

static void exclusive_or(uint8_t to[SIV_BLOCK], const uint8_t with[SIV_BLOCK])
{
	for (int i = 0; i < SIV_BLOCK; i++)
		to[i] ^= with[i];
}

/* Times x in GF(2^128), RFC 5297 section 2.3; without a branch, because the block is secret. */
static void doubled(uint8_t to[SIV_BLOCK], const uint8_t from[SIV_BLOCK])
{
	const uint8_t carry = from[0] >> 7;

	for (int i = 0; i < SIV_BLOCK - 1; i++)
		to[i] = (uint8_t)(from[i] << 1 | from[i + 1] >> 7);
	to[SIV_BLOCK - 1] = (uint8_t)(from[SIV_BLOCK - 1] << 1 ^ (0x87 & -carry));
}

static bool cmac_key(struct openssl *s, const uint8_t key[SIV_BLOCK])
{
	if (EVP_EncryptInit_ex2(s->cbc, NULL, key, zero, NULL) != 1 ||
		!encrypt(s->cbc, s->work.mac, zero, SIV_BLOCK))
		return false;
	doubled(s->work.whole, s->work.mac);
	doubled(s->work.cut, s->work.whole);
	return true;
}

static bool cmac_begin(struct openssl *s)
{
	return EVP_EncryptInit_ex2(s->cbc, NULL, NULL, zero, NULL) == 1;
}

/* `size` is a multiple of SIV_BLOCK. */
static bool cmac_blocks(struct openssl *s, const uint8_t *octets, size_t size)
{
	while (size > 0) {
		const size_t part = size < CHUNK ? size : CHUNK;

		if (!encrypt(s->cbc, s->work.sink, octets, part))
			return false;
		octets += part;
		size -= part;
	}
	return true;
}

/* The last block, of at most SIV_BLOCK octets; the sum is then in work.mac. */
static bool cmac_end(struct openssl *s, const uint8_t *octets, size_t size)
{
	struct work *w = &s->work;

	memset(w->last, 0, sizeof(w->last));
	if (size > 0)
		memcpy(w->last, octets, size);
	if (size < SIV_BLOCK)
		w->last[size] = 0x80;
	exclusive_or(w->last, size < SIV_BLOCK ? w->cut : w->whole);
	return encrypt(s->cbc, w->mac, w->last, SIV_BLOCK);
}

/* Octets before CMAC's last block. */
static size_t before_last(size_t size)
{
	return size == 0 ? 0 : (size - 1) / SIV_BLOCK * SIV_BLOCK;
}

static bool cmac(struct openssl *s, const uint8_t *octets, size_t size)
{
	const size_t head = before_last(size);

	return cmac_begin(s) && cmac_blocks(s, octets, head) &&
	       cmac_end(s, head ? octets + head : octets, size - head);
}

/*
 * CMAC of a text of a block or more, with work.sum added to its last 16 octets (S2V's xorend), which the last
 * two blocks share where the text's size is no multiple of the block's.
 */
static bool cmac_xorend(struct openssl *s, const uint8_t *text, size_t size)
{
	const size_t over = size % SIV_BLOCK, head = size - SIV_BLOCK - over;
	uint8_t *tail = s->work.tail;

	memcpy(tail, text + head, SIV_BLOCK + over);
	exclusive_or(tail + over, s->work.sum);
	if (!cmac_begin(s) || !cmac_blocks(s, text, head))
		return false;
	if (over == 0)
		return cmac_end(s, tail, SIV_BLOCK);
	return cmac_blocks(s, tail, SIV_BLOCK) && cmac_end(s, tail + SIV_BLOCK, over);
}

/* ... and of a shorter one, padded and added to the doubled sum. */
static bool cmac_padded(struct openssl *s, const uint8_t *text, size_t size)
{
	uint8_t *tail = s->work.tail;

	doubled(tail, s->work.sum);
	for (size_t i = 0; i < size; i++)
		tail[i] ^= text[i];
	tail[size] ^= 0x80;
	return cmac(s, tail, SIV_BLOCK);
}

/* RFC 5297 section 2.4, into work.mac. */
static bool s2v(struct openssl *s, const struct siv_job *job)
{
	struct work *w = &s->work;

	if (!cmac(s, zero, SIV_BLOCK))
		return false;
	memcpy(w->sum, w->mac, SIV_BLOCK);
	for (unsigned i = 0; i < job->strings; i++) {
		doubled(w->tail, w->sum);
		if (!cmac(s, job->string[i].octets, job->string[i].size))
			return false;
		exclusive_or(w->tail, w->mac);
		memcpy(w->sum, w->tail, SIV_BLOCK);
	}
	return job->size >= SIV_BLOCK ? cmac_xorend(s, job->text, job->size)
				      : cmac_padded(s, job->text, job->size);
}

/* RFC 5297 section 2.5: the two bits are cleared so that 32-bit counters never carry. */
static bool ctr(struct openssl *s, const struct siv_job *job, const uint8_t tag[SIV_TAG])
{
	uint8_t *counter = s->work.counter;

	if (job->size == 0)
		return true;
	memcpy(counter, tag, SIV_BLOCK);
	counter[8] &= 0x7f;
	counter[12] &= 0x7f;
	return EVP_EncryptInit_ex2(s->ctr, NULL, job->key + SIV_BLOCK, counter, NULL) == 1 &&
	       encrypt(s->ctr, job->text, job->text, job->size);
}

static bool seal_one(struct openssl *s, const struct siv_job *job)
{
	if (!cmac_key(s, job->key) || !s2v(s, job))
		return false;
	memcpy(s->work.tag, s->work.mac, SIV_TAG);
	if (!ctr(s, job, s->work.tag))
		return false;
	memcpy(job->tag, s->work.tag, SIV_TAG);
	return true;
}

static bool open_one(struct openssl *s, const struct siv_job *job)
{
	return cmac_key(s, job->key) && ctr(s, job, job->tag) && s2v(s, job) &&
	       CRYPTO_memcmp(s->work.mac, job->tag, SIV_TAG) == 0;
}

/* The contexts' key schedules, and what is left of texts in their chaining blocks, too. */
static void forget(struct openssl *s)
{
	(void)EVP_EncryptInit_ex2(s->cbc, NULL, zero, zero, NULL);
	(void)EVP_EncryptInit_ex2(s->ctr, NULL, zero, zero, NULL);
	OPENSSL_cleanse(&s->work, sizeof(s->work));
}

static void run(struct siv *siv, struct siv_job *jobs, size_t count,
	bool (*one)(struct openssl *, const struct siv_job *))
{
	struct openssl *s = openssl_of(siv);

	for (size_t i = 0; i < count; i++) {
		struct siv_job *job = &jobs[i];

		job->done = job->strings <= SIV_STRINGS_MAX && job->size <= INT_MAX && one(s, job);
		if (!job->done && job->size > 0)
			OPENSSL_cleanse(job->text, job->size);
	}
	forget(s);
}

static void openssl_seal(struct siv *siv, struct siv_job *jobs, size_t count)
{
	run(siv, jobs, count, seal_one);
}

static void openssl_open(struct siv *siv, struct siv_job *jobs, size_t count)
{
	run(siv, jobs, count, open_one);
}

static bool openssl_cmac(struct siv *siv, const uint8_t key[SIV_BLOCK], const void *message, size_t size,
	uint8_t mac[SIV_BLOCK])
{
	struct openssl *s = openssl_of(siv);
	const bool done = cmac_key(s, key) && cmac(s, message, size);

	memcpy(mac, done ? s->work.mac : zero, SIV_BLOCK);
	forget(s);
	return done;
}

static bool openssl_encrypt(struct siv *siv, const uint8_t key[GCM_SIV_KEY], uint8_t *octets, size_t blocks)
{
	EVP_CIPHER_CTX *ecb = openssl_of(siv)->ecb;
	const bool done = EVP_EncryptInit_ex2(ecb, NULL, key, NULL, NULL) == 1 &&
			  encrypt(ecb, octets, octets, blocks * SIV_BLOCK);

	(void)EVP_EncryptInit_ex2(ecb, NULL, zero, NULL, NULL); /* the key's schedule */
	return done;
}

const struct siv_backend siv_openssl = {
	.name = "openssl",
	.supported = openssl_supported,
	.new = openssl_new,
	.free = openssl_free,
	.seal = openssl_seal,
	.open = openssl_open,
	.cmac = openssl_cmac,
	.encrypt = openssl_encrypt,
	.polyval = gcm_siv_polyval,
};
