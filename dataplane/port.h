/*
 * Ethdev ports: made from their names, configured, started. DPDK. Main thread only, before the privileges are
 * dropped.
 */
#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/settings.h"

enum { PORT_QUEUES_MAX = 64, PORT_NO_TAP = UINT16_MAX };

struct rte_mempool;

struct port {
	uint16_t id;     /* of the ethdev */
	uint16_t tap_id; /* of the exception TAP's ethdev, or PORT_NO_TAP */
	uint16_t queues; /* pairs of receive and transmit queues; the TAP has as many */
	bool rx_checksum, tx_checksum;
	bool partial_checksums; /* frames may come from senders on this host that left the UDP checksum to a
				   device */
	bool rx_interrupts;     /* may be asked for by rte_eth_dev_rx_intr_enable */
	int numa_node;          /* -1: unknown */
	int socket[PORT_QUEUES_MAX];               /* AF_XDP or AF_PACKET socket of each queue, or -1 */
	struct rte_mempool *pool[PORT_QUEUES_MAX]; /* of each queue: AF_XDP sends from it without a copy */
	struct port_facts facts;
};

/* How many queues the port should have: as set, else those of a kernel interface; 0: as many as there are
 * workers. */
uint16_t port_default_queues(const struct port_settings *settings);

/*
 * Make, configure and start a port with its TAP, with so many queues (fewer where none were set and the
 * device has fewer). `index` numbers it among the process's ports. An AF_XDP port that is refused becomes
 * AF_PACKET (the remark in facts says why) unless the settings name the driver. `xdp_object`: file of the
 * program that AF_XDP attaches. False with a sentence in text[size].
 */
bool port_open(struct port *port, unsigned index, const struct port_settings *settings, uint16_t queues,
	const char *xdp_object, char *text, size_t size);

/*
 * At the end: have a NIC stop writing to our memory. The rest goes with the process, as closing would need
 * privileges that are gone; the supervisor takes programs off interfaces.
 */
void port_stop(const struct port *port);

/* Take a port away, as far as it was made: with the privileges that made it, and with no other thread in it.
 */
void port_close(struct port *port);

#endif
