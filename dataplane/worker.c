#include "dataplane/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <openssl/crypto.h>

#include "dataplane/answer.h"

enum {
	SLEEP_NS = 50000, /* where a port can only be polled */
	WAIT_MS = 50,     /* at most, so that heartbeat and worker_stop are looked at */
	WAIT_EVENTS = 16,
	SEAL_SHIFT = 3,      /* of the average: each burst moves it by an eighth */
	SEAL_PARTS = 100000, /* of a second: no reply takes longer to seal than one, whatever was measured */
};

/* Says who owns an mbuf's data, and must survive: the rest of a received frame's flags means nothing to the
 * sender. */
static const uint64_t ATTACHED = RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;

bool worker_stop;

/* A keyring that is new. The copies on the way are erased. */
static void refresh_keyring(struct worker *w)
{
	struct keyring fresh;
	const uint64_t sequence = shm_read(&w->keyring_segment, &fresh);

	if (sequence) {
		nts_lane_keyring(w->nts, &fresh);
		w->keyring_sequence = sequence;
	}
	OPENSSL_cleanse(&fresh, sizeof(fresh));
}

/* The current timebase, policy and keyring, copied when they have moved. False as long as there is no
 * timebase or policy; without keys there is still time to serve. */
static bool refresh(struct worker *w)
{
	if (shm_sequence(&w->timebase_segment) != w->timebase_sequence) {
		struct timebase fresh;
		uint64_t sequence = shm_read(&w->timebase_segment, &fresh);

		if (sequence) {
			w->timebase = fresh;
			w->timebase_sequence = sequence;
		}
	}
	if (shm_sequence(&w->policy_segment) != w->policy_sequence) {
		static __thread struct policy fresh;
		uint64_t sequence = shm_read(&w->policy_segment, &fresh);

		if (sequence) {
			w->policy = fresh;
			w->policy_sequence = sequence;
		}
	}
	if (shm_sequence(&w->keyring_segment) != w->keyring_sequence)
		refresh_keyring(w);
	return w->timebase_sequence && w->policy_sequence;
}

/* xorshift64 (Marsaglia 2003): fills bits below the precision; nothing secret hangs on it. */
static uint64_t next_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

