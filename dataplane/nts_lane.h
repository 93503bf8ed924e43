/*
 * The NTS lane (RFC 8915 section 5): what a burst's protected requests go through beside the plain lane, and
 * those with a Unique Identifier alone, which is to be echoed. Two steps around the transmit timestamp, so
 * that as little as can be stands between it and the wire:
 *
 *   nts_lane_open    parse, open cookies, verify, make new cookies: all that takes long
 *   nts_lane_seal    header with T3, authenticator, frame
 *
 * Pure: no DPDK, no clock, and in the steps no system call and no allocation. A struct nts_lane belongs to
 * one worker; its counters are the packets' verdicts.
 */
#ifndef DATAPLANE_NTS_LANE_H
#define DATAPLANE_NTS_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/answer.h"
#include "dataplane/packet.h"
#include "dataplane/packet_lane.h"
#include "ntp/timestamp.h"
#include "nts/keyring.h"
#include "nts/siv.h"

enum { NTS_LANE_SEED = 16 };

struct nts_lane;

/*
 * seed: random and secret octets that the nonces come from; the caller erases them. NULL where memory or the
 * library's ciphers cannot be had. Not for the packet path. The ring is empty; it is kept out of swap where
 * the caller may lock memory.
 */
struct nts_lane *nts_lane_new(const struct siv_backend *backend, const struct packet_lane *packet_lane,
	const uint8_t seed[NTS_LANE_SEED]);
void nts_lane_free(struct nts_lane *lane); /* keys are erased; NULL is harmless */

/*
 * Take over a copy of the keyring in place of the one before. Between bursts. An empty ring opens nothing:
 * all requests are VERDICT_NTS_UNKNOWN_KEY.
 */
void nts_lane_keyring(struct nts_lane *lane, const struct keyring *ring);

/*
 * First step, for those of n packets (at most BURST_MAX) whose verdict classify set to VERDICT_NTS_ANSWERED;
 * others are not touched. Requests that are not protected or fail get their verdict. Where that calls for a
 * Kiss-o'-Death and *kisses is not 0, *kisses is lowered by one and the request will be answered with NTSN.
 * now: NTP time, for the keys' ages. Gives the number of replies that nts_lane_seal will make, kisses
 * included; where it is 0, nts_lane_seal may be left out.
 */
unsigned nts_lane_open(
	struct nts_lane *lane, struct packet *packets, unsigned n, ntp64 now, unsigned *kisses);

/*
 * Second step, with the same n packets and the burst's reply (T3): what nts_lane_open let pass becomes a
 * reply, no longer than its request, and gets PACKET_REPLY. The keys of the burst are erased.
 */
void nts_lane_seal(struct nts_lane *lane, const struct reply *reply, struct packet *packets, unsigned n);

#endif
