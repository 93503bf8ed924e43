/* Frames of a load, written and read: bench/frame.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bench/frame.h"
#include "bench/random.h"
#include "tests/frame_golden.h"

enum { PAYLOAD_MAX = 1232, ETHERNET = 14, IPV4 = 20, IPV6 = 40, UDP = 8 };

static void parse(const char *text, uint8_t address[16])
{
	memcpy(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (inet_pton(AF_INET, text, address + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, address), 1);
}

/* Reads a copy of just this size, so that the sanitizers see an overrun; the view's payload is in *frame. */
static enum frame_kind read_exact(
	struct frame_view *view, const uint8_t *octets, size_t size, bool checked, uint8_t **frame)
{
	enum frame_kind kind;

	*frame = malloc(size ? size : 1);
	assert_non_null(*frame);
	memcpy(*frame, octets, size);
	memset(view, 0xa5, sizeof(*view));
	kind = frame_read(view, *frame, size, checked);
	assert_int_equal(kind, view->kind);
	assert_memory_equal(*frame, octets, size);
	return kind;
}

static enum frame_kind kind_of(const uint8_t *octets, size_t size, bool checked)
{
	struct frame_view view;
	uint8_t *frame;
	enum frame_kind kind = read_exact(&view, octets, size, checked, &frame);

	if (kind == FRAME_UDP)
		assert_true(view.payload >= frame && view.size <= size &&
			    view.payload + view.size <= frame + size);
	free(frame);
	return kind;
}

static enum frame_kind repaired_kind(uint8_t *octets, size_t size)
{
	frame_golden_repair(octets, size);
	return kind_of(octets, size, false);
}

static void assert_address(const uint8_t address[16], const char *text)
{
	uint8_t expected[16];

	parse(text, expected);
	assert_memory_equal(address, expected, 16);
}

/* Writing. */

static size_t write_from(uint8_t frame[FRAME_MAX], const char *target, uint16_t target_port, uint16_t vlan,
	const char *client, uint16_t port, const uint8_t *payload, uint16_t size)
{
	struct frame_template template;
	uint8_t target_address[16], client_address[16];

	parse(target, target_address);
	parse(client, client_address);
	frame_template_init(
		&template, frame_golden_mac, frame_golden_peer, vlan, target_address, target_port);
	return frame_write(&template, frame, client_address, port, payload, size);
}

static void golden_octets_are_written(void **state)
{
	uint8_t frame[FRAME_MAX], golden[FRAME_MAX];
	size_t size;

	(void)state;
	size = frame_golden_build("udp-v4", golden);
	assert_int_equal(size,
		write_from(frame, "192.0.2.1", 123, 0, "10.0.0.7", 40000, (const uint8_t *)"\1\2\3", 3));
	assert_memory_equal(frame, golden, size);
	size = frame_golden_build("udp-v6-vlan", golden);
	assert_int_equal(size, write_from(frame, "2001:db8::1", 4123, 100, "2001:db8:a::7", 1024,
				       (const uint8_t *)"tick", 4));
	assert_memory_equal(frame, golden, size);
}

static void check_round_trip(bool ipv6, uint16_t vlan, uint16_t size, uint64_t *seed)
{
	const char *target = ipv6 ? "2001:db8::1" : "192.0.2.1", *client = ipv6 ? "fd00::9:8" : "10.9.8.7";
	const uint16_t port = (uint16_t)random_next(seed), target_port = (uint16_t)random_next(seed);
	uint8_t payload[PAYLOAD_MAX], *frame = malloc(FRAME_MAX), *copy;
	struct frame_view view;
	size_t length;

	for (unsigned i = 0; i < size; i++)
		payload[i] = (uint8_t)random_next(seed);
	length = write_from(frame, target, target_port, vlan, client, port, payload, size);
	assert_int_equal(length, ETHERNET + (vlan ? 4U : 0U) + (ipv6 ? IPV6 : IPV4) + (unsigned)UDP + size);
	assert_int_equal(read_exact(&view, frame, length, false, &copy), FRAME_UDP);
	assert_int_equal(view.vlan, vlan);
	assert_address(view.source, client);
	assert_address(view.destination, target);
	assert_int_equal(view.source_port, port);
	assert_int_equal(view.destination_port, target_port);
	assert_int_equal(view.size, size);
	assert_ptr_equal(view.payload, copy + length - size);
	assert_memory_equal(view.payload, payload, size);
	frame_golden_repair(copy, length); /* the plain checksums are no others */
	assert_memory_equal(copy, frame, length);
	free(copy);
	free(frame);
}

