/* The NTS lane, dataplane/nts_lane.h: the golden requests, random ones, bursts, keys and kisses. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bench/random.h"
#include "dataplane/answer.h"
#include "dataplane/classify.h"
#include "dataplane/counters.h"
#include "dataplane/kiss_limit.h"
#include "dataplane/nts_lane.h"
#include "nts/client.h"
#include "tests/each_backend.h"
#include "tests/nts_golden.h"
#include "tests/nts_judge.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

enum {
	RANDOM_REQUESTS = 100000,
/* Sanitizers make it slower, and look for something else. */
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	EQUAL_REQUESTS = 50000,
#else
	EQUAL_REQUESTS = 1000000,
#endif
	LETTERS_MAX = 16,
};

static struct nts_lane *lane;
static struct keyring ring;
static struct policy policy;
static struct timebase timebase;
static struct nts_golden_case current;
static uint64_t random_state = UINT64_C(0x6e74736c616e6521);

/* Always the same sequence. */
static unsigned below(unsigned limit)
{
	return (unsigned)(random_next(&random_state) % limit);
}

static int make(void **state)
{
	static const uint8_t seed[NTS_LANE_SEED] = "not very random";

	(void)state;
	nts_golden_policy(&policy);
	nts_golden_keyring(&ring);
	golden_timebase(&timebase);
	lane = nts_lane_new(backend, packet_lane_best(), seed);
	if (!lane)
		return -1;
	nts_lane_keyring(lane, &ring);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	nts_lane_free(lane);
	return 0;
}

/* A frame in a block of exactly its size, so that the address sanitizer sees the first octet too many. */
static struct packet packet_of(const uint8_t *frame, uint16_t length)
{
	struct packet packet = {.data = malloc(length), .length = length};

	assert_non_null(packet.data);
	memcpy(packet.data, frame, length);
	return packet;
}

static struct reply reply_of(bool offload)
{
	struct reply reply;

	reply_prepare(&reply, &timebase, &policy, -24, offload, timebase.counter + 1000,
		timebase.counter + 31000, 0x1234567);
	return reply;
}

/* All steps of a packet's way. Gives the replies that the lane promised. */
static unsigned serve(struct packet *packets, unsigned n, bool offload, unsigned *kisses)
{
	const struct reply reply = reply_of(offload);
	unsigned replies;

	classify_burst(&policy, packets, n);
	replies = nts_lane_open(lane, packets, n, NTS_GOLDEN_NOW, kisses);
	answer_burst(&reply, packets, n);
	if (replies)
		nts_lane_seal(lane, &reply, packets, n);
	return replies;
}

static void assert_good(const char *complaint, const char *name)
{
	if (complaint)
		fail_msg("%s: %s", name, complaint);
}

static bool is_refused(unsigned verdict)
{
	return verdict_info[verdict].disposition == DISPOSITION_REFUSE;
}

/* What the packet has become is what its verdict says. */
static void check(const struct nts_golden_case *c, const struct packet *packet, unsigned cookies, bool kissed,
	bool offload)
{
	if (packet->verdict == VERDICT_NTS_ANSWERED) {
		assert_good(nts_judge_reply(c, packet, &ring, cookies, offload), c->name);
	} else if (packet->verdict == VERDICT_NTS_IDENTIFIED) {
		assert_good(nts_judge_echo(c, packet, offload), c->name);
	} else if (kissed && is_refused(packet->verdict)) {
		assert_good(nts_judge_kiss(c, packet, offload), c->name);
	} else {
		assert_false(packet->flags & PACKET_REPLY);
		if (packet->verdict != VERDICT_ANSWERED)
			assert_int_equal(packet->length, c->length);
	}
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < nts_golden_count(); i++)
		for (unsigned kiss = 0; kiss <= 1; kiss++) {
			const bool offload = (i ^ kiss) & 1;
			unsigned kisses = kiss, replies;
			struct packet packet;

			nts_golden_case(i, &current);
			packet = packet_of(current.frame, current.length);
			replies = serve(&packet, 1, offload, &kisses);
			if (packet.verdict != current.verdict)
				fail_msg("%s is %s, not %s", current.name, verdict_info[packet.verdict].name,
					verdict_info[current.verdict].name);
			check(&current, &packet, current.cookies, kiss, offload);
			assert_int_equal(kisses, is_refused(packet.verdict) ? 0 : kiss);
			assert_int_equal(replies, packet.flags & PACKET_REPLY ? 1 : 0);
			free(packet.data);
		}
}

