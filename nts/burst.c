#include "nts/burst.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "ntp/octets.h"

enum {
	COOKIES_MAX = NTS_BURST_MAX * NTS_COOKIES_MAX,
	FEW = 3, /* lanes cost the same however many are in use: for fewer than these, too much */
};
static_assert(offsetof(struct siv_lanes_keys, chain) == sizeof(struct cookie_keys) &&
		      offsetof(struct siv_lanes_keys, s2c) == offsetof(struct cookie_keys, s2c),
	"what a cookie has comes first and as it is there");

struct nts_burst {
	struct siv *siv;
	struct siv_lanes *lanes; /* NULL: the back-end has none */
	struct keyring ring;
	struct siv_lanes_master master[KEYRING_KEYS]; /* of the ring's keys, where there are lanes */
	/* Of one operation: what goes through the lanes together, and what does not. */
	uint64_t shape[NTS_BURST_MAX]; /* 0: none, or done */
	unsigned member[COOKIES_MAX];
	uint8_t *base[COOKIES_MAX];
	struct siv_lanes_keys *keys[COOKIES_MAX];
	bool good[COOKIES_MAX];
	struct nts_burst_item *odd[NTS_BURST_MAX];
	unsigned odds;
	struct siv_job job[NTS_BURST_MAX];
	struct cookie_opening opening[NTS_BURST_MAX];
	struct cookie_sealing sealing[COOKIES_MAX];
};

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

/*
 * The next group of a shape: its members' places among the first `count`, for which there are lanes. What
 * are too few of a shape become odd. Gives 0 at the end.
 */
static unsigned next_group(
	struct nts_burst *b, unsigned *from, unsigned count, struct nts_burst_item *const *items)
{
	for (; *from < count; ++*from) {
		const uint64_t shape = b->shape[*from];
		unsigned members = 0;

		if (shape == 0)
			continue;
		for (unsigned i = *from; i < count; i++)
			if (b->shape[i] == shape) {
				b->shape[i] = 0;
				b->member[members++] = i;
			}
		if (members >= FEW)
			return members;
		for (unsigned m = 0; m < members; m++)
			b->odd[b->odds++] = items[b->member[m]];
	}
	return 0;
}

static const struct siv_lanes_backend *lanes_of(const struct nts_burst *b)
{
	return b->lanes->backend;
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
	OPENSSL_cleanse(b->opening, b->odds * sizeof(b->opening[0]));
}

static void open_group(struct nts_burst *b, struct nts_burst_item *const *items, unsigned members)
{
	const struct nts_burst_item *first = items[b->member[0]];
	const uint32_t id = load_be32(first->packet + first->request.cookie.at);
	const unsigned slot = (unsigned)(keyring_find(&b->ring, id) - b->ring.key);

	for (unsigned m = 0; m < members; m++) {
		struct nts_burst_item *item = items[b->member[m]];

		b->base[m] = item->packet + item->request.cookie.at + COOKIE_NONCE_AT;
		b->keys[m] = item->keys;
	}
	lanes_of(b)->open(b->lanes, &b->master[slot], b->base, b->keys, b->good, members);
	for (unsigned m = 0; m < members; m++) {
		struct nts_burst_item *item = items[b->member[m]];

		item->cookie = b->good[m] ? COOKIE_OPENED : COOKIE_FORGED;
		item->chain = b->good[m] ? (uint8_t)(slot + 1) : 0;
	}
}

void nts_burst_open(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count, ntp64 now)
{
	unsigned from = 0, members;

	burst->odds = 0;
	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_item *item = items[i];
		const uint8_t *cookie = item->packet + item->request.cookie.at;

		item->chain = 0;
		item->cookie = (uint8_t)cookie_look_up(&burst->ring, now, cookie, item->request.cookie.size);
		burst->shape[i] = item->cookie == COOKIE_OPENED ? UINT64_C(1) << 32 | load_be32(cookie) : 0;
		if (burst->shape[i] && !burst->lanes) {
			burst->shape[i] = 0;
			burst->odd[burst->odds++] = item;
		}
	}
	while ((members = next_group(burst, &from, count, items)) > 0)
		open_group(burst, items, members);
	if (burst->odds > 0)
		open_odd(burst, now);
}

/* Verifying */

/* 0 where no lane is for it: another nonce, a plaintext, or too far away. */
static uint64_t request_shape(const struct nts_request *r)
{
	if (r->nonce.size != SIV_LANES_BLOCK || r->ciphertext.size != SIV_TAG ||
		r->ciphertext.at + SIV_TAG > (int)SIV_LANES_REACH)
		return 0;
	return (uint64_t)r->ad_size << 32 | (uint64_t)r->nonce.at << 16 | r->ciphertext.at;
}

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

