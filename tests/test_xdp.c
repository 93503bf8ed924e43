/*
 * The programs that stay in the kernel (dataplane/xdp.bpf.c) and their handling (dataplane/kernel_path.c):
 * run by the kernel itself over frames, and attached to a veth pair in a network namespace of their own.
 * Needs CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN; without them the tests are skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/kernel_path.h"
#include "dataplane/xdp.h"
#include "tests/bpf_lab.h"

enum { FRAME_MAX = 256, PAYLOAD = 48, CASES = 20000 };

struct frame {
	uint8_t octets[FRAME_MAX];
	size_t length;
	size_t headers; /* up to and with the UDP header */
};

static const uint8_t ipv4_served[4] = {192, 0, 2, 1};
static const uint8_t ipv6_served[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
static const uint8_t ipv6_anywhere[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};

static struct bpf_object *loaded;
static struct kernel_path_program maps; /* of both programs; nothing is attached */
static int xdp_program, tc_program, sockets, xsk;
static char text[512];

/* Frames. */

static void put(struct frame *f, const void *octets, size_t n)
{
	assert_true(f->length + n <= sizeof(f->octets));
	memcpy(f->octets + f->length, octets, n);
	f->length += n;
}

static void put16(struct frame *f, unsigned value)
{
	uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	put(f, octets, 2);
}

static void put_ethernet(struct frame *f, unsigned type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	memset(f, 0, sizeof(*f));
	put(f, macs, sizeof(macs));
	put16(f, type);
}

/* Turns the frame's type into a tag of `tpid`; then the type follows. */
static void put_tag(struct frame *f, unsigned tpid, unsigned tci)
{
	uint8_t type[2];

	memcpy(type, f->octets + f->length - 2, 2);
	f->length -= 2;
	put16(f, tpid);
	put16(f, tci);
	put(f, type, 2);
}

static void put_udp(struct frame *f, unsigned port)
{
	static const uint8_t payload[PAYLOAD] = {0x23};

	put16(f, 40000);
	put16(f, port);
	put16(f, 8 + PAYLOAD);
	put16(f, 0);
	f->headers = f->length;
	put(f, payload, sizeof(payload));
}

static void put_ipv4(struct frame *f, const uint8_t to[4], unsigned port)
{
	static const uint8_t start[] = {
		0x45, 0, 0, 20 + 8 + PAYLOAD, 0, 1, 0x40, 0, 64, 17, 0, 0, 198, 51, 100, 7};

	put(f, start, sizeof(start));
	put(f, to, 4);
	put_udp(f, port);
}

static void put_ipv6(struct frame *f, const uint8_t to[16], unsigned port)
{
	static const uint8_t start[] = {
		0x60, 0, 0, 0, 0, 8 + PAYLOAD, 17, 64, 0x20, 1, 0x0d, 0xb8, [23] = 99};

	put(f, start, sizeof(start));
	put(f, to, 16);
	put_udp(f, port);
}

/* tags: 0 to 3 of them, outermost first. */
static void frame_ipv4(struct frame *f, const uint8_t to[4], unsigned port, int tags, const unsigned *tci)
{
	put_ethernet(f, ETH_P_IP);
	for (int i = 0; i < tags; i++)
		put_tag(f, i + 1 < tags ? ETH_P_8021AD : ETH_P_8021Q, tci[i]);
	put_ipv4(f, to, port);
}

static void frame_ipv6(struct frame *f, const uint8_t to[16], unsigned port, int tags, const unsigned *tci)
{
	put_ethernet(f, ETH_P_IPV6);
	for (int i = 0; i < tags; i++)
		put_tag(f, ETH_P_8021Q, tci[i]);
	put_ipv6(f, to, port);
}

/* What is served. */

static void serve4(struct policy *p, const uint8_t address[4], uint32_t vlan)
{
	uint8_t mapped[16];

	policy_map_ipv4(mapped, address);
	assert_true(policy_serve(p, mapped, vlan));
}

static void standard_policy(struct policy *p)
{
	policy_init(p);
	serve4(p, ipv4_served, 0);
	serve4(p, ipv4_served, 100 | SERVED_VLAN_PRESENT);
	serve4(p, ipv4_served, (uint32_t)(100 | SERVED_VLAN_PRESENT) << 16 | 200 | SERVED_VLAN_PRESENT);
	assert_true(policy_serve(p, ipv6_served, 0));
	assert_true(policy_serve(p, ipv6_served, 100 | SERVED_VLAN_PRESENT));
	assert_true(policy_serve(p, ipv6_anywhere, SERVED_ANY_VLAN));
}

static void sync_with(const struct policy *p)
{
	if (!kernel_path_sync(&maps, p, text, sizeof(text)))
		fail_msg("%s", text);
}

static void sync_standard(void)
{
	struct policy p;

	standard_policy(&p);
	sync_with(&p);
}

/* Running the programs. */

/* The kernel makes no skb of a frame that ends within the IP header: it counts as not dropped. */
static int run(int program, const struct frame *f, size_t length)
{
	LIBBPF_OPTS(
		bpf_test_run_opts, opts, .data_in = f->octets, .data_size_in = (uint32_t)length, .repeat = 1);
	int error = bpf_prog_test_run_opts(program, &opts);

	if (error == -EINVAL && program == tc_program)
		return TC_ACT_UNSPEC;
	assert_int_equal(error, 0);
	return (int)opts.retval;
}

static bool is_redirected(const struct frame *f, size_t length)
{
	int action = run(xdp_program, f, length);

	assert_true(action == XDP_REDIRECT || action == XDP_PASS);
	return action == XDP_REDIRECT;
}

static bool is_dropped(const struct frame *f, size_t length)
{
	int action = run(tc_program, f, length);

	assert_true(action == TC_ACT_SHOT || action == TC_ACT_UNSPEC);
	return action == TC_ACT_SHOT;
}

/* Both programs judge alike while the lease runs. */
static void expect(const char *what, const struct frame *f, size_t length, bool ours)
{
	if (is_redirected(f, length) != ours || is_dropped(f, length) != ours)
		fail_msg("%s (%zu octets): expected it %s", what, length,
			ours ? "for the dataplane" : "for the kernel");
}

static void put_socket(void)
{
	uint32_t queue = 0;

	assert_int_equal(bpf_map_update_elem(sockets, &queue, &xsk, BPF_ANY), 0);
}

static struct kernel_path_counts read_counts(const struct kernel_path_program *p)
{
	struct kernel_path_counts c;

	if (!kernel_path_read_counts(p, &c, text, sizeof(text)))
		fail_msg("%s", text);
	return c;
}

static int load(void **state)
{
	char dir[] = "/tmp/tickwire-xdp-XXXXXX", path[128];
	int ring = 64;

	(void)state;
	if (!mkdtemp(dir) || !kernel_path_write_program(dir, path, sizeof(path), text, sizeof(text)))
		return -1;
	loaded = bpf_object__open_file(path, NULL);
	unlink(path);
	rmdir(dir);
	if (!loaded || bpf_object__load(loaded) != 0)
		return -1;
	kernel_path_init(&maps);
	xdp_program = bpf_program__fd(bpf_object__find_program_by_name(loaded, XDP_PROGRAM));
	tc_program = bpf_program__fd(bpf_object__find_program_by_name(loaded, XDP_TC_PROGRAM));
	sockets = bpf_object__find_map_fd_by_name(loaded, XDP_MAP_SOCKETS);
	maps.served = bpf_object__find_map_fd_by_name(loaded, XDP_MAP_SERVED);
	maps.settings = bpf_object__find_map_fd_by_name(loaded, XDP_MAP_SETTINGS);
	maps.counts = bpf_object__find_map_fd_by_name(loaded, XDP_MAP_COUNTS);
	maps.lease = bpf_object__find_map_fd_by_name(loaded, XDP_MAP_LEASE);
	/* A socket with a receive ring is all that the map asks for. */
	xsk = socket(AF_XDP, SOCK_RAW, 0);
	return xsk >= 0 ? setsockopt(xsk, SOL_XDP, XDP_RX_RING, &ring, sizeof(ring)) : -1;
}

static int unload(void **state)
{
	(void)state;
	if (xsk >= 0)
		close(xsk);
	bpf_object__close(loaded);
	return 0;
}

static int ready(void **state)
{
	(void)state;
	put_socket();
	sync_standard();
	return kernel_path_renew_lease(&maps, text, sizeof(text)) ? 0 : -1;
}

/* net_af_xdp attaches what stands first in the object. */
static void xdp_program_stands_first(void **state)
{
	(void)state;
	assert_string_equal(bpf_program__name(bpf_object__next_program(loaded, NULL)), XDP_PROGRAM);
}

static void served_frames_are_ours(void **state)
{
	const unsigned one[] = {100}, two[] = {100, 200}, with_priority[] = {0xe000 | 100};
	struct frame f;

	(void)state;
	frame_ipv4(&f, ipv4_served, 123, 0, NULL);
	expect("IPv4", &f, f.length, true);
	frame_ipv4(&f, ipv4_served, 123, 1, one);
	expect("IPv4, one tag", &f, f.length, true);
	frame_ipv4(&f, ipv4_served, 123, 1, with_priority);
	expect("IPv4, one tag with a priority", &f, f.length, true);
	frame_ipv4(&f, ipv4_served, 123, 2, two);
	expect("IPv4, two tags", &f, f.length, true);
	frame_ipv6(&f, ipv6_served, 123, 0, NULL);
	expect("IPv6", &f, f.length, true);
	frame_ipv6(&f, ipv6_served, 123, 1, one);
	expect("IPv6, one tag", &f, f.length, true);
	frame_ipv6(&f, ipv6_anywhere, 123, 0, NULL);
	expect("any VLAN, no tag", &f, f.length, true);
	frame_ipv6(&f, ipv6_anywhere, 123, 2, two);
	expect("any VLAN, two tags", &f, f.length, true);
	put_ethernet(&f, ETH_P_IP);
	put_tag(&f, ETH_P_8021AD, 100);
	put_ipv4(&f, ipv4_served, 123);
	expect("IPv4, a service tag", &f, f.length, true);
}

static void other_destinations_pass(void **state)
{
	const unsigned wrong[] = {101}, two[] = {100, 200}, swapped[] = {200, 100}, three[] = {1, 100, 200};
	const uint8_t other4[4] = {192, 0, 2, 2}, other6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 3};
	struct frame f;

	(void)state;
	frame_ipv4(&f, ipv4_served, 124, 0, NULL);
	expect("another port", &f, f.length, false);
	frame_ipv4(&f, ipv4_served, 123 << 8, 0, NULL);
	expect("the port in the wrong order", &f, f.length, false);
	frame_ipv4(&f, other4, 123, 0, NULL);
	expect("another IPv4 address", &f, f.length, false);
	frame_ipv6(&f, other6, 123, 0, NULL);
	expect("another IPv6 address", &f, f.length, false);
	frame_ipv4(&f, ipv4_served, 123, 1, wrong);
	expect("another VLAN", &f, f.length, false);
	frame_ipv4(&f, ipv4_served, 123, 2, swapped);
	expect("tags in another order", &f, f.length, false);
	frame_ipv6(&f, ipv6_served, 123, 2, two);
	expect("IPv6 on VLANs that are not served", &f, f.length, false);
	frame_ipv6(&f, ipv6_anywhere, 123, 3, three);
	expect("three tags", &f, f.length, false);
	frame_ipv4(&f, ipv4_served, 40000, 0, NULL);
	memcpy(f.octets + 34, "\0\173", 2);
	expect("from the NTP port", &f, f.length, false);
}