/* Without NTS its fields are unknown ones. */
static void test_off(void **state)
{
	unsigned met = 0;

	(void)state;
	policy.nts = 0;
	for (size_t i = 0; i < nts_golden_count(); i++) {
		struct packet packet;

		nts_golden_case(i, &current);
		packet = packet_of(current.frame, current.length);
		classify_burst(&policy, &packet, 1);
		if (strncmp(verdict_info[current.verdict].name, "nts-", 4) == 0) {
			assert_int_equal(packet.verdict, VERDICT_ANSWERED);
			met++;
		} else {
			assert_int_equal(packet.verdict, current.verdict);
		}
		free(packet.data);
	}
	policy.nts = 1;
	assert_true(met > 100);
}

static void test_every_verdict_is_reached(void **state)
{
	bool reached[VERDICT_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < nts_golden_count(); i++) {
		nts_golden_case(i, &current);
		reached[current.verdict] = true;
	}
	reached[VERDICT_NTS_FAILED] = true; /* in test_no_key */
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (strncmp(verdict_info[i].name, "nts-", 4) == 0 && !reached[i])
			fail_msg("no case of the table is %s", verdict_info[i].name);
}

/* Serve one case; the frame is to be freed. */
static struct packet serve_shape(const struct nts_golden_shape *shape, unsigned kisses)
{
	struct packet packet;

	nts_golden_build(shape, NTS_OVER_IPV4, &current);
	packet = packet_of(current.frame, current.length);
	serve(&packet, 1, false, &kisses);
	return packet;
}

static void expect(const struct nts_golden_shape *shape, enum verdict verdict)
{
	const struct packet packet = serve_shape(shape, 1);

	assert_int_equal(packet.verdict, verdict);
	check(&current, &packet, NTS_JUDGE_ANY_COOKIES, true, false);
	free(packet.data);
}

static void test_empty_ring(void **state)
{
	const struct keyring empty = {0};
	const struct nts_golden_shape shape = {.clear = "ica"};

	(void)state;
	nts_lane_keyring(lane, &empty);
	expect(&shape, VERDICT_NTS_UNKNOWN_KEY);
	nts_lane_keyring(lane, &ring);
	expect(&shape, VERDICT_NTS_ANSWERED);
}

/* The key that seals is for an AEAD that is not served: cookies open, but none can be made. */
static void test_no_key(void **state)
{
	const struct nts_golden_shape shape = {.clear = "icpa", .key_id = NTS_GOLDEN_FUTURE};
	struct keyring odd = ring;

	(void)state;
	odd.key[1].algorithm = 17;
	nts_lane_keyring(lane, &odd);
	expect(&shape, VERDICT_NTS_FAILED);
	nts_lane_keyring(lane, &ring);
	expect(&shape, VERDICT_NTS_ANSWERED);
}

/* Keys rotate between bursts: what was current still opens, and new cookies are under the next. */
static void test_keyring_swap(void **state)
{
	const struct nts_golden_shape shape = {.clear = "icppa"};
	const struct keyring before = ring;
	struct keyring one = {0};
	struct packet packet;

	(void)state;
	ring.key[0].not_before = NTS_GOLDEN_NOW - NTP64_SECOND;
	nts_lane_keyring(lane, &ring);
	packet = serve_shape(&shape, 0);
	assert_int_equal(packet.verdict, VERDICT_NTS_ANSWERED);
	one.key[0] = ring.key[0];
	assert_good(nts_judge_reply(&current, &packet, &one, 3, false), "the next key");
	free(packet.data);
	nts_lane_keyring(lane, &one);
	expect(&shape, VERDICT_NTS_UNKNOWN_KEY);
	ring = before;
	nts_lane_keyring(lane, &ring);
	packet = serve_shape(&shape, 0);
	one.key[0] = ring.key[1];
	assert_good(nts_judge_reply(&current, &packet, &one, 3, false), "the current key");
	free(packet.data);
}

/* A request that comes again is as good, and its reply another. */
static void test_replay(void **state)
{
	const struct nts_golden_shape shape = {.clear = "ica"};
	const struct packet first = serve_shape(&shape, 0), second = serve_shape(&shape, 0);

	(void)state;
	assert_good(nts_judge_reply(&current, &first, &ring, 1, false), "first");
	assert_good(nts_judge_reply(&current, &second, &ring, 1, false), "second");
	assert_int_equal(first.length, second.length);
	/* nonce, tag and cookie; all after the authenticator's head */
	for (size_t at = current.protected_end - 104U + 8; at + 16 <= current.ntp_size; at += 16)
		assert_memory_not_equal(first.data + current.ntp + at, second.data + current.ntp + at, 16);
	free(first.data);
	free(second.data);
}

static bool block_holds(const void *block, const void *octets, size_t size)
{
	return block && memmem(block, malloc_usable_size((void *)(uintptr_t)block), octets, size) != NULL;
}

/* In the lane, in the burst that its first word points to, or in what that begins with: its siv and its
 * lanes. */
