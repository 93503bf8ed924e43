/*
 * The server's side of one NTS key establishment (RFC 8915 section 4), behind TLS: octets in, octets out.
 * What it needs of the world, the keys that TLS exports and fresh cookies, is handed in. Pure but for those;
 * a session belongs to one thread.
 *
 * A request is judged once its End of Message is there: record by record in their order, of which the first
 * that is wrong decides, then by what is missing. What section 4 leaves open is settled so:
 *
 *   - An End of Message that is not critical or has a body ends the request as any does, and makes it a bad
 *     one. So does a Next Protocol record that is not critical.
 *   - The critical bit of other known records means nothing: they are recognized.
 *   - A client may wish for a server and a port. That is checked for its form, and not granted.
 *   - Of the AEADs that are offered here the first in the client's order is chosen. Unknown values are no
 *     harm.
 *   - A KE_COMPLIANT_GCM_SIV record is answered with one where its AEAD is chosen, and without it keys are
 *     exported as old clients do: see ke_export_context. Twice it means what it means once.
 *   - Where the stream ends before End of Message the session stays PENDING. The caller closes, or calls
 *     ke_session_give_up, as it does when a request takes too long.
 */
#ifndef NTS_KE_SESSION_H
#define NTS_KE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/cookie.h"
#include "nts/ke_aeads.h"
#include "nts/ke_record.h"

/* X(symbol, name, meaning): how a request ended; the meaning ends the sentence "the request ...". */
#define KE_VERDICTS(X)                                                                                     \
	X(PENDING, "pending", "is not complete yet")                                                       \
	X(ANSWERED, "answered", "got cookies")                                                             \
	X(NO_PROTOCOL, "no-protocol", "offers no next protocol that is served here")                       \
	X(NO_AEAD, "no-aead", "offers no AEAD that is served here")                                        \
	X(TOO_LONG, "too-long", "is longer than 16384 octets")                                             \
	X(TRAILING, "trailing", "goes on after End of Message")                                            \
	X(UNKNOWN_CRITICAL, "unknown-critical", "has a critical record of an unknown type")                \
	X(END, "end", "ends with an End of Message that is not critical or not empty")                     \
	X(INCOMPLETE, "incomplete", "had no End of Message when its time was over")                        \
	X(PROTOCOLS, "protocols",                                                                          \
		"has not exactly one Next Protocol record, critical and with whole values")                \
	X(AEADS, "aeads", "has not exactly one AEAD record with whole values")                             \
	X(FORBIDDEN, "forbidden", "has a record that only servers send")                                   \
	X(REPEATED, "repeated", "has a Server or Port record twice")                                       \
	X(RECORD_BODY, "record-body",                                                                      \
		"has a Server record without a name, a Port record without a port, or a record 1024 that " \
		"is not empty")                                                                            \
	X(INTERNAL, "internal", "could not be served: keys or cookies failed here")

enum ke_verdict {
#define X(symbol, name, meaning) KE_##symbol,
	KE_VERDICTS(X)
#undef X
		KE_VERDICT_COUNT
};

struct ke_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum ke_verdict. */
extern const struct ke_verdict_info ke_verdict_info[KE_VERDICT_COUNT];

/* What a server offers, and what a session needs of the world. */
struct ke_offer {
	struct ke_aeads aeads; /* in any order */
	const char *server;    /* body of the Server record, at most KE_NAME_MAX; NULL or "": none is sent */
	uint16_t port;         /* of the Port record; 0: none is sent */
	/*
	 * Fill keys->c2s and keys->s2c for NTPv4 and the AEAD from the TLS session, with `context` as the
	 * AEAD of the exporter's context. False where it failed. `opaque` is ke_session_take's.
	 */
	bool (*export_keys)(void *opaque, uint16_t aead, uint16_t context, struct cookie_keys *keys);
	/* Write `count` fresh cookies for the keys. The size of each, at most COOKIE_SIZE; 0 where it failed.
	 */
	size_t (*make_cookies)(void *opaque, uint16_t aead, const struct cookie_keys *keys,
		uint8_t (*cookies)[COOKIE_SIZE], size_t count);
};

/* The records of the longest response: Next Protocol, AEAD, Server, Port, cookies, End of Message. Another
 * AEAD's cookies are shorter by more than its KE_COMPLIANT_GCM_SIV takes. */
enum {
	KE_RESPONSE_MAX = (KE_RECORD_HEADER + 2) + (KE_RECORD_HEADER + 2) + (KE_RECORD_HEADER + KE_NAME_MAX) +
			  (KE_RECORD_HEADER + 2) + KE_COOKIES * (KE_RECORD_HEADER + COOKIE_SIZE) +
			  KE_RECORD_HEADER,
};
static_assert(KE_COOKIES * (COOKIE_SIZE - COOKIE_SIZE_GCM_SIV) >= KE_RECORD_HEADER, "see above");

/* One connection's. Zeroed before the first octet. `request` grows: most requests have 16 octets. */
struct ke_session {
	uint8_t *request; /* malloc'ed, or NULL: before the first octet and after the verdict */
	size_t used, room;
	size_t scanned; /* of `used`: whole records without an End of Message */
	enum ke_verdict verdict;
	size_t response_size; /* octets to be sent, then close_notify; 0 while PENDING */
	uint8_t response[KE_RESPONSE_MAX];
};

/*
 * Take in octets as TLS gives them, any number at a time. PENDING until End of Message; any other verdict is
 * final, and the response (an error's, too) stands in the session. `opaque` goes to the offer's functions.
 * Memory that cannot be had is INTERNAL, and so are keys, cookies and a name that the offer fails to give.
 *
 * However the octets are cut into calls, verdict and response are the same, with one exception: octets after
 * End of Message make the request TRAILING only where they come in the same call as its last octet. Later
 * ones are not looked at, since the response may be on its way.
 */
enum ke_verdict ke_session_take(struct ke_session *session, const struct ke_offer *offer,
	const uint8_t *octets, size_t size, void *opaque);

/*
 * A request that is still PENDING becomes INCOMPLETE, a bad request (section 4.1.3), and gets its response:
 * for time-outs. A final verdict stays.
 */
enum ke_verdict ke_session_give_up(struct ke_session *session);

/*
 * Free what a session holds, and zero it: it is as before the first octet. The cookies go with it, for who
 * has a client's cookies can tell its packets from others'.
 */
void ke_session_end(struct ke_session *session);

#endif
