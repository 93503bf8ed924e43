/*
 * One connection of key establishment on its socket:
 *
 *   handshake -> request -> response and close_notify, in one piece -> our end of the stream is shut ->
 *   what the peer still sends is thrown away until its end -> closed
 *
 * Throwing away matters: a socket that is closed with octets unread resets the connection, and the peer may
 * lose the response for it.
 *
 * Time-outs are the worker's (control/ke_worker.c). A connection belongs to one thread.
 */
#ifndef CONTROL_KE_CONNECTION_H
#define CONTROL_KE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ke_outcome.h"
#include "control/ke_sealer.h"
#include "nts/ke_session.h"
#include "nts/tls.h"

enum {
	KE_CONNECTION_READ = 4096,    /* octets at a time; a request with its handshake has fewer than 1000 */
	KE_CONNECTION_DRAIN = 262144, /* most that is thrown away */
};

enum ke_phase {
	KE_PHASE_OPEN = 0, /* handshake and request */
	KE_PHASE_ENDING,   /* response or alert is on its way */
	KE_PHASE_LINGER,   /* all is sent; the peer's end is awaited */
	KE_PHASE_DONE,     /* to be closed */
};

struct ke_connection {
	int fd;
	enum ke_phase phase;
	enum ke_outcome outcome;  /* PENDING while OPEN; what is to be counted at the end */
	struct tls *tls;          /* NULL until the first octet: whoever sends nothing costs little */
	struct ke_sealer *sealer; /* the thread's */
	uint8_t *unsent;          /* malloc'ed octets that the socket would not take, or NULL */
	size_t unsent_size;
	size_t drained;
	struct ke_session session;
};

/* Take over a socket. */
void ke_connection_init(struct ke_connection *c, int fd, struct ke_sealer *sealer);

/* For struct ke_offer; `opaque` is the connection. */
bool ke_connection_export_keys(void *opaque, uint16_t aead, uint16_t context, struct cookie_keys *keys);
size_t ke_connection_make_cookies(void *opaque, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count);

/*
 * The socket is readable, writable or broken: go on as far as it goes. One read at most, so that each gets
 * its turn. `server` is needed for the first octet only, and is then held. After this the worker looks at
 * `phase` and at ke_connection_wants_write.
 */
void ke_connection_go_on(struct ke_connection *c, struct tls_server *server, const struct ke_offer *offer);

/* Whether it waits for room to send, and for nothing else. */
bool ke_connection_wants_write(const struct ke_connection *c);

/* The outcome where time is up now. */
enum ke_outcome ke_connection_overdue(const struct ke_connection *c);

/* Close the socket and erase all. */
void ke_connection_end(struct ke_connection *c);

#endif
