/*
 * The contract between the control plane and the workers: what is served and how.
 * Writer: the supervisor (`tickwire run`), at start, on reload and when an interface's addresses change.
 * Readers: workers, which copy it between bursts when its sequence has moved (ntp/shm.h), and `tickwire
 * status`.
 */
#ifndef DATAPLANE_POLICY_H
#define DATAPLANE_POLICY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/shm.h"

enum {
	SERVED_SLOTS = 512, /* of the hash table; a power of two */
	SERVED_MAX = 256,   /* addresses; half of the slots, so that every search ends soon */
	SERVED_ANY_VLAN = UINT32_MAX,
};

/*
 * VLAN identifiers of a frame, outer << 16 | inner, each as (id | SERVED_VLAN_PRESENT), 0 where there is no
 * such tag: one tag stands in the lower half. Priority and DEI bits are no part of it.
 */
enum { SERVED_VLAN_PRESENT = 0x1000 };

/* An address that is served on one VLAN or on any. IPv4 addresses are v4-mapped (::ffff:a.b.c.d, RFC 4291
 * s.2.5.5.2). */
struct served {
	uint8_t address[16]; /* in the order of the wire */
	uint32_t vlan;       /* as above, or SERVED_ANY_VLAN */
	uint32_t used;       /* 1, or 0 for an empty slot */
};
static_assert(sizeof(struct served) == 24, "contract policy version 1");

struct policy {
	uint16_t ntp_port; /* host order */
	int8_t min_poll;   /* log2 seconds: the least poll in a reply */
	uint8_t nts;       /* 1: requests with NTS go through the NTS lane; 0: its fields are unknown ones */
	uint32_t served_count;
	uint64_t source_filter[4]; /* a bit per hash of a served address: a source that misses it is not our
				      own */
	struct served served[SERVED_SLOTS]; /* open addressing from served_slot() on, linear */
};
static_assert(offsetof(struct policy, source_filter) == 8, "contract policy version 1");
static_assert(sizeof(struct policy) == 40 + SERVED_SLOTS * 24, "contract policy version 1");
static_assert(sizeof(struct policy) % 8 == 0, "copied by words");

#define POLICY_CONTRACT         \
	((struct shm_contract){ \
		"policy", SHM_MAGIC('T', 'W', 'P', 'O', 'L', 'I', 'C', 'Y'), 1, sizeof(struct policy)})

/* All of the below are pure and may be called from any thread on its own copy. */

/* A policy that serves nothing: port 123, least poll 0. */
void policy_init(struct policy *p);

/* Add an address; one that is there already is no error. False where the table is full. */
bool policy_serve(struct policy *p, const uint8_t address[16], uint32_t vlan);

/* The v4-mapped form of an IPv4 address in the order of the wire. */
void policy_map_ipv4(uint8_t mapped[16], const uint8_t ipv4[4]);

/*
 * Hash of an address given as its two halves, as they load from memory; its upper bits are the good ones. Not
 * keyed: the table holds our own addresses only, so that a sender can choose where a search begins but not
 * how long it is.
 */
static inline uint64_t served_hash(uint64_t high, uint64_t low)
{
	return (low ^ high * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
}

/* Where a search begins. */
static inline uint32_t served_slot(uint64_t hash)
{
	return (uint32_t)(hash >> 55);
}
static_assert(SERVED_SLOTS == 1 << (64 - 55), "served_slot takes the hash's upper bits");

/* The bit in policy.source_filter: word and place in it. */
static inline unsigned source_filter_word(uint64_t hash)
{
	return hash >> 53 & 3;
}

static inline unsigned source_filter_bit(uint64_t hash)
{
	return hash >> 47 & 63;
}

/* The search from the hash on; `any` takes an entry on whatever VLAN. Bounded by SERVED_SLOTS. */
static inline bool served_search(
	const struct policy *p, uint64_t hash, uint64_t high, uint64_t low, uint32_t vlan, bool any)
{
	uint32_t slot = served_slot(hash);

	for (uint32_t i = 0; i < SERVED_SLOTS; i++, slot = (slot + 1) % SERVED_SLOTS) {
		const struct served *s = &p->served[slot];
		uint64_t s_high, s_low;

		if (!s->used)
			return false;
		__builtin_memcpy(&s_high, s->address, 8);
		__builtin_memcpy(&s_low, s->address + 8, 8);
		if (s_high == high && s_low == low && (any || s->vlan == vlan || s->vlan == SERVED_ANY_VLAN))
			return true;
	}
	return false;
}

/* Whether a frame on this VLAN to this address (halves as loaded) is ours. */
static inline bool policy_is_served(const struct policy *p, uint64_t high, uint64_t low, uint32_t vlan)
{
	return served_search(p, served_hash(high, low), high, low, vlan, false);
}

/* Whether this address is one of ours on whatever VLAN. */
static inline bool policy_is_own(const struct policy *p, uint64_t high, uint64_t low)
{
	const uint64_t hash = served_hash(high, low);

	if (__builtin_expect(!(p->source_filter[source_filter_word(hash)] >> source_filter_bit(hash) & 1), 1))
		return false;
	return served_search(p, hash, high, low, 0, true);
}

#endif