static void frames_come_back(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		for (uint16_t size = 0; size <= 300; size++)
			check_round_trip(kind & 1, kind & 2 ? 4094 : 0, size, &seed);
		check_round_trip(kind & 1, kind & 2 ? 1 : 0, 1231, &seed);
		check_round_trip(kind & 1, kind & 2 ? 1 : 0, 1232, &seed);
		for (unsigned i = 0; i < 20000; i++)
			check_round_trip(kind & 1, kind & 2 ? 1 : 0, 48, &seed);
	}
}

/* The two octets that make a frame's checksum zero are the checksum that it has with zeros there. */
static void check_zero_checksum(bool ipv6, uint16_t size)
{
	const char *target = ipv6 ? "2001:db8::1" : "192.0.2.1", *client = ipv6 ? "fd00::9:8" : "10.9.8.7";
	const size_t checksum = ETHERNET + (ipv6 ? IPV6 : IPV4) + 6;
	uint8_t payload[PAYLOAD_MAX] = {0}, frame[FRAME_MAX];
	size_t length = write_from(frame, target, 123, 0, client, 1024, payload, size);

	memcpy(payload, frame + checksum, 2);
	assert_int_equal(length, write_from(frame, target, 123, 0, client, 1024, payload, size));
	assert_memory_equal(frame + checksum, "\xff\xff", 2);
	assert_int_equal(kind_of(frame, length, false), FRAME_UDP);
}

static void checksum_of_zero_is_sent_as_ones(void **state)
{
	(void)state;
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		check_zero_checksum(ipv6, 48);
		check_zero_checksum(ipv6, 47);
		check_zero_checksum(ipv6, 2);
	}
}

/* Reading. */

static void golden_frames_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < frame_golden_count; i++) {
		uint8_t frame[FRAME_MAX], copy[FRAME_MAX];
		size_t size = frame_golden_build(frame_golden[i].name, frame);

		assert_int_equal(kind_of(frame, size, false), frame_golden[i].kind);
		assert_int_equal(kind_of(frame, size, true), frame_golden[i].kind);
		memcpy(copy, frame, size);
		frame_golden_repair(copy, size);
		assert_memory_equal(copy, frame, size);
	}
}

static void cut_frames_are_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < frame_golden_count; i++) {
		uint8_t frame[FRAME_MAX];
		size_t whole = frame_golden_build(frame_golden[i].name, frame);

		for (size_t size = 0; size < whole; size++) {
			assert_int_equal(kind_of(frame, size, false), FRAME_OTHER);
			assert_int_equal(kind_of(frame, size, true), FRAME_OTHER);
		}
	}
}

/* What the length fields of UDP say after a flip; `room` is what the IP header leaves. */
static enum frame_kind flipped_udp(const uint8_t *udp, size_t at, size_t room)
{
	size_t size = (size_t)udp[4] << 8 | udp[5];

	return (at == 4 || at == 5) && (size < UDP || size > room) ? FRAME_OTHER : FRAME_BAD_CHECKSUM;
}

static enum frame_kind flipped_v4(const uint8_t *frame, size_t at, size_t size)
{
	size_t total = (size_t)frame[16] << 8 | frame[17];

