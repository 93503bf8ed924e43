/*
 * The addresses that are served (control/address_table.c, control/addresses.c) and exception TAPs
 * (control/tap.c). The table is fed with made messages; the rest runs in a network namespace of its own,
 * which needs root, ip and, for TAPs, /dev/net/tun, and is skipped without.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "control/addresses.h"
#include "control/tap.h"
#include "dataplane/policy.h"

enum { P = SERVED_VLAN_PRESENT, LISTED_MAX = 64 };

static char text[512];
static _Alignas(8) char buffer[1024];

/* What a table lists, to be asked for one by one. */

struct listed {
	size_t count;
	struct {
		uint8_t address[16];
		uint32_t vlan;
	} at[LISTED_MAX];
};

static void add_listed(void *opaque, const uint8_t address[16], uint32_t vlan)
{
	struct listed *l = opaque;

	assert_true(l->count < LISTED_MAX);
	memcpy(l->at[l->count].address, address, 16);
	l->at[l->count++].vlan = vlan;
}

static void parse(const char *address, uint8_t out[16])
{
	uint8_t ipv4[4];

	if (inet_pton(AF_INET, address, ipv4) == 1)
		policy_map_ipv4(out, ipv4);
	else
		assert_int_equal(inet_pton(AF_INET6, address, out), 1);
}

static bool lists(const struct listed *l, const char *address, uint32_t vlan)
{
	uint8_t wanted[16];

	parse(address, wanted);
	for (size_t i = 0; i < l->count; i++)
		if (memcmp(l->at[i].address, wanted, 16) == 0 && l->at[i].vlan == vlan)
			return true;
	return false;
}

static struct listed list_table(const struct address_table *t, const char *interface)
{
	struct listed l = {0};

	address_table_list(t, interface, add_listed, &l);
	return l;
}

/* Messages. */

struct made_link {
	int index;
	const char *name;
	bool down;
	const char *kind;
	int parent;
	unsigned vlan;
	bool elsewhere;
};

static struct nlmsghdr *link_message(uint16_t type, const struct made_link *l)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(m, sizeof(*header));

	m->nlmsg_type = type;
	header->ifi_index = l->index;
	header->ifi_flags = l->down ? 0 : IFF_UP;
	mnl_attr_put_strz(m, IFLA_IFNAME, l->name);
	if (l->parent)
		mnl_attr_put_u32(m, IFLA_LINK, (uint32_t)l->parent);
	if (l->elsewhere)
		mnl_attr_put_u32(m, IFLA_LINK_NETNSID, 0);
	if (l->kind) {
		struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO), *data;

		mnl_attr_put_strz(m, IFLA_INFO_KIND, l->kind);
		data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
		mnl_attr_put_u16(m, IFLA_VLAN_PROTOCOL, htons(ETH_P_8021Q));
		mnl_attr_put_u16(m, IFLA_VLAN_ID, (uint16_t)l->vlan);
		mnl_attr_nest_end(m, data);
		mnl_attr_nest_end(m, info);
	}
	return m;
}

/* flags beyond eight bits only fit into the attribute. */
static struct nlmsghdr *address_message(uint16_t type, int index, const char *address, uint32_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(m, sizeof(*header));
	bool ipv6 = strchr(address, ':');
	uint8_t octets[16];

	parse(address, octets);
	m->nlmsg_type = type;
	header->ifa_family = ipv6 ? AF_INET6 : AF_INET;
	header->ifa_index = (unsigned)index;
	mnl_attr_put(m, IFA_ADDRESS, ipv6 ? 16 : 4, ipv6 ? octets : octets + 12);
	mnl_attr_put_u32(m, IFA_FLAGS, flags);
	return m;
}

static enum address_effect put_link(struct address_table *t, struct made_link l)
{
	return address_table_apply(t, link_message(RTM_NEWLINK, &l));
}

static enum address_effect put_address(
	struct address_table *t, int index, const char *address, uint32_t flags)
{
	return address_table_apply(t, address_message(RTM_NEWADDR, index, address, flags));
}

