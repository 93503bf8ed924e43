#include "dataplane/answer.h"

#include <assert.h>

#include "dataplane/checksum.h"
#include "dataplane/counters.h"
#include "dataplane/verdict.h"
#include "ntp/octets.h"
#include "ntp/packet.h"

enum {
	REPLY_UDP_LENGTH = UDP_HEADER + NTP_HEADER_SIZE,
	REPLY_IPV4_LENGTH = IPV4_HEADER + REPLY_UDP_LENGTH,
};
static_assert((int)BURST_MAX <= 1 << (32 + REPLY_PRECISION_FINEST), "a stamp for each");

void reply_prepare(struct reply *reply, const struct timebase *tb, const struct policy *policy,
	int8_t precision, bool checksum_offload, uint64_t received, uint64_t sent, uint64_t random)
{
	const bool synchronised = timebase_is_synchronised(tb, sent);
	/* Of the burst: a reply that mixed both sides of a leap second would be off by one. */
	const int64_t side = timebase_side(tb, received);
	const unsigned leap = synchronised ? timebase_leap(tb, side) : NTP_LEAP_UNSYNC,
		       stratum = synchronised ? tb->stratum : 0;
	const uint32_t mask = (UINT32_C(1) << (32 + precision)) - 1;
	ntp64 receive = (timebase_line(tb, received) - (ntp64)side) & ~(ntp64)mask,
	      transmit = (timebase_line(tb, sent) - (ntp64)side) & ~(ntp64)mask;
	uint64_t sum;

	/* Also where a timebase that jumped back came between the two reads. */
	if (ntp64_diff(transmit, receive) <= 0)
		transmit = receive + mask + 1;
	reply->first = join_raw32(place_octet((uint8_t)(leap << 6), 0) | place_octet((uint8_t)stratum, 1) |
					  place_octet((uint8_t)precision, 3),
		OCTETS_BE32(tb->root_delay));
	reply->min_poll = policy->min_poll;
	reply->checksum_offload = checksum_offload;
	store_be32(reply->root, timebase_dispersion(tb, sent));
	store_raw32(reply->root + 4, synchronised ? load_raw32(tb->refid) : 0);
	store_be64(reply->root + 8, tb->reference - (ntp64)side);
	reply->receive = OCTETS_BE64(receive);
	reply->transmit = OCTETS_BE64(transmit);
	reply->fuzz = (uint32_t)random;
	reply->fuzz_mask = mask;
	sum = checksum_add(reply->first, reply->root, sizeof(reply->root));
	sum = checksum_add64(checksum_add64(sum, reply->receive), reply->transmit);
	reply->sum = checksum_fold(sum);
}

void answer_silence(struct packet *packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (verdict_info[packets[i].verdict].disposition == DISPOSITION_ANSWER)
			packets[i].verdict = VERDICT_CLOCK_SILENT;
}

#define BY_MODE(version)                                                                          \
	[(version) << 3 | NTP_MODE_RESERVED] = (version) << 3 | NTP_MODE_SERVER,                  \
			  [(version) << 3 | NTP_MODE_ACTIVE] = (version) << 3 | NTP_MODE_PASSIVE, \
			  [(version) << 3 | NTP_MODE_CLIENT] = (version) << 3 | NTP_MODE_SERVER
const uint8_t reply_version_and_mode[64] = {BY_MODE(1), BY_MODE(2), BY_MODE(3), BY_MODE(4)};

/*
 * Write the NTP header over the request; gives `sum` with that of its words added, which has room for a
 * few 32-bit words. Put together in registers and stored by 64 bits: a struct filled octet by octet and
 * copied would stall on its own stores.
 */
SPECIALISED uint64_t write_ntp(const struct reply *reply, uint8_t *ntp, unsigned index, uint64_t sum)
{
	const int8_t request_poll = (int8_t)ntp[offsetof(struct ntp_header, poll)];
	const int8_t poll = request_poll > reply->min_poll ? request_poll : reply->min_poll;
	const uint64_t origin = load_raw64(ntp + offsetof(struct ntp_header, transmit));
	const uint32_t asked =
		place_octet(reply_version_and_mode[ntp[0] & 63], 0) | place_octet((uint8_t)poll, 2);
	const uint32_t below = OCTETS_BE32((reply->fuzz + index) & reply->fuzz_mask);
	const uint64_t receive = reply->receive | join_raw32(0, below);
	uint64_t transmit = reply->transmit | join_raw32(0, below);

	sum = checksum_add64(sum + reply->sum + asked + 2 * (uint64_t)below, origin);
	/* A client whose cookie happens to be our own time must still see two stamps that differ. */
	if (__builtin_expect(transmit == origin, 0)) {
		sum = checksum_add64(sum, ~transmit);
		transmit ^= join_raw32(0, OCTETS_BE32(1));
		sum = checksum_add64(sum, transmit);
	}
	store_raw64(ntp, reply->first | join_raw32(asked, 0));
	memcpy(ntp + offsetof(struct ntp_header, root_dispersion), reply->root, sizeof(reply->root));
	store_raw64(ntp + offsetof(struct ntp_header, origin), origin);
	store_raw64(ntp + offsetof(struct ntp_header, receive), receive);
	store_raw64(ntp + offsetof(struct ntp_header, transmit), transmit);
	return sum;
}