static bool lane_holds(const void *octets, size_t size)
{
	const void *burst, *inner[2];

	memcpy(&burst, lane, sizeof(burst));
	memcpy(inner, burst, sizeof(inner));
	return block_holds(lane, octets, size) || block_holds(burst, octets, size) ||
	       block_holds(inner[0], octets, size) || block_holds(inner[1], octets, size);
}

/* Any block of keys that a client has. */
static bool lane_holds_key(bool gcm_siv)
{
	static const uint8_t zero[SIV_BLOCK];
	const uint8_t *keys = (const uint8_t *)nts_golden_keys(gcm_siv);
	bool held = false;

	for (size_t at = 0; at < sizeof(struct cookie_keys); at += SIV_BLOCK)
		held |= memcmp(keys + at, zero, SIV_BLOCK) != 0 && lane_holds(keys + at, SIV_BLOCK);
	return held;
}

/* One alone goes another way than several of a shape. */
static void check_erasure(unsigned n, bool gcm_siv)
{
	const struct nts_golden_shape good = {.clear = "ica", .gcm_siv = gcm_siv};
	const struct reply reply = reply_of(false);
	struct packet packets[BURST_MAX];
	unsigned kisses = 0;

	for (unsigned round = 0; round < 2; round++) {
		nts_golden_build(&good, NTS_OVER_IPV4, &current);
		if (round) {
			current.frame[current.length - 1] ^= 1;
			current.frame[current.ntp - 2] = current.frame[current.ntp - 1] = 0;
		}
		for (unsigned i = 0; i < n; i++)
			packets[i] = packet_of(current.frame, current.length);
		classify_burst(&policy, packets, n);
		assert_int_equal(nts_lane_open(lane, packets, n, NTS_GOLDEN_NOW, &kisses), round ? 0 : n);
		if (round == 0) {
			assert_true(lane_holds_key(gcm_siv));
			nts_lane_seal(lane, &reply, packets, n);
		}
		assert_false(lane_holds_key(gcm_siv));
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(
				packets[i].verdict, round ? VERDICT_NTS_FORGED : VERDICT_NTS_ANSWERED);
			free(packets[i].data);
		}
	}
}

/* The clients' keys are there between the two steps, and neither after them nor where there is no reply; the
 * ring's go when it goes. */
static void test_keys_are_erased(void **state)
{
	const struct keyring empty = {0};

	(void)state;
	for (unsigned n = 0; n < 4; n++)
		check_erasure(n & 1 ? BURST_MAX : 1, n & 2);
	assert_true(lane_holds(ring.key[1].key, SIV_KEY));
	nts_lane_keyring(lane, &empty);
	assert_false(lane_holds(ring.key[1].key, SIV_BLOCK));
	nts_lane_keyring(lane, &ring);
}

/* A port that takes the tag off leaves it beside the frame. */
static void test_stripped_tag(void **state)
{
	const struct nts_golden_shape good = {.clear = "icpa"}, bad = {.clear = "ixa"};

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		const bool ipv6 = round & 1, offload = round & 2, is_good = round & 4;
		unsigned kisses = 1;
		struct packet packet;
		uint16_t tci;

		nts_golden_build(
			is_good ? &good : &bad, ipv6 ? NTS_OVER_VLAN_IPV6 : NTS_OVER_VLAN_IPV4, &current);
		tci = (uint16_t)(current.frame[14] << 8 | current.frame[15]);
		memmove(current.frame + 12, current.frame + 16, current.length - 16U);
		current.length -= VLAN_TAG;
		current.l3 -= VLAN_TAG;
		current.ntp -= VLAN_TAG;
		packet = packet_of(current.frame, current.length);
		packet.vlan_tci = tci;
		packet.flags = PACKET_VLAN_STRIPPED;
		serve(&packet, 1, offload, &kisses);
		assert_int_equal(packet.verdict, is_good ? VERDICT_NTS_ANSWERED : VERDICT_NTS_UNKNOWN_KEY);
		check(&current, &packet, 2, true, offload);
		assert_true(packet.flags & PACKET_VLAN_STRIPPED);
		free(packet.data);
	}
}

/* A clock that is not synchronised says so, authentically. */
static void test_unsynchronised(void **state)
{
	const struct nts_golden_shape shape = {.clear = "ica"};
	struct packet packet;

	(void)state;
	timebase.leap = NTP_LEAP_UNSYNC;
	packet = serve_shape(&shape, 0);
	golden_timebase(&timebase);
	assert_int_equal(packet.data[current.ntp] >> 6, NTP_LEAP_UNSYNC);
	assert_string_equal(nts_judge_reply(&current, &packet, &ring, 1, false), "stratum 0");
	free(packet.data);
}

