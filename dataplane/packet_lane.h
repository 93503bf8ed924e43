/*
 * The packet lane: steps two and three of a packet's way, dataplane/classify.h and dataplane/answer.h, by
 * what the CPU has. All lanes come to the same results, octet for octet; they differ in how many usual
 * packets they do at once, and leave the others to the generic one. Pure.
 */
#ifndef DATAPLANE_PACKET_LANE_H
#define DATAPLANE_PACKET_LANE_H

#include <stdbool.h>

#include "dataplane/answer.h"
#include "dataplane/packet.h"
#include "dataplane/policy.h"

struct packet_lane {
	const char *name;        /* stable; [a-z0-9-] */
	bool (*supported)(void); /* by this CPU; the others are called only where it is */
	void (*classify)(const struct policy *policy, struct packet *packets, unsigned n);
	void (*answer)(const struct reply *reply, struct packet *packets, unsigned n);
	/* Of protected replies: answer_headers and answer_frames. */
	void (*headers)(const struct reply *reply, uint8_t *const *ntp, const uint8_t *number, unsigned n);
	void (*frames)(
		struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size, bool offload);
};

/* All that were built, best first; the last is "generic", supported everywhere; ends in NULL. */
extern const struct packet_lane *const packet_lanes[];

/* The first that this CPU supports. */
const struct packet_lane *packet_lane_best(void);

/* NULL where there is none of that name. */
const struct packet_lane *packet_lane_find(const char *name);

/*
 * "avx512": usual packets are untagged and of IPv4, with 48 octets of NTP or a usual request of NTS
 * (nts/usual.h), to the address of the first of them, and their checksums are right. Four neighbours that are
 * all usual, and of one kind, are done at once. So are any four headers, and frames that begin alike: of IPv4
 * with up to two tags, or of IPv6 without one. Reads and writes only what the generic lane may.
 */
void classify_burst_avx512(const struct policy *policy, struct packet *packets, unsigned n);
void answer_burst_avx512(const struct reply *reply, struct packet *packets, unsigned n);
void answer_headers_avx512(const struct reply *reply, uint8_t *const *ntp, const uint8_t *number, unsigned n);
void answer_frames_avx512(
	struct packet *packets, const uint8_t *number, unsigned n, uint16_t ntp_size, bool offload);

#endif
