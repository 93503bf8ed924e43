#include "dataplane/nts_lane.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "dataplane/nts_lane_private.h"
#include "dataplane/packet_lane.h"
#include "ntp/octets.h"
#include "ntp/packet.h"

/* What fields that are wrong come to. Without any, or without a header, none comes here. */
static const uint8_t verdict_of_request[NTS_REQUEST_VERDICT_COUNT] = {
	[NTS_REQUEST_VALID] = VERDICT_NTS_ANSWERED,
	[NTS_REQUEST_ABSENT] = VERDICT_NTS_IDENTIFIED,
	[NTS_REQUEST_HEADER] = VERDICT_NTP_SHORT,
	[NTS_REQUEST_FIELD_LENGTH] = VERDICT_NTS_FIELD_LENGTH,
	[NTS_REQUEST_NO_IDENTIFIER] = VERDICT_NTS_NO_IDENTIFIER,
	[NTS_REQUEST_TWO_IDENTIFIERS] = VERDICT_NTS_TWO_IDENTIFIERS,
	[NTS_REQUEST_IDENTIFIER_SHORT] = VERDICT_NTS_IDENTIFIER_SHORT,
	[NTS_REQUEST_NO_COOKIE] = VERDICT_NTS_NO_COOKIE,
	[NTS_REQUEST_TWO_COOKIES] = VERDICT_NTS_TWO_COOKIES,
	[NTS_REQUEST_NO_AUTHENTICATOR] = VERDICT_NTS_NO_AUTHENTICATOR,
	[NTS_REQUEST_PLACEHOLDER_LENGTH] = VERDICT_NTS_PLACEHOLDER_LENGTH,
	[NTS_REQUEST_AUTHENTICATOR_LENGTH] = VERDICT_NTS_AUTHENTICATOR_LENGTH,
	[NTS_REQUEST_NONCE_LENGTH] = VERDICT_NTS_NONCE_LENGTH,
	[NTS_REQUEST_CIPHERTEXT_SHORT] = VERDICT_NTS_CIPHERTEXT_SHORT,
	[NTS_REQUEST_PADDING] = VERDICT_NTS_PADDING,
	[NTS_REQUEST_ENCRYPTED_FIELD] = VERDICT_NTS_ENCRYPTED_FIELD,
};
static_assert(NTS_REQUEST_VERDICT_COUNT == 16, "each has its verdict above");

const uint8_t nts_lane_verdict_of_cookie[COOKIE_VERDICT_COUNT] = {
	[COOKIE_OPENED] = VERDICT_NTS_ANSWERED,
	[COOKIE_LENGTH] = VERDICT_NTS_COOKIE_LENGTH,
	[COOKIE_UNKNOWN_KEY] = VERDICT_NTS_UNKNOWN_KEY,
	[COOKIE_EXPIRED_KEY] = VERDICT_NTS_EXPIRED_KEY,
	[COOKIE_ALGORITHM] = VERDICT_NTS_ALGORITHM,
	[COOKIE_FORGED] = VERDICT_NTS_COOKIE_FORGED,
};
static_assert(COOKIE_VERDICT_COUNT == 6, "each has its verdict above");

struct nts_lane *nts_lane_new(const struct siv_backend *backend, const struct packet_lane *packet_lane,
	const uint8_t seed[NTS_LANE_SEED])
{
	struct nts_lane *lane = aligned_alloc(ALIGNMENT, sizeof(*lane));

	if (!lane)
		return NULL;
	memset(lane, 0, sizeof(*lane));
	(void)mlock(lane, sizeof(*lane)); /* without it the system's swap has to be trusted */
	lane->packet_lane = packet_lane;
	lane->crypto = nts_burst_new(backend);
	lane->nonces = nonces_new(seed);
	if (!lane->crypto || !lane->nonces) {
		nts_lane_free(lane);
		return NULL;
	}
	return lane;
}

