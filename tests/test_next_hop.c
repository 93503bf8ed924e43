/*
 * Where frames go (bench/next_hop.h), between two network namespaces that are made here; that needs root and
 * ip, and is skipped without.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/next_hop.h"

static int near_namespace, far_namespace;
static char text[256];
static uint8_t mac[6], source[16];

static void parse(const char *address, uint8_t out[16])
{
	memcpy(out, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (inet_pton(AF_INET, address, out + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, address, out), 1);
}

static bool shell(const char *command)
{
	return system(command) == 0;
}

/* In the other namespace. */
static bool far_shell(const char *command)
{
	bool good;

	assert_int_equal(setns(far_namespace, CLONE_NEWNET), 0);
	good = shell(command);
	assert_int_equal(setns(near_namespace, CLONE_NEWNET), 0);
	return good;
}

/* A child of shell() has it by the same number. */
static int make_namespace(void)
{
	return unshare(CLONE_NEWNET) == 0 ? open("/proc/self/ns/net", O_RDONLY) : -1;
}

/* tw0 here and tw1 there, with addresses that end in 1 here and in 2 there; tw2 leads nowhere. */
static int make_namespaces(void **state)
{
	char command[128];

	(void)state;
	far_namespace = make_namespace();
	near_namespace = make_namespace();
	if (far_namespace < 0 || near_namespace < 0)
		return -1;
	snprintf(command, sizeof(command), "ip link add tw0 type veth peer name tw1 netns /proc/self/fd/%d",
		far_namespace);
	if (!shell(command) || !far_shell("ip link set tw1 addrgenmode none address 02:00:00:00:00:02 up && "
					  "ip addr add 10.9.0.2/24 dev tw1 && "
					  "ip addr add fd09::2/64 dev tw1 nodad && "
					  "ip addr add fe80::2/64 dev tw1 nodad"))
		return -1;
	return shell("ip link set tw0 addrgenmode none up && ip addr add 10.9.0.1/24 dev tw0 && "
		     "ip addr add fe80::1/64 dev tw0 nodad && ip addr add fd09::1/64 dev tw0 nodad && "
		     "ip link add tw2 type veth peer name tw4 && ip link set tw4 up && ip link set tw2 "
		     "addrgenmode none up && "
		     "ip addr add 10.8.0.1/24 dev tw2 && ip addr add 169.254.7.7/16 scope link dev tw2 && "
		     "ip addr add fe80::7/64 dev tw2 nodad")
		       ? 0
		       : -1;
}

static int close_namespaces(void **state)
{
	(void)state;
	close(near_namespace);
	close(far_namespace);
	return 0;
}

static enum next_hop_result find_by(const char *address, const char *gateway, double seconds)
{
	uint8_t octets[16], gateway_octets[16];

	parse(address, octets);
	if (gateway)
		parse(gateway, gateway_octets);
	memset(mac, 0, sizeof(mac));
	memset(source, 0, sizeof(source));
	text[0] = '\0';
	return next_hop_find(
		"tw0", octets, gateway ? gateway_octets : NULL, seconds, mac, source, text, sizeof(text));
}

static void assert_found(const char *address, const char *gateway, const char *own)
{
	uint8_t expected[16];
	enum next_hop_result result = find_by(address, gateway, 5);

	if (result != NEXT_HOP_FOUND)
		fail_msg("%s: %d, %s", address, result, text);
	parse(own, expected);
	assert_memory_equal(mac, "\2\0\0\0\0\2", 6);
	assert_memory_equal(source, expected, 16);
}

static void assert_fails(
	const char *address, const char *gateway, enum next_hop_result expected, const char *words)
{
	enum next_hop_result result = find_by(address, gateway, 0.3);

	if (result != expected || !strstr(text, words))
		fail_msg("%s: %d, \"%s\", not %d with \"%s\"", address, result, text, expected, words);
}

static void neighbours_are_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) { /* unknown to the kernel, and known */
		assert_found("10.9.0.2", NULL, "10.9.0.1");
		assert_found("fd09::2", NULL, "fd09::1");
		assert_found("fe80::2", NULL, "fe80::1");
	}
}

