/*
 * The NTP packet as it lies on the wire: RFC 5905 section 7.3, extension fields RFC 7822.
 * Every multi-octet field is big-endian; the structs have no padding and are only ever copied to and from
 * octets. Pure; callable from any thread.
 */
#ifndef NTP_PACKET_H
#define NTP_PACKET_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NTP_PORT = 123,
	NTP_HEADER_SIZE = 48,
	NTP_VERSION_MIN = 1,
	NTP_VERSION_MAX = 4,
	NTP_STRATUM_MAX = 15,    /* the highest that counts as synchronised */
	NTP_STRATUM_UNSYNC = 16, /* internal; stands as 0 on the wire */
};

/* Leap indicator, RFC 5905 figure 9. */
enum ntp_leap {
	NTP_LEAP_NONE = 0,
	NTP_LEAP_INSERT = 1, /* last minute of the month has 61 seconds */
	NTP_LEAP_DELETE = 2, /* last minute of the month has 59 seconds */
	NTP_LEAP_UNSYNC = 3, /* unknown: the clock is not synchronised */
};

/* Association mode, RFC 5905 figure 10. */
enum ntp_mode {
	NTP_MODE_RESERVED = 0, /* what an NTPv1 client sends (RFC 1059 has no mode field) */
	NTP_MODE_ACTIVE = 1,
	NTP_MODE_PASSIVE = 2,
	NTP_MODE_CLIENT = 3,
	NTP_MODE_SERVER = 4,
	NTP_MODE_BROADCAST = 5,
	NTP_MODE_CONTROL = 6,
	NTP_MODE_PRIVATE = 7,
};

/* The fixed header. Times are 64-bit NTP timestamps, delay and dispersion 16.16 seconds: see ntp/timestamp.h.
 */
struct ntp_header {
	uint8_t lvm; /* leap (2 bits), version (3), mode (3) */
	uint8_t stratum;
	int8_t poll;      /* log2 seconds */
	int8_t precision; /* log2 seconds */
	uint32_t root_delay;
	uint32_t root_dispersion;
	uint8_t refid[4];
	uint64_t reference;
	uint64_t origin;
	uint64_t receive;
	uint64_t transmit;
};
static_assert(sizeof(struct ntp_header) == NTP_HEADER_SIZE, "RFC 5905 figure 8");
static_assert(offsetof(struct ntp_header, root_delay) == 4, "RFC 5905 figure 8");
static_assert(offsetof(struct ntp_header, refid) == 12, "RFC 5905 figure 8");
static_assert(offsetof(struct ntp_header, reference) == 16, "RFC 5905 figure 8");
static_assert(offsetof(struct ntp_header, origin) == 24, "RFC 5905 figure 8");
static_assert(offsetof(struct ntp_header, receive) == 32, "RFC 5905 figure 8");
static_assert(offsetof(struct ntp_header, transmit) == 40, "RFC 5905 figure 8");

static inline uint8_t ntp_lvm(unsigned leap, unsigned version, unsigned mode)
{
	return (uint8_t)(leap << 6 | version << 3 | mode);
}

static inline unsigned ntp_lvm_leap(uint8_t lvm)
{
	return lvm >> 6;
}

static inline unsigned ntp_lvm_version(uint8_t lvm)
{
	return lvm >> 3 & 7;
}

static inline unsigned ntp_lvm_mode(uint8_t lvm)
{
	return lvm & 7;
}

#endif
