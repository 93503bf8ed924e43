/*
 * The golden packets: one table of frames and what must become of them, shared by unit tests, fuzz seeds and
 * benchmarks. Frames are built octet by octet and their checksums by RFC 1071 as it is written, with nothing
 * taken from the packet path that they test.
 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/policy.h"
#include "dataplane/verdict.h"
#include "refclock/timebase.h"

enum {
	GOLDEN_FRAME_MAX = 9600,
	GOLDEN_NAME_MAX = 64,
	GOLDEN_TAGS = 3,
	GOLDEN_FIELDS = 4,
	GOLDEN_PATCHES = 3,
	GOLDEN_STRIPPED_TCI = 0xe064, /* priority 7, VLAN 100: what the port is said to have stripped */
};

/* Leap, version and mode where 0 means "as usual". */
#define GOLDEN_LVM(version, mode) (0x100 | (version) << 3 | (mode))
/* An IPv6 extension header of 8 octets, where 0 means none. */
#define GOLDEN_EXTENSION(type) (0x100 | (type))

enum golden_layer { GOLDEN_ETHERNET, GOLDEN_IP, GOLDEN_UDP, GOLDEN_NTP };

enum golden_udp_checksum {
	GOLDEN_UDP_RIGHT = 0,
	GOLDEN_UDP_WRONG,
	GOLDEN_UDP_NONE,    /* 0 */
	GOLDEN_UDP_PARTIAL, /* the pseudo-header's sum, to be completed by a device */
};

/* An extension field: the length it claims, and its octets where they are not as many. */
struct golden_field {
	uint16_t type, length, octets;
};

/* An integer written over the frame, big-endian; `late` after the checksums were made, so that they do not
 * fit it. */
struct golden_patch {
	uint8_t layer, at, size;
	bool late;
	uint64_t value;
};

/* A frame. Whatever is 0 is as usual: a right NTPv4 client's request over IPv4 without tags. */
struct golden_shape {
	bool ipv6;
	uint8_t tags;                /* outermost first */
	uint16_t tpid[GOLDEN_TAGS];  /* 0: 0x8100 */
	uint16_t tci[GOLDEN_TAGS];   /* 0: VLAN 100, 200, 300 */
	const char *from, *to;       /* addresses as text; NULL: GOLDEN_CLIENT and GOLDEN_SERVER */
	uint16_t from_port, to_port; /* 0: 40123 and 123 */
	uint8_t options;             /* octets of IPv4 options */
	uint16_t extension;          /* GOLDEN_EXTENSION(type) */
	uint16_t lvm;                /* GOLDEN_LVM(version, mode) */
	int8_t poll;                 /* as it is */
	uint64_t transmit;           /* 0: some cookie */
	struct golden_field field[GOLDEN_FIELDS];
	uint16_t mac; /* octets of trailer, key id included */
	uint32_t key_id;
	uint16_t ntp_octets; /* 0: header and trailer; else cut, or filled up with 0xa5 */
	uint16_t surplus;    /* octets in the IP datagram after UDP's */
	uint16_t padding;    /* octets in the frame after the IP datagram */
	uint16_t cut;        /* 0, or the frame's length when all is done */
	bool ip_checksum_wrong;
	enum golden_udp_checksum udp_checksum;
	struct golden_patch patch[GOLDEN_PATCHES];
};

struct golden_case {
	char name[GOLDEN_NAME_MAX]; /* unique; [a-z0-9.-] */
	uint8_t frame[GOLDEN_FRAME_MAX];
	uint16_t length;
	uint8_t flags; /* PACKET_* */
	uint16_t vlan_tci;
	enum verdict verdict;
	/* Where it is answered: */
	uint8_t reply_lvm; /* version and mode */
	uint16_t reply_length;
	uint8_t l3;
	bool ipv6;
};

#define GOLDEN_CLIENT_IPV4 "192.0.2.77"
#define GOLDEN_CLIENT_IPV6 "2001:db8:c::77"
#define GOLDEN_SERVER_IPV4 "198.51.100.1" /* served on any VLAN, as is: */
#define GOLDEN_SERVER_IPV6 "2001:db8:5::1"
#define GOLDEN_TAGGED_IPV4 "198.51.100.2" /* served on VLAN 100 only */
#define GOLDEN_QINQ_IPV6 "2001:db8:5::2"  /* served on VLAN 200 in 100 only */
#define GOLDEN_BARE_IPV4 "198.51.100.3"   /* served untagged only */

/* The frame of a shape; its length. */
uint16_t golden_build(const struct golden_shape *shape, uint8_t frame[GOLDEN_FRAME_MAX]);

/* Cases by number: first those with names of their own, then the sweeps over lengths, versions and modes. */
size_t golden_named(void);
size_t golden_count(void);
void golden_case(size_t number, struct golden_case *out);

/* What the cases expect to be served. */
void golden_policy(struct policy *policy);

/* A synchronised clock: stratum 2, 1 tick = 1 ns, based at counter 10^9. */
void golden_timebase(struct timebase *timebase);

/*
 * The one's complement sum of big-endian 16-bit words as RFC 1071 has it, not complemented; `start` is a sum
 * before.
 */
uint16_t golden_sum(uint16_t start, const uint8_t *octets, size_t size);

/* The sum of the UDP pseudo-header of the IP header given. */
uint16_t golden_pseudo_sum(const uint8_t *ip, bool ipv6, uint16_t udp_length);

/* A name or text address as 16 octets, IPv4 mapped. */
void golden_address(uint8_t address[16], const char *text);

#endif
