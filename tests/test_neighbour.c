/* Who has an address that a load plays: bench/neighbour.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bench/neighbour.h"
#include "bench/random.h"
#include "tests/frame_golden.h"

/* Where things are in frames without a tag. */
enum {
	ARP_OPERATION = 20,
	ARP_SENDER_MAC = 22,
	ARP_SENDER = 28,
	ARP_TARGET = 38,
	IP_SIZE = 18,
	IP_HOPS = 21,
	IP_SOURCE = 22,
	IP_DESTINATION = 38,
	ICMP = 54,
	ICMP_CODE = 55,
	ICMP_CHECKSUM = 56,
	ICMP_FLAGS = 58,
	ICMP_TARGET = 62,
	OPTION = 78,
	OPTION_LENGTH = 79,
	OPTION_MAC = 80,
};

static struct population population;

static int make_population(void **state)
{
	char text[200];

	(void)state;
	return population_init(
		       &population, FRAME_GOLDEN_PREFIXES, FRAME_GOLDEN_CLIENTS, 0, text, sizeof(text))
		       ? 0
		       : -1;
}

static void parse(const char *text, uint8_t address[16])
{
	memcpy(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (inet_pton(AF_INET, text, address + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, address), 1);
}

/* Of a copy of just this size, into a room of just this size, so that the sanitizers see an overrun. */
static size_t answer_to(uint8_t answer[NEIGHBOUR_FRAME_MAX], const uint8_t *octets, size_t size)
{
	uint8_t *frame = malloc(size ? size : 1), *room = malloc(NEIGHBOUR_FRAME_MAX);
	size_t written;

	assert_true(frame && room);
	memcpy(frame, octets, size);
	written = neighbour_answer(room, frame, size, frame_golden_mac, &population);
	assert_true(written <= NEIGHBOUR_FRAME_MAX);
	assert_memory_equal(frame, octets, size);
	memcpy(answer, room, written);
	free(frame);
	free(room);
	return written;
}

static bool replies(const uint8_t *octets, size_t size, const char *address, uint8_t mac[6])
{
	uint8_t *frame = malloc(size ? size : 1), wanted[16];
	bool good;

	assert_non_null(frame);
	memcpy(frame, octets, size);
	parse(address, wanted);
	good = neighbour_reply(frame, size, wanted, mac);
	free(frame);
	return good;
}

static size_t parse_hex(const char *hex, uint8_t octets[NEIGHBOUR_FRAME_MAX])
{
	size_t size = 0;

	for (; *hex; hex += *hex == ' ' ? 1 : 2) {
		const char digits[3] = {hex[0], hex[1], '\0'};

		if (*hex != ' ')
			octets[size++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return size;
}

/* Lines of hex: as in tests/frame_golden.c. The checksum is made right first. */
static void assert_answer(const uint8_t *question, size_t size, const char *hex)
{
	uint8_t answer[NEIGHBOUR_FRAME_MAX], expected[NEIGHBOUR_FRAME_MAX];
	size_t expected_size = parse_hex(hex, expected);

	frame_golden_repair(expected, expected_size);
	assert_int_equal(answer_to(answer, question, size), expected_size);
	assert_memory_equal(answer, expected, expected_size);
}

static void assert_golden_answer(const char *name, const char *hex)
{
	uint8_t question[FRAME_MAX];

	assert_answer(question, frame_golden_build(name, question), hex);
}

/* An answer to a golden frame with octets from `at` on set to others, its checksums made right again. */
static size_t answer_with(const char *name, size_t at, const char *octets, size_t count)
{
	uint8_t frame[FRAME_MAX], answer[NEIGHBOUR_FRAME_MAX];
	size_t size = frame_golden_build(name, frame);

	memcpy(frame + at, octets, count);
	frame_golden_repair(frame, size);
	return answer_to(answer, frame, size);
}

#define WITH(name, at, octets) answer_with(name, at, octets, sizeof(octets) - 1)

/* ARP. */

static void arp_requests_are_answered(void **state)
{
	(void)state;
	assert_golden_answer("arp-request", "020000000002 020000000001 0806 0001 0800 06 04 0002"
					    "020000000001 0a000007 020000000002 0a000001");
	assert_golden_answer("arp-request-vlan",
		"020000000002 020000000001 8100 2064 0806 0001 0800 06 04 0002"
		"020000000001 0a000007 020000000002 0a000001");
	assert_golden_answer("arp-probe", "020000000002 020000000001 0806 0001 0800 06 04 0002"
					  "020000000001 0a000007 020000000002 00000000");
}

static void other_arp_is_not_answered(void **state)
{
	(void)state;
	assert_int_not_equal(WITH("arp-request", ARP_TARGET, "\x0a\0\0\x08"), 0);
	assert_int_equal(WITH("arp-request", ARP_TARGET, "\x0a\0\0\0"), 0); /* none of the clients' */
	assert_int_equal(WITH("arp-request", ARP_TARGET, "\x0a\0\1\x07"), 0);
	assert_int_equal(WITH("arp-request", ARP_TARGET, "\xc0\0\2\1"), 0);
	assert_int_equal(WITH("arp-request", ARP_OPERATION, "\0\2"), 0);
	assert_int_equal(WITH("arp-request", ARP_OPERATION, "\0\3"), 0);
	assert_int_equal(WITH("arp-request", ARP_SENDER, "\x0a\0\0\7"), 0); /* an announcement */
	assert_int_equal(WITH("arp-request", ARP_SENDER_MAC, "\1"), 0);
	assert_int_equal(WITH("arp-request", ARP_SENDER_MAC, "\0\0\0\0\0\0"), 0);
	assert_int_equal(WITH("arp-request", 14, "\0\6"), 0);
	assert_int_equal(WITH("arp-request", 16, "\x86\xdd"), 0);
	assert_int_equal(WITH("arp-request", 18, "\x08"), 0);
	assert_int_equal(WITH("arp-request", 19, "\x10"), 0);
	assert_int_equal(WITH("arp-request", 0, "\2\0\0\0\0\3"), 0); /* to another station */
	assert_int_equal(WITH("arp-request", 6, "\2\0\0\0\0\1"), 0); /* our own, come back */
	assert_int_equal(WITH("arp-request", 6, "\3\0\0\0\0\2"), 0); /* from a group */
	assert_int_equal(WITH("arp-request-vlan", 12, "\x88\xa8"), 0);
	assert_int_equal(WITH("arp-reply", 0, ""), 0);
}

/* Neighbour discovery. */

static void solicitations_are_answered(void **state)
{
	(void)state;
	assert_golden_answer("ns-multicast",
		"020000000002 020000000001 86dd 60000000 0020 3aff"
		"20010db8000a00000000000000000007 fe800000000000000000000000000002"
		"88 00 0000 60000000 20010db8000a00000000000000000007 02 01 020000000001");
	assert_golden_answer("ns-unicast-vlan",
		"020000000002 020000000001 8100 2064 86dd 60000000 0020 3aff"
		"20010db8000a00000000000000000007 fe800000000000000000000000000002"
		"88 00 0000 60000000 20010db8000a00000000000000000007 02 01 020000000001");
	assert_golden_answer("ns-probe",
		"333300000001 020000000001 86dd 60000000 0020 3aff"
		"20010db8000a00000000000000000007 ff020000000000000000000000000001"
		"88 00 0000 20000000 20010db8000a00000000000000000007 02 01 020000000001");
}

/* The option says where to, not the Ethernet header. */
static void link_layer_option_is_taken(void **state)
{
	uint8_t frame[FRAME_MAX], answer[NEIGHBOUR_FRAME_MAX];
	size_t size = frame_golden_build("ns-multicast", frame);

	(void)state;
	frame[OPTION_MAC + 5] = 9;
	frame_golden_repair(frame, size);
	assert_int_equal(answer_to(answer, frame, size), 86);
	assert_memory_equal(answer, "\2\0\0\0\0\x09", 6);
}

static void malformed_solicitations_are_not_answered(void **state)
{
	(void)state;
	assert_int_not_equal(WITH("ns-multicast", ICMP_FLAGS, "\xff\xff\xff\xff"), 0); /* reserved */
	assert_int_not_equal(WITH("ns-multicast", OPTION, "\x63"), 0);                 /* of no known type */
	assert_int_equal(WITH("ns-multicast", IP_HOPS, "\xfe"), 0);
	assert_int_equal(WITH("ns-multicast", ICMP_CODE, "\1"), 0);
	assert_int_equal(WITH("ns-multicast", ICMP, "\x88"), 0);
	assert_int_equal(WITH("ns-multicast", ICMP, "\x80"), 0);
	assert_int_equal(WITH("ns-multicast", OPTION_LENGTH, "\0"), 0);
	assert_int_equal(WITH("ns-multicast", OPTION_LENGTH, "\2"), 0);
	assert_int_equal(WITH("ns-multicast", IP_SIZE, "\0\x1f"), 0); /* an option cut */
	assert_int_equal(WITH("ns-multicast", IP_SIZE, "\0\x19"), 0);
	assert_int_equal(WITH("ns-multicast", IP_SIZE, "\0\x17"), 0);
	assert_int_equal(WITH("ns-multicast", IP_SIZE, "\0\x21"), 0);
	assert_int_equal(WITH("ns-multicast", OPTION_MAC, "\1"), 0);
	assert_int_equal(WITH("ns-multicast", OPTION_MAC, "\0\0\0\0\0\0"), 0);
	assert_int_equal(WITH("ns-multicast", 14, "\x70"), 0);
	assert_int_equal(WITH("ns-multicast", 20, "\0"), 0);              /* hop-by-hop options */
	assert_int_equal(WITH("ns-multicast", IP_SOURCE, "\xff"), 0);     /* from a group */
	assert_int_equal(WITH("ns-multicast", 0, "\2\0\0\0\0\3"), 0);     /* to another station */
	assert_int_equal(WITH("ns-multicast", 6, "\2\0\0\0\0\1"), 0);     /* our own, come back */
	assert_int_equal(WITH("ns-probe", IP_DESTINATION + 15, "\6"), 0); /* another's group */
	assert_int_equal(WITH("ns-probe", IP_DESTINATION, "\x20\1\x0d\xb8\0\x0a\0\0\0\0\0\0\0\0\0\7"),
		0); /* DAD goes to the group only */
	assert_int_equal(WITH("ns-multicast", IP_SOURCE, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 0);
	assert_int_equal(WITH("na", 0, ""), 0);
	assert_int_equal(WITH("echo-v6", 0, ""), 0);
}

static void others_are_not_answered_for(void **state)
{
	(void)state;
	assert_int_not_equal(WITH("ns-multicast", ICMP_TARGET + 15, "\x08"), 0);
	assert_int_equal(WITH("ns-multicast", ICMP_TARGET + 15, "\0"), 0);
	assert_int_equal(WITH("ns-multicast", ICMP_TARGET + 7, "\1"), 0);
	assert_int_equal(WITH("ns-multicast", ICMP_TARGET, "\xff\2"), 0);
	/* 10.0.0.7 is a client, and has no neighbours in IPv6 */
	assert_int_equal(WITH("ns-multicast", ICMP_TARGET, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\7"), 0);
	assert_int_equal(WITH("ns-multicast", IP_SOURCE, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1"), 0);
	assert_int_equal(WITH("ns-multicast", IP_DESTINATION, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\7"), 0);
	/* who has it already, or says so */
	assert_int_equal(WITH("ns-multicast", IP_SOURCE, "\x20\1\x0d\xb8\0\x0a\0\0\0\0\0\0\0\0\0\7"), 0);
}

static void wrong_checksums_are_not_answered(void **state)
{
	static const char *const names[] = {"ns-multicast", "ns-probe"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t frame[FRAME_MAX], answer[NEIGHBOUR_FRAME_MAX];
		size_t size = frame_golden_build(names[i], frame);

		for (size_t bit = 8 * IP_SOURCE; bit < 8 * size; bit++) {
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(answer_to(answer, frame, size), 0);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* Several options, and padding behind the packet. */
static void further_options_are_passed_over(void **state)
{
	uint8_t frame[FRAME_MAX] = {0}, answer[NEIGHBOUR_FRAME_MAX];

	(void)state;
	(void)frame_golden_build("ns-multicast", frame);
	memmove(frame + OPTION + 16, frame + OPTION, 8);
	memset(frame + OPTION, 14, 16); /* a nonce (RFC 3971) of 16 octets */
	frame[OPTION_LENGTH] = 2;
	frame[IP_SIZE + 1] = 48;
	frame_golden_repair(frame, 102);
	assert_int_equal(answer_to(answer, frame, 102), 86);
	assert_int_equal(answer_to(answer, frame, 120), 86);
	frame[OPTION_LENGTH] = 3; /* then nothing says who asks but the Ethernet header */
	frame_golden_repair(frame, 102);
	assert_int_equal(answer_to(answer, frame, 102), 86);
	frame[OPTION_LENGTH] = 4;
	frame_golden_repair(frame, 102);
	assert_int_equal(answer_to(answer, frame, 102), 0);
}

/* A link-layer address of another size is of another kind of link. */
static void long_addresses_are_refused(void **state)
{
	uint8_t frame[FRAME_MAX] = {0}, answer[NEIGHBOUR_FRAME_MAX];

	(void)state;
	(void)frame_golden_build("ns-multicast", frame);
	frame[OPTION_LENGTH] = 2;
	frame[IP_SIZE + 1] = 40;
	frame_golden_repair(frame, 94);
	assert_int_equal(answer_to(answer, frame, 94), 0);
}

static void cut_frames_are_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < frame_golden_count; i++) {
		uint8_t frame[FRAME_MAX], answer[NEIGHBOUR_FRAME_MAX], mac[6];
		size_t whole = frame_golden_build(frame_golden[i].name, frame);

		for (size_t size = 0; size < whole; size++) {
			assert_int_equal(answer_to(answer, frame, size), 0);
			assert_false(replies(frame, size, "10.0.0.1", mac));
			assert_false(replies(frame, size, "fe80::2", mac));
		}
	}
}

/* Questions, and their replies. */

static void assert_question(const char *source, const char *address, uint16_t vlan, const char *hex)
{
	uint8_t frame[NEIGHBOUR_FRAME_MAX], expected[NEIGHBOUR_FRAME_MAX], from[16], wanted[16];
	size_t size = parse_hex(hex, expected);

	parse(source, from);
	parse(address, wanted);
	frame_golden_repair(expected, size);
	assert_int_equal(neighbour_question(frame, frame_golden_mac, vlan, from, wanted), size);
	assert_memory_equal(frame, expected, size);
}

static void questions_are_asked(void **state)
{
	(void)state;
	assert_question("10.0.0.7", "192.0.2.1", 0,
		"ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
		"020000000001 0a000007 000000000000 c0000201");
	assert_question("10.0.0.7", "192.0.2.1", 100,
		"ffffffffffff 020000000001 8100 0064 0806 0001 0800 06 04 0001"
		"020000000001 0a000007 000000000000 c0000201");
	assert_question("2001:db8:a::7", "2001:db8::ab:cdef:1234", 0,
		"3333ffef1234 020000000001 86dd 60000000 0020 3aff"
		"20010db8000a00000000000000000007 ff0200000000000000000001ffef1234"
		"87 00 0000 00000000 20010db800000000000000abcdef1234 01 01 020000000001");
	assert_question("2001:db8:a::7", "fe80::2", 4094,
		"3333ff000002 020000000001 8100 0ffe 86dd 60000000 0020 3aff"
		"20010db8000a00000000000000000007 ff0200000000000000000001ff000002"
		"87 00 0000 00000000 fe800000000000000000000000000002 01 01 020000000001");
}

/* What one asks, another that plays the address answers. */
static void check_dialogue(const char *client, const char *asker, uint16_t vlan)
{
	uint8_t question[NEIGHBOUR_FRAME_MAX], answer[NEIGHBOUR_FRAME_MAX], from[16], wanted[16], mac[6];
	size_t size;

	parse(asker, from);
	parse(client, wanted);
	size = neighbour_question(question, frame_golden_peer, vlan, from, wanted);
	size = answer_to(answer, question, size);
	assert_int_not_equal(size, 0);
	assert_true(replies(answer, size, client, mac));
	assert_memory_equal(mac, frame_golden_mac, 6);
	assert_false(replies(answer, size, asker, mac));
}

static void questions_and_answers_match(void **state)
{
	(void)state;
	for (uint16_t vlan = 0; vlan <= 100; vlan += 100) {
		check_dialogue("10.0.0.7", "10.0.0.200", vlan);
		check_dialogue("10.0.0.50", "192.0.2.1", vlan);
		check_dialogue("2001:db8:a::7", "2001:db8::1", vlan);
	}
}

static bool reply_with(const char *name, size_t at, const char *octets, size_t count)
{
	uint8_t frame[FRAME_MAX], mac[6];
	size_t size = frame_golden_build(name, frame);

	memcpy(frame + at, octets, count);
	frame_golden_repair(frame, size);
	return replies(frame, size, frame[13] == 6 ? "10.0.0.1" : "fe80::2", mac);
}

#define REPLY(name, at, octets) reply_with(name, at, octets, sizeof(octets) - 1)

static void replies_are_read(void **state)
{
	uint8_t frame[FRAME_MAX], mac[6];
	size_t size = frame_golden_build("arp-reply", frame);

	(void)state;
	assert_true(replies(frame, size, "10.0.0.1", mac));
	assert_memory_equal(mac, frame_golden_peer, 6);
	assert_false(replies(frame, size, "10.0.0.2", mac));
	assert_false(replies(frame, size, "2001:db8::1", mac));
	size = frame_golden_build("na", frame);
	memset(mac, 0, 6);
	assert_true(replies(frame, size, "fe80::2", mac));
	assert_memory_equal(mac, frame_golden_peer, 6);
	assert_false(replies(frame, size, "fe80::3", mac));
	assert_false(replies(frame, size, "10.0.0.1", mac));
	parse("ff02::2", frame + ICMP_TARGET); /* a group has no MAC to tell */
	frame_golden_repair(frame, size);
	assert_false(replies(frame, size, "ff02::2", mac));
}

static void bad_replies_are_none(void **state)
{
	(void)state;
	assert_true(REPLY("na", ICMP_FLAGS, "\0"));
	assert_false(REPLY("arp-reply", ARP_OPERATION, "\0\1"));
	assert_false(REPLY("arp-reply", ARP_SENDER_MAC, "\1"));
	assert_false(REPLY("arp-reply", ARP_SENDER_MAC, "\0\0\0\0\0\0"));
	assert_false(REPLY("na", ICMP, "\x87"));
	assert_false(REPLY("na", ICMP_CODE, "\1"));
	assert_false(REPLY("na", IP_HOPS, "\x40"));
	assert_false(REPLY("na", OPTION, "\1")); /* not its own MAC */
	assert_false(REPLY("na", OPTION_LENGTH, "\0"));
	assert_false(REPLY("na", IP_SIZE, "\0\x18"));
	assert_false(REPLY("na", OPTION_MAC, "\1"));
	/* solicited, to all: contradicts itself (RFC 4861 section 7.1.2) */
	assert_false(REPLY("na", IP_DESTINATION, "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1"));
	assert_false(REPLY("ns-multicast", 0, ""));
}

static void flipped_replies_are_none(void **state)
{
	uint8_t frame[FRAME_MAX], mac[6];
	size_t size = frame_golden_build("na", frame);

	(void)state;
	for (size_t bit = 8 * IP_SOURCE; bit < 8 * size; bit++) {
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(replies(frame, size, "fe80::2", mac));
		frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Whatever comes: an answer is well-formed and about one of the clients. */
static void random_changes_do_no_harm(void **state)
{
	uint64_t seed = 5;
	unsigned answered = 0, replied = 0;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		uint8_t frame[FRAME_MAX + 64] = {0}, answer[NEIGHBOUR_FRAME_MAX], mac[6];
		size_t size = frame_golden_build(frame_golden[round % frame_golden_count].name, frame);

		for (uint64_t changes = random_next(&seed) % 4; changes; changes--)
			frame[random_next(&seed) % size] = (uint8_t)random_next(&seed);
		size = random_next(&seed) % 4 ? size : random_next(&seed) % (size + 64);
		if (random_next(&seed) % 4)
			frame_golden_repair(frame, size);
		replied += replies(frame, size, round % 2 ? "10.0.0.1" : "fe80::2", mac);
		size = answer_to(answer, frame, size);
		answered += size != 0;
		if (size != 0) {
			struct frame_view view;

			assert_int_equal(frame_read(&view, answer, size, false), FRAME_NEIGHBOUR);
			assert_memory_equal(answer + 6, frame_golden_mac, 6);
		}
	}
	assert_in_range(answered, 5000, 60000);
	assert_in_range(replied, 1000, 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_requests_are_answered),
		cmocka_unit_test(other_arp_is_not_answered),
		cmocka_unit_test(solicitations_are_answered),
		cmocka_unit_test(link_layer_option_is_taken),
		cmocka_unit_test(malformed_solicitations_are_not_answered),
		cmocka_unit_test(others_are_not_answered_for),
		cmocka_unit_test(wrong_checksums_are_not_answered),
		cmocka_unit_test(further_options_are_passed_over),
		cmocka_unit_test(long_addresses_are_refused),
		cmocka_unit_test(cut_frames_are_nothing),
		cmocka_unit_test(questions_are_asked),
		cmocka_unit_test(questions_and_answers_match),
		cmocka_unit_test(replies_are_read),
		cmocka_unit_test(bad_replies_are_none),
		cmocka_unit_test(flipped_replies_are_none),
		cmocka_unit_test(random_changes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, make_population, NULL);
}
