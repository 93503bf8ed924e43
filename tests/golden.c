#include "tests/golden.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/packet.h"

enum { MAC_AT = 12, NTP_HEADER = 48, FILLING = 0xa5 };

/* Where frames are written: everything goes to the end. */
struct writer {
	uint8_t *octets;
	uint16_t length;
};

static void put(struct writer *w, const void *octets, size_t size)
{
	memcpy(w->octets + w->length, octets, size);
	w->length = (uint16_t)(w->length + size);
}

static void put_integer(struct writer *w, uint64_t value, int size)
{
	while (size-- > 0)
		w->octets[w->length++] = (uint8_t)(value >> 8 * size);
}

static void put_filling(struct writer *w, uint8_t octet, size_t size)
{
	memset(w->octets + w->length, octet, size);
	w->length = (uint16_t)(w->length + size);
}

static void overwrite(uint8_t *at, uint64_t value, int size)
{
	struct writer w = {.octets = at};

	put_integer(&w, value, size);
}

uint16_t golden_sum(uint16_t start, const uint8_t *octets, size_t size)
{
	uint32_t sum = start;

	for (size_t i = 0; i < size; i += 2) {
		sum += (uint32_t)(octets[i] << 8 | (i + 1 < size ? octets[i + 1] : 0));
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

uint16_t golden_pseudo_sum(const uint8_t *ip, bool ipv6, uint16_t udp_length)
{
	uint8_t rest[4] = {0, PROTOCOL_UDP, (uint8_t)(udp_length >> 8), (uint8_t)udp_length};

	return golden_sum(ipv6 ? golden_sum(0, ip + 8, 32) : golden_sum(0, ip + 12, 8), rest, sizeof(rest));
}

void golden_address(uint8_t address[16], const char *text)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, address) != 1)
			abort();
		return;
	}
	memcpy(address, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, address + 12) != 1)
		abort();
}

static void put_ethernet(struct writer *w, const struct golden_shape *s)
{
	static const uint8_t macs[MAC_AT] = {2, 0, 0, 0, 5, 1, 2, 0, 0, 0, 0xc, 0x77};
	static const uint16_t tci[GOLDEN_TAGS] = {0xa064, 0x30c8, 0x012c};

	put(w, macs, sizeof(macs));
	for (int i = 0; i < s->tags; i++) {
		put_integer(w, s->tpid[i] ? s->tpid[i] : 0x8100, 2);
		put_integer(w, s->tci[i] ? s->tci[i] : tci[i], 2);
	}
	put_integer(w, s->ipv6 ? 0x86dd : 0x0800, 2);
}

/* Lengths are those of the octets that follow; checksums come later. */
static void put_ipv4(struct writer *w, const struct golden_shape *s, uint16_t payload)
{
	uint8_t address[16];

	put_integer(w, 0x40 | (5 + s->options / 4), 1);
	put_integer(w, 0xb8, 1);
	put_integer(w, (uint64_t)(IPV4_HEADER + s->options + payload), 2);
	put_integer(w, UINT64_C(0xbeef400037110000), 8);
	golden_address(address, s->from ? s->from : GOLDEN_CLIENT_IPV4);
	put(w, address + 12, 4);
	golden_address(address, s->to ? s->to : GOLDEN_SERVER_IPV4);
	put(w, address + 12, 4);
	put_filling(w, 1, s->options);
}

static void put_ipv6(struct writer *w, const struct golden_shape *s, uint16_t payload)
{
	uint8_t address[16];

	put_integer(w, 0x6b812345, 4);
	put_integer(w, (uint64_t)(payload + (s->extension ? 8 : 0)), 2);
	put_integer(w, s->extension ? s->extension & 0xff : PROTOCOL_UDP, 1);
	put_integer(w, 55, 1);
	golden_address(address, s->from ? s->from : GOLDEN_CLIENT_IPV6);
	put(w, address, 16);
	golden_address(address, s->to ? s->to : GOLDEN_SERVER_IPV6);
	put(w, address, 16);
	if (s->extension)
		put_integer(w, (uint64_t)PROTOCOL_UDP << 56, 8);
}

static void put_ntp(struct writer *w, const struct golden_shape *s)
{
	const uint16_t start = w->length;

	put_integer(w, s->lvm ? s->lvm & 0xff : 0x23, 1);
	put_integer(w, 0, 1);
	put_integer(w, (uint8_t)s->poll, 1);
	put_integer(w, 0xe9, 1);
	put_filling(w, 0, 8);
	put_filling(w, 0x5a, 28);
	put_integer(w, s->transmit ? s->transmit : UINT64_C(0x6c5f3b1d9e274a81), 8);
	for (const struct golden_field *f = s->field; f < s->field + GOLDEN_FIELDS && f->type; f++) {
		put_integer(w, f->type, 2);
		put_integer(w, f->length, 2);
		put_filling(w, 0x3c, (f->octets ? f->octets : f->length) - 4U);
	}
	if (s->mac) {
		put_integer(w, s->key_id, 4);
		put_filling(w, 0x77, s->mac - 4U);
	}
	if (s->ntp_octets) {
		if (w->length < start + s->ntp_octets)
			put_filling(w, FILLING, (size_t)(start + s->ntp_octets - w->length));
		w->length = (uint16_t)(start + s->ntp_octets);
	}
}

static void apply_patches(const struct golden_shape *s, uint8_t *const layer[4], bool late)
{
	for (const struct golden_patch *p = s->patch; p < s->patch + GOLDEN_PATCHES; p++)
		if (p->size && p->late == late)
			overwrite(layer[p->layer] + p->at, p->value, p->size);
}

