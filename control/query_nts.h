/*
 * The exchanges of `tickwire query --nts`: an association with one host, from key establishment on. For one
 * thread.
 */
#ifndef CONTROL_QUERY_NTS_H
#define CONTROL_QUERY_NTS_H

#include <stdbool.h>

#include "control/ke_exchange.h"
#include "ntp/exchange.h"
#include "nts/client.h"

/* Zeroed but for the terms, and then ready. */
struct query_nts {
	struct ke_exchange_terms terms;
	struct ke_exchange ke;                     /* the newest establishment */
	unsigned establishments;                   /* that agreed on keys */
	unsigned judged[NTS_CLIENT_VERDICT_COUNT]; /* datagrams */
	bool nak;     /* the newest exchange ended without an authentic reply, but with an NTS NAK */
	bool renewed; /* that has been reason for an establishment already */
	struct nts_client client;
	struct siv *siv;
	uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE]; /* of the request that is under way */
};

/* Establish keys, and again where all cookies are used up. False where that failed: see `ke`. */
bool query_nts_establish(struct query_nts *nts);

/*
 * An exchange like exchange_once's, with a fresh cookie, identifier and nonce; there must be a cookie. Only
 * an authentic reply is believed. Where there is none in time but an NTS NAK was seen, which a forger may
 * have sent, the exchange is that kiss (NTSN).
 */
enum exchange_status query_nts_ask(struct query_nts *nts, const struct exchange_peer *peer, int8_t poll,
	double timeout, struct exchange *x);

/* Whether the newest exchange was a NAK, after which fresh keys are worth one attempt (RFC 8915 section 5.7).
 * True only once: a forger could go on for ever. */
bool query_nts_wants_keys(struct query_nts *nts);

/* Datagrams that no use was made of, but for NAKs. */
unsigned query_nts_discarded(const struct query_nts *nts);

/* What was wrong with them, as a part of a sentence that begins with "the reply"; NULL where there were none.
 */
const char *query_nts_objection(const struct query_nts *nts);

/* Erase keys and cookies. */
void query_nts_end(struct query_nts *nts);

#endif
