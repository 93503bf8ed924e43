/*
 * Usual NTS requests (nts/usual.h) by lists and by each packet lane, beside the same requests gone through as
 * any other, which is what they do when PACKET_NTS_USUAL is taken off them: the same verdicts, kisses and
 * octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/random.h"
#include "dataplane/answer.h"
#include "dataplane/classify.h"
#include "dataplane/counters.h"
#include "dataplane/nts_lane.h"
#include "dataplane/packet_lane.h"
#include "ntp/octets.h"
#include "nts/usual.h"
#include "tests/each_backend.h"
#include "tests/nts_golden.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

enum {
	GOOD = PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD,
	HEADROOM_MOST = 70,
	NTP_IN_IPV4 = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER,
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	RANDOM_BURSTS = 500,
#else
	RANDOM_BURSTS = 5000,
#endif
};

static struct keyring ring;
static struct policy policy;
static struct timebase timebase;
static uint64_t random_state;
/* The requests as they are, by kind and what they are over. */
static struct nts_golden_case usual[NTS_USUALS][NTS_OVERS];

/* Always the same sequence. */
static unsigned below(unsigned limit)
{
	return (unsigned)(random_next(&random_state) % limit);
}

/* A burst twice: by lists, and as other requests. */
struct bed {
	const struct packet_lane *packet_lane;
	struct nts_lane *listed, *others;
	unsigned n;
	struct packet ours[BURST_MAX], generic[BURST_MAX];
	uint8_t *block[2][BURST_MAX];
};

static void make_bed(struct bed *bed, const struct packet_lane *packet_lane)
{
	static const uint8_t seed[NTS_LANE_SEED] = "one for both";

	*bed = (struct bed){.packet_lane = packet_lane,
		.listed = nts_lane_new(backend, packet_lane, seed),
		.others = nts_lane_new(backend, packet_lane_find("generic"), seed)};
	assert_true(bed->listed && bed->others);
	nts_lane_keyring(bed->listed, &ring);
	nts_lane_keyring(bed->others, &ring);
}

static void free_bed(struct bed *bed)
{
	nts_lane_free(bed->listed);
	nts_lane_free(bed->others);
}

/* Each frame ends where its block does, so that the address sanitizer sees the first octet too many. */
static void add_frame(struct bed *bed, const uint8_t *frame, uint16_t length, unsigned flags)
{
	const unsigned i = bed->n++, headroom = below(2) ? below(HEADROOM_MOST) : 0;
	struct packet *packets[2] = {&bed->ours[i], &bed->generic[i]};

	for (unsigned p = 0; p < 2; p++) {
		uint8_t *block = bed->block[p][i] = malloc(headroom + (size_t)length);

		assert_non_null(block);
		memset(block, 0xd5, headroom);
		memcpy(block + headroom, frame, length);
		*packets[p] =
			(struct packet){.data = block + headroom, .length = length, .flags = (uint8_t)flags};
	}
}

static void compare(const struct bed *bed)
{
	for (unsigned i = 0; i < bed->n; i++) {
		const struct packet *a = &bed->ours[i], *b = &bed->generic[i];

		if (a->verdict != b->verdict)
			fail_msg("packet %u of %u is %s, and %s as any other", i, bed->n,
				verdict_info[a->verdict].name, verdict_info[b->verdict].name);
		assert_int_equal(a->length, b->length);
		assert_int_equal(a->flags & ~PACKET_NTS_USUAL, b->flags);
		assert_memory_equal(
			bed->block[0][i], bed->block[1][i], (size_t)(a->data - bed->block[0][i]) + a->length);
	}
}

static struct reply random_reply(void)
{
	struct reply reply;

	golden_timebase(&timebase);
	timebase.leap = (uint8_t)below(4);
	timebase.root_delay = (uint32_t)random_next(&random_state);
	policy.min_poll = (int8_t)below(20);
	reply_prepare(&reply, &timebase, &policy, (int8_t)(-1 - (int)below(31)), below(2),
		timebase.counter + 1000, timebase.counter + 31000, random_next(&random_state));
	return reply;
}

