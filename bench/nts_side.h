/*
 * NTS of a load: the associations of the clients that play with NTS, requests made under them and replies
 * verified. Each request has a Unique Identifier, a nonce and a tag of its own; its cookie is the oldest of
 * the client's, and the last one goes out again where replies have not brought a new one in time. A request's
 * identifier follows from its transmit timestamp, so that nothing is kept of requests under way.
 *
 * One thread each: a core has those of the associations whose number is its own modulo the number of cores.
 */
#ifndef BENCH_NTS_SIDE_H
#define BENCH_NTS_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/client.h"

enum { NTS_SIDE_BURST = 32 };

struct nts_side {
	struct nts_client *clients; /* shared, each used by one core */
	uint32_t count;
	struct siv *siv;
	uint64_t key;    /* of identifiers */
	uint64_t random; /* of nonces: AES-SIV asks no more of them than to be unlike (RFC 5297 section 3) */
	unsigned jobs;
	struct siv_job job[NTS_SIDE_BURST];
	uint64_t reused; /* requests with a cookie that had been sent before */
};

/* False where the AEAD cannot be had. `clients` stay the caller's. */
bool nts_side_init(struct nts_side *side, struct nts_client *clients, uint32_t count, uint64_t seed);
void nts_side_free(struct nts_side *side);

/* How long the client's next request will be. */
size_t nts_side_size(const struct nts_side *side, uint32_t client);

/*
 * Add the fields to the request whose header stands in `octets`, all but the tag, for which there is a job
 * then; its size, 0 where the client has no cookie. `client` is below count, `cookie` the request's transmit
 * timestamp.
 */
size_t nts_side_prepare(
	struct nts_side *side, uint32_t client, uint64_t cookie, uint8_t octets[NTS_CLIENT_REQUEST_MAX]);

/* Make the tags of all that were prepared since the last call: at most NTS_SIDE_BURST. */
void nts_side_seal(struct nts_side *side);

/* Verify a reply, decrypting it in place; `cookie` is its origin timestamp. */
enum nts_client_verdict nts_side_judge(
	struct nts_side *side, uint32_t client, uint64_t cookie, uint8_t *octets, size_t size);

#endif