/* A reply to a client on this host that asks from port 123 is the kernel's; every kind of request is ours. */
static void replies_pass(void **state)
{
	struct frame f;
	char what[32];

	(void)state;
	for (unsigned mode = 0; mode < 8; mode++) {
		frame_ipv4(&f, ipv4_served, 123, 0, NULL);
		f.octets[f.headers] = (uint8_t)(4 << 3 | mode);
		snprintf(what, sizeof(what), "mode %u", mode);
		expect(what, &f, f.length, mode != 2 && mode != 4 && mode != 5);
	}
	frame_ipv4(&f, ipv4_served, 123, 0, NULL);
	expect("no octet of NTP", &f, f.headers, true);
}

/* 802.1Q section 9.6: identifier 0 is a priority only. */
static void priority_tag_is_no_vlan(void **state)
{
	const unsigned priority[] = {0xe000}, below[] = {0xe000, 0x0064};
	struct frame f;

	(void)state;
	frame_ipv4(&f, ipv4_served, 123, 1, priority);
	expect("priority tag", &f, f.length, true);
	frame_ipv4(&f, ipv4_served, 123, 2, below);
	expect("priority tag around a VLAN", &f, f.length, true);
}

static void other_shapes_pass(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		bool ipv6;
	} changes[] = {
		{"ARP", 13, 0x06, false},
		{"IPv4 options", 14, 0x46, false},
		{"IPv4 header too short", 14, 0x44, false},
		{"version 6 in IPv4", 14, 0x65, false},
		{"first fragment", 20, 0x20, false},
		{"last fragment", 21, 0x01, false},
		{"middle fragment", 20, 0x3f, false},
		{"TCP", 23, 6, false},
		{"ICMP", 23, 1, false},
		{"version 4 in IPv6", 14, 0x40, true},
		{"hop-by-hop options", 20, 0, true},
		{"fragment header", 20, 44, true},
		{"destination options", 20, 60, true},
		{"neighbour discovery", 20, 58, true},
		{"TCP over IPv6", 20, 6, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct frame f;

		if (changes[i].ipv6)
			frame_ipv6(&f, ipv6_served, 123, 0, NULL);
		else
			frame_ipv4(&f, ipv4_served, 123, 0, NULL);
		expect("before the change", &f, f.length, true);
		f.octets[changes[i].at] = changes[i].value;
		expect(changes[i].what, &f, f.length, false);
	}
}

