#include "dataplane/nts_lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include "dataplane/counters.h"
#include "dataplane/verdict.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "nts/cookie.h"
#include "nts/fields.h"
#include "nts/nonce.h"

enum { COOKIES_MAX = BURST_MAX * NTS_COOKIES_MAX };
static_assert((int)NONCE == (int)NTS_NONCE && (int)NONCE == (int)COOKIE_NONCE, "one source for both");
static_assert((int)NTS_LANE_SEED == (int)NONCE_KEY, "the seed is the nonces' key");

/*
 * A request on its way. As long as it is to be answered with authentication, its packet's verdict is
 * VERDICT_NTS_ANSWERED.
 */
struct task {
	uint8_t packet; /* its number in the burst */
	bool bare;      /* answered without: refused and to be told so, or it has an identifier alone */
	uint8_t *ntp;
	struct nts_request request;
	struct nts_reply reply;
};
static_assert(BURST_MAX <= UINT8_MAX, "a packet's number fits");

struct nts_lane {
	struct siv *siv;
	struct nonces *nonces;
	struct keyring ring;
	/* The burst's, between the two steps and within them. */
	unsigned tasks, openings;
	struct task task[BURST_MAX];
	struct cookie_opening opening[BURST_MAX]; /* of the tasks, by the same number: with keys */
	struct siv_job job[BURST_MAX];
	struct task *of_job[BURST_MAX];
	struct cookie_sealing sealing[COOKIES_MAX];
	struct task *of_sealing[COOKIES_MAX];
	uint8_t nonce[BURST_MAX + COOKIES_MAX][NONCE];
};

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
	[NTS_REQUEST_NONCE_EMPTY] = VERDICT_NTS_NONCE_EMPTY,
	[NTS_REQUEST_CIPHERTEXT_SHORT] = VERDICT_NTS_CIPHERTEXT_SHORT,
	[NTS_REQUEST_PADDING] = VERDICT_NTS_PADDING,
	[NTS_REQUEST_ENCRYPTED_FIELD] = VERDICT_NTS_ENCRYPTED_FIELD,
};
static_assert(NTS_REQUEST_VERDICT_COUNT == 16, "each has its verdict above");

static const uint8_t verdict_of_cookie[COOKIE_VERDICT_COUNT] = {
	[COOKIE_OPENED] = VERDICT_NTS_ANSWERED,
	[COOKIE_LENGTH] = VERDICT_NTS_COOKIE_LENGTH,
	[COOKIE_UNKNOWN_KEY] = VERDICT_NTS_UNKNOWN_KEY,
	[COOKIE_EXPIRED_KEY] = VERDICT_NTS_EXPIRED_KEY,
	[COOKIE_ALGORITHM] = VERDICT_NTS_ALGORITHM,
	[COOKIE_FORGED] = VERDICT_NTS_COOKIE_FORGED,
};
static_assert(COOKIE_VERDICT_COUNT == 6, "each has its verdict above");

struct nts_lane *nts_lane_new(const struct siv_backend *backend, const uint8_t seed[NTS_LANE_SEED])
{
	struct nts_lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	(void)mlock(lane, sizeof(*lane)); /* without it the system's swap has to be trusted */
	lane->siv = siv_new(backend);
	lane->nonces = nonces_new(seed);
	if (!lane->siv || !lane->nonces) {
		nts_lane_free(lane);
		return NULL;
	}
	return lane;
}

void nts_lane_free(struct nts_lane *lane)
{
	if (!lane)
		return;
	siv_free(lane->siv);
	nonces_free(lane->nonces);
	OPENSSL_cleanse(lane, sizeof(*lane));
	free(lane);
}

void nts_lane_keyring(struct nts_lane *lane, const struct keyring *ring)
{
	/* All of it: a key that is gone from the ring is gone from here. */
	lane->ring = *ring;
}

static bool is_alive(const struct task *task, const struct packet *packets)
{
	return packets[task->packet].verdict == VERDICT_NTS_ANSWERED;
}

