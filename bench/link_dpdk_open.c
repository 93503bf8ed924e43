#include "bench/link_dpdk.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "bench/wire.h"
#include "dataplane/eal.h"
#include "dataplane/ethtool.h"
#include "dataplane/topology.h"

enum {
	LINK_UP_MS = 10000, /* negotiation, or a peer that is to come */
	RING_MAX = 65536,
	FRAMES_PER_QUEUE = 8192,
	MS = 1000, /* in us */
};

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_kernel_interface(const char *name)
{
	return !has_prefix(name, "pci:") && !has_prefix(name, "vdev:");
}

static void take_target(struct link_dpdk *l, const struct target *target)
{
	const void *any = &target->address;

	l->target_port = target->port;
	if (target->address.ss_family == AF_INET6) {
		memcpy(l->target, &((const struct sockaddr_in6 *)any)->sin6_addr, sizeof(l->target));
		return;
	}
	wire_map_ipv4(l->target, &((const struct sockaddr_in *)any)->sin_addr);
}

/* The flags of a kernel interface in this thread's network namespace; false where there is none. */
static bool read_flags(const char *interface, short *flags)
{
	struct ifreq request = {0};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	good = s >= 0 && strlen(interface) < IFNAMSIZ && ioctl(s, SIOCGIFFLAGS, &request) == 0;
	if (s >= 0)
		close(s);
	*flags = request.ifr_flags;
	return good;
}

static bool is_kernel_up(const struct link_dpdk *l, char *text, size_t size)
{
	short flags;

	if (!read_flags(l->interface, &flags))
		return link_dpdk_refuse(text, size,
			"interface %s: there is no such interface (ip link shows what there is)",
			l->interface);
	if (!(flags & IFF_UP))
		return link_dpdk_refuse(
			text, size, "interface %s is down; ip link set %s up", l->interface, l->interface);
	if (!(flags & IFF_RUNNING))
		return link_dpdk_refuse(text, size,
			"interface %s has no carrier: is its cable plugged in, its peer up?", l->interface);
	return true;
}

bool link_dpdk_is_up(struct link *link, char *text, size_t size)
{
	struct link_dpdk *l = (struct link_dpdk *)link;
	struct rte_eth_link state = {0};

	if (l->kernel)
		return is_kernel_up(l, text, size);
	if (rte_eth_link_get_nowait(l->port.id, &state) == 0 && state.link_status == RTE_ETH_LINK_UP)
		return true;
	if (strcmp(l->port.facts.driver, "net_memif") == 0)
		return link_dpdk_refuse(text, size,
			"interface %s: no peer is connected; is it running, with the same socket and at "
			"least %u "
			"queues?",
			l->interface, l->port.queues);
	return link_dpdk_refuse(
		text, size, "interface %s has no link: is its cable plugged in, its peer up?", l->interface);
}

static bool wait_for_link(struct link_dpdk *l, char *text, size_t size)
{
	for (unsigned ms = 0; ms < LINK_UP_MS; ms += 10) {
		if (link_dpdk_is_up(&l->link, text, size))
			return true;
		usleep(10 * MS);
	}
	return false;
}

/* DPDK would complain in its own words. */
static bool check_pci(const char *interface, char *text, size_t size)
{
	const char *address = interface + strlen("pci:");
	char path[128];
	unsigned part[4];
	int used = 0;

	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &part[0], &part[1], &part[2], &part[3], &used) != 4 ||
		address[used])
		return link_dpdk_refuse(text, size,
			"interface %.60s: expected a PCI address, as pci:0000:03:00.0 (dpdk-devbind.py "
			"--status "
			"lists them)",
			interface);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.40s", address);
	return access(path, F_OK) == 0 ||
	       link_dpdk_refuse(text, size,
		       "interface %.60s: there is no such device (dpdk-devbind.py --status lists them)",
		       interface);
}

