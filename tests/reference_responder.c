#include "tests/reference_responder.h"

#include <string.h>

#include "dataplane/packet.h"
#include "tests/golden.h"

/* A request, taken apart. */
struct request {
	const uint8_t *ip, *udp, *ntp;
	bool ipv6;
	uint32_t vlan;
	uint32_t payload; /* octets from udp on that belong to the IP datagram */
	uint32_t udp_length;
	uint8_t source[16], destination[16];
};

static uint32_t get(const uint8_t *octets, int size)
{
	uint32_t value = 0;

	for (int i = 0; i < size; i++)
		value = value << 8 | octets[i];
	return value;
}

static bool is_zero(const uint8_t *octets, int size)
{
	for (int i = 0; i < size; i++)
		if (octets[i])
			return false;
	return true;
}

/* By looking at every slot, so that a wrong hash would be found. */
static bool is_served(const struct policy *policy, const uint8_t address[16], bool any, uint32_t vlan)
{
	for (unsigned i = 0; i < SERVED_SLOTS; i++) {
		const struct served *s = &policy->served[i];

		if (s->used && memcmp(s->address, address, 16) == 0 &&
			(any || s->vlan == SERVED_ANY_VLAN || s->vlan == vlan))
			return true;
	}
	return false;
}

static void map_ipv4(uint8_t address[16], const uint8_t *ipv4)
{
	memset(address, 0, 16);
	address[10] = address[11] = 0xff;
	memcpy(address + 12, ipv4, 4);
}

/* A tag with identifier 0 says a priority and no VLAN. */
static uint32_t add_tag(uint32_t vlan, uint32_t tci)
{
	const uint32_t id = tci & 0xfff;

	return id == 0 ? vlan : vlan << 16 | 0x1000 | id;
}

static enum verdict take_ethernet(
	struct request *r, unsigned flags, uint16_t vlan_tci, const uint8_t *frame, uint32_t length)
{
	uint32_t at = 12, tags = 0;

	if (length < 14)
		return VERDICT_TRUNCATED;
	if (flags & PACKET_SEGMENTED)
		return VERDICT_SEGMENTED;
	r->vlan = 0;
	if (flags & PACKET_VLAN_STRIPPED) {
		r->vlan = add_tag(0, vlan_tci);
		tags = 1;
	}
	while (get(frame + at, 2) == 0x8100 || get(frame + at, 2) == 0x88a8) {
		if (tags == 2)
			return VERDICT_NOT_IP;
		if (length < at + 6)
			return VERDICT_TRUNCATED;
		r->vlan = add_tag(r->vlan, get(frame + at + 2, 2));
		tags++;
		at += 4;
	}
	r->ip = frame + at + 2;
	r->ipv6 = get(frame + at, 2) == 0x86dd;
	return r->ipv6 || get(frame + at, 2) == 0x0800 ? VERDICT_ANSWERED : VERDICT_NOT_IP;
}

static enum verdict take_ipv4(struct request *r, uint32_t room)
{
	uint32_t words, total;

	if (room < 20)
		return VERDICT_TRUNCATED;
	if (r->ip[0] >> 4 != 4)
		return VERDICT_IP_VERSION;
	words = r->ip[0] & 0xf;
	if (words < 5)
		return VERDICT_IP_LENGTH;
	if (words > 5)
		return VERDICT_IPV4_OPTIONS;
	total = get(r->ip + 2, 2);
	if (total < 20 || total > room)
		return VERDICT_IP_LENGTH;
	if (r->ip[9] != 17)
		return VERDICT_NOT_UDP;
	if (get(r->ip + 6, 2) & 0x3fff)
		return VERDICT_IPV4_FRAGMENT;
	r->udp = r->ip + 20;
	r->payload = total - 20;
	map_ipv4(r->source, r->ip + 12);
	map_ipv4(r->destination, r->ip + 16);
	return VERDICT_ANSWERED;
}

