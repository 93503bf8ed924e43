/* How connections end, counted. */
#ifndef CONTROL_KE_OUTCOME_H
#define CONTROL_KE_OUTCOME_H

#include <assert.h>

#include "nts/ke_session.h"

/*
 * X(symbol, name, meaning); the meaning ends a sentence that begins with "the request" for those of
 * nts/ke_session.h, which come first, and with "the connection" for others. PENDING is no outcome: what is
 * still held. Each accepted connection has one outcome.
 */
#define KE_OUTCOMES(X)                                                                                   \
	KE_VERDICTS(X)                                                                                   \
	X(TLS, "tls", "is no TLS, or TLS failed")                                                        \
	X(VERSION, "version", "is from a peer that knows no TLS 1.3")                                    \
	X(ALPN, "alpn", "is from a peer that does not speak ntske/1")                                    \
	X(TIMEOUT_HANDSHAKE, "timeout-handshake", "had not shaken hands in time")                        \
	X(TIMEOUT_REQUEST, "timeout-request", "had not brought a whole request in time")                 \
	X(TIMEOUT_RESPONSE, "timeout-response", "did not take its response in time")                     \
	X(CLOSED, "closed", "was closed by the peer before there was a response")                        \
	X(RESET, "reset", "was broken by the peer or the network before all of the response was out")    \
	X(LIMITED, "limited", "is one more than its address may have at this time")                      \
	X(FULL, "full", "found no room, for all others were young")                                      \
	X(EVICTED, "evicted", "was unfinished and the oldest when another wanted room")                  \
	X(NO_DESCRIPTOR, "no-descriptor", "came when this process or the system was out of descriptors") \
	X(NO_MEMORY, "no-memory", "came when memory was short")

enum ke_outcome {
#define X(symbol, name, meaning) KE_OUTCOME_##symbol,
	KE_OUTCOMES(X)
#undef X
		KE_OUTCOME_COUNT
};
static_assert((int)KE_OUTCOME_PENDING == KE_PENDING && (int)KE_OUTCOME_INTERNAL == KE_INTERNAL,
	"verdicts are outcomes of the same number");

struct ke_outcome_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum ke_outcome. */
extern const struct ke_outcome_info ke_outcome_info[KE_OUTCOME_COUNT];

#endif
