/* What the files of the NTS lane share: its state, and what becomes of requests. */
#ifndef DATAPLANE_NTS_LANE_PRIVATE_H
#define DATAPLANE_NTS_LANE_PRIVATE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/nts_lane.h"
#include "dataplane/packet_lane.h"
#include "dataplane/verdict.h"
#include "nts/burst.h"
#include "nts/burst_usual.h"
#include "nts/nonce.h"

enum { COOKIES_MAX = BURST_MAX * NTS_COOKIES_MAX, ALIGNMENT = 128 };
static_assert((int)NONCE == (int)NTS_NONCE && (int)NONCE == (int)COOKIE_NONCE, "one source for both");
static_assert((int)NTS_LANE_SEED == (int)NONCE_KEY, "the seed is the nonces' key");
static_assert((int)BURST_MAX <= (int)NTS_BURST_MAX, "a burst goes through at once");
static_assert(BURST_MAX <= UINT8_MAX, "a packet's number fits");

/*
 * A request on its way. As long as it is to be answered with authentication, its packet's verdict is
 * VERDICT_NTS_ANSWERED.
 */
struct task {
	struct nts_burst_item nts;
	uint8_t packet; /* its number in the burst */
	bool bare;      /* answered without: refused and to be told so, or it has an identifier alone */
};

/* Usual requests that are refused, and to be told so. */
struct usual_kisses {
	unsigned n;
	uint8_t number[BURST_MAX];
	uint8_t *packet[BURST_MAX];
};

struct nts_lane {
	_Alignas(ALIGNMENT) struct nts_burst *crypto;
	struct nonces *nonces;
	const struct packet_lane *packet_lane;
	/* The burst's, between the two steps and within them. First usual requests, which need no more than
	 * this: */
	struct nts_usual_list usual[NTS_USUALS];
	struct usual_kisses kisses;
	/* The others. */
	unsigned tasks, alive; /* all, and those to be answered with authentication */
	unsigned bare;         /* to be answered without */
	bool refused;          /* since the list was last cleared of what is not alive any more */
	struct task task[BURST_MAX];
	struct nts_burst_item *item[BURST_MAX]; /* of the tasks that are alive */
	struct nts_burst_cookie cookie[COOKIES_MAX];
	/* Of all. */
	unsigned requests; /* that have keys, in the order in which they came */
	struct siv_lanes_keys keys[BURST_MAX];
	uint8_t nonce[BURST_MAX + COOKIES_MAX][NONCE]; /* of replies, and behind them of cookies */
};
static_assert(
	sizeof(struct nts_lane) % ALIGNMENT == 0, "no cache line, nor a pair of them, is of two workers");

/* Indexed by enum cookie_verdict. */
extern const uint8_t nts_lane_verdict_of_cookie[COOKIE_VERDICT_COUNT];

/*
 * What nts_lane_open does of usual requests: take those of the burst, by the PACKET_NTS_USUAL that it gives,
 * which are none where there can be no usual replies; open; verify; and make cookies, with nonces for
 * `replies` and behind them for all cookies, of which those of usual requests come first.
 */
unsigned nts_lane_usual_take(struct nts_lane *lane, const struct packet *packets, unsigned n, ntp64 now);
void nts_lane_usual_open(struct nts_lane *lane, struct packet *packets, ntp64 now, unsigned *kisses);
void nts_lane_usual_verify(struct nts_lane *lane, struct packet *packets, unsigned *kisses);
void nts_lane_usual_bake(struct nts_lane *lane, struct packet *packets, const struct keyring_key *key,
	unsigned replies, unsigned *kisses);

/* What nts_lane_seal does of them. */
void nts_lane_usual_headers(struct nts_lane *lane, const struct reply *reply);
void nts_lane_usual_seal(struct nts_lane *lane, struct packet *packets, bool offload);

/* Usual requests that are to be answered with authentication. */
static inline unsigned nts_lane_usual_alive(const struct nts_lane *lane)
{
	static_assert(NTS_USUALS == 2, "all kinds");
	return lane->usual[0].n + lane->usual[1].n;
}

#endif
