/*
 * Fuzz target: from an NTS request to its reply or kiss, through classify and the NTS lane. What is answered
 * has to convince a client (tests/nts_judge.h), and several of it at once are answered alike by each back-end
 * of the AEADs that the CPU supports. The input is described in tests/fuzz_nts_answer.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/answer.h"
#include "dataplane/classify.h"
#include "dataplane/nts_lane.h"
#include "ntp/octets.h"
#include "nts/fields.h"
#include "tests/fuzz_nts_answer.h"
#include "tests/nts_golden.h"
#include "tests/nts_judge.h"

enum { HEADER = 48, FIELD_HEADER = 4, TAG = 16, SIZE_MOST = 8192, WRAP_HEAD = 4, NONCE_MOST = 63 };
enum { COPIES = 4 /* enough for lanes */, BACKENDS_MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct nts_lane *lane, *of_backend[BACKENDS_MOST];
	const struct packet_lane *packet_lane[BACKENDS_MOST];
	unsigned backends; /* the portable one is the last */
	struct siv *siv;
	struct keyring ring;
	struct policy policy;
	struct reply reply;
	struct nts_golden_case base, usual[2], request;
} bed;

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void make_bed(void)
{
	static const uint8_t seed[NTS_LANE_SEED] = "fuzz";
	const struct nts_golden_shape shape = {.clear = "uicppua", .inner = "pu"};

	if (bed.lane)
		return;
	bed.lane = nts_lane_new(siv_backend_best(), packet_lane_best(), seed);
	bed.siv = siv_new(siv_backend_best());
	require(bed.lane && bed.siv);
	nts_golden_keyring(&bed.ring);
	nts_lane_keyring(bed.lane, &bed.ring);
	for (unsigned b = 0; siv_backends[b] && bed.backends < BACKENDS_MOST; b++) {
		if (!siv_backends[b]->supported())
			continue;
		bed.packet_lane[bed.backends] =
			siv_backends[b + 1] ? packet_lane_best() : packet_lane_find("generic");
		bed.of_backend[bed.backends] =
			nts_lane_new(siv_backends[b], bed.packet_lane[bed.backends], seed);
		require(bed.of_backend[bed.backends]);
		nts_lane_keyring(bed.of_backend[bed.backends++], &bed.ring);
	}
	nts_golden_policy(&bed.policy);
	nts_golden_build(&shape, NTS_OVER_IPV4, &bed.base);
	for (unsigned i = 0; i < 2; i++) {
		const struct nts_golden_shape usual = {.clear = "ica", .gcm_siv = i};

		nts_golden_build(&usual, NTS_OVER_IPV4, &bed.usual[i]);
	}
}

/* A good request with octets changed; its size. */
static size_t patch(const struct nts_golden_case *c, uint8_t *octets, const uint8_t *data, size_t size)
{
	memcpy(octets, c->frame + c->ntp, c->ntp_size);
	for (; size >= 3; data += 3, size -= 3)
		octets[load_be16(data) % c->ntp_size] ^= data[2];
	return c->ntp_size;
}

static size_t put_field(uint8_t *octets, size_t at, uint16_t type, size_t body)
{
	store_be16(octets + at, type);
	store_be16(octets + at + 2, (uint16_t)(FIELD_HEADER + body));
	return at + FIELD_HEADER;
}

static size_t put_beginning(uint8_t *octets, bool bare, bool gcm_siv)
{
	size_t at = HEADER;

	memcpy(octets, bed.base.frame + bed.base.ntp, HEADER);
	if (bare)
		return at;
	at = put_field(octets, at, 0x0104, 32);
	memset(octets + at, 0x1d, 32);
	at = put_field(octets, at + 32, 0x0204, gcm_siv ? COOKIE_SIZE_GCM_SIV : COOKIE_SIZE);
	return at + nts_golden_cookie(octets + at, gcm_siv, NTS_GOLDEN_CURRENT);
}

/* The authenticator over all before `at`, with what is encrypted; where it ends. */
static size_t put_authenticator(uint8_t *octets, size_t at, size_t nonce, size_t padding, bool gcm_siv,
	const uint8_t *text, size_t text_size)
{
	const size_t nonce_room = (nonce + 3) / 4 * 4, text_room = (TAG + text_size + 3) / 4 * 4;
	const size_t body = put_field(octets, at, 0x0404, 4 + nonce_room + text_room + padding);
	uint8_t *ciphertext = octets + body + 4 + nonce_room;
	struct siv_job job = {.key = nts_golden_keys(gcm_siv)->c2s,
		.tag = ciphertext,
		.text = ciphertext + TAG,
		.size = text_size};

	store_be16(octets + body, (uint16_t)nonce);
	store_be16(octets + body + 2, (uint16_t)(TAG + text_size));
	memset(octets + body + 4, 0, nonce_room + text_room + padding);
	memset(octets + body + 4, 0x9e, nonce);
	memcpy(job.text, text, text_size);
	siv_job_bind(&job, octets, at, octets + body + 4, nonce);
	if (gcm_siv) {
		job.aead = AEAD_AES_128_GCM_SIV;
		job.text = ciphertext;
		job.tag = ciphertext + text_size;
		memcpy(job.text, text, text_size);
	}
	siv_seal(bed.siv, &job, 1);
	require(job.done || (gcm_siv && nonce != GCM_SIV_NONCE));
	return body + 4 + nonce_room + text_room + padding;
}

