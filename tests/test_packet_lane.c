/* Each packet lane beside the generic one: the same verdicts, the same octets, whatever is among usual
 * requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/random.h"
#include "dataplane/classify.h"
#include "dataplane/packet_lane.h"
#include "ntp/octets.h"
#include "tests/golden.h"

enum {
	BURST = 32,
	HEADROOM_MOST = 130,
	RANDOM_PACKETS = 1000000,
	GOOD = PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD
};

static const struct packet_lane *lane; /* the one whose turn it is */
static struct policy policy;
static struct timebase timebase;
static uint64_t random_state;

/* Always the same sequence. */
static uint64_t next_random(void)
{
	return random_next(&random_state);
}

static unsigned below(unsigned limit)
{
	return (unsigned)(next_random() % limit);
}

/* A burst twice: for the lane and for the generic one. */
struct bed {
	unsigned n;
	struct packet ours[BURST], generic[BURST];
	uint8_t *block[2][BURST];
};

/* Each frame ends where its block does, so that the address sanitizer sees the first octet too many. */
static uint8_t *make_block(const uint8_t *frame, uint16_t length, unsigned headroom)
{
	uint8_t *block = malloc(headroom + length + (headroom + length == 0));

	assert_non_null(block);
	memset(block, 0xd5, headroom);
	memcpy(block + headroom, frame, length);
	return block;
}

static void add_frame(
	struct bed *bed, const uint8_t *frame, uint16_t length, unsigned flags, unsigned headroom)
{
	const unsigned i = bed->n++;
	/* What was in the results before must not matter, nor come through. */
	struct packet packet = {.length = length,
		.vlan_tci = GOLDEN_STRIPPED_TCI,
		.flags = (uint8_t)flags,
		.verdict = 0xee,
		.l3 = 0xee,
		.is_ipv6 = 1};

	bed->block[0][i] = make_block(frame, length, headroom);
	bed->block[1][i] = make_block(frame, length, headroom);
	packet.data = bed->block[0][i] + headroom;
	bed->ours[i] = packet;
	packet.data = bed->block[1][i] + headroom;
	bed->generic[i] = packet;
}

static void free_bed(struct bed *bed)
{
	for (unsigned i = 0; i < bed->n; i++) {
		free(bed->block[0][i]);
		free(bed->block[1][i]);
	}
	bed->n = 0;
}

/* All that struct packet says but where the frame is; the octets at it, and those before it. */
static void compare(const struct bed *bed, const char *step)
{
	for (unsigned i = 0; i < bed->n; i++) {
		const struct packet *a = &bed->ours[i], *b = &bed->generic[i];
		const size_t headroom = (size_t)(a->data - bed->block[0][i]);

		if (memcmp(&a->length, &b->length, sizeof(*a) - offsetof(struct packet, length)) != 0)
			fail_msg("%s: packet %u of %u: %s and %u octets, generic: %s and %u", step, i, bed->n,
				verdict_info[a->verdict].name, a->length, verdict_info[b->verdict].name,
				b->length);
		assert_memory_equal(bed->block[0][i], bed->block[1][i], headroom + b->length);
	}
}

/* Gives how many were answered. */
static unsigned run(struct bed *bed, const struct reply *reply)
{
	unsigned answered = 0;

	lane->classify(&policy, bed->ours, bed->n);
	classify_burst(&policy, bed->generic, bed->n);
	compare(bed, "classify");
	for (unsigned i = 0; i < bed->n; i++)
		answered += bed->ours[i].verdict == VERDICT_ANSWERED;
	lane->answer(reply, bed->ours, bed->n);
	answer_burst(reply, bed->generic, bed->n);
	compare(bed, "answer");
	free_bed(bed);
	return answered;
}

static void random_reply(struct reply *reply)
{
	golden_timebase(&timebase);
	timebase.leap = (uint8_t)below(4);
	timebase.root_delay = (uint32_t)next_random();
	timebase.reference = next_random();
	policy.min_poll = (int8_t)(below(2) ? below(20) : next_random());
	reply_prepare(reply, &timebase, &policy, (int8_t)(-1 - (int)below(31)), below(2), next_random() >> 20,
		next_random() >> 20, next_random());
}

