/*
 * Which frames of an interface are a load's: what comes for the addresses that it plays (bench/steer_map.h).
 * All others take their usual way through the kernel, also those that are cut within the headers looked at.
 *
 * The loader of DPDK's net_af_xdp attaches the first program of this file, so tickwire_steer must stay the
 * first.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/steer_map.h"

enum {
	FRAGMENT_BITS = 0x3fff, /* RFC 791: More Fragments and the offset */
	VLAN_ID_BITS = 0x0fff,
	ARP_HARDWARE_ETHERNET = 1,
	ICMP_UNREACHABLE = 3,   /* RFC 792 */
	ICMPV6_UNREACHABLE = 1, /* RFC 4443 section 3.1 */
	ND_SOLICITATION = 135,  /* RFC 4861 section 4.3 */
	ND_ADVERTISEMENT = 136,
};

struct vlan_tag {
	__be16 tci;
	__be16 type; /* of what follows */
};

/* RFC 826 for IPv4 over Ethernet. */
struct arp {
	__be16 hardware, protocol;
	__u8 hardware_size, protocol_size;
	__be16 operation;
	__u8 sender_mac[6], sender[4], target_mac[6], target[4];
};

/* What all messages of ICMP and ICMPv6 begin with. */
struct icmp {
	__u8 type, code;
	__be16 checksum;
	__be32 rest;
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_SOCKETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STEER_ADDRESSES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_key);
	__type(value, __u32);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_target);
} target SEC(".maps");

/* No helper used here asks for a GPL-compatible licence. */
char program_license[] SEC("license") = "Apache-2.0";

static __always_inline void map_ipv4(__u8 address[16], const void *ipv4)
{
	__builtin_memset(address, 0, 10);
	address[10] = 0xff;
	address[11] = 0xff;
	__builtin_memcpy(address + 12, ipv4, 4);
}

