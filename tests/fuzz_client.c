/*
 * Fuzz the judgement of replies (ntp/client.h). An input is version (1 octet), T1 and T4 (8 each,
 * big-endian), then the datagram, whose origin is right where it is the cookie "tickwire".
 */
#include <endian.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX = 1 + 8 + 8 };

static ntp64 take_time(const uint8_t *octets)
{
	uint64_t t;

	memcpy(&t, octets, sizeof(t));
	return be64toh(t);
}

static void require(int holds)
{
	if (!holds)
		abort();
}

/* What a user of an accepted reply relies on. */
static void check_answer(const struct client_reply *r, const struct client_request *request, size_t size)
{
	require(size >= NTP_HEADER_SIZE && size % 4 == 0);
	require(r->version == request->version);
	require(r->leap != NTP_LEAP_UNSYNC && r->stratum >= 1 && r->stratum <= NTP_STRATUM_MAX);
	require(r->transmit != 0 && r->receive != 0 && ntp64_diff(r->transmit, r->receive) >= 0);
	require(isfinite(r->offset) && r->delay >= -1.0 / 64);
	require(ntp32_to_seconds(r->root_delay) / 2 + ntp32_to_seconds(r->root_dispersion) < 16.00002);
	require(client_error_bound(r) >= fmax(r->delay, 0) / 2);
}

static void check_text(const struct client_reply *r)
{
	char text[CLIENT_REFID_TEXT];

	client_refid_text(text, r);
	for (const char *c = text; *c; c++)
		require(*c >= 0x20 && *c <= 0x7e);
	for (const char *c = r->kiss; *c; c++)
		require(*c > 0x20 && *c <= 0x7e);
	require((r->verdict == CLIENT_KISS) == (strlen(r->kiss) == 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_request request = {0};
	struct client_reply reply;
	uint8_t *datagram;

	if (size < PREFIX)
		return 0;
	request.version = (uint8_t)(data[0] % 8);
	memcpy(&request.cookie, "tickwire", sizeof(request.cookie));
	/* a copy of its own size, so that AddressSanitizer sees a read past the end */
	datagram = malloc(size - PREFIX + (size == PREFIX));
	require(datagram != NULL);
	memcpy(datagram, data + PREFIX, size - PREFIX);
	client_judge(&reply, &request, datagram, size - PREFIX, take_time(data + 1), take_time(data + 9));
	free(datagram);
	require(reply.verdict < CLIENT_VERDICT_COUNT);
	check_text(&reply);
	if (reply.verdict == CLIENT_ANSWERED)
		check_answer(&reply, &request, size - PREFIX);
	return 0;
}
