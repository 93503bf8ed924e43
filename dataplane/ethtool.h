/*
 * What ethtool knows of a kernel interface, by its ioctl. Reads only: what an operator has set stays. Any
 * thread; needs no privilege.
 */
#ifndef DATAPLANE_ETHTOOL_H
#define DATAPLANE_ETHTOOL_H

#include <stdbool.h>
#include <stdint.h>

/* Combined channels, so receive queues of AF_XDP; 1 where there are none to speak of (veth). */
uint16_t ethtool_queues(const char *interface);

/* Receive queues that are channels of their own, so out of AF_XDP's reach in DPDK; 0 where channels are
 * combined. */
uint16_t ethtool_split_queues(const char *interface);

/* Whether UDP is spread over the queues by ports too, so that packets of one client meet several workers. */
bool ethtool_hashes_ports(const char *interface);

/* Whether the device takes VLAN tags out of frames before an XDP program sees them. */
bool ethtool_strips_vlan(const char *interface);

#endif