/* The kernel's test run takes frames from an Ethernet header on. */
static void truncated_frames_pass(void **state)
{
	const unsigned two[] = {100, 200};
	struct frame f[3];

	(void)state;
	frame_ipv4(&f[0], ipv4_served, 123, 0, NULL);
	frame_ipv4(&f[1], ipv4_served, 123, 2, two);
	frame_ipv6(&f[2], ipv6_served, 123, 0, NULL);
	for (size_t i = 0; i < 3; i++)
		for (size_t length = ETH_HLEN; length <= f[i].length; length++) {
			bool whole = length >= f[i].headers;

			assert_int_equal(is_redirected(&f[i], length), whole);
			assert_int_equal(is_dropped(&f[i], length), whole);
		}
}

static void without_a_socket_the_kernel_gets_all(void **state)
{
	struct kernel_path_counts before, after;
	uint32_t queue = 0;
	struct frame f;

	(void)state;
	frame_ipv4(&f, ipv4_served, 123, 0, NULL);
	before = read_counts(&maps);
	assert_true(is_redirected(&f, f.length));
	assert_true(is_redirected(&f, f.length));
	assert_int_equal(bpf_map_delete_elem(sockets, &queue), 0);
	assert_false(is_redirected(&f, f.length));
	f.octets[37]++; /* another port is not counted */
	assert_false(is_redirected(&f, f.length));
	after = read_counts(&maps);
	assert_int_equal(after.redirected - before.redirected, 2);
	assert_int_equal(after.no_socket - before.no_socket, 1);
	assert_int_equal(after.dropped - before.dropped, 0);
}