static void addresses_come_and_go(void **state)
{
	struct address_table t = {0};
	struct listed l;

	(void)state;
	assert_int_equal(address_table_index(&t, "eth0"), 0);
	assert_int_equal(put_link(&t, (struct made_link){.index = 2, .name = "eth0"}), ADDRESS_CHANGED);
	assert_int_equal(put_link(&t, (struct made_link){.index = 2, .name = "eth0"}), ADDRESS_UNCHANGED);
	assert_int_equal(put_link(&t, (struct made_link){.index = 3, .name = "eth1"}), ADDRESS_CHANGED);
	assert_int_equal(put_address(&t, 2, "192.0.2.1", 0), ADDRESS_CHANGED);
	assert_int_equal(put_address(&t, 2, "192.0.2.1", 0), ADDRESS_UNCHANGED);
	assert_int_equal(put_address(&t, 2, "2001:db8::1", IFA_F_MANAGETEMPADDR), ADDRESS_CHANGED);
	assert_int_equal(put_address(&t, 3, "192.0.2.3", 0), ADDRESS_CHANGED);
	l = list_table(&t, "eth0");
	assert_int_equal(l.count, 2);
	assert_true(lists(&l, "192.0.2.1", 0) && lists(&l, "2001:db8::1", 0));
	assert_int_equal(
		address_table_apply(&t, address_message(RTM_DELADDR, 3, "192.0.2.1", 0)), ADDRESS_UNCHANGED);
	assert_int_equal(
		address_table_apply(&t, address_message(RTM_DELADDR, 2, "192.0.2.1", 0)), ADDRESS_CHANGED);
	l = list_table(&t, "eth0");
	assert_int_equal(l.count, 1);
	assert_int_equal(list_table(&t, "eth9").count, 0);
	address_table_clear(&t);
}

static void unready_addresses_are_left_out(void **state)
{
	struct address_table t = {0};

	(void)state;
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	assert_int_equal(
		put_address(&t, 2, "2001:db8::1", IFA_F_TENTATIVE | IFA_F_PERMANENT), ADDRESS_UNCHANGED);
	assert_int_equal(list_table(&t, "eth0").count, 0);
	assert_int_equal(put_address(&t, 2, "2001:db8::1", IFA_F_PERMANENT), ADDRESS_CHANGED);
	assert_int_equal(put_address(&t, 2, "2001:db8::1", IFA_F_DEPRECATED), ADDRESS_UNCHANGED);
	assert_int_equal(list_table(&t, "eth0").count, 1);
	/* A good one that is checked again and fails. */
	assert_int_equal(
		put_address(&t, 2, "2001:db8::1", IFA_F_DADFAILED | IFA_F_TENTATIVE), ADDRESS_CHANGED);
	assert_int_equal(list_table(&t, "eth0").count, 0);
	address_table_clear(&t);
}

static void vlans_are_followed_two_deep(void **state)
{
	struct address_table t = {0};
	struct listed l;

	(void)state;
	/* In an order in which nothing is known yet when it is named. */
	put_address(&t, 12, "192.0.2.12", 0);
	put_link(&t, (struct made_link){
			     .index = 13, .name = "too.deep", .kind = "vlan", .parent = 12, .vlan = 300});
	put_link(&t, (struct made_link){
			     .index = 12, .name = "eth0.100.200", .kind = "vlan", .parent = 11, .vlan = 200});
	put_link(&t, (struct made_link){
			     .index = 11, .name = "eth0.100", .kind = "vlan", .parent = 2, .vlan = 100});
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	put_link(&t, (struct made_link){.index = 3, .name = "eth1"});
	put_link(&t, (struct made_link){
			     .index = 14, .name = "eth1.100", .kind = "vlan", .parent = 3, .vlan = 100});
	put_link(&t, (struct made_link){
			     .index = 15, .name = "macvlan0", .kind = "macvlan", .parent = 2, .vlan = 7});
	put_link(&t, (struct made_link){.index = 16, .name = "vlan0", .kind = "vlan", .parent = 2});
	put_address(&t, 2, "192.0.2.2", 0);
	put_address(&t, 11, "192.0.2.11", 0);
	put_address(&t, 11, "2001:db8::11", 0);
	put_address(&t, 13, "192.0.2.13", 0);
	put_address(&t, 14, "192.0.2.14", 0);
	put_address(&t, 15, "192.0.2.15", 0);
	put_address(&t, 16, "192.0.2.16", 0);
	l = list_table(&t, "eth0");
	assert_int_equal(l.count, 5);
	assert_true(lists(&l, "192.0.2.2", 0));
	assert_true(lists(&l, "192.0.2.11", P | 100) && lists(&l, "2001:db8::11", P | 100));
	assert_true(lists(&l, "192.0.2.12", (uint32_t)(P | 100) << 16 | P | 200));
	assert_true(lists(&l, "192.0.2.16", P));
	/* A port on a VLAN interface sees its frames without the tag. */
	l = list_table(&t, "eth0.100");
	assert_int_equal(l.count, 4);
	assert_true(lists(&l, "192.0.2.11", 0) && lists(&l, "192.0.2.12", P | 200));
	assert_true(lists(&l, "192.0.2.13", (uint32_t)(P | 200) << 16 | P | 300));
	address_table_clear(&t);
}

