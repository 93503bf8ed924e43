#include "dataplane/port.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/ethtool.h"
#include "dataplane/log.h"
#include "dataplane/topology.h"

enum {
	DESCRIPTORS = 1024,
	/* Those in both rings, in a burst and in the caches; AF_XDP keeps 4096 for the kernel to fill. */
	MBUFS_PER_QUEUE = 8191,
	MBUF_CACHE = 256,
	OPEN_FILES_MAX = 4096,
	QUEUE_RELEASE_US = 50000,
};

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_kernel_interface(const struct port_settings *settings)
{
	return !has_prefix(settings->name, "pci:") && !has_prefix(settings->name, "vdev:");
}

uint16_t port_default_queues(const struct port_settings *settings)
{
	if (settings->queues)
		return settings->queues;
	if (has_prefix(settings->name, "pci:"))
		return 0;
	return is_kernel_interface(settings)
		       ? RTE_MIN(ethtool_queues(settings->name), (uint16_t)PORT_QUEUES_MAX)
		       : 1;
}

/* Make a device that EAL did not know at its start. Gives its port's id in *id. */
static bool plug(const char *bus, const char *name, const char *arguments, uint16_t *id)
{
	return rte_eal_hotplug_add(bus, name, arguments) == 0 && rte_eth_dev_get_port_by_name(name, id) == 0;
}

/* A server that was killed leaves its socket's file, and memif and vhost refuse to begin where one is. */
static void remove_stale_socket(const char *arguments)
{
	static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = strstr(arguments, "socket=/");

	path = path ? path : strstr(arguments, "iface=/");
	/* A client's file is its peer's. */
	if (!path || strstr(arguments, "role=client") || strstr(arguments, "client=1"))
		return;
	path = strchr(path, '=') + 1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.*s", (int)strcspn(path, ","), path);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
			errno == ECONNREFUSED)
			unlink(address.sun_path);
		if (fd >= 0)
			close(fd);
	}
}

static bool plug_named(struct port *port, const struct port_settings *settings, char *text, size_t size)
{
	char name[256];
	const char *arguments = "";
	char *comma;
	bool pci = has_prefix(settings->name, "pci:");

	snprintf(name, sizeof(name), "%s", strchr(settings->name, ':') + 1);
	comma = pci ? NULL : strchr(name, ',');
	if (comma) {
		*comma = 0;
		arguments = comma + 1;
	}
	remove_stale_socket(arguments);
	if (plug(pci ? "pci" : "vdev", name, arguments, &port->id))
		return true;
	snprintf(text, size, "interface %s: DPDK cannot make this port (%s); %s", settings->name,
		rte_strerror(rte_errno ? rte_errno : ENODEV),
		pci ? "is the device bound to vfio-pci (dpdk-devbind.py --status)?"
		    : "are the driver's name and its arguments right?");
	return false;
}

static bool plug_af_packet(
	struct port *port, unsigned index, const struct port_settings *settings, uint16_t queues)
{
	char name[32], arguments[128];

	snprintf(name, sizeof(name), "net_af_packet%u", index);
	snprintf(arguments, sizeof(arguments), "iface=%s,qpairs=%u,blocksz=4096,framesz=2048,framecnt=512",
		settings->name, queues);
	return plug("vdev", name, arguments, &port->id);
}

static bool plug_af_xdp(struct port *port, unsigned index, const struct port_settings *settings,
	uint16_t queues, const char *xdp_object)
{
	char name[32], arguments[PATH_MAX + 128];

	snprintf(name, sizeof(name), "net_af_xdp%u", index);
	/* No busy polling: it would cost a system call a pass, and pays only with deferred interrupts. */
	snprintf(arguments, sizeof(arguments),
		"iface=%s,start_queue=0,queue_count=%u,xdp_prog=%s,busy_budget=0", settings->name, queues,
		xdp_object);
	return plug("vdev", name, arguments, &port->id);
}

/* Sockets of the packet families that are open now, by descriptor. */
static unsigned packet_sockets(bool seen[OPEN_FILES_MAX], int found[PORT_QUEUES_MAX])
{
	unsigned count = 0;

	for (int fd = 0; fd < OPEN_FILES_MAX; fd++) {
		int domain = 0;
		socklen_t size = sizeof(domain);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
			(domain != AF_XDP && domain != AF_PACKET)) {
			seen[fd] = false;
			continue;
		}
		if (!seen[fd] && found && count < PORT_QUEUES_MAX)
			found[count++] = fd;
		seen[fd] = true;
	}
	return count;
}

