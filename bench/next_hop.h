/*
 * The next hop on a kernel interface: asked of the kernel's routes and neighbours by netlink, in the network
 * namespace of the caller. Main thread; blocks for at most `seconds`.
 */
#ifndef BENCH_NEXT_HOP_H
#define BENCH_NEXT_HOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum next_hop_result {
	NEXT_HOP_FOUND,
	NEXT_HOP_OTHER_INTERFACE, /* the kernel's route to it leaves by another interface, or there is none:
				     text says which */
	NEXT_HOP_SILENT,          /* it does not answer ARP or neighbour solicitations */
	NEXT_HOP_ERROR,           /* text says why */
};

/*
 * The MAC address that frames to `address` (16 octets, IPv4 mapped) go to when they leave by `interface`: of
 * the address itself or of the route's gateway. Where the kernel does not know it yet, it is made to ask (a
 * UDP datagram to the discard port, 9). `gateway`: an address to look up instead of what the route says, or
 * NULL. *source: the kernel's own address that it would use, 16 octets, IPv4 mapped. text[size] has a
 * sentence unless it is FOUND.
 */
enum next_hop_result next_hop_find(const char *interface, const uint8_t address[16], const uint8_t *gateway,
	double seconds, uint8_t mac[6], uint8_t source[16], char *text, size_t size);

/* The interface's first global address of that family, 16 octets, IPv4 mapped; false where it has none. */
bool next_hop_own_address(const char *interface, bool ipv6, uint8_t address[16]);

#endif