static enum verdict take_ipv6(struct request *r, uint32_t room)
{
	static const uint8_t extensions[] = {0, 43, 44, 50, 51, 60, 135};

	if (room < 40)
		return VERDICT_TRUNCATED;
	if (r->ip[0] >> 4 != 6)
		return VERDICT_IP_VERSION;
	r->payload = get(r->ip + 4, 2);
	if (r->payload > room - 40)
		return VERDICT_IP_LENGTH;
	if (memchr(extensions, r->ip[6], sizeof(extensions)))
		return VERDICT_IPV6_EXTENSION;
	if (r->ip[6] != 17)
		return VERDICT_NOT_UDP;
	r->udp = r->ip + 40;
	memcpy(r->source, r->ip + 8, 16);
	memcpy(r->destination, r->ip + 24, 16);
	return VERDICT_ANSWERED;
}

static bool is_strange_source(const struct request *r)
{
	const uint8_t first = r->ipv6 ? r->source[0] : r->source[12];

	if (r->ipv6)
		return first == 0xff || is_zero(r->source, 8);
	return first == 0 || first == 127 || first >= 224;
}

static enum verdict judge_trailer(const uint8_t *at, uint32_t size, unsigned version)
{
	if (size == 0)
		return VERDICT_ANSWERED;
	if (size == 4)
		return is_zero(at, 4) ? VERDICT_CRYPTO_NAK : VERDICT_MAC_LENGTH;
	if (version <= 3)
		return size == 12 || (size >= 20 && size <= 68) ? VERDICT_MAC_UNKNOWN_KEY
								: VERDICT_MAC_LENGTH;
	if (size == 20 || size == 24)
		return VERDICT_MAC_UNKNOWN_KEY;
	if (size < 28)
		return VERDICT_EXTENSION_LENGTH;
	if (get(at + 2, 2) < 16 || get(at + 2, 2) % 4 || get(at + 2, 2) > size)
		return VERDICT_EXTENSION_LENGTH;
	return judge_trailer(at + get(at + 2, 2), size - get(at + 2, 2), version);
}

static enum verdict judge_mode(const struct request *r)
{
	static const enum verdict verdicts[8] = {VERDICT_MODE_RESERVED, VERDICT_ANSWERED,
		VERDICT_MODE_PASSIVE, VERDICT_ANSWERED, VERDICT_MODE_SERVER, VERDICT_MODE_BROADCAST,
		VERDICT_MODE_CONTROL, VERDICT_MODE_PRIVATE};
	const unsigned version = r->ntp[0] >> 3 & 7, mode = r->ntp[0] & 7;

	if (version == 0 || version > 4)
		return VERDICT_NTP_VERSION;
	if (version == 1 && mode == 0 && get(r->udp, 2) != 123)
		return VERDICT_ANSWERED;
	return verdicts[mode];
}

static enum verdict judge_ntp(const struct request *r)
{
	const uint32_t size = r->udp_length - 8;

	if (size < 48) {
		enum verdict verdict = size == 0 ? VERDICT_NTP_SHORT : judge_mode(r);

		return verdict == VERDICT_MODE_CONTROL || verdict == VERDICT_MODE_PRIVATE ? verdict
											  : VERDICT_NTP_SHORT;
	}
	if (size % 4)
		return VERDICT_NTP_LENGTH;
	if (judge_mode(r) != VERDICT_ANSWERED)
		return judge_mode(r);
	return judge_trailer(r->ntp + 48, size - 48, r->ntp[0] >> 3 & 7);
}

static enum verdict judge_checksums(const struct request *r, unsigned flags)
{
	const uint16_t checksum = (uint16_t)get(r->udp + 6, 2),
		       pseudo = golden_pseudo_sum(r->ip, r->ipv6, (uint16_t)r->udp_length);

