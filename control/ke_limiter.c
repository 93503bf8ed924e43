#include "control/ke_limiter.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"

enum { SETS = KE_LIMITER_ADDRESSES / KE_LIMITER_SET };

/* Zero is an address with its whole burst: an unused place is one that may be forgotten. */
struct bucket {
	uint64_t tag;     /* hash of the address */
	uint64_t full_at; /* when the whole burst will be there again */
};

struct ke_limiter {
	uint64_t key[2];
	uint64_t step;  /* ns that a connection costs */
	uint64_t depth; /* ns that may be owed before one, and it is still within the burst */
	uint64_t excess;
	unsigned leak;
	struct bucket bucket[SETS][KE_LIMITER_SET];
};

struct ke_limiter *ke_limiter_new(const struct ke_limiter_rate *rate, const uint8_t key[KE_LIMITER_KEY])
{
	struct ke_limiter *l = calloc(1, sizeof(*l));
	const uint64_t second = 1000000000;

	if (!l)
		return NULL;
	l->key[0] = load_raw64(key);
	l->key[1] = load_raw64(key + 8);
	l->step = rate->interval >= 0 ? second << rate->interval : second >> -rate->interval;
	l->depth = (rate->burst - 1) * l->step;
	l->leak = rate->leak;
	return l;
}

void ke_limiter_free(struct ke_limiter *limiter)
{
	free(limiter);
}

static uint64_t rotate_left(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] = rotate_left(v[2], 32);
}

/* SipHash-1-3 of two words; their number, which never changes, is left out. */
static uint64_t hash(const uint64_t key[2], uint64_t first, uint64_t second)
{
	const uint64_t words[2] = {first, second};
	uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};

	for (unsigned i = 0; i < 2; i++) {
		v[3] ^= words[i];
		sip_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The part of an address that counts as one peer. */
static bool prefix_of(const struct sockaddr *from, uint64_t *prefix)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (from->sa_family == AF_INET) {
		memcpy(&v4, from, sizeof(v4));
		*prefix = v4.sin_addr.s_addr;
		return true;
	}
	if (from->sa_family == AF_INET6) {
		memcpy(&v6, from, sizeof(v6));
		*prefix = load_raw64(&v6.sin6_addr);
		return true;
	}
	return false;
}

/* The address's bucket, or the one that it takes over. */
static struct bucket *find(struct ke_limiter *l, uint64_t tag)
{
	struct bucket *set = l->bucket[tag % SETS], *oldest = set;

	for (unsigned i = 0; i < KE_LIMITER_SET; i++) {
		if (set[i].tag == tag)
			return &set[i];
		if (set[i].full_at < oldest->full_at)
			oldest = &set[i];
	}
	*oldest = (struct bucket){.tag = tag};
	return oldest;
}

static bool leaks(struct ke_limiter *l)
{
	return l->leak > 0 && hash(l->key, l->excess++, UINT64_MAX) >> (64 - l->leak) == 0;
}

bool ke_limiter_allow(struct ke_limiter *l, const struct sockaddr *from, uint64_t now_ns)
{
	struct bucket *bucket;
	uint64_t prefix;

	if (!prefix_of(from, &prefix))
		return true;
	bucket = find(l, hash(l->key, prefix, from->sa_family));
	if (bucket->full_at < now_ns)
		bucket->full_at = now_ns;
	if (bucket->full_at - now_ns > l->depth)
		return leaks(l);
	bucket->full_at += l->step;
	return true;
}
