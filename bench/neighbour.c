#include "bench/neighbour.h"

#include <string.h>

#include "bench/wire.h"
#include "dataplane/checksum.h"

enum {
	HOPS = 255, /* what no router has passed on (RFC 4861 section 7.1) */
	OPTION_SOURCE = 1,
	OPTION_TARGET = 2, /* link-layer address of */
	OPTION_UNIT = 8,
	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
};

static const uint8_t broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

static bool is_unspecified(const uint8_t address[16])
{
	return (load_raw64(address) | load_raw64(address + 8)) == 0;
}

/* Neither a group's nor nobody's. */
static bool is_station(const uint8_t mac[6])
{
	return !(mac[0] & 1) && (load_raw32(mac) | load_raw16(mac + 4)) != 0;
}

/* Where everybody with an address that ends like this one listens (RFC 4291 section 2.7.1). */
static void solicited_node(uint8_t group[16], const uint8_t address[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, 0xff};

	memcpy(group, prefix, sizeof(prefix));
	memcpy(group + 13, address + 13, 3);
}

/* RFC 2464 section 7. */
static void group_mac(uint8_t mac[6], const uint8_t group[16])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group + 12, 4);
}

static uint16_t icmpv6_sum(const uint8_t *ip, size_t size)
{
	uint64_t sum = checksum_add(0, ip + 8, 32);

	sum = checksum_add64(sum, (uint64_t)OCTETS_BE16(PROTOCOL_ICMPV6) + OCTETS_BE16((uint16_t)size));
	return checksum_fold(checksum_add(sum, ip + IPV6_HEADER, size));
}

/* A solicitation or an advertisement: what section 7.1 of RFC 4861 asks of both holds. */
struct discovery {
	const uint8_t *source, *destination; /* IPv6 addresses */
	const uint8_t *icmp, *target;
	const uint8_t *mac; /* the link-layer address option that belongs to this type, or NULL */
};

/* The last of several counts; false where one has no length or more than is there. */
static bool read_options(struct discovery *d, const uint8_t *option, size_t size, uint8_t wanted)
{
	for (size_t length; size > 0; option += length, size -= length) {
		if (size < OPTION_UNIT || option[1] == 0)
			return false;
		length = (size_t)OPTION_UNIT * option[1];
		if (length > size)
			return false;
		if (option[0] != wanted)
			continue;
		if (length != OPTION_UNIT || !is_station(option + 2))
			return false;
		d->mac = option + 2;
	}
	return true;
}

static bool read_discovery(struct discovery *d, const uint8_t *ip, size_t size, uint8_t type)
{
	const uint8_t *icmp = ip + IPV6_HEADER;
	size_t length;

	if (size < IPV6_HEADER + NEIGHBOUR_SIZE || ip[0] >> 4 != 6 || ip[6] != PROTOCOL_ICMPV6 ||
		ip[7] != HOPS || icmp[0] != type || icmp[1] != 0)
		return false;
	length = load_be16(ip + 4);
	if (length < NEIGHBOUR_SIZE || length > size - IPV6_HEADER || icmpv6_sum(ip, length) != 0xffff)
		return false;
	*d = (struct discovery){
		.source = ip + 8, .destination = ip + 24, .icmp = icmp, .target = icmp + ICMP_HEADER};
	/* A multicast address has no neighbour and sends nothing; an IPv4-mapped one is forged. */
	if (d->source[0] == 0xff || d->target[0] == 0xff || wire_is_mapped(d->source) ||
		wire_is_mapped(d->destination) || wire_is_mapped(d->target))
		return false;
	return read_options(d, icmp + NEIGHBOUR_SIZE, length - NEIGHBOUR_SIZE,
		type == NEIGHBOUR_SOLICITATION ? OPTION_SOURCE : OPTION_TARGET);
}

/* The Ethernet header with the tag, if any, of `tag` octets; gives what follows. */
static uint8_t *write_link(uint8_t *frame, const uint8_t destination[6], const uint8_t source[6],
	const uint8_t *tag, size_t tag_size, uint16_t type)
{
	memcpy(frame, destination, 6);
	memcpy(frame + 6, source, 6);
	memcpy(frame + 12, tag, tag_size);
	store_be16(frame + 12 + tag_size, type);
	return frame + ETHERNET_HEADER + tag_size;
}

