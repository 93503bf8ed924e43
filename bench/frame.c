#include "bench/frame.h"

#include <assert.h>
#include <string.h>

#include "bench/wire.h"
#include "dataplane/checksum.h"

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO = 8,
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_ECHO = 128,
	DONT_FRAGMENT = 0x4000,
	USUAL_SIZE = 48, /* an NTP packet without extension fields */
	IPV4_COPY = 48,  /* all headers of IPv4, rounded up to what vectors copy */
};

static_assert(IPV4_COPY >= ETHERNET_HEADER + VLAN_TAG + IPV4_HEADER + UDP_HEADER, "whole headers are copied");

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static void write_link(
	struct frame_template *t, const uint8_t source_mac[6], const uint8_t next_hop_mac[6], uint16_t vlan)
{
	memcpy(t->octets, next_hop_mac, 6);
	memcpy(t->octets + 6, source_mac, 6);
	t->l3 = ETHERNET_HEADER;
	if (vlan != 0) {
		store_be16(t->octets + 12, ETHERTYPE_VLAN);
		store_be16(t->octets + 14, vlan & VLAN_ID);
		t->l3 += VLAN_TAG;
	}
	store_be16(t->octets + t->l3 - 2, t->ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
}

/* An identification of 0 is right where nobody may fragment (RFC 6864 section 4.1). */
static void write_ipv4(uint8_t *ip, const uint8_t target[16])
{
	store_be16(ip, 0x4500 | FRAME_TRAFFIC_CLASS);
	store_be16(ip + 6, DONT_FRAGMENT);
	store_be16(ip + 8, FRAME_HOPS << 8 | PROTOCOL_UDP);
	memcpy(ip + 16, target + 12, 4);
}

static void write_ipv6(uint8_t *ip, const uint8_t target[16])
{
	store_be32(ip, UINT32_C(6) << 28 | FRAME_TRAFFIC_CLASS << 20);
	store_be16(ip + 6, PROTOCOL_UDP << 8 | FRAME_HOPS);
	memcpy(ip + 24, target, 16);
}

void frame_template_init(struct frame_template *t, const uint8_t source_mac[6], const uint8_t next_hop_mac[6],
	uint16_t vlan, const uint8_t target[16], uint16_t target_port)
{
	uint8_t *ip;
	unsigned header;

	*t = (struct frame_template){.ipv6 = !wire_is_mapped(target)};
	write_link(t, source_mac, next_hop_mac, vlan);
	ip = t->octets + t->l3;
	header = t->ipv6 ? IPV6_HEADER : IPV4_HEADER;
	if (t->ipv6)
		write_ipv6(ip, target);
	else
		write_ipv4(ip, target);
	store_be16(ip + header + 2, target_port);
	t->size = (uint16_t)(t->l3 + header + UDP_HEADER);
	/* Folded, so that a frame's own words can be added without a carry. */
	t->ip_sum = checksum_fold(checksum_add(0, ip, IPV4_HEADER));
	t->udp_sum = checksum_add(0, t->ipv6 ? target : target + 12, t->ipv6 ? 16 : 4);
	t->udp_sum = checksum_fold(checksum_add(t->udp_sum, ip + header, UDP_HEADER));
	t->udp_sum += OCTETS_BE16(PROTOCOL_UDP);
}

/* Zero would say that there is none; in one's complement all ones are the same number. */
SPECIALISED uint16_t udp_checksum(uint64_t sum)
{
	uint16_t checksum = (uint16_t)~checksum_fold(sum);

	return checksum ? checksum : UINT16_MAX;
}

SPECIALISED uint64_t fill_ipv4(
	const struct frame_template *t, uint8_t *ip, const uint8_t client[16], uint16_t udp_size)
{
	const uint32_t source = load_raw32(client + 12);
	const uint16_t total = OCTETS_BE16((uint16_t)(udp_size + IPV4_HEADER));

	store_raw16(ip + 2, total);
	store_raw16(ip + 10, (uint16_t)~checksum_fold(t->ip_sum + source + total));
	store_raw32(ip + 12, source);
	return source;
}

SPECIALISED uint64_t fill_ipv6(uint8_t *ip, const uint8_t client[16], uint16_t udp_size)
{
	const uint64_t high = load_raw64(client), low = load_raw64(client + 8);

	store_be16(ip + 4, udp_size);
	store_raw64(ip + 8, high);
	store_raw64(ip + 16, low);
	return checksum_add64(high, low);
}

SPECIALISED size_t write_sized(const struct frame_template *t, uint8_t *frame, const uint8_t client[16],
	uint16_t port, const uint8_t *payload, uint16_t size)
{
	const uint16_t udp_size = (uint16_t)(UDP_HEADER + size);
	const uint16_t port_raw = OCTETS_BE16(port), udp_size_raw = OCTETS_BE16(udp_size);
	uint8_t *udp = frame + t->size - UDP_HEADER;
	uint64_t sum;

	/* What is copied too much lies where the payload goes, or in the room behind it. */
	if (t->ipv6) {
		memcpy(frame, t->octets, FRAME_HEADERS_MAX);
		sum = fill_ipv6(frame + t->l3, client, udp_size);
	} else {
		memcpy(frame, t->octets, IPV4_COPY);
		sum = fill_ipv4(t, frame + t->l3, client, udp_size);
	}
	memcpy(udp + UDP_HEADER, payload, size);
	/* The length counts twice: in the pseudo-header, too. */
	sum = checksum_add64(sum, t->udp_sum + port_raw + 2 * (uint64_t)udp_size_raw);
	sum = checksum_add(sum, payload, size);
	store_raw16(udp, port_raw);
	store_raw32(udp + 4, join_raw16(udp_size_raw, udp_checksum(sum)));
	return (size_t)t->size + size;
}

static __attribute__((noinline)) size_t write_unusual(const struct frame_template *t, uint8_t *frame,
	const uint8_t client[16], uint16_t port, const uint8_t *payload, uint16_t size)
{
	return write_sized(t, frame, client, port, payload, size);
}

size_t frame_write(const struct frame_template *t, uint8_t *frame, const uint8_t client[16], uint16_t port,
	const uint8_t *payload, uint16_t size)
{
	if (LIKELY(size == USUAL_SIZE)) /* every length is a constant */
		return write_sized(t, frame, client, port, payload, USUAL_SIZE);
	return write_unusual(t, frame, client, port, payload, size);
}

SPECIALISED void take_ports(struct frame_view *view, const uint8_t *udp)
{
	view->source_port = load_be16(udp);
	view->destination_port = load_be16(udp + 2);
}

SPECIALISED enum frame_kind judge_udp(const uint8_t *udp, uint16_t size, uint64_t addresses)
{
	const uint64_t pseudo =
		checksum_add64(addresses, (uint64_t)OCTETS_BE16(PROTOCOL_UDP) + OCTETS_BE16(size));

	return LIKELY(checksum_fold(checksum_add(pseudo, udp, size)) == 0xffff) ? FRAME_UDP
										: FRAME_BAD_CHECKSUM;
}

/* From the UDP header on, of which the IP header vouches for `size` octets; `addresses` is both's sum. */
SPECIALISED enum frame_kind read_udp(
	struct frame_view *view, uint8_t *udp, size_t size, uint64_t addresses, bool checked, bool is_ipv6)
{
	uint16_t udp_size;

