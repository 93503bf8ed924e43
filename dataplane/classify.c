#include "dataplane/classify.h"

#include <stdbool.h>

#include "dataplane/checksum.h"
#include "ntp/extension.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "nts/fields.h"
#include "nts/usual.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,   /* 802.1Q */
	ETHERTYPE_VLAN_S = 0x88a8, /* 802.1ad */
	VLAN_TAGS_MAX = 2,
	VLAN_ID = 0x0fff,
};

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ::ffff:a.b.c.d as its octets load. Arithmetic, because octets stored one by one would stall the load of the
 * whole. */
#define MAPPED_HIGH UINT64_C(0)
static inline uint64_t mapped_low(uint32_t ipv4_raw)
{
	return join_raw32(OCTETS_BE32(UINT32_C(0xffff)), ipv4_raw);
}

/* IPv4 and IPv6 reduced to what the rest needs. */
struct ip {
	uint64_t source_high, source_low, destination_high, destination_low;
	uint64_t pseudo;        /* sum of both addresses, for the UDP checksum */
	const uint8_t *udp;     /* the UDP header ... */
	uint32_t payload;       /* ... and the octets from there on that the IP header vouches for */
	bool source_is_strange; /* multicast, broadcast, unspecified, loopback */
};

SPECIALISED void take_ipv4(const uint8_t *ip, struct ip *out)
{
	const uint32_t source = load_raw32(ip + 12), destination = load_raw32(ip + 16);

	out->source_high = out->destination_high = MAPPED_HIGH;
	out->source_low = mapped_low(source);
	out->destination_low = mapped_low(destination);
	out->pseudo = (uint64_t)source + destination;
	out->udp = ip + IPV4_HEADER;
	out->source_is_strange = ip[12] >= 224 || ip[12] == 127 || ip[12] == 0;
}

SPECIALISED void take_ipv6(const uint8_t *ip, struct ip *out)
{
	out->source_high = load_raw64(ip + 8);
	out->source_low = load_raw64(ip + 16);
	out->destination_high = load_raw64(ip + 24);
	out->destination_low = load_raw64(ip + 32);
	out->pseudo = checksum_add64(checksum_add64(0, out->source_high), out->source_low);
	out->pseudo =
		checksum_add64(checksum_add64(out->pseudo, out->destination_high), out->destination_low);
	out->udp = ip + IPV6_HEADER;
	/* Multicast; ::, ::1 and the rest of the all-zero half, which holds the IPv4-mapped addresses too. */
	out->source_is_strange = ip[8] == 0xff || out->source_high == 0;
}

static enum verdict parse_ipv4(const uint8_t *ip, uint32_t size, struct ip *out)
{
	uint32_t total;

	if (UNLIKELY(size < IPV4_HEADER))
		return VERDICT_TRUNCATED;
	if (UNLIKELY(ip[0] != 0x45)) {
		if (ip[0] >> 4 != 4)
			return VERDICT_IP_VERSION;
		return (ip[0] & 15) < 5 ? VERDICT_IP_LENGTH : VERDICT_IPV4_OPTIONS;
	}
	total = load_be16(ip + 2);
	if (UNLIKELY(total > size || total < IPV4_HEADER))
		return VERDICT_IP_LENGTH;
	if (UNLIKELY(ip[9] != PROTOCOL_UDP))
		return VERDICT_NOT_UDP;
	if (UNLIKELY(load_raw16(ip + 6) & OCTETS_BE16(0x3fff))) /* more fragments, or an offset */
		return VERDICT_IPV4_FRAGMENT;
	take_ipv4(ip, out);
	out->payload = total - IPV4_HEADER;
	return VERDICT_ANSWERED;
}

static enum verdict parse_ipv6(const uint8_t *ip, uint32_t size, struct ip *out)
{
	uint32_t payload;

	if (UNLIKELY(size < IPV6_HEADER))
		return VERDICT_TRUNCATED;
	if (UNLIKELY(ip[0] >> 4 != 6))
		return VERDICT_IP_VERSION;
	payload = load_be16(ip + 4);
	if (UNLIKELY(payload > size - IPV6_HEADER))
		return VERDICT_IP_LENGTH;
	if (UNLIKELY(ip[6] != PROTOCOL_UDP)) {
		/* Hop-by-hop, routing, fragment, ESP, AH, destination options, mobility: IANA's extension
		 * header types. */
		switch (ip[6]) {
		case 0:
		case 43:
		case 44:
		case 50:
		case 51:
		case 60:
		case 135:
			return VERDICT_IPV6_EXTENSION;
		default:
			return VERDICT_NOT_UDP;
		}
	}
	take_ipv6(ip, out);
	out->payload = payload;
	return VERDICT_ANSWERED;
}

