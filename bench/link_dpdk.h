/*
 * A load's port (bench/link_dpdk.c), how it is opened and closed (bench/link_dpdk_open.c), and to whom it
 * sends (bench/link_dpdk_hop.c). DPDK.
 *
 * Each core sends by a queue of its own and reads one or several. What comes for a client of another core is
 * handed over to that by a ring.
 *
 * Over AF_XDP the kernel keeps what is not the load's (bench/steer.h). Over AF_PACKET the load reads copies,
 * and the kernel gets all frames as well: it answers replies to an address of its own with ICMP port
 * unreachable, and forwards or drops those to a played address as it does with any that is not its own. What
 * a load answers for (ARP, neighbour discovery) is played addresses in both cases. A target that has them
 * on-link asks for each, and Linux drops what finds no room in its neighbour table (1024 by default): for
 * more clients, give it a route to their prefix by way of one of them.
 */
#ifndef BENCH_LINK_DPDK_H
#define BENCH_LINK_DPDK_H

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "bench/frame.h"
#include "bench/link_private.h"
#include "bench/steer.h"
#include "dataplane/port.h"

enum { LINK_OWN_MAX = 64 };

struct link_core {
	struct rte_mempool *pool; /* of its sending queue */
	struct rte_ring *handed;  /* frames from other cores */
	unsigned next;            /* queue to be read first */
	uint64_t overrun;         /* frames that found no room in `handed`; added to by any core */
	unsigned held;            /* frames that the last receive gave away, and must live until the next */
	struct rte_mbuf *hold[LINK_BURST];
} __rte_cache_aligned;

struct link_dpdk {
	struct link link;
	struct port port;
	struct population population;
	struct frame_template frames;
	uint8_t target[16];
	uint16_t target_port;
	uint16_t vlan;
	const char *interface; /* of the settings */
	bool kernel;           /* an interface of the kernel's */
	bool bystander; /* AF_PACKET: sees frames that are none of the load's, and is silent about them */
	unsigned own_clients; /* those whose address the kernel has, too */
	uint32_t own_client[LINK_OWN_MAX];
	int multicast; /* socket that makes the kernel's interface take all groups, or -1 */
	bool steered;
	struct steer steer;
	struct link_core core[LINK_CORES_MAX];
};

/* Whom the frames go to. */
struct link_hop {
	bool known, has_gateway;
	uint8_t mac[6];
	uint8_t gateway[16];
	char why[256]; /* what the kernel says where it does not know, or "" */
};

/*
 * Check who asks whom, and find out what the settings or the kernel know: before the port starts, which may
 * make the kernel forget its neighbours. False with a sentence in text[size].
 */
bool link_hop_ask_kernel(struct link_dpdk *l, struct link_hop *hop, const struct link_settings *settings,
	char *text, size_t size);

/* Where it is not known yet: ask by the port. Main thread, before others use the port. */
bool link_hop_ask_port(struct link_dpdk *l, struct link_hop *hop, char *text, size_t size);

/* Put the sentence into text[size]; false. */
__attribute__((format(printf, 3, 4))) bool link_dpdk_refuse(char *text, size_t size, const char *format, ...);

/* Where link_dpdk_ops leads. */
bool link_dpdk_open(struct link **link, const struct link_settings *settings, char *text, size_t size);
void link_dpdk_close(struct link *link);
bool link_dpdk_is_up(struct link *link, char *text, size_t size);

/* Answer a frame that asks for a played address, by the thread that has the queue. */
void link_dpdk_answer_neighbour(struct link_dpdk *l, uint16_t queue, struct rte_mbuf *mbuf);

#endif