	if (!r->ipv6 && !(flags & PACKET_IP_CHECKSUM_GOOD) && golden_sum(0, r->ip, 20) != 0xffff)
		return VERDICT_IP_CHECKSUM;
	if (checksum == 0)
		return r->ipv6 ? VERDICT_UDP_NO_CHECKSUM : VERDICT_ANSWERED;
	if ((flags & PACKET_UDP_CHECKSUM_GOOD) || golden_sum(pseudo, r->udp, r->udp_length) == 0xffff)
		return VERDICT_ANSWERED;
	return (flags & PACKET_UDP_CHECKSUM_PARTIAL) && checksum == pseudo ? VERDICT_ANSWERED
									   : VERDICT_UDP_CHECKSUM;
}

static enum verdict judge(struct request *r, const struct policy *policy, unsigned flags, uint16_t vlan_tci,
	const uint8_t *frame, uint16_t length)
{
	enum verdict verdict = take_ethernet(r, flags, vlan_tci, frame, length);

	if (verdict != VERDICT_ANSWERED)
		return verdict;
	verdict = (r->ipv6 ? take_ipv6 : take_ipv4)(r, length - (uint32_t)(r->ip - frame));
	if (verdict != VERDICT_ANSWERED)
		return verdict;
	if ((r->ipv6 && is_zero(r->destination, 8)) || !is_served(policy, r->destination, false, r->vlan))
		return VERDICT_OTHER_ADDRESS;
	if (r->payload < 8)
		return VERDICT_IP_LENGTH;
	if (get(r->udp + 2, 2) != policy->ntp_port)
		return VERDICT_OTHER_PORT;
	if (frame[6] & 1)
		return VERDICT_SOURCE_MAC;
	if (frame[0] & 1)
		return VERDICT_DESTINATION_MAC;
	if (is_strange_source(r) || is_served(policy, r->source, true, 0))
		return VERDICT_SOURCE_ADDRESS;
	if (get(r->udp, 2) == 0)
		return VERDICT_SOURCE_PORT;
	r->udp_length = get(r->udp + 4, 2);
	if (r->udp_length < 8 || r->udp_length > r->payload)
		return VERDICT_UDP_LENGTH;
	r->ntp = r->udp + 8;
	verdict = judge_ntp(r);
	return verdict == VERDICT_ANSWERED ? judge_checksums(r, flags) : verdict;
}

