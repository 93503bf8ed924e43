#include "tests/frame_golden.h"

#include <stdlib.h>
#include <string.h>

const uint8_t frame_golden_mac[6] = {0x02, 0, 0, 0, 0, 0x01}, frame_golden_peer[6] = {0x02, 0, 0, 0, 0, 0x02};

/* Lines: Ethernet; IP or ARP, and its addresses; what it carries. */
const struct frame_golden frame_golden[] = {
	{"udp-v4", FRAME_UDP,
		"020000000002 020000000001 0800 "
		"4500001f000040004011 6ec6 "
		"0a000007 c0000201 "
		"9c40 007b 000b 9312 010203"},
	{"udp-v6-vlan", FRAME_UDP,
		"020000000002 020000000001 8100 0064 86dd "
		"60000000 000c 1140 "
		"20010db8000a00000000000000000007 "
		"20010db8000000000000000000000001 "
		"0400 101b 000c b862 7469636b"},
	{"unreachable-v4", FRAME_UNREACHABLE,
		"020000000001 020000000002 0800 "
		"45000038123400004001 548a "
		"0a000001 0a000007 "
		"03 03 c94e 00000000 "
		"4500004c000040003c11 7299 "
		"0a000007 c0000201 "
		"9c40 007b 0038 96ba"},
	{"unreachable-v6", FRAME_UNREACHABLE,
		"020000000001 020000000002 86dd "
		"60000000 0068 3a40 "
		"20010db8000000000000000000000001 "
		"20010db8000a00000000000000000007 "
		"01 04 31aa 00000000 "
		"60000000 0038 113c "
		"20010db8000a00000000000000000007 "
		"20010db8000000000000000000000001 "
		"0400 007b 0038 9f7f "
		"000000000000000000000000000000000000000000000000 "
		"000000000000000000000000000000000000000000000000"},
	{"echo-v4", FRAME_ECHO,
		"020000000001 020000000002 0800 "
		"45000020000040004001 26d6 "
		"0a000001 0a000007 "
		"08 00 192c 0001 0002 70696e67"},
	{"echo-v6", FRAME_ECHO,
		"020000000001 020000000002 86dd "
		"60000000 000c 3a40 "
		"20010db8000000000000000000000001 "
		"20010db8000a00000000000000000007 "
		"80 00 4561 0001 0002 70696e67"},
	{"arp-request", FRAME_NEIGHBOUR,
		"ffffffffffff 020000000002 0806 "
		"0001 0800 06 04 0001 "
		"020000000002 0a000001 000000000000 0a000007"},
	{"arp-request-vlan", FRAME_NEIGHBOUR,
		"020000000001 020000000002 8100 2064 0806 "
		"0001 0800 06 04 0001 "
		"020000000002 0a000001 000000000000 0a000007"},
	{"arp-probe", FRAME_NEIGHBOUR,
		"ffffffffffff 020000000002 0806 "
		"0001 0800 06 04 0001 "
		"020000000002 00000000 000000000000 0a000007"},
	{"arp-reply", FRAME_NEIGHBOUR,
		"020000000001 020000000002 0806 "
		"0001 0800 06 04 0002 "
		"020000000002 0a000001 020000000001 0a000007"},
	{"ns-multicast", FRAME_NEIGHBOUR,
		"3333ff000007 020000000002 86dd "
		"60000000 0020 3aff "
		"fe800000000000000000000000000002 "
		"ff0200000000000000000001ff000007 "
		"87 00 4b49 00000000 20010db8000a00000000000000000007 "
		"01 01 020000000002"},
	{"ns-unicast-vlan", FRAME_NEIGHBOUR,
		"020000000001 020000000002 8100 2064 86dd "
		"60000000 0018 3aff "
		"fe800000000000000000000000000002 "
		"20010db8000a00000000000000000007 "
		"87 00 1e96 00000000 20010db8000a00000000000000000007"},
	{"ns-probe", FRAME_NEIGHBOUR,
		"3333ff000007 020000000002 86dd "
		"60000000 0018 3aff "
		"00000000000000000000000000000000 "
		"ff0200000000000000000001ff000007 "
		"87 00 4cd7 00000000 20010db8000a00000000000000000007"},
	{"na", FRAME_NEIGHBOUR,
		"020000000001 020000000002 86dd "
		"60000000 0020 3aff "
		"fe800000000000000000000000000002 "
		"20010db8000a00000000000000000007 "
		"88 00 68d1 e0000000 fe800000000000000000000000000002 "
		"02 01 020000000002"},
	{"fragment-v4", FRAME_FRAGMENT,
		"020000000001 020000000002 0800 "
		"45000024000720004011 8eba "
		"c0000201 0a000007 "
		"9c40 007b 0010 970a 0000000000000000"},
	{"fragment-v6", FRAME_FRAGMENT,
		"020000000001 020000000002 86dd "
		"60000000 0018 2c40 "
		"20010db8000000000000000000000001 "
		"20010db8000a00000000000000000007 "
		"1100000100000007 9c40 007b 0010 970a 0000000000000000"},
};

