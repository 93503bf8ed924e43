/*
 * Fuzz the judge of a load (bench/judge.h). An input is a row of acts, each 8 octets and what it needs:
 *   act (1 octet, % 4), step of time in microseconds (2, big-endian), client (1), which request (1, counted
 *   back from the newest), size (1, of the datagram), changes (1, how many follow), flags (1)
 * then as many changes of 2 octets each: place in the datagram and what is added there. Acts: 0 and 1: a
 * right reply, with its changes; 2: a request; 3: the judge is told to expire.
 */
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/judge.h"
#include "ntp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ACT = 8, REQUESTS = 256, ROOM = 256 };

/* A memory of its own. */
struct asked {
	uint64_t cookie, at_us;
	uint32_t client;
	int answered;
};

struct run {
	struct judge *judge;
	uint64_t now_us, asked, datagrams, valid;
	struct asked request[REQUESTS];
};

static void require(int holds)
{
	if (!holds)
		abort();
}

static ntp64 time_at(uint64_t us)
{
	return ntp64_from_unix(1790000000 + (int64_t)(us / 1000000), (uint32_t)(us % 1000000) * 1000 + 1);
}

static void ask(struct run *run, const uint8_t *act)
{
	struct asked *asked = &run->request[run->asked++ % REQUESTS];
	struct judge_request request = {.intended_ns = run->now_us * 1000,
		.sent_ns = (run->now_us + (act[7] >> 4)) * 1000,
		.client = act[3],
		.size = act[5],
		.version = act[7] & 7,
		.nts = act[7] >> 3 & 1};

	*asked = (struct asked){.client = act[3], .at_us = run->now_us};
	asked->cookie = judge_ask(run->judge, &request, time_at(run->now_us));
	require(asked->cookie != 0);
}

static void write_reply(const struct run *run, uint8_t octets[ROOM], const struct asked *asked)
{
	struct ntp_header header = {.lvm = ntp_lvm(0, 4, NTP_MODE_SERVER),
		.stratum = 1,
		.precision = -20,
		.origin = asked->cookie,
		.receive = htobe64(time_at(asked->at_us)),
		.transmit = htobe64(time_at(run->now_us))};

	memset(octets, 0, ROOM);
	memcpy(octets, &header, sizeof(header));
}

/* What must hold of VALID, whatever else is right. */
static void check_valid(struct run *run, const struct judge_datagram *came)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct asked *asked = &run->request[i];

		if (asked->cookie == 0 ||
			memcmp(&asked->cookie, came->octets + 24, sizeof(asked->cookie)) != 0)
			continue;
		require(!asked->answered && asked->client == came->client && came->from_target);
		asked->answered = 1;
		run->valid++;
		return;
	}
	require(0);
}

static void reply(struct run *run, const uint8_t *act, const uint8_t *changes)
{
	uint8_t octets[ROOM], *exact = malloc(act[5] + (act[5] == 0));
	struct judge_datagram came = {.octets = exact,
		.size = act[5],
		.received_ns = run->now_us * 1000,
		.t4 = time_at(run->now_us),
		.client = act[3],
		.from_target = act[7] & 1,
		.nts = (act[7] >> 1) % NTS_CLIENT_VERDICT_COUNT};
	struct judge_finding finding;

	require(exact != NULL);
	write_reply(run, octets, &run->request[(run->asked - act[4]) % REQUESTS]);
	for (unsigned i = 0; i < act[6]; i++)
		octets[changes[2 * i]] = (uint8_t)(octets[changes[2 * i]] + changes[2 * i + 1]);
	memcpy(exact, octets, act[5]);
	run->datagrams++;
	require(judge_reply(run->judge, &came, &finding) < JUDGE_VERDICT_COUNT);
	if (finding.verdict == JUDGE_VALID)
		check_valid(run, &came);
	free(exact);
}

static void check_counts(struct run *run)
{
	const struct judge_counts *counts = judge_counts(run->judge);
	uint64_t verdicts = 0;

	judge_expire(run->judge, run->now_us * 1000, true);
	require(counts->asked == run->asked && counts->asked == counts->answered + counts->lost);
	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		verdicts += counts->verdict[i];
	require(verdicts == run->datagrams && counts->verdict[JUDGE_VALID] == run->valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct judge_settings settings = {
		.slots_log2 = 10, .patience_ns = 1000000, .key = 1, .offset_limit = 0.01};
	struct run run = {.judge = judge_new(&settings)};

	require(run.judge != NULL);
	while (size >= ACT && size >= ACT + 2 * (size_t)data[6]) {
		run.now_us += (uint64_t)data[1] << 8 | data[2];
		if (data[0] % 4 < 2)
			reply(&run, data, data + ACT);
		else if (data[0] % 4 == 2)
			ask(&run, data);
		else
			judge_expire(run.judge, run.now_us * 1000, false);
		size -= ACT + 2 * (size_t)data[6];
		data += ACT + 2 * (size_t)data[6];
	}
	check_counts(&run);
	judge_free(run.judge);
	return 0;
}