enum {
	USUAL_UDP_LENGTH = UDP_HEADER + NTP_HEADER_SIZE,
	LONG = 192, /* octets of a frame: those of NTS have more */
};

/* Indexed by the first octet: what a request with this version and mode gets. A v1 mode 0 is judged by its
 * port too. */
#define BY_MODE(version)                                                                              \
	[version << 3 | NTP_MODE_RESERVED] = version == 1 ? VERDICT_ANSWERED : VERDICT_MODE_RESERVED, \
			[version << 3 | NTP_MODE_ACTIVE] = VERDICT_ANSWERED,                          \
			[version << 3 | NTP_MODE_PASSIVE] = VERDICT_MODE_PASSIVE,                     \
			[version << 3 | NTP_MODE_CLIENT] = VERDICT_ANSWERED,                          \
			[version << 3 | NTP_MODE_SERVER] = VERDICT_MODE_SERVER,                       \
			[version << 3 | NTP_MODE_BROADCAST] = VERDICT_MODE_BROADCAST,                 \
			[version << 3 | NTP_MODE_CONTROL] = VERDICT_MODE_CONTROL,                     \
			[version << 3 | NTP_MODE_PRIVATE] = VERDICT_MODE_PRIVATE
#define EIGHT(verdict) verdict, verdict, verdict, verdict, verdict, verdict, verdict, verdict

static const uint8_t verdict_of_mode[64] = {
	EIGHT(VERDICT_NTP_VERSION),
	BY_MODE(1),
	BY_MODE(2),
	BY_MODE(3),
	BY_MODE(4),
	EIGHT(VERDICT_NTP_VERSION),
	EIGHT(VERDICT_NTP_VERSION),
	EIGHT(VERDICT_NTP_VERSION),
};

static enum verdict judge_trailer(const uint8_t *trailer, uint32_t size, unsigned version)
{
	switch (ntp_trailer_check(trailer, size, version)) {
	case NTP_TRAILER_NONE:
		return VERDICT_ANSWERED;
	case NTP_TRAILER_MAC:
		return VERDICT_MAC_UNKNOWN_KEY;
	case NTP_TRAILER_CRYPTO_NAK:
		return VERDICT_CRYPTO_NAK;
	case NTP_TRAILER_BAD_FIELD:
		return VERDICT_EXTENSION_LENGTH;
	case NTP_TRAILER_BAD_MAC:
		break;
	}
	return VERDICT_MAC_LENGTH;
}

/* What is known of an NTS request's fields: that they are sound, with no MAC behind them; and its kind. */
struct nts_look {
	bool sound;
	uint8_t flag; /* of PACKET_NTS_USUAL */
};

static struct nts_look look_for_nts(const uint8_t *ntp, uint32_t size)
{
	static_assert(PACKET_NTS_USUAL_SIV << NTS_USUAL_GCM_SIV == PACKET_NTS_USUAL_GCM_SIV,
		"a flag for each kind");
	struct nts_request request;
	unsigned kind;

	if (ntp_lvm_version(ntp[0]) != 4 || ntp_lvm_mode(ntp[0]) != NTP_MODE_CLIENT)
		return (struct nts_look){.sound = false};
	kind = nts_usual_kind(ntp, size);
	if (kind < NTS_USUALS)
		return (struct nts_look){.sound = true, .flag = (uint8_t)(PACKET_NTS_USUAL_SIV << kind)};
	return (struct nts_look){.sound = nts_request_usual(&request, ntp, size)};
}

/* Control and private messages have headers of their own, of 12 and 8 octets. */
static enum verdict judge_short(const uint8_t *ntp, uint32_t size)
{
	enum verdict verdict = size ? (enum verdict)verdict_of_mode[ntp[0] & 63] : VERDICT_NTP_SHORT;

	return verdict == VERDICT_MODE_CONTROL || verdict == VERDICT_MODE_PRIVATE ? verdict
										  : VERDICT_NTP_SHORT;
}

