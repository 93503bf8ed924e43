/*
 * The judge of a load: it makes the cookies of requests, finds the request that a reply answers, and says
 * what is wrong with the reply. It keeps a ring of what was asked, so that a request costs 32 octets, and
 * needs no look-up: a cookie (the transmit timestamp) is the request's number under a secret permutation.
 *
 * What one reply says of itself is judged by ntp/client.h; the judge adds what only a whole load can show.
 * NTS is judged before (nts/client.h), and its verdict handed in. Pure; one thread each, counts merged
 * afterwards.
 *
 * Everything is of fixed size, and each check takes the same few steps however long the run: beside the ring
 * there are 64 KiB of transmit timestamps and some single values. What they remember they remember of every
 * reply whose header can be believed, and only what cannot convict a right server:
 * - STRATUM compares with the reply judged before. A server that changes its stratum is told once.
 * - PRECISION, beyond a look at the claim: of 64 transmit timestamps, a microsecond or more apart, the
 *   coarsest binary or decimal tick that all of them are multiples of. That tick is held against the claims
 * of the next 64.
 * - REPEATED_TIME: 4096 places, each with the last timestamp and client that fell on it. The same timestamp
 * to the same client is seen until another falls on its place, some 4096 replies later; different clients may
 *   get the same, as from two cores of one server. But none may get what BACKWARDS has as its bound, for then
 *   the clock stood still while a reply and a request travelled.
 * - BACKWARDS: with each request goes the latest transmit timestamp of all replies judged before it was
 * asked, so that its own reply was sent after those. It may be earlier by the precision that it claims, at
 * most 1/64 s. After such a step the new time is the measure: it is told for the requests under way, not for
 *   ever.
 */
#ifndef BENCH_JUDGE_H
#define BENCH_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/client.h"
#include "nts/client.h"

/*
 * X(symbol, name, meaning), beside those of CLIENT_VERDICTS and NTS_CLIENT_VERDICTS, in the order of the
 * checks: a reply has one verdict, the first. The meaning ends the sentence "the reply ...". What is too
 * short for a header names no request: it is HEADER with CLIENT_SHORT before all else. CLIENT_ORIGIN never
 * comes, as UNSOLICITED is said of it.
 */
#define JUDGE_VERDICTS(X)                                                                                \
	X(VALID, "valid", "is right in every way that was looked at")                                    \
	X(UNSOLICITED, "unsolicited",                                                                    \
		"carries a transmit timestamp that was never sent: forged, or of another run")           \
	X(LATE, "late", "came after its request had been given up or forgotten")                         \
	X(DUPLICATE, "duplicate", "answers a request that has had its reply")                            \
	X(WRONG_CLIENT, "wrong-client", "went to another client than asked")                             \
	X(WRONG_SOURCE, "wrong-source", "came from another address or port than was asked")              \
	X(LONGER, "longer", "is longer than its request")                                                \
	X(NTS, "nts", "is not what NTS asks for")                                                        \
	X(KISS_RATE, "kiss-rate", "is a Kiss-o'-Death RATE")                                             \
	X(KISS_OTHER, "kiss-other", "is another Kiss-o'-Death")                                          \
	X(COOKIE_ECHOED, "cookie-echoed", "gives our transmit timestamp back as a time of its own")      \
	X(HEADER, "header", "has a header that no client may believe")                                   \
	X(UNSYNCHRONISED, "unsynchronised", "says that the server is not synchronised")                  \
	X(STRATUM, "stratum", "has another stratum than the reply before")                               \
	X(PRECISION, "precision",                                                                        \
		"claims a precision that its timestamps do not have, or of more than a second")          \
	X(REPEATED_TIME, "repeated-time", "has the transmit timestamp of a reply before")                \
	X(BACKWARDS, "backwards", "was sent before a reply to a request that had been answered already") \
	X(OFFSET, "offset", "is further off the time than allowed")

enum judge_verdict {
#define X(symbol, name, meaning) JUDGE_##symbol,
	JUDGE_VERDICTS(X)
#undef X
		JUDGE_VERDICT_COUNT
};

struct judge_verdict_info {
	const char *name;    /* stable; [a-z0-9-] */
	const char *meaning; /* for people */
};

/* Indexed by enum judge_verdict. */
extern const struct judge_verdict_info judge_verdict_info[JUDGE_VERDICT_COUNT];