static void gather(struct nts_burst *b, struct nts_burst_item *const *items, unsigned members)
{
	for (unsigned m = 0; m < members; m++) {
		b->base[m] = items[b->member[m]]->packet;
		b->keys[m] = items[b->member[m]]->keys;
	}
}

static void set_shapes(struct nts_burst *b, struct nts_burst_item *const *items, unsigned count,
	uint64_t (*shape)(const struct nts_burst_item *))
{
	b->odds = 0;
	for (unsigned i = 0; i < count; i++) {
		b->shape[i] = b->lanes ? shape(items[i]) : 0;
		if (b->shape[i] == 0)
			b->odd[b->odds++] = items[i];
	}
}

static uint64_t shape_of_request(const struct nts_burst_item *item)
{
	return request_shape(&item->request);
}

void nts_burst_verify(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count)
{
	unsigned from = 0, members;

	set_shapes(burst, items, count, shape_of_request);
	while ((members = next_group(burst, &from, count, items)) > 0) {
		const struct nts_request *r = &items[burst->member[0]]->request;
		const struct siv_lanes_shape shape = {
			.ad_size = r->ad_size, .nonce_at = r->nonce.at, .tag_at = r->ciphertext.at};

		gather(burst, items, members);
		lanes_of(burst)->verify(burst->lanes, &shape, burst->base, burst->keys, burst->good, members);
		for (unsigned m = 0; m < members; m++)
			items[burst->member[m]]->good = burst->good[m];
	}
	run_odd(burst, false);
}

/* Cookies */

static void bake_odd(
	struct nts_burst *b, const struct keyring_key *key, struct nts_burst_cookie *cookies, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		b->sealing[i] = (struct cookie_sealing){.cookie = cookies[i].octets,
			.nonce = cookies[i].nonce,
			.keys = (const struct cookie_keys *)cookies[i].item->keys};
	cookie_seal(b->siv, key, b->sealing, count);
	for (unsigned i = 0; i < count; i++)
		cookies[i].done = b->sealing[i].done;
}

/* Of keys that came under another cookie key, as after a rotation, or not through lanes. */
static void set_chains(
	struct nts_burst *b, unsigned slot, const struct nts_burst_cookie *cookies, unsigned count)
{
	unsigned members = 0;

	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_item *item = cookies[i].item;

		if (item->chain == slot + 1)
			continue;
		item->chain = (uint8_t)(slot + 1);
		b->keys[members++] = item->keys;
	}
	lanes_of(b)->chain(b->lanes, &b->master[slot], b->keys, members);
}

static void bake_lanes(
	struct nts_burst *b, const struct keyring_key *key, struct nts_burst_cookie *cookies, unsigned count)
{
	const unsigned slot = (unsigned)(key - b->ring.key);

	set_chains(b, slot, cookies, count);
	for (unsigned i = 0; i < count; i++) {
		struct nts_burst_cookie *c = &cookies[i];

		store_be32(c->octets, key->id);
		memcpy(c->octets + COOKIE_NONCE_AT, c->nonce, COOKIE_NONCE);
		b->base[i] = c->octets + COOKIE_NONCE_AT;
		b->keys[i] = c->item->keys;
		c->done = true;
	}
	lanes_of(b)->bake(b->lanes, &b->master[slot], b->base, b->keys, count);
}

void nts_burst_bake(struct nts_burst *burst, const struct keyring_key *key, struct nts_burst_cookie *cookies,
	unsigned count)
{
	if (burst->lanes && count >= FEW && cookie_is_served(key))
		bake_lanes(burst, key, cookies, count);
	else
		bake_odd(burst, key, cookies, count);
}

/* Sealing */

static uint64_t shape_of_reply(const struct nts_burst_item *item)
{
	const struct nts_reply *r = &item->reply;

	if (r->text.size < SIV_LANES_BLOCK || r->text.size % SIV_LANES_TEXT_UNIT != 0 ||
		r->text.at + r->text.size > (int)SIV_LANES_REACH)
		return 0;
	return (uint64_t)r->ad_size << 16 | r->text.size;
}

void nts_burst_seal(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count)
{
	unsigned from = 0, members;

	set_shapes(burst, items, count, shape_of_reply);
	while ((members = next_group(burst, &from, count, items)) > 0) {
		const struct nts_reply *r = &items[burst->member[0]]->reply;
		const struct siv_lanes_shape shape = {.ad_size = r->ad_size,
			.nonce_at = r->nonce,
			.tag_at = r->tag,
			.text_at = r->text.at,
			.text_size = r->text.size};

		gather(burst, items, members);
		lanes_of(burst)->seal(burst->lanes, &shape, burst->base, burst->keys, members);
		for (unsigned m = 0; m < members; m++)
			items[burst->member[m]]->good = true;
	}
	run_odd(burst, true);
}

void nts_burst_forget(struct nts_burst *burst)
{
	if (burst->lanes)
		lanes_of(burst)->forget(burst->lanes);
}
