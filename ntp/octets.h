/*
 * Loads and stores of unaligned fields. The be16/be32/be64 forms convert between the wire's big-endian and
 * host integers, le32 and le64 from and to little-endian; the raw forms keep the octets' order. Pure; the
 * caller has checked the bounds.
 */
#ifndef NTP_OCTETS_H
#define NTP_OCTETS_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OCTETS_BE16(v) __builtin_bswap16(v)
#define OCTETS_BE32(v) __builtin_bswap32(v)
#define OCTETS_BE64(v) __builtin_bswap64(v)
#else
#define OCTETS_BE16(v) ((uint16_t)(v))
#define OCTETS_BE32(v) ((uint32_t)(v))
#define OCTETS_BE64(v) ((uint64_t)(v))
#endif

static inline uint16_t load_raw16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load_raw32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load_raw64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store_raw16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store_raw32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store_raw64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* An octet in its place (0 to 3) among the octets of a raw 32-bit word. */
static inline uint32_t place_octet(uint8_t octet, unsigned place)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint32_t)octet << 8 * place;
#else
	return (uint32_t)octet << 8 * (3 - place);
#endif
}

/* The octets of a raw 16-bit word followed by those of another, as a raw 32-bit word. */
static inline uint32_t join_raw16(uint16_t first, uint16_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint32_t)second << 16 | first;
#else
	return (uint32_t)first << 16 | second;
#endif
}

/* The octets of a raw 32-bit word followed by those of another, as a raw 64-bit word. */
static inline uint64_t join_raw32(uint32_t first, uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint64_t)second << 32 | first;
#else
	return (uint64_t)first << 32 | second;
#endif
}

static inline uint16_t load_be16(const void *p)
{
	return OCTETS_BE16(load_raw16(p));
}

static inline uint32_t load_be32(const void *p)
{
	return OCTETS_BE32(load_raw32(p));
}

static inline uint64_t load_be64(const void *p)
{
	return OCTETS_BE64(load_raw64(p));
}

static inline void store_be16(void *p, uint16_t v)
{
	store_raw16(p, OCTETS_BE16(v));
}

static inline void store_be32(void *p, uint32_t v)
{
	store_raw32(p, OCTETS_BE32(v));
}

static inline void store_be64(void *p, uint64_t v)
{
	store_raw64(p, OCTETS_BE64(v));
}

static inline uint32_t load_le32(const void *p)
{
	return __builtin_bswap32(load_be32(p));
}

static inline uint64_t load_le64(const void *p)
{
	return __builtin_bswap64(load_be64(p));
}

static inline void store_le32(void *p, uint32_t v)
{
	store_be32(p, __builtin_bswap32(v));
}

static inline void store_le64(void *p, uint64_t v)
{
	store_be64(p, __builtin_bswap64(v));
}

#endif