/* As most clients send it; now and then one whose cookie is our own transmit stamp, as the packet in that
 * place of the burst gets it. */
static uint16_t usual_frame(uint8_t *frame, const struct reply *reply, unsigned place)
{
	static const uint16_t lvms[] = {GOLDEN_LVM(4, 3), GOLDEN_LVM(4, 3), GOLDEN_LVM(3, 3),
		GOLDEN_LVM(2, 3), GOLDEN_LVM(1, 3), GOLDEN_LVM(4, 1), GOLDEN_LVM(3, 1), 0x100 | 0xe3};
	char from[24];
	struct golden_shape shape = {.from = from,
		.from_port = (uint16_t)(1 + below(65535)),
		.lvm = lvms[below(8)],
		.poll = (int8_t)next_random(),
		.transmit = next_random(),
		.padding = below(16) ? 0 : (uint16_t)below(40),
		.udp_checksum = below(16) ? GOLDEN_UDP_RIGHT : (enum golden_udp_checksum)below(4)};

	snprintf(from, sizeof(from), "%u.%u.%u.%u", 128 + below(64), below(256), below(256), below(256));
	if (below(8) == 0)
		shape.transmit = OCTETS_BE64(reply->transmit) | ((reply->fuzz + place) & reply->fuzz_mask);
	if (below(64) == 0)
		shape.transmit = 0;
	return golden_build(&shape, frame);
}

/* Lanes know usual packets by their octets: damage where they look. */
static uint16_t strange_frame(uint8_t *frame, uint16_t length, unsigned *flags)
{
	static struct golden_case other;
	static const uint8_t sources[] = {0, 1, 126, 127, 128, 223, 224, 255};

	switch (below(8)) {
	case 0:
	case 1:
		golden_case(below((unsigned)golden_count()), &other);
		memcpy(frame, other.frame, other.length);
		*flags = other.flags | (below(2) ? GOOD : 0);
		return other.length;
	case 2:
		return (uint16_t)below(length + 1U);
	case 3:
		*flags = below(32);
		return length;
	case 4:
		frame[26] = sources[below(8)];
		return length;
	case 5: /* our own address as the source */
		memcpy(frame + 26, frame + 30, 4);
		return length;
	case 6:
		memset(frame + 34, 0, 2);
		return length;
	default:
		for (unsigned flips = 1 + below(3); flips > 0; flips--)
			frame[below(below(4) ? 46 : length)] ^= (uint8_t)(1 << below(8));
		return length;
	}
}

static void test_random_bursts(void **state)
{
	static const uint8_t strange_of_64[] = {0, 0, 1, 4, 16, 40};
	static uint8_t frame[GOLDEN_FRAME_MAX];
	unsigned total = 0, answered = 0;

	(void)state;
	while (total < RANDOM_PACKETS) {
		const unsigned n = 1 + below(BURST), strange = strange_of_64[below(6)];
		const unsigned port = below(2) ? GOOD : below(3) ? 0 : below(4);
		struct bed bed = {.n = 0};
		struct reply reply;

		random_reply(&reply);
		while (bed.n < n) {
			uint16_t length = usual_frame(frame, &reply, bed.n);
			unsigned flags = port | (below(4) ? 0 : PACKET_UDP_CHECKSUM_PARTIAL);

			if (below(64) < strange)
				length = strange_frame(frame, length, &flags);
			add_frame(&bed, frame, length, flags, below(HEADROOM_MOST));
		}
		answered += run(&bed, &reply);
		total += n;
	}
	print_message("%u of %u random packets answered\n", answered, total);
	assert_true(answered > total / 2 && answered < total);
}

/* Each frame of the table in each place among usual ones, as the port says it has verified it, and as the
 * table has it.
 */