/* Gives how many usual requests there were. */
static unsigned run(struct bed *bed, unsigned limit)
{
	const struct reply reply = random_reply();
	unsigned kisses[2] = {limit, limit}, known = 0, replies;

	bed->packet_lane->classify(&policy, bed->ours, bed->n);
	classify_burst(&policy, bed->generic, bed->n);
	for (unsigned i = 0; i < bed->n; i++) {
		assert_int_equal(bed->ours[i].flags, bed->generic[i].flags);
		known += (bed->ours[i].flags & PACKET_NTS_USUAL) != 0;
		bed->generic[i].flags &= (uint8_t)~PACKET_NTS_USUAL;
	}
	replies = nts_lane_open(bed->listed, bed->ours, bed->n, NTS_GOLDEN_NOW, &kisses[0]);
	assert_int_equal(
		replies, nts_lane_open(bed->others, bed->generic, bed->n, NTS_GOLDEN_NOW, &kisses[1]));
	assert_int_equal(kisses[0], kisses[1]);
	nts_lane_seal(bed->listed, &reply, bed->ours, bed->n);
	nts_lane_seal(bed->others, &reply, bed->generic, bed->n);
	compare(bed);
	for (unsigned i = 0; i < bed->n; i++) {
		free(bed->block[0][i]);
		free(bed->block[1][i]);
	}
	bed->n = 0;
	return known;
}

/* A burst in which all are usual but one, which is given. */
static void run_among_usual(struct bed *bed, const struct nts_golden_case *usual_one, const uint8_t *frame,
	uint16_t length, unsigned flags)
{
	static const uint8_t sizes[] = {1, 2, 3, 4, 5, 8, 17, BURST_MAX};
	const unsigned n = sizes[below(sizeof(sizes))], place = below(n);
	unsigned known;

	while (bed->n < n)
		if (bed->n == place)
			add_frame(bed, frame, length, flags);
		else
			add_frame(bed, usual_one->frame, usual_one->length, below(16) ? flags : GOOD - flags);
	known = run(bed, n);
	assert_in_range(known, n - 1, n);
}

/* With octets behind it a frame is no usual one, and its request the same. */
static void check_with_padding(const struct nts_golden_case *c, const uint8_t *frame, unsigned flags)
{
	enum { PADDING = 6 };
	static uint8_t padded[GOLDEN_FRAME_MAX + PADDING];
	struct packet packets[2] = {{.length = c->length, .flags = (uint8_t)flags},
		{.length = (uint16_t)(c->length + PADDING), .flags = (uint8_t)flags}};

	memcpy(padded, frame, c->length);
	packets[0].data = packets[1].data = padded;
	classify_burst(&policy, packets, 1);
	classify_burst(&policy, packets + 1, 1);
	assert_int_equal(packets[0].verdict, packets[1].verdict);
	assert_int_equal(packets[0].flags, packets[1].flags);
}

/* Each octet of the NTP packet changed, with right checksums around it. */
static void change_each_octet(struct bed *bed, unsigned kind, enum nts_golden_over over)
{
	static struct nts_golden_case changed;
	const struct nts_golden_case *c = &usual[kind][over];
	uint8_t octets[512];

	for (unsigned at = 0; at < c->ntp_size; at++) {
		/* of the first, with version and mode, all there are */
		const unsigned rounds = at == 0 ? UINT8_MAX : 3;

		for (unsigned round = 1; round <= rounds; round++) {
			const unsigned flags = round & 1 ? GOOD : 0;

			memcpy(octets, c->frame + c->ntp, c->ntp_size);
			octets[at] ^= (uint8_t)(at == 0      ? round
						: round == 1 ? 1 + below(UINT8_MAX)
							     : 1U << below(8));
			nts_golden_wrap(octets, c->ntp_size, over, &changed);
			check_with_padding(c, changed.frame, flags);
			run_among_usual(bed, c, changed.frame, changed.length, flags);
		}
	}
}

/* Each octet before it, and the length. */
static void change_frame(struct bed *bed, const struct nts_golden_case *c)
{
	static uint8_t frame[GOLDEN_FRAME_MAX];

	const unsigned length_at = c->l3 + (c->ipv6 ? 4U : 2U);

	for (unsigned at = 0; at < c->ntp; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(frame, c->frame, c->length);
			frame[at] ^= (uint8_t)(1 << bit);
			if (at != length_at && at != length_at + 1)
				check_with_padding(c, frame, bit & 1 ? GOOD : 0);
			run_among_usual(bed, c, frame, c->length, bit & 1 ? GOOD : 0);
		}
	for (uint16_t length = 0; length < c->length; length++)
		run_among_usual(bed, c, c->frame, length, length & 1 ? GOOD : 0);
}