enum {
	JUDGE_SLOTS_LOG2_MIN = 10,
	JUDGE_SLOTS_LOG2_MAX = 28,
	JUDGE_CLIENTS = 1 << 24,
};
#define JUDGE_PATIENCE_MAX (UINT64_C(1) << 40) /* ns, 18 minutes */

struct judge_settings {
	unsigned slots_log2;  /* of the ring, JUDGE_SLOTS_LOG2_*; as many requests may be under way */
	uint64_t patience_ns; /* a request without a reply for longer is lost; 1 to JUDGE_PATIENCE_MAX */
	uint64_t key;         /* random and secret */
	double offset_limit;  /* seconds, beyond half the delay, which a path's asymmetry may have made; 0:
				 offsets are not judged, as where the clocks are not the same */
};

/* One request, as it is sent. */
struct judge_request {
	uint64_t intended_ns; /* by the load's schedule */
	uint64_t sent_ns; /* CLOCK_MONOTONIC-like, as intended_ns; no earlier than that of the one before */
	uint32_t client;  /* below JUDGE_CLIENTS */
	uint16_t size;    /* octets of NTP */
	uint8_t version;  /* 1 to 4 */
	bool nts;
};

/* One datagram, as it comes. */
struct judge_datagram {
	const uint8_t *octets;
	size_t size;
	uint64_t received_ns;        /* less than 39 hours after its request was intended */
	ntp64 t4;                    /* the same in NTP time, by the clock that T1 was read from */
	uint32_t client;             /* whom it went to */
	bool from_target;            /* from the address and port that were asked */
	enum nts_client_verdict nts; /* where the request had NTS */
};

struct judge_finding {
	enum judge_verdict verdict;
	bool found;                /* its request is still kept: the two latencies are set */
	struct client_reply reply; /* where its header was looked at; .verdict says more of HEADER */
	uint64_t latency_ns;       /* from the intended time */
	uint64_t held_up_ns;       /* of these, before it was really sent; below JUDGE_PATIENCE_MAX */
	double residence;          /* seconds, T3 - T2; where reply.offset is set */
};

/*
 * A request is under way until it is answered or lost: once judge_expire was told so of all, what was asked
 * is what was answered and what was lost. What is UNSOLICITED, LATE, DUPLICATE, WRONG_CLIENT, WRONG_SOURCE or
 * too short for a header answers no request, and whatever else does, also where it is wrong.
 */
struct judge_counts {
	uint64_t asked, answered, lost;
	uint64_t verdict[JUDGE_VERDICT_COUNT];
	uint64_t header[CLIENT_VERDICT_COUNT];  /* of HEADER */
	uint64_t nts[NTS_CLIENT_VERDICT_COUNT]; /* of NTS */
};

struct judge;

/* NULL where memory is short or the settings are out of range. */
struct judge *judge_new(const struct judge_settings *settings);
void judge_free(struct judge *judge);

/*
 * Note a request, before it is sent; the cookie to send as its transmit timestamp, as it lies in memory,
 * never 0, and no other request's. T1 is less than nine hours from T4. A request whose place in the ring is
 * still taken by one without a reply makes that one lost.
 */
uint64_t judge_ask(struct judge *judge, const struct judge_request *request, ntp64 t1);

/* A request that the port did not take at first is sent only now: its times. Before any reply to it can have
 * come. */
void judge_resend(struct judge *judge, uint64_t cookie, uint64_t sent_ns, ntp64 t1);

/* The last `count` requests were not sent at all, and are as if they had not been asked. None of them has a
 * reply. */
void judge_retract(struct judge *judge, unsigned count);

/* Whether a request with this cookie is under way: of any other, a reply brings nothing new. */
bool judge_awaits(const struct judge *judge, uint64_t cookie);

/* Judge a datagram; it is counted. Any octets. */
enum judge_verdict judge_reply(
	struct judge *judge, const struct judge_datagram *datagram, struct judge_finding *finding);

/*
 * Count as lost what has had no reply for longer than the patience; all that is under way where `all`. Each
 * request is looked at once. Verdicts do not hang on how often this is called, if only once an hour.
 */
void judge_expire(struct judge *judge, uint64_t now_ns, bool all);

const struct judge_counts *judge_counts(const struct judge *judge);

void judge_counts_merge(struct judge_counts *counts, const struct judge_counts *from);

#endif
