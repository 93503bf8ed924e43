#include "ntp/client.h"

#include <ctype.h>
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ntp/octets.h"

__extension__ typedef __int128 int128;

/* RFC 5905 figure 5: MAXDISP, in units of 2^-16 s. */
enum { MAX_ROOT_DISTANCE = 16 << 16 };

const struct client_verdict_info client_verdict_info[CLIENT_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [CLIENT_##symbol] = {name, meaning},
	CLIENT_VERDICTS(X)
#undef X
};

/* Whole words, as a load writes millions of these: octets stored one by one and then read as words would
 * stall. */
void client_request_write(uint8_t octets[NTP_HEADER_SIZE], const struct client_request *request)
{
	const uint8_t lvm = ntp_lvm(NTP_LEAP_NONE, request->version, NTP_MODE_CLIENT);

	memset(octets, 0, NTP_HEADER_SIZE);
	store_raw32(octets, place_octet(lvm, offsetof(struct ntp_header, lvm)) |
				    place_octet((uint8_t)request->poll, offsetof(struct ntp_header, poll)));
	store_raw64(octets + offsetof(struct ntp_header, transmit), request->cookie);
}

static void take_header(struct client_reply *reply, const struct ntp_header *header)
{
	reply->leap = (uint8_t)ntp_lvm_leap(header->lvm);
	reply->version = (uint8_t)ntp_lvm_version(header->lvm);
	reply->stratum = header->stratum;
	reply->poll = header->poll;
	reply->precision = header->precision;
	memcpy(reply->refid, header->refid, sizeof(reply->refid));
	reply->root_delay = be32toh(header->root_delay);
	reply->root_dispersion = be32toh(header->root_dispersion);
	reply->reference = be64toh(header->reference);
	reply->receive = be64toh(header->receive);
	reply->transmit = be64toh(header->transmit);
}

/* RFC 5905 section 7.4. An unsynchronised server also sends stratum 0; its reference id is no word. */
static int take_kiss(struct client_reply *reply)
{
	if (reply->stratum != 0)
		return 0;
	for (size_t i = 0; i < sizeof(reply->refid); i++)
		if (reply->refid[i] > 0x7f || !isgraph(reply->refid[i]))
			return 0;
	memcpy(reply->kiss, reply->refid, sizeof(reply->refid));
	return 1;
}

/* Sums of differences need 65 bits; one rounding, at the very end, keeps intervals below 2^20 s exact. */
static void measure(struct client_reply *reply, ntp64 t1, ntp64 t4)
{
	int64_t outward = ntp64_diff(reply->receive, t1), inward = ntp64_diff(reply->transmit, t4);
	int128 twice_offset = (int128)outward + inward;
	int128 delay = (int128)outward - inward;

	reply->offset = (double)twice_offset / 8589934592.0;
	reply->delay = (double)delay / 4294967296.0;
}

/*
 * T2 and T3 are only as fine as the server's precision, so that a delay may come out negative by that much.
 * What a server may claim is capped at 1/64 s, the coarsest tick still found in the field.
 */
static double delay_slack(int8_t precision)
{
	return ldexp(1.0, precision > -6 ? -6 : precision);
}

static enum client_verdict judge_envelope(
	const struct client_request *request, const struct ntp_header *header, size_t size)
{
	if (size % 4 != 0)
		return CLIENT_LENGTH;
	if (ntp_lvm_mode(header->lvm) != NTP_MODE_SERVER)
		return CLIENT_MODE;
	if (ntp_lvm_version(header->lvm) != request->version)
		return CLIENT_VERSION;
	return CLIENT_ANSWERED;
}

static enum client_verdict judge_times(struct client_reply *reply, ntp64 t1, ntp64 t4)
{
	if (reply->transmit == 0)
		return CLIENT_NO_TRANSMIT;
	if (reply->receive == 0)
		return CLIENT_NO_RECEIVE;
	if (ntp64_diff(reply->transmit, reply->receive) < 0)
		return CLIENT_RECEIVE_ORDER;
	measure(reply, t1, t4);
	if (reply->delay < -delay_slack(reply->precision))
		return CLIENT_NEGATIVE_DELAY;
	return CLIENT_ANSWERED;
}

/* An unsynchronised server's root is meaningless, so that it is not looked at. */
static enum client_verdict judge_root(const struct client_reply *reply)
{
	if (reply->leap == NTP_LEAP_UNSYNC || reply->stratum == 0 || reply->stratum > NTP_STRATUM_MAX)
		return CLIENT_UNSYNCHRONISED;
	if (reply->root_delay / 2 + (uint64_t)reply->root_dispersion >= MAX_ROOT_DISTANCE)
		return CLIENT_ROOT_DISTANCE;
	if (reply->reference != 0 && ntp64_diff(reply->transmit, reply->reference) < 0)
		return CLIENT_REFERENCE_ORDER;
	return CLIENT_ANSWERED;
}

static enum client_verdict judge(struct client_reply *reply, const struct client_request *request,
	const void *octets, size_t size, ntp64 t1, ntp64 t4)
{
	struct ntp_header header;
	enum client_verdict verdict;

	if (size < sizeof(header))
		return CLIENT_SHORT;
	memcpy(&header, octets, sizeof(header));
	if (header.origin != request->cookie)
		return CLIENT_ORIGIN;
	take_header(reply, &header);
	verdict = judge_envelope(request, &header, size);
	if (verdict != CLIENT_ANSWERED)
		return verdict;
	if (take_kiss(reply))
		return CLIENT_KISS;
	verdict = judge_times(reply, t1, t4);
	return verdict == CLIENT_ANSWERED ? judge_root(reply) : verdict;
}

enum client_verdict client_judge(struct client_reply *reply, const struct client_request *request,
	const void *octets, size_t size, ntp64 t1, ntp64 t4)
{
	*reply = (struct client_reply){0};
	reply->verdict = judge(reply, request, octets, size, t1, t4);
	return reply->verdict;
}

double client_error_bound(const struct client_reply *reply)
{
	double delay = reply->delay > 0 ? reply->delay : 0;

	return (delay + ntp32_to_seconds(reply->root_delay)) / 2 + ntp32_to_seconds(reply->root_dispersion);
}

static int is_word(const uint8_t refid[4])
{
	int length = (int)strnlen((const char *)refid, 4);

	for (int i = 0; i < 4; i++)
		if (i < length ? refid[i] < 0x20 || refid[i] > 0x7e : refid[i] != 0)
			return 0;
	return 1;
}

void client_refid_text(char text[CLIENT_REFID_TEXT], const struct client_reply *reply)
{
	const uint8_t *r = reply->refid;

	if (reply->stratum > 1)
		snprintf(text, CLIENT_REFID_TEXT, "%u.%u.%u.%u", r[0], r[1], r[2], r[3]);
	else if (is_word(r))
		snprintf(text, CLIENT_REFID_TEXT, "%.4s", (const char *)r);
	else
		snprintf(text, CLIENT_REFID_TEXT, "0x%02x%02x%02x%02x", r[0], r[1], r[2], r[3]);
}
