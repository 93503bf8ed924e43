/*
 * What the program in the kernel (bench/steer.bpf.c) and its loader (bench/steer.c) share: names, map keys
 * and values. Included from both sides, so it uses the kernel's own types only.
 */
#ifndef BENCH_STEER_MAP_H
#define BENCH_STEER_MAP_H

#include <linux/types.h>

/* The kernel keeps 15 characters of a name (BPF_OBJ_NAME_LEN). */
#define STEER_PROGRAM "tickwire_steer"
#define STEER_MAP_SOCKETS "xsks_map" /* DPDK's net_af_xdp looks for this name */
#define STEER_MAP_ADDRESSES "addresses"
#define STEER_MAP_TARGET "target"

enum {
	STEER_SOCKETS_MAX = 256, /* receive queues */
	STEER_ADDRESSES_MAX = 1024,
	STEER_ADDRESS_BITS = 128,
};

/* Key of `addresses`, a trie of prefixes: the longest that matches counts. */
struct steer_key {
	__u32 length;     /* in bits of the 16 octets: an IPv4 /24 is 120 */
	__u8 address[16]; /* order of the wire; IPv4 mapped (RFC 4291 section 2.5.5.2) */
};

/* Its value. */
enum steer_owner {
	STEER_KERNEL, /* as if it were not there */
	STEER_PLAYED, /* by the load alone: whatever is for it goes to the load */
	STEER_OWN,    /* the kernel's and the load's: only what the target sends, or what is about that */
};

/* The only element of `target`: whom the load asks. */
struct steer_target {
	__u8 address[16];
	__u16 port; /* network order */
	__u16 vlan; /* identifier, host order; 0: frames without a tag */
};

#endif