/* *nts is for a verdict of VERDICT_ANSWERED; it comes as zeros. */
SPECIALISED enum verdict judge_ntp(
	const uint8_t *ntp, uint32_t size, uint16_t source_port_raw, struct nts_look *nts)
{
	enum verdict verdict;

	if (UNLIKELY(size < NTP_HEADER_SIZE))
		return judge_short(ntp, size);
	if (UNLIKELY(size % 4 != 0))
		return VERDICT_NTP_LENGTH;
	verdict = (enum verdict)verdict_of_mode[ntp[0] & 63];
	if (UNLIKELY(verdict != VERDICT_ANSWERED))
		return verdict;
	/* Two servers would answer each other for ever if a v1 reply were taken for a request. */
	if (UNLIKELY(ntp_lvm_mode(ntp[0]) == NTP_MODE_RESERVED && source_port_raw == OCTETS_BE16(NTP_PORT)))
		return VERDICT_MODE_RESERVED;
	if (LIKELY(size == NTP_HEADER_SIZE))
		return VERDICT_ANSWERED;
	*nts = look_for_nts(ntp, size);
	if (!nts->sound)
		return judge_trailer(ntp + NTP_HEADER_SIZE, size - NTP_HEADER_SIZE, ntp_lvm_version(ntp[0]));
	return VERDICT_ANSWERED;
}

SPECIALISED enum verdict judge_checksums(
	const uint8_t *header, const struct ip *ip, uint32_t udp_length, unsigned flags, bool is_ipv6)
{
	uint16_t checksum = load_raw16(ip->udp + 6);
	uint64_t pseudo;

	if (!is_ipv6 && !(flags & PACKET_IP_CHECKSUM_GOOD) &&
		checksum_fold(checksum_add(0, header, IPV4_HEADER)) != 0xffff)
		return VERDICT_IP_CHECKSUM;
	if (UNLIKELY(checksum == 0))
		return is_ipv6 ? VERDICT_UDP_NO_CHECKSUM : VERDICT_ANSWERED;
	if (flags & PACKET_UDP_CHECKSUM_GOOD)
		return VERDICT_ANSWERED;
	pseudo = checksum_add64(
		ip->pseudo, (uint64_t)OCTETS_BE16(PROTOCOL_UDP) + OCTETS_BE16((uint16_t)udp_length));
	if (LIKELY(checksum_fold(checksum_add(pseudo, ip->udp, udp_length)) == 0xffff))
		return VERDICT_ANSWERED;
	if (flags & PACKET_UDP_CHECKSUM_PARTIAL && checksum == checksum_fold(pseudo))
		return VERDICT_ANSWERED;
	return VERDICT_UDP_CHECKSUM;
}

/* The destination's address first: what is not ours is the kernel's, whatever is wrong with it. */
SPECIALISED bool is_ours(const struct policy *policy, const struct ip *ip, uint32_t vlan, bool is_ipv6)
{
	/* An IPv4-mapped address stands for IPv4 in the policy, and has no business on the wire (RFC 4291).
	 */
	if (is_ipv6 && UNLIKELY(ip->destination_high == MAPPED_HIGH))
		return false;
	return policy_is_served(policy, ip->destination_high, ip->destination_low, vlan);
}

/* Both MACs' group bits, as the frame's first 8 octets load. */
static inline uint64_t group_macs(void)
{
	return join_raw32(OCTETS_BE32(0x01000000), OCTETS_BE32(0x00000100));
}

/* What is left to ask once the IP header is known to be sound; `udp_length` is the UDP header's. */
static enum verdict judge_request(const struct policy *policy, const struct packet *packet,
	const uint8_t *header, const struct ip *ip, uint32_t udp_length, bool is_ipv6, struct nts_look *nts)
{
	enum verdict verdict;

	if (UNLIKELY(load_be16(ip->udp + 2) != policy->ntp_port))
		return VERDICT_OTHER_PORT;
	if (UNLIKELY(load_raw64(packet->data) & group_macs()))
		return packet->data[6] & 1 ? VERDICT_SOURCE_MAC : VERDICT_DESTINATION_MAC;
	if (UNLIKELY(ip->source_is_strange || policy_is_own(policy, ip->source_high, ip->source_low)))
		return VERDICT_SOURCE_ADDRESS;
	if (UNLIKELY(load_raw16(ip->udp) == 0))
		return VERDICT_SOURCE_PORT;
	/* Octets after the UDP datagram are legal (RFC 9868) and ignored. */
	if (UNLIKELY(udp_length < UDP_HEADER || udp_length > ip->payload))
		return VERDICT_UDP_LENGTH;
	verdict = judge_ntp(ip->udp + UDP_HEADER, udp_length - UDP_HEADER, load_raw16(ip->udp), nts);
	if (UNLIKELY(verdict != VERDICT_ANSWERED))
		return verdict;
	return judge_checksums(header, ip, udp_length, packet->flags, is_ipv6);
}

