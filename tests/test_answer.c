/* From frame to reply: the golden table, what must hold of every reply, and a second responder's opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/random.h"
#include "dataplane/answer.h"
#include "dataplane/classify.h"
#include "ntp/packet.h"
#include "tests/golden.h"
#include "tests/reference_responder.h"

enum { GUARD = 64, GUARD_OCTET = 0xd5, BURST = 32, RANDOM_REQUESTS = 1000000 };

/* A frame between guards, and what it was. */
struct stage {
	uint8_t arena[GUARD + GOLDEN_FRAME_MAX + GUARD];
	uint8_t before[GOLDEN_FRAME_MAX];
	uint16_t length;
};

static struct stage stages[BURST];
static struct policy policy;
static struct timebase timebase;
static uint64_t random_state = UINT64_C(0x7469636b77697265);

/* Always the same sequence. */
static uint64_t next_random(void)
{
	return random_next(&random_state);
}

static unsigned below(unsigned limit)
{
	return (unsigned)(next_random() % limit);
}

static void set_stage(struct stage *s, struct packet *packet, const uint8_t *frame, uint16_t length,
	unsigned flags, uint16_t vlan_tci)
{
	memset(s->arena, GUARD_OCTET, GUARD);
	memcpy(s->arena + GUARD, frame, length);
	memset(s->arena + GUARD + length, GUARD_OCTET, GUARD);
	memcpy(s->before, frame, length);
	s->length = length;
	*packet = (struct packet){
		.data = s->arena + GUARD, .length = length, .flags = (uint8_t)flags, .vlan_tci = vlan_tci};
}

static void check_guards(const struct stage *s)
{
	for (int i = 0; i < GUARD; i++) {
		assert_int_equal(s->arena[i], GUARD_OCTET);
		assert_int_equal(s->arena[GUARD + s->length + i], GUARD_OCTET);
	}
}

/* Classify and answer one frame of the table as stage 0 with the moment given. */
static struct packet run_case(const struct golden_case *c, const struct reference_moment *m)
{
	struct packet packet;
	struct reply reply;

	set_stage(&stages[0], &packet, c->frame, c->length, c->flags, c->vlan_tci);
	classify_burst(&policy, &packet, 1);
	assert_memory_equal(packet.data, stages[0].before, c->length);
	reply_prepare(&reply, m->timebase, &policy, m->precision, m->checksum_offload, m->received, m->sent,
		m->random);
	answer_burst(&reply, &packet, 1);
	check_guards(&stages[0]);
	return packet;
}

static struct reference_moment usual_moment(void)
{
	return (struct reference_moment){.timebase = &timebase,
		.precision = -24,
		.received = UINT64_C(6000000000),
		.sent = UINT64_C(6000001700),
		.random = UINT64_C(0x123456789abcdef1)};
}

static uint64_t get(const uint8_t *octets, int size)
{
	uint64_t value = 0;

	for (int i = 0; i < size; i++)
		value = value << 8 | octets[i];
	return value;
}

static const uint8_t *ntp_of(const struct packet *packet)
{
	return packet->data + packet->l3 + (packet->is_ipv6 ? IPV6_HEADER : IPV4_HEADER) + UDP_HEADER;
}

static void test_verdict_names(void **state)
{
	(void)state;
	for (int i = 0; i < VERDICT_COUNT; i++) {
		const char *name = verdict_info[i].name;

		assert_true(strlen(name) > 0 && strlen(verdict_info[i].meaning) > 0);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, verdict_info[j].name);
	}
}

static struct golden_case current;

