/*
 * The AEADs of NTS, for bursts: AEAD_AES_SIV_CMAC_256 (RFC 5297; number 15 of the IANA's AEADs, the one that
 * every peer has) and AEAD_AES_128_GCM_SIV (RFC 8452; number 30, which newer ones prefer).
 *
 * CMAC is serial within a message, so what can be done side by side are messages: all operations take an
 * array of jobs, each with a key of its own. Back-ends differ in how many they do at once, never in the
 * result.
 *
 * Each thread makes its own struct siv once; a burst then allocates nothing. Whether a tag is right is found
 * in a time that depends on lengths alone. Whatever fails, fails closed: its text is erased. No key stays
 * behind a call, whose caller may want it gone before the next one.
 */
#ifndef NTS_SIV_H
#define NTS_SIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AEAD_AES_SIV_CMAC_256 = 15,
	AEAD_AES_128_GCM_SIV = 30,

	SIV_BLOCK = 16,
	SIV_KEY = 32, /* K1 for S2V, then K2 for CTR */
	SIV_TAG = 16, /* RFC 5297 calls it V, and it comes before the ciphertext; GCM-SIV's comes after it */
	GCM_SIV_KEY = 16,
	GCM_SIV_NONCE = 12, /* no other length */
	SIV_STRINGS_MAX = 3,
};

struct siv_span {
	const uint8_t *octets; /* may be NULL where size is 0 */
	size_t size;
};

/* The AEAD is AEAD_AES_SIV_CMAC_256 unless it is told to be the other one. The pointers are the caller's;
 * jobs of a burst may share keys and strings, but not texts and tags. */
struct siv_job {
	uint16_t aead;      /* AEAD_AES_128_GCM_SIV, or anything else */
	const uint8_t *key; /* SIV_KEY or GCM_SIV_KEY octets */
	/* What is authenticated beside the text, in S2V's order: as an AEAD, the associated data and then the
	 * nonce (RFC 5297 section 3). An empty string is not the same as none. GCM-SIV takes just these two,
	 * and a nonce of GCM_SIV_NONCE octets. */
	struct siv_span string[SIV_STRINGS_MAX];
	unsigned strings; /* at most SIV_STRINGS_MAX */
	uint8_t *text;    /* plaintext and ciphertext in place; may be NULL where size is 0 */
	size_t size;      /* at most INT_MAX */
	uint8_t *tag;     /* SIV_TAG octets: written by seal, read by open */
	bool done;        /* the result; where it is false, the text has been overwritten with zeros */
};

struct siv_lanes_backend;

/* One thread's use of a back-end, the first member of the back-end's own struct. */
struct siv {
	const struct siv_backend *backend;
};

struct siv_backend {
	const char *name;        /* stable; [a-z0-9-] */
	bool (*supported)(void); /* by this CPU; the others are called only where it is */
	struct siv *(*new)(void);
	void (*free)(struct siv *siv);
	void (*seal)(struct siv *siv, struct siv_job *jobs, size_t count);
	void (*open)(struct siv *siv, struct siv_job *jobs, size_t count);
	bool (*cmac)(struct siv *siv, const uint8_t key[SIV_BLOCK], const void *message, size_t size,
		uint8_t mac[SIV_BLOCK]);
	/* For GCM-SIV: AES-128 of each block by itself, in place; false where the library failed. */
	bool (*encrypt)(struct siv *siv, const uint8_t key[GCM_SIV_KEY], uint8_t *octets, size_t blocks);
	/* ... and gcm_siv_polyval. */
	void (*polyval)(
		uint8_t sum[SIV_BLOCK], const uint8_t h[SIV_BLOCK], const uint8_t *octets, size_t blocks);
	const struct siv_lanes_backend *lanes; /* nts/siv_lanes.h, for requests of one shape; NULL: none */
};

/* All that were built, best first, and the last is supported everywhere; ends in NULL. */
extern const struct siv_backend *const siv_backends[];

/* The first that this CPU supports. */
const struct siv_backend *siv_backend_best(void);

/* NULL where there is none of that name. */
const struct siv_backend *siv_backend_find(const char *name);

/* NULL where the CPU does not support it, or memory or the library's ciphers cannot be had. Not for the
 * packet path. */
struct siv *siv_new(const struct siv_backend *backend);

/* NULL is harmless. */
void siv_free(struct siv *siv);

/* Encrypt each text and write its tag. */
void siv_seal(struct siv *siv, struct siv_job *jobs, size_t count);

/* Decrypt each text whose tag is right; the others' `done` is false. */
void siv_open(struct siv *siv, struct siv_job *jobs, size_t count);

/* AES-CMAC with a 128-bit key (RFC 4493). False where the library failed; mac is then zero. */
bool siv_cmac(struct siv *siv, const uint8_t key[SIV_BLOCK], const void *message, size_t size,
	uint8_t mac[SIV_BLOCK]);

/* Associated data and nonce of an AEAD. The rest of the job is left as it is. */
static inline void siv_job_bind(
	struct siv_job *job, const void *ad, size_t ad_size, const void *nonce, size_t nonce_size)
{
	job->string[0] = (struct siv_span){ad, ad_size};
	job->string[1] = (struct siv_span){nonce, nonce_size};
	job->strings = 2;
}

/* For siv.c's table. */
extern const struct siv_backend siv_aesni, siv_vaes256, siv_vaes512; /* only where they are built */
extern const struct siv_backend siv_openssl;

#endif