/*
 * Whether a request that would be answered is the NTS lane's to answer. Its fields have sound lengths by now,
 * those after an authenticator too, although nobody will look at them (RFC 8915 section 5.7): what cannot be
 * told apart, or ends in a MAC, is refused with NTS as without.
 */
static bool is_nts(const struct policy *policy, const struct ip *ip, uint32_t udp_length, struct nts_look nts)
{
	const uint8_t *ntp = ip->udp + UDP_HEADER;
	const uint32_t size = udp_length - UDP_HEADER;

	return policy->nts && udp_length > USUAL_UDP_LENGTH &&
	       (nts.sound || (ntp_lvm_version(ntp[0]) == 4 && ntp_lvm_mode(ntp[0]) == NTP_MODE_CLIENT &&
				     nts_is_asked(ntp, size)));
}

/* Any request: lengths are looked at one by one. */
static __attribute__((noinline)) enum verdict classify_unusual(const struct policy *policy,
	struct packet *packet, const uint8_t *header, uint32_t size, uint32_t vlan, bool is_ipv6)
{
	struct ip ip;
	enum verdict verdict = is_ipv6 ? parse_ipv6(header, size, &ip) : parse_ipv4(header, size, &ip);
	uint32_t udp_length;
	struct nts_look nts = {.sound = false};

	if (verdict != VERDICT_ANSWERED)
		return verdict;
	if (!is_ours(policy, &ip, vlan, is_ipv6))
		return VERDICT_OTHER_ADDRESS;
	if (ip.payload < UDP_HEADER)
		return VERDICT_IP_LENGTH;
	udp_length = load_be16(ip.udp + 4);
	verdict = judge_request(policy, packet, header, &ip, udp_length, is_ipv6, &nts);
	if (verdict != VERDICT_ANSWERED || !is_nts(policy, &ip, udp_length, nts))
		return verdict;
	packet->flags |= nts.flag;
	return VERDICT_NTS_ANSWERED;
}

/* What the packets of a burst have in common. */
struct burst {
	const struct policy *policy;
	uint64_t udp; /* ports and length of a usual request, as the UDP header loads; its source port 0 */
	/* The address that was last found to be served, in each family: most bursts are for one. */
	uint64_t ipv4_and_vlan;
	uint64_t ipv6_high, ipv6_low;
	uint32_t ipv6_vlan;
};

static struct burst burst_begin(const struct policy *policy)
{
	return (struct burst){.policy = policy,
		.udp = join_raw32(OCTETS_BE32((uint32_t)policy->ntp_port),
			OCTETS_BE32((uint32_t)USUAL_UDP_LENGTH << 16)),
		/* no frame is on that one */
		.ipv4_and_vlan = SERVED_ANY_VLAN,
		.ipv6_vlan = SERVED_ANY_VLAN};
}

SPECIALISED bool is_served_ipv4(struct burst *burst, uint32_t destination, uint32_t vlan)
{
	const uint64_t key = (uint64_t)destination << 32 | vlan;

	if (LIKELY(key == burst->ipv4_and_vlan))
		return true;
	if (!policy_is_served(burst->policy, MAPPED_HIGH, mapped_low(destination), vlan))
		return false;
	burst->ipv4_and_vlan = key;
	return true;
}

SPECIALISED bool is_served_ipv6(struct burst *burst, uint64_t high, uint64_t low, uint32_t vlan)
{
	if (LIKELY(low == burst->ipv6_low && high == burst->ipv6_high && vlan == burst->ipv6_vlan))
		return true;
	/* as in is_ours */
	if (high == MAPPED_HIGH || !policy_is_served(burst->policy, high, low, vlan))
		return false;
	burst->ipv6_high = high;
	burst->ipv6_low = low;
	burst->ipv6_vlan = vlan;
	return true;
}

/* A bit for each first octet but for the leap indicator: versions 1 to 4 of a client, or active. */
enum { USUAL_MODES = 1 << NTP_MODE_ACTIVE | 1 << NTP_MODE_CLIENT };
static const uint64_t usual_modes = (uint64_t)USUAL_MODES << 8 | (uint64_t)USUAL_MODES << 16 |
				    (uint64_t)USUAL_MODES << 24 | (uint64_t)USUAL_MODES << 32;

/*
 * Whether this is a request as most are, which will be answered: with a UDP datagram of this length, whose
 * header is `udp` but for the source port, and nothing else. A few wide comparisons settle all that
 * classify_unusual asks one by one. What is not usual may still be answered.
 */
