/*
 * One frame of a burst on its way through the worker's steps. The worker fills the first part from an mbuf,
 * classify the second, answer turns the frame into its reply. Pure: no DPDK here, so that tests and fuzzers
 * bring frames of their own.
 */
#ifndef DATAPLANE_PACKET_H
#define DATAPLANE_PACKET_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/octets.h"

enum {
	ETHERNET_HEADER = 14,
	VLAN_TAG = 4,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	UDP_HEADER = 8,
	PROTOCOL_UDP = 17, /* IANA's number */
};

/* One body, specialised by constant arguments: IPv4 and IPv6, tagged or not, offloaded or not. */
#define SPECIALISED static inline __attribute__((always_inline))

/* What the port has done with a received frame, and what has become of it since. */
enum {
	PACKET_IP_CHECKSUM_GOOD = 1,  /* the port verified the IPv4 header checksum */
	PACKET_UDP_CHECKSUM_GOOD = 2, /* the port verified the UDP checksum */
	PACKET_VLAN_STRIPPED = 4,     /* the outermost tag is in vlan_tci, not in the frame */
	PACKET_SEGMENTED = 8,         /* more octets follow in other buffers */
	/*
	 * A sender on this host may leave the UDP checksum to a device that never comes (veth, virtio): the
	 * field then holds the pseudo-header's sum, and that counts as right.
	 */
	PACKET_UDP_CHECKSUM_PARTIAL = 16,
	/* Set on the way: the frame has become a reply, whatever its verdict says of the request. */
	PACKET_REPLY = 32,
	/* Set by classify beside VERDICT_NTS_ANSWERED: a usual request (nts/usual.h), of this kind. */
	PACKET_NTS_USUAL_SIV = 64,
	PACKET_NTS_USUAL_GCM_SIV = 128,
	PACKET_NTS_USUAL = PACKET_NTS_USUAL_SIV | PACKET_NTS_USUAL_GCM_SIV,
};

struct packet {
	uint8_t *data;     /* the Ethernet header's first octet; writable */
	uint16_t length;   /* octets at data, without FCS; answer sets the reply's */
	uint16_t vlan_tci; /* with PACKET_VLAN_STRIPPED: the tag, host order */
	uint8_t flags;     /* of the above */
	uint8_t verdict;   /* enum verdict: set by classify */
	uint8_t l3;        /* octets before the IP header: 14, 18 or 22 */
	uint8_t is_ipv6;
};

static_assert(offsetof(struct packet, vlan_tci) == offsetof(struct packet, length) + 2 &&
		      offsetof(struct packet, flags) == offsetof(struct packet, length) + 4,
	"what packet_take stores at once");

/* A frame that has just come: the first part, and zeros in the second. Stored by words, as the lanes load it.
 */
static inline void packet_take(
	struct packet *packet, uint8_t *data, uint16_t length, uint16_t vlan_tci, uint8_t flags)
{
	packet->data = data;
	store_raw64(&packet->length, join_raw32(join_raw16(length, vlan_tci), place_octet(flags, 0)));
}

#endif
