/*
 * Step two of a packet's way: what is this frame? The cheapest and most selective checks come first, and all
 * that would send a frame to the kernel before any that drops it.
 */
#ifndef DATAPLANE_CLASSIFY_H
#define DATAPLANE_CLASSIFY_H

#include "dataplane/packet.h"
#include "dataplane/policy.h"
#include "dataplane/verdict.h"

/*
 * Set the verdict of each of n packets. VERDICT_ANSWERED means that answer_burst may be called on it: then l3
 * and is_ipv6 are set too, and data holds at least l3 octets, an IP header without options, a UDP header and
 * an NTP header; VERDICT_NTS_ANSWERED likewise, that nts_lane_open is to judge an NTPv4 client's request
 * whose UDP length is within the data, and flags have PACKET_NTS_USUAL where it is a usual one. Of frames
 * reads only, and only inside [data, data + length). Any thread; pure.
 */
void classify_burst(const struct policy *policy, struct packet *packets, unsigned n);

#endif
