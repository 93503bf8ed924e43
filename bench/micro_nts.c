#include "bench/micro_nts.h"

#include <stdio.h>
#include <string.h>

#include "dataplane/answer.h"
#include "dataplane/nts_lane.h"
#include "dataplane/packet_lane.h"
#include "nts/burst_usual.h"
#include "nts/client.h"
#include "nts/nonce.h"
#include "refclock/counter.h"
#include "tests/golden.h"

enum {
	FRAMES = MICRO_NTS_FRAMES,
	CELL = 512,
	PRECISION = -25,
	BACKENDS_MAX = 8,
	NAME = 48,
	NTP_AT = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER,
	CHECKED = PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD,
};

/* The four operations of a request are cookie-open, verify, cookie-seal and tag: those of nts/burst_usual.h.
 */
enum stage {
	PATH,
	AEAD,
	PARSE,
	COOKIE_OPEN,
	OPEN_FORGED, /* cookies that are not ours: no sooner done */
	VERIFY,
	VERIFY_FORGED, /* good cookies, and tags that are wrong */
	COOKIE_SEAL,
	TAG,
	NONCES,
	JUNK,
	KISS, /* ... and told so */
	STAGES
};
static const uint16_t aeads[] = {
	[NTS_USUAL_SIV] = AEAD_AES_SIV_CMAC_256, [NTS_USUAL_GCM_SIV] = AEAD_AES_128_GCM_SIV};
enum { AEADS = sizeof(aeads) / sizeof(aeads[0]) };
static const char *const stage_names[STAGES] = {[PATH] = "path",
	[AEAD] = "aead",
	[PARSE] = "parse",
	[COOKIE_OPEN] = "cookie-open",
	[OPEN_FORGED] = "cookie-open-forged",
	[VERIFY] = "verify",
	[VERIFY_FORGED] = "verify-forged",
	[COOKIE_SEAL] = "cookie-seal",
	[TAG] = "tag",
	[NONCES] = "nonces",
	[JUNK] = "junk-cookie",
	[KISS] = "junk-cookie-kiss"};

/* What one back-end needs. */
struct side {
	struct nts_burst *burst;
	struct nts_lane *lane;
	const struct packet_lane *packet_lane;
};

/* Requests of one AEAD. */
struct traffic {
	_Alignas(64) uint8_t template[FRAMES][CELL];
	_Alignas(64) uint8_t junk[FRAMES][CELL];   /* the same with cookies that are forged */
	_Alignas(64) uint8_t forged[FRAMES][CELL]; /* ... and with tags */
	uint16_t length[FRAMES];
};

static struct {
	_Alignas(64) uint8_t cell[FRAMES][CELL];
	struct traffic traffic[AEADS];
	struct packet packet[FRAMES];
	struct nts_usual_list list;
	struct siv_lanes_keys keys[FRAMES];
	uint8_t nonce[2 * FRAMES][NTS_NONCE];
	struct keyring ring;
	const struct policy *policy;
	const struct timebase *timebase;
	struct nonces *nonces;
	struct side side[BACKENDS_MAX];
	unsigned sides;
	char name[MICRO_NTS_SUBJECTS_MAX][NAME];
	ntp64 now;
} bed;

static uint8_t *ntp_of(unsigned i)
{
	return bed.cell[i] + NTP_AT;
}