/* What classify is told of an mbuf's flags. */
static uint8_t packet_flags(const struct port *port, uint64_t flags)
{
	return (uint8_t)(((flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD
					 ? PACKET_IP_CHECKSUM_GOOD
					 : 0) |
			 ((flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD
					 ? PACKET_UDP_CHECKSUM_GOOD
					 : 0) |
			 (port->partial_checksums ? PACKET_UDP_CHECKSUM_PARTIAL : 0) |
			 (flags & RTE_MBUF_F_RX_VLAN_STRIPPED ? PACKET_VLAN_STRIPPED : 0));
}

/* Step one, second half: what classify needs to know of each mbuf. Most have the same flags as that before.
 */
static inline uint64_t take_in(
	const struct port *port, struct packet *packets, struct rte_mbuf *const *mbufs, unsigned n)
{
	uint64_t bytes = 0, known = mbufs[0]->ol_flags;
	uint8_t flags = packet_flags(port, known);

	for (unsigned i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

		rte_prefetch0(data);
		rte_prefetch0(data + RTE_CACHE_LINE_SIZE);
		/* A request of NTS; with placeholders it is longer, and those lines wait until they are read.
		 */
		if (__builtin_expect(m->data_len > 2 * RTE_CACHE_LINE_SIZE, 0)) {
			rte_prefetch0(data + 2 * RTE_CACHE_LINE_SIZE);
			rte_prefetch0(data + 3 * RTE_CACHE_LINE_SIZE);
			rte_prefetch0(data + 4 * RTE_CACHE_LINE_SIZE);
		}
		if (__builtin_expect(m->ol_flags != known, 0)) {
			known = m->ol_flags;
			flags = packet_flags(port, known);
		}
		packet_take(&packets[i], data, m->data_len, m->vlan_tci,
			(uint8_t)(flags | (m->nb_segs > 1 ? PACKET_SEGMENTED : 0)));
		bytes += m->pkt_len;
	}
	return bytes;
}

/* Step four, first half: the reply's length and what the port is to complete. */
static inline void set_out(struct rte_mbuf *m, const struct packet *packet, bool checksum_offload)
{
	uint64_t flags = 0;

	m->data_len = packet->length;
	m->pkt_len = packet->length;
	if (checksum_offload) {
		m->l2_len = packet->l3;
		m->l3_len = packet->is_ipv6 ? IPV6_HEADER : IPV4_HEADER;
		flags = packet->is_ipv6
				? RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM
				: RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	}
	if (packet->flags & PACKET_VLAN_STRIPPED)
		flags |= RTE_MBUF_F_TX_VLAN;
	m->ol_flags = (m->ol_flags & ATTACHED) | flags;
}

/* Give mbufs to a port's queue; those it does not take are freed. Returns how many it took. */
static unsigned give(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, unsigned n)
{
	const unsigned taken = n ? rte_eth_tx_burst(port, queue, mbufs, (uint16_t)n) : 0;

	if (taken < n)
		rte_pktmbuf_free_bulk(mbufs + taken, n - taken);
	return taken;
}

/* A TAP takes no tag beside the frame. False where there is no room for it. */
static bool prepare_for_kernel(struct rte_mbuf **m, const struct packet *packet)
{
	if (packet->flags & PACKET_VLAN_STRIPPED && rte_vlan_insert(m) != 0)
		return false;
	(*m)->ol_flags &= ATTACHED;
	return true;
}

/* Count a frame that the plain lane did not answer; whether it became a reply nevertheless, one of *others.
 */
static bool count_other(struct worker_counters *c, const struct packet *packet, unsigned *others)
{
	const bool replied = packet->flags & PACKET_REPLY;

	*others += replied;
	counter_add(&c->verdict[packet->verdict], 1);
	if (verdict_info[packet->verdict].disposition == DISPOSITION_REFUSE)
		counter_add(replied ? &c->nts_kisses : &c->nts_kisses_withheld, 1);
	return replied;
}

static uint64_t now_of(const struct worker *w)
{
	return counter_read((enum counter_kind)w->timebase.counter_kind);
}

/* Step five, and the sending: each mbuf goes to the port, to the kernel or back to its pool. */
static void dispose(struct worker *w, const struct worker_queue *q, struct rte_mbuf **mbufs,
	const struct packet *packets, unsigned n, uint64_t received)
{
	struct rte_mbuf *replies[BURST_MAX], *kernel[BURST_MAX], *drop[BURST_MAX];
	unsigned reply_count = 0, others = 0, kernel_count = 0, drop_count = 0, taken;
	struct worker_counters *c = w->counters;
	uint64_t bytes = 0, ticks;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		const uint8_t verdict = packets[i].verdict;

		if (__builtin_expect(verdict == VERDICT_ANSWERED, 1) ||
			count_other(c, &packets[i], &others)) {
			set_out(m, &packets[i], q->port->tx_checksum);
			bytes += packets[i].length;
			replies[reply_count++] = m;
			continue;
		}
		if (verdict_info[verdict].disposition == DISPOSITION_KERNEL &&
			q->port->tap_id != PORT_NO_TAP && prepare_for_kernel(&m, &packets[i]))
			kernel[kernel_count++] = m;
		else
			drop[drop_count++] = m;
	}
	taken = give(q->port->id, q->queue, replies, reply_count);
	ticks = now_of(w) - received;
	counter_add(&c->verdict[VERDICT_ANSWERED], reply_count - others);
	counter_add(&c->tx_frames, taken);
	counter_add(&c->tx_dropped, reply_count - taken);
	counter_add(&c->tx_bytes, bytes);
	counter_set(&c->heartbeat, received);
	counter_add(&c->busy_cycles, ticks);
	counter_add(&c->busy_frames, n);
	counter_add(&c->residence[histogram_bin(ticks)], 1);
	if (kernel_count) {
		taken = give(q->port->tap_id, q->queue, kernel, kernel_count);
		counter_add(&c->to_kernel, taken);
		counter_add(&c->kernel_dropped, kernel_count - taken);
	}
	if (drop_count)
		rte_pktmbuf_free_bulk(drop, drop_count);
}

static bool any_is_nts(const struct packet *packets, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++)
		any |= packets[i].verdict == VERDICT_NTS_ANSWERED;
	return any;
}

/* The long part of NTS, before T3 is taken: how many replies are to be sealed after it. */
static unsigned open_nts(struct worker *w, struct packet *packets, unsigned n, uint64_t received)
{
	const uint64_t hz = w->timebase.counter_hz;
	unsigned left, kisses, replies;

	if (!w->policy.nts || !any_is_nts(packets, n))
		return 0;
	left = kisses = kiss_limit_left(&w->kisses, received, hz, n);
	replies = nts_lane_open(w->nts, packets, n, timebase_time(&w->timebase, received), &kisses);
	kiss_limit_take(&w->kisses, hz, left - kisses);
	return replies;
}

/* The short part, and how long it takes since T3 was read: what comes next time between T3 and the wire. */
static void seal_nts(struct worker *w, const struct reply *reply, struct packet *packets, unsigned n,
	unsigned replies, uint64_t read)
{
	const uint64_t most = w->timebase.counter_hz / SEAL_PARTS;
	uint64_t each;

	nts_lane_seal(w->nts, reply, packets, n);
	each = (now_of(w) - read) / replies;
	/* A worker that was held up meanwhile has measured something else. */
	each = each < most ? each : most;
	w->seal_ticks += each - (w->seal_ticks >> SEAL_SHIFT);
}

