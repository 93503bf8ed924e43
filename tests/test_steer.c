/*
 * Which frames a load takes from the kernel (bench/steer.bpf.c), run by the kernel itself, and how the
 * program comes to an interface and goes. Needs CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN; without them the
 * tests are skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench/population.h"
#include "bench/steer.h"
#include "bench/steer_map.h"
#include "tests/bpf_lab.h"

enum { ROOM = 256, NTP = 123, OTHER_PORT = 124, CASES = 20000 };

#define TARGET4 "192.0.2.1"
#define OWN4 "198.51.100.9" /* within what is played */
#define PLAYED4 "198.51.100.7"
#define FREE4 "203.0.113.5"
#define TARGET6 "2001:db8::1"
#define OWN6 "2001:db8:5::9"
#define PLAYED6 "2001:db8:5::7"
#define FREE6 "2001:db8:6::7"

struct frame {
	uint8_t octets[ROOM];
	size_t length;
	size_t l3;      /* where the IP header or ARP begins */
	size_t headers; /* what must be there for a verdict */
};

static struct bpf_object *loaded;
static int program, sockets, addresses, target, xsk;
static struct population population;
static char text[512];

/* Frames. */

static void put(struct frame *f, const void *octets, size_t n)
{
	assert_true(f->length + n <= sizeof(f->octets));
	memcpy(f->octets + f->length, octets, n);
	f->length += n;
}

static void put8(struct frame *f, unsigned value)
{
	uint8_t octet = (uint8_t)value;

	put(f, &octet, 1);
}

static void put16(struct frame *f, unsigned value)
{
	put8(f, value >> 8);
	put8(f, value & 0xff);
}

static void put_address(struct frame *f, const char *address)
{
	uint8_t octets[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, address, octets), 1);
	put(f, octets, family == AF_INET6 ? 16 : 4);
}

static void put_link(struct frame *f, unsigned type, unsigned vlan)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	*f = (struct frame){0};
	put(f, macs, sizeof(macs));
	if (vlan) {
		put16(f, ETH_P_8021Q);
		put16(f, vlan);
	}
	put16(f, type);
	f->l3 = f->length;
}

/* An IP header of either family, as the addresses are. */
static void put_ip(struct frame *f, const char *from, const char *to, unsigned protocol, unsigned size)
{
	if (strchr(to, ':')) {
		put16(f, 0x6000);
		put16(f, 0);
		put16(f, size);
		put8(f, protocol);
		put8(f, 255);
	} else {
		put16(f, 0x4500);
		put16(f, 20 + size);
		put16(f, 0);
		put16(f, 0x4000);
		put8(f, 64);
		put8(f, protocol);
		put16(f, 0);
	}
	put_address(f, from);
	put_address(f, to);
}

static void put_udp(struct frame *f, unsigned from, unsigned to)
{
	put16(f, from);
	put16(f, to);
	put16(f, 8 + 48);
	put16(f, 0);
}

static unsigned type_of(const char *address)
{
	return strchr(address, ':') ? ETH_P_IPV6 : ETH_P_IP;
}

static struct frame udp(const char *from, unsigned from_port, const char *to, unsigned to_port, unsigned vlan)
{
	const uint8_t payload[48] = {0x24};
	struct frame f;

	put_link(&f, type_of(to), vlan);
	put_ip(&f, from, to, 17, 8 + sizeof(payload));
	put_udp(&f, from_port, to_port);
	f.headers = f.length;
	put(&f, payload, sizeof(payload));
	return f;
}

static struct frame arp(unsigned operation, const char *from, const char *to)
{
	const uint8_t start[] = {0, 1, 8, 0, 6, 4}, mac[6] = {2, 0, 0, 0, 0, 2};
	struct frame f;

	put_link(&f, ETH_P_ARP, 0);
	put(&f, start, sizeof(start));
	put16(&f, operation);
	put(&f, mac, 6);
	put_address(&f, from);
	put(&f, mac, 6);
	put_address(&f, to);
	f.headers = f.length;
	return f;
}

/* ICMPv6 of a type with an address behind its eight octets: a solicitation or an advertisement. */
static struct frame neighbour(unsigned type, const char *to, const char *asked)
{
	const uint8_t rest[6] = {0};
	struct frame f;