static void test_table_among_usual(void **state)
{
	enum { AMONG = 8 };
	static struct golden_case odd;
	static uint8_t frame[GOLDEN_FRAME_MAX];

	(void)state;
	for (size_t c = 0; c < golden_count(); c++) {
		golden_case(c, &odd);
		for (unsigned way = 0; way < 2; way++) {
			const unsigned place = (unsigned)(c + way) % AMONG;
			struct bed bed = {.n = 0};
			struct reply reply;

			random_reply(&reply);
			while (bed.n < AMONG) {
				if (bed.n == place)
					add_frame(&bed, odd.frame, odd.length,
						way ? odd.flags | GOOD : odd.flags, below(HEADROOM_MOST));
				else
					add_frame(&bed, frame, usual_frame(frame, &reply, bed.n), GOOD,
						below(HEADROOM_MOST));
			}
			run(&bed, &reply);
		}
	}
}

/* Sums of all values, so that all checksums come up, zero too. */
static void test_every_checksum(void **state)
{
	static uint8_t frame[GOLDEN_FRAME_MAX];
	struct reply reply;

	(void)state;
	random_reply(&reply);
	reply.checksum_offload = false;
	for (unsigned value = 0; value < 0x10000;) {
		struct bed bed = {.n = 0};

		while (bed.n < BURST) {
			const struct golden_shape shape = {.transmit = (uint64_t)value++ << 16 | 1};

			add_frame(&bed, frame, golden_build(&shape, frame), value / BURST % 2 ? GOOD : 0, 0);
		}
		assert_int_equal(run(&bed, &reply), BURST);
	}
}

/* Many addresses are served, and many sources miss the filter of our own. */
static void test_many_addresses(void **state)
{
	static uint8_t frame[GOLDEN_FRAME_MAX];
	uint8_t address[16];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		const uint8_t ipv4[4] = {203, 0, 113, (uint8_t)i};

		policy_map_ipv4(address, ipv4);
		assert_true(policy_serve(&policy, address, i % 4 ? SERVED_ANY_VLAN : i % 8 ? 0x1064 : 0));
	}
	for (unsigned round = 0; round < 5000; round++) {
		const unsigned n = 1 + below(BURST), to = below(210), changes = below(3);
		struct bed bed = {.n = 0};
		struct reply reply;

		random_reply(&reply);
		while (bed.n < n) {
			char server[24];
			const struct golden_shape shape = {
				.to = server, .from_port = (uint16_t)(1 + below(65535))};
			uint16_t length;

			snprintf(server, sizeof(server), "203.0.113.%u",
				changes && below(8) == 0 ? below(210) : to);
			length = golden_build(&shape, frame);
			if (below(8) == 0)
				memcpy(frame + 26, (uint8_t[4]){203, 0, 113, (uint8_t)below(210)}, 4);
			add_frame(&bed, frame, length, GOOD, 0);
		}
		run(&bed, &reply);
	}
	golden_policy(&policy);
}

static void test_names(void **state)
{
	(void)state;
	assert_ptr_equal(packet_lane_find(lane->name), lane);
	assert_null(packet_lane_find("gpu"));
	assert_true(packet_lane_best()->supported());
	assert_true(packet_lane_find("generic")->supported());
}

static int prepare(void **state)
{
	(void)state;
	random_state = UINT64_C(0x7469636b77697265);
	golden_policy(&policy);
	golden_timebase(&timebase);
	return 0;
}

static void skip_lane(void **state)
{
	(void)state;
	print_message("this CPU does not support %s\n", lane->name);
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_random_bursts),
		cmocka_unit_test(test_table_among_usual),
		cmocka_unit_test(test_every_checksum),
		cmocka_unit_test(test_many_addresses),
	};
	enum { TESTS = sizeof(tests) / sizeof(tests[0]) };
	int failed = 0;

	for (unsigned l = 0; packet_lanes[l]; l++) {
		struct CMUnitTest named[TESTS];
		char name[TESTS][80];

		lane = packet_lanes[l];
		for (unsigned i = 0; i < TESTS; i++) {
			snprintf(name[i], sizeof(name[i]), "%s@%s", tests[i].name, lane->name);
			named[i] = tests[i];
			named[i].name = name[i];
			if (!lane->supported())
				named[i].test_func = skip_lane;
		}
		failed += cmocka_run_group_tests_name("packet lane", named, prepare, NULL);
	}
	return failed;
}
