/*
 * The server of key establishment: its sockets, its threads (control/ke_worker.h), and what the main thread
 * tells them. The functions are for the main thread.
 *
 *   ke_server_open (as root, for low ports) -> ke_server_start -> ke_server_keyring, ke_server_identities
 *   -> ke_server_listen -> ... -> ke_server_close
 *
 * Each thread has a listening socket of its own for each address; the kernel deals out connections among
 * them (SO_REUSEPORT). What a connection may take: control/ke_worker.h. What became of connections:
 * control/ke_outcome.h.
 */
#ifndef CONTROL_KE_SERVER_H
#define CONTROL_KE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ke_limiter.h"
#include "control/ke_outcome.h"
#include "nts/ke_aeads.h"
#include "nts/keyring.h"
#include "nts/tls.h"

enum {
	KE_SERVER_THREADS = 64,
	KE_SERVER_ADDRESSES = 64,
	KE_SERVER_CONNECTIONS = 1000000,
	KE_SERVER_ADDRESS_TEXT = 64, /* "[2001:db8::1]:4460" */
};

struct ke_server_options {
	uint16_t port; /* 0: key establishment is not served */
	/* Numeric; without any the port is opened on all there are. One that is not there yet is no error. */
	const char *address[KE_SERVER_ADDRESSES];
	unsigned addresses;
	unsigned threads;     /* 1 to KE_SERVER_THREADS */
	unsigned connections; /* at a time, 1 to KE_SERVER_CONNECTIONS */
	bool limited;
	struct ke_limiter_rate rate; /* where limited */
	const char *ntp_server;      /* for the Server record; NULL: none */
	uint16_t ntp_port;           /* for the Port record; 0: none */
	struct ke_aeads aeads;       /* offered */
};

struct ke_server;

/* Bind, and get threads ready. NULL with a sentence in text[size]. The options stay the caller's, and live
 * on. */
struct ke_server *ke_server_open(const struct ke_server_options *options, char *text, size_t size);

/* Start the threads; they have the caller's capabilities and signal mask. False with a sentence. */
bool ke_server_start(struct ke_server *server, char *text, size_t size);

/* Take connections, once there are identities. Called again it does nothing. False with a sentence. */
bool ke_server_listen(struct ke_server *server, char *text, size_t size);

/* Use other identities, of which the server becomes a holder, for connections from now on. */
void ke_server_identities(struct ke_server *server, struct tls_server *identities);

/* Use another keyring; copies of the old one are erased. */
void ke_server_keyring(struct ke_server *server, const struct keyring *ring);

/* Connections held now. */
unsigned ke_server_held(const struct ke_server *server);

/* Connections that ended so; for PENDING all that were accepted. */
uint64_t ke_server_count(const struct ke_server *server, enum ke_outcome outcome);

/* Of the addresses bound, the one with that index; false where there are no more. */
bool ke_server_address(const struct ke_server *server, unsigned index, char text[KE_SERVER_ADDRESS_TEXT]);

/* Stop the threads, close all and erase the keys. NULL is harmless. */
void ke_server_close(struct ke_server *server);

#endif