SPECIALISED void swap_macs(uint8_t *frame)
{
	const uint32_t to_high = load_raw32(frame), from_high = load_raw32(frame + 6);
	const uint16_t to_low = load_raw16(frame + 4), from_low = load_raw16(frame + 10);

	store_raw32(frame, from_high);
	store_raw16(frame + 4, from_low);
	store_raw32(frame + 6, to_high);
	store_raw16(frame + 10, to_low);
}

/*
 * Length and swapped ports; the checksum from the sum of all that it covers and 1 more, or from the
 * pseudo-header's to be completed. RFC 768: a computed zero goes out as all ones, because zero means none.
 * That is what comes of a sum that is 1 too high and taken from 0 instead of 0xffff; others come to the same.
 */
SPECIALISED void write_udp(uint8_t *udp, uint32_t ports, uint16_t length, uint64_t sum, bool offload)
{
	const uint16_t folded = checksum_fold(sum), checksum = offload ? folded : (uint16_t)-folded;

	store_raw32(udp, ports << 16 | ports >> 16);
	store_raw32(udp + 4, join_raw16(OCTETS_BE16(length), checksum));
}

SPECIALISED void write_ipv4(
	uint8_t *ip, uint32_t source, uint32_t destination, uint16_t udp_length, bool offload)
{
	/* No fragmentation, so identification is free to be 0 (RFC 6864 section 4.1). */
	const uint32_t length = OCTETS_BE32(UINT32_C(0x45000000) | (uint32_t)(IPV4_HEADER + udp_length));
	const uint32_t dont_fragment = OCTETS_BE32(UINT32_C(0x4000));
	const uint16_t protocol = OCTETS_BE16(HOP_LIMIT << 8 | PROTOCOL_UDP);
	uint64_t sum = (uint64_t)length + dont_fragment + protocol + source + destination;
	uint16_t checksum = offload ? 0 : (uint16_t)~checksum_fold(sum);

	store_raw64(ip, join_raw32(length, dont_fragment));
	store_raw64(ip + 8, join_raw32(join_raw16(protocol, checksum), source));
	store_raw32(ip + 16, destination);
}

SPECIALISED void write_ipv6(
	uint8_t *ip, const uint64_t source[2], const uint64_t destination[2], uint16_t udp_length)
{
	store_raw64(ip, join_raw32(OCTETS_BE32(UINT32_C(0x60000000)),
				OCTETS_BE32((uint32_t)udp_length << 16 | PROTOCOL_UDP << 8 | HOP_LIMIT)));
	store_raw64(ip + 8, source[0]);
	store_raw64(ip + 16, source[1]);
	store_raw64(ip + 24, destination[0]);
	store_raw64(ip + 32, destination[1]);
}

/* What the UDP checksum covers beside addresses and payload: the pseudo-header's rest, and the UDP header. */
SPECIALISED uint32_t sum_of_pseudo(uint16_t udp_length)
{
	return (uint32_t)OCTETS_BE16(PROTOCOL_UDP) + OCTETS_BE16(udp_length);
}

/* ... and 1, see write_udp. */
SPECIALISED uint32_t sum_of_udp(uint16_t udp_length)
{
	return (uint32_t)OCTETS_BE16(udp_length) + 1;
}

SPECIALISED uint64_t add_ipv6(uint64_t sum, const uint64_t address[2])
{
	return checksum_add64(checksum_add64(sum, address[0]), address[1]);
}

SPECIALISED void answer_ipv4(const struct reply *reply, uint8_t *ip, unsigned index, bool offload)
{
	const uint32_t source = load_raw32(ip + 16), destination = load_raw32(ip + 12);
	const uint32_t ports = load_raw32(ip + IPV4_HEADER);
	const uint64_t pseudo = (uint64_t)source + destination + sum_of_pseudo(REPLY_UDP_LENGTH);
	const uint64_t sum = write_ntp(
		reply, ip + IPV4_HEADER + UDP_HEADER, index, pseudo + ports + sum_of_udp(REPLY_UDP_LENGTH));

	write_ipv4(ip, source, destination, REPLY_UDP_LENGTH, offload);
	write_udp(ip + IPV4_HEADER, ports, REPLY_UDP_LENGTH, offload ? pseudo : sum, offload);
}