static void name_pool(char name[RTE_MEMPOOL_NAMESIZE], const char *kind, uint16_t id, uint16_t queue)
{
	snprintf(name, RTE_MEMPOOL_NAMESIZE, "%s%u_%u", kind, id, queue);
}

static struct rte_mempool *make_pool(const struct port *port, const char *kind, uint16_t queue)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	name_pool(name, kind, port->id, queue);
	/* Without huge pages all memory is of one node to DPDK; topology_prefer_node has chosen it. */
	return rte_pktmbuf_pool_create(name, MBUFS_PER_QUEUE, MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
		rte_eal_has_hugepages() ? port->numa_node : SOCKET_ID_ANY);
}

static void configure_offloads(
	struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const uint64_t tx = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;

	port->rx_checksum = (info->rx_offload_capa & rx) == rx;
	port->tx_checksum = (info->tx_offload_capa & tx) == tx;
	if (port->rx_checksum)
		conf->rxmode.offloads |= rx;
	if (port->tx_checksum)
		conf->txmode.offloads |= tx;
	if (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_VLAN_INSERT)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
}

/* By addresses only: ports of clients are random (RFC 9109), and all packets of one should meet the same
 * worker. */
static void configure_rss(
	const struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const uint64_t addresses = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |
				   RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |
				   RTE_ETH_RSS_IPV6_EX;

	if (port->queues < 2)
		return;
	if (!(info->flow_type_rss_offloads & addresses)) {
		log_warning("interface %s: driver %s cannot spread packets by addresses; some queues may "
			    "stay empty",
			port->facts.interface, info->driver_name);
		return;
	}
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & addresses;
}

/* 0, or a negative errno. */
static int setup_queue(struct port *port, uint16_t id, const char *kind, uint16_t q, uint16_t rx, uint16_t tx)
{
	struct rte_mempool *pool = make_pool(port, kind, q);
	int error;

	if (!pool)
		return rte_errno ? -rte_errno : -ENOMEM;
	if (id == port->id)
		port->pool[q] = pool;
	error = rte_eth_rx_queue_setup(id, q, rx, (unsigned)port->numa_node, NULL, pool);
	return error ? error : rte_eth_tx_queue_setup(id, q, tx, (unsigned)port->numa_node, NULL);
}

static int setup_queues(struct port *port, uint16_t id, const char *kind, int *sockets)
{
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	static bool seen[OPEN_FILES_MAX];
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);

	for (uint16_t q = 0; q < port->queues && error == 0; q++) {
		int found[PORT_QUEUES_MAX];

		packet_sockets(seen, NULL);
		error = setup_queue(port, id, kind, q, rx, tx);
		if (error == 0 && sockets && sockets[q] < 0 && packet_sockets(seen, found) == 1)
			sockets[q] = found[0];
	}
	return error;
}

/*
 * rx interrupts are asked for, and done without where the port refuses them. net_tap offers them, but its
 * rx_burst sees nothing until a signal has been handled, and by then the edge that should wake the worker may
 * be gone.
 */
static int configure(struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	conf->intr_conf.rxq = strcmp(info->driver_name, "net_tap") != 0;
	port->rx_interrupts = conf->intr_conf.rxq;
	if (port->rx_interrupts && rte_eth_dev_configure(port->id, port->queues, port->queues, conf) == 0)
		return 0;
	port->rx_interrupts = false;
	conf->intr_conf.rxq = 0;
	return rte_eth_dev_configure(port->id, port->queues, port->queues, conf);
}

/*
 * `exact`: so many queues were asked for; else they are cut down to what the port has. 0, or a negative errno
 * with a sentence in text[size].
 */
