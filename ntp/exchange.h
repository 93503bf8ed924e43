/*
 * One question to an NTP server over the kernel's UDP, and its answer: the network, the clock and the
 * randomness that ntp/client.h is kept free of. It never sets a clock. T1 is CLOCK_REALTIME just before the
 * send; T4 is the kernel's stamp of the datagram's arrival. Any thread; one socket is for one thread at a
 * time.
 */
#ifndef NTP_EXCHANGE_H
#define NTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ntp/client.h"

enum { EXCHANGE_ADDRESS_TEXT = 64 };

struct exchange_peer {
	struct sockaddr_storage address;
	socklen_t length;
	char text[EXCHANGE_ADDRESS_TEXT]; /* numeric, with the scope of a link-local address */
};

/* X(symbol, name): how an exchange ended. */
#define EXCHANGE_STATUSES(X)                                                                               \
	X(REPLY, "reply")                       /* client_judge has judged it: see the verdict */          \
	X(TIMEOUT, "timeout")                   /* nothing with our cookie in time */                      \
	X(PORT_UNREACHABLE, "port-unreachable") /* ICMP: nobody listens there */                           \
	X(UNREACHABLE, "unreachable")           /* no route, or ICMP: network, host or administratively */ \
	X(SYSTEM, "system-error")

enum exchange_status {
#define X(symbol, name) EXCHANGE_##symbol,
	EXCHANGE_STATUSES(X)
#undef X
		EXCHANGE_STATUS_COUNT
};

/* Indexed by enum exchange_status; stable. */
extern const char *const exchange_status_name[EXCHANGE_STATUS_COUNT];

struct exchange {
	enum exchange_status status;
	int error;                              /* errno, for the last three statuses */
	struct client_reply reply;              /* for EXCHANGE_REPLY */
	ntp64 t1, t4;                           /* t1: once sent; t4: for EXCHANGE_REPLY */
	bool kernel_stamp;                      /* t4 is the kernel's, not read after the call */
	unsigned ignored[CLIENT_VERDICT_COUNT]; /* datagrams that were not ours: CLIENT_SHORT and
						   CLIENT_ORIGIN */
};

/* Longer than any request with extension fields, and any reply over a common path. What is cut off is not
 * judged by its length but still by its header. */
enum { EXCHANGE_OCTETS = 2048 };

/* What protects an exchange beyond its header, as NTS does. T1 is taken after `protect`. */
struct exchange_guard {
	/* Add fields to the request's header of NTP_HEADER_SIZE octets; there is room for EXCHANGE_OCTETS.
	 * The size of the request, or 0, which ends the exchange with EXCHANGE_SYSTEM and errno. */
	size_t (*protect)(void *opaque, uint8_t *octets);
	/* Whether a datagram of any size is the server's, before anything in it is believed; it may be
	 * decrypted in place. Others are passed over, and the wait goes on. */
	bool (*admits)(void *opaque, uint8_t *octets, size_t size);
	void *opaque;
};

/*
 * Resolve a name or numeric address into at most `max` peers in the order of preference. `family` is AF_INET,
 * AF_INET6 or AF_UNSPEC. The count, or 0 with a sentence that has the remedy in text[size].
 */
int exchange_resolve(struct exchange_peer *peers, int max, const char *host, int family, uint16_t port,
	char *text, size_t size);

/*
 * A UDP socket connected to the peer, from a port that the kernel draws at random (RFC 9109), with arrival
 * stamps. -1 with errno on failure. A new one for each exchange also gives each a new port. Close it with
 * close().
 */
int exchange_open(const struct exchange_peer *peer);

/* Whether this host has a route to the peer and an address to ask from. Nothing is sent. */
bool exchange_is_routed(const struct exchange_peer *peer);

/*
 * Send one request and wait at most `timeout` seconds (0 < timeout < 10^6) for its reply. Datagrams without
 * the request's cookie are counted and ignored, so that a forger who cannot see the request cannot end the
 * wait. System calls: getrandom, clock_gettime, sendto, ppoll, recvmsg.
 */
enum exchange_status exchange_ask(int fd, unsigned version, int8_t poll, double timeout, struct exchange *x);

/* The same with fields that the guard adds, and only replies that it admits. A guard of NULL is none. */
enum exchange_status exchange_ask_guarded(int fd, unsigned version, int8_t poll, double timeout,
	const struct exchange_guard *guard, struct exchange *x);

/* exchange_open, exchange_ask, close. A socket that cannot be had or connected is a status like those of the
 * ask. */
enum exchange_status exchange_once(
	const struct exchange_peer *peer, unsigned version, int8_t poll, double timeout, struct exchange *x);

enum exchange_status exchange_once_guarded(const struct exchange_peer *peer, unsigned version, int8_t poll,
	double timeout, const struct exchange_guard *guard, struct exchange *x);

/* A sentence for an exchange without a reply, with the remedy, into text[size]. `where` is the address for
 * people. */
void exchange_explain(const struct exchange *x, const char *where, uint16_t port, char *text, size_t size);

#endif
