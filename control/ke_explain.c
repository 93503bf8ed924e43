/* The sentences of control/ke_exchange.h. */
#include <stdio.h>
#include <string.h>

#include "control/ke_exchange.h"

static const char *error_meaning(uint16_t code)
{
	switch (code) {
	case KE_ERROR_UNRECOGNIZED_CRITICAL:
		return "it knows not all records of the request";
	case KE_ERROR_BAD_REQUEST:
		return "it takes the request for a bad one";
	case KE_ERROR_INTERNAL:
		return "it has a failure of its own; see its log";
	default:
		return "it does not say what RFC 8915 knows";
	}
}

static void explain_response(const struct ke_exchange *ke, const char *where, char *text, size_t size)
{
	switch (ke->verdict) {
	case KE_CLIENT_ERROR:
		snprintf(text, size, "%s answers with NTS-KE error %u: %s", where, ke->code,
			error_meaning(ke->code));
		return;
	case KE_CLIENT_WARNING:
		snprintf(text, size, "%s answers with NTS-KE warning %u, which nobody has defined", where,
			ke->code);
		return;
	default:
		snprintf(text, size,
			"the key establishment of %s gives nothing to work with: the response %s", where,
			ke_client_verdict_info[ke->verdict].meaning);
	}
}

static void explain_tls(const struct ke_exchange *ke, const char *where, char *text, size_t size)
{
	snprintf(text, size, "no keys from %s: %s; %s", where, ke->reason,
		ke->status == KE_EXCHANGE_TLS
			? "it must be an NTS-KE server, with a certificate for the name that is asked, by an "
			  "authority that this host trusts or that --ca gives"
			: "an NTS-KE server has TLS 1.3 and the protocol ntske/1: check the port, and the "
			  "server's version");
}

static void explain_connection(const struct ke_exchange *ke, const struct ke_exchange_terms *terms,
	const char *where, char *text, size_t size)
{
	switch (ke->status) {
	case KE_EXCHANGE_REFUSED:
		snprintf(text, size,
			"nothing listens on TCP port %u of %s; start its NTS-KE server or give another port "
			"with --ke-port",
			terms->port, where);
		return;
	case KE_EXCHANGE_UNREACHABLE:
		snprintf(text, size,
			"%s cannot be reached on TCP port %u (%s); check this host's network, or try -4 or "
			"-6",
			where, terms->port, strerror(ke->error));
		return;
	case KE_EXCHANGE_CONNECT_TIMEOUT:
		snprintf(text, size,
			"%s takes no connection on TCP port %u within %g s; check that the host is up, and "
			"firewalls on the way",
			where, terms->port, terms->timeout);
		return;
	default:
		snprintf(text, size, "key establishment with %s failed: %s", where, strerror(ke->error));
	}
}

void ke_exchange_explain(
	const struct ke_exchange *ke, const struct ke_exchange_terms *terms, char *text, size_t size)
{
	char where[EXCHANGE_ADDRESS_TEXT + 256];

	snprintf(where, sizeof(where), strcmp(terms->host, ke->peer.text) == 0 ? "%s" : "%s (%s)",
		terms->host, ke->peer.text);
	switch (ke->status) {
	case KE_EXCHANGE_UNRESOLVED:
		snprintf(text, size, "%s", ke->reason);
		return;
	case KE_EXCHANGE_HANDSHAKE_TIMEOUT:
	case KE_EXCHANGE_RESPONSE_TIMEOUT:
		snprintf(text, size,
			"%s took the connection on TCP port %u, but %s within %g s; check that it is an "
			"NTS-KE "
			"server",
			where, terms->port,
			ke->status == KE_EXCHANGE_HANDSHAKE_TIMEOUT ? "does not speak TLS"
								    : "gives no NTS-KE response",
			terms->timeout);
		return;
	case KE_EXCHANGE_CLOSED:
		snprintf(text, size,
			"%s ended the connection on TCP port %u before the keys were established; it may be "
			"too "
			"busy, or no NTS-KE server",
			where, terms->port);
		return;
	case KE_EXCHANGE_TLS:
	case KE_EXCHANGE_VERSION:
	case KE_EXCHANGE_ALPN:
		explain_tls(ke, where, text, size);
		return;
	case KE_EXCHANGE_RESPONSE:
		explain_response(ke, where, text, size);
		return;
	default:
		explain_connection(ke, terms, where, text, size);
	}
}