/* End a request; a kiss is what it becomes where its verdict calls for one, and one is left. */
static void refuse(struct task *task, struct packet *packets, unsigned verdict, unsigned *kisses)
{
	packets[task->packet].verdict = (uint8_t)verdict;
	if (verdict_info[verdict].disposition != DISPOSITION_REFUSE || *kisses == 0)
		return;
	--*kisses;
	task->bare = true;
}

/* Erase what the burst knew of keys. Opened plaintexts are in the frames, and hold none. */
static void forget(struct nts_lane *lane)
{
	OPENSSL_cleanse(lane->opening, lane->openings * sizeof(lane->opening[0]));
	lane->tasks = 0;
	lane->openings = 0;
}

static void parse(struct nts_lane *lane, struct packet *packet, unsigned number)
{
	uint8_t *udp = packet->data + packet->l3 + (packet->is_ipv6 ? IPV6_HEADER : IPV4_HEADER);
	struct task *task = &lane->task[lane->tasks];
	const size_t size = load_be16(udp + 4) - (size_t)UDP_HEADER;
	enum nts_verdict verdict;

	task->packet = (uint8_t)number;
	task->ntp = udp + UDP_HEADER;
	verdict = nts_request_parse(&task->request, task->ntp, size, SIZE_MAX);
	task->bare = verdict == NTS_REQUEST_ABSENT;
	packet->verdict = verdict_of_request[verdict];
	if (verdict == NTS_REQUEST_VALID || task->bare)
		lane->tasks++;
}

static void open_cookies(struct nts_lane *lane, struct packet *packets, ntp64 now, unsigned *kisses)
{
	for (unsigned i = 0; i < lane->tasks; i++) {
		const struct task *task = &lane->task[i];

		lane->opening[i].cookie = task->ntp + task->request.cookie.at;
		lane->opening[i].size = task->request.cookie.size;
	}
	lane->openings = lane->tasks;
	cookie_open(lane->siv, &lane->ring, now, lane->opening, lane->openings);
	for (unsigned i = 0; i < lane->tasks; i++)
		if (lane->opening[i].verdict != COOKIE_OPENED && is_alive(&lane->task[i], packets))
			refuse(&lane->task[i], packets, verdict_of_cookie[lane->opening[i].verdict], kisses);
}

static void verify(struct nts_lane *lane, struct packet *packets, unsigned *kisses)
{
	unsigned jobs = 0;

	for (unsigned i = 0; i < lane->tasks; i++) {
		struct task *task = &lane->task[i];

		if (!is_alive(task, packets))
			continue;
		nts_request_job(&lane->job[jobs], &task->request, task->ntp, lane->opening[i].keys.c2s);
		lane->of_job[jobs++] = task;
	}
	siv_open(lane->siv, lane->job, jobs);
	for (unsigned j = 0; j < jobs; j++) {
		struct task *task = lane->of_job[j];
		const unsigned verdict =
			lane->job[j].done
				? verdict_of_request[nts_request_decrypted(&task->request, task->ntp)]
				: VERDICT_NTS_FORGED;

		if (verdict != VERDICT_NTS_ANSWERED)
			refuse(task, packets, verdict, kisses);
	}
}

/*
 * Frames of replies, over their requests, as far as there is what replies need. All verified requests have
 * room for one: a cookie as long as ours, and in the authenticator enough for our nonce.
 */
static void begin_replies(struct nts_lane *lane, struct packet *packets, bool able, unsigned *kisses)
{
	for (unsigned i = 0; i < lane->tasks; i++) {
		struct task *task = &lane->task[i];

		if (task->bare)
			task->reply.size = (uint16_t)nts_echo_write(task->ntp, &task->request, task->ntp);
		if (!is_alive(task, packets))
			continue;
		if (!able || !nts_reply_begin(&task->reply, task->ntp, &task->request, task->ntp, COOKIE_SIZE,
				     lane->nonce[i]))
			refuse(task, packets, VERDICT_NTS_FAILED, kisses);
	}
}

/* New cookies for all of the burst at once. Only a verified request has any. */
static void seal_cookies(
	struct nts_lane *lane, struct packet *packets, const struct keyring_key *key, unsigned *kisses)
{
	unsigned cookies = 0;

