/*
 * Whom the load generator plays: clients with an address each, from prefixes, and how often each asks. A
 * client is a number; its address follows from that, so that sixteen million of them cost nothing. Pure; any
 * thread may read one.
 */
#ifndef BENCH_POPULATION_H
#define BENCH_POPULATION_H

#include <stdbool.h>
#include <stdint.h>

enum { POPULATION_PREFIXES = 16, POPULATION_MAX = 16777216 };

/*
 * Clients take a prefix's addresses from its first on, without the network and the broadcast address of IPv4
 * and without the all-zero interface identifier, a router's own (RFC 4291 section 2.6.1). Of two addresses
 * both count (RFC 3021, RFC 6164), and so does a single one. An IPv6 prefix shorter than /64 gives one
 * address to each of its networks, for up to 2^24 of these, before any gets a second one: so a limit by
 * network meets as many clients as there are.
 */
struct population_prefix {
	uint8_t address[16]; /* order of the wire; IPv4 mapped (RFC 4291 section 2.5.5.2) */
	uint8_t length;      /* 0 to 128, counted in the 16 octets: an IPv4 /24 is 120 */
	bool ipv6;
	uint8_t networks_log2; /* IPv6 /64 networks that the clients are spread over */
	uint32_t clients;      /* that it has room for, at most POPULATION_MAX */
	uint32_t first;        /* number of its first client */
	uint32_t count;        /* its clients */
};

struct population {
	unsigned prefixes;
	struct population_prefix prefix[POPULATION_PREFIXES];
	uint32_t count;  /* clients */
	uint32_t stride; /* the n-th most frequent, from 0, is client n * stride % count */
	double exponent; /* of Zipf's law, 0: all ask alike; at most 4 */
	double zipf[3];  /* constants of the rejection-inversion (Hoermann, Derflinger 1996) */
};

/*
 * Prefixes as text, "10.0.0.0/8,2001:db8::/64", and 1 to POPULATION_MAX clients dealt out over them in
 * proportion to their room, one to each at least where there are enough; they are numbered in the order of
 * the prefixes. An address without a length is a prefix of its own. False with a sentence in text[size]: no
 * prefix, too many, one that cannot be read, has bits set beyond its length or overlaps with another, no room
 * for so many, an exponent out of range.
 */
bool population_init(struct population *population, const char *prefixes, uint32_t clients, double exponent,
	char *text, unsigned size);

/*
 * Who asks next; `random` is the caller's generator (bench/random.h, any start). Who asks often is spread
 * over all the prefixes. The time does not depend on how many there are: about one random number, and on
 * average fewer than one and a half.
 */
uint32_t population_pick(const struct population *population, uint64_t *random);

/*
 * A client's address, order of the wire, IPv4 mapped; true where it is IPv6. No two have the same. `client`
 * is below `count`.
 */
bool population_address(const struct population *population, uint32_t client, uint8_t address[16]);

/* The client of an address; false where it is none of ours. */
bool population_client(const struct population *population, const uint8_t address[16], uint32_t *client);

#endif