static void known_neighbours_are_not_asked(void **state)
{
	(void)state;
	assert_true(shell("ip neigh add 10.9.0.50 lladdr 02:00:00:00:00:09 nud permanent dev tw0"));
	assert_int_equal(find_by("10.9.0.50", NULL, 0), NEXT_HOP_FOUND);
	assert_memory_equal(mac, "\2\0\0\0\0\x09", 6);
	assert_int_equal(find_by("10.9.0.51", NULL, 0), NEXT_HOP_SILENT);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void silence_is_waited_for(void **state)
{
	double start = now();

	(void)state;
	assert_fails("10.9.0.99", NULL, NEXT_HOP_SILENT, "10.9.0.99 on tw0 did not answer ARP for 0.3 s");
	assert_true(now() - start >= 0.3 && now() - start < 2);
	assert_fails(
		"fd09::99", NULL, NEXT_HOP_SILENT, "fd09::99 on tw0 did not answer neighbour solicitations");
}

/* The kernel has asked in vain once by then. */
static void late_answers_count(void **state)
{
	(void)state;
	assert_true(far_shell("(sleep 0.5; ip addr add 10.9.0.77/24 dev tw1) &"));
	assert_found("10.9.0.77", NULL, "10.9.0.1");
}

/* As after three questions in vain. */
static void failed_neighbours_are_asked_again(void **state)
{
	(void)state;
	assert_true(shell("ip neigh replace 10.9.0.2 nud failed dev tw0"));
	assert_found("10.9.0.2", NULL, "10.9.0.1");
}

static void routes_lead_to_gateways(void **state)
{
	(void)state;
	assert_true(shell("ip route add 198.51.100.0/24 via 10.9.0.2 && "
			  "ip route add 203.0.113.0/24 via inet6 fe80::2 dev tw0 && "
			  "ip route add 192.88.99.0/24 via 10.66.0.2 dev tw0 onlink && "
			  "ip -6 route add 2001:db8:1::/48 via fd09::2 && "
			  "ip -6 route add 2001:db8:2::/48 via fe80::2 dev tw0"));
	assert_true(far_shell("ip addr add 10.66.0.2/32 dev tw1"));
	assert_found("198.51.100.7", NULL, "10.9.0.1");
	assert_found("203.0.113.7", NULL, "10.9.0.1");
	assert_found("192.88.99.7", NULL, "10.9.0.1");
	assert_found("2001:db8:1::7", NULL, "fd09::1");
	assert_found("2001:db8:2::7", NULL, "fd09::1");
}

static void silent_gateways_are_named(void **state)
{
	(void)state;
	assert_true(shell("ip route add 198.18.0.0/15 via 10.9.0.98"));
	assert_fails("198.18.0.1", NULL, NEXT_HOP_SILENT, "10.9.0.98 on tw0");
}

static void given_gateways_need_no_route(void **state)
{
	(void)state;
	assert_fails("192.0.2.1", NULL, NEXT_HOP_OTHER_INTERFACE, "no route to 192.0.2.1");
	assert_found("192.0.2.1", "10.9.0.2", "10.9.0.1");
	assert_fails("2001:db8:99::1", NULL, NEXT_HOP_OTHER_INTERFACE, "no route to 2001:db8:99::1");
	assert_found("2001:db8:99::1", "fd09::2", "fd09::1");
	assert_found("2001:db8:99::1", "fe80::2", "fe80::1");
	assert_found("192.0.2.1", "fe80::2", "10.9.0.1");
	assert_true(shell("ip route replace 198.51.100.0/24 via 10.9.0.2"));
	assert_fails("192.0.2.1", "198.51.100.1", NEXT_HOP_ERROR, "behind 10.9.0.2");
	assert_fails("192.0.2.1", "10.8.0.5", NEXT_HOP_OTHER_INTERFACE, "leaves by tw2, not tw0");
}

static void other_interfaces_are_named(void **state)
{
	uint8_t address[16];

	(void)state;
	assert_fails("10.8.0.5", NULL, NEXT_HOP_OTHER_INTERFACE, "10.8.0.5 leaves by tw2, not tw0");
	assert_fails("10.9.0.1", NULL, NEXT_HOP_OTHER_INTERFACE, "an address of this host");
	assert_fails("10.9.0.255", NULL, NEXT_HOP_OTHER_INTERFACE, "not the address of one host");
	assert_true(shell("ip route add unreachable 100.64.0.0/10 && ip route add blackhole 100.63.0.0/16"));
	assert_fails("100.64.0.1", NULL, NEXT_HOP_OTHER_INTERFACE, "no route");
	assert_fails("100.63.0.1", NULL, NEXT_HOP_OTHER_INTERFACE, "no route");
	parse("10.9.0.2", address);
	assert_int_equal(
		next_hop_find("tw9", address, NULL, 1, mac, source, text, sizeof(text)), NEXT_HOP_ERROR);
	assert_string_equal(text, "there is no interface tw9");
}

static void cut_links_are_silent(void **state)
{
	(void)state;
	assert_true(far_shell("ip link set tw1 down"));
	assert_true(shell("ip neigh flush dev tw0"));
	assert_int_not_equal(find_by("10.9.0.2", NULL, 0.2), NEXT_HOP_FOUND);
	assert_true(far_shell("ip link set tw1 up"));
}

static void own_addresses_are_global(void **state)
{
	uint8_t address[16], expected[16];

	(void)state;
	assert_true(next_hop_own_address("tw0", false, address));
	parse("10.9.0.1", expected);
	assert_memory_equal(address, expected, 16);
	assert_true(next_hop_own_address("tw0", true, address));
	parse("fd09::1", expected);
	assert_memory_equal(address, expected, 16);
	assert_true(next_hop_own_address("tw2", false, address));
	assert_false(next_hop_own_address("tw2", true, address));
	assert_false(next_hop_own_address("tw9", false, address));
}

/* Of a pair it is the local end. */
static void own_addresses_are_local(void **state)
{
	uint8_t address[16], expected[16];

	(void)state;
	assert_true(shell("ip link add tw3 type veth peer name tw5 && "
			  "ip addr add 10.7.0.1 peer 10.7.0.2 dev tw3"));
	assert_true(next_hop_own_address("tw3", false, address));
	parse("10.7.0.1", expected);
	assert_memory_equal(address, expected, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_found),
		cmocka_unit_test(known_neighbours_are_not_asked),
		cmocka_unit_test(silence_is_waited_for),
		cmocka_unit_test(late_answers_count),
		cmocka_unit_test(failed_neighbours_are_asked_again),
		cmocka_unit_test(routes_lead_to_gateways),
		cmocka_unit_test(silent_gateways_are_named),
		cmocka_unit_test(given_gateways_need_no_route),
		cmocka_unit_test(other_interfaces_are_named),
		cmocka_unit_test(own_addresses_are_global),
		cmocka_unit_test(own_addresses_are_local),
		cmocka_unit_test(cut_links_are_silent),
	};

	if (geteuid() != 0 || !shell("command -v ip >/dev/null")) {
		printf("skipped: next hop, needs root and ip (iproute2)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, make_namespaces, close_namespaces);
}
