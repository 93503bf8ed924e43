/*
 * What frames of a load have in common on the wire: numbers of IANA's, sizes, and addresses of both families
 * in 16 octets. Pure.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/packet.h"
#include "ntp/octets.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100, /* 802.1Q */
	ETHERTYPE_IPV6 = 0x86dd,
	VLAN_ID = 0x0fff,
	PROTOCOL_ICMP = 1,
	PROTOCOL_FRAGMENT = 44, /* IPv6's extension header */
	PROTOCOL_ICMPV6 = 58,
	ICMP_HEADER = 8, /* ICMPv6's likewise, with the four octets that depend on the type */
	ARP_SIZE = 28,   /* RFC 826 for Ethernet and IPv4 */
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	NEIGHBOUR_SIZE = 24, /* RFC 4861 section 4.3, 4.4: without options */
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,
};

/* The second half of ::ffff:a.b.c.d as it loads, and the first is 0. Arithmetic, because octets stored one by
 * one would stall the load of the whole. */
static inline uint64_t wire_mapped(uint32_t ipv4_raw)
{
	return join_raw32(OCTETS_BE32(UINT32_C(0xffff)), ipv4_raw);
}

static inline void wire_map_ipv4(uint8_t address[16], const void *ipv4)
{
	store_raw64(address, 0);
	store_raw64(address + 8, wire_mapped(load_raw32(ipv4)));
}

/* Whether 16 octets stand for an IPv4 address. In an IPv6 header they are forged (RFC 4291 section 2.5.5.2
 * has them for sockets): taken as they are, they would pass for another family's. */
static inline bool wire_is_mapped(const uint8_t address[16])
{
	return load_raw64(address) == 0 && load_raw32(address + 8) == OCTETS_BE32(UINT32_C(0xffff));
}

/* Octets before what the Ethernet header or its one tag announces as type_raw; 0 where the frame is cut. */
static inline size_t wire_link(const uint8_t *frame, size_t size, uint16_t *type_raw)
{
	if (size < ETHERNET_HEADER)
		return 0;
	*type_raw = load_raw16(frame + 12);
	if (*type_raw != OCTETS_BE16(ETHERTYPE_VLAN))
		return ETHERNET_HEADER;
	if (size < ETHERNET_HEADER + VLAN_TAG)
		return 0;
	*type_raw = load_raw16(frame + ETHERNET_HEADER + 2);
	return ETHERNET_HEADER + VLAN_TAG;
}

/* ARP for Ethernet and IPv4; `size` octets are there. */
static inline bool wire_is_arp(const uint8_t *arp, size_t size)
{
	return size >= ARP_SIZE && load_be32(arp) == 0x00010800 && load_be16(arp + 4) == 0x0604 &&
	       (load_be16(arp + 6) == ARP_REQUEST || load_be16(arp + 6) == ARP_REPLY);
}

#endif