static void write_arp(uint8_t *arp, uint16_t operation, const uint8_t source_mac[6], const uint8_t source[4],
	const uint8_t target_mac[6], const uint8_t target[4])
{
	store_be32(arp, 0x00010800); /* Ethernet, IPv4 */
	store_be16(arp + 4, 0x0604); /* and the sizes of their addresses */
	store_be16(arp + 6, operation);
	memcpy(arp + 8, source_mac, 6);
	memcpy(arp + 14, source, 4);
	memcpy(arp + 18, target_mac, 6);
	memcpy(arp + 24, target, 4);
}

/* A solicitation or an advertisement with the link-layer address that goes with it; its size. */
static size_t write_discovery(uint8_t *ip, const uint8_t source[16], const uint8_t destination[16],
	uint8_t type, uint8_t flags, const uint8_t target[16], const uint8_t mac[6])
{
	const size_t size = NEIGHBOUR_SIZE + OPTION_UNIT;
	uint8_t *icmp = ip + IPV6_HEADER;

	memset(ip, 0, IPV6_HEADER + size);
	ip[0] = 0x60;
	store_be16(ip + 4, (uint16_t)size);
	ip[6] = PROTOCOL_ICMPV6;
	ip[7] = HOPS;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, destination, 16);
	icmp[0] = type;
	icmp[4] = flags;
	memcpy(icmp + ICMP_HEADER, target, 16);
	icmp[NEIGHBOUR_SIZE] = type == NEIGHBOUR_SOLICITATION ? OPTION_SOURCE : OPTION_TARGET;
	icmp[NEIGHBOUR_SIZE + 1] = 1;
	memcpy(icmp + NEIGHBOUR_SIZE + 2, mac, 6);
	store_raw16(icmp + 2, (uint16_t)~icmpv6_sum(ip, size));
	return IPV6_HEADER + size;
}

static bool is_ours(const struct population *population, const uint8_t address[16])
{
	uint32_t client;

	return population_client(population, address, &client);
}

/* Who asks with the address itself for a sender has it or believes so: an announcement, not a question. */
static size_t answer_arp(uint8_t *answer, const uint8_t *frame, size_t l3, const uint8_t mac[6],
	const struct population *population)
{
	const uint8_t *arp = frame + l3, *asker = arp + 8;
	uint8_t target[16];

	if (load_be16(arp + 6) != ARP_REQUEST || !is_station(asker) ||
		load_raw32(arp + 14) == load_raw32(arp + 24))
		return 0;
	wire_map_ipv4(target, arp + 24);
	if (!is_ours(population, target))
		return 0;
	write_arp(write_link(answer, asker, mac, frame + 12, l3 - ETHERNET_HEADER, ETHERTYPE_ARP), ARP_REPLY,
		mac, arp + 24, asker, arp + 14);
	return l3 + ARP_SIZE;
}

/* Duplicate address detection goes to the group and has no MAC option (RFC 4861 section 7.1.1). */
static bool is_sound_probe(const struct discovery *d)
{
	uint8_t group[16];

	solicited_node(group, d->target);
	return !d->mac && memcmp(d->destination, group, sizeof(group)) == 0;
}

static size_t answer_solicitation(uint8_t *answer, const uint8_t *frame, size_t l3, size_t size,
	const uint8_t mac[6], const struct population *population)
{
	struct discovery d;
	bool probe;
	uint8_t to_mac[6], *ip;

	if (!read_discovery(&d, frame + l3, size - l3, NEIGHBOUR_SOLICITATION) ||
		memcmp(d.source, d.target, 16) == 0 || !is_ours(population, d.target))
		return 0;
	probe = is_unspecified(d.source);
	if (probe && !is_sound_probe(&d))
		return 0;
	if (probe)
		group_mac(to_mac, all_nodes);
	else
		memcpy(to_mac, d.mac ? d.mac : frame + 6, 6);
	ip = write_link(answer, to_mac, mac, frame + 12, l3 - ETHERNET_HEADER, ETHERTYPE_IPV6);
	return l3 + write_discovery(ip, d.target, probe ? all_nodes : d.source, NEIGHBOUR_ADVERTISEMENT,
			    probe ? FLAG_OVERRIDE : FLAG_SOLICITED | FLAG_OVERRIDE, d.target, mac);
}