static void test_each_octet(void **state)
{
	(void)state;
	for (unsigned l = 0; packet_lanes[l]; l++) {
		struct bed bed;

		if (!packet_lanes[l]->supported())
			continue;
		make_bed(&bed, packet_lanes[l]);
		for (unsigned kind = 0; kind < NTS_USUALS; kind++) {
			for (unsigned over = 0; over < NTS_OVERS; over++)
				change_each_octet(&bed, kind, (enum nts_golden_over)over);
			change_frame(&bed, &usual[kind][NTS_OVER_IPV4]);
			change_frame(&bed, &usual[kind][NTS_OVER_VLAN_IPV6]);
		}
		free_bed(&bed);
	}
}

/* Requests of one kind, since nonces and kisses are given out by kind. */
static void add_random(struct bed *bed, bool gcm_siv)
{
	static const uint32_t ids[] = {NTS_GOLDEN_CURRENT, NTS_GOLDEN_CURRENT, NTS_GOLDEN_FUTURE,
		NTS_GOLDEN_EXPIRED, NTS_GOLDEN_OTHER_AEAD, NTS_GOLDEN_UNKNOWN};
	static struct nts_golden_case c;
	static struct golden_case plain;
	struct nts_golden_shape shape = {
		.clear = "ica", .gcm_siv = gcm_siv, .key_id = ids[below(4) ? 0 : below(6)]};

	switch (below(8)) {
	case 0:
		shape.flip = (struct nts_golden_flip){'c', (uint16_t)(8 + below(60)), 1};
		break;
	case 1:
		shape.flip = (struct nts_golden_flip){'t', (uint16_t)below(16), 0x80};
		break;
	case 2:
		golden_case(below((unsigned)golden_named()), &plain);
		add_frame(bed, plain.frame, plain.length, plain.flags);
		return;
	default:
		break;
	}
	nts_golden_build(&shape, (enum nts_golden_over)(below(3) ? NTS_OVER_IPV4 : below(NTS_OVERS)), &c);
	add_frame(bed, c.frame, c.length, below(2) ? GOOD : 0);
}

static void test_random_bursts(void **state)
{
	unsigned known = 0;

	(void)state;
	for (unsigned l = 0; packet_lanes[l]; l++) {
		struct bed bed;

		if (!packet_lanes[l]->supported())
			continue;
		make_bed(&bed, packet_lanes[l]);
		for (unsigned round = 0; round < RANDOM_BURSTS; round++) {
			const unsigned n = 1 + below(BURST_MAX);
			const bool gcm_siv = below(2);

			while (bed.n < n)
				add_random(&bed, gcm_siv);
			known += run(&bed, below(3) ? n : below(4));
		}
		free_bed(&bed);
	}
	assert_true(known > RANDOM_BURSTS * 8);
}

/* A new key seals while cookies under the last one come, and keys whose replies are no usual ones. */
static void test_rotation(void **state)
{
	const struct keyring before = ring;
	struct bed bed;

	(void)state;
	make_bed(&bed, packet_lane_best());
	for (unsigned way = 0; way < 3; way++) {
		ring = before;
		if (way)
			ring.key[0].not_before = NTS_GOLDEN_NOW - NTP64_SECOND;
		if (way == 2) {
			ring.key[0].algorithm = AEAD_AES_128_GCM_SIV;
			memset(ring.key[0].key + GCM_SIV_KEY, 0, SIV_KEY - GCM_SIV_KEY);
		}
		nts_lane_keyring(bed.listed, &ring);
		nts_lane_keyring(bed.others, &ring);
		for (unsigned round = 0; round < 200; round++) {
			while (bed.n < 1 + round % BURST_MAX)
				add_random(&bed, round & 1);
			run(&bed, BURST_MAX);
		}
	}
	ring = before;
	free_bed(&bed);
}

