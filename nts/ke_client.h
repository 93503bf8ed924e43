/*
 * The client's side of NTS key establishment (RFC 8915 section 4), behind TLS: the request, and the judgement
 * of a response. Pure; callable from any thread.
 *
 * A response has to be as section 4 says servers make them; what is not critical though it must be (Next
 * Protocol, End of Message) is refused. Other records may be critical or not.
 */
#ifndef NTS_KE_CLIENT_H
#define NTS_KE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/ke_aeads.h"
#include "nts/ke_record.h"

enum {
	KE_CLIENT_COOKIE_MIN = 12, /* what fills the shortest extension field */
	KE_CLIENT_COOKIE_MAX = 512,
	/* At most: Next Protocol, AEADs, KE_COMPLIANT_GCM_SIV, End of Message. */
	KE_CLIENT_REQUEST = (KE_RECORD_HEADER + 2) + (KE_RECORD_HEADER + 2 * KE_AEADS_MAX) +
			    KE_RECORD_HEADER + KE_RECORD_HEADER,
};

/* X(symbol, name, meaning); the meaning ends the sentence "the response ...". */
#define KE_CLIENT_VERDICTS(X)                                                                           \
	X(VALID, "valid", "gives what NTS needs")                                                       \
	X(PENDING, "pending", "has no End of Message")                                                  \
	X(TOO_LONG, "too-long", "is longer than 65536 octets")                                          \
	X(TRAILING, "trailing", "goes on after End of Message")                                         \
	X(END, "end", "ends with an End of Message that is not critical or not empty")                  \
	X(ERROR, "error", "is an error of the server's")                                                \
	X(WARNING, "warning", "is a warning that has no meaning here")                                  \
	X(UNKNOWN_CRITICAL, "unknown-critical", "has a critical record of an unknown type")             \
	X(PROTOCOL, "protocol", "does not agree on NTPv4 by exactly one Next Protocol record")          \
	X(AEAD, "aead", "does not agree on an AEAD that was offered by exactly one record")             \
	X(NO_COOKIE, "no-cookie", "has no cookie")                                                      \
	X(COOKIE_SIZE, "cookie-size",                                                                   \
		"has a cookie of less than 12 or more than 512 octets, or not a multiple of 4")         \
	X(RECORD_BODY, "record-body",                                                                   \
		"has an error, a warning, a name or a port that is none, or a record 1024 that is not " \
		"empty")                                                                                \
	X(REPEATED, "repeated", "has a Server or Port record twice")

enum ke_client_verdict {
#define X(symbol, name, meaning) KE_CLIENT_##symbol,
	KE_CLIENT_VERDICTS(X)
#undef X
		KE_CLIENT_VERDICT_COUNT
};

struct ke_client_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum ke_client_verdict. */
extern const struct ke_client_verdict_info ke_client_verdict_info[KE_CLIENT_VERDICT_COUNT];

struct ke_client_cookie {
	uint16_t size;
	uint8_t octets[KE_CLIENT_COOKIE_MAX];
};

/* All but the verdict and its code is zero unless the verdict is VALID. */
struct ke_client_response {
	enum ke_client_verdict verdict;
	uint16_t code;    /* of ERROR and WARNING, else 0 */
	uint16_t aead;    /* the one agreed on */
	uint16_t context; /* the one that the exporter's context names: ke_export_context's */
	unsigned cookies;
	struct ke_client_cookie cookie[KE_COOKIES]; /* more than these are left out */
	char server[KE_NAME_MAX + 1];               /* "": the one that gave the keys */
	uint16_t port;                              /* 0: NTP's own */
};

/* Write a request for NTPv4 with one of these AEADs; its size. */
size_t ke_client_request(uint8_t octets[KE_CLIENT_REQUEST], const struct ke_aeads *aeads);

/*
 * Judge all that has come so far, from the first octet on, of the response to a request with these AEADs.
 * PENDING: read on; at the end of the stream it is the final verdict. The first record that is wrong decides,
 * then what is missing or was not agreed on. Octets behind End of Message make a response TRAILING if they
 * are given at all.
 *
 * A server that does not confirm KE_COMPLIANT_GCM_SIV is taken for one that exports keys as it was done
 * before that record. One that knows nothing of both, and exports as RFC 8915 says, then has other keys and
 * answers with an NTS NAK.
 */
enum ke_client_verdict ke_client_judge(struct ke_client_response *response, const struct ke_aeads *aeads,
	const uint8_t *octets, size_t size);

#endif