/* Headers go back to where they came from, tags stay, and the reply is what the table says and no longer. */
static void check_envelope(const struct golden_case *c, const struct packet *packet)
{
	const uint8_t *ip = packet->data + c->l3, *old_ip = c->frame + c->l3;
	const unsigned addresses = c->ipv6 ? 8 : 12, size = c->ipv6 ? 16 : 4,
		       header = c->ipv6 ? IPV6_HEADER : IPV4_HEADER;

	assert_int_equal(packet->length, c->reply_length);
	assert_true(packet->length <= c->length);
	assert_int_equal(packet->l3, c->l3);
	assert_int_equal(packet->is_ipv6, c->ipv6);
	assert_memory_equal(packet->data, c->frame + 6, 6);
	assert_memory_equal(packet->data + 6, c->frame, 6);
	assert_memory_equal(packet->data + 12, c->frame + 12, c->l3 - 12U);
	assert_int_equal(packet->vlan_tci, c->vlan_tci);
	assert_memory_equal(ip + addresses, old_ip + addresses + size, size);
	assert_memory_equal(ip + addresses + size, old_ip + addresses, size);
	assert_memory_equal(ip + header, old_ip + header + 2, 2);
	assert_memory_equal(ip + header + 2, old_ip + header, 2);
	assert_int_equal(get(ip + header + 4, 2), 56);
	assert_int_equal(get(ip + (c->ipv6 ? 4 : 2), 2), c->ipv6 ? 56 : 76);
	assert_memory_equal(ntp_of(packet) + 24, old_ip + header + UDP_HEADER + 40, 8);
	assert_int_equal(ntp_of(packet)[0] & 0x3f, c->reply_lvm & 0x3f);
}

static void check_checksums(const struct packet *packet, bool offload)
{
	const uint8_t *ip = packet->data + packet->l3;
	const uint8_t *udp = ip + (packet->is_ipv6 ? IPV6_HEADER : IPV4_HEADER);
	const uint16_t pseudo = golden_pseudo_sum(ip, packet->is_ipv6, 56);

	if (!packet->is_ipv6 && offload)
		assert_int_equal(get(ip + 10, 2), 0);
	if (!packet->is_ipv6 && !offload)
		assert_int_equal(golden_sum(0, ip, IPV4_HEADER), 0xffff);
	if (offload)
		assert_int_equal(get(udp + 6, 2), pseudo);
	else
		assert_int_equal(golden_sum(pseudo, udp, 56), 0xffff);
	assert_int_not_equal(get(udp + 6, 2), 0);
}

static void test_table(void **state)
{
	struct reference_moment m = usual_moment();

	(void)state;
	for (size_t i = 0; i < golden_count(); i++) {
		struct packet packet;

		golden_case(i, &current);
		m.checksum_offload = i & 1;
		packet = run_case(&current, &m);
		if (packet.verdict != current.verdict)
			fail_msg("%s is %s, not %s", current.name, verdict_info[packet.verdict].name,
				verdict_info[current.verdict].name);
		if (packet.verdict == VERDICT_ANSWERED) {
			check_envelope(&current, &packet);
			check_checksums(&packet, m.checksum_offload);
			continue;
		}
		assert_int_equal(packet.length, current.length);
		assert_memory_equal(packet.data, current.frame, current.length);
	}
}

/* The octets are in a block of their own, so that the address sanitizer sees the first one too many. */
static void test_exact_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < golden_count(); i++) {
		struct packet packet;
		uint8_t *block;

		golden_case(i, &current);
		block = malloc(current.length ? current.length : 1);
		assert_non_null(block);
		memcpy(block, current.frame, current.length);
		packet = (struct packet){.data = block,
			.length = current.length,
			.flags = current.flags,
			.vlan_tci = current.vlan_tci};
		classify_burst(&policy, &packet, 1);
		assert_int_equal(packet.verdict, current.verdict);
		free(block);
	}
}

/* answer_header and answer_frame together do what answer_burst does. */
static void test_halves(void **state)
{
	static struct stage whole;
	const struct reference_moment m = usual_moment();

	(void)state;
	for (size_t i = 0; i < 2 * golden_count(); i++) {
		struct packet packet, other;
		struct reply reply;

		golden_case(i / 2, &current);
		set_stage(&whole, &packet, current.frame, current.length, current.flags, current.vlan_tci);
		classify_burst(&policy, &packet, 1);
		if (packet.verdict != VERDICT_ANSWERED)
			continue;
		set_stage(&stages[0], &other, current.frame, current.length, current.flags, current.vlan_tci);
		classify_burst(&policy, &other, 1);
		reply_prepare(&reply, m.timebase, &policy, m.precision, i & 1, m.received, m.sent, m.random);
		answer_burst(&reply, &packet, 1);
		answer_header(&reply, other.data + (ntp_of(&other) - other.data), 0);
		answer_frame(&other, NTP_HEADER_SIZE, i & 1);
		assert_int_equal(packet.length, other.length);
		assert_memory_equal(whole.arena, stages[0].arena,
			sizeof(whole.arena) - GOLDEN_FRAME_MAX + current.length);
	}
}

