/*
 * How a server can err, one way a name: what tests/erring_server.c makes of a reply that was right. Pure; one
 * thread.
 */
#ifndef TESTS_ERRING_WAYS_H
#define TESTS_ERRING_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/packet.h"
#include "ntp/timestamp.h"

enum { ERRING_ROOM = 1280, ERRING_REPLIES = 2 };

/* From where a reply is sent. */
enum erring_source { ERRING_FROM_ASKED, ERRING_FROM_PORT, ERRING_FROM_ADDRESS, ERRING_SOURCES };

/* A reply as it lies on the wire, and how it gets there. */
struct erring_reply {
	struct ntp_header header;
	uint8_t tail[ERRING_ROOM - NTP_HEADER_SIZE]; /* zero beyond what was put in */
	size_t size;                                 /* octets from the header on; 0 is an empty datagram */
	enum erring_source source;
	bool late;
	bool to_other; /* to the client that asked before, where there was another */
};

/* One request and its replies, of which the first is right until a way was applied. */
struct erring_exchange {
	uint64_t number;       /* of those that this way has met, from 0 */
	const uint8_t *octets; /* of the request, at most ERRING_ROOM */
	size_t size;
	uint64_t random;     /* fresh */
	ntp64 first_receive; /* T2 and T3 of the first exchange that this way has met */
	ntp64 first_transmit;
	unsigned replies;
	struct erring_reply reply[ERRING_REPLIES];
};

/* What a way is made of. */
struct erring_way {
	const char *name;
	void (*damage)(struct erring_exchange *exchange); /* NULL: none */
	unsigned every;   /* unless said otherwise, each so many-th reply is damaged; at least 1 */
	bool forwarded;   /* has a use only for the replies of another server, with NTS */
	bool answers_all; /* also what is no request */
};

/* By its name; NULL where there is none. */
const struct erring_way *erring_way(const char *name);

/* From 0 on; NULL past the last. */
const struct erring_way *erring_way_at(size_t i);

/* Whether a server has to answer it: a request of a client, in whole words, of a version that there is. */
bool erring_is_request(const uint8_t *octets, size_t size);

/* A right reply to it, with T2 and T3; what it asks is at least a header. */
void erring_answer(
	struct erring_reply *reply, const uint8_t *request, uint8_t stratum, ntp64 receive, ntp64 transmit);

#endif