static void lay_out(const struct traffic *traffic, const uint8_t (*template)[CELL])
{
	for (unsigned i = 0; i < FRAMES; i++) {
		memcpy(bed.cell[i], template[i], traffic -> length[i]);
		bed.packet[i] =
			(struct packet){.data = bed.cell[i], .length = traffic->length[i], .flags = CHECKED};
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A client that has just been given its cookies asks for one more. */
static bool make_request(struct traffic *traffic, uint16_t aead, unsigned i, struct siv *siv)
{
	static uint8_t octets[NTS_CLIENT_REQUEST_MAX], frame[GOLDEN_FRAME_MAX];
	struct nts_client client = {.aead = aead, .cookies = KE_COOKIES};
	const size_t key_size = aead == AEAD_AES_128_GCM_SIV ? GCM_SIV_KEY : SIV_KEY;
	uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], nonce[NTS_NONCE];
	struct golden_shape shape = {0};
	struct cookie_sealing sealing = {
		.aead = aead, .cookie = client.cookie[0].octets, .nonce = nonce, .keys = &client.keys};
	size_t size;

	memset(client.keys.c2s, (int)(i + 1), key_size);
	memset(client.keys.s2c, (int)(i + 1), key_size);
	memset(identifier, (int)(i + 2), sizeof(identifier));
	memset(nonce, (int)(i + 3), sizeof(nonce));
	cookie_seal(siv, keyring_current(&bed.ring, bed.now), &sealing, 1);
	client.cookie[0].size = (uint16_t)cookie_size(aead);
	memset(octets, 0, NTP_HEADER_SIZE);
	octets[0] = 4 << 3 | NTP_MODE_CLIENT;
	memset(octets + NTP_HEADER_SIZE - 8, (int)(i + 4), 8);
	size = nts_client_protect(&client, siv, octets, identifier, nonce);
	shape.ntp_octets = (uint16_t)size;
	traffic->length[i] = golden_build(&shape, frame);
	if (size == 0 || traffic->length[i] > CELL)
		return false;
	memcpy(frame + NTP_AT, octets, size);
	memcpy(traffic->template[i], frame, traffic -> length[i]);
	memcpy(traffic->junk[i], frame, traffic->length[i]);
	/* In the cookie's ciphertext: found out by its tag. */
	traffic->junk[i][NTP_AT + NTP_HEADER_SIZE + NTS_FIELD_HEADER + NTS_CLIENT_IDENTIFIER_SIZE +
			 NTS_FIELD_HEADER + cookie_size(aead) - 1] ^= 1;
	memcpy(traffic->forged[i], frame, traffic->length[i]);
	traffic->forged[i][traffic->length[i] - 1] ^= 1;
	return true;
}

static void parse_all(void)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		struct nts_request request;

		nts_request_parse(&request, ntp_of(i), (size_t)bed.packet[i].length - NTP_AT);
		__asm__ volatile("" ::"r"(&request) : "memory");
	}
}

static void list_all(void)
{
	bed.list.n = FRAMES;
	for (unsigned i = 0; i < FRAMES; i++) {
		bed.list.packet[i] = ntp_of(i);
		bed.list.keys[i] = &bed.keys[i];
	}
}

static uint64_t path(const struct side *side, unsigned kisses, uint64_t start)
{
	struct reply reply;

	side->packet_lane->classify(bed.policy, bed.packet, FRAMES);
	nts_lane_open(side->lane, bed.packet, FRAMES, bed.now, &kisses);
	reply_prepare(&reply, bed.timebase, bed.policy, PRECISION, false, start, start + 900, start * 77);
	nts_lane_seal(side->lane, &reply, bed.packet, FRAMES);
	return counter_read_ordered(COUNTER_CPU) - start;
}

/* Ticks of the stage alone; the stages before it have been gone through. */
static uint64_t timed(
	enum stage stage, enum stage subject, const struct nts_usual *usual, struct nts_burst *burst)
{
	const uint8_t(*nonce)[NONCE] = (const uint8_t(*)[NONCE])bed.nonce;
	uint8_t verdict[NTS_BURST_MAX];
	bool good[NTS_BURST_MAX];
	const uint64_t start = counter_read_ordered(COUNTER_CPU);

	switch (stage) {
	case PARSE:
		parse_all();
		break;
	case COOKIE_OPEN:
		nts_burst_usual_open(burst, &bed.list, usual, bed.now, verdict);
		break;
	case VERIFY:
		nts_burst_usual_verify(burst, &bed.list, usual, good);
		break;
	case COOKIE_SEAL:
		nts_burst_usual_bake(burst, &bed.list, usual, nts_burst_current(burst, bed.now), nonce,
			nonce + FRAMES, good);
		break;
	case TAG:
		nts_burst_usual_seal(burst, &bed.list, usual, good);
		break;
	case NONCES:
		nonces_draw(bed.nonces, bed.nonce, (size_t)2 * FRAMES);
		break;
	default:
		break;
	}
	if (subject != stage && subject != AEAD && !(subject == OPEN_FORGED && stage == COOKIE_OPEN) &&
		!(subject == VERIFY_FORGED && stage == VERIFY))
		return 0;
	return subject == AEAD && (stage == PARSE || stage == NONCES)
		       ? 0
		       : counter_read_ordered(COUNTER_CPU) - start;
}

static uint64_t by_stage(const struct traffic *traffic, enum stage subject, const struct nts_usual *usual,
	struct nts_burst *burst)
{
	uint64_t ticks = 0;

