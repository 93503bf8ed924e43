/*
 * The kernel's side of an AF_XDP or AF_PACKET port: which frames are the dataplane's. Those are UDP to the
 * NTP port of a served address, over IPv4 without options or fragments or over IPv6 without extension
 * headers, with up to two VLAN tags. All other frames take their usual way through the kernel, and so does
 * every frame once the dataplane is gone.
 *
 * The loader of DPDK's net_af_xdp attaches the first program of this file, so tickwire_xdp must stay the
 * first.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "dataplane/xdp.h"

enum {
	FRAGMENT_BITS = 0x3fff, /* RFC 791: More Fragments and the offset */
	VLAN_ID_BITS = 0x0fff,
};

struct vlan_tag {
	__be16 tci;
	__be16 type; /* of what follows */
};

/* All the headers that are looked at. */
enum {
	HEADERS_MAX = sizeof(struct ethhdr) + XDP_VLAN_TAGS * sizeof(struct vlan_tag) +
		      sizeof(struct ipv6hdr) + sizeof(struct udphdr) + 1 /* of NTP: the mode */,
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XDP_SOCKETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDP_SERVED_ENTRIES);
	__type(key, struct xdp_served);
	__type(value, __u8);
} served SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_lease);
} lease SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* No helper used here asks for a GPL-compatible licence. */
char program_license[] SEC("license") = "Apache-2.0";

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &which);

	if (value)
		*value += 1;
}

/*
 * What an NTP client on this host that asks from port 123 (ntpd, ntpsec) waits for: replies and broadcasts,
 * modes 2, 4 and 5 of RFC 5905 figure 10. Nobody answers them, so they are the kernel's.
 */
static __always_inline bool is_reply(const __u8 *ntp, const void *end)
{
	const __u32 replies = 1U << 2 | 1U << 4 | 1U << 5;

	return (const void *)(ntp + 1) <= end && replies >> (*ntp & 7) & 1;
}

static __always_inline bool to_ntp_port(const struct udphdr *udp, const void *end)
{
	__u32 first = 0;
	struct xdp_settings *s;

	if ((const void *)(udp + 1) > end)
		return false;
	s = bpf_map_lookup_elem(&settings, &first);
	return s && s->ntp_port && s->ntp_port == udp->dest && !is_reply((const __u8 *)(udp + 1), end);
}

static __always_inline bool ipv4_to_ntp_port(const struct iphdr *ip, const void *end, struct xdp_served *key)
{
	if ((const void *)(ip + 1) > end)
		return false;
	if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
		return false;
	if (ip->frag_off & bpf_htons(FRAGMENT_BITS))
		return false;
	if (!to_ntp_port((const struct udphdr *)(ip + 1), end))
		return false;
	key->address[10] = 0xff; /* v4-mapped */
	key->address[11] = 0xff;
	__builtin_memcpy(key->address + 12, &ip->daddr, sizeof(ip->daddr));
	return true;
}

static __always_inline bool ipv6_to_ntp_port(
	const struct ipv6hdr *ip, const void *end, struct xdp_served *key)
{
	if ((const void *)(ip + 1) > end)
		return false;
	if (ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return false;
	if (!to_ntp_port((const struct udphdr *)(ip + 1), end))
		return false;
	__builtin_memcpy(key->address, &ip->daddr, sizeof(key->address));
	return true;
}

/* Whether the address of the key is served on the key's VLAN or on all of them. */
static __always_inline bool is_served(struct xdp_served *key)
{
	if (bpf_map_lookup_elem(&served, key))
		return true;
	key->vlan = XDP_ANY_VLAN;
	return bpf_map_lookup_elem(&served, key) != NULL;
}

/*
 * Whether a frame is the dataplane's. `vlan` is the key of `tags` tags that the driver or the kernel has
 * taken out of the frame, both 0 for none. The port is compared before any table is searched: it alone turns
 * nearly all others away.
 */
static __always_inline bool is_ours(const void *data, const void *end, __u32 vlan, int tags)
{
	const struct ethhdr *ethernet = data;
	const struct vlan_tag *tag = (const struct vlan_tag *)(ethernet + 1);
	struct xdp_served key = {};
	__be16 type;

	if ((const void *)(ethernet + 1) > end)
		return false;
	type = ethernet->h_proto;
#pragma unroll
	for (int i = 0; i < XDP_VLAN_TAGS; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((const void *)(tag + 1) > end || tags >= XDP_VLAN_TAGS)
			return false;
		/* Identifier 0 is a priority without a VLAN (802.1Q section 9.6). */
		if (tag->tci & bpf_htons(VLAN_ID_BITS))
			vlan = vlan << 16 | (bpf_ntohs(tag->tci) & VLAN_ID_BITS) | XDP_VLAN_PRESENT;
		tags++;
		type = tag->type;
		tag++;
	}
	key.vlan = vlan;
	if (type == bpf_htons(ETH_P_IP) && ipv4_to_ntp_port((const struct iphdr *)tag, end, &key))
		return is_served(&key);
	if (type == bpf_htons(ETH_P_IPV6) && ipv6_to_ntp_port((const struct ipv6hdr *)tag, end, &key))
		return is_served(&key);
	return false;
}

SEC("xdp")
int tickwire_xdp(struct xdp_md *context)
{
	const void *data = (const void *)(long)context->data;
	const void *end = (const void *)(long)context->data_end;
	long action;

	if (!is_ours(data, end, 0, 0))
		return XDP_PASS;
	/* Without a socket on this queue the lower bits of the flags are the result: the kernel takes the
	 * frame. */
	action = bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
	count(action == XDP_REDIRECT ? XDP_COUNT_REDIRECTED : XDP_COUNT_NO_SOCKET);
	return (int)action;
}

static __always_inline bool lease_runs(void)
{
	__u32 first = 0;
	struct xdp_lease *l = bpf_map_lookup_elem(&lease, &first);

	return l && bpf_ktime_get_ns() < l->until;
}

/*
 * At the ingress of an interface that the dataplane reads through AF_PACKET: it has its copy by now, and the
 * kernel must neither answer too nor say that the port is closed.
 */
SEC("tc")
int tickwire_tc_drop(struct __sk_buff *skb)
{
	__u32 need = skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX;
	__u32 vlan = 0;

	/* Drivers may leave headers in pages beside the linear part. */
	if (skb->data_end - skb->data < need && bpf_skb_pull_data(skb, need))
		return TC_ACT_UNSPEC;
	if (skb->vlan_present && skb->vlan_tci & VLAN_ID_BITS)
		vlan = (skb->vlan_tci & VLAN_ID_BITS) | XDP_VLAN_PRESENT;
	if (!is_ours((const void *)(long)skb->data, (const void *)(long)skb->data_end, vlan,
		    skb->vlan_present ? 1 : 0) ||
		!lease_runs())
		return TC_ACT_UNSPEC;
	count(XDP_COUNT_DROPPED);
	return TC_ACT_SHOT;
}