SPECIALISED bool is_usual(struct burst *burst, const struct packet *packet, uint32_t l3, uint32_t vlan,
	bool is_ipv6, uint32_t udp_length, uint64_t usual_udp, uint64_t modes)
{
	const uint8_t *header = packet->data + l3;
	const uint8_t *udp = header + (is_ipv6 ? IPV6_HEADER : IPV4_HEADER);
	/* Version, header length, total length and fragment; or version, payload length and next header. */
	const uint64_t mask = is_ipv6 ? join_raw32(OCTETS_BE32(0xf0000000), OCTETS_BE32(0xffffff00))
				      : join_raw32(OCTETS_BE32(0xff00ffff), OCTETS_BE32(0x00003fff));
	const uint64_t usual = is_ipv6 ? join_raw32(OCTETS_BE32(0x60000000),
						 OCTETS_BE32(udp_length << 16 | PROTOCOL_UDP << 8))
				       : join_raw32(OCTETS_BE32(0x45000000 | (IPV4_HEADER + udp_length)), 0);
	const uint64_t udp_mask = join_raw32(OCTETS_BE32(UINT32_C(0xffff)), OCTETS_BE32(0xffff0000));
	struct ip ip;

	if (UNLIKELY(packet->length < l3 + (is_ipv6 ? IPV6_HEADER : IPV4_HEADER) + udp_length) ||
		UNLIKELY((load_raw64(header) & mask) != usual) ||
		(!is_ipv6 && UNLIKELY(header[9] != PROTOCOL_UDP)) ||
		UNLIKELY((load_raw64(udp) & udp_mask) != usual_udp) || UNLIKELY(load_raw16(udp) == 0) ||
		UNLIKELY(load_raw64(packet->data) & group_macs()) ||
		UNLIKELY(!(modes >> (udp[UDP_HEADER] & 63) & 1)))
		return false;
	if (is_ipv6)
		take_ipv6(header, &ip);
	else
		take_ipv4(header, &ip);
	if (UNLIKELY(ip.source_is_strange) ||
		UNLIKELY(!(is_ipv6 ? is_served_ipv6(burst, ip.destination_high, ip.destination_low, vlan)
				   : is_served_ipv4(burst, load_raw32(header + 16), vlan))) ||
		UNLIKELY(policy_is_own(burst->policy, ip.source_high, ip.source_low)))
		return false;
	return judge_checksums(header, &ip, udp_length, packet->flags, is_ipv6) == VERDICT_ANSWERED;
}

/* Likewise, whether it is a usual request of NTS; its flag then, and 0 where it is none. */
SPECIALISED unsigned usual_nts_flag(
	struct burst *burst, const struct packet *packet, uint32_t l3, uint32_t vlan, bool is_ipv6)
{
	const uint64_t client = UINT64_C(1) << (4 << 3 | NTP_MODE_CLIENT);
	const uint32_t ntp = l3 + (is_ipv6 ? IPV6_HEADER : IPV4_HEADER) + UDP_HEADER;

	for (unsigned kind = 0; kind < NTS_USUALS; kind++) {
		const uint32_t size = nts_usual[kind].request.size, udp_length = UDP_HEADER + size;
		const uint64_t udp =
			burst->udp ^ join_raw32(0, OCTETS_BE32((USUAL_UDP_LENGTH ^ udp_length) << 16));

		if (packet->length == ntp + size &&
			is_usual(burst, packet, l3, vlan, is_ipv6, udp_length, udp, client) &&
			nts_usual_has_heads(&nts_usual[kind], packet->data + ntp))
			return (unsigned)PACKET_NTS_USUAL_SIV << kind;
	}
	return 0;
}

/* Frames that are longer than plain requests. */
static __attribute__((noinline)) enum verdict classify_long(
	struct burst *burst, struct packet *packet, uint32_t l3, uint32_t vlan, bool is_ipv6)
{
	unsigned flag = 0;

	if (burst->policy->nts)
		flag = is_ipv6 ? usual_nts_flag(burst, packet, l3, vlan, true)
			       : usual_nts_flag(burst, packet, l3, vlan, false);
	if (flag == 0)
		return classify_unusual(
			burst->policy, packet, packet->data + l3, packet->length - l3, vlan, is_ipv6);
	packet->flags |= (uint8_t)flag;
	return VERDICT_NTS_ANSWERED;
}

