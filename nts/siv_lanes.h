/*
 * The four AEAD operations of an NTS request (RFC 8915 section 5.7), by AEAD_AES_SIV_CMAC_256, or by
 * AEAD_AES_128_GCM_SIV but for the cookies, for many requests of one shape side by side: each has a 128-bit
 * lane of a vector register. CMAC and POLYVAL are serial within a message, so the burst is where parallel
 * work comes from.
 *
 *   open      a cookie: the keys in it, and whether it is ours
 *   verify    a request: whether its tag is right; its plaintext is empty
 *   bake      a cookie: its tag and ciphertext, from the keys
 *   seal      a reply: its tag and ciphertext
 *
 * What of a request's shape is public (lengths, places) is common to a call; all else differs by lane. No
 * branch, address or length depends on a key, a text or a tag; whether tags are right comes out as an array.
 * Other shapes are nts/siv.h's.
 *
 * One struct siv_lanes a thread. Keys stay in it until `forget`, and in struct siv_lanes_keys until the
 * caller erases them.
 */
#ifndef NTS_SIV_LANES_H
#define NTS_SIV_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIV_LANES_BLOCK = 16,
	SIV_LANES_ROUNDS = 10,
	SIV_LANES_TEXT_UNIT = 8, /* a reply's text is a multiple of it */
	SIV_LANES_REACH = 2048,  /* no octet of a shape lies further than that from its base */
};

/* What of a request goes from one operation to the next. */
struct siv_lanes_keys {
	_Alignas(16) uint8_t c2s[2 * SIV_LANES_BLOCK]; /* K1, K2; GCM-SIV's only key, of one block */
	uint8_t s2c[2 * SIV_LANES_BLOCK];
	/* CMAC of all of the keys' blocks but the last under a master's K1: the same in every cookie with
	 * them. */
	uint8_t chain[SIV_LANES_BLOCK];
};

/* A cookie key, with all that is the same for each cookie under it. */
struct siv_lanes_master {
	_Alignas(16) uint8_t mac[SIV_LANES_ROUNDS + 1][SIV_LANES_BLOCK];
	uint8_t ctr[SIV_LANES_ROUNDS + 1][SIV_LANES_BLOCK];
	uint8_t whole[SIV_LANES_BLOCK]; /* CMAC's subkey for a last block that is whole */
	uint8_t sum[SIV_LANES_BLOCK];   /* S2V's D, doubled, when the empty associated data has been added */
};

/* Where things lie, from a request's or a reply's first octet. */
struct siv_lanes_shape {
	uint16_t ad_size;            /* at least 16; the associated data begins at 0 */
	uint16_t nonce_at, tag_at;   /* 16 octets each; of a nonce of GCM-SIV's, 12, and 4 that follow */
	uint16_t text_at, text_size; /* of a reply; a multiple of SIV_LANES_TEXT_UNIT, at least 16 */
};

/* One thread's use of a back-end, the first member of the back-end's own struct. */
struct siv_lanes {
	const struct siv_lanes_backend *backend;
};

/*
 * Lists are of `count` pointers, of any number; what they point to are different places. A back-end does
 * `group` of them at a time, and for fewer it takes as long.
 */
struct siv_lanes_backend {
	unsigned group;
	size_t size; /* of its struct, which begins as zeros */

	/* The key's SIV_KEY octets are left where they are. */
	void (*master)(struct siv_lanes_master *master, const uint8_t *key);

	/* From the cookies' nonces on, with `blocks` blocks of keys, 4 or for GCM-SIV 2: *keys as they are in
	 * the cookies, and for this master `chain`. Where good[i] is false they are worth nothing, and the
	 * caller erases them. */
	void (*open)(struct siv_lanes *lanes, const struct siv_lanes_master *master, unsigned blocks,
		uint8_t *const *cookie, struct siv_lanes_keys *const *keys, bool *good, unsigned count);

	/* Requests, with C2S. The shape's text is of no interest. */
	void (*verify)(struct siv_lanes *lanes, const struct siv_lanes_shape *shape, uint8_t *const *request,
		struct siv_lanes_keys *const *keys, bool *good, unsigned count);

	/* Set `chain` for another master than that whose cookies the keys came from. */
	void (*chain)(struct siv_lanes *lanes, const struct siv_lanes_master *master, unsigned blocks,
		struct siv_lanes_keys *const *keys, unsigned count);

	/* From the nonces on, which stand there: tags and ciphertexts. `chain` is this master's. */
	void (*bake)(struct siv_lanes *lanes, const struct siv_lanes_master *master, unsigned blocks,
		uint8_t *const *cookie, struct siv_lanes_keys *const *keys, unsigned count);

	/* Replies, with S2C: texts in place, and tags. */
	void (*seal)(struct siv_lanes *lanes, const struct siv_lanes_shape *shape, uint8_t *const *reply,
		struct siv_lanes_keys *const *keys, unsigned count);

	/* As verify and seal, by AEAD_AES_128_GCM_SIV. */
	void (*gcm_verify)(struct siv_lanes *lanes, const struct siv_lanes_shape *shape,
		uint8_t *const *request, struct siv_lanes_keys *const *keys, bool *good, unsigned count);
	void (*gcm_seal)(struct siv_lanes *lanes, const struct siv_lanes_shape *shape, uint8_t *const *reply,
		struct siv_lanes_keys *const *keys, unsigned count);

	/* Blocks of key stream under the master's K2, into `octets`: AES of this number and of those after
	 * it, each of 128 bits, the most significant octet first. */
	void (*stream)(
		const struct siv_lanes_master *master, uint64_t number, uint8_t *octets, size_t blocks);

	void (*forget)(struct siv_lanes *lanes);
};

/* NULL where memory is short. The CPU supports it: see siv_backend's `supported`. */
struct siv_lanes *siv_lanes_new(const struct siv_lanes_backend *backend);
void siv_lanes_free(struct siv_lanes *lanes); /* erased; NULL is harmless */

/* Those of x86-64. */
extern const struct siv_lanes_backend siv_lanes_aesni, siv_lanes_vaes256, siv_lanes_vaes512;

#endif