/* Octets between a good beginning and a right tag; 0 where the input is too short to say. */
static size_t wrap(uint8_t *octets, const uint8_t *data, size_t size, bool bare)
{
	size_t clear, at, nonce, padding;
	bool gcm_siv;

	if (size < WRAP_HEAD || size > SIZE_MOST / 2)
		return 0;
	nonce = data[0] & NONCE_MOST;
	gcm_siv = data[0] & 0x80;
	padding = 4 * (size_t)(data[1] & 15);
	clear = load_be16(data + 2);
	data += WRAP_HEAD;
	size -= WRAP_HEAD;
	clear = clear < size ? clear : size;
	at = put_beginning(octets, bare, gcm_siv);
	memcpy(octets + at, data, clear);
	return put_authenticator(octets, at + clear, nonce, padding, gcm_siv, data + clear, size - clear);
}

static size_t make_request(uint8_t *octets, const uint8_t *data, size_t size)
{
	switch (data[0] & FUZZ_NTS_MODE) {
	case FUZZ_NTS_PATCHED:
		return patch(&bed.base, octets, data + 1, size - 1);
	case FUZZ_NTS_USUAL:
		return patch(&bed.usual[data[0] & FUZZ_NTS_GCM_SIV ? 1 : 0], octets, data + 1, size - 1);
	case FUZZ_NTS_WRAPPED:
		return wrap(octets, data + 1, size - 1, false);
	case FUZZ_NTS_BARE:
		return wrap(octets, data + 1, size - 1, true);
	default:
		if (size - 1 > SIZE_MOST)
			return 0;
		memcpy(octets, data + 1, size - 1);
		return size - 1;
	}
}

static void serve(struct nts_lane *lane, const struct packet_lane *packet_lane, struct packet *packets,
	unsigned n, bool offload, unsigned kisses)
{
	const unsigned given = kisses;
	struct timebase timebase;
	unsigned replies, sent = 0;

	golden_timebase(&timebase);
	reply_prepare(&bed.reply, &timebase, &bed.policy, -24, offload, 2000000000, 2000001000, 0x1234567);
	packet_lane->classify(&bed.policy, packets, n);
	require(packets[0].verdict < VERDICT_COUNT);
	replies = nts_lane_open(lane, packets, n, NTS_GOLDEN_NOW, &kisses);
	require(kisses <= given && replies <= n);
	nts_lane_seal(lane, &bed.reply, packets, n);
	for (unsigned i = 0; i < n; i++)
		sent += packets[i].flags & PACKET_REPLY ? 1 : 0;
	require(replies == sent);
	packet_lane->answer(&bed.reply, packets, n);
}

static struct packet copy_of_request(void)
{
	struct packet packet = {.data = malloc(bed.request.length), .length = bed.request.length};

	require(packet.data != NULL);
	memcpy(packet.data, bed.request.frame, bed.request.length);
	return packet;
}

/* Nonces are drawn from the same seed for the same purposes, so that replies are alike octet for octet. */
static void compare_backends(bool offload, bool silent)
{
	struct packet packets[BACKENDS_MOST][COPIES];

	for (unsigned b = 0; b < bed.backends; b++) {
		for (unsigned i = 0; i < COPIES; i++)
			packets[b][i] = copy_of_request();
		serve(bed.of_backend[b], bed.packet_lane[b], packets[b], COPIES, offload,
			silent ? 0 : COPIES);
	}
	for (unsigned b = 0; b < bed.backends; b++)
		for (unsigned i = 0; i < COPIES; i++) {
			const struct packet *mine = &packets[b][i], *wanted = &packets[bed.backends - 1][i];

			require(mine->verdict == wanted->verdict && mine->flags == wanted->flags &&
				mine->length == wanted->length &&
				memcmp(mine->data, wanted->data, mine->length) == 0);
		}
	for (unsigned b = 0; b < bed.backends; b++)
		for (unsigned i = 0; i < COPIES; i++)
			free(packets[b][i].data);
}

static void check(const struct packet *packet, bool offload, bool silent)
{
	const bool refused = verdict_info[packet->verdict].disposition == DISPOSITION_REFUSE;

	if (packet->verdict == VERDICT_NTS_ANSWERED) {
		struct nts_request r;

		require(nts_request_parse(&r, bed.request.frame + bed.request.ntp, bed.request.ntp_size) ==
			NTS_REQUEST_VALID);
		bed.request.gcm_siv = r.aead == AEAD_AES_128_GCM_SIV;
		require(!nts_judge_reply(&bed.request, packet, &bed.ring, NTS_JUDGE_ANY_COOKIES, offload));
	} else if (packet->verdict == VERDICT_NTS_IDENTIFIED) {
		require(!nts_judge_echo(&bed.request, packet, offload));
	} else if (refused && !silent) {
		require(!nts_judge_kiss(&bed.request, packet, offload));
	} else {
		require(!(packet->flags & PACKET_REPLY));
		require(packet->verdict == VERDICT_ANSWERED || packet->length == bed.request.length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t octets[2 * SIZE_MOST];
	struct packet packet;
	size_t ntp;
	bool offload, silent;

	make_bed();
	ntp = size > 0 ? make_request(octets, data, size) : 0;
	if (ntp < HEADER)
		return 0;
	offload = data[0] & FUZZ_NTS_OFFLOAD;
	silent = data[0] & FUZZ_NTS_SILENT;
	nts_golden_wrap(octets, (uint16_t)ntp, (enum nts_golden_over)(data[0] & FUZZ_NTS_OVER), &bed.request);
	packet = copy_of_request();
	serve(bed.lane, packet_lane_best(), &packet, 1, offload, silent ? 0 : 1);
	check(&packet, offload, silent);
	free(packet.data);
	compare_backends(offload, silent);
	return 0;
}