static void nothing_is_dropped_without_a_lease(void **state)
{
	struct kernel_path_counts before = read_counts(&maps);
	struct frame f;

	(void)state;
	frame_ipv4(&f, ipv4_served, 123, 0, NULL);
	assert_true(is_dropped(&f, f.length));
	assert_true(kernel_path_end_lease(&maps, text, sizeof(text)));
	assert_false(is_dropped(&f, f.length));
	assert_true(kernel_path_renew_lease(&maps, text, sizeof(text)));
	assert_true(is_dropped(&f, f.length));
	usleep((KERNEL_PATH_LEASE_MS + 50) * 1000);
	assert_false(is_dropped(&f, f.length));
	assert_int_equal(read_counts(&maps).dropped - before.dropped, 2);
}

static size_t served_in_map(void)
{
	struct xdp_served key, next;
	size_t n = 0;

	for (bool first = true; bpf_map_get_next_key(maps.served, first ? NULL : &key, &next) == 0;
		first = false) {
		key = next;
		n++;
	}
	return n;
}

static void sync_makes_the_map_equal(void **state)
{
	uint8_t address[16] = {0x20, 0x01};
	struct policy p;
	struct frame f;

	(void)state;
	assert_int_equal(served_in_map(), 6);
	frame_ipv6(&f, ipv6_served, 4123, 0, NULL);
	expect("another port", &f, f.length, false);
	/* Twice: every one of a full table is exchanged for another. */
	for (unsigned round = 0; round < 2; round++) {
		policy_init(&p);
		for (unsigned i = 0; i < SERVED_MAX; i++) {
			address[14] = (uint8_t)round;
			address[15] = (uint8_t)i;
			assert_true(policy_serve(&p, address, 0));
		}
		sync_with(&p);
		assert_int_equal(served_in_map(), SERVED_MAX);
	}
	policy_init(&p);
	p.ntp_port = 4123;
	assert_true(policy_serve(&p, ipv6_served, 0));
	sync_with(&p);
	assert_int_equal(served_in_map(), 1);
	expect("the new port", &f, f.length, true);
	policy_init(&p);
	sync_with(&p);
	assert_int_equal(served_in_map(), 0);
	expect("nothing served", &f, f.length, false);
}

