#include "bench/link_dpdk.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "bench/neighbour.h"
#include "bench/next_hop.h"
#include "bench/wire.h"

enum {
	QUESTION_TRIES = 3,
	QUESTION_MS = 1000,
	NEXT_HOP_SECONDS = 3,
	MS = 1000, /* in us */
};

#define NEXT_HOP_REMEDY ": is it up and on this network? Give --mac MAC of the next hop, or --gateway ADDRESS"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool link_dpdk_refuse(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return false;
}

static const char *print(const uint8_t address[16], char printed[INET6_ADDRSTRLEN])
{
	return wire_is_mapped(address)
		       ? inet_ntop(AF_INET, address + sizeof(mapped), printed, INET6_ADDRSTRLEN)
		       : inet_ntop(AF_INET6, address, printed, INET6_ADDRSTRLEN);
}

static bool parse_gateway(const char *given, uint8_t gateway[16])
{
	memcpy(gateway, mapped, sizeof(mapped));
	return inet_pton(AF_INET, given, gateway + sizeof(mapped)) == 1 ||
	       inet_pton(AF_INET6, given, gateway) == 1;
}

static bool is_within(const struct population_prefix *prefix, const uint8_t address[16])
{
	const unsigned whole = prefix->length / 8, rest = prefix->length % 8;

	if (prefix->ipv6 == wire_is_mapped(address) || memcmp(prefix->address, address, whole) != 0)
		return false;
	return rest == 0 || (prefix->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* Clients that can ask this target, and addresses that are not the target's own. */
static bool check_population(const struct link_dpdk *l, const uint8_t *gateway, char *text, size_t size)
{
	const bool ipv4 = wire_is_mapped(l->target);
	char printed[INET6_ADDRSTRLEN], other[INET6_ADDRSTRLEN];
	uint32_t client;

	for (unsigned i = 0; i < l->population.prefixes; i++) {
		const struct population_prefix *prefix = &l->population.prefix[i];

		if (prefix->ipv6 == ipv4)
			return link_dpdk_refuse(text, size,
				"clients of %s/%u cannot ask %s: give prefixes of the target's family, %s",
				print(prefix->address, printed), prefix->length - (prefix->ipv6 ? 0U : 96U),
				print(l->target, other), ipv4 ? "IPv4" : "IPv6");
		if (is_within(prefix, l->target))
			return link_dpdk_refuse(text, size,
				"the clients' prefix %s/%u contains the target %s itself; give one without "
				"it",
				print(prefix->address, printed), prefix->length - (prefix->ipv6 ? 0U : 96U),
				print(l->target, other));
	}
	if (gateway && wire_is_mapped(gateway) != ipv4)
		return link_dpdk_refuse(text, size, "the gateway %s is not of the target's family, %s",
			print(gateway, printed), ipv4 ? "IPv4" : "IPv6");
	if (gateway && population_client(&l->population, gateway, &client))
		return link_dpdk_refuse(text, size,
			"the gateway %s is among the clients; give a prefix without it",
			print(gateway, printed));
	return true;
}

/* The first client that is not the kernel's: to that the answer would not come here. */
static bool choose_asker(const struct link_dpdk *l, uint8_t source[16])
{
	for (uint32_t client = 0; client < l->population.count; client++) {
		bool own = false;

		for (unsigned i = 0; i < l->own_clients; i++)
			own |= l->own_client[i] == client;
		if (own)
			continue;
		population_address(&l->population, client, source);
		return true;
	}
	return false;
}

/* Read what has come to all queues, answer who asks, and look for the reply. */
static bool find_reply(struct link_dpdk *l, const uint8_t address[16], uint8_t mac[6])
{
	struct rte_mbuf *mbufs[LINK_BURST];
	bool found = false;

	for (uint16_t q = 0; q < l->port.queues; q++) {
		const unsigned count = rte_eth_rx_burst(l->port.id, q, mbufs, LINK_BURST);

		for (unsigned i = 0; i < count; i++) {
			link_dpdk_answer_neighbour(l, q, mbufs[i]);
			found = found || neighbour_reply(rte_pktmbuf_mtod(mbufs[i], uint8_t *),
						 rte_pktmbuf_data_len(mbufs[i]), address, mac);
		}
		rte_pktmbuf_free_bulk(mbufs, count);
	}
	return found;
}

static void ask(struct link_dpdk *l, const uint8_t source[16], const uint8_t address[16])
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(l->port.pool[0]);

	if (!mbuf)
		return;
	mbuf->data_len = (uint16_t)neighbour_question(
		rte_pktmbuf_mtod(mbuf, uint8_t *), l->port.facts.mac, l->vlan, source, address);
	mbuf->pkt_len = mbuf->data_len;
	if (rte_eth_tx_burst(l->port.id, 0, &mbuf, 1) != 1)
		rte_pktmbuf_free(mbuf);
}

static bool ask_kernel(struct link_dpdk *l, struct link_hop *hop, char *text, size_t size)
{
	uint8_t source[16];
	enum next_hop_result result =
		next_hop_find(l->interface, l->target, hop->has_gateway ? hop->gateway : NULL,
			NEXT_HOP_SECONDS, hop->mac, source, hop->why, sizeof(hop->why));

	hop->known = result == NEXT_HOP_FOUND;
	if (hop->known || result == NEXT_HOP_OTHER_INTERFACE)
		return true;
	return link_dpdk_refuse(
		text, size, "%s%s", hop->why, result == NEXT_HOP_SILENT ? NEXT_HOP_REMEDY : "");
}

/* Nobody answers there. */
static bool is_without_neighbours(const char *interface)
{
	return strncmp(interface, "vdev:net_null", strlen("vdev:net_null")) == 0 ||
	       strncmp(interface, "vdev:net_ring", strlen("vdev:net_ring")) == 0;
}

bool link_hop_ask_kernel(struct link_dpdk *l, struct link_hop *hop, const struct link_settings *settings,
	char *text, size_t size)
{
	*hop = (struct link_hop){.mac = {2, 0, 0, 0, 0, 1},
		.known = settings->has_mac || is_without_neighbours(l->interface),
		.has_gateway = settings->gateway != NULL};
	if (settings->has_mac)
		memcpy(hop->mac, settings->mac, sizeof(hop->mac));
	if (hop->has_gateway && !parse_gateway(settings->gateway, hop->gateway))
		return link_dpdk_refuse(
			text, size, "gateway '%s': expected an IPv4 or IPv6 address", settings->gateway);
	if (!check_population(l, hop->has_gateway ? hop->gateway : NULL, text, size))
		return false;
	/* behind a tag the kernel has another interface, if any */
	return hop->known || !l->kernel || l->vlan || ask_kernel(l, hop, text, size);
}

bool link_hop_ask_port(struct link_dpdk *l, struct link_hop *hop, char *text, size_t size)
{
	const uint8_t *address = hop->has_gateway ? hop->gateway : l->target;
	char printed[INET6_ADDRSTRLEN];
	uint8_t source[16];
	const bool may = !hop->known && choose_asker(l, source);

	for (unsigned try = 0; try < QUESTION_TRIES && may && !hop->known; try++) {
		ask(l, source, address);
		for (unsigned ms = 0; ms < QUESTION_MS && !hop->known; ms++) {
			usleep(MS);
			hop->known = find_reply(l, address, hop->mac);
		}
	}
	return hop->known ||
	       link_dpdk_refuse(text, size, "%s%s%s answers no %s on %s" NEXT_HOP_REMEDY, hop->why,
		       hop->why[0] ? "; " : "", print(address, printed),
		       wire_is_mapped(address) ? "ARP" : "neighbour solicitation", l->interface);
}
