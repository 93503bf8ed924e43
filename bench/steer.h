/*
 * How a load that uses AF_XDP shares an interface with the kernel: the program of bench/steer.bpf.c, loaded
 * and attached by net_af_xdp, told here which addresses are played. For them all frames are the load's; of
 * the addresses that the kernel has itself, only replies of the target and ICMP errors about requests to it.
 * Main thread; root, in the network namespace of the interface.
 *
 * The program is attached by netlink, so a load that is killed leaves it behind: without sockets it passes
 * every frame, and the next load takes it away.
 */
#ifndef BENCH_STEER_H
#define BENCH_STEER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/population.h"

struct steer {
	char interface[IF_NAMESIZE];
	int lock;        /* held as long as the load uses the interface; -1: not */
	char dir[32];    /* private, for the object; "" once it is gone */
	char object[48]; /* for net_af_xdp's xdp_prog= */
};

/*
 * Make the interface ours and write the object. False with a sentence in text[size]: there is no such
 * interface, another load or another XDP program uses it. steer_close also after a failure.
 */
bool steer_prepare(struct steer *steer, const char *interface, char *text, size_t size);

/*
 * Once net_af_xdp has attached the program: say what is played (addresses of 16 octets, IPv4 mapped; port and
 * VLAN identifier in host order, VLAN 0 for none). The object's file is removed.
 */
bool steer_fill(struct steer *steer, const struct population *population, const uint8_t target[16],
	uint16_t port, uint16_t vlan, char *text, size_t size);

/* Take the program off where it still is, remove files, let go of the interface. */
void steer_close(struct steer *steer);

/* The same by the descriptors of the maps. 0, or a negative errno. */
int steer_fill_maps(int addresses, int target_map, const struct population *population,
	const uint8_t target[16], uint16_t port, uint16_t vlan);

/* The compiled program, as an ELF object. */
const void *steer_object(size_t *size);

/* Those of the clients whose address an interface of this host has, at most `max`; how many. */
unsigned steer_own_clients(const struct population *population, uint32_t *clients, unsigned max);

#endif