static void links_that_are_down_do_not_count(void **state)
{
	struct address_table t = {0};

	(void)state;
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	put_link(&t, (struct made_link){.index = 11,
			     .name = "eth0.100",
			     .down = true,
			     .kind = "vlan",
			     .parent = 2,
			     .vlan = 100});
	put_address(&t, 11, "192.0.2.11", 0);
	assert_int_equal(list_table(&t, "eth0").count, 0);
	assert_int_equal(
		put_link(&t,
			(struct made_link){
				.index = 11, .name = "eth0.100", .kind = "vlan", .parent = 2, .vlan = 100}),
		ADDRESS_CHANGED);
	assert_int_equal(list_table(&t, "eth0").count, 1);
	put_link(&t, (struct made_link){.index = 2, .name = "eth0", .down = true});
	assert_int_equal(list_table(&t, "eth0").count, 0);
	address_table_clear(&t);
}

static void odd_stacks_end(void **state)
{
	struct address_table t = {0};

	(void)state;
	/* The index below is another namespace's, where it may be anything; here it happens to be eth0's. */
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	put_link(&t, (struct made_link){.index = 11,
			     .name = "moved",
			     .kind = "vlan",
			     .parent = 2,
			     .vlan = 100,
			     .elsewhere = true});
	put_address(&t, 11, "192.0.2.11", 0);
	/* A ring, as only a torn reading could show. */
	put_link(&t,
		(struct made_link){.index = 21, .name = "ring1", .kind = "vlan", .parent = 22, .vlan = 1});
	put_link(&t,
		(struct made_link){.index = 22, .name = "ring2", .kind = "vlan", .parent = 21, .vlan = 2});
	put_address(&t, 21, "192.0.2.21", 0);
	put_link(&t,
		(struct made_link){.index = 23, .name = "bad-id", .kind = "vlan", .parent = 2, .vlan = 4096});
	put_address(&t, 23, "192.0.2.23", 0);
	put_link(&t,
		(struct made_link){.index = 24, .name = "orphan", .kind = "vlan", .parent = 99, .vlan = 5});
	put_address(&t, 24, "192.0.2.24", 0);
	assert_int_equal(list_table(&t, "eth0").count, 0);
	assert_int_equal(list_table(&t, "ring2").count, 1);
	address_table_clear(&t);
}

static void interfaces_vanish_with_their_addresses(void **state)
{
	struct address_table t = {0};
	struct made_link eth0 = {.index = 2, .name = "eth0"}, renamed = {.index = 2, .name = "wan0"};
	struct listed l;

	(void)state;
	put_link(&t, eth0);
	put_link(&t, (struct made_link){.index = 3, .name = "eth1"});
	for (int i = 0; i < 40; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.2.%d", i);
		assert_int_equal(put_address(&t, 2 + i % 2, address, 0), ADDRESS_CHANGED);
	}
	assert_int_equal(put_link(&t, renamed), ADDRESS_CHANGED);
	assert_int_equal(address_table_index(&t, "eth0"), 0);
	assert_int_equal(list_table(&t, "wan0").count, 20);
	assert_int_equal(address_table_apply(&t, link_message(RTM_DELLINK, &renamed)), ADDRESS_CHANGED);
	assert_int_equal(address_table_index(&t, "wan0"), 0);
	eth0.index = 9;
	put_link(&t, eth0);
	assert_int_equal(address_table_index(&t, "eth0"), 9);
	assert_int_equal(list_table(&t, "eth0").count, 0);
	l = list_table(&t, "eth1");
	assert_int_equal(l.count, 20);
	assert_true(lists(&l, "192.0.2.39", 0));
	address_table_clear(&t);
}

static void local_end_of_a_pair_is_taken(void **state)
{
	struct address_table t = {0};
	struct nlmsghdr *m;
	struct listed l;

	(void)state;
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	m = address_message(RTM_NEWADDR, 2, "192.0.2.2", 0); /* the other end */
	mnl_attr_put_u32(m, IFA_LOCAL, htonl(0xc0000201));
	assert_int_equal(address_table_apply(&t, m), ADDRESS_CHANGED);
	l = list_table(&t, "eth0");
	assert_int_equal(l.count, 1);
	assert_true(lists(&l, "192.0.2.1", 0));
	address_table_clear(&t);
}