static int start(struct port *port, bool exact, char *text, size_t size)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int error = rte_eth_dev_info_get(port->id, &info);

	if (error == 0 && port->queues > RTE_MIN(info.max_rx_queues, info.max_tx_queues)) {
		const uint16_t most = RTE_MIN(info.max_rx_queues, info.max_tx_queues);

		snprintf(text, size, "interface %s: %u queues asked for, the port has %u",
			port->facts.interface, port->queues, most);
		if (exact || most == 0)
			return -EINVAL;
		port->queues = most;
	}
	if (error == 0) {
		configure_offloads(port, &info, &conf);
		configure_rss(port, &info, &conf);
		error = configure(port, &info, &conf);
	}
	if (error == 0)
		error = setup_queues(port, port->id, "port", port->socket);
	if (error == 0)
		error = rte_eth_dev_start(port->id);
	if (error != 0)
		snprintf(text, size, "interface %s: driver %s: %s", port->facts.interface, info.driver_name,
			rte_strerror(-error));
	return error;
}

static bool open_tap(struct port *port, unsigned index, const char *tap, char *text, size_t size)
{
	char name[32], arguments[96];
	struct rte_eth_conf conf = {0};

	snprintf(name, sizeof(name), "net_tap_exception%u", index);
	snprintf(arguments, sizeof(arguments), "iface=%s,mac=%02x:%02x:%02x:%02x:%02x:%02x,persist", tap,
		port->facts.mac[0], port->facts.mac[1], port->facts.mac[2], port->facts.mac[3],
		port->facts.mac[4], port->facts.mac[5]);
	if (!plug("vdev", name, arguments, &port->tap_id) ||
		rte_eth_dev_configure(port->tap_id, port->queues, port->queues, &conf) != 0 ||
		setup_queues(port, port->tap_id, "tap", NULL) != 0 || rte_eth_dev_start(port->tap_id) != 0) {
		snprintf(text, size, "interface %s: cannot make the exception TAP %s (%s)",
			port->facts.interface, tap, rte_strerror(rte_errno));
		return false;
	}
	/* The kernel behind the TAP wants what it would see on the wire: ARP, neighbour discovery and so on.
	 */
	rte_eth_allmulticast_enable(port->id);
	return true;
}

static void describe(struct port *port, const struct port_settings *settings)
{
	struct port_facts *facts = &port->facts;
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac = {0};
	uint16_t mtu = 0;

	if (rte_eth_dev_info_get(port->id, &info) == 0)
		snprintf(facts->driver, sizeof(facts->driver), "%s", info.driver_name);
	rte_eth_macaddr_get(port->id, &mac);
	memcpy(facts->mac, mac.addr_bytes, sizeof(facts->mac));
	rte_eth_dev_get_mtu(port->id, &mtu);
	facts->mtu = mtu;
	facts->queues = port->queues;
	facts->numa_node = (int16_t)port->numa_node;
	facts->rx_checksum = port->rx_checksum;
	facts->tx_checksum = port->tx_checksum;
	if (is_kernel_interface(settings)) {
		bool xdp = strcmp(facts->driver, "net_af_xdp") == 0;

		snprintf(facts->kernel_name, sizeof(facts->kernel_name), "%s", settings->name);
		port->partial_checksums = true;
		facts->kernel_path = xdp ? KERNEL_PATH_XDP : KERNEL_PATH_COPY;
	} else if (settings->tap) {
		snprintf(facts->kernel_name, sizeof(facts->kernel_name), "%s", settings->tap);
		facts->kernel_path = KERNEL_PATH_TAP;
	}
}

/* net_af_xdp of DPDK 22.11 leaves its sockets open, and by them the queues busy. Whether it had. */
static bool close_left_open(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_XDP)
		return false;
	close(fd);
	return true;
}

void port_close(struct port *port)
{
	struct rte_eth_dev_info info;
	bool closed = false;

	if (port->id == UINT16_MAX)
		return;
	if (rte_eth_dev_info_get(port->id, &info) == 0 && info.device) {
		rte_eth_dev_stop(port->id);
		rte_dev_remove(info.device);
	}
	/* The next one may get the same number, and so its pools the same names. */
	for (uint16_t q = 0; q < PORT_QUEUES_MAX; q++) {
		char name[RTE_MEMPOOL_NAMESIZE];

		name_pool(name, "port", port->id, q);
		rte_mempool_free(rte_mempool_lookup(name));
		port->pool[q] = NULL;
		closed |= close_left_open(port->socket[q]);
		port->socket[q] = -1;
	}
	port->id = UINT16_MAX;
	/* The kernel frees them a little later. */
	if (closed)
		usleep(QUEUE_RELEASE_US);
}