	for (unsigned i = 0; i < lane->tasks; i++) {
		struct task *task = &lane->task[i];

		if (!is_alive(task, packets))
			continue;
		for (unsigned c = 0; c < task->reply.cookies; c++, cookies++) {
			lane->sealing[cookies] = (struct cookie_sealing){
				.cookie = task->ntp + nts_reply_cookie(&task->reply, c),
				.nonce = lane->nonce[lane->tasks + cookies],
				.keys = &lane->opening[i].keys,
			};
			lane->of_sealing[cookies] = task;
		}
	}
	if (cookies == 0)
		return;
	cookie_seal(lane->siv, key, lane->sealing, cookies);
	for (unsigned c = 0; c < cookies; c++)
		if (!lane->sealing[c].done)
			refuse(lane->of_sealing[c], packets, VERDICT_NTS_FAILED, kisses);
}

/* Nonces for all replies and then for all cookies that they can have; at most COOKIES_MAX of these. */
static bool draw_nonces(struct nts_lane *lane, const struct packet *packets)
{
	size_t count = lane->tasks;

	for (unsigned i = 0; i < lane->tasks; i++)
		if (is_alive(&lane->task[i], packets))
			count += nts_request_cookies(&lane->task[i].request);
	return nonces_draw(lane->nonces, lane->nonce, count);
}

static unsigned count_replies(const struct nts_lane *lane, const struct packet *packets)
{
	unsigned replies = 0;

	for (unsigned i = 0; i < lane->tasks; i++)
		replies += lane->task[i].bare || is_alive(&lane->task[i], packets);
	return replies;
}

unsigned nts_lane_open(struct nts_lane *lane, struct packet *packets, unsigned n, ntp64 now, unsigned *kisses)
{
	const struct keyring_key *key;
	unsigned replies;

	forget(lane);
	for (unsigned i = 0; i < n; i++)
		if (packets[i].verdict == VERDICT_NTS_ANSWERED)
			parse(lane, &packets[i], i);
	if (lane->tasks == 0)
		return 0;
	open_cookies(lane, packets, now, kisses);
	verify(lane, packets, kisses);
	key = keyring_current(&lane->ring, now);
	begin_replies(lane, packets, key && draw_nonces(lane, packets), kisses);
	seal_cookies(lane, packets, key, kisses);
	replies = count_replies(lane, packets);
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

	answer_frame(packet, task->reply.size, offload);
	packet->flags |= PACKET_REPLY;
}

/* Headers of all, and the jobs of those that are authenticated; how many. */
static unsigned write_headers(struct nts_lane *lane, const struct reply *reply, const struct packet *packets)
{
	unsigned jobs = 0;

	for (unsigned i = 0; i < lane->tasks; i++) {
		struct task *task = &lane->task[i];
		const bool alive = is_alive(task, packets);
		const unsigned verdict = packets[task->packet].verdict;

		if (!alive && !task->bare)
			continue;
		answer_header(reply, task->ntp, task->packet);
		if (verdict_info[verdict].disposition == DISPOSITION_REFUSE)
			make_kiss(task->ntp);
		if (!alive)
			continue;
		nts_reply_job(&lane->job[jobs], &task->reply, task->ntp, lane->opening[i].keys.s2c);
		lane->of_job[jobs++] = task;
	}
	return jobs;
}

void nts_lane_seal(struct nts_lane *lane, const struct reply *reply, struct packet *packets, unsigned n)
{
	const unsigned jobs = write_headers(lane, reply, packets);

	(void)n; /* the tasks know their packets */
	siv_seal(lane->siv, lane->job, jobs);
	for (unsigned j = 0; j < jobs; j++)
		if (!lane->job[j].done)
			packets[lane->of_job[j]->packet].verdict = VERDICT_NTS_FAILED;
	for (unsigned i = 0; i < lane->tasks; i++)
		if (lane->task[i].bare || is_alive(&lane->task[i], packets))
			finish(&lane->task[i], packets, reply->checksum_offload);
	forget(lane);
}