static void test_every_verdict_is_reached(void **state)
{
	unsigned reached[VERDICT_COUNT] = {0};

	(void)state;
	for (size_t i = 0; i < golden_named(); i++) {
		golden_case(i, &current);
		reached[current.verdict]++;
	}
	/* Those of NTS have a table of their own: tests/nts_golden.c. The clock's is
	 * tests/test_leap_answer.c's. */
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (!reached[i] && i != VERDICT_CLOCK_SILENT && strncmp(verdict_info[i].name, "nts-", 4) != 0)
			fail_msg("no named case of the table is %s", verdict_info[i].name);
}

static void find_case(const char *name, struct golden_case *c)
{
	for (size_t i = 0; i < golden_named(); i++) {
		golden_case(i, c);
		if (strcmp(c->name, name) == 0)
			return;
	}
	fail_msg("no case %s", name);
}

static void test_case_names(void **state)
{
	static struct golden_case other;

	(void)state;
	for (size_t i = 0; i < golden_named(); i++) {
		golden_case(i, &current);
		assert_int_equal(
			strspn(current.name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(current.name));
		for (size_t j = 0; j < i; j++) {
			golden_case(j, &other);
			assert_string_not_equal(current.name, other.name);
		}
	}
}

/* Every field by hand: 5 s after the base, 1 tick a nanosecond. */
static void test_synchronised_fields(void **state)
{
	const struct reference_moment m = usual_moment();
	const uint64_t step = UINT64_C(1) << 8;
	struct packet packet;
	const uint8_t *ntp;
	uint64_t t2, t3;

	(void)state;
	timebase.leap = NTP_LEAP_INSERT;
	find_case("v4", &current);
	packet = run_case(&current, &m);
	timebase.leap = NTP_LEAP_NONE;
	ntp = ntp_of(&packet);
	assert_int_equal(ntp[0], NTP_LEAP_INSERT << 6 | 4 << 3 | NTP_MODE_SERVER);
	assert_int_equal(ntp[1], 2);
	assert_int_equal(ntp[2], 3);
	assert_int_equal((int8_t)ntp[3], -24);
	assert_int_equal(get(ntp + 4, 4), 0x123);
	assert_int_equal(get(ntp + 12, 4), 0xcb007107);
	assert_true(get(ntp + 16, 8) == timebase.reference);
	t2 = get(ntp + 32, 8);
	t3 = get(ntp + 40, 8);
	assert_int_equal(t2 >> 32, (timebase.time >> 32) + 5);
	assert_true((t2 & UINT32_MAX) < step); /* 5 s to the tick, but for the bits below the precision */
	assert_int_equal(t2 % step, m.random % step);
	assert_int_equal(t3 % step, m.random % step);
	assert_int_equal((t3 - t2) / step, UINT64_C(1700) * 16777216 / 1000000000);
}

static void check_unsynchronised(const struct reference_moment *m)
{
	const struct packet packet = run_case(&current, m);
	const uint8_t *ntp = ntp_of(&packet);

	assert_int_equal(ntp[0], NTP_LEAP_UNSYNC << 6 | 4 << 3 | NTP_MODE_SERVER);
	assert_int_equal(ntp[1], 0);
	assert_int_equal(get(ntp + 12, 4), 0);
	assert_true(get(ntp + 40, 8) > get(ntp + 32, 8));
	check_checksums(&packet, false);
}

static void test_unsynchronised(void **state)
{
	struct reference_moment m = usual_moment();
	struct packet packet;

	(void)state;
	find_case("v6", &current);
	m.sent = timebase.valid_until - 1;
	packet = run_case(&current, &m);
	assert_int_equal(ntp_of(&packet)[1], 2);
	m.sent = timebase.valid_until;
	check_unsynchronised(&m);
	m.sent = timebase.valid_until + UINT64_C(1000000000000);
	check_unsynchronised(&m);
	m = usual_moment();
	timebase.leap = NTP_LEAP_UNSYNC;
	check_unsynchronised(&m);
	timebase.leap = NTP_LEAP_NONE;
	timebase.stratum = NTP_STRATUM_UNSYNC;
	check_unsynchronised(&m);
	timebase.stratum = NTP_STRATUM_MAX;
	packet = run_case(&current, &m);
	assert_int_equal(ntp_of(&packet)[1], NTP_STRATUM_MAX);
	golden_timebase(&timebase);
}

static void test_poll(void **state)
{
	static const int8_t asked[] = {-128, -1, 0, 2, 3, 4, 10, 17, 127};
	const struct reference_moment m = usual_moment();

	(void)state;
	for (size_t i = 0; i < sizeof(asked); i++) {
		const struct golden_shape shape = {.poll = asked[i]};
		struct packet packet;

		current.length = golden_build(&shape, current.frame);
		current.flags = 0;
		packet = run_case(&current, &m);
		assert_int_equal((int8_t)ntp_of(&packet)[2], asked[i] > 3 ? asked[i] : 3);
	}
}

/* By 15 ppm twice (line and clock), from 1 ms and 100 ns at the base, and never rounded down. */
static void test_dispersion(void **state)
{
	struct reference_moment m = usual_moment();
	uint64_t last = 0;

	(void)state;
	find_case("v4", &current);
	for (uint64_t age = 0; age < 3600; age = age * 2 + 1) {
		const double exact = (4294967 + 430 + 2.0 * 64425.0 * (double)age) / 65536;
		struct packet packet;
		uint64_t dispersion;

		m.received = m.sent = timebase.counter + age * 1000000000;
		packet = run_case(&current, &m);
		dispersion = get(ntp_of(&packet) + 8, 4);
		assert_true((double)dispersion >= exact && (double)dispersion < exact + 1.001);
		assert_true(dispersion > last || age == 0);
		last = dispersion;
	}
	/* A counter before the base is no negative age. */
	m.received = m.sent = timebase.counter - 500000000;
	assert_int_equal(get(ntp_of(&(struct packet[]){run_case(&current, &m)}[0]) + 8, 4), 66);
}

/* A counter that stood still or went back, and coarse clocks: the reply is sent after its request came. */
static void test_stamps_differ(void **state)
{
	struct reference_moment m = usual_moment();

	(void)state;
	find_case("v4", &current);
	for (int precision = -31; precision < 0; precision++)
		for (int64_t later = -3000000000; later <= 3000000000; later += 250000000) {
			struct packet packet;
			uint64_t t2, t3;

			m.precision = (int8_t)precision;
			m.sent = m.received + (uint64_t)later;
			packet = run_case(&current, &m);
			t2 = get(ntp_of(&packet) + 32, 8);
			t3 = get(ntp_of(&packet) + 40, 8);
			assert_true((int64_t)(t3 - t2) > 0);
			check_checksums(&packet, false);
		}
}

/* A client that sends our own transmit stamp as its cookie, for either parity of its last bit. */
static void test_transmit_is_not_origin(void **state)
{
	struct reference_moment m = usual_moment();

	(void)state;
	for (int i = 0; i < 64; i++) {
		struct golden_shape shape = {.ipv6 = i & 1};
		struct packet packet;
		uint64_t t3;

		m.random = next_random();
		m.precision = (int8_t)(-31 + i / 4);
		m.checksum_offload = i & 2;
		current.flags = 0;
		current.length = golden_build(&shape, current.frame);
		packet = run_case(&current, &m);
		t3 = get(ntp_of(&packet) + 40, 8);
		shape.transmit = t3;
		current.length = golden_build(&shape, current.frame);
		packet = run_case(&current, &m);
		assert_true(get(ntp_of(&packet) + 24, 8) == t3);
		assert_true(get(ntp_of(&packet) + 40, 8) == (t3 ^ 1));
		assert_true(get(ntp_of(&packet) + 40, 8) > get(ntp_of(&packet) + 32, 8));
		check_checksums(&packet, m.checksum_offload);
	}
}

static void check_burst_stamps(int8_t precision)
{
	const struct reference_moment m = usual_moment();
	struct packet packets[BURST];
	struct reply reply;

	find_case("v4-vlan", &current);
	for (int i = 0; i < BURST; i++)
		set_stage(&stages[i], &packets[i], current.frame, current.length, 0, 0);
	classify_burst(&policy, packets, BURST);
	reply_prepare(&reply, m.timebase, &policy, precision, false, m.received, m.sent, m.random);
	answer_burst(&reply, packets, BURST);
	for (int i = 0; i < BURST; i++)
		for (int j = 0; j < i; j++)
			for (int at = 32; at <= 40; at += 8)
				assert_memory_not_equal(
					ntp_of(&packets[i]) + at, ntp_of(&packets[j]) + at, 8);
}

/* The same request 32 times in a burst: no two replies have a stamp in common. */
static void test_burst_stamps(void **state)
{
	(void)state;
	for (int8_t precision = REPLY_PRECISION_FINEST; precision < 0; precision++)
		check_burst_stamps(precision);
}

/* The sum of a request may be such that the reply's checksum is computed as zero: all ones then. */
static void test_checksum_zero(void **state)
{
	const struct reference_moment m = usual_moment();
	int zeros = 0;

	(void)state;
	for (uint64_t cookie = 1; cookie <= 0x10000; cookie++) {
		const struct golden_shape shape = {.transmit = cookie, .udp_checksum = GOLDEN_UDP_NONE};
		struct packet packet;

		current.flags = 0;
		current.length = golden_build(&shape, current.frame);
		packet = run_case(&current, &m);
		check_checksums(&packet, false);
		zeros += get(packet.data + packet.l3 + IPV4_HEADER + 6, 2) == 0xffff;
	}
	assert_true(zeros > 0);
}

/* Anything that looks like a frame, right or slightly wrong in a way or two. */
static void random_shape(struct golden_shape *s)
{
	static const char *const v4[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, GOLDEN_TAGGED_IPV4,
		GOLDEN_BARE_IPV4, "198.51.100.9", "127.0.0.1", "255.255.255.255", "0.0.0.0", "239.1.1.1"};
	static const char *const v6[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, GOLDEN_QINQ_IPV6,
		"2001:db8::9", "::1", "::", "ff02::1", "fe80::9", "::ffff:" GOLDEN_SERVER_IPV4};
	static const uint8_t modes[] = {3, 3, 3, 3, 3, 3, 3, 3, 1, 0};
	static const uint16_t ports[] = {0, 0, 0, 123, 1024, 65535};
	const unsigned texts = sizeof(v4) / sizeof(v4[0]);

	*s = (struct golden_shape){.ipv6 = below(2),
		.tags = below(3) ? 0 : (uint8_t)below(4),
		.from_port = ports[below(6)],
		.to_port = below(50) ? 0 : (uint16_t)next_random(),
		.options = below(50) ? 0 : (uint8_t)(4 * below(11)),
		.extension = below(50) ? 0 : (uint16_t)GOLDEN_EXTENSION(below(256)),
		.lvm = below(8) ? (uint16_t)GOLDEN_LVM(1 + below(4), modes[below(10)])
				: (uint16_t)(0x100 | below(256)),
		.poll = (int8_t)next_random(),
		.transmit = next_random(),
		.surplus = below(8) ? 0 : (uint16_t)below(40),
		.padding = below(8) ? 0 : (uint16_t)below(60),
		.ip_checksum_wrong = below(50) == 0,
		.udp_checksum = below(4) ? GOLDEN_UDP_RIGHT : (enum golden_udp_checksum)below(4)};
	if (below(2))
		s->from = (s->ipv6 ? v6 : v4)[below(texts)];
	if (below(2))
		s->to = (s->ipv6 ? v6 : v4)[below(texts)];
	for (int i = 0; i < GOLDEN_TAGS && below(2); i++) {
		static const uint16_t tpids[] = {0, 0x88a8, 0x9100};

		s->tpid[i] = tpids[below(8) ? below(2) : 2];
		s->tci[i] = below(2) ? 0 : (uint16_t)next_random();
	}
}

static void random_trailer(struct golden_shape *s)
{
	for (int i = 0; i < GOLDEN_FIELDS && below(2); i++) {
		s->field[i].type = 0x2005;
		s->field[i].length = below(8) ? (uint16_t)(16 + 4 * below(20)) : (uint16_t)next_random();
		s->field[i].octets = below(8) && s->field[i].length < 200 ? 0 : (uint16_t)(4 + below(60));
		if (s->field[i].octets == 0 && s->field[i].length < 4)
			s->field[i].octets = 4;
	}
	if (below(4) == 0) {
		s->mac = (uint16_t)(4 + 4 * below(18));
		s->key_id = below(2);
	}
	if (below(8) == 0)
		s->ntp_octets = (uint16_t)(1 + below(160));
}

static void random_damage(struct golden_shape *s, uint8_t *frame, uint16_t *length)
{
	for (int i = 0; i < GOLDEN_PATCHES && below(8) == 0; i++)
		s->patch[i] = (struct golden_patch){.layer = (uint8_t)below(4),
			.at = (uint8_t)below(16),
			.size = (uint8_t)(1 + below(2)),
			.late = below(2),
			.value = next_random()};
	*length = golden_build(s, frame);
	for (unsigned flips = below(4) ? 0 : 1 + below(3); flips > 0; flips--)
		frame[below(*length)] ^= (uint8_t)(1 << below(8));
	if (below(16) == 0)
		*length = (uint16_t)below(*length + 1U);
}

static void random_moment(struct reference_moment *m)
{
	golden_timebase(&timebase);
	timebase.leap = (uint8_t)below(4);
	timebase.stratum = (uint8_t)(1 + below(16));
	timebase.valid_until += next_random() % 1000000000000;
	timebase.error_growth = (uint32_t)next_random() >> below(16);
	timebase.rate += next_random() >> 20;
	m->timebase = &timebase;
	m->precision = (int8_t)(-1 - (int)below(31));
	m->checksum_offload = below(2);
	m->received = timebase.counter + next_random() % 5000000000000 - (below(8) ? 0 : 4000000000);
	m->sent = m->received + next_random() % 100000 - (below(8) ? 0 : 50000);
	m->random = next_random();
	if (below(2)) {
		timebase.leap_at = m->received + below(200000) - 100000;
		timebase.leap_step = below(2) ? (int64_t)NTP64_SECOND : -(int64_t)NTP64_SECOND;
	}
}

/* Ask both about a burst; the number answered. */
static unsigned compare_burst(struct packet *packets, unsigned n, struct reference_moment *m)
{
	struct reply reply;
	unsigned answered = 0;

	classify_burst(&policy, packets, n);
	reply_prepare(&reply, m->timebase, &policy, m->precision, m->checksum_offload, m->received, m->sent,
		m->random);
	answer_burst(&reply, packets, n);
	for (m->index = 0; m->index < n; m->index++) {
		const struct stage *s = &stages[m->index];
		const struct packet *p = &packets[m->index];
		uint8_t expected[GOLDEN_FRAME_MAX];
		uint16_t length = s->length;
		enum verdict verdict = reference_respond(
			&policy, m, p->flags, p->vlan_tci, s->before, s->length, expected, &length);

		if (p->verdict != verdict)
			fail_msg("%s, the reference says %s", verdict_info[p->verdict].name,
				verdict_info[verdict].name);
		assert_int_equal(p->length, length);
		assert_memory_equal(p->data, verdict == VERDICT_ANSWERED ? expected : s->before, length);
		check_guards(s);
		answered += verdict == VERDICT_ANSWERED;
	}
	return answered;
}

static void test_against_reference(void **state)
{
	static uint8_t frame[GOLDEN_FRAME_MAX];
	struct packet packets[BURST];
	unsigned answered = 0, total = 0;

	(void)state;
	while (total < RANDOM_REQUESTS) {
		const unsigned n = 1 + below(BURST);
		struct reference_moment m;

		for (unsigned i = 0; i < n; i++) {
			struct golden_shape shape;
			uint16_t length;

			random_shape(&shape);
			if (below(4) == 0)
				random_trailer(&shape);
			random_damage(&shape, frame, &length);
			set_stage(&stages[i], &packets[i], frame, length,
				(below(4) ? 0 : below(32) & ~(below(4) ? (unsigned)PACKET_SEGMENTED : 0)),
				below(2) ? GOLDEN_STRIPPED_TCI : (uint16_t)next_random());
		}
		random_moment(&m);
		answered += compare_burst(packets, n, &m);
		total += n;
	}
	golden_timebase(&timebase);
	print_message("%u of %u random requests answered\n", answered, total);
	assert_true(answered > total / 10 && answered < total * 9 / 10);
}

static int prepare(void **state)
{
	(void)state;
	golden_policy(&policy);
	golden_timebase(&timebase);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict_names),
		cmocka_unit_test(test_case_names),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_exact_blocks),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_every_verdict_is_reached),
		cmocka_unit_test(test_synchronised_fields),
		cmocka_unit_test(test_unsynchronised),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_dispersion),
		cmocka_unit_test(test_stamps_differ),
		cmocka_unit_test(test_transmit_is_not_origin),
		cmocka_unit_test(test_burst_stamps),
		cmocka_unit_test(test_checksum_zero),
		cmocka_unit_test(test_against_reference),
	};

	return cmocka_run_group_tests_name("answer", tests, prepare, NULL);
}
