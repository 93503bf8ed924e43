#include "bench/link_dpdk.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_version.h>
#include <rte_lcore.h>

#include "bench/neighbour.h"

enum { WAIT_OTHERS_NS = 100000 }; /* a frame that another core hands over wakes nobody */

/* What became of a frame that was read. */
enum fate { FATE_DATAGRAM, FATE_NOTHING, FATE_HANDED_OVER };

/* The thread becomes one that DPDK knows, so that its pools have a cache for it. */
static bool begin_core(struct link *link, unsigned core)
{
	(void)link;
	(void)core;
	return rte_lcore_id() != LCORE_ID_ANY || rte_thread_register() == 0;
}

static void end_core(struct link *link, unsigned core)
{
	(void)link;
	(void)core;
	rte_thread_unregister();
}

/*
 * What a pool gives has one segment, one owner and no next (struct rte_mbuf), so of the many fields that
 * rte_pktmbuf_alloc_bulk resets only these matter here, and the second cache line is left alone.
 */
static void write_request(
	const struct link_dpdk *l, struct rte_mbuf *mbuf, const struct link_request *request)
{
	uint8_t client[16];
	size_t size;

	population_address(&l->population, request->client, client);
	rte_pktmbuf_reset_headroom(mbuf);
	size = frame_write(&l->frames, rte_pktmbuf_mtod(mbuf, uint8_t *), client, request->port,
		request->octets, request->size);
	mbuf->ol_flags = 0;
	mbuf->data_len = (uint16_t)size;
	mbuf->pkt_len = (uint32_t)size;
}

/* What the port does not take goes back to the pool: it will be made anew. */
static unsigned send_requests(
	struct link *link, unsigned core, const struct link_request *requests, unsigned count)
{
	struct link_dpdk *l = (struct link_dpdk *)link;
	struct rte_mbuf *mbufs[LINK_BURST];
	unsigned sent;

	if (count > LINK_BURST)
		count = LINK_BURST;
	if (count == 0 || rte_mempool_get_bulk(l->core[core].pool, (void **)mbufs, count) != 0)
		return 0;
	for (unsigned i = 0; i < count; i++)
		write_request(l, mbufs[i], &requests[i]);
	sent = rte_eth_tx_burst(l->port.id, (uint16_t)core, mbufs, (uint16_t)count);
	if (sent < count)
		rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
	return sent;
}

void link_dpdk_answer_neighbour(struct link_dpdk *l, uint16_t queue, struct rte_mbuf *mbuf)
{
	struct rte_mbuf *answer = rte_pktmbuf_alloc(l->port.pool[queue]);
	size_t size = 0;

	if (!answer)
		return;
	size = neighbour_answer(rte_pktmbuf_mtod(answer, uint8_t *), rte_pktmbuf_mtod(mbuf, uint8_t *),
		rte_pktmbuf_data_len(mbuf), l->port.facts.mac, &l->population);
	answer->data_len = (uint16_t)size;
	answer->pkt_len = (uint32_t)size;
	if (size == 0 || rte_eth_tx_burst(l->port.id, queue, &answer, 1) != 1)
		rte_pktmbuf_free(answer);
}

/* A kernel interface's frames may come from this host, with a checksum that was left to a device. */
static bool is_checked(const struct link_dpdk *l, const struct rte_mbuf *mbuf)
{
	const uint64_t ip = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK,
		       l4 = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	return l->port.partial_checksums ||
	       (l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD && ip != RTE_MBUF_F_RX_IP_CKSUM_BAD);
}

static bool is_target(const struct link_dpdk *l, const uint8_t address[16], uint16_t port)
{
	return port == l->target_port && memcmp(address, l->target, sizeof(l->target)) == 0;
}

/* What a frame says; false where it is for none of the clients. */
static bool describe(const struct link_dpdk *l, const struct frame_view *view, struct link_datagram *d)
{
	const bool is_reply = view->kind == FRAME_UDP;

	*d = (struct link_datagram){.kind = is_reply ? LINK_REPLY : LINK_REFUSED, .client = LINK_NO_CLIENT};
	if (is_reply) {
		d->octets = view->payload;
		d->size = view->size;
		d->port = view->destination_port;
		d->from_target = is_target(l, view->source, view->source_port);
		return population_client(&l->population, view->destination, &d->client);
	}
	d->port = view->source_port;
	d->from_target = is_target(l, view->destination, view->destination_port);
	return d->from_target && population_client(&l->population, view->source, &d->client);
}

static enum fate give_foreign(const struct link_dpdk *l, struct rte_mbuf *mbuf, struct link_datagram *d)
{
	*d = (struct link_datagram){
		.kind = LINK_FOREIGN, .octets = rte_pktmbuf_mtod(mbuf, uint8_t *), .client = LINK_NO_CLIENT};
	return l->bystander ? FATE_NOTHING : FATE_DATAGRAM;
}

/* What others send to the kernel's own address is the kernel's. */
static bool is_kernels(const struct link_dpdk *l, const struct link_datagram *d)
{
	if (!l->bystander || d->from_target)
		return false;
	for (unsigned i = 0; i < l->own_clients; i++)
		if (l->own_client[i] == d->client)
			return true;
	return false;
}

/* The rings have room for all frames that there are, as far as memory allows; one that finds none is lost as
 * one that a port drops. */