SPECIALISED void answer_ipv6(const struct reply *reply, uint8_t *ip, unsigned index, bool offload)
{
	const uint64_t source[2] = {load_raw64(ip + 24), load_raw64(ip + 32)};
	const uint64_t destination[2] = {load_raw64(ip + 8), load_raw64(ip + 16)};
	const uint32_t ports = load_raw32(ip + IPV6_HEADER);
	uint64_t pseudo, sum;

	pseudo = add_ipv6(add_ipv6(sum_of_pseudo(REPLY_UDP_LENGTH), source), destination);
	sum = write_ntp(
		reply, ip + IPV6_HEADER + UDP_HEADER, index, (uint64_t)ports + sum_of_udp(REPLY_UDP_LENGTH));
	write_ipv6(ip, source, destination, REPLY_UDP_LENGTH);
	write_udp(ip + IPV6_HEADER, ports, REPLY_UDP_LENGTH, offload ? pseudo : checksum_add64(pseudo, sum),
		offload);
}

SPECIALISED void answer(const struct reply *reply, struct packet *packets, unsigned n, bool offload)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &packets[i];
		const uint32_t l3 = packet->l3;
		uint8_t *frame = packet->data;

		if (__builtin_expect(packet->verdict != VERDICT_ANSWERED, 0))
			continue;
		swap_macs(frame);
		if (packet->is_ipv6) {
			answer_ipv6(reply, frame + l3, i, offload);
			packet->length = (uint16_t)(l3 + IPV6_HEADER + REPLY_UDP_LENGTH);
		} else {
			answer_ipv4(reply, frame + l3, i, offload);
			packet->length = (uint16_t)(l3 + REPLY_IPV4_LENGTH);
		}
	}
}

void answer_burst(const struct reply *reply, struct packet *packets, unsigned n)
{
	/* A copy that no store to a frame can reach, so that it may stay in registers. */
	const struct reply common = *reply;

	if (common.checksum_offload)
		answer(&common, packets, n, true);
	else
		answer(&common, packets, n, false);
}

__attribute__((noinline)) void answer_header(const struct reply *reply, uint8_t *ntp, unsigned index)
{
	(void)write_ntp(reply, ntp, index, 0);
}

/* The frame of any length, whose payload is summed where it stands. */
static void frame_ipv4(uint8_t *ip, uint16_t udp_length, bool offload)
{
	const uint32_t source = load_raw32(ip + 16), destination = load_raw32(ip + 12);
	uint8_t *udp = ip + IPV4_HEADER;
	const uint32_t ports = load_raw32(udp);
	uint64_t sum = (uint64_t)source + destination + sum_of_pseudo(udp_length);

	if (!offload)
		sum = checksum_add(sum + ports + sum_of_udp(udp_length), udp + UDP_HEADER,
			udp_length - (size_t)UDP_HEADER);
	write_ipv4(ip, source, destination, udp_length, offload);
	write_udp(udp, ports, udp_length, sum, offload);
}

static void frame_ipv6(uint8_t *ip, uint16_t udp_length, bool offload)
{
	const uint64_t source[2] = {load_raw64(ip + 24), load_raw64(ip + 32)};
	const uint64_t destination[2] = {load_raw64(ip + 8), load_raw64(ip + 16)};
	uint8_t *udp = ip + IPV6_HEADER;
	const uint32_t ports = load_raw32(udp);
	uint64_t sum = add_ipv6(add_ipv6(sum_of_pseudo(udp_length), source), destination);

	if (!offload)
		sum = checksum_add(checksum_add64(sum, (uint64_t)ports + sum_of_udp(udp_length)),
			udp + UDP_HEADER, udp_length - (size_t)UDP_HEADER);
	write_ipv6(ip, source, destination, udp_length);
	write_udp(udp, ports, udp_length, sum, offload);
}

void answer_frame(struct packet *packet, uint16_t ntp_size, bool offload)
{
	const uint16_t udp_length = (uint16_t)(UDP_HEADER + ntp_size);
	uint8_t *ip = packet->data + packet->l3;

	swap_macs(packet->data);
	if (packet->is_ipv6)
		frame_ipv6(ip, udp_length, offload);
	else
		frame_ipv4(ip, udp_length, offload);
	packet->length = (uint16_t)(packet->l3 + (packet->is_ipv6 ? IPV6_HEADER : IPV4_HEADER) + udp_length);
}

void answer_headers(const struct reply *reply, uint8_t *const *ntp, const uint8_t *number, unsigned n)
{
	/* as in answer_burst */
	const struct reply common = *reply;

	for (unsigned i = 0; i < n; i++)
		(void)write_ntp(&common, ntp[i], number[i], 0);
}

void answer_frames(struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size, bool offload)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &packets[number[i]];

		answer_frame(packet, ntp_size, offload);
		packet->flags |= PACKET_REPLY;
	}
}