static __always_inline bool is_same(const __u8 *a, const __u8 *b, int size)
{
	for (int i = 0; i < size; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static __always_inline __u32 owner_of(struct steer_key *key)
{
	const __u32 *owner;

	key->length = STEER_ADDRESS_BITS;
	owner = bpf_map_lookup_elem(&addresses, key);
	return owner ? *owner : STEER_KERNEL;
}

static __always_inline __u32 owner_of_ipv6(const void *address)
{
	struct steer_key key;

	__builtin_memcpy(key.address, address, sizeof(key.address));
	return owner_of(&key);
}

static __always_inline __u32 owner_of_ipv4(const void *address)
{
	struct steer_key key;

	map_ipv4(key.address, address);
	return owner_of(&key);
}

static __always_inline bool is_target_ipv4(const struct steer_target *t, const __be32 *address)
{
	__u8 mapped[16];

	map_ipv4(mapped, address);
	return is_same(mapped, t->address, sizeof(mapped));
}

static __always_inline bool is_target_ipv6(const struct steer_target *t, const struct in6_addr *address)
{
	return is_same(address->in6_u.u6_addr8, t->address, sizeof(t->address));
}

static __always_inline bool is_udp_to_target(
	const struct udphdr *udp, const void *end, const struct steer_target *t)
{
	return (const void *)(udp + 1) <= end && udp->dest == t->port;
}

/* The datagram that an ICMP error is about, quoted behind its header (RFC 792, RFC 4443 section 3.1). */
static __always_inline bool quotes_ipv4(const struct iphdr *ip, const void *end, const struct steer_target *t)
{
	return (const void *)(ip + 1) <= end && ip->version == 4 && ip->ihl == 5 &&
	       ip->protocol == IPPROTO_UDP && is_target_ipv4(t, &ip->daddr) &&
	       is_udp_to_target((const struct udphdr *)(ip + 1), end, t);
}

static __always_inline bool quotes_ipv6(
	const struct ipv6hdr *ip, const void *end, const struct steer_target *t)
{
	return (const void *)(ip + 1) <= end && ip->version == 6 && ip->nexthdr == IPPROTO_UDP &&
	       is_target_ipv6(t, &ip->daddr) && is_udp_to_target((const struct udphdr *)(ip + 1), end, t);
}

static __always_inline bool is_from_target(
	const struct udphdr *udp, const void *end, const struct steer_target *t)
{
	return (const void *)(udp + 1) <= end && udp->source == t->port;
}

/* Whether IPv4 to an address that the kernel has, too, is an answer to the load. */
static __always_inline bool answers_ipv4(
	const struct iphdr *ip, const void *end, const struct steer_target *t)
{
	const struct icmp *icmp = (const struct icmp *)(ip + 1);

	if (ip->ihl != 5 || ip->frag_off & bpf_htons(FRAGMENT_BITS))
		return false;
	if (ip->protocol == IPPROTO_UDP)
		return is_target_ipv4(t, &ip->saddr) &&
		       is_from_target((const struct udphdr *)(ip + 1), end, t);
	return ip->protocol == IPPROTO_ICMP && (const void *)(icmp + 1) <= end &&
	       icmp->type == ICMP_UNREACHABLE && quotes_ipv4((const struct iphdr *)(icmp + 1), end, t);
}

static __always_inline bool answers_ipv6(
	const struct ipv6hdr *ip, const void *end, const struct steer_target *t)
{
	const struct icmp *icmp = (const struct icmp *)(ip + 1);

	if (ip->nexthdr == IPPROTO_UDP)
		return is_target_ipv6(t, &ip->saddr) &&
		       is_from_target((const struct udphdr *)(ip + 1), end, t);
	return ip->nexthdr == IPPROTO_ICMPV6 && (const void *)(icmp + 1) <= end &&
	       icmp->type == ICMPV6_UNREACHABLE && quotes_ipv6((const struct ipv6hdr *)(icmp + 1), end, t);
}

static __always_inline bool is_ours_ipv4(
	const struct iphdr *ip, const void *end, const struct steer_target *t)
{
	__u32 owner;

	if ((const void *)(ip + 1) > end || ip->version != 4)
		return false;
	owner = owner_of_ipv4(&ip->daddr);
	return owner == STEER_PLAYED || (owner == STEER_OWN && answers_ipv4(ip, end, t));
}

/* A question for an address goes to a group (RFC 4291 section 2.7.1): what it asks for decides. */
static __always_inline bool is_played_neighbour(const struct ipv6hdr *ip, const void *end)
{
	const struct icmp *icmp = (const struct icmp *)(ip + 1);
	const struct in6_addr *asked = (const struct in6_addr *)(icmp + 1);

	return ip->nexthdr == IPPROTO_ICMPV6 && (const void *)(asked + 1) <= end &&
	       (icmp->type == ND_SOLICITATION || icmp->type == ND_ADVERTISEMENT) &&
	       owner_of_ipv6(asked) == STEER_PLAYED;
}

static __always_inline bool is_ours_ipv6(
	const struct ipv6hdr *ip, const void *end, const struct steer_target *t)
{
	__u32 owner;

	if ((const void *)(ip + 1) > end || ip->version != 6)
		return false;
	owner = owner_of_ipv6(&ip->daddr);
	return owner == STEER_PLAYED || (owner == STEER_OWN && answers_ipv6(ip, end, t)) ||
	       is_played_neighbour(ip, end);
}

/* Questions for a played address, and answers to one. */
static __always_inline bool is_ours_arp(const struct arp *arp, const void *end)
{
	return (const void *)(arp + 1) <= end && arp->hardware == bpf_htons(ARP_HARDWARE_ETHERNET) &&
	       arp->protocol == bpf_htons(ETH_P_IP) && arp->hardware_size == sizeof(arp->target_mac) &&
	       arp->protocol_size == sizeof(arp->target) && owner_of_ipv4(arp->target) == STEER_PLAYED;
}

static __always_inline bool is_ours(const void *data, const void *end)
{
	const struct ethhdr *ethernet = data;
	const void *next = ethernet + 1;
	const struct steer_target *t;
	__u32 first = 0, vlan = 0;
	__be16 type;

	if (next > end)
		return false;
	type = ethernet->h_proto;
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		const struct vlan_tag *tag = next;

		next = tag + 1;
		if (next > end)
			return false;
		vlan = bpf_ntohs(tag->tci) & VLAN_ID_BITS;
		type = tag->type;
	}
	t = bpf_map_lookup_elem(&target, &first);
	if (!t || t->port == 0 || t->vlan != vlan)
		return false;
	if (type == bpf_htons(ETH_P_IP))
		return is_ours_ipv4(next, end, t);
	if (type == bpf_htons(ETH_P_IPV6))
		return is_ours_ipv6(next, end, t);
	return type == bpf_htons(ETH_P_ARP) && is_ours_arp(next, end);
}

SEC("xdp")
int tickwire_steer(struct xdp_md *context)
{
	const void *data = (const void *)(long)context->data;
	const void *end = (const void *)(long)context->data_end;

	if (!is_ours(data, end))
		return XDP_PASS;
	/* Without a socket on this queue the lower bits of the flags are the result: the kernel takes the
	 * frame. */
	return (int)bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
}