	put_link(&f, ETH_P_IPV6, 0);
	put_ip(&f, TARGET6, to, 58, 24);
	put8(&f, type);
	put8(&f, 0);
	put(&f, rest, sizeof(rest));
	put_address(&f, asked);
	f.headers = f.length;
	return f;
}

/* A router's error about a datagram from `to` to `asked` and its port. */
static struct frame unreachable(const char *to, const char *asked, unsigned port)
{
	const bool ipv6 = strchr(to, ':') != NULL;
	const uint8_t rest[6] = {0};
	struct frame f;

	put_link(&f, type_of(to), 0);
	put_ip(&f, ipv6 ? FREE6 : FREE4, to, ipv6 ? 58 : 1, 8 + (ipv6 ? 48 : 28));
	put8(&f, ipv6 ? 1 : 3);
	put8(&f, 3);
	put(&f, rest, sizeof(rest));
	put_ip(&f, to, asked, 17, 8 + 48);
	put_udp(&f, 40000, port);
	f.headers = f.length;
	return f;
}

static struct frame echo(const char *to)
{
	const bool ipv6 = strchr(to, ':') != NULL;
	const uint8_t rest[15] = {0};
	struct frame f;

	put_link(&f, type_of(to), 0);
	put_ip(&f, ipv6 ? TARGET6 : TARGET4, to, ipv6 ? 58 : 1, 16);
	put8(&f, ipv6 ? 128 : 8);
	put(&f, rest, sizeof(rest));
	return f;
}

/* Running the program. */

static bool is_ours(const struct frame *f, size_t length)
{
	LIBBPF_OPTS(
		bpf_test_run_opts, opts, .data_in = f->octets, .data_size_in = (uint32_t)length, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	assert_true(opts.retval == XDP_REDIRECT || opts.retval == XDP_PASS);
	return opts.retval == XDP_REDIRECT;
}

static void expect(const char *what, struct frame f, bool ours)
{
	if (is_ours(&f, f.length) != ours)
		fail_msg("%s: expected it for the %s", what, ours ? "load" : "kernel");
}

static void map_address(const char *address, uint8_t out[16])
{
	const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};

	memcpy(out, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, address, out + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, address, out), 1);
}

static void fill(const char *to, uint16_t vlan)
{
	uint8_t address[16];

	map_address(to, address);
	assert_int_equal(steer_fill_maps(addresses, target, &population, address, NTP, vlan), 0);
}

static int ready4(void **state)
{
	(void)state;
	fill(TARGET4, 0);
	return 0;
}

static int ready6(void **state)
{
	(void)state;
	fill(TARGET6, 0);
	return 0;
}

static int load(void **state)
{
	const void *octets;
	size_t size;
	int ring = 64;
	uint32_t queue = 0;

	(void)state;
	if (unshare(CLONE_NEWNET) != 0 ||
		!bpf_lab_shell("ip link set lo up && ip addr add " OWN4 "/32 dev lo && ip addr add " OWN6
			       "/128 dev lo && ip addr add " FREE4 "/32 dev lo"))
		return -1;
	if (!population_init(&population, "198.51.100.0/24,2001:db8:5::/48", 100, 0, text, sizeof(text)))
		return -1;
	octets = steer_object(&size);
	loaded = bpf_object__open_mem(octets, size, NULL);
	if (!loaded || bpf_object__load(loaded) != 0)
		return -1;
	program = bpf_program__fd(bpf_object__find_program_by_name(loaded, STEER_PROGRAM));
	sockets = bpf_object__find_map_fd_by_name(loaded, STEER_MAP_SOCKETS);
	addresses = bpf_object__find_map_fd_by_name(loaded, STEER_MAP_ADDRESSES);
	target = bpf_object__find_map_fd_by_name(loaded, STEER_MAP_TARGET);
	/* A socket with a receive ring is all that the map asks for. */
	xsk = socket(AF_XDP, SOCK_RAW, 0);
	if (xsk < 0 || setsockopt(xsk, SOL_XDP, XDP_RX_RING, &ring, sizeof(ring)) != 0)
		return -1;
	return bpf_map_update_elem(sockets, &queue, &xsk, BPF_ANY);
}

static int unload(void **state)
{
	(void)state;
	close(xsk);
	bpf_object__close(loaded);
	return 0;
}

/* net_af_xdp attaches what stands first in the object. */
static void program_stands_first(void **state)
{
	(void)state;
	assert_string_equal(bpf_program__name(bpf_object__next_program(loaded, NULL)), STEER_PROGRAM);
}