static void put_checksums(const struct golden_shape *s, uint8_t *ip, uint8_t *udp, uint16_t udp_length)
{
	const uint16_t pseudo = golden_pseudo_sum(ip, s->ipv6, udp_length);
	uint16_t sum;

	if (!s->ipv6) {
		sum = golden_sum(0, ip, (size_t)(IPV4_HEADER + s->options));
		overwrite(ip + 10, (uint16_t)~sum ^ (s->ip_checksum_wrong ? 0x0100 : 0), 2);
	}
	sum = golden_sum(pseudo, udp, udp_length);
	switch (s->udp_checksum) {
	case GOLDEN_UDP_NONE:
		return;
	case GOLDEN_UDP_PARTIAL:
		overwrite(udp + 6, pseudo, 2);
		return;
	case GOLDEN_UDP_RIGHT:
		overwrite(udp + 6, sum == 0xffff ? 0xffff : (uint16_t)~sum, 2);
		return;
	case GOLDEN_UDP_WRONG:
		overwrite(udp + 6, (uint16_t)(~sum & 0xffff) ^ 0x0180, 2);
	}
}

uint16_t golden_build(const struct golden_shape *s, uint8_t frame[GOLDEN_FRAME_MAX])
{
	uint8_t ntp[GOLDEN_FRAME_MAX], *layer[4];
	struct writer w = {.octets = frame}, inner = {.octets = ntp};
	uint16_t udp_length;

	put_ntp(&inner, s);
	udp_length = (uint16_t)(UDP_HEADER + inner.length);
	layer[GOLDEN_ETHERNET] = frame;
	put_ethernet(&w, s);
	layer[GOLDEN_IP] = frame + w.length;
	(s->ipv6 ? put_ipv6 : put_ipv4)(&w, s, (uint16_t)(udp_length + s->surplus));
	layer[GOLDEN_UDP] = frame + w.length;
	put_integer(&w, s->from_port ? s->from_port : 40123, 2);
	put_integer(&w, s->to_port ? s->to_port : 123, 2);
	put_integer(&w, udp_length, 2);
	put_integer(&w, 0, 2);
	layer[GOLDEN_NTP] = frame + w.length;
	put(&w, ntp, inner.length);
	put_filling(&w, 0xee, s->surplus);
	put_filling(&w, 0, s->padding);
	apply_patches(s, layer, false);
	put_checksums(s, layer[GOLDEN_IP], layer[GOLDEN_UDP], udp_length);
	apply_patches(s, layer, true);
	return s->cut ? s->cut : w.length;
}

/* One line of the table. `reply` is GOLDEN_LVM of the reply, 0 for a server's of version 4. */
struct named {
	const char *name;
	struct golden_shape shape;
	enum verdict verdict;
	uint8_t flags;
	uint16_t reply;
};

#define S(...)              \
	{                   \
		__VA_ARGS__ \
	}
#define PATCH(layer_, at_, size_, value_) \
	.patch = {{.layer = layer_, .at = at_, .size = size_, .value = value_}}
#define LATE(layer_, at_, size_, value_) \
	.patch = {{.layer = layer_, .at = at_, .size = size_, .value = value_, .late = true}}
#define BOTH_GOOD (PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD)
#define OK VERDICT_ANSWERED