static void make_plain(struct nts_golden_case *c)
{
	static struct golden_case plain;

	golden_case(below((unsigned)golden_named()), &plain);
	memcpy(c->frame, plain.frame, plain.length);
	c->length = plain.length;
	c->verdict = plain.verdict;
}

/* In a burst of all kinds each gets what it would get alone, and plain replies are what they are without. */
static void test_mixed_bursts(void **state)
{
	static struct nts_golden_case cases[BURST_MAX];
	struct packet packets[BURST_MAX], plain[BURST_MAX];

	(void)state;
	for (int round = 0; round < 300; round++) {
		const struct reply reply = reply_of(round & 1);
		const unsigned n = 1 + below(BURST_MAX);
		unsigned kisses = BURST_MAX, replies, made = 0;
		bool is_plain[BURST_MAX];

		for (unsigned i = 0; i < n; i++) {
			is_plain[i] = below(2);
			if (is_plain[i])
				make_plain(&cases[i]);
			else
				nts_golden_case(below((unsigned)nts_golden_count()), &cases[i]);
			packets[i] = packet_of(cases[i].frame, cases[i].length);
			plain[i] = packet_of(cases[i].frame, cases[i].length);
		}
		replies = serve(packets, n, round & 1, &kisses);
		classify_burst(&policy, plain, n);
		answer_burst(&reply, plain, n);
		for (unsigned i = 0; i < n; i++) {
			if (!is_plain[i]) {
				assert_int_equal(packets[i].verdict, cases[i].verdict);
				check(&cases[i], &packets[i], cases[i].cookies, true, round & 1);
			}
			if (plain[i].verdict != VERDICT_NTS_ANSWERED) {
				assert_int_equal(packets[i].verdict, plain[i].verdict);
				assert_int_equal(packets[i].length, plain[i].length);
				assert_memory_equal(packets[i].data, plain[i].data, plain[i].length);
			}
			made += packets[i].flags & PACKET_REPLY ? 1 : 0;
			free(packets[i].data);
			free(plain[i].data);
		}
		assert_int_equal(replies, made);
	}
}

/* A full burst of the largest requests: 256 cookies at once, no nonce twice. */
static void test_full_burst(void **state)
{
	const struct nts_golden_shape shape = {.clear = "icpppppppppppa"};
	static uint8_t nonces[BURST_MAX][16];
	struct packet packets[BURST_MAX];
	unsigned kisses = 0;

	(void)state;
	nts_golden_build(&shape, NTS_OVER_IPV6, &current);
	for (unsigned i = 0; i < BURST_MAX; i++)
		packets[i] = packet_of(current.frame, current.length);
	assert_int_equal(serve(packets, BURST_MAX, false, &kisses), BURST_MAX);
	for (unsigned i = 0; i < BURST_MAX; i++) {
		assert_good(nts_judge_reply(&current, &packets[i], &ring, 8, false), "full burst");
		memcpy(nonces[i], packets[i].data + current.ntp + 48 + 36 + 8, 16);
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(nonces[i], nonces[j], 16);
		free(packets[i].data);
	}
}

/* As many kisses as are given, to the first that come; authentic ones are answered all the same. */
static void test_kisses(void **state)
{
	const struct nts_golden_shape good = {.clear = "ica"}, bad = {.clear = "ixa"};

	(void)state;
	for (unsigned limit = 0; limit <= BURST_MAX; limit++) {
		struct packet packets[BURST_MAX];
		unsigned kisses = limit, kissed = 0;
		static struct nts_golden_case cases[2];

		nts_golden_build(&good, NTS_OVER_IPV4, &cases[0]);
		nts_golden_build(&bad, NTS_OVER_VLAN_IPV6, &cases[1]);
		for (unsigned i = 0; i < BURST_MAX; i++)
			packets[i] = packet_of(cases[i & 1].frame, cases[i & 1].length);
		serve(packets, BURST_MAX, false, &kisses);
		for (unsigned i = 0; i < BURST_MAX; i++) {
			assert_int_equal(
				packets[i].verdict, i & 1 ? VERDICT_NTS_UNKNOWN_KEY : VERDICT_NTS_ANSWERED);
			check(&cases[i & 1], &packets[i], 1, i / 2 < limit, false);
			kissed += i & 1 && packets[i].flags & PACKET_REPLY;
			free(packets[i].data);
		}
		assert_int_equal(kissed, limit < BURST_MAX / 2 ? limit : BURST_MAX / 2);
		assert_int_equal(kisses, limit - kissed);
	}
}