static bool check_interface(const struct link_dpdk *l, char *text, size_t size)
{
	if (has_prefix(l->interface, "pci:") && !check_pci(l->interface, text, size))
		return false;
	if (geteuid() != 0 && !has_prefix(l->interface, "vdev:"))
		return link_dpdk_refuse(text, size,
			"interface %s: played clients need root (sudo); without an interface, sockets need "
			"none",
			l->interface);
	return !l->kernel || is_kernel_up(l, text, size);
}

/* Once in a process: DPDK starts no second time. */
static bool start_dpdk(const struct link_settings *settings, const struct port_settings *port,
	unsigned queues, char *text, size_t size)
{
	static bool started;
	struct settings all = {.ports = 1, .port = {*port}, .verbose = settings->verbose};
	char why[256];
	bool huge;

	if (started)
		return true;
	topology_prefer_node(topology_port_node(port));
	started = eal_start("tickwire-bench", &all, NULL, 0, queues, &huge, why, sizeof(why));
	return started ||
	       link_dpdk_refuse(text, size, "interface %s: %s%s", port->name, why,
		       has_prefix(port->name, "pci:") ? "; is there such a device (lspci -D)?" : "");
}

static enum port_driver driver_of(const char *driver)
{
	if (driver && strcmp(driver, "af_xdp") == 0)
		return PORT_DRIVER_AF_XDP;
	return driver && strcmp(driver, "af_packet") == 0 ? PORT_DRIVER_AF_PACKET : PORT_DRIVER_AUTO;
}

/*
 * All queues of a kernel interface are read, or replies that it puts into the others are lost; AF_PACKET's
 * are not the interface's, and as many as are wanted. 0 with a sentence in text[size].
 */
static uint16_t choose_queues(const struct port_settings *port, unsigned cores, char *text, size_t size)
{
	if (!is_kernel_interface(port->name) || port->driver == PORT_DRIVER_AF_PACKET)
		return (uint16_t)cores;
	if (port->driver == PORT_DRIVER_AF_XDP && ethtool_split_queues(port->name) > 1) {
		link_dpdk_refuse(text, size,
			"interface %s: AF_XDP would read one of its %u receive queues, as they are not "
			"combined "
			"channels; leave it one (ethtool -L %s rx 1), or use the driver af_packet",
			port->name, ethtool_split_queues(port->name), port->name);
		return 0;
	}
	return port_default_queues(port);
}

static bool open_port(struct link_dpdk *l, const struct link_settings *settings, char *text, size_t size)
{
	const struct port_settings port = {.name = l->interface, .driver = driver_of(settings->driver)};
	const uint16_t queues = choose_queues(&port, settings->cores, text, size);

	if (queues == 0)
		return false;
	if (!start_dpdk(settings, &port, queues, text, size))
		return false;
	l->steered = l->kernel && port.driver != PORT_DRIVER_AF_PACKET;
	if (l->steered && !steer_prepare(&l->steer, l->interface, text, size))
		return false;
	if (!port_open(&l->port, 0, &port, queues, l->steered ? l->steer.object : "", text, size)) {
		const size_t used = strlen(text);

		if (has_prefix(l->interface, "vdev:net_memif"))
			link_dpdk_refuse(
				text + used, size - used, "; is the other side running, with this socket?");
		return false;
	}
	l->bystander = strcmp(l->port.facts.driver, "net_af_packet") == 0;
	if (!l->steered || !l->bystander)
		return !l->steered ||
		       steer_fill(&l->steer, &l->population, l->target, l->target_port, l->vlan, text, size);
	steer_close(&l->steer);
	l->steered = false;
	return true;
}

/* Whether there is hardware behind a kernel interface: a veth pair offers to take tags, and does not. */
static bool has_device(const char *interface)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device", interface);
	return access(path, F_OK) == 0;
}

/* A tag that the device has taken out of a frame is not seen by the program (bench/steer.bpf.c). */
static bool check_vlan(const struct link_dpdk *l, char *text, size_t size)
{
	if (!l->steered || !l->vlan || !has_device(l->interface) || !ethtool_strips_vlan(l->interface))
		return true;
	return link_dpdk_refuse(text, size,
		"interface %s: the device takes VLAN tags out of what it receives, and AF_XDP needs them; "
		"let it leave them (ethtool -K %s rxvlan off), or use the driver af_packet",
		l->interface, l->interface);
}