void nts_lane_free(struct nts_lane *lane)
{
	if (!lane)
		return;
	nts_burst_free(lane->crypto);
	nonces_free(lane->nonces);
	OPENSSL_cleanse(lane, sizeof(*lane));
	free(lane);
}

void nts_lane_keyring(struct nts_lane *lane, const struct keyring *ring)
{
	nts_burst_keyring(lane->crypto, ring);
}

static bool is_alive(const struct task *task, const struct packet *packets)
{
	return packets[task->packet].verdict == VERDICT_NTS_ANSWERED;
}

/* End a request; a kiss is what it becomes where its verdict calls for one, and one is left. */
static void refuse(
	struct nts_lane *lane, struct task *task, struct packet *packets, unsigned verdict, unsigned *kisses)
{
	packets[task->packet].verdict = (uint8_t)verdict;
	lane->refused = true;
	if (verdict_info[verdict].disposition != DISPOSITION_REFUSE || *kisses == 0)
		return;
	--*kisses;
	task->bare = true;
	lane->bare++;
}

/* Erase what the burst knew of keys. Opened plaintexts are in the frames, and hold none. */
static void forget(struct nts_lane *lane)
{
	explicit_bzero(lane->keys, lane->requests * sizeof(lane->keys[0]));
	nts_burst_forget(lane->crypto);
	lane->requests = lane->tasks = lane->alive = lane->bare = 0;
	lane->usual[NTS_USUAL_SIV].n = lane->usual[NTS_USUAL_GCM_SIV].n = lane->kisses.n = 0;
}

static struct task *task_of(struct nts_burst_item *item)
{
	static_assert(offsetof(struct task, nts) == 0, "an item is its task");
	return (struct task *)item;
}

/* Off the list with those that are not to be answered with authentication any more. */
static void list_alive(struct nts_lane *lane, const struct packet *packets)
{
	unsigned alive = 0;

	if (!lane->refused)
		return;
	lane->refused = false;
	for (unsigned i = 0; i < lane->alive; i++)
		if (is_alive(task_of(lane->item[i]), packets))
			lane->item[alive++] = lane->item[i];
	lane->alive = alive;
}

static void parse(struct nts_lane *lane, struct packet *packet, unsigned number)
{
	uint8_t *udp = packet->data + packet->l3 + (packet->is_ipv6 ? IPV6_HEADER : IPV4_HEADER);
	struct task *task = &lane->task[lane->tasks];
	const size_t size = load_be16(udp + 4) - (size_t)UDP_HEADER;
	enum nts_verdict verdict;

	task->packet = (uint8_t)number;
	task->nts.packet = udp + UDP_HEADER;
	task->nts.keys = &lane->keys[lane->requests];
	verdict = nts_request_parse(&task->nts.request, task->nts.packet, size);
	task->bare = verdict == NTS_REQUEST_ABSENT;
	packet->verdict = verdict_of_request[verdict];
	if (verdict == NTS_REQUEST_VALID)
		lane->item[lane->alive++] = &task->nts;
	lane->bare += task->bare;
	if (verdict == NTS_REQUEST_VALID || task->bare) {
		lane->tasks++;
		lane->requests++;
	}
}

static void open_cookies(struct nts_lane *lane, struct packet *packets, ntp64 now, unsigned *kisses)
{
	nts_burst_open(lane->crypto, lane->item, lane->alive, now);
	for (unsigned i = 0; i < lane->alive; i++)
		if (lane->item[i]->cookie != COOKIE_OPENED)
			refuse(lane, task_of(lane->item[i]), packets,
				nts_lane_verdict_of_cookie[lane->item[i]->cookie], kisses);
}

static unsigned verdict_of_verified(struct nts_burst_item *item)
{
	const bool has_encrypted = item->request.ciphertext.size > SIV_TAG;

	return has_encrypted ? verdict_of_request[nts_request_decrypted(&item->request, item->packet)]
			     : VERDICT_NTS_ANSWERED;
}