/* Before it is told anything. */
static void all_passes_at_first(void **state)
{
	(void)state;
	expect("reply", udp(TARGET4, NTP, PLAYED4, 40000, 0), false);
	expect("question", arp(1, TARGET4, PLAYED4), false);
}

static void played_addresses_are_ours(void **state)
{
	(void)state;
	expect("reply", udp(TARGET4, NTP, PLAYED4, 40000, 0), true);
	expect("from another port", udp(TARGET4, OTHER_PORT, PLAYED4, 40000, 0), true);
	expect("from another host", udp(FREE4, NTP, PLAYED4, 40000, 0), true);
	expect("ping", echo(PLAYED4), true);
	expect("unreachable", unreachable(PLAYED4, TARGET4, NTP), true);
	expect("IPv6", udp(TARGET6, NTP, PLAYED6, 40000, 0), true);
	expect("ping over IPv6", echo(PLAYED6), true);
	expect("another address", udp(TARGET4, NTP, FREE4, 40000, 0), false);
	expect("another IPv6 address", udp(TARGET6, NTP, FREE6, 40000, 0), false);
	expect("ping of another", echo(FREE4), false);
	expect("to the target", udp(PLAYED4, 40000, TARGET4, NTP, 0), false);
}

static void questions_for_played_addresses_are_ours(void **state)
{
	(void)state;
	expect("ARP request", arp(1, TARGET4, PLAYED4), true);
	expect("ARP probe", arp(1, "0.0.0.0", PLAYED4), true);
	expect("ARP reply", arp(2, TARGET4, PLAYED4), true);
	expect("ARP for the own address", arp(1, TARGET4, OWN4), false);
	expect("ARP reply to the own address", arp(2, TARGET4, OWN4), false);
	expect("ARP for another", arp(1, TARGET4, FREE4), false);
	expect("ARP announcement of another", arp(1, FREE4, FREE4), false);
	expect("solicitation", neighbour(135, "ff02::1:ff00:7", PLAYED6), true);
	expect("advertisement to all", neighbour(136, "ff02::1", PLAYED6), true);
	expect("advertisement to a played one", neighbour(136, PLAYED6, TARGET6), true);
	expect("solicitation of the own", neighbour(135, "ff02::1:ff00:9", OWN6), false);
	expect("advertisement to the own", neighbour(136, OWN6, TARGET6), false);
	expect("solicitation of another", neighbour(135, "ff02::1:ff00:7", FREE6), false);
	expect("router solicitation", neighbour(133, "ff02::2", PLAYED6), false);
}

static void own_address_gets_replies_only(void **state)
{
	struct frame f;

	(void)state;
	expect("reply", udp(TARGET4, NTP, OWN4, 40000, 0), true);
	expect("from another port", udp(TARGET4, OTHER_PORT, OWN4, 40000, 0), false);
	expect("from another host", udp(FREE4, NTP, OWN4, 40000, 0), false);
	expect("ping", echo(OWN4), false);
	expect("unreachable", unreachable(OWN4, TARGET4, NTP), true);
	expect("unreachable, another port", unreachable(OWN4, TARGET4, OTHER_PORT), false);
	expect("unreachable, another host", unreachable(OWN4, FREE4, NTP), false);
	f = udp(TARGET4, NTP, OWN4, 22, 0);
	f.octets[f.l3 + 9] = 6;
	expect("SSH", f, false);
	f = unreachable(OWN4, TARGET4, NTP);
	f.octets[f.l3 + 20] = 11;
	expect("time exceeded", f, false);
}

static void own_ipv6_address_gets_replies_only(void **state)
{
	struct frame f;

	(void)state;
	expect("reply", udp(TARGET6, NTP, OWN6, 40000, 0), true);
	expect("from another port", udp(TARGET6, OTHER_PORT, OWN6, 40000, 0), false);
	expect("from another host", udp(FREE6, NTP, OWN6, 40000, 0), false);
	expect("ping", echo(OWN6), false);
	expect("unreachable", unreachable(OWN6, TARGET6, NTP), true);
	expect("unreachable, another port", unreachable(OWN6, TARGET6, OTHER_PORT), false);
	f = udp(TARGET6, NTP, OWN6, 22, 0);
	f.octets[f.l3 + 6] = 6;
	expect("SSH", f, false);
	expect("played", udp(TARGET6, NTP, PLAYED6, 40000, 0), true);
}