static struct nlmsghdr *pair_message(
	uint16_t type, const char *local, const char *peer, unsigned prefix, bool ipv6)
{
	struct nlmsghdr *m = address_message(type, 2, peer, 0);
	struct ifaddrmsg *header = mnl_nlmsg_get_payload(m);
	uint8_t octets[16];

	header->ifa_prefixlen = (uint8_t)prefix;
	parse(local, octets);
	mnl_attr_put(m, IFA_LOCAL, ipv6 ? 16 : 4, ipv6 ? octets : octets + 12);
	return m;
}

/* One address with two prefix lengths, and with two other ends: it is served as long as one of them stays. */
static void one_address_may_be_there_twice(void **state)
{
	static const struct {
		const char *peer;
		unsigned prefix;
	} kinds[] = {{"192.0.2.1", 24}, {"192.0.2.1", 32}, {"198.51.100.1", 32}, {"198.51.100.2", 32}};
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);
	struct address_table t = {0};

	(void)state;
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(address_table_apply(&t, pair_message(RTM_NEWADDR, "192.0.2.1", kinds[i].peer,
								 kinds[i].prefix, false)),
			ADDRESS_CHANGED);
	}
	for (size_t i = 0; i < count; i++) {
		struct listed l = list_table(&t, "eth0");

		assert_true(lists(&l, "192.0.2.1", 0));
		assert_int_equal(address_table_apply(&t, pair_message(RTM_DELADDR, "192.0.2.1", kinds[i].peer,
								 kinds[i].prefix, false)),
			ADDRESS_CHANGED);
	}
	assert_int_equal(list_table(&t, "eth0").count, 0);
	address_table_clear(&t);
}

/* The kernel changes the other end of an IPv6 address in place and tells only of the new one. */
static void ipv6_peer_changes_in_place(void **state)
{
	struct address_table t = {0};

	(void)state;
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	address_table_apply(&t, pair_message(RTM_NEWADDR, "2001:db8::1", "2001:db8::2", 128, true));
	assert_int_equal(
		address_table_apply(&t, pair_message(RTM_NEWADDR, "2001:db8::1", "2001:db8::3", 128, true)),
		ADDRESS_UNCHANGED);
	assert_int_equal(
		address_table_apply(&t, pair_message(RTM_DELADDR, "2001:db8::1", "2001:db8::3", 128, true)),
		ADDRESS_CHANGED);
	assert_int_equal(list_table(&t, "eth0").count, 0);
	address_table_clear(&t);
}

/* Every truncation and many corruptions: nothing may be read outside (the sanitizers see), nothing listed
 * twice. */
static void malformed_messages_are_harmless(void **state)
{
	struct made_link vlan = {.index = 11, .name = "eth0.100", .kind = "vlan", .parent = 2, .vlan = 100};
	struct address_table t = {0};
	unsigned seed = 7;

	(void)state;
	put_link(&t, (struct made_link){.index = 2, .name = "eth0"});
	for (int n = 0; n < 20000; n++) {
		struct nlmsghdr *m = n % 2 ? link_message(RTM_NEWLINK, &vlan)
					   : address_message(RTM_NEWADDR, 2, "2001:db8::1", 0);
		uint32_t whole = m->nlmsg_len,
			 length = n % 3 ? whole : 16 + (uint32_t)rand_r(&seed) % (whole - 16);
		struct nlmsghdr *copy = calloc(1, MNL_ALIGN(length));

		for (int flips = rand_r(&seed) % 4; flips; flips--)
			buffer[16 + (unsigned)rand_r(&seed) % (whole - 16)] ^= (char)(1 << rand_r(&seed) % 8);
		memcpy(copy, buffer, length);
		copy->nlmsg_len = length;
		(void)address_table_apply(&t, copy);
		free(copy);
		if (t.entry_count > LISTED_MAX / 2)
			address_table_clear(&t);
		(void)list_table(&t, "eth0");
	}
	address_table_clear(&t);
}

/* In a namespace. */

static bool shell(const char *command)
{
	return system(command) == 0;
}