const size_t frame_golden_count = sizeof(frame_golden) / sizeof(frame_golden[0]);

static size_t parse(const char *hex, uint8_t octets[FRAME_MAX])
{
	size_t size = 0;

	for (; *hex; hex += *hex == ' ' ? 1 : 2) {
		const char digits[3] = {hex[0], hex[1], '\0'};

		if (*hex != ' ')
			octets[size++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return size;
}

size_t frame_golden_build(const char *name, uint8_t octets[FRAME_MAX])
{
	for (size_t i = 0; i < frame_golden_count; i++)
		if (strcmp(frame_golden[i].name, name) == 0)
			return parse(frame_golden[i].hex, octets);
	abort();
}

uint16_t frame_golden_checksum(uint64_t sum, const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? octets[i] : (uint64_t)octets[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void set(uint8_t *field, uint64_t sum, const uint8_t *octets, size_t size)
{
	uint16_t checksum;

	field[0] = field[1] = 0;
	checksum = frame_golden_checksum(sum, octets, size);
	field[0] = (uint8_t)(checksum >> 8);
	field[1] = (uint8_t)checksum;
}

/* From the header of UDP or ICMP on; addresses: those of the pseudo-header. */
static void repair_rest(
	uint8_t *rest, size_t size, uint8_t protocol, const uint8_t *addresses, size_t addresses_size)
{
	uint64_t sum = protocol + size;

	for (size_t i = 0; i < addresses_size; i++)
		sum += i % 2 ? addresses[i] : (uint64_t)addresses[i] << 8;
	if (protocol == 17 && size >= 8) {
		size_t udp_size = (size_t)rest[4] << 8 | rest[5];

		sum = sum - size + udp_size;
		if (udp_size < 8 || udp_size > size)
			return;
		set(rest + 6, sum, rest, udp_size);
		if (rest[6] == 0 && rest[7] == 0)
			rest[6] = rest[7] = 0xff;
	}
	if ((protocol == 1 || protocol == 58) && size >= 8)
		set(rest + 2, protocol == 58 ? sum : 0, rest, size);
}

void frame_golden_repair(uint8_t *frame, size_t size)
{
	size_t l3 = size > 18 && frame[12] == 0x81 && frame[13] == 0 ? 18 : 14, length;
	uint8_t *ip = frame + l3;

	if (size >= l3 + 20 && ip[-2] == 0x08 && ip[-1] == 0) {
		length = (size_t)ip[2] << 8 | ip[3];
		set(ip + 10, 0, ip, 20);
		if (length >= 20 && length <= size - l3)
			repair_rest(ip + 20, length - 20, ip[9], ip + 12, 8);
	} else if (size >= l3 + 40 && ip[-2] == 0x86 && ip[-1] == 0xdd) {
		length = (size_t)ip[4] << 8 | ip[5];
		if (length <= size - l3 - 40)
			repair_rest(ip + 40, length, ip[6], ip + 8, 32);
	}
}