static void verify(struct nts_lane *lane, struct packet *packets, unsigned *kisses)
{
	nts_burst_verify(lane->crypto, lane->item, lane->alive);
	for (unsigned i = 0; i < lane->alive; i++) {
		struct nts_burst_item *item = lane->item[i];
		const unsigned verdict = item->good ? verdict_of_verified(item) : VERDICT_NTS_FORGED;

		if (verdict != VERDICT_NTS_ANSWERED)
			refuse(lane, task_of(item), packets, verdict, kisses);
	}
}

static void echo_identifiers(struct nts_lane *lane)
{
	for (unsigned i = 0; lane->bare > 0 && i < lane->tasks; i++) {
		struct nts_burst_item *item = &lane->task[i].nts;

		if (lane->task[i].bare)
			item->reply.size =
				(uint16_t)nts_echo_write(item->packet, &item->request, item->packet);
	}
}

/*
 * Frames of replies, over their requests, as far as there is what replies need. All verified requests have
 * room for one: a cookie as long as ours, and in the authenticator enough for our nonce.
 */
static void begin_replies(struct nts_lane *lane, struct packet *packets, const struct keyring_key *key,
	const uint8_t (*nonce)[NONCE], unsigned *kisses)
{
	for (unsigned i = 0; i < lane->alive; i++) {
		struct nts_burst_item *item = lane->item[i];

		if (!key || !nts_reply_begin(&item->reply, item->packet, &item->request, item->packet,
				    cookie_size_under(key->algorithm, item->request.aead), nonce[i]))
			refuse(lane, task_of(item), packets, VERDICT_NTS_FAILED, kisses);
	}
}

/* New cookies for all of the burst at once. Only a verified request has any. */
static void make_cookies(struct nts_lane *lane, struct packet *packets, const struct keyring_key *key,
	const uint8_t (*nonce)[NONCE], unsigned *kisses)
{
	unsigned cookies = 0;

	for (unsigned i = 0; i < lane->alive; i++) {
		struct nts_burst_item *item = lane->item[i];

		for (unsigned c = 0; c < item->reply.cookies; c++, cookies++)
			lane->cookie[cookies] = (struct nts_burst_cookie){.item = item,
				.octets = item->packet + nts_reply_cookie(&item->reply, c),
				.nonce = nonce[cookies]};
	}
	if (cookies == 0)
		return;
	nts_burst_bake(lane->crypto, key, lane->cookie, cookies);
	for (unsigned c = 0; c < cookies; c++)
		if (!lane->cookie[c].done)
			refuse(lane, task_of(lane->cookie[c].item), packets, VERDICT_NTS_FAILED, kisses);
}

/* Nonces for all replies, and behind them for all cookies that these can have. */
static bool draw_nonces(struct nts_lane *lane, unsigned replies)
{
	size_t cookies = nts_lane_usual_alive(lane);

	for (unsigned i = 0; i < lane->alive; i++)
		cookies += nts_request_cookies(&lane->item[i]->request);
	return nonces_draw(lane->nonces, lane->nonce, replies + cookies);
}

/* All but usual requests: what they ask, and whether they may. */
static void open_others(struct nts_lane *lane, struct packet *packets, ntp64 now, unsigned *kisses)
{
	open_cookies(lane, packets, now, kisses);
	list_alive(lane, packets);
	verify(lane, packets, kisses);
	list_alive(lane, packets);
}

/* ... and their replies; the nonces of usual ones come before theirs. */
static void bake_others(struct nts_lane *lane, struct packet *packets, const struct keyring_key *key,
	unsigned usual, unsigned replies, unsigned *kisses)
{
	const uint8_t(*nonce)[NONCE] = (const uint8_t(*)[NONCE])lane->nonce + usual;

	begin_replies(lane, packets, key, nonce, kisses);
	list_alive(lane, packets);
	make_cookies(lane, packets, key, nonce + replies, kisses);
	list_alive(lane, packets);
	echo_identifiers(lane);
}