	if (UNLIKELY(size < UDP_HEADER))
		return FRAME_OTHER;
	udp_size = load_be16(udp + 4);
	/* Octets after the UDP datagram are legal (RFC 9868) and ignored. */
	if (UNLIKELY(udp_size < UDP_HEADER || udp_size > size))
		return FRAME_OTHER;
	take_ports(view, udp);
	view->payload = udp + UDP_HEADER;
	view->size = (uint16_t)(udp_size - UDP_HEADER);
	if (UNLIKELY(load_raw16(udp + 6) == 0))
		return is_ipv6 ? FRAME_BAD_CHECKSUM : FRAME_UDP;
	if (checked)
		return FRAME_UDP;
	if (LIKELY(udp_size == UDP_HEADER + USUAL_SIZE)) /* no loop */
		return judge_udp(udp, UDP_HEADER + USUAL_SIZE, addresses);
	return judge_udp(udp, udp_size, addresses);
}

/* A router may have cut the quoted datagram behind its UDP header (RFC 792), so its lengths say nothing; it
 * has changed hops and checksum, perhaps added options. */
static enum frame_kind read_quoted_ipv4(struct frame_view *view, const uint8_t *ip, size_t size)
{
	size_t header;

	if (size < IPV4_HEADER || ip[0] >> 4 != 4)
		return FRAME_OTHER;
	header = 4U * (ip[0] & 15);
	if (header < IPV4_HEADER || size < header + UDP_HEADER || ip[9] != PROTOCOL_UDP ||
		load_be16(ip + 6) & 0x1fff)
		return FRAME_OTHER;
	wire_map_ipv4(view->source, ip + 12);
	wire_map_ipv4(view->destination, ip + 16);
	take_ports(view, ip + header);
	return FRAME_UNREACHABLE;
}

static enum frame_kind read_quoted_ipv6(struct frame_view *view, const uint8_t *ip, size_t size)
{
	if (size < IPV6_HEADER + UDP_HEADER || ip[0] >> 4 != 6 || ip[6] != PROTOCOL_UDP ||
		wire_is_mapped(ip + 8) || wire_is_mapped(ip + 24))
		return FRAME_OTHER;
	memcpy(view->source, ip + 8, 16);
	memcpy(view->destination, ip + 24, 16);
	take_ports(view, ip + IPV6_HEADER);
	return FRAME_UNREACHABLE;
}

static enum frame_kind read_icmp(struct frame_view *view, const uint8_t *icmp, size_t size)
{
	if (size < ICMP_HEADER)
		return FRAME_OTHER;
	if (checksum_fold(checksum_add(0, icmp, size)) != 0xffff)
		return FRAME_BAD_CHECKSUM;
	if (icmp[0] == ICMP_UNREACHABLE)
		return read_quoted_ipv4(view, icmp + ICMP_HEADER, size - ICMP_HEADER);
	return icmp[0] == ICMP_ECHO && icmp[1] == 0 ? FRAME_ECHO : FRAME_OTHER;
}

static enum frame_kind read_icmpv6(
	struct frame_view *view, const uint8_t *icmp, size_t size, uint64_t addresses)
{
	if (size < ICMP_HEADER)
		return FRAME_OTHER;
	addresses = checksum_add64(
		addresses, (uint64_t)OCTETS_BE16(PROTOCOL_ICMPV6) + OCTETS_BE16((uint16_t)size));
	if (checksum_fold(checksum_add(addresses, icmp, size)) != 0xffff)
		return FRAME_BAD_CHECKSUM;
	if (icmp[0] == ICMPV6_UNREACHABLE)
		return read_quoted_ipv6(view, icmp + ICMP_HEADER, size - ICMP_HEADER);
	if (icmp[1] != 0)
		return FRAME_OTHER;
	if (icmp[0] == NEIGHBOUR_SOLICITATION || icmp[0] == NEIGHBOUR_ADVERTISEMENT)
		return size >= NEIGHBOUR_SIZE ? FRAME_NEIGHBOUR : FRAME_OTHER;
	return icmp[0] == ICMPV6_ECHO ? FRAME_ECHO : FRAME_OTHER;
}

SPECIALISED enum frame_kind read_ipv4(struct frame_view *view, uint8_t *ip, size_t size, bool checked)
{
	uint32_t source, destination;
	size_t total;

	if (UNLIKELY(size < IPV4_HEADER || ip[0] != 0x45))
		return FRAME_OTHER;
	total = load_be16(ip + 2);
	if (UNLIKELY(total < IPV4_HEADER || total > size))
		return FRAME_OTHER;
	if (!checked && UNLIKELY(checksum_fold(checksum_add(0, ip, IPV4_HEADER)) != 0xffff))
		return FRAME_BAD_CHECKSUM;
	if (UNLIKELY(load_raw16(ip + 6) & OCTETS_BE16(0x3fff))) /* more fragments, or an offset */
		return FRAME_FRAGMENT;
	if (UNLIKELY(ip[9] != PROTOCOL_UDP))
		return ip[9] == PROTOCOL_ICMP ? read_icmp(view, ip + IPV4_HEADER, total - IPV4_HEADER)
					      : FRAME_OTHER;
	source = load_raw32(ip + 12);
	destination = load_raw32(ip + 16);
	wire_map_ipv4(view->source, &source);
	wire_map_ipv4(view->destination, &destination);
	return read_udp(
		view, ip + IPV4_HEADER, total - IPV4_HEADER, (uint64_t)source + destination, checked, false);
}

SPECIALISED enum frame_kind read_ipv6(struct frame_view *view, uint8_t *ip, size_t size, bool checked)
{
	uint64_t addresses;
	size_t rest;

	if (UNLIKELY(size < IPV6_HEADER || ip[0] >> 4 != 6))
		return FRAME_OTHER;
	rest = load_be16(ip + 4);
	if (UNLIKELY(rest > size - IPV6_HEADER))
		return FRAME_OTHER;
	if (UNLIKELY(wire_is_mapped(ip + 8) || wire_is_mapped(ip + 24)))
		return FRAME_OTHER;
	addresses = checksum_add(0, ip + 8, 32);
	if (UNLIKELY(ip[6] != PROTOCOL_UDP)) {
		if (ip[6] == PROTOCOL_ICMPV6)
			return read_icmpv6(view, ip + IPV6_HEADER, rest, addresses);
		return ip[6] == PROTOCOL_FRAGMENT ? FRAME_FRAGMENT : FRAME_OTHER;
	}
	memcpy(view->source, ip + 8, 16);
	memcpy(view->destination, ip + 24, 16);
	return read_udp(view, ip + IPV6_HEADER, rest, addresses, checked, true);
}

static enum frame_kind read_link(struct frame_view *view, uint8_t *frame, size_t size, bool checked)
{
	uint16_t type = 0;
	const size_t l3 = wire_link(frame, size, &type);

	if (UNLIKELY(l3 == 0))
		return FRAME_OTHER;
	if (l3 > ETHERNET_HEADER)
		view->vlan = load_be16(frame + ETHERNET_HEADER) & VLAN_ID;
	if (LIKELY(type == OCTETS_BE16(ETHERTYPE_IPV4)))
		return read_ipv4(view, frame + l3, size - l3, checked);
	if (LIKELY(type == OCTETS_BE16(ETHERTYPE_IPV6)))
		return read_ipv6(view, frame + l3, size - l3, checked);
	if (type == OCTETS_BE16(ETHERTYPE_ARP) && wire_is_arp(frame + l3, size - l3))
		return FRAME_NEIGHBOUR;
	return FRAME_OTHER;
}

enum frame_kind frame_read(struct frame_view *view, uint8_t *frame, size_t size, bool checked)
{
	view->vlan = 0;
	view->kind = read_link(view, frame, size, checked);
	return view->kind;
}