static enum fate hand_over(struct link_core *owner, struct rte_mbuf *mbuf)
{
	if (rte_ring_mp_enqueue(owner->handed, mbuf) == 0)
		return FATE_HANDED_OVER;
	__atomic_fetch_add(&owner->overrun, 1, __ATOMIC_RELAXED);
	return FATE_NOTHING;
}

/* `queue`: that it came by; PORT_QUEUES_MAX: from another core, which has verified it. */
static enum fate take(
	struct link_dpdk *l, unsigned core, uint16_t queue, struct rte_mbuf *mbuf, struct link_datagram *d)
{
	const bool handed = queue == PORT_QUEUES_MAX;
	struct frame_view view;
	unsigned owner;

	frame_read(&view, rte_pktmbuf_mtod(mbuf, uint8_t *), rte_pktmbuf_data_len(mbuf),
		handed || is_checked(l, mbuf));
	if (view.vlan != l->vlan)
		return give_foreign(l, mbuf, d);
	if (view.kind == FRAME_NEIGHBOUR) {
		if (!handed)
			link_dpdk_answer_neighbour(l, queue, mbuf);
		return FATE_NOTHING;
	}
	if ((view.kind != FRAME_UDP && view.kind != FRAME_UNREACHABLE) || !describe(l, &view, d))
		return give_foreign(l, mbuf, d);
	if (is_kernels(l, d))
		return FATE_NOTHING;
	owner = l->link.cores == 1 ? 0 : d->client % l->link.cores;
	return owner == core ? FATE_DATAGRAM : hand_over(&l->core[owner], mbuf);
}

static unsigned take_all(struct link_dpdk *l, unsigned core, uint16_t queue, struct rte_mbuf **mbufs,
	unsigned count, struct link_datagram *datagrams)
{
	struct link_core *c = &l->core[core];
	unsigned given = 0;

	for (unsigned i = 0; i < count; i++) {
		enum fate fate = take(l, core, queue, mbufs[i], &datagrams[given]);

		if (fate != FATE_HANDED_OVER)
			c->hold[c->held++] = mbufs[i];
		given += fate == FATE_DATAGRAM;
	}
	return given;
}

/* Queues of the port that a core reads: core, core + cores ... */
static unsigned queues_of(const struct link_dpdk *l, unsigned core)
{
	return (l->port.queues - core + l->link.cores - 1) / l->link.cores;
}

static unsigned receive_datagrams(struct link *link, unsigned core, struct link_datagram *datagrams)
{
	struct link_dpdk *l = (struct link_dpdk *)link;
	struct link_core *c = &l->core[core];
	const unsigned queues = queues_of(l, core);
	struct rte_mbuf *mbufs[LINK_BURST];
	unsigned count, read = 0, given = 0;

	if (c->held)
		rte_pktmbuf_free_bulk(c->hold, c->held);
	c->held = 0;
	if (l->link.cores > 1) {
		read = rte_ring_sc_dequeue_burst(c->handed, (void **)mbufs, LINK_BURST, NULL);
		given = take_all(l, core, PORT_QUEUES_MAX, mbufs, read, datagrams);
	}
	for (unsigned i = 0; i < queues && read < LINK_BURST; i++) {
		const uint16_t queue = (uint16_t)(core + c->next * l->link.cores);

		c->next = c->next + 1 < queues ? c->next + 1 : 0;
		count = rte_eth_rx_burst(l->port.id, queue, mbufs, (uint16_t)(LINK_BURST - read));
		given += take_all(l, core, queue, mbufs, count, datagrams + given);
		read += count;
	}
	return given;
}

static void wait_for_datagrams(struct link *link, unsigned core, uint64_t ns)
{
	struct link_dpdk *l = (struct link_dpdk *)link;
	struct pollfd polled[PORT_QUEUES_MAX];
	struct timespec time;
	nfds_t count = 0;

	for (unsigned q = core; q < l->port.queues; q += l->link.cores)
		if (l->port.socket[q] >= 0)
			polled[count++] = (struct pollfd){.fd = l->port.socket[q], .events = POLLIN};
	if (count != queues_of(l, core))
		return;
	if (l->link.cores > 1 && rte_ring_count(l->core[core].handed))
		return;
	if (l->link.cores > 1 && ns > WAIT_OTHERS_NS)
		ns = WAIT_OTHERS_NS;
	time = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	ppoll(polled, count, &time, NULL);
}

static uint64_t count_missed(struct link *link)
{
	struct link_dpdk *l = (struct link_dpdk *)link;
	struct rte_eth_stats stats;
	uint64_t missed = 0;

	if (rte_eth_stats_get(l->port.id, &stats) == 0)
		missed = stats.imissed + stats.rx_nombuf;
	for (unsigned i = 0; i < l->link.cores; i++)
		missed += __atomic_load_n(&l->core[i].overrun, __ATOMIC_RELAXED);
	return missed;
}

const struct link_ops link_dpdk_ops = {
	.open = link_dpdk_open,
	.close = link_dpdk_close,
	.begin = begin_core,
	.end = end_core,
	.send = send_requests,
	.receive = receive_datagrams,
	.wait = wait_for_datagrams,
	.missed = count_missed,
	.is_up = link_dpdk_is_up,
};

const char *link_dpdk_version(void)
{
	return rte_version();
}
