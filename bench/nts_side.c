#include "bench/nts_side.h"

#include <string.h>

#include "bench/random.h"

bool nts_side_init(struct nts_side *side, struct nts_client *clients, uint32_t count, uint64_t seed)
{
	*side = (struct nts_side){.clients = clients, .count = count, .random = seed};
	side->key = random_next(&side->random);
	side->siv = siv_new(siv_backend_best());
	return side->siv != NULL;
}

void nts_side_free(struct nts_side *side)
{
	siv_free(side->siv);
	side->siv = NULL;
}

/* `size` octets, whole words of 8, from a start that is nobody else's. */
static void fill(uint8_t *octets, size_t size, uint64_t state)
{
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		const uint64_t word = random_next(&state);

		memcpy(octets + at, &word, sizeof(word));
	}
}

static void identifier_of(
	const struct nts_side *side, uint64_t cookie, uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE])
{
	fill(identifier, NTS_CLIENT_IDENTIFIER_SIZE, cookie ^ side->key);
}

size_t nts_side_size(const struct nts_side *side, uint32_t client)
{
	const struct nts_client *c = &side->clients[client];

	return NTP_HEADER_SIZE + NTS_FIELD_HEADER + NTS_CLIENT_IDENTIFIER_SIZE + NTS_FIELD_HEADER +
	       c->cookie[0].size + NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD + nts_nonce_size(c->aead) +
	       SIV_TAG;
}

size_t nts_side_prepare(
	struct nts_side *side, uint32_t client, uint64_t cookie, uint8_t octets[NTS_CLIENT_REQUEST_MAX])
{
	uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], nonce[NTS_NONCE];
	struct nts_client *c = &side->clients[client];
	size_t size;

	side->reused += c->used;
	identifier_of(side, cookie, identifier);
	fill(nonce, sizeof(nonce), random_next(&side->random));
	size = nts_client_prepare(c, octets, identifier, nonce, &side->job[side->jobs]);
	side->jobs += size > 0;
	return size;
}

/* A library that fails leaves a tag of zeros behind, which the server refuses. */
void nts_side_seal(struct nts_side *side)
{
	siv_seal(side->siv, side->job, side->jobs);
	side->jobs = 0;
}

enum nts_client_verdict nts_side_judge(
	struct nts_side *side, uint32_t client, uint64_t cookie, uint8_t *octets, size_t size)
{
	uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE];

	identifier_of(side, cookie, identifier);
	return nts_client_judge(&side->clients[client], side->siv, octets, size, identifier);
}
