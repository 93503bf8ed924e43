#include "nts/burst_usual.h"

#include <string.h>

#include "ntp/octets.h"
#include "nts/burst_private.h"

bool nts_burst_takes_usual(const struct nts_burst *burst, ntp64 now)
{
	const struct keyring_key *key = nts_burst_current(burst, now);

	return key && key->algorithm == AEAD_AES_SIV_CMAC_256;
}

static bool has_lanes(const struct nts_burst *b, unsigned n)
{
	return b->lanes && n >= NTS_BURST_FEW;
}

static void set_all(bool good[NTS_BURST_MAX])
{
	memset(good, true, NTS_BURST_MAX * sizeof(good[0]));
}

/* Opening */

/* Some of the requests, by their index in the list. */
struct some {
	unsigned n;
	uint8_t index[NTS_BURST_MAX];
};

static void open_singly(struct nts_burst *b, struct nts_usual_list *list, struct nts_span cookie, ntp64 now,
	const struct some *some, uint8_t *verdict)
{
	for (unsigned i = 0; i < some->n; i++)
		b->opening[i] = (struct cookie_opening){
			.cookie = list->packet[some->index[i]] + cookie.at, .size = cookie.size};
	cookie_open(b->siv, &b->ring, now, b->opening, some->n);
	for (unsigned i = 0; i < some->n; i++) {
		const unsigned index = some->index[i];

		verdict[index] = (uint8_t)b->opening[i].verdict;
		list->chain[index] = 0;
		memcpy(list->keys[index], &b->opening[i].keys, sizeof(b->opening[i].keys));
	}
	explicit_bzero(b->opening, some->n * sizeof(b->opening[0]));
}

/* The ring's key of cookies like this one, which can be opened. */
static unsigned slot_of(const struct nts_burst *b, const uint8_t *cookie)
{
	return (unsigned)(keyring_find(&b->ring, load_be32(cookie)) - b->ring.key);
}

/* Take those whose cookies are under the same key as the first one's; the others stay. */
static void take_alike(struct nts_burst *b, const struct nts_usual_list *list, size_t cookie_at,
	struct some *left, struct some *taken)
{
	const uint32_t id = load_raw32(list->packet[left->index[0]] + cookie_at);
	unsigned others = 0, members = 0;

	for (unsigned l = 0; l < left->n; l++) {
		const uint8_t index = left->index[l];
		uint8_t *cookie = list->packet[index] + cookie_at;
		const bool is_alike = load_raw32(cookie) == id;

		b->base[members] = cookie + COOKIE_NONCE_AT;
		b->keys[members] = list->keys[index];
		taken->index[members] = index;
		left->index[others] = index;
		members += is_alike;
		others += !is_alike;
	}
	left->n = others;
	taken->n = members;
}

/* What take_alike has taken; what is the same for all is looked up once. */
static void open_alike(struct nts_burst *b, struct nts_usual_list *list, const struct nts_usual *usual,
	ntp64 now, const struct some *some, uint8_t *verdict)
{
	const struct nts_span cookie = usual->request.cookie;
	const uint8_t *first = list->packet[some->index[0]] + cookie.at;
	const enum cookie_verdict known = cookie_look_up(&b->ring, now, first, cookie.size);
	const unsigned slot = known == COOKIE_OPENED ? slot_of(b, first) : 0;

	if (known == COOKIE_OPENED)
		nts_burst_lanes(b)->open(b->lanes, &b->master[slot], nts_burst_blocks(usual->request.aead),
			b->base, b->keys, b->good, some->n);
	for (unsigned i = 0; i < some->n; i++) {
		list->chain[some->index[i]] = (uint8_t)(slot + 1);
		verdict[some->index[i]] =
			(uint8_t)(known != COOKIE_OPENED || b->good[i] ? known : COOKIE_FORGED);
	}
}

/* Under several keys, or few. */
static __attribute__((noinline)) bool open_by_keys(struct nts_burst *b, struct nts_usual_list *list,
	const struct nts_usual *usual, ntp64 now, uint8_t *verdict)
{
	struct some left = {.n = list->n}, taken;
	uint8_t any = COOKIE_OPENED;

	for (unsigned i = 0; i < left.n; i++)
		left.index[i] = (uint8_t)i;
	while (left.n > 0) {
		if (b->lanes) {
			take_alike(b, list, usual->request.cookie.at, &left, &taken);
		} else {
			taken = left;
			left.n = 0;
		}
		if (has_lanes(b, taken.n))
			open_alike(b, list, usual, now, &taken, verdict);
		else
			open_singly(b, list, usual->request.cookie, now, &taken, verdict);
	}
	for (unsigned i = 0; i < list->n; i++)
		any |= verdict[i];
	return any == COOKIE_OPENED;
}

