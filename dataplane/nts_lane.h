/*
 * The NTS lane (RFC 8915 section 5): what a burst's protected requests go through beside the plain lane. Two
 * steps around the transmit timestamp, so that as little as can be stands between it and the wire:
 *
 *   nts_lane_open    parse, open cookies, verify, make new cookies; dearest first
 *   nts_lane_seal    header with T3, authenticator, frame
 *
 * Pure: no DPDK, no clock, no system call. A struct nts_lane belongs to one worker; its counters are in
 * struct packet's verdicts.
 */
#ifndef DATAPLANE_NTS_LANE_H
#define DATAPLANE_NTS_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/answer.h"
#include "dataplane/packet.h"
#include "nts/keyring.h"
#include "nts/siv.h"

struct nts_lane;

/*
 * seed: random and secret octets for nonces. NULL where memory or the library fails. Not for the packet path.
 */
struct nts_lane *nts_lane_new(const struct siv_backend *backend, const uint8_t seed[16]);
void nts_lane_free(struct nts_lane *lane); /* keys are erased; NULL is harmless */

/* Take over a copy of the keyring; the old one is erased. An empty ring opens nothing. */
void nts_lane_keyring(struct nts_lane *lane, const struct keyring *ring);

/*
 * First step, for those of n packets (at most BURST_MAX) whose verdict is VERDICT_NTS_ANSWERED: others stay.
 * Those that fail get their verdict; where it calls for a Kiss-o'-Death and *kisses is not 0, *kisses is
 * lowered and the packet will be answered with NTSN. now: NTP time. Gives the packets that nts_lane_seal will
 * turn into replies, kisses included.
 */
unsigned nts_lane_open(
	struct nts_lane *lane, struct packet *packets, unsigned n, ntp64 now, unsigned *kisses);

/*
 * Second step, with the same packets and the burst's reply (T3): those become replies and get PACKET_REPLY.
 * All key material of the burst is erased.
 */
void nts_lane_seal(struct nts_lane *lane, const struct reply *reply, struct packet *packets, unsigned n);

#endif