/* Without link-local addresses, which would turn up at a time of their own. */
static int make_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	return shell("ip link add tw0 type veth peer name tw1 && "
		     "ip link set tw0 addrgenmode none && ip link set tw1 addrgenmode none && "
		     "ip link set tw0 up && ip link set tw1 up")
		       ? 0
		       : -1;
}

/* Process what comes until the interface lists (or no longer lists) the address; at most 5 s. */
static bool wait_for(struct addresses *a, const char *interface, const char *address, bool there)
{
	struct pollfd poll_fd = {.fd = addresses_fd(a), .events = POLLIN};

	for (int i = 0; i < 50; i++) {
		struct listed l = {0};

		addresses_list(a, interface, add_listed, &l);
		if (lists(&l, address, 0) == there)
			return true;
		(void)poll(&poll_fd, 1, 100);
		(void)addresses_process(a);
	}
	return false;
}

static struct addresses *must_open(void)
{
	struct addresses *a = addresses_open(text, sizeof(text));

	if (!a)
		fail_msg("%s", text);
	return a;
}

static void changes_are_followed(void **state)
{
	struct addresses *a;

	(void)state;
	assert_true(shell("ip addr add 192.0.2.1/24 dev tw0"));
	a = must_open();
	assert_true(wait_for(a, "tw0", "192.0.2.1", true));
	(void)addresses_process(a);
	assert_false(addresses_process(a));
	assert_true(shell("ip addr add 192.0.2.2/24 dev tw0"));
	assert_true(addresses_process(a));
	assert_false(addresses_process(a));
	assert_true(wait_for(a, "tw0", "192.0.2.2", true));
	assert_true(shell("ip addr add 2001:db8::1/64 dev tw0 nodad && ip addr del 192.0.2.1/24 dev tw0"));
	assert_true(wait_for(a, "tw0", "2001:db8::1", true));
	assert_true(wait_for(a, "tw0", "192.0.2.1", false));
	addresses_close(a);
}

/* Duplicate address detection takes a second or more; only then the address is served. */
static void tentative_addresses_come_later(void **state)
{
	struct addresses *a = must_open();
	struct listed l = {0};

	(void)state;
	assert_true(shell("ip addr add 2001:db8::2/64 dev tw0"));
	(void)addresses_process(a);
	addresses_list(a, "tw0", add_listed, &l);
	assert_false(lists(&l, "2001:db8::2", 0));
	assert_true(wait_for(a, "tw0", "2001:db8::2", true));
	addresses_close(a);
}

static void interface_comes_and_goes(void **state)
{
	struct addresses *a = must_open();
	int index = addresses_interface_index(a, "tw0");

	(void)state;
	assert_true(addresses_interface_exists(a, "tw0"));
	assert_false(addresses_interface_exists(a, "tw9"));
	assert_true(shell("ip link del tw0"));
	assert_true(addresses_process(a));
	assert_false(addresses_interface_exists(a, "tw0"));
	assert_true(shell("ip link add tw0 type veth peer name tw1 && ip addr add 192.0.2.7/24 dev tw0 && "
			  "ip link set tw0 up"));
	assert_true(addresses_process(a));
	assert_true(addresses_interface_exists(a, "tw0"));
	assert_int_not_equal(addresses_interface_index(a, "tw0"), index);
	assert_true(wait_for(a, "tw0", "192.0.2.7", true));
	addresses_close(a);
}