/* Whether all cookies are under the same key; their nonces' places go to b->base. */
static bool are_alike(struct nts_burst *b, const struct nts_usual_list *list, size_t cookie_at)
{
	const uint32_t id = load_raw32(list->packet[0] + cookie_at);
	uint32_t others = 0;

	for (unsigned i = 0; i < list->n; i++) {
		others |= load_raw32(list->packet[i] + cookie_at) ^ id;
		b->base[i] = list->packet[i] + cookie_at + COOKIE_NONCE_AT;
	}
	return others == 0;
}

bool nts_burst_usual_open(struct nts_burst *burst, struct nts_usual_list *list, const struct nts_usual *usual,
	ntp64 now, uint8_t verdict[NTS_BURST_MAX])
{
	const struct nts_span cookie = usual->request.cookie;
	const uint8_t *first = list->packet[0] + cookie.at;
	unsigned slot;

	static_assert(sizeof(bool) == sizeof(uint8_t), "an octet for each");
	/* Nearly always they are all under the current key. */
	if (!has_lanes(burst, list->n) || !are_alike(burst, list, cookie.at) ||
		cookie_look_up(&burst->ring, now, first, cookie.size) != COOKIE_OPENED)
		return open_by_keys(burst, list, usual, now, verdict);
	slot = slot_of(burst, first);
	nts_burst_lanes(burst)->open(burst->lanes, &burst->master[slot],
		nts_burst_blocks(usual->request.aead), burst->base, list->keys, burst->good, list->n);
	memset(list->chain, (int)(slot + 1), list->n);
	if (!memchr(burst->good, false, list->n))
		return true;
	for (unsigned i = 0; i < list->n; i++)
		verdict[i] = burst->good[i] ? COOKIE_OPENED : COOKIE_FORGED;
	return false;
}

/* Verifying */

static void verify_singly(
	struct nts_burst *b, const struct nts_usual_list *list, const struct nts_usual *usual, bool *good)
{
	for (unsigned i = 0; i < list->n; i++)
		nts_request_job(&b->job[i], &usual->request, list->packet[i], list->keys[i]->c2s);
	siv_open(b->siv, b->job, list->n);
	for (unsigned i = 0; i < list->n; i++)
		good[i] = b->job[i].done;
}

void nts_burst_usual_verify(struct nts_burst *burst, const struct nts_usual_list *list,
	const struct nts_usual *usual, bool good[NTS_BURST_MAX])
{
	const struct nts_request *r = &usual->request;
	const struct siv_lanes_shape shape = {
		.ad_size = r->ad_size, .nonce_at = r->nonce.at, .tag_at = r->ciphertext.at};
	const struct siv_lanes_backend *lanes;

	if (!has_lanes(burst, list->n)) {
		verify_singly(burst, list, usual, good);
		return;
	}
	lanes = nts_burst_lanes(burst);
	(r->aead == AEAD_AES_128_GCM_SIV ? lanes->gcm_verify : lanes->verify)(
		burst->lanes, &shape, list->packet, list->keys, good, list->n);
}

/* Cookies, and all of the replies that is in clear */

static void bake_singly(struct nts_burst *b, const struct nts_usual_list *list, const struct nts_usual *usual,
	const struct keyring_key *key, const uint8_t (*nonce)[NONCE], bool *good)
{
	for (unsigned i = 0; i < list->n; i++)
		b->sealing[i] = (struct cookie_sealing){.cookie = b->base[i] - COOKIE_NONCE_AT,
			.nonce = nonce[i],
			.keys = (const struct cookie_keys *)list->keys[i],
			.aead = usual->request.aead};
	cookie_seal(b->siv, key, b->sealing, list->n);
	for (unsigned i = 0; i < list->n; i++)
		good[i] = b->sealing[i].done;
}