/* Headers by themselves, over anything, and now and then with our own stamp as the request's. */
static void test_headers(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		const struct packet_lane *lane = packet_lane_best();
		const struct reply reply = random_reply();
		const unsigned n = below(BURST_MAX + 1);
		uint8_t octets[2][BURST_MAX][NTP_HEADER_SIZE], *ntp[2][BURST_MAX], number[BURST_MAX];

		for (unsigned i = 0; i < n; i++) {
			uint8_t *one = octets[0][i];

			number[i] = (uint8_t)(i + below(2) * (BURST_MAX - n));
			for (unsigned at = 0; at < NTP_HEADER_SIZE; at++)
				one[at] = (uint8_t)below(256);
			if (below(8) == 0)
				store_raw64(one + NTP_HEADER_SIZE - 8,
					reply.transmit | join_raw32(0, OCTETS_BE32((reply.fuzz + number[i]) &
										   reply.fuzz_mask)));
			memcpy(octets[1][i], one, NTP_HEADER_SIZE);
			ntp[0][i] = one;
			ntp[1][i] = octets[1][i];
		}
		lane->headers(&reply, ntp[0], number, n);
		answer_headers(&reply, ntp[1], number, n);
		assert_memory_equal(octets[0], octets[1], n * sizeof(octets[0][0]));
	}
}

static uint8_t some_l3(void)
{
	return (uint8_t)(ETHERNET_HEADER + VLAN_TAG * below(3));
}

/* Frames of each length and sort that a reply can have, among others; and each checksum, zero too. */
static void test_frames(void **state)
{
	static const uint16_t sizes[] = {
		228, 192, NTS_USUAL_ECHO, 48, 52, 120, 196, 200, 232, 236, 300, 1000};
	static uint8_t frames[2][BURST_MAX][GOLDEN_FRAME_MAX];
	const struct packet_lane *lane = packet_lane_best();
	unsigned checksum = 0;

	(void)state;
	for (unsigned round = 0; round < 16 * 0x10000 / BURST_MAX; round++) {
		const uint16_t size = sizes[below(below(2) ? 3 : sizeof(sizes) / sizeof(sizes[0]))];
		const unsigned n = round % 4 ? BURST_MAX : below(BURST_MAX + 1), odd = below(4) ? 64 : 4;
		const bool offload = round % 8 == 7, ipv6 = below(2);
		const uint8_t l3 = some_l3();
		struct packet packets[2][BURST_MAX];
		uint8_t number[BURST_MAX];

		for (unsigned i = 0; i < n; i++) {
			uint8_t *frame = frames[0][i];

			number[i] = (uint8_t)i;
			packets[0][i] =
				(struct packet){.data = frame, .verdict = 1, .l3 = l3, .is_ipv6 = ipv6};
			if (below(odd) == 0)
				packets[0][i].l3 = some_l3();
			if (below(odd) == 0)
				packets[0][i].is_ipv6 = !ipv6;
			for (unsigned at = 0; at < 96; at++)
				frame[at] = (uint8_t)below(256);
			store_be16(frame + l3 + (ipv6 ? IPV6_HEADER : IPV4_HEADER) + UDP_HEADER + size - 2,
				(uint16_t)checksum++);
			memcpy(frames[1][i], frame, GOLDEN_FRAME_MAX);
			packets[1][i] = packets[0][i];
			packets[1][i].data = frames[1][i];
		}
		lane->frames(packets[0], number, n, size, offload);
		answer_frames(packets[1], number, n, size, offload);
		for (unsigned i = 0; i < n; i++) {
			packets[1][i].data = packets[0][i].data;
			assert_memory_equal(&packets[0][i], &packets[1][i], sizeof(packets[0][i]));
			assert_memory_equal(frames[0][i], frames[1][i], GOLDEN_FRAME_MAX);
		}
	}
}

static int make(void **state)
{
	(void)state;
	random_state = UINT64_C(0x757375616c6e7473);
	nts_golden_policy(&policy);
	nts_golden_keyring(&ring);
	golden_timebase(&timebase);
	for (unsigned kind = 0; kind < NTS_USUALS; kind++)
		for (unsigned over = 0; over < NTS_OVERS; over++) {
			const struct nts_golden_shape shape = {
				.clear = "ica", .gcm_siv = kind == NTS_USUAL_GCM_SIV};

			nts_golden_build(&shape, (enum nts_golden_over)over, &usual[kind][over]);
		}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_octet),
		cmocka_unit_test(test_random_bursts),
		cmocka_unit_test(test_rotation),
	};

	/* What no back-end has a part in. */
	const struct CMUnitTest once[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_frames),
	};

	return run_each_backend("nts usual", tests, sizeof(tests) / sizeof(tests[0]), make, NULL) +
	       cmocka_run_group_tests_name("nts usual", once, make, NULL);
}