/* Random frames against a second, plain reading of the rules. */

static bool expected(const struct policy *p, const uint8_t *o, size_t length)
{
	uint32_t vlan = 0;
	size_t at = 12, ip, ntp;
	uint64_t half[2];
	uint8_t to[16];

	for (int tags = 0; length >= at + 2 && tags < 3; tags++) {
		unsigned type = (unsigned)o[at] << 8 | o[at + 1];

		if (type != 0x8100 && type != 0x88a8)
			break;
		if (tags == 2 || length < at + 6)
			return false;
		const unsigned id = ((unsigned)o[at + 2] << 8 | o[at + 3]) & 0xfff;

		vlan = id ? vlan << 16 | 0x1000 | id : vlan;
		at += 4;
	}
	ip = at + 2;
	if (o[at] == 8 && o[at + 1] == 0) {
		if (length < ip + 28 || o[ip] != 0x45 || o[ip + 9] != 17 || (o[ip + 6] & 0x3f) || o[ip + 7] ||
			o[ip + 22] != 0 || o[ip + 23] != 123)
			return false;
		policy_map_ipv4(to, o + ip + 16);
		ntp = ip + 28;
	} else if (o[at] == 0x86 && o[at + 1] == 0xdd) {
		if (length < ip + 48 || o[ip] >> 4 != 6 || o[ip + 6] != 17 || o[ip + 42] != 0 ||
			o[ip + 43] != 123)
			return false;
		memcpy(to, o + ip + 24, 16);
		ntp = ip + 48;
	} else {
		return false;
	}
	if (length > ntp && ((o[ntp] & 7) == 2 || (o[ntp] & 7) == 4 || (o[ntp] & 7) == 5))
		return false;
	memcpy(half, to, 16);
	return policy_is_served(p, half[0], half[1], vlan);
}