/* More notifications than the socket holds: the kernel says ENOBUFS once, and all is read anew. */
static void lost_notifications_are_made_up_for(void **state)
{
	struct addresses *a = must_open();
	int least = 1, error = 0;
	socklen_t length = sizeof(error);
	struct pollfd poll_fd = {.fd = addresses_fd(a), .events = POLLIN};

	(void)state;
	assert_int_equal(setsockopt(addresses_fd(a), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
	assert_true(shell("for i in $(seq 1 50); do echo addr add 192.0.2.$i/24 dev tw0; done | ip -b -"));
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	assert_true(poll_fd.revents & POLLERR); /* it has overrun, or this test shows nothing */
	assert_true(addresses_process(a));
	assert_int_equal(getsockopt(addresses_fd(a), SOL_SOCKET, SO_ERROR, &error, &length), 0);
	assert_int_equal(error, 0);
	for (int i = 1; i <= 50; i++) {
		char address[32];
		struct listed l = {0};

		snprintf(address, sizeof(address), "192.0.2.%d", i);
		addresses_list(a, "tw0", add_listed, &l);
		assert_true(lists(&l, address, 0));
	}
	assert_false(addresses_process(a));
	addresses_close(a);
}

static void must(bool good)
{
	if (!good)
		fail_msg("%s", text);
}

static struct config_address cidr(const char *address, uint8_t prefix)
{
	struct config_address c = {.prefix = prefix, .ipv6 = strchr(address, ':')};

	parse(address, c.address);
	return c;
}

static void tap_lives_and_dies(void **state)
{
	const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	const struct config_address ipv4 = cidr("192.0.2.9", 24), ipv6 = cidr("2001:db8::9", 64);
	bool made;

	(void)state;
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		print_message("skipped: tap, needs /dev/net/tun\n");
		skip();
	}
	must(tap_create("twtap0", mac, &made, text, sizeof(text)));
	assert_true(made);
	must(tap_create("twtap0", mac, &made, text, sizeof(text)));
	assert_true(made);
	assert_true(shell("ip tuntap add dev twtap1 mode tap multi_queue pi"));
	must(tap_create("twtap1", NULL, &made, text, sizeof(text)));
	assert_false(made);
	assert_true(shell("ip -d link show twtap0 | grep -q 'tap.*multi_queue.*persist on'"));
	assert_true(shell("ip -d link show twtap0 | grep -q 'pi on'"));
	assert_true(shell("ip link show twtap0 | grep -q 02:11:22:33:44:55"));
	must(tap_set_up("twtap0", text, sizeof(text)));
	must(tap_add_address("twtap0", &ipv4, text, sizeof(text)));
	must(tap_add_address("twtap0", &ipv4, text, sizeof(text)));
	must(tap_add_address("twtap0", &ipv6, text, sizeof(text)));
	assert_true(shell("ip addr show twtap0 | grep -q 'inet 192.0.2.9/24'"));
	assert_true(shell("ip addr show twtap0 | grep -q 'inet6 2001:db8::9/64'"));
	must(tap_remove("twtap0", text, sizeof(text)));
	assert_false(shell("ip link show twtap0 2>/dev/null"));
	must(tap_remove("twtap0", text, sizeof(text)));
}

static void tap_errors_are_said(void **state)
{
	const struct config_address ipv4 = cidr("192.0.2.9", 24);
	bool made;

	(void)state;
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		print_message("skipped: tap, needs /dev/net/tun\n");
		skip();
	}
	assert_false(tap_create("tw0", NULL, &made, text, sizeof(text)));
	assert_non_null(strstr(text, "another name"));
	assert_false(tap_create("a-name-too-long-by-far", NULL, &made, text, sizeof(text)));
	assert_non_null(strstr(text, "a-name-too-long-by-far"));
	assert_false(tap_remove("tw0", text, sizeof(text)));
	assert_true(shell("ip link show tw0 >/dev/null"));
	assert_false(tap_set_up("twtap9", text, sizeof(text)));
	assert_false(tap_add_address("twtap9", &ipv4, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest table[] = {
		cmocka_unit_test(addresses_come_and_go),
		cmocka_unit_test(unready_addresses_are_left_out),
		cmocka_unit_test(vlans_are_followed_two_deep),
		cmocka_unit_test(links_that_are_down_do_not_count),
		cmocka_unit_test(odd_stacks_end),
		cmocka_unit_test(interfaces_vanish_with_their_addresses),
		cmocka_unit_test(local_end_of_a_pair_is_taken),
		cmocka_unit_test(one_address_may_be_there_twice),
		cmocka_unit_test(ipv6_peer_changes_in_place),
		cmocka_unit_test(malformed_messages_are_harmless),
	};
	const struct CMUnitTest namespaces[] = {
		cmocka_unit_test_setup(changes_are_followed, make_namespace),
		cmocka_unit_test_setup(tentative_addresses_come_later, make_namespace),
		cmocka_unit_test_setup(interface_comes_and_goes, make_namespace),
		cmocka_unit_test_setup(lost_notifications_are_made_up_for, make_namespace),
		cmocka_unit_test_setup(tap_lives_and_dies, make_namespace),
		cmocka_unit_test_setup(tap_errors_are_said, make_namespace),
	};
	int failed = cmocka_run_group_tests(table, NULL, NULL);

	if (failed)
		return failed;
	if (geteuid() != 0 || !shell("command -v ip >/dev/null")) {
		printf("skipped: addresses in a namespace, needs root and ip (iproute2)\n");
		return 77;
	}
	return cmocka_run_group_tests(namespaces, NULL, NULL);
}
