/*
 * Fuzz target: an octet that says what the port did, then a frame; and what must hold of every outcome. Each
 * packet lane that the CPU supports comes to the same one, alone and among usual requests.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/answer.h"
#include "dataplane/classify.h"
#include "dataplane/packet_lane.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "tests/golden.h"

/* Of the first octet, beside PACKET_* in the lower five. */
enum { FUZZ_PACKET_FLAGS = 0x1f, FUZZ_OFFLOAD = 0x20, FUZZ_UNSYNCHRONISED = 0x40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void prepare(struct reply *reply, struct policy *policy, unsigned first)
{
	struct timebase timebase;

	golden_policy(policy);
	golden_timebase(&timebase);
	if (first & FUZZ_UNSYNCHRONISED)
		timebase.leap = NTP_LEAP_UNSYNC;
	reply_prepare(reply, &timebase, policy, -24, first & FUZZ_OFFLOAD, 2000000000, 2000001000, 0x1234567);
}

/*
 * Whoever got this reply must not answer it, be it one of us with any address served: two servers would talk
 * for ever.
 */
static void require_no_loop(const struct packet *reply)
{
	const unsigned at = reply->is_ipv6 ? 24 : 16;
	struct packet echo = *reply;
	struct policy other;
	uint8_t address[16];

	policy_init(&other);
	if (reply->is_ipv6)
		memcpy(address, reply->data + reply->l3 + at, 16);
	else
		policy_map_ipv4(address, reply->data + reply->l3 + at);
	require(policy_serve(&other, address, SERVED_ANY_VLAN));
	other.ntp_port =
		load_be16(reply->data + reply->l3 + (reply->is_ipv6 ? IPV6_HEADER : IPV4_HEADER) + 2);
	echo.flags = (uint8_t)(reply->flags | PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD);
	classify_burst(&other, &echo, 1);
	require(echo.verdict != VERDICT_ANSWERED);
	require(echo.verdict == VERDICT_MODE_SERVER || echo.verdict == VERDICT_MODE_PASSIVE);
}

static void require_good_reply(const struct packet *reply, const uint8_t *request, size_t length)
{
	const unsigned header = reply->is_ipv6 ? IPV6_HEADER : IPV4_HEADER;
	const uint8_t *ntp = reply->data + reply->l3 + header + UDP_HEADER;
	const uint8_t *asked = request + reply->l3 + header + UDP_HEADER;
	const unsigned mode = ntp_lvm_mode(asked[0]);

	require(reply->l3 == 14 || reply->l3 == 18 || reply->l3 == 22);
	require(reply->length <= length);
	require(reply->length == reply->l3 + header + UDP_HEADER + NTP_HEADER_SIZE);
	require(memcmp(reply->data, request + 6, 6) == 0 && memcmp(reply->data + 6, request, 6) == 0);
	require(!(reply->data[0] & 1) && !(reply->data[6] & 1));
	require(memcmp(reply->data + 12, request + 12, reply->l3 - 12U) == 0);
	require(mode == NTP_MODE_CLIENT || mode == NTP_MODE_ACTIVE || mode == NTP_MODE_RESERVED);
	require(ntp_lvm_mode(ntp[0]) == (mode == NTP_MODE_ACTIVE ? NTP_MODE_PASSIVE : NTP_MODE_SERVER));
	require(ntp_lvm_version(ntp[0]) == ntp_lvm_version(asked[0]));
	require(memcmp(ntp + 24, asked + 40, 8) == 0 && memcmp(ntp + 24, ntp + 40, 8) != 0);
	require(load_be64(ntp + 40) > load_be64(ntp + 32));
}

enum { AMONG = 8 };

/* The frame in one place of a burst of usual ones, by one lane. The caller frees `data` of each. */
static void run_among(const struct packet_lane *lane, const struct policy *policy, const struct reply *reply,
	struct packet packets[AMONG], const uint8_t *frame, const struct packet *fuzzed)
{
	static uint8_t usual[GOLDEN_FRAME_MAX];
	const struct golden_shape shape = {.poll = 6};
	const uint16_t length = golden_build(&shape, usual);

	for (unsigned i = 0; i < AMONG; i++) {
		const bool odd = i == fuzzed->length % AMONG;

		packets[i] = *fuzzed;
		packets[i].length = odd ? fuzzed->length : length;
		if (!odd)
			packets[i].flags = PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD;
		packets[i].data = malloc(packets[i].length + (packets[i].length == 0));
		require(packets[i].data != NULL);
		memcpy(packets[i].data, odd ? frame : usual, packets[i].length);
	}
	lane->classify(policy, packets, AMONG);
	lane->answer(reply, packets, AMONG);
}

static void require_equal_lanes(const struct policy *policy, const struct reply *reply, const uint8_t *frame,
	const struct packet *fuzzed)
{
	struct packet wanted[AMONG], packets[AMONG];

	run_among(packet_lane_find("generic"), policy, reply, wanted, frame, fuzzed);
	for (unsigned l = 0; packet_lanes[l]; l++) {
		if (!packet_lanes[l]->supported())
			continue;
		run_among(packet_lanes[l], policy, reply, packets, frame, fuzzed);
		for (unsigned i = 0; i < AMONG; i++) {
			require(memcmp(&packets[i].length, &wanted[i].length,
					sizeof(packets[i]) - offsetof(struct packet, length)) == 0);
			require(memcmp(packets[i].data, wanted[i].data, wanted[i].length) == 0);
			free(packets[i].data);
		}
	}
	for (unsigned i = 0; i < AMONG; i++)
		free(wanted[i].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet packet = {.vlan_tci = GOLDEN_STRIPPED_TCI};
	struct policy policy;
	struct reply reply;
	size_t length;

	if (size < 1 || size - 1 > UINT16_MAX)
		return 0;
	length = size - 1;
	packet.data = malloc(length ? length : 1);
	require(packet.data != NULL);
	memcpy(packet.data, data + 1, length);
	packet.length = (uint16_t)length;
	packet.flags = data[0] & FUZZ_PACKET_FLAGS;
	packet.verdict = UINT8_MAX;
	prepare(&reply, &policy, data[0]);
	require_equal_lanes(&policy, &reply, data + 1, &packet);
	classify_burst(&policy, &packet, 1);
	require(packet.verdict < VERDICT_COUNT);
	require(memcmp(packet.data, data + 1, length) == 0);
	answer_burst(&reply, &packet, 1);
	if (packet.verdict == VERDICT_ANSWERED) {
		require_good_reply(&packet, data + 1, length);
		require_no_loop(&packet);
	} else {
		require(packet.length == length && memcmp(packet.data, data + 1, length) == 0);
	}
	free(packet.data);
	return 0;
}