static uint32_t draw(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static void random_frames_agree(void **state)
{
	static const unsigned ids[] = {100, 200, 100, 0x2064, 5, 0xe000};
	uint64_t seed = 20260711;
	struct policy p;
	unsigned ours = 0;

	(void)state;
	standard_policy(&p);
	for (unsigned n = 0; n < CASES; n++) {
		unsigned tci[3] = {ids[draw(&seed) % 6], ids[draw(&seed) % 6], ids[draw(&seed) % 6]};
		int tags = draw(&seed) % 8 == 0 ? 3 : (int)(draw(&seed) % 3);
		struct frame f;
		size_t length;
		bool want;

		if (draw(&seed) % 2)
			frame_ipv4(&f, ipv4_served, 123, tags, tci);
		else
			frame_ipv6(&f, draw(&seed) % 2 ? ipv6_served : ipv6_anywhere, 123, tags, tci);
		for (unsigned flips = draw(&seed) % 3; flips; flips--)
			f.octets[12 + draw(&seed) % (f.headers + 1 - 12)] ^= (uint8_t)(1U << draw(&seed) % 8);
		length = draw(&seed) % 4 ? f.length : ETH_HLEN + draw(&seed) % (f.length - ETH_HLEN);
		want = expected(&p, f.octets, length);
		ours += want;
		if (is_redirected(&f, length) != want)
			fail_msg("case %u: XDP", n);
		if (is_dropped(&f, length) != want)
			fail_msg("case %u: tc", n);
		if (n % 1000 == 0)
			assert_true(kernel_path_renew_lease(&maps, text, sizeof(text)));
	}
	assert_in_range(ours, CASES / 20, CASES - CASES / 20);
}

/* On an interface: a veth pair tw0, tw1 in a namespace of its own. */

static int remove_pair(void **state)
{
	(void)state;
	return bpf_lab_shell("ip link del tw0 2>/dev/null || true") ? 0 : -1;
}

static uint32_t attached(const char *interface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(interface), 0, &query), 0);
	return query.prog_id;
}

static void must(bool good)
{
	if (!good)
		fail_msg("%s", text);
}

static void xdp_is_opened_and_removed(void **state)
{
	struct kernel_path_program p;
	struct policy policy;
	char name[64];

	(void)state;
	assert_false(kernel_path_open(&p, "tw0", text, sizeof(text)));
	assert_non_null(strstr(text, "No XDP program"));
	must(kernel_path_detach("tw0", text, sizeof(text)));
	/* As net_af_xdp does it. */
	assert_int_equal(
		bpf_xdp_attach((int)if_nametoindex("tw0"), xdp_program, XDP_FLAGS_UPDATE_IF_NOEXIST, NULL),
		0);
	assert_false(kernel_path_foreign("tw0", name, sizeof(name)));
	must(kernel_path_open(&p, "tw0", text, sizeof(text)));
	assert_int_equal(p.lease, -1);
	standard_policy(&policy);
	must(kernel_path_sync(&p, &policy, text, sizeof(text)));
	assert_int_equal(served_in_map(), 6);
	must(kernel_path_renew_lease(&p, text, sizeof(text)));
	kernel_path_close(&p);
	assert_int_not_equal(attached("tw0"), 0);
	must(kernel_path_detach("tw0", text, sizeof(text)));
	assert_int_equal(attached("tw0"), 0);
	must(kernel_path_detach("tw0", text, sizeof(text)));
}

static void generic_mode_is_found_too(void **state)
{
	struct kernel_path_program p;

	(void)state;
	assert_int_equal(
		bpf_xdp_attach((int)if_nametoindex("tw0"), xdp_program, XDP_FLAGS_SKB_MODE, NULL), 0);
	must(kernel_path_open(&p, "tw0", text, sizeof(text)));
	kernel_path_close(&p);
	must(kernel_path_detach("tw0", text, sizeof(text)));
	assert_int_equal(attached("tw0"), 0);
}

