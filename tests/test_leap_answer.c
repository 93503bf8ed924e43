/*
 * Replies at a leap second, and while the clock is silent: every burst is of one side, that of its reception.
 * Against expectations by hand; tests/test_answer.c compares random ones with the reference responder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dataplane/answer.h"
#include "dataplane/classify.h"
#include "dataplane/packet_lane.h"
#include "dataplane/verdict.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "tests/golden.h"

enum { BURST = 8, NTP_AT = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER };

static const uint64_t midnight = UINT64_C(3692217600); /* 2017-01-01 */
static const uint64_t second = 1000000000;             /* ticks */

/* 2016-12-31 23:59:50 at counter 10^9; one tick is a nanosecond. */
static void prepare_timebase(struct timebase *tb, int sign)
{
	golden_timebase(tb);
	tb->time = (midnight - 10) << 32;
	tb->reference = tb->time - NTP64_SECOND / 2;
	tb->leap = sign > 0 ? NTP_LEAP_INSERT : NTP_LEAP_DELETE;
	tb->leap_step = sign * (int64_t)NTP64_SECOND;
	tb->leap_at = tb->counter + (sign > 0 ? 10 : 9) * second;
}

struct stamps {
	unsigned leap;
	uint64_t reference, receive, transmit;
};

/* A burst by one lane: what all of its replies say. */
static struct stamps answer_by(
	const struct packet_lane *lane, const struct timebase *tb, uint64_t received, uint64_t sent)
{
	static struct golden_case c;
	static uint8_t frames[BURST][GOLDEN_FRAME_MAX];
	struct packet packets[BURST];
	struct stamps all = {0};
	struct policy policy;
	struct reply reply;

	golden_policy(&policy);
	golden_case(0, &c);
	assert_string_equal(c.name, "v4");
	for (int i = 0; i < BURST; i++) {
		memcpy(frames[i], c.frame, sizeof(c.frame));
		packet_take(&packets[i], frames[i], c.length, 0, 0);
	}
	lane->classify(&policy, packets, BURST);
	reply_prepare(&reply, tb, &policy, -24, false, received, sent, 0);
	lane->answer(&reply, packets, BURST);
	for (int i = 0; i < BURST; i++) {
		const uint8_t *ntp = frames[i] + NTP_AT;
		const struct stamps one = {ntp_lvm_leap(ntp[0]), load_be64(ntp + 16),
			load_be64(ntp + 32) & ~UINT64_C(0xff), load_be64(ntp + 40) & ~UINT64_C(0xff)};

		assert_int_equal(packets[i].verdict, VERDICT_ANSWERED);
		if (i == 0)
			all = one;
		assert_memory_equal(&all, &one, sizeof(all));
	}
	return all;
}

/* ... and by all lanes, which agree. */
static struct stamps answer(const struct timebase *tb, uint64_t received, uint64_t sent)
{
	const struct stamps s = answer_by(packet_lane_best(), tb, received, sent);

	for (int i = 0; packet_lanes[i]; i++) {
		struct stamps other;

		if (!packet_lanes[i]->supported())
			continue;
		other = answer_by(packet_lanes[i], tb, received, sent);
		assert_memory_equal(&other, &s, sizeof(s));
	}
	assert_true(ntp64_diff(s.transmit, s.receive) > 0);
	assert_true(ntp64_diff(s.receive, s.reference) > 0);
	return s;
}

/* Units since the last midnight before the leap second, within the precision. */
static void assert_stamp(uint64_t stamp, int64_t seconds, int64_t microseconds)
{
	const int64_t units = (int64_t)(stamp - (midnight << 32));
	const int64_t expected =
		seconds * (int64_t)NTP64_SECOND + microseconds * (int64_t)NTP64_SECOND / 1000000;

	assert_in_range(units - expected + 4096, 0, 8192);
}

static void test_insertion(void **state)
{
	struct timebase tb;
	struct stamps s;

	(void)state;
	prepare_timebase(&tb, 1);
	s = answer(&tb, tb.leap_at - 300000, tb.leap_at - 200000);
	assert_int_equal(s.leap, NTP_LEAP_INSERT);
	assert_stamp(s.receive, 0, -300);
	assert_stamp(s.transmit, 0, -200);
	assert_stamp(s.reference, -11, 500000);
	/* Across: of the side that it came in on. */
	s = answer(&tb, tb.leap_at - 100000, tb.leap_at + 100000);
	assert_int_equal(s.leap, NTP_LEAP_INSERT);
	assert_stamp(s.receive, 0, -100);
	assert_stamp(s.transmit, 0, 100);
	assert_stamp(s.reference, -11, 500000);
	s = answer(&tb, tb.leap_at, tb.leap_at + 100000);
	assert_int_equal(s.leap, NTP_LEAP_NONE);
	assert_stamp(s.receive, -1, 0);
	assert_stamp(s.transmit, -1, 100);
	assert_stamp(s.reference, -12, 500000);
	s = answer(&tb, tb.leap_at + 2 * second, tb.leap_at + 2 * second + 100000);
	assert_int_equal(s.leap, NTP_LEAP_NONE);
	assert_stamp(s.receive, 1, 0);
}

