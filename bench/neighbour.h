/*
 * ARP (RFC 826) and neighbour discovery (RFC 4861) for the addresses that a load plays: answers to who asks
 * for one, and the question for the next hop. Pure; any thread.
 */
#ifndef BENCH_NEIGHBOUR_H
#define BENCH_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/population.h"

enum { NEIGHBOUR_FRAME_MAX = 14 + 4 + 40 + 32 };

/*
 * The answer to an ARP request or a neighbour solicitation (unicast or multicast, also an ARP probe) for an
 * address of the population, written to answer; its size, 0 where there is none to give: another address, not
 * ours to answer, malformed (RFC 4861 section 7.1.1: hop limit 255, checksum, lengths, code 0). A
 * solicitation from the unspecified address (duplicate address detection) is answered to all nodes. A VLAN
 * tag is taken over.
 */
size_t neighbour_answer(uint8_t answer[NEIGHBOUR_FRAME_MAX], const uint8_t *frame, size_t size,
	const uint8_t mac[6], const struct population *population);

/* The question who has `address`, asked by `source`, both of one family (16 octets, IPv4 mapped); its size.
 */
size_t neighbour_question(uint8_t frame[NEIGHBOUR_FRAME_MAX], const uint8_t mac[6], uint16_t vlan,
	const uint8_t source[16], const uint8_t address[16]);

/* Whether the frame is the reply (ARP reply or a well-formed neighbour advertisement) that says whose MAC
 * `address` has. */
bool neighbour_reply(const uint8_t *frame, size_t size, const uint8_t address[16], uint8_t mac[6]);

#endif
