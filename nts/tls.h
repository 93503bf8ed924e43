/*
 * TLS 1.3 for NTS key establishment, without sockets: octets of the wire in and out. The one file that knows
 * libssl. ALPN is ntske/1, no session is resumed, there is no early data.
 *
 * A struct tls_server is immutable once loaded and may be shared by threads, each with connections of its
 * own.
 */
#ifndef NTS_TLS_H
#define NTS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "nts/cookie.h"

enum {
	TLS_NAME = 256,
	TLS_IDENTITIES = 16,
	TLS_HELD_MAX = 128 * 1024, /* octets that a connection holds for its user or for the wire, each */
};

/*
 * One certificate with its key, in PEM; the chain after the certificate. Only read while tls_server_new runs:
 * the caller erases its copies after that.
 */
struct tls_identity {
	const char *certificate_name, *key_name; /* of the files, for sentences */
	const void *certificate, *key;
	size_t certificate_size, key_size;
};

/* What is known of a loaded certificate. */
struct tls_identity_facts {
	/* The alternative names, else the common name, separated by ", "; cut off where long. */
	char subject[TLS_NAME];
	char kind[32]; /* of the key, as "EC prime256v1" or "RSA 2048" */
	time_t not_before, not_after;
};

struct tls_server;

/*
 * Make a server of 1 to TLS_IDENTITIES identities: the one whose subject alternative names hold what a client
 * asks for by SNI, else the first. NULL with a sentence in text[size] that names the file and the remedy:
 * not PEM, key of another certificate, encrypted key, key too weak. A certificate out of its time is taken:
 * see its facts. Freed with tls_server_release. The first call in a process reads OpenSSL's configuration
 * file.
 */
struct tls_server *tls_server_new(
	const struct tls_identity *identities, size_t count, char *text, size_t size);

/* One more holder; the last release frees it, keys erased. Any thread. */
struct tls_server *tls_server_hold(struct tls_server *server);
void tls_server_release(struct tls_server *server);

size_t tls_server_identities(const struct tls_server *server);
const struct tls_identity_facts *tls_server_facts(const struct tls_server *server, size_t index);

struct tls;

/* X(symbol, name): how far a connection is. */
#define TLS_STATES(X)                                                                                        \
	X(HANDSHAKE, "handshake")                                                                            \
	X(OPEN, "open")                                                                                      \
	X(CLOSED, "closed")          /* the peer has said close_notify; what it said before has been read */ \
	X(FAILED_TLS, "tls")         /* no TLS at all, or a failure of the protocol or a certificate */      \
	X(FAILED_VERSION, "version") /* the peer knows no TLS 1.3 */                                         \
	X(FAILED_ALPN, "alpn")       /* the peer does not speak ntske/1 */

enum tls_state {
#define X(symbol, name) TLS_##symbol,
	TLS_STATES(X)
#undef X
		TLS_STATE_COUNT
};

/* Indexed by enum tls_state; stable. */
extern const char *const tls_state_name[TLS_STATE_COUNT];

/*
 * NULL where memory is short. The connection holds the server. It costs some hundred octets until the
 * client's first record is whole.
 */
struct tls *tls_accept_new(struct tls_server *server);

struct tls_client;

/*
 * A client's settings: trust the system's authorities, or only those in the PEM file or directory `ca` (one
 * of hashed names, as `openssl rehash` makes them). NULL with a sentence in text[size].
 */
struct tls_client *tls_client_new(const char *ca, char *text, size_t size);
void tls_client_free(struct tls_client *client);

/*
 * Connect to `host`, a name or a numeric address (a zone after it is ignored) that the certificate must be
 * for. The first octets are in tls_output at once. NULL where memory is short, or `host` is empty or longer
 * than a name can be. The client may be freed before.
 */
struct tls *tls_connect_new(struct tls_client *client, const char *host);

void tls_free(struct tls *tls);

/*
 * Take in octets of the wire, all of them, and go on with the handshake as far as it goes. What is to be sent
 * (an alert, too) is then in tls_output. After a failure, and after the peer's close_notify, nothing more is
 * taken in. Read until tls_read gives 0 before more is put in: a peer whose unread octets come to more than
 * TLS_HELD_MAX has failed.
 *
 * That TCP has ended is for the caller to see: where the state is not CLOSED by then, the stream was cut off.
 */
enum tls_state tls_input(struct tls *tls, const void *octets, size_t size);

/*
 * Plain octets that the peer has sent: at most size of them; 0 where there are none, or not yet. The state
 * may have changed when it gives 0.
 */
size_t tls_read(struct tls *tls, void *octets, size_t size);

/*
 * Encrypt octets into the output; while OPEN, and after the peer's close_notify, which closes its direction
 * alone, but not after tls_close. False where that failed, or the output would pass TLS_HELD_MAX.
 */
bool tls_write(struct tls *tls, const void *octets, size_t size);

/* Say close_notify into the output; where nothing can be said any more, nothing is. Reading goes on. */
void tls_close(struct tls *tls);

/* Octets to be sent, at most size of them; they are the caller's now. 0: nothing. */
size_t tls_output(struct tls *tls, void *octets, size_t size);

enum tls_state tls_state(const struct tls *tls);

/*
 * The keys of RFC 8915 section 5.1 for NTPv4 and an AEAD, by the exporter of TLS 1.3 (RFC 8446 section 7.5);
 * while OPEN or CLOSED. They have SIV_KEY octets each, those for AEAD_AES_128_GCM_SIV GCM_SIV_KEY and then
 * zeros. The AEAD that the context names is said apart: see ke_export_context. False where that failed; the
 * keys are zero then.
 */
bool tls_export_keys(struct tls *tls, uint16_t aead, uint16_t context, struct cookie_keys *keys);

enum tls_cause {
	TLS_CAUSE_NONE,        /* no failure */
	TLS_CAUSE_PROTOCOL,    /* it is no TLS, or not as it has to be */
	TLS_CAUSE_CERTIFICATE, /* we do not accept the peer's */
	TLS_CAUSE_ALERT,       /* the peer has refused us */
};

/* What a connection failed of, in any of the states for it. */
enum tls_cause tls_cause(const struct tls *tls);

/* Why a connection failed, for people, into text[size]. */
void tls_explain(const struct tls *tls, char *text, size_t size);

#endif