static void fragments_follow_the_address(void **state)
{
	struct frame played = udp(TARGET4, NTP, PLAYED4, 40000, 0), own = udp(TARGET4, NTP, OWN4, 40000, 0);

	(void)state;
	played.octets[played.l3 + 6] = own.octets[own.l3 + 6] = 0x20;
	expect("first fragment, played", played, true);
	expect("first fragment, own", own, false);
	played.octets[played.l3 + 6] = own.octets[own.l3 + 6] = 0;
	played.octets[played.l3 + 7] = own.octets[own.l3 + 7] = 9;
	expect("last fragment, played", played, true);
	expect("last fragment, own", own, false);
	own = udp(TARGET4, NTP, OWN4, 40000, 0);
	own.octets[own.l3] = 0x46;
	expect("options, own", own, false);
}

static void vlan_is_compared(void **state)
{
	struct frame f;

	(void)state;
	expect("a tag that is not wanted", udp(TARGET4, NTP, PLAYED4, 40000, 5), false);
	f = udp(TARGET4, NTP, PLAYED4, 40000, 0xe000);
	expect("priority only", f, true);
	fill(TARGET4, 5);
	expect("the VLAN", udp(TARGET4, NTP, PLAYED4, 40000, 5), true);
	expect("the VLAN with a priority", udp(TARGET4, NTP, PLAYED4, 40000, 0xe005), true);
	expect("another VLAN", udp(TARGET4, NTP, PLAYED4, 40000, 6), false);
	expect("no tag", udp(TARGET4, NTP, PLAYED4, 40000, 0), false);
	f = udp(TARGET4, NTP, PLAYED4, 40000, 5);
	f.octets[f.l3 - 2] = 0x81;
	f.octets[f.l3 - 1] = 0;
	expect("two tags", f, false);
}

/* The kernel's test run takes frames from an Ethernet header on. A played address says enough by itself. */
static void truncated_frames_pass(void **state)
{
	const struct frame frames[] = {udp(TARGET4, NTP, OWN4, 40000, 0), unreachable(OWN4, TARGET4, NTP),
		arp(1, TARGET4, PLAYED4), neighbour(135, "ff02::1:ff00:7", PLAYED6)};
	const struct frame played = udp(TARGET4, NTP, PLAYED4, 40000, 0);

	(void)state;
	/* of a reply to the own address, the ports are read, but it is their whole header that must be there
	 */
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		for (size_t length = ETH_HLEN; length <= frames[i].length; length++)
			if (is_ours(&frames[i], length) != (length >= frames[i].headers))
				fail_msg("frame %zu, %zu octets", i, length);
	for (size_t length = ETH_HLEN; length <= played.length; length++)
		assert_int_equal(is_ours(&played, length), length >= ETH_HLEN + 20);
}

/* The longest prefix of IPv6 is not one of IPv4. */
static void all_of_ipv6_is_not_ipv4(void **state)
{
	struct population all;
	uint8_t address[16];

	(void)state;
	assert_true(population_init(&all, "::/0", 100, 0, text, sizeof(text)));
	map_address(TARGET6, address);
	assert_int_equal(steer_fill_maps(addresses, target, &all, address, NTP, 0), 0);
	expect("IPv6", udp(TARGET6, NTP, FREE6, 40000, 0), true);
	expect("IPv4", udp(TARGET4, NTP, FREE4, 40000, 0), false);
}

/* Whatever comes, the program gives one of two verdicts, and frames of other protocols pass. */
static void random_frames_get_a_verdict(void **state)
{
	unsigned long long seed = 20260711;
	unsigned ours = 0;

	(void)state;
	for (unsigned n = 0; n < CASES; n++) {
		struct frame f =
			n % 2 ? unreachable(n % 4 == 1 ? OWN4 : OWN6, n % 4 == 1 ? TARGET4 : TARGET6, NTP)
			      : udp(TARGET4, NTP, n % 4 ? PLAYED4 : OWN4, 40000, n % 8 ? 0 : 5);

		for (unsigned flips = 0; flips < n % 3; flips++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			f.octets[12 + (seed >> 40) % (f.length - 12)] ^= (uint8_t)(1U << (seed >> 33) % 8);
		}
		ours += is_ours(&f, f.length);
	}
	assert_in_range(ours, CASES / 20, CASES - CASES / 20);
}

