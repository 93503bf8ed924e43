/*
 * The client's side of one exchange: the request, and the judgement of a reply (RFC 5905 sections 8 and 9.2).
 *
 * A request tells a server nothing that it need not know: all fields are zero but version, mode, poll, and a
 * transmit timestamp that is 64 random bits, the cookie. Only who saw the request can send a reply with that
 * origin, so the cookie is compared before anything else in a reply is believed. Pure; callable from any
 * thread.
 */
#ifndef NTP_CLIENT_H
#define NTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "ntp/packet.h"
#include "ntp/timestamp.h"

/* X(symbol, name, meaning), in the order of the checks; the meaning ends the sentence "the reply ...". */
#define CLIENT_VERDICTS(X)                                                                                \
	X(ANSWERED, "answered", "is valid and comes from a synchronised server")                          \
	X(UNSYNCHRONISED, "unsynchronised", "comes from a server that says it is not synchronised")       \
	X(KISS, "kiss", "is a Kiss-o'-Death: the server declines to give the time")                       \
	X(SHORT, "short", "is shorter than an NTP header")                                                \
	X(ORIGIN, "origin", "does not carry our request's transmit timestamp: duplicate, late or forged") \
	X(LENGTH, "length", "has a length that is no multiple of 4")                                      \
	X(MODE, "mode", "is not of mode 4 (server)")                                                      \
	X(VERSION, "version", "is of another NTP version than the request")                               \
	X(NO_TRANSMIT, "no-transmit", "has no transmit timestamp")                                        \
	X(NO_RECEIVE, "no-receive", "has no receive timestamp")                                           \
	X(RECEIVE_ORDER, "receive-order", "was sent before its request was received")                     \
	X(NEGATIVE_DELAY, "negative-delay",                                                               \
		"took the server longer than the whole exchange: a clock stepped")                        \
	X(ROOT_DISTANCE, "root-distance", "has a root distance of 16 s or more")                          \
	X(REFERENCE_ORDER, "reference-order", "was sent before the server's clock was last set")

enum client_verdict {
#define X(symbol, name, meaning) CLIENT_##symbol,
	CLIENT_VERDICTS(X)
#undef X
		CLIENT_VERDICT_COUNT
};

struct client_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum client_verdict. */
extern const struct client_verdict_info client_verdict_info[CLIENT_VERDICT_COUNT];

/* What was asked, and when by our own clock. */
struct client_request {
	uint64_t cookie; /* as it lies in memory and on the wire: never swapped; not 0 */
	uint8_t version; /* 1-4 */
	int8_t poll;     /* log2 seconds */
};

/* A reply in host order. What client_judge has not set is zero. */
struct client_reply {
	enum client_verdict verdict;
	uint8_t leap; /* enum ntp_leap */
	uint8_t version;
	uint8_t stratum; /* as on the wire: 0 for unspecified */
	int8_t poll;     /* log2 seconds */
	int8_t precision;
	uint8_t refid[4];
	char kiss[5]; /* the code, for CLIENT_KISS, else "" */
	ntp32 root_delay;
	ntp32 root_dispersion;
	ntp64 reference;
	ntp64 receive;  /* T2 */
	ntp64 transmit; /* T3 */
	double offset;  /* seconds to add to our clock to have the server's */
	double delay;   /* seconds; may be as little below 0 as the server's precision */
};

/* Write a request of NTP_HEADER_SIZE octets. */
void client_request_write(uint8_t octets[NTP_HEADER_SIZE], const struct client_request *request);

/*
 * Judge `size` octets, received at T4 for the request sent at T1, both by our clock. The verdict is returned,
 * and stands in reply->verdict. The header's fields are set unless the verdict is SHORT or ORIGIN; offset and
 * delay only for ANSWERED, UNSYNCHRONISED, NEGATIVE_DELAY, ROOT_DISTANCE and REFERENCE_ORDER. Only ANSWERED
 * may be used to judge a clock. Our clock and the server's must be less than 68 years apart.
 */
enum client_verdict client_judge(struct client_reply *reply, const struct client_request *request,
	const void *octets, size_t size, ntp64 t1, ntp64 t4);

/* Root distance at the time of the reply, in seconds: how far the server's time plus `offset` can be from the
 * truth. */
double client_error_bound(const struct client_reply *reply);

enum { CLIENT_REFID_TEXT = 16 };

/*
 * The reference id for people: up to 4 ASCII characters at stratum 0 and 1 ("" for zeros; hexadecimal where
 * they are not printable), else a dotted quad, which for an IPv6 upstream is only a hash.
 */
void client_refid_text(char text[CLIENT_REFID_TEXT], const struct client_reply *reply);

#endif