static void foreign_program_is_left_alone(void **state)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int other = bpf_prog_load(BPF_PROG_TYPE_XDP, "others_firewall", "GPL", pass, 2, NULL);
	struct kernel_path_program p;
	char name[64];

	(void)state;
	assert_true(other >= 0);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("tw0"), other, 0, NULL), 0);
	close(other);
	assert_true(kernel_path_foreign("tw0", name, sizeof(name)));
	assert_string_equal(name, "others_firewall");
	assert_false(kernel_path_open(&p, "tw0", text, sizeof(text)));
	assert_non_null(strstr(text, "others_firewall"));
	must(kernel_path_detach("tw0", text, sizeof(text)));
	assert_int_not_equal(attached("tw0"), 0);
}

static void missing_interface_is_said(void **state)
{
	struct kernel_path_program p;
	char name[64];

	(void)state;
	assert_false(kernel_path_open(&p, "nowhere0", text, sizeof(text)));
	assert_non_null(strstr(text, "nowhere0"));
	assert_false(kernel_path_attach_tc(&p, "nowhere0", text, sizeof(text)));
	assert_non_null(strstr(text, "nowhere0"));
	must(kernel_path_detach("nowhere0", text, sizeof(text)));
	assert_false(kernel_path_foreign("nowhere0", name, sizeof(name)));
}

/* Send a frame out of tw1, so that tw0 receives it: there the kernel takes the outer tag out of it. */
static void send_frame(const struct frame *f)
{
	int s = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("tw1"), .sll_halen = 6};

	assert_true(s >= 0);
	assert_int_equal(
		sendto(s, f->octets, f->length, 0, (const struct sockaddr *)&to, sizeof(to)), (int)f->length);
	close(s);
}

static uint64_t dropped_of(const struct kernel_path_program *p, const struct frame *f)
{
	uint64_t before = read_counts(p).dropped;

	send_frame(f);
	usleep(20000);
	return read_counts(p).dropped - before;
}

static void tc_sees_the_tag_that_the_kernel_took(void **state)
{
	const unsigned one[] = {100}, two[] = {100, 200}, wrong[] = {101}, three[] = {1, 100, 200};
	struct kernel_path_program p;
	struct policy policy;
	struct frame f;

	(void)state;
	must(kernel_path_attach_tc(&p, "tw0", text, sizeof(text)));
	standard_policy(&policy);
	must(kernel_path_sync(&p, &policy, text, sizeof(text)));
	frame_ipv4(&f, ipv4_served, 123, 0, NULL);
	assert_int_equal(dropped_of(&p, &f), 0); /* no lease yet */
	must(kernel_path_renew_lease(&p, text, sizeof(text)));
	assert_int_equal(dropped_of(&p, &f), 1);
	frame_ipv4(&f, ipv4_served, 123, 1, one);
	assert_int_equal(dropped_of(&p, &f), 1);
	frame_ipv4(&f, ipv4_served, 123, 2, two);
	assert_int_equal(dropped_of(&p, &f), 1);
	frame_ipv6(&f, ipv6_anywhere, 123, 2, two);
	assert_int_equal(dropped_of(&p, &f), 1);
	frame_ipv4(&f, ipv4_served, 123, 1, wrong);
	assert_int_equal(dropped_of(&p, &f), 0);
	frame_ipv6(&f, ipv6_anywhere, 123, 3, three);
	assert_int_equal(dropped_of(&p, &f), 0);
	kernel_path_close(&p);
	must(kernel_path_detach("tw0", text, sizeof(text)));
}

static bool has_clsact(void)
{
	return bpf_lab_shell("tc qdisc show dev tw0 | grep -q clsact");
}

static void tc_leaves_no_trace(void **state)
{
	struct kernel_path_program p;

	(void)state;
	assert_false(has_clsact());
	must(kernel_path_attach_tc(&p, "tw0", text, sizeof(text)));
	kernel_path_close(&p);
	assert_true(has_clsact());
	/* As after a crash: the second start takes the place of the first and knows who made the qdisc. */
	must(kernel_path_attach_tc(&p, "tw0", text, sizeof(text)));
	kernel_path_close(&p);
	assert_true(bpf_lab_shell("test $(tc filter show dev tw0 ingress | grep -c tickwire_tc) = 1"));
	must(kernel_path_detach("tw0", text, sizeof(text)));
	assert_false(has_clsact());
	must(kernel_path_detach("tw0", text, sizeof(text)));
}