	lay_out(traffic, subject == OPEN_FORGED     ? traffic->junk
			 : subject == VERIFY_FORGED ? traffic->forged
						    : traffic->template);
	list_all();
	ticks += timed(NONCES, subject, usual, burst);
	ticks += timed(PARSE, subject, usual, burst);
	ticks += timed(COOKIE_OPEN, subject, usual, burst);
	ticks += timed(VERIFY, subject, usual, burst);
	ticks += timed(COOKIE_SEAL, subject, usual, burst);
	ticks += timed(TAG, subject, usual, burst);
	nts_burst_forget(burst);
	return ticks;
}

uint64_t micro_nts_run(unsigned subject)
{
	const enum stage stage = (enum stage)(subject % STAGES);
	const struct traffic *traffic = &bed.traffic[subject / STAGES % AEADS];
	struct side *side = &bed.side[subject / STAGES / AEADS];

	if (stage != PATH && stage != JUNK && stage != KISS)
		return by_stage(traffic, stage, &nts_usual[subject / STAGES % AEADS], side->burst);
	lay_out(traffic, stage == PATH ? traffic->template : traffic->junk);
	return path(side, stage == KISS ? FRAMES : 0, counter_read_ordered(COUNTER_CPU));
}

unsigned micro_nts_subjects(void)
{
	return bed.sides * AEADS * STAGES;
}

const char *micro_nts_name(unsigned subject)
{
	return bed.name[subject];
}

static bool all_have(enum verdict verdict)
{
	for (unsigned i = 0; i < FRAMES; i++)
		if (bed.packet[i].verdict != verdict)
			return false;
	return true;
}

static bool are_replies(void)
{
	unsigned flags = PACKET_REPLY;

	for (unsigned i = 0; i < FRAMES; i++)
		flags &= bed.packet[i].flags;
	return flags & PACKET_REPLY;
}

static const char *suffix_of(unsigned stage, uint16_t aead)
{
	return aead == AEAD_AES_128_GCM_SIV ? "30" : stage == AEAD ? "15" : "";
}

static bool add_side(const struct siv_backend *backend, const uint8_t seed[16])
{
	struct side *side = &bed.side[bed.sides];

	side->burst = nts_burst_new(backend);
	/* A CPU that has no better back-end has no better packet lane either. */
	side->packet_lane = backend == siv_backend_best() ? packet_lane_best() : packet_lane_find("generic");
	side->lane = nts_lane_new(backend, side->packet_lane, seed);
	for (unsigned s = 0; s < AEADS * STAGES; s++)
		snprintf(bed.name[bed.sides * AEADS * STAGES + s], NAME, "nts/%s%s@%s",
			stage_names[s % STAGES], suffix_of(s % STAGES, aeads[s / STAGES]), backend->name);
	bed.sides++;
	if (!side->burst || !side->lane)
		return false;
	nts_burst_keyring(side->burst, &bed.ring);
	nts_lane_keyring(side->lane, &bed.ring);
	return true;
}

bool micro_nts_prepare(struct policy *policy, const struct timebase *timebase)
{
	static const uint8_t seed[16] = {1};
	struct keyring_fresh fresh = {.key = {7}};
	struct siv *siv = siv_new(siv_backend_best());

	if (!siv)
		return false;
	policy->nts = 1;
	bed.policy = policy;
	bed.timebase = timebase;
	bed.now = timebase->time;
	bed.nonces = nonces_new(seed);
	for (; fresh.id < KEYRING_KEYS; fresh.id++, fresh.key[0]++)
		keyring_rotate(&bed.ring, &fresh, bed.now, 3600 * NTP64_SECOND);
	for (unsigned b = 0; siv_backends[b] && bed.sides < BACKENDS_MAX; b++)
		if (siv_backends[b]->supported() && !add_side(siv_backends[b], seed))
			return false;
	for (unsigned i = 0; i < AEADS * FRAMES; i++)
		if (!make_request(&bed.traffic[i / FRAMES], aeads[i / FRAMES], i % FRAMES, siv))
			return false;
	siv_free(siv);
	for (unsigned b = 0; b < bed.sides * AEADS; b++) {
		micro_nts_run(b * STAGES + PATH);
		if (!all_have(VERDICT_NTS_ANSWERED))
			return false;
		micro_nts_run(b * STAGES + JUNK);
		if (!all_have(VERDICT_NTS_COOKIE_FORGED) || are_replies())
			return false;
		micro_nts_run(b * STAGES + KISS);
		if (!all_have(VERDICT_NTS_COOKIE_FORGED) || !are_replies())
			return false;
	}
	return true;
}