	if (at < 12)
		return FRAME_UDP;
	if (at <= 14)
		return FRAME_OTHER;
	if (at == 16 || at == 17)
		return total < IPV4 || total > size - ETHERNET ? FRAME_OTHER : FRAME_BAD_CHECKSUM;
	return at < 34 ? FRAME_BAD_CHECKSUM : flipped_udp(frame + 34, at - 34, size - 34);
}

static enum frame_kind flipped_v6_vlan(const uint8_t *frame, size_t at, size_t size)
{
	if (at < 12 || at == 14 || at == 15)
		return FRAME_UDP;
	if (at < 18 || (at == 18 && frame[18] >> 4 != 6))
		return FRAME_OTHER;
	if (at < 22 || at == 25) /* traffic class, flow label, hops: no checksum has them */
		return FRAME_UDP;
	if (at < 25)
		return FRAME_OTHER;
	return at < 58 ? FRAME_BAD_CHECKSUM : flipped_udp(frame + 58, at - 58, size - 58);
}

static void each_flipped_bit_is_seen(void **state)
{
	uint8_t v4[FRAME_MAX], v6[FRAME_MAX];
	size_t v4_size = frame_golden_build("udp-v4", v4), v6_size = frame_golden_build("udp-v6-vlan", v6);

	(void)state;
	for (size_t bit = 0; bit < 8 * v4_size; bit++) {
		v4[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(kind_of(v4, v4_size, false), flipped_v4(v4, bit / 8, v4_size));
		v4[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * v6_size; bit++) {
		v6[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(kind_of(v6, v6_size, false), flipped_v6_vlan(v6, bit / 8, v6_size));
		v6[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Behind the IP header all of ICMP is under its checksum, whatever the port has looked at. */
static void flipped_icmp_is_seen(void **state)
{
	static const struct {
		const char *name;
		size_t from;
	} cases[] = {{"unreachable-v4", 34}, {"unreachable-v6", 54}, {"echo-v4", 34}, {"echo-v6", 54},
		{"ns-multicast", 54}, {"na", 54}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t frame[FRAME_MAX];
		size_t size = frame_golden_build(cases[i].name, frame);

		for (size_t bit = 8 * cases[i].from; bit < 8 * size; bit++) {
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(kind_of(frame, size, bit % 2), FRAME_BAD_CHECKSUM);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void checked_frames_are_not_summed(void **state)
{
	uint8_t frame[FRAME_MAX];
	size_t size = frame_golden_build("udp-v4", frame);

	(void)state;
	frame[24] ^= 1;
	assert_int_equal(kind_of(frame, size, false), FRAME_BAD_CHECKSUM);
	assert_int_equal(kind_of(frame, size, true), FRAME_UDP);
	frame[24] ^= 1;
	frame[size - 1] ^= 1;
	assert_int_equal(kind_of(frame, size, false), FRAME_BAD_CHECKSUM);
	assert_int_equal(kind_of(frame, size, true), FRAME_UDP);
}

static void zero_checksum_depends_on_the_family(void **state)
{
	uint8_t frame[FRAME_MAX];
	size_t size = frame_golden_build("udp-v4", frame);

	(void)state;
	memset(frame + 40, 0, 2);
	assert_int_equal(kind_of(frame, size, false), FRAME_UDP);
	size = frame_golden_build("udp-v6-vlan", frame);
	memset(frame + 64, 0, 2);
	assert_int_equal(kind_of(frame, size, false), FRAME_BAD_CHECKSUM);
	assert_int_equal(kind_of(frame, size, true), FRAME_BAD_CHECKSUM);
}

static void padding_is_left_out(void **state)
{
	uint8_t frame[FRAME_MAX], *copy;
	struct frame_view view;

	(void)state;
	memset(frame, 0xee, sizeof(frame));
	(void)frame_golden_build("udp-v4", frame);
	assert_int_equal(read_exact(&view, frame, 60, false, &copy), FRAME_UDP);
	assert_int_equal(view.size, 3);
	free(copy);
	(void)frame_golden_build("udp-v6-vlan", frame);
	assert_int_equal(read_exact(&view, frame, 90, false, &copy), FRAME_UDP);
	assert_int_equal(view.size, 4);
	free(copy);
	(void)frame_golden_build("arp-request", frame);
	assert_int_equal(kind_of(frame, 60, false), FRAME_NEIGHBOUR);
	(void)frame_golden_build("echo-v4", frame);
	assert_int_equal(kind_of(frame, 60, false), FRAME_ECHO);
}

/* One octet of a golden frame set to something else, all checksums made right again. */
static enum frame_kind kind_with(const char *name, size_t at, uint8_t value)
{
	uint8_t frame[FRAME_MAX];
	size_t size = frame_golden_build(name, frame);

	frame[at] = value;
	return repaired_kind(frame, size);
}

static void lengths_that_contradict_are_other(void **state)
{
	(void)state;
	assert_int_equal(kind_with("udp-v4", 17, 31), FRAME_UDP);
	assert_int_equal(kind_with("udp-v4", 17, 32), FRAME_OTHER); /* beyond the frame */
	assert_int_equal(kind_with("udp-v4", 17, 30), FRAME_OTHER); /* UDP's beyond that of IP */
	assert_int_equal(kind_with("udp-v4", 17, 27), FRAME_OTHER); /* no whole UDP header */
	assert_int_equal(kind_with("udp-v4", 17, 19), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v4", 17, 0), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v4", 14, 0x44), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v4", 14, 0x46), FRAME_OTHER); /* options */
	assert_int_equal(kind_with("udp-v4", 14, 0x65), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v4", 39, 12), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v4", 39, 10), FRAME_UDP); /* an octet behind it */
	assert_int_equal(kind_with("udp-v4", 39, 8), FRAME_UDP);
	assert_int_equal(kind_with("udp-v4", 39, 7), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v4", 39, 0), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 23, 12), FRAME_UDP);
	assert_int_equal(kind_with("udp-v6-vlan", 23, 13), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 23, 11), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 23, 0), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 18, 0x45), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 63, 13), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 63, 8), FRAME_UDP);
	assert_int_equal(kind_with("udp-v6-vlan", 63, 7), FRAME_OTHER);
	assert_int_equal(kind_with("echo-v4", 17, 27), FRAME_OTHER);
	assert_int_equal(kind_with("echo-v6", 19, 7), FRAME_OTHER);
	assert_int_equal(kind_with("ns-multicast", 19, 23), FRAME_OTHER);
}

static void other_protocols_are_other(void **state)
{
	(void)state;
	assert_int_equal(kind_with("udp-v4", 23, 6), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 24, 6), FRAME_OTHER);
	assert_int_equal(kind_with("udp-v6-vlan", 24, 0), FRAME_OTHER); /* hop-by-hop options */
	assert_int_equal(kind_with("udp-v4", 21, 1), FRAME_FRAGMENT);   /* not the first */
	assert_int_equal(kind_with("udp-v4", 20, 0x20), FRAME_FRAGMENT);
	assert_int_equal(kind_with("udp-v4", 20, 0), FRAME_UDP);
	assert_int_equal(kind_with("echo-v4", 34, 0), FRAME_OTHER); /* a reply */
	assert_int_equal(kind_with("echo-v4", 35, 1), FRAME_OTHER);
	assert_int_equal(kind_with("echo-v6", 54, 129), FRAME_OTHER);
	assert_int_equal(kind_with("ns-multicast", 54, 134), FRAME_OTHER);
	assert_int_equal(kind_with("ns-multicast", 55, 1), FRAME_OTHER);
	assert_int_equal(kind_with("arp-request", 15, 6), FRAME_OTHER); /* not Ethernet's */
	assert_int_equal(kind_with("arp-request", 17, 6), FRAME_OTHER);
	assert_int_equal(kind_with("arp-request", 18, 8), FRAME_OTHER);
	assert_int_equal(kind_with("arp-request", 19, 16), FRAME_OTHER);
	assert_int_equal(kind_with("arp-request", 21, 3), FRAME_OTHER);
}

/* ::ffff:192.0.2.1 in an IPv6 header is not 192.0.2.1. */
static void mapped_addresses_are_no_ipv4(void **state)
{
	static const size_t places[] = {18 + 8, 18 + 24};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t frame[FRAME_MAX];
		size_t size = frame_golden_build("udp-v6-vlan", frame);

		parse("192.0.2.1", frame + places[i]);
		assert_int_equal(repaired_kind(frame, size), FRAME_OTHER);
		size = frame_golden_build("unreachable-v6", frame);
		parse("192.0.2.1", frame + 62 + (i ? 24 : 8));
		assert_int_equal(repaired_kind(frame, size), FRAME_OTHER);
	}
}

static void tags_are_read(void **state)
{
	uint8_t frame[FRAME_MAX], *copy;
	struct frame_view view;
	size_t size = frame_golden_build("udp-v6-vlan", frame);

	(void)state;
	memcpy(frame + 14, "\xe0\x00", 2); /* a priority without a VLAN */
	assert_int_equal(read_exact(&view, frame, size, false, &copy), FRAME_UDP);
	assert_int_equal(view.vlan, 0);
	free(copy);
	memcpy(frame + 14, "\xff\xfe", 2);
	assert_int_equal(read_exact(&view, frame, size, false, &copy), FRAME_UDP);
	assert_int_equal(view.vlan, 4094);
	free(copy);
	memcpy(frame + 12, "\x88\xa8", 2);
	assert_int_equal(kind_of(frame, size, false), FRAME_OTHER);
	memmove(frame + 16, frame + 12, size - 12); /* a second tag */
	memcpy(frame + 12, "\x81\x00\x00\x05\x81\x00", 6);
	assert_int_equal(kind_of(frame, size + 4, false), FRAME_OTHER);
}

/* ICMP. */

static void unreachable_says_who_asked(void **state)
{
	uint8_t frame[FRAME_MAX], *copy;
	struct frame_view view;
	size_t size = frame_golden_build("unreachable-v4", frame);

	(void)state;
	assert_int_equal(read_exact(&view, frame, size, false, &copy), FRAME_UNREACHABLE);
	free(copy);
	assert_address(view.source, "10.0.0.7");
	assert_address(view.destination, "192.0.2.1");
	assert_int_equal(view.source_port, 40000);
	assert_int_equal(view.destination_port, 123);
	assert_int_equal(view.vlan, 0);
	size = frame_golden_build("unreachable-v6", frame);
	assert_int_equal(read_exact(&view, frame, size, false, &copy), FRAME_UNREACHABLE);
	free(copy);
	assert_address(view.source, "2001:db8:a::7");
	assert_address(view.destination, "2001:db8::1");
	assert_int_equal(view.source_port, 1024);
	assert_int_equal(view.destination_port, 123);
}

/* The sender of the ICMP message quotes less and less, all lengths and checksums right. */
static void check_cut_quotes(const char *name, size_t length_at, size_t quote, size_t needed)
{
	uint8_t frame[FRAME_MAX];
	size_t whole = frame_golden_build(name, frame), length = frame[length_at];

	for (size_t cut = 0; cut <= whole - quote; cut++) {
		frame[length_at] = (uint8_t)(length - cut);
		assert_int_equal(repaired_kind(frame, whole - cut),
			whole - cut - quote >= needed ? FRAME_UNREACHABLE : FRAME_OTHER);
	}
}

static void cut_quotes_are_other(void **state)
{
	(void)state;
	check_cut_quotes("unreachable-v4", 17, 42, 28);
	check_cut_quotes("unreachable-v6", 19, 62, 48);
}

static void quotes_of_something_else_are_other(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 16; code++) {
		assert_int_equal(kind_with("unreachable-v4", 35, (uint8_t)code), FRAME_UNREACHABLE);
		assert_int_equal(kind_with("unreachable-v6", 55, (uint8_t)code), FRAME_UNREACHABLE);
	}
	assert_int_equal(kind_with("unreachable-v4", 34, 11), FRAME_OTHER); /* time exceeded */
	assert_int_equal(kind_with("unreachable-v6", 54, 3), FRAME_OTHER);
	assert_int_equal(kind_with("unreachable-v4", 42 + 9, 6), FRAME_OTHER);
	assert_int_equal(kind_with("unreachable-v6", 62 + 6, 6), FRAME_OTHER);
	assert_int_equal(kind_with("unreachable-v4", 42, 0x65), FRAME_OTHER);
	assert_int_equal(kind_with("unreachable-v6", 62, 0x45), FRAME_OTHER);
	assert_int_equal(kind_with("unreachable-v4", 42, 0x44), FRAME_OTHER);
	assert_int_equal(kind_with("unreachable-v4", 42, 0x46), FRAME_OTHER);  /* cut by options */
	assert_int_equal(kind_with("unreachable-v4", 42 + 7, 1), FRAME_OTHER); /* a later fragment */
	assert_int_equal(kind_with("unreachable-v4", 42 + 6, 0x20), FRAME_UNREACHABLE);
}

static void quoted_options_are_skipped(void **state)
{
	uint8_t frame[FRAME_MAX], *copy;
	struct frame_view view;
	size_t size = frame_golden_build("unreachable-v4", frame);

	(void)state;
	memmove(frame + 42 + 24, frame + 42 + 20, size - 42 - 20);
	memset(frame + 42 + 20, 1, 4);
	frame[42] = 0x46;
	frame[17] = (uint8_t)(frame[17] + 4);
	frame_golden_repair(frame, size + 4);
	assert_int_equal(read_exact(&view, frame, size + 4, false, &copy), FRAME_UNREACHABLE);
	free(copy);
	assert_int_equal(view.source_port, 40000);
	assert_int_equal(view.destination_port, 123);
}

/* Octets and sizes at random, half of them with checksums made right. */
static void random_changes_do_no_harm(void **state)
{
	uint64_t seed = 4;
	unsigned kinds[FRAME_OTHER + 1] = {0};

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		uint8_t frame[FRAME_MAX + 64] = {0};
		size_t size = frame_golden_build(frame_golden[round % frame_golden_count].name, frame);

		for (uint64_t changes = random_next(&seed) % 4; changes; changes--)
			frame[random_next(&seed) % size] = (uint8_t)random_next(&seed);
		size = random_next(&seed) % 4 ? size : random_next(&seed) % (size + 64);
		if (random_next(&seed) % 2)
			frame_golden_repair(frame, size);
		kinds[kind_of(frame, size, random_next(&seed) % 2)]++;
	}
	for (unsigned kind = 0; kind <= FRAME_OTHER; kind++)
		assert_true(kinds[kind] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_octets_are_written),
		cmocka_unit_test(frames_come_back),
		cmocka_unit_test(checksum_of_zero_is_sent_as_ones),
		cmocka_unit_test(golden_frames_are_told_apart),
		cmocka_unit_test(cut_frames_are_other),
		cmocka_unit_test(each_flipped_bit_is_seen),
		cmocka_unit_test(flipped_icmp_is_seen),
		cmocka_unit_test(checked_frames_are_not_summed),
		cmocka_unit_test(zero_checksum_depends_on_the_family),
		cmocka_unit_test(padding_is_left_out),
		cmocka_unit_test(lengths_that_contradict_are_other),
		cmocka_unit_test(other_protocols_are_other),
		cmocka_unit_test(mapped_addresses_are_no_ipv4),
		cmocka_unit_test(tags_are_read),
		cmocka_unit_test(unreachable_says_who_asked),
		cmocka_unit_test(cut_quotes_are_other),
		cmocka_unit_test(quotes_of_something_else_are_other),
		cmocka_unit_test(quoted_options_are_skipped),
		cmocka_unit_test(random_changes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