/* Asked every microsecond for ten seconds: a burst, and then the rate. */
static void test_kiss_limit(void **state)
{
	const uint64_t hz = 2600000000, step = hz / 1000000;
	struct kiss_limit limit = {0};
	uint64_t now = 77 * hz, sent = 0;

	(void)state;
	for (int i = 0; i < 10000000; i++, now += step) {
		const unsigned left = kiss_limit_left(&limit, now, hz, 32);

		kiss_limit_take(&limit, hz, left);
		sent += left;
	}
	assert_in_range(sent, KISS_BURST + 10 * KISS_RATE - 2, KISS_BURST + 10 * KISS_RATE);
	/* After a rest, a burst and no more; and a counter that begins anew is no reason for silence. */
	now += 3600 * hz;
	for (sent = 0; kiss_limit_left(&limit, now, hz, 32); sent++)
		kiss_limit_take(&limit, hz, 1);
	assert_int_equal(sent, KISS_BURST);
	assert_int_equal(kiss_limit_left(&limit, 5, hz, 32), 32);
	limit = (struct kiss_limit){0};
	assert_int_equal(kiss_limit_left(&limit, 0, 0, 32), 0);
	/* Over the counter's end there is nothing to be had. */
	now = UINT64_MAX - hz / 2;
	for (sent = 0; sent < KISS_BURST; sent++)
		kiss_limit_take(&limit, hz, kiss_limit_left(&limit, now, hz, 1));
	assert_int_equal(kiss_limit_left(&limit, now, hz, 32), 0);
	assert_in_range(kiss_limit_left(&limit, now + hz, hz, UINT16_MAX), KISS_RATE - 1, KISS_RATE);
}

static char one_of(const char *letters)
{
	return letters[below((unsigned)strlen(letters))];
}

static void add_letters(char *to, unsigned most, const char *letters)
{
	char *end = to + strlen(to);

	for (unsigned n = below(most + 1); n > 0; n--)
		*end++ = one_of(letters);
	*end = 0;
}

static void shuffle(char *letters)
{
	for (size_t n = strlen(letters); n > 1; n--) {
		const size_t with = below((unsigned)n);
		const char letter = letters[n - 1];

		letters[n - 1] = letters[with];
		letters[with] = letter;
	}
}

/* Half of them sound, the others anything. */
static void draw_shape(struct nts_golden_shape *shape, char *clear, char *inner)
{
	static const uint32_t ids[] = {
		NTS_GOLDEN_FUTURE, NTS_GOLDEN_EXPIRED, NTS_GOLDEN_OTHER_AEAD, NTS_GOLDEN_UNKNOWN};

	*clear = *inner = 0;
	if (below(2)) {
		strcpy(clear, below(4) ? "ic" : "jc");
		add_letters(clear, 4, below(8) ? "pppu" : "ppuqmij");
		shuffle(clear);
		strcat(clear, "a");
		add_letters(clear, 2, "uicpqxb");
	} else {
		add_letters(clear, 10, "iiijscccklxpppmquaaab");
	}
	add_letters(inner, below(3) ? 0 : 6, below(8) ? "ppu" : "ppuicqb");
	*shape = (struct nts_golden_shape){.clear = clear, .inner = inner};
	shape->gcm_siv = below(2);
	if (below(2) == 0)
		shape->nonce = shape->gcm_siv && below(2) ? 12 : (uint8_t)below(40);
	if (below(2) == 0)
		shape->padding = (uint8_t)(4 * below(7));
	if (below(8) == 0)
		shape->key_id = ids[below(sizeof(ids) / sizeof(ids[0]))];
}

static unsigned count_of(const char *letters, size_t size, const char *which)
{
	unsigned count = 0;

	for (size_t i = 0; i < size; i++)
		count += strchr(which, letters[i]) != NULL;
	return count;
}

/* What RFC 8915 asks, said of the letters: the cookies of the reply, 0 for none. */
static unsigned cookies_due(const struct nts_golden_shape *s)
{
	const size_t before = strcspn(s->clear, "ab"), inner = strlen(s->inner);
	const unsigned nonce = s->nonce ? s->nonce : s->gcm_siv ? 12 : 16;
	const unsigned wanted = 1 + count_of(s->clear, before, "p") + count_of(s->inner, inner, "p");

	if (s->clear[before] != 'a' || count_of(s->clear, before, "ij") != 1 ||
		count_of(s->clear, before, "c") != 1 || count_of(s->clear, before, "sklxmq") != 0 ||
		count_of(s->inner, inner, "pu") != inner)
		return 0;
	if (s->gcm_siv ? nonce != 12 : (nonce + 3) / 4 * 4 + s->padding < 16)
		return 0;
	if (s->key_id && s->key_id != NTS_GOLDEN_FUTURE)
		return 0;
	return wanted < 8 ? wanted : 8;
}