size_t neighbour_answer(uint8_t answer[NEIGHBOUR_FRAME_MAX], const uint8_t *frame, size_t size,
	const uint8_t mac[6], const struct population *population)
{
	uint16_t type = 0;
	const size_t l3 = wire_link(frame, size, &type);

	/* To another station; from nobody, or from us by a loop in the network. */
	if (l3 == 0 || (!(frame[0] & 1) && memcmp(frame, mac, 6) != 0) || !is_station(frame + 6) ||
		memcmp(frame + 6, mac, 6) == 0)
		return 0;
	if (type == OCTETS_BE16(ETHERTYPE_ARP) && wire_is_arp(frame + l3, size - l3))
		return answer_arp(answer, frame, l3, mac, population);
	if (type == OCTETS_BE16(ETHERTYPE_IPV6))
		return answer_solicitation(answer, frame, l3, size, mac, population);
	return 0;
}

size_t neighbour_question(uint8_t frame[NEIGHBOUR_FRAME_MAX], const uint8_t mac[6], uint16_t vlan,
	const uint8_t source[16], const uint8_t address[16])
{
	static const uint8_t unknown[6];
	uint8_t tag[VLAN_TAG], group[16], to_mac[6], *start;
	const size_t tag_size = vlan ? VLAN_TAG : 0;

	store_be16(tag, ETHERTYPE_VLAN);
	store_be16(tag + 2, vlan & VLAN_ID);
	if (wire_is_mapped(address)) {
		start = write_link(frame, broadcast_mac, mac, tag, tag_size, ETHERTYPE_ARP);
		write_arp(start, ARP_REQUEST, mac, source + 12, unknown, address + 12);
		return (size_t)(start - frame) + ARP_SIZE;
	}
	solicited_node(group, address);
	group_mac(to_mac, group);
	start = write_link(frame, to_mac, mac, tag, tag_size, ETHERTYPE_IPV6);
	return (size_t)(start - frame) +
	       write_discovery(start, source, group, NEIGHBOUR_SOLICITATION, 0, address, mac);
}

static bool reply_arp(const uint8_t *arp, const uint8_t address[16], uint8_t mac[6])
{
	uint8_t sender[16];

	wire_map_ipv4(sender, arp + 14);
	if (load_be16(arp + 6) != ARP_REPLY || memcmp(sender, address, 16) != 0 || !is_station(arp + 8))
		return false;
	memcpy(mac, arp + 8, 6);
	return true;
}

/* Without the option it says nothing to who does not know the MAC yet (RFC 4861 section 7.2.5). */
static bool reply_advertisement(const uint8_t *ip, size_t size, const uint8_t address[16], uint8_t mac[6])
{
	struct discovery d;

	if (!read_discovery(&d, ip, size, NEIGHBOUR_ADVERTISEMENT) || !d.mac ||
		memcmp(d.target, address, 16) != 0 ||
		(d.destination[0] == 0xff && d.icmp[4] & FLAG_SOLICITED))
		return false;
	memcpy(mac, d.mac, 6);
	return true;
}

bool neighbour_reply(const uint8_t *frame, size_t size, const uint8_t address[16], uint8_t mac[6])
{
	uint16_t type = 0;
	const size_t l3 = wire_link(frame, size, &type);

	if (l3 == 0)
		return false;
	if (type == OCTETS_BE16(ETHERTYPE_ARP))
		return wire_is_arp(frame + l3, size - l3) && reply_arp(frame + l3, address, mac);
	return type == OCTETS_BE16(ETHERTYPE_IPV6) &&
	       reply_advertisement(frame + l3, size - l3, address, mac);
}