/* clang-format off */
static const struct named table[] = {
	/* What is answered. */
	{"v4", S(.poll = 0), OK, 0, 0},
	{"v4-checked-by-port", S(.poll = 6), OK, BOTH_GOOD, 0},
	{"v6", S(.ipv6 = true), OK, 0, 0},
	{"v6-checked-by-port", S(.ipv6 = true), OK, BOTH_GOOD, 0},
	{"v4-vlan", S(.tags = 1), OK, 0, 0},
	{"v6-vlan", S(.tags = 1, .ipv6 = true), OK, 0, 0},
	{"v4-vlan-88a8", S(.tags = 1, .tpid = {0x88a8}), OK, 0, 0},
	{"v4-qinq", S(.tags = 2, .tpid = {0x88a8}), OK, 0, 0},
	{"v6-qinq", S(.tags = 2, .tpid = {0x88a8}, .ipv6 = true), OK, 0, 0},
	{"v4-two-8100", S(.tags = 2), OK, 0, 0},
	{"v4-stripped", S(.poll = 0), OK, PACKET_VLAN_STRIPPED, 0},
	{"v6-stripped", S(.ipv6 = true), OK, PACKET_VLAN_STRIPPED, 0},
	{"v4-stripped-and-tagged", S(.tags = 1), OK, PACKET_VLAN_STRIPPED, 0},
	{"v4-on-its-vlan", S(.tags = 1, .to = GOLDEN_TAGGED_IPV4), OK, 0, 0},
	{"v4-on-its-vlan-other-priority", S(.tags = 1, .tci = {0xf064}, .to = GOLDEN_TAGGED_IPV4), OK, 0, 0},
	{"v4-on-its-vlan-stripped", S(.to = GOLDEN_TAGGED_IPV4), OK, PACKET_VLAN_STRIPPED, 0},
	{"v6-on-its-qinq", S(.tags = 2, .ipv6 = true, .to = GOLDEN_QINQ_IPV6), OK, 0, 0},
	{"v6-on-its-qinq-stripped", S(.tags = 1, .tci = {200}, .ipv6 = true, .to = GOLDEN_QINQ_IPV6), OK,
		PACKET_VLAN_STRIPPED, 0},
	{"v4-untagged-only", S(.to = GOLDEN_BARE_IPV4), OK, 0, 0},
	{"v4-priority-tag", S(.tags = 1, .tci = {0xe000}, .to = GOLDEN_BARE_IPV4), OK, 0, 0},
	{"v4-priority-tag-outside", S(.tags = 2, .tci = {0x2000, 100}, .to = GOLDEN_TAGGED_IPV4), OK, 0, 0},
	{"v4-priority-tag-inside", S(.tags = 2, .tci = {100, 0x2000}, .to = GOLDEN_TAGGED_IPV4), OK, 0, 0},
	{"v4-poll-high", S(.poll = 17), OK, 0, 0},
	{"v4-poll-negative", S(.poll = -6), OK, 0, 0},
	{"v4-leap-bits", S(.lvm = GOLDEN_LVM(4, 3) | 0xc0), OK, 0, 0},
	{"v6-link-local", S(.ipv6 = true, .from = "fe80::1"), OK, 0, 0},
	{"v4-from-port-123", S(.from_port = 123), OK, 0, 0},
	{"v4-active", S(.lvm = GOLDEN_LVM(4, 1)), OK, 0, GOLDEN_LVM(4, 2)},
	{"v4-active-port-123", S(.lvm = GOLDEN_LVM(3, 1), .from_port = 123), OK, 0, GOLDEN_LVM(3, 2)},
	{"v6-ntpv3", S(.ipv6 = true, .lvm = GOLDEN_LVM(3, 3)), OK, 0, GOLDEN_LVM(3, 4)},
	{"v4-ntpv2", S(.lvm = GOLDEN_LVM(2, 3)), OK, 0, GOLDEN_LVM(2, 4)},
	{"v4-ntpv1", S(.lvm = GOLDEN_LVM(1, 3)), OK, 0, GOLDEN_LVM(1, 4)},
	{"v4-ntpv1-mode-0", S(.lvm = GOLDEN_LVM(1, 0)), OK, 0, GOLDEN_LVM(1, 4)},
	{"v4-no-udp-checksum", S(.udp_checksum = GOLDEN_UDP_NONE), OK, 0, 0},
	{"v4-partial-checksum", S(.udp_checksum = GOLDEN_UDP_PARTIAL), OK, PACKET_UDP_CHECKSUM_PARTIAL, 0},
	{"v6-partial-checksum", S(.ipv6 = true, .udp_checksum = GOLDEN_UDP_PARTIAL), OK,
		PACKET_UDP_CHECKSUM_PARTIAL, 0},
	{"v4-full-checksum-where-partial-may-be", S(.poll = 0), OK, PACKET_UDP_CHECKSUM_PARTIAL, 0},
	{"v4-padding", S(.padding = 6), OK, 0, 0},
	{"v4-padding-1514", S(.padding = 1424), OK, 0, 0},
	{"v6-padding-odd", S(.padding = 3, .ipv6 = true), OK, 0, 0},
	{"v4-padding-jumbo", S(.padding = 8910), OK, 0, 0},
	{"v4-surplus", S(.surplus = 12), OK, 0, 0},
	{"v6-surplus-odd", S(.surplus = 7, .ipv6 = true), OK, 0, 0},
	{"v4-surplus-and-padding", S(.surplus = 5, .padding = 5), OK, 0, 0},
	{"v4-field-28", S(.field = {{0x0104, 28, 0}}), OK, 0, 0},
	{"v6-field-36", S(.field = {{0x0104, 36, 0}}, .ipv6 = true), OK, 0, 0},
	{"v4-field-vlan", S(.field = {{0xf323, 28, 0}}, .tags = 1), OK, 0, 0},
	{"v4-fields-16-28", S(.field = {{0x2005, 16, 0}, {0x2006, 28, 0}}), OK, 0, 0},
	{"v4-fields-four", S(.field = {{0x0104, 36, 0}, {0x0204, 104, 0}, {0x0304, 104, 0}, {0x0404, 40, 0}}), OK, 0, 0},
	{"v4-field-to-mtu", S(.field = {{0x2005, 1424, 0}}), OK, 0, 0},
	{"v4-field-jumbo", S(.field = {{0x2005, 8900, 0}}), OK, 0, 0},
	{"v6-field-padding", S(.field = {{0x2005, 28, 0}}, .padding = 9, .ipv6 = true), OK, 0, 0},
	{"v4-field-checked-by-port", S(.field = {{0x2005, 28, 0}}, .udp_checksum = GOLDEN_UDP_WRONG), OK,
		BOTH_GOOD, 0},

	/* What is the kernel's. */
	{"arp", S(PATCH(GOLDEN_ETHERNET, 12, 2, 0x0806)), VERDICT_NOT_IP, 0, 0},
	{"llc-length", S(PATCH(GOLDEN_ETHERNET, 12, 2, 46)), VERDICT_NOT_IP, 0, 0},
	{"arp-stripped", S(PATCH(GOLDEN_ETHERNET, 12, 2, 0x0806)), VERDICT_NOT_IP, PACKET_VLAN_STRIPPED, 0},
	{"arp-tagged", S(.tags = 1, PATCH(GOLDEN_ETHERNET, 16, 2, 0x0806)), VERDICT_NOT_IP, 0, 0},
	{"three-tags", S(.tags = 3), VERDICT_NOT_IP, 0, 0},
	{"three-tags-stripped", S(.tags = 2), VERDICT_NOT_IP, PACKET_VLAN_STRIPPED, 0},
	{"old-qinq-type", S(.tags = 1, .tpid = {0x9100}), VERDICT_NOT_IP, 0, 0},
	{"segmented", S(.poll = 0), VERDICT_SEGMENTED, PACKET_SEGMENTED, 0},
	{"segmented-jumbo", S(.ipv6 = true, .field = {{0x2005, 8900, 0}}), VERDICT_SEGMENTED,
		PACKET_SEGMENTED | BOTH_GOOD, 0},
	{"segmented-stripped", S(.ipv6 = true), VERDICT_SEGMENTED, PACKET_SEGMENTED | PACKET_VLAN_STRIPPED, 0},
	{"v4-tcp", S(PATCH(GOLDEN_IP, 9, 1, 6)), VERDICT_NOT_UDP, 0, 0},
	{"v4-icmp", S(PATCH(GOLDEN_IP, 9, 1, 1)), VERDICT_NOT_UDP, 0, 0},
	{"v6-tcp", S(.ipv6 = true, PATCH(GOLDEN_IP, 6, 1, 6)), VERDICT_NOT_UDP, 0, 0},
	{"v6-icmp", S(.ipv6 = true, PATCH(GOLDEN_IP, 6, 1, 58)), VERDICT_NOT_UDP, 0, 0},
	{"v4-options", S(.options = 4), VERDICT_IPV4_OPTIONS, 0, 0},
	{"v4-options-40", S(.options = 40), VERDICT_IPV4_OPTIONS, 0, 0},
	{"v4-first-fragment", S(PATCH(GOLDEN_IP, 6, 2, 0x2000)), VERDICT_IPV4_FRAGMENT, 0, 0},
	{"v4-last-fragment", S(PATCH(GOLDEN_IP, 6, 2, 0x0001)), VERDICT_IPV4_FRAGMENT, 0, 0},
	{"v4-far-fragment", S(PATCH(GOLDEN_IP, 6, 2, 0x1fff)), VERDICT_IPV4_FRAGMENT, 0, 0},
	{"v4-reserved-flag", S(PATCH(GOLDEN_IP, 6, 2, 0x8000)), OK, 0, 0},
	{"v6-hop-by-hop", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(0)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v6-routing", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(43)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v6-fragment", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(44)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v6-esp", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(50)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v6-ah", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(51)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v6-options", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(60)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v6-mobility", S(.ipv6 = true, .extension = GOLDEN_EXTENSION(135)), VERDICT_IPV6_EXTENSION, 0, 0},
	{"v4-other-address", S(.to = "198.51.100.200"), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-to-broadcast", S(.to = "255.255.255.255"), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-to-ntp-multicast", S(.to = "224.0.1.1"), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v6-other-address", S(.ipv6 = true, .to = "2001:db8:5::3"), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v6-to-ntp-multicast", S(.ipv6 = true, .to = "ff02::101"), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v6-to-mapped", S(.ipv6 = true, .to = "::ffff:" GOLDEN_SERVER_IPV4), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-other-vlan", S(.tags = 1, .tci = {101}, .to = GOLDEN_TAGGED_IPV4), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-vlan-missing", S(.to = GOLDEN_TAGGED_IPV4), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-inner-vlan-alone", S(.tags = 2, .tci = {200, 100}, .to = GOLDEN_TAGGED_IPV4), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-untagged-only-tagged", S(.tags = 1, .to = GOLDEN_BARE_IPV4), VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-untagged-only-stripped", S(.to = GOLDEN_BARE_IPV4), VERDICT_OTHER_ADDRESS, PACKET_VLAN_STRIPPED, 0},
	{"v6-qinq-swapped", S(.ipv6 = true, .tags = 2, .tci = {200, 100}, .to = GOLDEN_QINQ_IPV6),
		VERDICT_OTHER_ADDRESS, 0, 0},
	{"v4-other-port", S(.to_port = 124), VERDICT_OTHER_PORT, 0, 0},
	{"v4-port-swapped-octets", S(.to_port = 0x7b00), VERDICT_OTHER_PORT, 0, 0},
	{"v6-other-port", S(.ipv6 = true, .to_port = 53), VERDICT_OTHER_PORT, 0, 0},

	/* What is refused. */
	{"empty-of-ip", S(.cut = 14), VERDICT_TRUNCATED, 0, 0},
	{"tag-cut-off", S(.tags = 1, .cut = 16), VERDICT_TRUNCATED, 0, 0},
	{"v4-version-6", S(PATCH(GOLDEN_IP, 0, 1, 0x65)), VERDICT_IP_VERSION, 0, 0},
	{"v4-version-0", S(PATCH(GOLDEN_IP, 0, 1, 0x05)), VERDICT_IP_VERSION, 0, 0},
	{"v6-version-4", S(.ipv6 = true, PATCH(GOLDEN_IP, 0, 1, 0x45)), VERDICT_IP_VERSION, 0, 0},
	{"v4-header-too-small", S(PATCH(GOLDEN_IP, 0, 1, 0x44)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-too-long", S(PATCH(GOLDEN_IP, 2, 2, 77)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-65535", S(PATCH(GOLDEN_IP, 2, 2, 65535)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-0", S(PATCH(GOLDEN_IP, 2, 2, 0)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-19", S(PATCH(GOLDEN_IP, 2, 2, 19)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-20", S(PATCH(GOLDEN_IP, 2, 2, 20)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-27", S(PATCH(GOLDEN_IP, 2, 2, 27)), VERDICT_IP_LENGTH, 0, 0},
	{"v4-total-28", S(PATCH(GOLDEN_IP, 2, 2, 28)), VERDICT_UDP_LENGTH, 0, 0},
	{"v4-total-short-by-one", S(PATCH(GOLDEN_IP, 2, 2, 75)), VERDICT_UDP_LENGTH, 0, 0},
	{"v6-payload-too-long", S(.ipv6 = true, PATCH(GOLDEN_IP, 4, 2, 57)), VERDICT_IP_LENGTH, 0, 0},
	{"v6-payload-65535", S(.ipv6 = true, PATCH(GOLDEN_IP, 4, 2, 65535)), VERDICT_IP_LENGTH, 0, 0},
	{"v6-payload-0", S(.ipv6 = true, PATCH(GOLDEN_IP, 4, 2, 0)), VERDICT_IP_LENGTH, 0, 0},
	{"v6-payload-7", S(.ipv6 = true, PATCH(GOLDEN_IP, 4, 2, 7)), VERDICT_IP_LENGTH, 0, 0},
	{"v6-payload-short-by-one", S(.ipv6 = true, PATCH(GOLDEN_IP, 4, 2, 55)), VERDICT_UDP_LENGTH, 0, 0},
	{"v4-ip-checksum", S(.ip_checksum_wrong = true), VERDICT_IP_CHECKSUM, 0, 0},
	{"v4-ip-checksum-udp-checked", S(.ip_checksum_wrong = true), VERDICT_IP_CHECKSUM, PACKET_UDP_CHECKSUM_GOOD, 0},
	{"v4-ttl-after-checksum", S(LATE(GOLDEN_IP, 8, 1, 54)), VERDICT_IP_CHECKSUM, 0, 0},
	{"v4-source-mac-broadcast", S(PATCH(GOLDEN_ETHERNET, 6, 6, 0xffffffffffff)), VERDICT_SOURCE_MAC, 0, 0},
	{"v6-source-mac-group", S(.ipv6 = true, PATCH(GOLDEN_ETHERNET, 6, 6, 0x333300000001)), VERDICT_SOURCE_MAC, 0, 0},
	{"v4-to-mac-broadcast", S(PATCH(GOLDEN_ETHERNET, 0, 6, 0xffffffffffff)), VERDICT_DESTINATION_MAC, 0, 0},
	{"v6-to-mac-group", S(.ipv6 = true, .tags = 1, PATCH(GOLDEN_ETHERNET, 0, 6, 0x333300000101)),
		VERDICT_DESTINATION_MAC, 0, 0},
	{"v4-both-macs-group", S(PATCH(GOLDEN_ETHERNET, 0, 8, 0x0100000000000300)), VERDICT_SOURCE_MAC, 0, 0},
	{"v4-from-multicast", S(.from = "224.0.1.1"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-class-e", S(.from = "240.1.2.3"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-broadcast", S(.from = "255.255.255.255"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-loopback", S(.from = "127.0.0.1"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-unspecified", S(.from = "0.0.0.0"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-network-0", S(.from = "0.1.2.3"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-itself", S(.from = GOLDEN_SERVER_IPV4), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-our-other", S(.from = GOLDEN_BARE_IPV4), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v6-from-multicast", S(.ipv6 = true, .from = "ff02::1"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v6-from-loopback", S(.ipv6 = true, .from = "::1"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v6-from-unspecified", S(.ipv6 = true, .from = "::"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v6-from-mapped", S(.ipv6 = true, .from = "::ffff:192.0.2.77"), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v6-from-itself", S(.ipv6 = true, .from = GOLDEN_SERVER_IPV6), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v6-from-our-other", S(.ipv6 = true, .from = GOLDEN_QINQ_IPV6), VERDICT_SOURCE_ADDRESS, 0, 0},
	{"v4-from-port-0", S(PATCH(GOLDEN_UDP, 0, 2, 0)), VERDICT_SOURCE_PORT, 0, 0},
	{"v6-from-port-0", S(.ipv6 = true, PATCH(GOLDEN_UDP, 0, 2, 0)), VERDICT_SOURCE_PORT, 0, 0},
	{"v4-udp-length-0", S(PATCH(GOLDEN_UDP, 4, 2, 0)), VERDICT_UDP_LENGTH, 0, 0},
	{"v4-udp-length-7", S(PATCH(GOLDEN_UDP, 4, 2, 7)), VERDICT_UDP_LENGTH, 0, 0},
	{"v4-udp-length-8", S(PATCH(GOLDEN_UDP, 4, 2, 8)), VERDICT_NTP_SHORT, 0, 0},
	{"v4-udp-length-too-long", S(PATCH(GOLDEN_UDP, 4, 2, 57)), VERDICT_UDP_LENGTH, 0, 0},
	{"v4-udp-length-in-padding", S(.padding = 40, PATCH(GOLDEN_UDP, 4, 2, 60)), VERDICT_UDP_LENGTH, 0, 0},
	{"v6-udp-length-65535", S(.ipv6 = true, PATCH(GOLDEN_UDP, 4, 2, 65535)), VERDICT_UDP_LENGTH, 0, 0},
	{"v6-udp-length-0", S(.ipv6 = true, PATCH(GOLDEN_UDP, 4, 2, 0)), VERDICT_UDP_LENGTH, 0, 0},
	{"v4-udp-checksum", S(.udp_checksum = GOLDEN_UDP_WRONG), VERDICT_UDP_CHECKSUM, 0, 0},
	{"v4-udp-checksum-ip-checked", S(.udp_checksum = GOLDEN_UDP_WRONG), VERDICT_UDP_CHECKSUM, PACKET_IP_CHECKSUM_GOOD, 0},
	{"v4-udp-checksum-not-partial", S(.udp_checksum = GOLDEN_UDP_WRONG), VERDICT_UDP_CHECKSUM,
		PACKET_UDP_CHECKSUM_PARTIAL, 0},
	{"v4-partial-unexpected", S(.udp_checksum = GOLDEN_UDP_PARTIAL), VERDICT_UDP_CHECKSUM, 0, 0},
	{"v6-udp-checksum", S(.ipv6 = true, .udp_checksum = GOLDEN_UDP_WRONG), VERDICT_UDP_CHECKSUM, 0, 0},
	{"v6-partial-unexpected", S(.ipv6 = true, .udp_checksum = GOLDEN_UDP_PARTIAL), VERDICT_UDP_CHECKSUM, 0, 0},
	{"v4-field-udp-checksum", S(.field = {{0x2005, 28, 0}}, .udp_checksum = GOLDEN_UDP_WRONG),
		VERDICT_UDP_CHECKSUM, 0, 0},
	{"v4-cookie-after-checksum", S(LATE(GOLDEN_NTP, 40, 8, 1)), VERDICT_UDP_CHECKSUM, 0, 0},
	{"v6-no-udp-checksum", S(.ipv6 = true, .udp_checksum = GOLDEN_UDP_NONE), VERDICT_UDP_NO_CHECKSUM, 0, 0},
	{"v6-no-udp-checksum-checked", S(.ipv6 = true, .udp_checksum = GOLDEN_UDP_NONE), VERDICT_UDP_NO_CHECKSUM,
		BOTH_GOOD, 0},
	{"v6-no-udp-checksum-partial", S(.ipv6 = true, .udp_checksum = GOLDEN_UDP_NONE), VERDICT_UDP_NO_CHECKSUM,
		PACKET_UDP_CHECKSUM_PARTIAL, 0},
	{"v4-ntpv1-mode-0-port-123", S(.lvm = GOLDEN_LVM(1, 0), .from_port = 123), VERDICT_MODE_RESERVED, 0, 0},
	{"v6-ntpv4-mode-0", S(.ipv6 = true, .lvm = GOLDEN_LVM(4, 0)), VERDICT_MODE_RESERVED, 0, 0},
	{"v4-passive", S(.lvm = GOLDEN_LVM(4, 2)), VERDICT_MODE_PASSIVE, 0, 0},
	{"v4-server-port-123", S(.lvm = GOLDEN_LVM(4, 4), .from_port = 123), VERDICT_MODE_SERVER, 0, 0},
	{"v4-broadcast", S(.lvm = GOLDEN_LVM(4, 5), .from_port = 123), VERDICT_MODE_BROADCAST, 0, 0},
	{"v4-ntpq", S(.lvm = GOLDEN_LVM(2, 6), .ntp_octets = 12), VERDICT_MODE_CONTROL, 0, 0},
	{"v4-ntpq-48", S(.lvm = GOLDEN_LVM(2, 6)), VERDICT_MODE_CONTROL, 0, 0},
	{"v4-ntpdc", S(.lvm = GOLDEN_LVM(2, 7), .ntp_octets = 8), VERDICT_MODE_PRIVATE, 0, 0},
	{"v4-ntpdc-192", S(.lvm = GOLDEN_LVM(2, 7), .ntp_octets = 192), VERDICT_MODE_PRIVATE, 0, 0},
	{"v4-version-0-client", S(.lvm = GOLDEN_LVM(0, 3)), VERDICT_NTP_VERSION, 0, 0},
	{"v4-version-5-client", S(.lvm = GOLDEN_LVM(5, 3)), VERDICT_NTP_VERSION, 0, 0},
	{"v6-version-7-control", S(.ipv6 = true, .lvm = GOLDEN_LVM(7, 6)), VERDICT_NTP_VERSION, 0, 0},
	{"v4-one-octet", S(.ntp_octets = 1), VERDICT_NTP_SHORT, 0, 0},
	{"v6-ntp-47", S(.ipv6 = true, .ntp_octets = 47), VERDICT_NTP_SHORT, 0, 0},
	{"v6-ntp-49", S(.ipv6 = true, .ntp_octets = 49), VERDICT_NTP_LENGTH, 0, 0},
	{"v4-field-27", S(.field = {{0x2005, 28, 27}}), VERDICT_NTP_LENGTH, 0, 0},
	{"v4-field-0", S(.field = {{0x2005, 0, 28}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-4", S(.field = {{0x2005, 4, 28}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-12", S(.field = {{0x2005, 12, 32}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-odd", S(.field = {{0x2005, 29, 32}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-30", S(.field = {{0x2005, 30, 32}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-beyond-end", S(.field = {{0x2005, 36, 32}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-65535", S(.field = {{0x2005, 65535, 32}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-65532", S(.field = {{0x2005, 65532, 32}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-field-into-surplus", S(.field = {{0x2005, 36, 32}}, .surplus = 16), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-last-field-16", S(.field = {{0x2005, 28, 0}, {0x2006, 16, 0}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-only-field-16", S(.field = {{0x2005, 16, 0}}), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-trailer-8", S(.mac = 8, .key_id = 1), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-trailer-12", S(.mac = 12, .key_id = 1), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-trailer-16", S(.mac = 16, .key_id = 16), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-trailer-68", S(.mac = 68, .key_id = 1), VERDICT_EXTENSION_LENGTH, 0, 0},
	{"v4-trailer-4", S(.mac = 4, .key_id = 1), VERDICT_MAC_LENGTH, 0, 0},
	{"v4-field-trailer-4", S(.field = {{0x2005, 28, 0}}, .mac = 4, .key_id = 7), VERDICT_MAC_LENGTH, 0, 0},
	{"v4-crypto-nak", S(.mac = 4), VERDICT_CRYPTO_NAK, 0, 0},
	{"v4-field-crypto-nak", S(.field = {{0x2005, 28, 0}}, .mac = 4), VERDICT_CRYPTO_NAK, 0, 0},
	{"v4-mac-20", S(.mac = 20, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v6-mac-24", S(.ipv6 = true, .mac = 24, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-mac-key-0", S(.mac = 20), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-field-mac-20", S(.field = {{0x2005, 16, 0}}, .mac = 20, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-field-mac-24", S(.field = {{0x2005, 28, 0}}, .mac = 24, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-ntpv3-crypto-nak", S(.lvm = GOLDEN_LVM(3, 3), .mac = 4), VERDICT_CRYPTO_NAK, 0, 0},
	{"v4-ntpv3-trailer-4", S(.lvm = GOLDEN_LVM(3, 3), .mac = 4, .key_id = 1), VERDICT_MAC_LENGTH, 0, 0},
	{"v4-ntpv3-trailer-16", S(.lvm = GOLDEN_LVM(3, 3), .mac = 16, .key_id = 1), VERDICT_MAC_LENGTH, 0, 0},
	{"v4-ntpv3-trailer-72", S(.lvm = GOLDEN_LVM(3, 3), .mac = 72, .key_id = 1), VERDICT_MAC_LENGTH, 0, 0},
	{"v4-ntpv3-field-100", S(.lvm = GOLDEN_LVM(3, 3), .field = {{0x2005, 100, 0}}), VERDICT_MAC_LENGTH, 0, 0},
	{"v4-ntpv3-mac-12", S(.lvm = GOLDEN_LVM(3, 3), .mac = 12, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-ntpv2-mac-12", S(.lvm = GOLDEN_LVM(2, 3), .mac = 12, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v6-ntpv3-mac-20", S(.ipv6 = true, .lvm = GOLDEN_LVM(3, 3), .mac = 20, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-ntpv3-mac-24", S(.lvm = GOLDEN_LVM(3, 1), .mac = 24, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-ntpv3-mac-36", S(.lvm = GOLDEN_LVM(3, 3), .mac = 36, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
	{"v4-ntpv3-mac-68", S(.lvm = GOLDEN_LVM(3, 3), .mac = 68, .key_id = 1), VERDICT_MAC_UNKNOWN_KEY, 0, 0},
};
/* clang-format on */

static void make_named(size_t number, struct golden_case *out)
{
	const struct named *n = &table[number];

	snprintf(out->name, sizeof(out->name), "%s", n->name);
	out->length = golden_build(&n->shape, out->frame);
	out->flags = n->flags;
	out->verdict = n->verdict;
	out->reply_lvm = n->reply ? (uint8_t)n->reply : (4 << 3 | 4);
	out->ipv6 = n->shape.ipv6;
	out->l3 = (uint8_t)(ETHERNET_HEADER + VLAN_TAG * n->shape.tags);
}

/* A frame of each shape, cut after every octet: first headers are missing, then what the IP header claims. */
static const struct golden_shape cut_shapes[] = {
	{.poll = 0},
	{.ipv6 = true},
	{.tags = 1},
	{.tags = 2, .ipv6 = true},
	{.field = {{0x2005, 28, 0}}, .ipv6 = true},
};

enum { CUT_SHAPES = sizeof(cut_shapes) / sizeof(cut_shapes[0]), CUT_MAX = 200, CUTS = CUT_SHAPES * CUT_MAX };

static void make_cut(size_t number, struct golden_case *out)
{
	const struct golden_shape *shape = &cut_shapes[number / CUT_MAX];
	const uint16_t length = (uint16_t)(number % CUT_MAX), full = golden_build(shape, out->frame);
	const unsigned l3 = ETHERNET_HEADER + VLAN_TAG * shape->tags;

	snprintf(out->name, sizeof(out->name), "cut-%zu-%u", number / CUT_MAX, length);
	memset(out->frame + full, 0, CUT_MAX);
	out->length = length;
	out->ipv6 = shape->ipv6;
	out->l3 = (uint8_t)l3;
	out->reply_lvm = 4 << 3 | 4;
	if (length < l3 + (shape->ipv6 ? IPV6_HEADER : IPV4_HEADER))
		out->verdict = VERDICT_TRUNCATED;
	else
		out->verdict = length < full ? VERDICT_IP_LENGTH : VERDICT_ANSWERED;
}

/* Every length of NTP, with all other lengths right; what follows the header is 0xa5. */
enum { SIZES = 256, SIZE_SWEEPS = 4 * SIZES };

static enum verdict verdict_of_size(unsigned size, unsigned version)
{
	unsigned trailer = size - NTP_HEADER;

	if (size < NTP_HEADER)
		return VERDICT_NTP_SHORT;
	if (size % 4)
		return VERDICT_NTP_LENGTH;
	if (trailer == 0)
		return VERDICT_ANSWERED;
	if (trailer == 4)
		return VERDICT_MAC_LENGTH;
	if (trailer == 20 || trailer == 24)
		return VERDICT_MAC_UNKNOWN_KEY;
	if (version == 4)
		return VERDICT_EXTENSION_LENGTH;
	return trailer == 12 || (trailer > 24 && trailer <= 68) ? VERDICT_MAC_UNKNOWN_KEY
								: VERDICT_MAC_LENGTH;
}

static void make_size(size_t number, struct golden_case *out)
{
	const unsigned size = number % SIZES, version = number / SIZES & 1 ? 4 : 3;
	struct golden_shape shape = {.ipv6 = number / SIZES / 2,
		.lvm = (uint16_t)GOLDEN_LVM(version, 3),
		.ntp_octets = (uint16_t)size};

	/* No octets at all is the one size that the shape cannot say. */
	if (size == 0) {
		shape.ntp_octets = 1;
		shape.patch[0] =
			(struct golden_patch){.layer = GOLDEN_UDP, .at = 4, .size = 2, .value = UDP_HEADER};
	}
	snprintf(out->name, sizeof(out->name), "size-%s-ntpv%u-%u", shape.ipv6 ? "v6" : "v4", version, size);
	out->length = golden_build(&shape, out->frame);
	out->verdict = verdict_of_size(size, version);
	out->reply_lvm = (uint8_t)(version << 3 | 4);
	out->ipv6 = shape.ipv6;
	out->l3 = ETHERNET_HEADER;
}

/* All versions, modes and leap bits, from a client's port and from a server's. */
enum { LVMS = 256, LVM_SWEEPS = 4 * LVMS };

static enum verdict verdict_of_lvm(unsigned version, unsigned mode, bool port_123)
{
	static const enum verdict refused[8] = {VERDICT_MODE_RESERVED, VERDICT_ANSWERED, VERDICT_MODE_PASSIVE,
		VERDICT_ANSWERED, VERDICT_MODE_SERVER, VERDICT_MODE_BROADCAST, VERDICT_MODE_CONTROL,
		VERDICT_MODE_PRIVATE};

	if (version < 1 || version > 4)
		return VERDICT_NTP_VERSION;
	if (version == 1 && mode == 0 && !port_123)
		return VERDICT_ANSWERED;
	return refused[mode];
}

static void make_lvm(size_t number, struct golden_case *out)
{
	const unsigned lvm = number % LVMS, version = lvm >> 3 & 7, mode = lvm & 7;
	const bool port_123 = number / LVMS & 1;
	const struct golden_shape shape = {
		.ipv6 = number / LVMS / 2, .lvm = (uint16_t)(0x100 | lvm), .from_port = port_123 ? 123 : 0};

	snprintf(out->name, sizeof(out->name), "lvm-%s-%s-%02x", shape.ipv6 ? "v6" : "v4",
		port_123 ? "server" : "client", lvm);
	out->length = golden_build(&shape, out->frame);
	out->verdict = verdict_of_lvm(version, mode, port_123);
	out->reply_lvm = (uint8_t)(version << 3 | (mode == 1 ? 2 : 4));
	out->ipv6 = shape.ipv6;
	out->l3 = ETHERNET_HEADER;
}

size_t golden_named(void)
{
	return sizeof(table) / sizeof(table[0]);
}

size_t golden_count(void)
{
	return golden_named() + CUTS + SIZE_SWEEPS + LVM_SWEEPS;
}

void golden_case(size_t number, struct golden_case *out)
{
	out->flags = 0;
	out->vlan_tci = GOLDEN_STRIPPED_TCI;
	if (number < golden_named())
		make_named(number, out);
	else if ((number -= golden_named()) < CUTS)
		make_cut(number, out);
	else if ((number -= CUTS) < SIZE_SWEEPS)
		make_size(number, out);
	else
		make_lvm(number - SIZE_SWEEPS, out);
	out->reply_length =
		(uint16_t)(out->l3 + (out->ipv6 ? IPV6_HEADER : IPV4_HEADER) + UDP_HEADER + NTP_HEADER);
}

void golden_policy(struct policy *policy)
{
	static const struct {
		const char *address;
		uint32_t vlan;
	} served[] = {
		{GOLDEN_SERVER_IPV4, SERVED_ANY_VLAN},
		{GOLDEN_SERVER_IPV6, SERVED_ANY_VLAN},
		{GOLDEN_TAGGED_IPV4, 0x1064},
		{GOLDEN_QINQ_IPV6, 0x106410c8},
		{GOLDEN_BARE_IPV4, 0},
	};

	policy_init(policy);
	policy->min_poll = 3;
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		uint8_t address[16];

		golden_address(address, served[i].address);
		if (!policy_serve(policy, address, served[i].vlan))
			abort();
	}
}

void golden_timebase(struct timebase *timebase)
{
	*timebase = (struct timebase){
		.counter = 1000000000,
		.time = UINT64_C(0xe5f1a2b300000000),
		.rate = UINT64_C(1208925819614630), /* 2^32 / 10^9 * 2^48 */
		.counter_hz = 1000000000,
		.valid_until = UINT64_C(3601000000000),
		.error_bound = 430, /* 100 ns */
		.root_dispersion = 4294967,
		.reference = UINT64_C(0xe5f1a2a880000000),
		.error_growth = 64425,
		.dispersion_growth = 64425,
		.root_delay = 0x123,
		.refid = {203, 0, 113, 7},
		.leap = NTP_LEAP_NONE,
		.stratum = 2,
	};
}