static void tc_spares_what_others_made(void **state)
{
	struct kernel_path_program p;

	(void)state;
	assert_true(bpf_lab_shell("tc qdisc add dev tw0 clsact"));
	must(kernel_path_attach_tc(&p, "tw0", text, sizeof(text)));
	kernel_path_close(&p);
	must(kernel_path_detach("tw0", text, sizeof(text)));
	assert_true(has_clsact()); /* theirs, though empty */
	assert_true(bpf_lab_shell("tc qdisc del dev tw0 clsact"));
	must(kernel_path_attach_tc(&p, "tw0", text, sizeof(text)));
	kernel_path_close(&p);
	assert_true(bpf_lab_shell("tc filter add dev tw0 egress protocol ip pref 7 u32 match u32 0 0"));
	must(kernel_path_detach("tw0", text, sizeof(text)));
	assert_true(has_clsact()); /* ours, but with a filter of theirs */
	assert_true(bpf_lab_shell("tc filter show dev tw0 egress | grep -q u32"));
	assert_true(bpf_lab_shell("test $(tc filter show dev tw0 ingress | grep -c tickwire_tc) = 0"));
}

/* Writing the object needs no privilege. */
static void unwritable_directory_is_said(void **state)
{
	char path[64];

	(void)state;
	assert_false(kernel_path_write_program("/nonexistent/dir", path, sizeof(path), text, sizeof(text)));
	assert_non_null(strstr(text, "/nonexistent/dir"));
	assert_false(kernel_path_write_program(
		"/a/name/that/is/longer/than/the/room/for/it", path, 20, text, sizeof(text)));
	assert_non_null(strstr(text, "too long"));
}

int main(void)
{
	const struct CMUnitTest plain[] = {
		cmocka_unit_test(unwritable_directory_is_said),
	};
	const struct CMUnitTest programs[] = {
		cmocka_unit_test(xdp_program_stands_first),
		cmocka_unit_test_setup(served_frames_are_ours, ready),
		cmocka_unit_test_setup(other_destinations_pass, ready),
		cmocka_unit_test_setup(replies_pass, ready),
		cmocka_unit_test_setup(priority_tag_is_no_vlan, ready),
		cmocka_unit_test_setup(other_shapes_pass, ready),
		cmocka_unit_test_setup(truncated_frames_pass, ready),
		cmocka_unit_test_setup(without_a_socket_the_kernel_gets_all, ready),
		cmocka_unit_test_setup(nothing_is_dropped_without_a_lease, ready),
		cmocka_unit_test_setup(sync_makes_the_map_equal, ready),
		cmocka_unit_test_setup(random_frames_agree, ready),
		cmocka_unit_test_setup_teardown(xdp_is_opened_and_removed, bpf_lab_make_pair, remove_pair),
		cmocka_unit_test_setup_teardown(generic_mode_is_found_too, bpf_lab_make_pair, remove_pair),
		cmocka_unit_test_setup_teardown(
			foreign_program_is_left_alone, bpf_lab_make_pair, remove_pair),
		cmocka_unit_test_setup_teardown(missing_interface_is_said, bpf_lab_make_pair, remove_pair),
		cmocka_unit_test_setup_teardown(
			tc_sees_the_tag_that_the_kernel_took, bpf_lab_make_pair, remove_pair),
		cmocka_unit_test_setup_teardown(tc_leaves_no_trace, bpf_lab_make_pair, remove_pair),
		cmocka_unit_test_setup_teardown(tc_spares_what_others_made, bpf_lab_make_pair, remove_pair),
	};
	int failed = cmocka_run_group_tests(plain, NULL, NULL);
	const char *need = bpf_lab_missing();

	if (failed)
		return failed;
	if (need) {
		printf("skipped: xdp, needs %s\n", need);
		return 77;
	}
	return cmocka_run_group_tests(programs, load, unload);
}