/* Turn a bit of what is protected: nothing may come of it but a refusal. */
static void turn_protected_bit(struct nts_golden_case *c)
{
	static uint8_t octets[GOLDEN_FRAME_MAX];
	const unsigned range = c->protected_end + c->nonce_size + 16U;
	unsigned at = below(range);

	if (at >= c->protected_end + (unsigned)c->nonce_size)
		at = at - c->protected_end - c->nonce_size + c->tag;
	else if (at >= c->protected_end)
		at = at - c->protected_end + c->nonce;
	memcpy(octets, c->frame + c->ntp, c->ntp_size);
	octets[at] ^= (uint8_t)(1 << below(8));
	nts_golden_wrap(octets, c->ntp_size, (enum nts_golden_over)below(NTS_OVERS), c);
}

/* Turn a bit anywhere after the header. */
static void turn_any_bit(struct nts_golden_case *c)
{
	static uint8_t octets[GOLDEN_FRAME_MAX];
	const unsigned at = 48 + below(c->ntp_size - 48U);

	memcpy(octets, c->frame + c->ntp, c->ntp_size);
	octets[at] ^= (uint8_t)(1 << below(8));
	nts_golden_wrap(octets, c->ntp_size, (enum nts_golden_over)below(NTS_OVERS), c);
}

static void test_random(void **state)
{
	static struct nts_golden_case cases[BURST_MAX];
	unsigned answered = 0, kissed = 0, turned = 0;

	(void)state;
	for (unsigned done = 0; done < RANDOM_REQUESTS;) {
		const unsigned n = 1 + below(BURST_MAX);
		const bool offload = below(2);
		struct packet packets[BURST_MAX];
		/* cookies that must come: with a bit turned in what is protected, none; else, any or none */
		unsigned due[BURST_MAX], kisses = BURST_MAX;
		bool sure[BURST_MAX];

		for (unsigned i = 0; i < n; i++) {
			struct nts_golden_shape shape;
			char clear[LETTERS_MAX], inner[LETTERS_MAX];

			draw_shape(&shape, clear, inner);
			nts_golden_build(&shape, (enum nts_golden_over)below(NTS_OVERS), &cases[i]);
			strcpy(cases[i].name, clear);
			due[i] = cookies_due(&shape);
			sure[i] = true;
			if (below(4) == 0 && due[i]) {
				turn_protected_bit(&cases[i]);
				due[i] = 0;
				turned++;
			} else if (below(8) == 0 && cases[i].ntp_size > 48) {
				turn_any_bit(&cases[i]);
				sure[i] = false;
			}
			packets[i] = packet_of(cases[i].frame, cases[i].length);
		}
		serve(packets, n, offload, &kisses);
		for (unsigned i = 0; i < n; i++) {
			const bool good = packets[i].verdict == VERDICT_NTS_ANSWERED;

			if (sure[i] && good != (due[i] > 0))
				fail_msg("%s is %s, and should have %u cookies", cases[i].name,
					verdict_info[packets[i].verdict].name, due[i]);
			check(&cases[i], &packets[i], sure[i] ? due[i] : NTS_JUDGE_ANY_COOKIES, true,
				offload);
			answered += good;
			kissed += is_refused(packets[i].verdict);
			free(packets[i].data);
		}
		done += n;
	}
	assert_true(answered > RANDOM_REQUESTS / 8 && kissed > RANDOM_REQUESTS / 8);
	assert_true(turned > RANDOM_REQUESTS / 20);
}

static void build_one(struct nts_golden_case *c)
{
	struct nts_golden_shape shape;
	char clear[LETTERS_MAX], inner[LETTERS_MAX];

	/* half of them as clients ask, so that lanes are full now and then */
	draw_shape(&shape, clear, inner);
	if (below(2))
		shape = (struct nts_golden_shape){.clear = below(4) ? "ica" : "icppa", .gcm_siv = below(2)};
	nts_golden_build(&shape, (enum nts_golden_over)below(NTS_OVERS), c);
	if (below(6) == 0 && c->protected_end)
		turn_protected_bit(c);
	else if (below(12) == 0 && c->ntp_size > 48)
		turn_any_bit(c);
}

/*
 * Octet for octet what the portable back-end and packet lane make of the same: its nonces come from the same
 * seed, and each is drawn for the same purpose.
 */