/* From the IP header on, which starts after l3 octets; `vlan` as in dataplane/policy.h. */
SPECIALISED enum verdict classify_ip(
	struct burst *burst, struct packet *packet, uint32_t l3, uint32_t vlan, bool is_ipv6)
{
	packet->l3 = (uint8_t)l3;
	packet->is_ipv6 = is_ipv6;
	if (LIKELY(is_usual(burst, packet, l3, vlan, is_ipv6, USUAL_UDP_LENGTH, burst->udp, usual_modes)))
		return VERDICT_ANSWERED;
	if (packet->length > LONG)
		return classify_long(burst, packet, l3, vlan, is_ipv6);
	return classify_unusual(burst->policy, packet, packet->data + l3, packet->length - l3, vlan, is_ipv6);
}

/* Identifier 0 is a priority without a VLAN (802.1Q section 9.6). */
static inline uint32_t add_tag(uint32_t vlan, uint16_t tci)
{
	return tci & VLAN_ID ? vlan << 16 | SERVED_VLAN_PRESENT | (tci & VLAN_ID) : vlan;
}

SPECIALISED bool is_tag(uint16_t type_raw)
{
	return type_raw == OCTETS_BE16(ETHERTYPE_VLAN) || type_raw == OCTETS_BE16(ETHERTYPE_VLAN_S);
}

/* Any number of tags in the frame or beside it. */
static __attribute__((noinline)) enum verdict classify_tagged(struct burst *burst, struct packet *packet)
{
	uint16_t type = load_raw16(packet->data + 12);
	uint32_t l3 = ETHERNET_HEADER, vlan = 0;
	unsigned tags = 0;

	if (packet->flags & PACKET_SEGMENTED)
		return VERDICT_SEGMENTED;
	if (packet->flags & PACKET_VLAN_STRIPPED) {
		vlan = add_tag(vlan, packet->vlan_tci);
		tags = 1;
	}
	for (; is_tag(type); tags++) {
		if (tags == VLAN_TAGS_MAX)
			return VERDICT_NOT_IP;
		if (packet->length < l3 + VLAN_TAG)
			return VERDICT_TRUNCATED;
		vlan = add_tag(vlan, load_be16(packet->data + l3));
		type = load_raw16(packet->data + l3 + 2);
		l3 += VLAN_TAG;
	}
	if (type == OCTETS_BE16(ETHERTYPE_IPV4))
		return classify_ip(burst, packet, l3, vlan, false);
	if (type == OCTETS_BE16(ETHERTYPE_IPV6))
		return classify_ip(burst, packet, l3, vlan, true);
	return VERDICT_NOT_IP;
}

/* No tag and one tag in lanes of their own, where offsets are constants. */
SPECIALISED enum verdict classify(struct burst *burst, struct packet *packet)
{
	uint16_t type;
	uint32_t vlan;

	if (UNLIKELY(packet->length < ETHERNET_HEADER + VLAN_TAG))
		return packet->length < ETHERNET_HEADER ? VERDICT_TRUNCATED : classify_tagged(burst, packet);
	if (UNLIKELY(packet->flags & (PACKET_SEGMENTED | PACKET_VLAN_STRIPPED)))
		return classify_tagged(burst, packet);
	type = load_raw16(packet->data + 12);
	if (LIKELY(type == OCTETS_BE16(ETHERTYPE_IPV4)))
		return classify_ip(burst, packet, ETHERNET_HEADER, 0, false);
	if (LIKELY(type == OCTETS_BE16(ETHERTYPE_IPV6)))
		return classify_ip(burst, packet, ETHERNET_HEADER, 0, true);
	if (UNLIKELY(!is_tag(type)))
		return VERDICT_NOT_IP;
	type = load_raw16(packet->data + ETHERNET_HEADER + 2);
	vlan = add_tag(0, load_be16(packet->data + ETHERNET_HEADER));
	if (LIKELY(type == OCTETS_BE16(ETHERTYPE_IPV4)))
		return classify_ip(burst, packet, ETHERNET_HEADER + VLAN_TAG, vlan, false);
	if (LIKELY(type == OCTETS_BE16(ETHERTYPE_IPV6)))
		return classify_ip(burst, packet, ETHERNET_HEADER + VLAN_TAG, vlan, true);
	return classify_tagged(burst, packet);
}

void classify_burst(const struct policy *policy, struct packet *packets, unsigned n)
{
	struct burst burst = burst_begin(policy);

	for (unsigned i = 0; i < n; i++)
		packets[i].verdict = (uint8_t)classify(&burst, &packets[i]);
}
