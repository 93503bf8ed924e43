/*
 * One NTS key establishment over TCP, from a client's side: the network and the clock that nts/tls.h and
 * nts/ke_client.h are kept free of. Blocks, for one thread at a time.
 */
#ifndef CONTROL_KE_EXCHANGE_H
#define CONTROL_KE_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "ntp/exchange.h"
#include "nts/client.h"
#include "nts/ke_client.h"
#include "nts/tls.h"

/* X(symbol, name): how an establishment ended, in the order of the steps. */
#define KE_EXCHANGE_STATUSES(X)                                                                       \
	X(AGREED, "agreed")                                                                           \
	X(UNRESOLVED, "unresolved")                                                                   \
	X(REFUSED, "refused")                     /* nobody listens on the TCP port */                \
	X(UNREACHABLE, "unreachable")             /* no route, or ICMP says so */                     \
	X(CONNECT_TIMEOUT, "connect-timeout")     /* not even a refusal */                            \
	X(HANDSHAKE_TIMEOUT, "handshake-timeout") /* TCP, but TLS does not get on */                  \
	X(TLS, "tls")                             /* no TLS, or a certificate that is not accepted */ \
	X(VERSION, "version")                     /* no TLS 1.3 */                                    \
	X(ALPN, "alpn")                           /* TLS, but not NTS-KE */                           \
	X(RESPONSE_TIMEOUT, "response-timeout")                                                       \
	X(CLOSED, "closed")     /* the connection ended before the response did */                    \
	X(RESPONSE, "response") /* see the verdict */                                                 \
	X(SYSTEM, "system-error")

enum ke_exchange_status {
#define X(symbol, name) KE_EXCHANGE_##symbol,
	KE_EXCHANGE_STATUSES(X)
#undef X
		KE_EXCHANGE_STATUS_COUNT
};

/* Indexed by enum ke_exchange_status; stable. */
extern const char *const ke_exchange_status_name[KE_EXCHANGE_STATUS_COUNT];

struct ke_exchange_terms {
	const char *host;      /* name or numeric address; the certificate must be for it */
	uint16_t port;         /* TCP */
	int family;            /* AF_INET, AF_INET6 or AF_UNSPEC */
	double timeout;        /* seconds, for each step: connecting to one address, TLS, the response */
	struct ke_aeads aeads; /* offered */
	struct tls_client *tls;
};

enum { KE_EXCHANGE_REASON = 256 };

/* What has not been reached is zero, and NAN for times. */
struct ke_exchange {
	enum ke_exchange_status status;
	int error;                      /* errno, for SYSTEM and UNREACHABLE */
	struct exchange_peer peer;      /* the address that was talked to, or the last that was tried */
	double connect_time;            /* seconds, of TCP to that address */
	double handshake_time;          /* seconds, of TLS alone */
	double time;                    /* seconds from the first attempt to connect until all was known */
	enum ke_client_verdict verdict; /* of the response */
	uint16_t code;                  /* of its error or warning */
	uint16_t aead;
	unsigned cookies;
	char server[KE_NAME_MAX + 1];    /* whom to ask for the time; "": the peer */
	uint16_t port;                   /* where; 0: NTP's own */
	char reason[KE_EXCHANGE_REASON]; /* the resolver's or TLS's sentence, or "" */
};

/*
 * Establish keys. AGREED: the client has new keys and cookies, and nothing of what it had. Else the client is
 * as it was.
 */
enum ke_exchange_status ke_exchange_run(
	struct ke_exchange *ke, struct nts_client *client, const struct ke_exchange_terms *terms);

/* A sentence for an establishment that failed, with the remedy, into text[size]. */
void ke_exchange_explain(
	const struct ke_exchange *ke, const struct ke_exchange_terms *terms, char *text, size_t size);

#endif