/* For keys from cookies under another key, as after a rotation, or that were not opened by lanes. */
static __attribute__((noinline)) void set_chains(
	struct nts_burst *b, struct nts_usual_list *list, unsigned blocks, unsigned slot)
{
	unsigned members = 0;

	for (unsigned i = 0; i < list->n; i++) {
		b->keys[members] = list->keys[i];
		members += list->chain[i] != slot + 1;
	}
	nts_burst_lanes(b)->chain(b->lanes, &b->master[slot], blocks, b->keys, members);
	memset(list->chain, (int)(slot + 1), list->n);
}

static bool has_chains(const struct nts_usual_list *list, unsigned slot)
{
	uint8_t others = 0;

	for (unsigned i = 0; i < list->n; i++)
		others |= list->chain[i] ^ (uint8_t)(slot + 1);
	return others == 0;
}

/* Where the cookies' nonces are goes to b->base. */
static void lay_out(struct nts_burst *b, const struct nts_usual_list *list, const struct nts_usual *usual,
	const struct keyring_key *key, const uint8_t (*reply_nonce)[NONCE],
	const uint8_t (*cookie_nonce)[NONCE])
{
	const size_t nonce_at = usual->reply.nonce, cookie_at = usual->reply.text.at;
	const uint64_t authenticator = load_raw64(usual->reply_heads);
	const uint64_t cookie = join_raw32(load_raw32(usual->cookie_head), OCTETS_BE32(key->id));

	static_assert((int)NONCE == (int)COOKIE_NONCE && (int)NONCE == (int)NTS_NONCE, "one source for both");
	for (unsigned i = 0; i < list->n; i++) {
		uint8_t *packet = list->packet[i], *nonce = packet + cookie_at + sizeof(cookie);

		store_raw64(packet + NTS_USUAL_COOKIE, authenticator);
		/* Of a shorter one the end is overwritten by the field behind it. */
		memcpy(packet + nonce_at, reply_nonce[i], NONCE);
		store_raw64(packet + cookie_at, cookie);
		memcpy(nonce, cookie_nonce[i], NONCE);
		b->base[i] = nonce;
	}
}

void nts_burst_usual_bake(struct nts_burst *burst, struct nts_usual_list *list, const struct nts_usual *usual,
	const struct keyring_key *key, const uint8_t (*reply_nonce)[NONCE],
	const uint8_t (*cookie_nonce)[NONCE], bool good[NTS_BURST_MAX])
{
	const unsigned slot = (unsigned)(key - burst->ring.key),
		       blocks = nts_burst_blocks(usual->request.aead);

	lay_out(burst, list, usual, key, reply_nonce, cookie_nonce);
	if (!has_lanes(burst, list->n)) {
		bake_singly(burst, list, usual, key, cookie_nonce, good);
		return;
	}
	if (!has_chains(list, slot))
		set_chains(burst, list, blocks, slot);
	nts_burst_lanes(burst)->bake(
		burst->lanes, &burst->master[slot], blocks, burst->base, list->keys, list->n);
	set_all(good);
}

/* Sealing */

static void seal_singly(
	struct nts_burst *b, const struct nts_usual_list *list, const struct nts_usual *usual, bool *good)
{
	for (unsigned i = 0; i < list->n; i++)
		nts_reply_job(&b->job[i], &usual->reply, list->packet[i], list->keys[i]->s2c);
	siv_seal(b->siv, b->job, list->n);
	for (unsigned i = 0; i < list->n; i++)
		good[i] = b->job[i].done;
}

void nts_burst_usual_seal(struct nts_burst *burst, const struct nts_usual_list *list,
	const struct nts_usual *usual, bool good[NTS_BURST_MAX])
{
	const struct nts_reply *r = &usual->reply;
	const struct siv_lanes_shape shape = {.ad_size = r->ad_size,
		.nonce_at = r->nonce,
		.tag_at = r->tag,
		.text_at = r->text.at,
		.text_size = r->text.size};
	const struct siv_lanes_backend *lanes;

	if (!has_lanes(burst, list->n)) {
		seal_singly(burst, list, usual, good);
		return;
	}
	lanes = nts_burst_lanes(burst);
	(r->aead == AEAD_AES_128_GCM_SIV ? lanes->gcm_seal : lanes->seal)(
		burst->lanes, &shape, list->packet, list->keys, list->n);
	set_all(good);
}
