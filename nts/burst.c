#include "nts/burst.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "ntp/octets.h"
#include "nts/burst_private.h"

enum { STACK = 4096 /* the most that one of the operations takes is some 2800 octets */ };
static_assert(offsetof(struct siv_lanes_keys, chain) == sizeof(struct cookie_keys) &&
		      offsetof(struct siv_lanes_keys, s2c) == offsetof(struct cookie_keys, s2c),
	"what a cookie has comes first and as it is there");

struct nts_burst *nts_burst_new(const struct siv_backend *backend)
{
	struct nts_burst *b = aligned_alloc(_Alignof(struct nts_burst), sizeof(*b));

	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b));
	(void)mlock(b, sizeof(*b)); /* without it the system's swap has to be trusted */
	b->siv = siv_new(backend);
	if (b->siv && backend->lanes)
		b->lanes = siv_lanes_new(backend->lanes);
	if (b->lanes)
		(void)mlock(b->lanes, backend->lanes->size);
	if (!b->siv || (backend->lanes && !b->lanes)) {
		nts_burst_free(b);
		return NULL;
	}
	return b;
}

void nts_burst_free(struct nts_burst *burst)
{
	if (!burst)
		return;
	siv_free(burst->siv);
	siv_lanes_free(burst->lanes);
	OPENSSL_cleanse(burst, sizeof(*burst));
	free(burst);
}

void nts_burst_keyring(struct nts_burst *burst, const struct keyring *ring)
{
	/* All of it: a key that is gone from the ring is gone from here. */
	burst->ring = *ring;
	if (!burst->lanes)
		return;
	for (unsigned k = 0; k < KEYRING_KEYS; k++)
		burst->lanes->backend->master(&burst->master[k], ring->key[k].key);
}

const struct keyring_key *nts_burst_current(const struct nts_burst *burst, ntp64 now)
{
	return keyring_current(&burst->ring, now);
}

enum operation { OPEN, VERIFY, SEAL };

/* One body, specialised by a constant operation. */
#define SPECIALISED static inline __attribute__((always_inline))

/* What has to be alike to go through lanes together. */
struct shape {
	uint64_t first;
	uint32_t second;
};
static_assert(offsetof(struct nts_request, ciphertext) == offsetof(struct nts_request, ad_size) + 8 &&
		      offsetof(struct nts_reply, text) == offsetof(struct nts_reply, ad_size) + 8,
	"a shape is 12 octets that follow each other");

SPECIALISED struct shape shape_of(const struct nts_burst_item *item, enum operation operation)
{
	const struct nts_request *request = &item->request;
	const uint8_t *octets = operation == VERIFY
					? (const uint8_t *)request + offsetof(struct nts_request, ad_size)
					: (const uint8_t *)&item->reply + offsetof(struct nts_reply, ad_size);

	if (operation == OPEN)
		return (struct shape){load_raw32(item->packet + request->cookie.at), request->cookie.size};
	return (struct shape){load_raw64(octets), load_raw32(octets + 8)};
}

/* Not where a cookie is not sealed by AES-SIV, there is another nonce than usual, a plaintext in a request,
 * too short or odd a text, or something too far away. */
SPECIALISED bool has_lane(const struct nts_burst_item *item, enum operation operation)
{
	const struct nts_request *request = &item->request;
	const struct nts_reply *reply = &item->reply;

	if (operation == OPEN)
		return cookie_sealer(request->cookie.size) == AEAD_AES_SIV_CMAC_256;
	if (operation == VERIFY)
		return request->nonce.size == nts_nonce_size(request->aead) &&
		       request->ciphertext.size == SIV_TAG &&
		       request->ciphertext.at + SIV_TAG <= (int)SIV_LANES_REACH;
	return reply->text.size >= SIV_LANES_BLOCK && reply->text.size % SIV_LANES_TEXT_UNIT == 0 &&
	       reply->size <= (int)SIV_LANES_REACH;
}

/* Those of the first one's shape among `from` become the members; the others are what comes after. */
SPECIALISED void divide(
	struct nts_burst *b, enum operation operation, struct nts_burst_item *const *from, unsigned count)
{
	const struct shape shape = shape_of(from[0], operation);
	unsigned members = 0, rests = 0;

	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_item *item = from[i];
		const struct shape other = shape_of(item, operation);

