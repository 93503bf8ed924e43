/*
 * The client's side of NTS key establishment (RFC 8915 section 4), behind TLS: the request, and the judgement
 * of a response. Pure; callable from any thread.
 */
#ifndef NTS_KE_CLIENT_H
#define NTS_KE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/ke_record.h"

enum { KE_CLIENT_COOKIE_MAX = 512, KE_CLIENT_REQUEST = 64 };

/* X(symbol, name, meaning); the meaning ends the sentence "the response ...". */
#define KE_CLIENT_VERDICTS(X)                                                                               \
	X(VALID, "valid", "gives what NTS needs")                                                           \
	X(PENDING, "pending", "is not complete")                                                            \
	X(TOO_LONG, "too-long", "is longer than 65536 octets")                                              \
	X(ERROR, "error", "is an error of the server's")                                                    \
	X(WARNING, "warning", "is a warning that has no meaning here")                                      \
	X(UNKNOWN_CRITICAL, "unknown-critical", "has a critical record of an unknown type")                 \
	X(PROTOCOL, "protocol", "does not agree on NTPv4 by exactly one Next Protocol record")              \
	X(AEAD, "aead", "does not agree on an AEAD that was offered by exactly one record")                 \
	X(NO_COOKIE, "no-cookie", "has no cookie")                                                          \
	X(COOKIE_SIZE, "cookie-size", "has a cookie of 0 octets, more than 512, or not a multiple of 4")    \
	X(RECORD_BODY, "record-body", "has a record whose body has the wrong size, or a name that is none") \
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

struct ke_client_response {
	enum ke_client_verdict verdict;
	uint16_t code; /* of ERROR and WARNING */
	uint16_t aead; /* the one agreed on */
	unsigned cookies;
	struct ke_client_cookie cookie[KE_COOKIES]; /* more than these are left out */
	char server[KE_NAME_MAX + 1];               /* "": the one that gave the keys */
	uint16_t port;                              /* 0: NTP's own */
};

/* Write a request for NTPv4 with AEAD_AES_SIV_CMAC_256; its size. */
size_t ke_client_request(uint8_t octets[KE_CLIENT_REQUEST]);

/* Judge all that has come so far. PENDING: read on; at the end of the stream it is the final verdict. */
enum ke_client_verdict ke_client_judge(
	struct ke_client_response *response, const uint8_t *octets, size_t size);

#endif