/* AF_PACKET's sockets are all made when the device is. */
static bool open_af_packet(struct port *port, unsigned index, const struct port_settings *settings,
	uint16_t queues, char *text, size_t size)
{
	static bool seen[OPEN_FILES_MAX];
	int found[PORT_QUEUES_MAX];
	unsigned count;

	memset(seen, 0, sizeof(seen));
	packet_sockets(seen, NULL);
	if (!plug_af_packet(port, index, settings, queues)) {
		snprintf(text, size, "interface %s: AF_PACKET is refused (%s)", settings->name,
			rte_strerror(rte_errno));
		return false;
	}
	count = packet_sockets(seen, found);
	for (unsigned q = 0; q < count && count == queues; q++)
		port->socket[q] = found[q];
	return start(port, settings->queues != 0, text, size) == 0;
}

/* Why AF_XDP is not to be tried or was refused, in why[size]; "" where it has been opened. */
static void try_af_xdp(struct port *port, unsigned index, const struct port_settings *settings,
	uint16_t queues, const char *xdp_object, char *why, size_t size)
{
	const unsigned split = ethtool_split_queues(settings->name);
	char text[256];
	int error;

	why[0] = 0;
	if (split > 1 && settings->driver == PORT_DRIVER_AUTO) {
		snprintf(why, size, "its %u receive queues are not combined channels", split);
		return;
	}
	rte_errno = 0;
	if (!plug_af_xdp(port, index, settings, queues, xdp_object))
		error = rte_errno ? -rte_errno : -EOPNOTSUPP;
	else
		error = start(port, settings->queues != 0, text, sizeof(text));
	if (error == 0)
		return;
	snprintf(why, size, "%s", rte_strerror(-error));
	port_close(port);
}

static bool open_kernel_interface(struct port *port, unsigned index, const struct port_settings *settings,
	uint16_t queues, const char *xdp_object, char *text, size_t size)
{
	char why[64];

	if (if_nametoindex(settings->name) == 0) {
		snprintf(text, size, "interface %s: there is no such interface (ip link shows what there is)",
			settings->name);
		return false;
	}
	if (settings->driver == PORT_DRIVER_AF_PACKET)
		return open_af_packet(port, index, settings, queues, text, size);
	try_af_xdp(port, index, settings, queues, xdp_object, why, sizeof(why));
	if (!why[0])
		return true;
	if (settings->driver == PORT_DRIVER_AF_XDP) {
		snprintf(text, size,
			"interface %s: AF_XDP is refused (%s); `driver af_packet` works without it",
			settings->name, why);
		return false;
	}
	snprintf(port->facts.remark, sizeof(port->facts.remark),
		"AF_XDP is refused (%.60s): AF_PACKET instead", why);
	log_warning("interface %s: %s", settings->name, port->facts.remark);
	port->queues = queues;
	return open_af_packet(port, index, settings, queues, text, size);
}

bool port_open(struct port *port, unsigned index, const struct port_settings *settings, uint16_t queues,
	const char *xdp_object, char *text, size_t size)
{
	bool ok;

	*port = (struct port){.id = UINT16_MAX, .tap_id = PORT_NO_TAP, .queues = queues};
	for (unsigned q = 0; q < PORT_QUEUES_MAX; q++)
		port->socket[q] = -1;
	snprintf(port->facts.interface, sizeof(port->facts.interface), "%s", settings->name);
	port->numa_node = topology_port_node(settings);
	if (is_kernel_interface(settings)) {
		ok = open_kernel_interface(port, index, settings, queues, xdp_object, text, size);
		if (ok && port->queues > 1 && ethtool_hashes_ports(settings->name))
			log_warning("interface %s: packets of one client meet several workers; let it hash "
				    "by addresses "
				    "(ethtool -N %s rx-flow-hash udp4 sd; the same for udp6)",
				settings->name, settings->name);
	} else {
		ok = plug_named(port, settings, text, size) &&
		     start(port, settings->queues != 0, text, size) == 0;
	}
	if (!ok)
		return false;
	describe(port, settings);
	return !settings->tap || open_tap(port, index, settings->tap, text, size);
}

void port_stop(const struct port *port)
{
	if (has_prefix(port->facts.interface, "pci:"))
		rte_eth_dev_stop(port->id);
}