		if (((other.first ^ shape.first) | (other.second ^ shape.second)) != 0) {
			b->rest[rests++] = item;
			continue;
		}
		b->base[members] = item->packet;
		if (operation == OPEN)
			b->base[members] += item->request.cookie.at + COOKIE_NONCE_AT;
		b->keys[members] = item->keys;
		b->member[members++] = item;
	}
	b->members = members;
	b->rests = rests;
}

/* The next group for the lanes, of what is left; false when there is none. What is too few is odd. */
SPECIALISED bool next_group(struct nts_burst *b, enum operation operation)
{
	while (b->rests > 0) {
		divide(b, operation, b->rest, b->rests);
		if (b->lanes && b->members >= NTS_BURST_FEW && has_lane(b->member[0], operation))
			return true;
		memcpy(b->odd + b->odds, b->member, b->members * sizeof(b->member[0]));
		b->odds += b->members;
	}
	return false;
}

/* Opening */

static void open_odd(struct nts_burst *b, ntp64 now)
{
	for (unsigned i = 0; i < b->odds; i++)
		b->opening[i] =
			(struct cookie_opening){.cookie = b->odd[i]->packet + b->odd[i]->request.cookie.at,
				.size = b->odd[i]->request.cookie.size};
	cookie_open(b->siv, &b->ring, now, b->opening, b->odds);
	for (unsigned i = 0; i < b->odds; i++) {
		b->odd[i]->cookie = (uint8_t)b->opening[i].verdict;
		memcpy(b->odd[i]->keys, &b->opening[i].keys, sizeof(b->opening[i].keys));
	}
	explicit_bzero(b->opening, b->odds * sizeof(b->opening[0]));
}

static void open_group(struct nts_burst *b)
{
	const struct nts_burst_item *first = b->member[0];
	const uint32_t id = load_be32(first->packet + first->request.cookie.at);
	const unsigned slot = (unsigned)(keyring_find(&b->ring, id) - b->ring.key);

	nts_burst_lanes(b)->open(b->lanes, &b->master[slot], nts_burst_blocks(first->request.aead), b->base,
		b->keys, b->good, b->members);
	for (unsigned m = 0; m < b->members; m++) {
		b->member[m]->cookie = b->good[m] ? COOKIE_OPENED : COOKIE_FORGED;
		b->member[m]->chain = b->good[m] ? (uint8_t)(slot + 1) : 0;
	}
}

/* Nearly all cookies are: what was looked up for one is so for the next. */
static bool is_under_same_key(const struct nts_burst_item *item, const struct nts_burst_item *other)
{
	return cookie_sealer(item->request.cookie.size) == cookie_sealer(other->request.cookie.size) &&
	       item->request.aead != 0 &&
	       load_raw32(item->packet + item->request.cookie.at) ==
		       load_raw32(other->packet + other->request.cookie.at);
}

void nts_burst_open(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count, ntp64 now)
{
	enum cookie_verdict verdict = COOKIE_OPENED;

	burst->rests = burst->odds = 0;
	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_item *item = items[i];

		if (i == 0 || !is_under_same_key(item, items[i - 1]))
			verdict = cookie_look_up(&burst->ring, now, item->packet + item->request.cookie.at,
				item->request.cookie.size);
		item->cookie = (uint8_t)verdict;
		item->chain = 0;
		if (verdict == COOKIE_OPENED)
			burst->rest[burst->rests++] = item;
	}
	while (next_group(burst, OPEN))
		open_group(burst);
	if (burst->odds > 0)
		open_odd(burst, now);
}

/* Verifying */

static void run_odd(struct nts_burst *b, bool sealing)
{
	for (unsigned i = 0; i < b->odds; i++) {
		struct nts_burst_item *item = b->odd[i];

		if (sealing)
			nts_reply_job(&b->job[i], &item->reply, item->packet, item->keys->s2c);
		else
			nts_request_job(&b->job[i], &item->request, item->packet, item->keys->c2s);
	}
	if (sealing)
		siv_seal(b->siv, b->job, b->odds);
	else
		siv_open(b->siv, b->job, b->odds);
	for (unsigned i = 0; i < b->odds; i++)
		b->odd[i]->good = b->job[i].done;
}

static void begin(struct nts_burst *b, struct nts_burst_item *const *items, unsigned count)
{
	memcpy(b->rest, items, count * sizeof(items[0]));
	b->rests = count;
	b->odds = 0;
}

