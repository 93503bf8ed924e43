/*
 * What the programs in the kernel (dataplane/xdp.bpf.c) and the supervisor (dataplane/kernel_path.c) share:
 * names, map keys and values. Included from both sides, so it uses the kernel's own types only.
 */
#ifndef DATAPLANE_XDP_H
#define DATAPLANE_XDP_H

#include <linux/types.h>

/* The kernel keeps 15 characters of a name (BPF_OBJ_NAME_LEN): compare no more of them. */
#define XDP_PROGRAM "tickwire_xdp"
#define XDP_TC_PROGRAM "tickwire_tc_drop"
#define XDP_MAP_SOCKETS "xsks_map" /* DPDK's net_af_xdp looks for this name */
#define XDP_MAP_SERVED "served"
#define XDP_MAP_SETTINGS "settings"
#define XDP_MAP_LEASE "lease"
#define XDP_MAP_COUNTS "counts"

enum {
	XDP_SOCKETS_MAX = 256,    /* receive queues; frames of a queue above go to the kernel */
	XDP_SERVED_ENTRIES = 512, /* old and new addresses side by side while they change: 2 SERVED_MAX */
	XDP_VLAN_TAGS = 2,
	XDP_VLAN_PRESENT = 0x1000, /* SERVED_VLAN_PRESENT */
};
#define XDP_ANY_VLAN 0xffffffffU /* SERVED_ANY_VLAN */

/* Key of `served`; the fields mean what they mean in struct served of dataplane/policy.h. The value is one
 * octet, 1. */
struct xdp_served {
	__u8 address[16];
	__u32 vlan;
};

/* The only element of `settings`. */
struct xdp_settings {
	__u16 ntp_port; /* network order; 0: nothing is ours */
	__u16 reserved;
};

/* The only element of `lease`, by which the tc program knows that somebody answers in the kernel's place. */
struct xdp_lease {
	__u64 until;      /* CLOCK_MONOTONIC in ns: later, nothing is dropped */
	__u32 made_qdisc; /* 1: the clsact qdisc came with the program and goes with it */
	__u32 reserved;
};

/* Index into `counts`, of 64-bit counters per CPU. */
enum xdp_count {
	XDP_COUNT_REDIRECTED, /* to the dataplane */
	XDP_COUNT_NO_SOCKET,  /* ours, but passed to the kernel as no socket serves their queue */
	XDP_COUNT_DROPPED,    /* by the tc program, as the dataplane has its own copy */
	XDP_COUNTS,
};

#endif