/* A packet's way: receive, classify, answer, send, count (docs/architecture.md). */
static unsigned serve(struct worker *w, const struct worker_queue *q)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	struct packet packets[BURST_MAX];
	struct reply reply;
	const unsigned n = rte_eth_rx_burst(q->port->id, q->queue, mbufs, BURST_MAX);
	unsigned sealed;
	uint64_t received, read;

	if (n == 0)
		return 0;
	received = now_of(w);
	counter_add(&w->counters->rx_bytes, take_in(q->port, packets, mbufs, n));
	counter_add(&w->counters->rx_frames, n);
	counter_add(&w->counters->burst[histogram_bin(n)], 1);
	w->lane->classify(&w->policy, packets, n);
	if (__builtin_expect(w->timebase.serve != TIMEBASE_ANSWER, 0))
		answer_silence(packets, n);
	sealed = open_nts(w, packets, n, received);
	/* Authenticators cover T3, and all of the burst leaves together once they are made: what that takes
	 * is known beforehand, and would else look like a longer way back to every client. */
	read = now_of(w);
	reply_prepare(&reply, &w->timebase, &w->policy, w->precision, q->port->tx_checksum, received,
		read + (sealed * w->seal_ticks >> SEAL_SHIFT), next_random(w));
	w->lane->answer(&reply, packets, n);
	if (sealed)
		seal_nts(w, &reply, packets, n, sealed, read);
	dispose(w, q, mbufs, packets, n, received);
	return n;
}

/* The way back of the exception path: what the kernel sends by the TAP leaves by the port. */
static unsigned forward_from_kernel(struct worker *w, const struct worker_queue *q)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	unsigned n, taken;

	if (q->port->tap_id == PORT_NO_TAP)
		return 0;
	n = rte_eth_rx_burst(q->port->tap_id, q->queue, mbufs, BURST_MAX);
	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		mbufs[i]->ol_flags &= ATTACHED;
	taken = give(q->port->id, q->queue, mbufs, n);
	counter_add(&w->counters->from_kernel, taken);
	counter_add(&w->counters->kernel_dropped, n - taken);
	return n;
}

/* One queue's socket or interrupt into the worker's epoll; false where it has neither. */
static bool prepare_queue(struct worker *w, unsigned index)
{
	const struct worker_queue *q = &w->queue[index];
	struct rte_epoll_event *event = &w->event[index];

	if (q->port->tap_id !=
		PORT_NO_TAP) /* net_tap cannot be waited for: see configure in dataplane/port.c */
		return false;
	if (q->port->socket[q->queue] >= 0) {
		event->epdata.event = EPOLLIN;
		return rte_epoll_ctl(w->epoll, EPOLL_CTL_ADD, q->port->socket[q->queue], event) == 0;
	}
	return q->port->rx_interrupts &&
	       rte_eth_dev_rx_intr_ctl_q(q->port->id, q->queue, w->epoll, RTE_INTR_EVENT_ADD, NULL) == 0;
}

void worker_prepare_wait(struct worker *w)
{
	bool ok;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	ok = w->epoll >= 0;
	for (unsigned i = 0; ok && i < w->queues; i++)
		ok = prepare_queue(w, i);
	if (!ok && w->epoll >= 0) {
		close(w->epoll);
		w->epoll = -1;
	}
}

static void set_interrupts(const struct worker *w, bool on)
{
	for (unsigned i = 0; i < w->queues; i++) {
		const struct port *port = w->queue[i].port;

		if (port->rx_interrupts)
			(void)(on ? rte_eth_dev_rx_intr_enable : rte_eth_dev_rx_intr_disable)(
				port->id, w->queue[i].queue);
	}
}

unsigned worker_pass(struct worker *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->queues; i++) {
		n += serve(w, &w->queue[i]);
		n += forward_from_kernel(w, &w->queue[i]);
	}
	counter_add(&w->counters->polls, 1);
	return n;
}

/*
 * Until a packet comes, at most WAIT_MS; or a short sleep where no port can say that one has. Gives the
 * packets that were dealt with on the way.
 */
static unsigned wait_for_packets(struct worker *w)
{
	struct rte_epoll_event events[WAIT_EVENTS];
	unsigned n;

	counter_add(&w->counters->sleeps, 1);
	if (w->epoll < 0) {
		nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
		return 0;
	}
	set_interrupts(w, true);
	/* A packet that came before the interrupt was on would raise none. */
	n = worker_pass(w);
	if (n == 0)
		rte_epoll_wait(w->epoll, events, WAIT_EVENTS, WAIT_MS);
	set_interrupts(w, false);
	return n;
}

int worker_run(void *argument)
{
	struct worker *w = argument;
	uint64_t idle_since = 0, now;

	while (!__atomic_load_n(&worker_stop, __ATOMIC_RELAXED)) {
		if (!refresh(w)) {
			nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
			continue;
		}
		if (worker_pass(w)) {
			idle_since = 0;
			continue;
		}
		now = now_of(w);
		counter_set(&w->counters->heartbeat, now);
		if (idle_since == 0)
			idle_since = now;
		if (!w->idle_poll && now - idle_since >= w->idle_after && wait_for_packets(w))
			idle_since = 0;
	}
	return 0;
}