static void test_deletion(void **state)
{
	struct timebase tb;
	struct stamps s;

	(void)state;
	prepare_timebase(&tb, -1);
	s = answer(&tb, tb.leap_at - 300000, tb.leap_at - 200000);
	assert_int_equal(s.leap, NTP_LEAP_DELETE);
	assert_stamp(s.receive, -1, -300);
	s = answer(&tb, tb.leap_at - 100000, tb.leap_at + 100000);
	assert_int_equal(s.leap, NTP_LEAP_DELETE);
	assert_stamp(s.receive, -1, -100);
	assert_stamp(s.transmit, -1, 100);
	s = answer(&tb, tb.leap_at, tb.leap_at + 100000);
	assert_int_equal(s.leap, NTP_LEAP_NONE);
	assert_stamp(s.receive, 0, 0);
	assert_stamp(s.transmit, 0, 100);
	assert_stamp(s.reference, -10, 500000);
}

/* The publication that no longer has the turn says the same as the one that has. */
static void test_both_publications_agree(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct timebase with, without;

		prepare_timebase(&with, sign);
		without = with;
		without.time -= (ntp64)with.leap_step;
		without.reference -= (ntp64)with.leap_step;
		without.leap = NTP_LEAP_NONE;
		without.leap_step = 0;
		without.leap_at = 0;
		for (uint64_t after = 0; after < 5 * second; after += second / 7) {
			const uint64_t received = with.leap_at + after;
			const struct stamps a = answer(&with, received, received + 50000);
			const struct stamps b = answer(&without, received, received + 50000);

			assert_memory_equal(&a, &b, sizeof(a));
		}
	}
}

/* Unsynchronised stays so on both sides. */
static void test_unsynchronised(void **state)
{
	struct timebase tb;

	(void)state;
	prepare_timebase(&tb, 1);
	tb.leap = NTP_LEAP_UNSYNC;
	assert_int_equal(answer(&tb, tb.leap_at - 2, tb.leap_at - 1).leap, NTP_LEAP_UNSYNC);
	assert_int_equal(answer(&tb, tb.leap_at, tb.leap_at + 1).leap, NTP_LEAP_UNSYNC);
	tb.leap = NTP_LEAP_INSERT;
	tb.valid_until = tb.leap_at;
	assert_int_equal(answer(&tb, tb.leap_at - 2, tb.leap_at + 1).leap, NTP_LEAP_UNSYNC);
}

/* What would be answered is not; all else keeps its verdict and its octets. */
static void test_silence(void **state)
{
	static struct golden_case c;
	unsigned silenced = 0;
	struct policy policy;

	(void)state;
	golden_policy(&policy);
	for (size_t i = 0; i < golden_count(); i++) {
		uint8_t frame[GOLDEN_FRAME_MAX];
		struct packet packet;
		enum verdict before;

		golden_case(i, &c);
		memcpy(frame, c.frame, sizeof(frame));
		packet_take(&packet, frame, c.length, c.vlan_tci, c.flags);
		classify_burst(&policy, &packet, 1);
		before = packet.verdict;
		answer_silence(&packet, 1);
		if (verdict_info[before].disposition == DISPOSITION_ANSWER) {
			assert_int_equal(packet.verdict, VERDICT_CLOCK_SILENT);
			silenced++;
		} else {
			assert_int_equal(packet.verdict, before);
		}
		assert_memory_equal(frame, c.frame, sizeof(frame));
		assert_int_equal(packet.length, c.length);
	}
	assert_int_equal(verdict_info[VERDICT_CLOCK_SILENT].disposition, DISPOSITION_DROP);
	assert_true(silenced > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insertion),
		cmocka_unit_test(test_deletion),
		cmocka_unit_test(test_both_publications_agree),
		cmocka_unit_test(test_unsynchronised),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests_name("leap answer", tests, NULL, NULL);
}