static void test_equal(void **state)
{
	static const uint8_t seed[NTS_LANE_SEED] = "the same for two";
	struct nts_lane *const mine = lane;
	struct nts_lane *pair[2] = {nts_lane_new(backend, packet_lane_best(), seed),
		nts_lane_new(siv_backend_find("openssl"), packet_lane_find("generic"), seed)};
	unsigned answered = 0;

	(void)state;
	assert_true(pair[0] && pair[1]);
	if (strcmp(backend->name, "openssl") == 0) {
		print_message("openssl is what the others are compared with\n");
		nts_lane_free(pair[0]);
		nts_lane_free(pair[1]);
		skip();
	}
	nts_lane_keyring(pair[0], &ring);
	nts_lane_keyring(pair[1], &ring);
	for (unsigned done = 0; done < EQUAL_REQUESTS;) {
		const unsigned n = below(4) ? BURST_MAX : 1 + below(BURST_MAX);
		struct packet packets[2][BURST_MAX];
		unsigned kisses[2] = {BURST_MAX / 2, BURST_MAX / 2};

		for (unsigned i = 0; i < n; i++) {
			build_one(&current);
			for (unsigned p = 0; p < 2; p++)
				packets[p][i] = packet_of(current.frame, current.length);
		}
		for (unsigned p = 0; p < 2; p++) {
			lane = pair[p];
			serve(packets[p], n, done & 1, &kisses[p]);
		}
		assert_int_equal(kisses[0], kisses[1]);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(packets[0][i].verdict, packets[1][i].verdict);
			assert_int_equal(packets[0][i].flags, packets[1][i].flags);
			assert_int_equal(packets[0][i].length, packets[1][i].length);
			assert_memory_equal(packets[0][i].data, packets[1][i].data, packets[1][i].length);
			answered += packets[0][i].verdict == VERDICT_NTS_ANSWERED;
			free(packets[0][i].data);
			free(packets[1][i].data);
		}
		done += n;
	}
	assert_true(answered > EQUAL_REQUESTS / 3);
	nts_lane_free(pair[0]);
	nts_lane_free(pair[1]);
	lane = mine;
}

/* A client with cookies under this key, for one of the AEADs. */
static struct nts_client client_under(struct siv *siv, const struct keyring_key *key, bool gcm_siv)
{
	const uint16_t aead = gcm_siv ? AEAD_AES_128_GCM_SIV : AEAD_AES_SIV_CMAC_256;
	struct nts_client client = {.aead = aead, .keys = *nts_golden_keys(gcm_siv), .cookies = KE_COOKIES};

	for (unsigned i = 0; i < KE_COOKIES; i++) {
		const uint8_t nonce[COOKIE_NONCE] = {(uint8_t)(i + 1)};
		struct cookie_sealing sealing = {.aead = aead,
			.cookie = client.cookie[i].octets,
			.nonce = nonce,
			.keys = &client.keys};

		cookie_seal(siv, key, &sealing, 1);
		assert_true(sealing.done);
		client.cookie[i].size = (uint16_t)cookie_size_under(key->algorithm, aead);
	}
	return client;
}

/* n requests of clients at once, some of either AEAD; how many got a new cookie of the current key's. */
static unsigned exchange(
	struct siv *siv, const struct keyring_key *under, const struct keyring_key *seals, unsigned n)
{
	static struct nts_client client[BURST_MAX];
	static struct nts_golden_case c;
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE] = "an identifier of 32 octets ....",
		      nonce[16] = "n";
	struct packet packets[BURST_MAX];
	unsigned kisses = 0, got = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t octets[NTS_CLIENT_REQUEST_MAX] = {4 << 3 | 3};
		size_t size;

		client[i] = client_under(siv, under, i & 1);
		size = nts_client_protect(&client[i], siv, octets, identifier, nonce);
		assert_true(size > 0);
		nts_golden_wrap(octets, (uint16_t)size, NTS_OVER_IPV4, &c);
		packets[i] = packet_of(c.frame, c.length);
	}
	serve(packets, n, false, &kisses);
	for (unsigned i = 0; i < n; i++) {
		const unsigned before = client[i].cookies;
		enum nts_client_verdict verdict;

		assert_int_equal(packets[i].verdict, VERDICT_NTS_ANSWERED);
		verdict = nts_client_judge(&client[i], siv, packets[i].data + c.ntp,
			packets[i].length - (size_t)c.ntp, identifier);
		if (verdict == NTS_CLIENT_AUTHENTIC) {
			const struct ke_client_cookie *cookie = &client[i].cookie[client[i].cookies - 1];
			struct cookie_opening o = {.cookie = cookie->octets, .size = cookie->size};

			assert_int_equal(client[i].cookies, before + 1);
			assert_int_equal(cookie->size, cookie_size_under(seals->algorithm, client[i].aead));
			cookie_open(siv, &ring, NTS_GOLDEN_NOW, &o, 1);
			assert_int_equal(o.verdict, COOKIE_OPENED);
			assert_int_equal(o.aead, client[i].aead);
			assert_memory_equal(&o.keys, &client[i].keys, sizeof(o.keys));
			got++;
		} else {
			assert_int_equal(verdict, NTS_CLIENT_NO_COOKIE);
		}
		free(packets[i].data);
	}
	return got;
}