/* On an interface: a veth pair in a namespace of its own. */

static uint32_t attached(void)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex("tw0"), 0, &query), 0);
	return query.prog_id;
}

static void attach_named(const char *name)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int other = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", pass, 2, NULL);

	assert_true(other >= 0);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("tw0"), other, 0, NULL), 0);
	close(other);
}

static void interface_is_taken_and_given_back(void **state)
{
	struct steer steer, second;
	char dir[32];
	uint8_t address[16];

	(void)state;
	map_address(TARGET4, address);
	if (!steer_prepare(&steer, "tw0", text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(access(steer.object, R_OK), 0);
	snprintf(dir, sizeof(dir), "%s", steer.dir);
	assert_false(steer_prepare(&second, "tw0", text, sizeof(text)));
	assert_non_null(strstr(text, "another load"));
	steer_close(&second);
	assert_false(steer_fill(&steer, &population, address, NTP, 0, text, sizeof(text)));
	/* As net_af_xdp does it. */
	assert_int_equal(
		bpf_xdp_attach((int)if_nametoindex("tw0"), program, XDP_FLAGS_UPDATE_IF_NOEXIST, NULL), 0);
	if (!steer_fill(&steer, &population, address, NTP, 0, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_not_equal(access(dir, F_OK), 0);
	steer_close(&steer);
	assert_int_equal(attached(), 0);
}

/* After a kill, with nobody left who would take it off. */
static void leftover_is_taken_off(void **state)
{
	struct steer steer;

	(void)state;
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("tw0"), program, 0, NULL), 0);
	if (!steer_prepare(&steer, "tw0", text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(attached(), 0);
	steer_close(&steer);
}

static void programs_of_others_stay(void **state)
{
	static const struct {
		const char *name, *said;
	} others[] = {{"others_firewall", "others_firewall"}, {"tickwire_xdp", "tickwire answers"}};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct steer steer;

		attach_named(others[i].name);
		assert_false(steer_prepare(&steer, "tw0", text, sizeof(text)));
		assert_non_null(strstr(text, others[i].said));
		steer_close(&steer);
		assert_int_not_equal(attached(), 0);
		assert_int_equal(bpf_xdp_detach((int)if_nametoindex("tw0"), 0, NULL), 0);
	}
}

static void missing_interface_is_said(void **state)
{
	struct steer steer;

	(void)state;
	assert_false(steer_prepare(&steer, "nowhere0", text, sizeof(text)));
	assert_non_null(strstr(text, "nowhere0"));
	steer_close(&steer);
}

static void own_clients_are_found(void **state)
{
	uint32_t clients[4];

	(void)state;
	assert_true(
		bpf_lab_shell("ip addr add 198.51.100.1/32 dev tw0 && ip addr add 203.0.113.9/32 dev tw0"));
	assert_int_equal(steer_own_clients(&population, clients, 4), 1);
	assert_int_equal(clients[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_stands_first),
		cmocka_unit_test(all_passes_at_first),
		cmocka_unit_test_setup(played_addresses_are_ours, ready4),
		cmocka_unit_test_setup(questions_for_played_addresses_are_ours, ready4),
		cmocka_unit_test_setup(own_address_gets_replies_only, ready4),
		cmocka_unit_test_setup(own_ipv6_address_gets_replies_only, ready6),
		cmocka_unit_test_setup(fragments_follow_the_address, ready4),
		cmocka_unit_test_setup(vlan_is_compared, ready4),
		cmocka_unit_test_setup(truncated_frames_pass, ready4),
		cmocka_unit_test_setup(random_frames_get_a_verdict, ready4),
		cmocka_unit_test(all_of_ipv6_is_not_ipv4),
		cmocka_unit_test_setup(interface_is_taken_and_given_back, bpf_lab_make_pair),
		cmocka_unit_test_setup(leftover_is_taken_off, bpf_lab_make_pair),
		cmocka_unit_test_setup(programs_of_others_stay, bpf_lab_make_pair),
		cmocka_unit_test_setup(missing_interface_is_said, bpf_lab_make_pair),
		cmocka_unit_test_setup(own_clients_are_found, bpf_lab_make_pair),
	};
	const char *need = bpf_lab_missing();

	if (need) {
		printf("skipped: steer, needs %s\n", need);
		return 77;
	}
	return cmocka_run_group_tests(tests, load, unload);
}