static void set(uint8_t *at, uint64_t value, int size)
{
	for (int i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* The line by schoolbook: whole units, rounded towards the past. */
static uint64_t time_at(const struct timebase *tb, uint64_t counter)
{
	const int64_t ticks = (int64_t)(counter - tb->counter);
	const unsigned __int128 size = ticks < 0 ? (unsigned __int128)0 - (unsigned __int128)(__int128)ticks
						 : (unsigned __int128)ticks;
	const unsigned __int128 product = size * tb->rate, below = ((unsigned __int128)1 << 48) - 1;
	const uint64_t whole = (uint64_t)(product >> 48);

	return ticks < 0 ? tb->time - whole - ((product & below) != 0) : tb->time + whole;
}

static uint32_t dispersion_at(const struct timebase *tb, uint64_t counter)
{
	const int64_t age = (int64_t)(time_at(tb, counter) - tb->time);
	const unsigned __int128 growth = (unsigned __int128)tb->error_growth;
	unsigned __int128 units = (unsigned __int128)tb->error_bound + tb->root_dispersion;

	/* Each growth is rounded up to a unit, or by one where it is whole. */
	units += (((unsigned __int128)(age < 0 ? 0 : age) * growth) >> 32) + 1;
	units += (((unsigned __int128)(age < 0 ? 0 : age) * tb->dispersion_growth) >> 32) + 1;
	units = (units + 0xffff) >> 16;
	return units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
}

static void write_ntp(
	uint8_t *ntp, const struct request *r, const struct policy *policy, const struct reference_moment *m)
{
	const struct timebase *tb = m->timebase;
	const bool good = tb->leap != 3 && tb->stratum <= 15 && (int64_t)(tb->valid_until - m->sent) > 0;
	const uint8_t lvm = r->ntp[0], mode = (lvm & 7) == 1 ? 2 : 4;
	const int8_t poll = (int8_t)r->ntp[2];
	const uint64_t step = UINT64_C(1) << (32 + m->precision);
	const uint64_t fill = ((uint32_t)m->random + m->index) % step;
	/* The side of a leap second is that of the reception, for everything. */
	const bool turned = tb->leap_step && (int64_t)(m->received - tb->leap_at) >= 0;
	const uint64_t back = turned ? (uint64_t)tb->leap_step : 0;
	const uint8_t leap = turned && tb->leap != 3 ? 0 : tb->leap;
	uint64_t t2 = (time_at(tb, m->received) - back) / step * step,
		 t3 = (time_at(tb, m->sent) - back) / step * step;

	if ((int64_t)(t3 - t2) <= 0)
		t3 = t2 + step;
	t2 += fill;
	t3 += fill;
	memcpy(ntp + 24, r->ntp + 40, 8);
	ntp[0] = (uint8_t)((good ? leap : 3) << 6 | (lvm & 0x38) | mode);
	ntp[1] = good ? tb->stratum : 0;
	ntp[2] = (uint8_t)(poll > policy->min_poll ? poll : policy->min_poll);
	ntp[3] = (uint8_t)m->precision;
	set(ntp + 4, tb->root_delay, 4);
	set(ntp + 8, dispersion_at(tb, m->sent), 4);
	set(ntp + 12, good ? get(tb->refid, 4) : 0, 4);
	set(ntp + 16, tb->reference - back, 8);
	set(ntp + 32, t2, 8);
	set(ntp + 40, t3, 8);
	if (memcmp(ntp + 40, ntp + 24, 8) == 0)
		ntp[47] ^= 1;
}

static void write_ip(uint8_t *ip, const struct request *r)
{
	if (r->ipv6) {
		set(ip, 0x6000000000381140, 8);
		memcpy(ip + 8, r->destination, 16);
		memcpy(ip + 24, r->source, 16);
		return;
	}
	set(ip, 0x4500004c00004000, 8);
	set(ip + 8, 0x40110000, 4);
	memcpy(ip + 12, r->destination + 12, 4);
	memcpy(ip + 16, r->source + 12, 4);
}

static void write_checksums(uint8_t *ip, uint8_t *udp, bool ipv6, bool offload)
{
	const uint16_t pseudo = golden_pseudo_sum(ip, ipv6, 56);
	uint16_t sum;

	if (offload) {
		set(udp + 6, pseudo, 2);
		return;
	}
	if (!ipv6)
		set(ip + 10, (uint16_t)~golden_sum(0, ip, 20), 2);
	sum = (uint16_t)~golden_sum(pseudo, udp, 56);
	set(udp + 6, sum ? sum : 0xffff, 2);
}

enum verdict reference_respond(const struct policy *policy, const struct reference_moment *moment,
	unsigned flags, uint16_t vlan_tci, const uint8_t *frame, uint16_t length, uint8_t *reply,
	uint16_t *reply_length)
{
	struct request r;
	const enum verdict verdict = judge(&r, policy, flags, vlan_tci, frame, length);
	uint8_t *ip, *udp;

	if (verdict != VERDICT_ANSWERED)
		return verdict;
	memcpy(reply, frame + 6, 6);
	memcpy(reply + 6, frame, 6);
	memcpy(reply + 12, frame + 12, (size_t)(r.ip - frame - 12));
	ip = reply + (r.ip - frame);
	udp = reply + (r.udp - frame);
	write_ip(ip, &r);
	memcpy(udp, r.udp + 2, 2);
	memcpy(udp + 2, r.udp, 2);
	set(udp + 4, 56 << 16, 4);
	write_ntp(udp + 8, &r, policy, moment);
	write_checksums(ip, udp, r.ipv6, moment->checksum_offload);
	*reply_length = (uint16_t)(udp + 56 - reply);
	return VERDICT_ANSWERED;
}