/*
 * Master keys of AES-128-GCM-SIV, as of a newer chrony's file, alone and beside one of ours, one request and
 * many. Where ours takes over, its cookies do not fit in place of the shorter ones.
 */
static void test_gcm_siv_keys(void **state)
{
	struct siv *siv = siv_new(backend);
	struct keyring_key *old = &ring.key[2], *seals = &ring.key[1];

	(void)state;
	assert_non_null(siv);
	old->algorithm = AEAD_AES_128_GCM_SIV;
	memset(old->key + GCM_SIV_KEY, 0, SIV_KEY - GCM_SIV_KEY);
	nts_lane_keyring(lane, &ring);
	assert_int_equal(exchange(siv, old, seals, BURST_MAX), 0);
	assert_int_equal(exchange(siv, old, seals, 1), 0);
	seals->algorithm = AEAD_AES_128_GCM_SIV;
	memset(seals->key + GCM_SIV_KEY, 0, SIV_KEY - GCM_SIV_KEY);
	nts_lane_keyring(lane, &ring);
	assert_int_equal(exchange(siv, old, seals, BURST_MAX), BURST_MAX);
	assert_int_equal(exchange(siv, seals, seals, BURST_MAX), BURST_MAX);
	assert_int_equal(exchange(siv, seals, seals, 2), 2);
	nts_golden_keyring(&ring);
	*old = (struct keyring_key){.id = old->id,
		.algorithm = AEAD_AES_SIV_CMAC_256,
		.not_before = old->not_before,
		.not_after = old->not_after};
	seals->algorithm = AEAD_AES_128_GCM_SIV;
	memset(seals->key + GCM_SIV_KEY, 0, SIV_KEY - GCM_SIV_KEY);
	nts_lane_keyring(lane, &ring);
	assert_int_equal(exchange(siv, old, seals, BURST_MAX), BURST_MAX);
	nts_golden_keyring(&ring);
	nts_lane_keyring(lane, &ring);
	siv_free(siv);
}

/* A burst on a stack that can be looked at afterwards. */
static void *serve_on_own_stack(void *packets)
{
	const struct reply reply = reply_of(false);
	unsigned kisses = 0;

	classify_burst(&policy, packets, BURST_MAX);
	nts_lane_open(lane, packets, BURST_MAX, NTS_GOLDEN_NOW, &kisses);
	nts_lane_seal(lane, &reply, packets, BURST_MAX);
	return NULL;
}

static bool stack_holds_key(const uint8_t *stack, size_t size)
{
	static const uint8_t zero[SIV_BLOCK];
	bool held = false;

	for (size_t at = 0; at < 2 * sizeof(struct cookie_keys); at += SIV_BLOCK) {
		const uint8_t *key = (const uint8_t *)nts_golden_keys(at / sizeof(struct cookie_keys)) +
				     at % sizeof(struct cookie_keys);

		held |= memcmp(key, zero, SIV_BLOCK) != 0 && memmem(stack, size, key, SIV_BLOCK) != NULL;
	}
	return held;
}

/* Clients of both AEADs in lanes, and of odd shapes by themselves. */
static void test_stack_is_erased(void **state)
{
	enum { SIZE = 1 << 20 };
	struct packet packets[BURST_MAX];
	uint8_t *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;

	(void)state;
	assert_ptr_not_equal(stack, MAP_FAILED);
	for (unsigned i = 0; i < BURST_MAX; i++) {
		const struct nts_golden_shape shape = {
			.clear = "ica", .inner = i % 8 == 7 ? "p" : NULL, .gcm_siv = i & 1};

		nts_golden_build(&shape, NTS_OVER_IPV4, &current);
		packets[i] = packet_of(current.frame, current.length);
	}
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attributes, serve_on_own_stack, packets), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	for (unsigned i = 0; i < BURST_MAX; i++) {
		assert_int_equal(packets[i].verdict, VERDICT_NTS_ANSWERED);
		free(packets[i].data);
	}
	assert_false(stack_holds_key(stack, SIZE));
	munmap(stack, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_every_verdict_is_reached),
		cmocka_unit_test(test_empty_ring),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_keyring_swap),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_keys_are_erased),
		cmocka_unit_test(test_stack_is_erased),
		cmocka_unit_test(test_gcm_siv_keys),
		cmocka_unit_test(test_stripped_tag),
		cmocka_unit_test(test_unsynchronised),
		cmocka_unit_test(test_mixed_bursts),
		cmocka_unit_test(test_full_burst),
		cmocka_unit_test(test_kisses),
		cmocka_unit_test(test_kiss_limit),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_equal),
	};

	return run_each_backend("nts lane", tests, sizeof(tests) / sizeof(tests[0]), make, unmake);
}