/* Replies to all requests that are alive. */
static void bake(struct nts_lane *lane, struct packet *packets, ntp64 now, unsigned *kisses)
{
	const unsigned usual = nts_lane_usual_alive(lane), replies = usual + lane->alive;
	const struct keyring_key *key = nts_burst_current(lane->crypto, now);

	if (replies > 0 && key && !draw_nonces(lane, replies))
		key = NULL;
	if (usual > 0)
		nts_lane_usual_bake(lane, packets, key, replies, kisses);
	if (lane->tasks > 0)
		bake_others(lane, packets, key, usual, replies, kisses);
}

unsigned nts_lane_open(struct nts_lane *lane, struct packet *packets, unsigned n, ntp64 now, unsigned *kisses)
{
	unsigned replies, taken;

	if (lane->requests > 0)
		forget(lane);
	taken = nts_lane_usual_take(lane, packets, n, now);
	for (unsigned i = 0; i < n; i++)
		if (packets[i].verdict == VERDICT_NTS_ANSWERED && !(packets[i].flags & taken))
			parse(lane, &packets[i], i);
	if (lane->requests == 0)
		return 0;
	nts_lane_usual_open(lane, packets, now, kisses);
	nts_lane_usual_verify(lane, packets, kisses);
	if (lane->tasks > 0)
		open_others(lane, packets, now, kisses);
	bake(lane, packets, now, kisses);
	replies = nts_lane_usual_alive(lane) + lane->kisses.n + lane->alive + lane->bare;
	if (replies == 0)
		forget(lane);
	return replies;
}

/* The fields of a kiss that tell it from a reply (RFC 5905 section 7.4, RFC 8915 section 5.7). */
static void make_kiss(uint8_t *ntp)
{
	static const uint8_t ntsn[4] = {'N', 'T', 'S', 'N'};

	ntp[offsetof(struct ntp_header, lvm)] |= NTP_LEAP_UNSYNC << 6;
	ntp[offsetof(struct ntp_header, stratum)] = 0;
	memcpy(ntp + offsetof(struct ntp_header, refid), ntsn, sizeof(ntsn));
}

static void finish(const struct task *task, struct packet *packets, bool offload)
{
	struct packet *packet = &packets[task->packet];

	answer_frame(packet, task->nts.reply.size, offload);
	packet->flags |= PACKET_REPLY;
}

static void write_headers(struct nts_lane *lane, const struct reply *reply, const struct packet *packets)
{
	for (unsigned i = 0; i < lane->tasks; i++) {
		const struct task *task = &lane->task[i];
		const unsigned verdict = packets[task->packet].verdict;

		if (verdict != VERDICT_NTS_ANSWERED && !task->bare)
			continue;
		answer_header(reply, task->nts.packet, task->packet);
		if (verdict_info[verdict].disposition == DISPOSITION_REFUSE)
			make_kiss(task->nts.packet);
	}
}

static void seal_others(struct nts_lane *lane, const struct reply *reply, struct packet *packets)
{
	write_headers(lane, reply, packets);
	nts_burst_seal(lane->crypto, lane->item, lane->alive);
	for (unsigned i = 0; i < lane->alive; i++)
		if (!lane->item[i]->good)
			packets[task_of(lane->item[i])->packet].verdict = VERDICT_NTS_FAILED;
	for (unsigned i = 0; i < lane->tasks; i++)
		if (lane->task[i].bare || is_alive(&lane->task[i], packets))
			finish(&lane->task[i], packets, reply->checksum_offload);
}

void nts_lane_seal(struct nts_lane *lane, const struct reply *reply, struct packet *packets, unsigned n)
{
	(void)n; /* the requests know their packets */
	if (lane->requests == 0)
		return;
	nts_lane_usual_headers(lane, reply);
	nts_lane_usual_seal(lane, packets, reply->checksum_offload);
	if (lane->tasks > 0)
		seal_others(lane, reply, packets);
	forget(lane);
}