void nts_burst_verify(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count)
{
	begin(burst, items, count);
	while (next_group(burst, VERIFY)) {
		const struct nts_request *r = &burst->member[0]->request;
		const struct siv_lanes_shape shape = {
			.ad_size = r->ad_size, .nonce_at = r->nonce.at, .tag_at = r->ciphertext.at};

		(r->aead == AEAD_AES_128_GCM_SIV ? nts_burst_lanes(burst)->gcm_verify
						 : nts_burst_lanes(burst)->verify)(
			burst->lanes, &shape, burst->base, burst->keys, burst->good, burst->members);
		for (unsigned m = 0; m < burst->members; m++)
			burst->member[m]->good = burst->good[m];
	}
	if (burst->odds > 0)
		run_odd(burst, false);
}

/* Cookies */

static void bake_odd(
	struct nts_burst *b, const struct keyring_key *key, struct nts_burst_cookie *cookies, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		b->sealing[i] = (struct cookie_sealing){.cookie = cookies[i].octets,
			.nonce = cookies[i].nonce,
			.keys = (const struct cookie_keys *)cookies[i].item->keys,
			.aead = cookies[i].item->request.aead};
	cookie_seal(b->siv, key, b->sealing, count);
	for (unsigned i = 0; i < count; i++)
		cookies[i].done = b->sealing[i].done;
}

/* Of keys that came under another cookie key, as after a rotation, or not through lanes. */
static void set_chains(struct nts_burst *b, unsigned slot, uint16_t aead,
	const struct nts_burst_cookie *cookies, unsigned count)
{
	unsigned members = 0;

	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_item *item = cookies[i].item;

		if (item->request.aead != aead || item->chain == slot + 1)
			continue;
		item->chain = (uint8_t)(slot + 1);
		b->keys[members++] = item->keys;
	}
	nts_burst_lanes(b)->chain(b->lanes, &b->master[slot], nts_burst_blocks(aead), b->keys, members);
}

/* Those with keys for one AEAD. */
static void bake_lanes(struct nts_burst *b, const struct keyring_key *key, uint16_t aead,
	struct nts_burst_cookie *cookies, unsigned count)
{
	const unsigned slot = (unsigned)(key - b->ring.key);
	unsigned members = 0;

	set_chains(b, slot, aead, cookies, count);
	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_cookie *c = &cookies[i];

		if (c->item->request.aead != aead)
			continue;
		store_be32(c->octets, key->id);
		memcpy(c->octets + COOKIE_NONCE_AT, c->nonce, COOKIE_NONCE);
		b->base[members] = c->octets + COOKIE_NONCE_AT;
		b->keys[members++] = c->item->keys;
		c->done = true;
	}
	nts_burst_lanes(b)->bake(
		b->lanes, &b->master[slot], nts_burst_blocks(aead), b->base, b->keys, members);
}

void nts_burst_bake(struct nts_burst *burst, const struct keyring_key *key, struct nts_burst_cookie *cookies,
	unsigned count)
{
	if (!burst->lanes || count < NTS_BURST_FEW || key->algorithm != AEAD_AES_SIV_CMAC_256) {
		bake_odd(burst, key, cookies, count);
		return;
	}
	bake_lanes(burst, key, AEAD_AES_SIV_CMAC_256, cookies, count);
	bake_lanes(burst, key, AEAD_AES_128_GCM_SIV, cookies, count);
}

/* Sealing */

void nts_burst_seal(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count)
{
	begin(burst, items, count);
	while (next_group(burst, SEAL)) {
		const struct nts_reply *r = &burst->member[0]->reply;
		const struct siv_lanes_shape shape = {.ad_size = r->ad_size,
			.nonce_at = r->nonce,
			.tag_at = r->tag,
			.text_at = r->text.at,
			.text_size = r->text.size};

		(r->aead == AEAD_AES_128_GCM_SIV ? nts_burst_lanes(burst)->gcm_seal
						 : nts_burst_lanes(burst)->seal)(
			burst->lanes, &shape, burst->base, burst->keys, burst->members);
		for (unsigned m = 0; m < burst->members; m++)
			burst->member[m]->good = true;
	}
	if (burst->odds > 0)
		run_odd(burst, true);
}

/* What compiled code has put on the stack below its caller for want of registers: keys, schedules, sums. */
static __attribute__((noinline)) void erase_stack(void)
{
	uint8_t below[STACK];

	explicit_bzero(below, sizeof(below));
}

void nts_burst_forget(struct nts_burst *burst)
{
	if (burst->uses_lanes)
		burst->lanes->backend->forget(burst->lanes);
	burst->uses_lanes = false;
	erase_stack();
}
