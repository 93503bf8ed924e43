/*
 * How often an address may begin a key establishment: one connection in 2^interval seconds in the long run,
 * `burst` at once, and of those beyond 1 in 2^leak by chance, so that who forges addresses or shares one
 * cannot shut an address out for good. The meaning is that of chrony's `ntsratelimit`.
 *
 * An address is all 32 bits of IPv4, and the first 64 of IPv6. The memory is bounded: KE_LIMITER_ADDRESSES
 * are known at a time, found by a hash with a secret key, in sets of KE_LIMITER_SET. A full set forgets the
 * address that is the nearest to its whole burst again: one that did not come for long, rather than one that
 * is being limited.
 *
 * Pure: the caller brings the time and the key, and a lock where threads share a limiter.
 */
#ifndef CONTROL_KE_LIMITER_H
#define CONTROL_KE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	KE_LIMITER_ADDRESSES = 65536, /* 1 MiB */
	KE_LIMITER_SET = 8,
	KE_LIMITER_KEY = 16,
	KE_LIMITER_INTERVAL_MIN = -19,
	KE_LIMITER_INTERVAL_MAX = 12,
	KE_LIMITER_BURST_MAX = 255,
	KE_LIMITER_LEAK_MAX = 4,
};

struct ke_limiter_rate {
	int interval;   /* log2 of seconds, KE_LIMITER_INTERVAL_MIN to MAX */
	unsigned burst; /* 1 to KE_LIMITER_BURST_MAX */
	unsigned leak;  /* at most KE_LIMITER_LEAK_MAX; 0: none beyond is served */
};

struct ke_limiter;

/* `key` is random and secret. NULL where memory is short. */
struct ke_limiter *ke_limiter_new(const struct ke_limiter_rate *rate, const uint8_t key[KE_LIMITER_KEY]);

/* NULL is harmless. */
void ke_limiter_free(struct ke_limiter *limiter);

/*
 * Whether a connection from there may go on, and note it. `now_ns` never goes back. Addresses of other
 * families than AF_INET and AF_INET6 are not limited.
 */
bool ke_limiter_allow(struct ke_limiter *limiter, const struct sockaddr *from, uint64_t now_ns);

#endif