/* Solicitations of neighbours go to a group that follows from the address (RFC 4291 section 2.7.1). */
static void take_all_groups(struct link_dpdk *l)
{
	struct packet_mreq request = {
		.mr_ifindex = (int)if_nametoindex(l->interface), .mr_type = PACKET_MR_ALLMULTI};

	if (wire_is_mapped(l->target))
		return;
	if (!l->kernel) {
		rte_eth_allmulticast_enable(l->port.id);
		return;
	}
	/* of no protocol, so that nothing is received; the membership goes with the socket */
	l->multicast = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (l->multicast >= 0 &&
		setsockopt(l->multicast, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) != 0) {
		close(l->multicast);
		l->multicast = -1;
	}
}

static bool make_cores(struct link_dpdk *l, unsigned wanted, char *text, size_t size)
{
	unsigned frames = l->port.queues * FRAMES_PER_QUEUE;

	l->link.cores = wanted < l->port.queues ? wanted : l->port.queues;
	for (unsigned i = 0; i < l->link.cores; i++) {
		struct link_core *c = &l->core[i];
		char name[RTE_RING_NAMESIZE];

		c->pool = l->port.pool[i];
		if (l->link.cores == 1)
			break;
		snprintf(name, sizeof(name), "handed%u", i);
		c->handed = rte_ring_create(name, rte_align32pow2(frames < RING_MAX ? frames : RING_MAX),
			SOCKET_ID_ANY, RING_F_SC_DEQ);
		if (!c->handed)
			return link_dpdk_refuse(
				text, size, "not enough memory for %u cores; give fewer", l->link.cores);
	}
	return true;
}

static bool open_all(struct link_dpdk *l, const struct link_settings *settings, char *text, size_t size)
{
	struct link_hop hop;

	if (!check_interface(l, text, size) || !link_hop_ask_kernel(l, &hop, settings, text, size))
		return false;
	if (!open_port(l, settings, text, size) || !check_vlan(l, text, size) ||
		!make_cores(l, settings->cores, text, size))
		return false;
	take_all_groups(l);
	if (!wait_for_link(l, text, size) || !link_hop_ask_port(l, &hop, text, size))
		return false;
	frame_template_init(&l->frames, l->port.facts.mac, hop.mac, l->vlan, l->target, l->target_port);
	return true;
}

bool link_dpdk_open(struct link **link, const struct link_settings *settings, char *text, size_t size)
{
	struct link_dpdk *l = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*l));

	if (!l)
		return link_dpdk_refuse(text, size, "not enough memory");
	memset(l, 0, sizeof(*l));
	l->port.id = UINT16_MAX;
	l->multicast = -1;
	l->interface = settings->interface;
	l->kernel = is_kernel_interface(l->interface);
	l->vlan = settings->vlan;
	l->population = *settings->population;
	if (l->kernel)
		l->own_clients = steer_own_clients(&l->population, l->own_client, LINK_OWN_MAX);
	take_target(l, settings->target);
	if (!open_all(l, settings, text, size)) {
		link_dpdk_close(&l->link);
		return false;
	}
	snprintf(l->link.driver, sizeof(l->link.driver), "%s", l->port.facts.driver);
	snprintf(l->link.stamps, sizeof(l->link.stamps), "when the burst was read");
	*link = &l->link;
	return true;
}

void link_dpdk_close(struct link *link)
{
	struct link_dpdk *l = (struct link_dpdk *)link;

	for (unsigned i = 0; i < LINK_CORES_MAX; i++) {
		struct link_core *c = &l->core[i];
		struct rte_mbuf *mbuf;

		if (c->held)
			rte_pktmbuf_free_bulk(c->hold, c->held);
		while (c->handed && rte_ring_dequeue(c->handed, (void **)&mbuf) == 0)
			rte_pktmbuf_free(mbuf);
		rte_ring_free(c->handed);
	}
	port_close(&l->port);
	if (l->steered)
		steer_close(&l->steer);
	if (l->multicast >= 0)
		close(l->multicast);
	free(l);
}
