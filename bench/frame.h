/*
 * Frames of a load: requests of played clients written out, and what comes read with a cursor that cannot
 * overrun. Ethernet, no VLAN tag or one, IPv4 without options or IPv6 without extension headers. Addresses
 * are 16 octets in the order of the wire, IPv4 mapped (RFC 4291 section 2.5.5.2); ports are in host order.
 * Pure; any thread.
 */
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_HEADERS_MAX = 14 + 4 + 40 + 8,
	FRAME_MAX = FRAME_HEADERS_MAX + 1280 - 40 - 8,
	FRAME_TRAFFIC_CLASS = 0,
	FRAME_HOPS = 64,
};

/* What all requests share, prepared once; the client fills the rest. */
struct frame_template {
	uint8_t octets[FRAME_HEADERS_MAX]; /* headers with zeros where client, port, lengths and checksums go
					    */
	uint16_t l3;                       /* octets before the IP header */
	uint16_t size;                     /* of all headers */
	bool ipv6;
	uint64_t ip_sum, udp_sum; /* of what never changes, for checksum_fold (dataplane/checksum.h) */
};

/* vlan: identifier, 0 for no tag. */
void frame_template_init(struct frame_template *t, const uint8_t source_mac[6], const uint8_t next_hop_mac[6],
	uint16_t vlan, const uint8_t target[16], uint16_t target_port);

/*
 * Write a whole frame at `frame`, which has room for FRAME_MAX; `size` octets of UDP payload, at most 1232.
 * The checksums are complete (a UDP checksum of zero is sent as all ones). Gives the frame's size. The
 * client's address is of the target's family.
 */
size_t frame_write(const struct frame_template *t, uint8_t *frame, const uint8_t client[16], uint16_t port,
	const uint8_t *payload, uint16_t size);

enum frame_kind {
	FRAME_UDP,         /* payload, both addresses and ports are set */
	FRAME_UNREACHABLE, /* ICMP or ICMPv6 destination unreachable about a UDP datagram: source is that
			      datagram's source (the client), destination its destination (the target), with
			      their ports */
	FRAME_NEIGHBOUR,   /* ARP request or reply, neighbour solicitation or advertisement: bench/neighbour.h
			      reads on */
	FRAME_ECHO,        /* ICMP or ICMPv6 echo request to us: not answered, told apart for a count */
	FRAME_FRAGMENT,    /* of IP */
	FRAME_BAD_CHECKSUM, /* of IPv4's header, UDP, ICMP or ICMPv6 */
	FRAME_OTHER, /* whatever else, what is cut or has lengths that contradict each other, and IPv6 between
			IPv4-mapped addresses */
};

struct frame_view {
	enum frame_kind kind;
	uint16_t vlan; /* identifier of the tag; 0: none */
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port;
	uint8_t *payload; /* of UDP, inside the frame */
	uint16_t size;    /* by the UDP header */
};

/*
 * Read a frame; padding behind the IP packet is left out. `checked`: the port has verified the checksums, or
 * the sender was a kernel on this host that left the UDP checksum to a device that never comes: they are not
 * looked at. UDP over IPv4 with checksum zero is right, over IPv6 wrong, `checked` or not; those of ICMP and
 * ICMPv6 are always looked at. The view's other fields are set only as its kind says.
 */
enum frame_kind frame_read(struct frame_view *view, uint8_t *frame, size_t size, bool checked);

#endif
