#include "nts/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "ntp/octets.h"
#include "nts/identity.h"
#include "nts/tls_records.h"

enum { RECORD_TEXT = 16384, RECORD_OVERHEAD = 64 }; /* the latter generous: header, type, tag */

static const char alpn[] = "\x07ntske/1";
enum { ALPN_SIZE = sizeof(alpn) - 1 };

struct tls_server {
	atomic_size_t holders;
	size_t count;
	SSL_CTX *context[TLS_IDENTITIES]; /* one for each identity */
	struct tls_identity_facts facts[TLS_IDENTITIES];
};

struct tls_client {
	SSL_CTX *context;
};

struct tls {
	SSL *ssl;                  /* NULL before a client's first record is whole, and after a failure */
	struct tls_server *server; /* NULL: a client's */
	enum tls_state state;
	bool has_alpn; /* the hello names protocols */
	struct tls_records in;
	struct tls_queue out;
	/* Why it failed: a sentence of our own, or the library's. */
	const char *reason;
	unsigned long error;
	long verification;
};

const char *const tls_state_name[TLS_STATE_COUNT] = {
#define X(symbol, name) [TLS_##symbol] = name,
	TLS_STATES(X)
#undef X
};

/* The library's view of the wire: whole records, and a queue. tls_write looks whether there is room; but the
 * library itself answers each time that a peer asks for new keys. */
static int wire_read(BIO *bio, char *octets, int size)
{
	struct tls *tls = BIO_get_data(bio);
	const size_t n = tls_records_take(&tls->in, octets, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (n > 0)
		return (int)n;
	BIO_set_retry_read(bio);
	return -1;
}

static int wire_write(BIO *bio, const char *octets, int size)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if ((size_t)size > TLS_HELD_MAX - tls_queue_size(&tls->out))
		tls->reason = "the peer asks again and again, and takes no answer";
	else if (tls_queue_put(&tls->out, octets, (size_t)size))
		return size;
	else
		tls->reason = "no memory";
	return -1;
}

static long wire_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *wire;
static pthread_once_t wire_once = PTHREAD_ONCE_INIT;

static void make_wire(void)
{
	wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "octets");
	if (!wire)
		return;
	BIO_meth_set_read(wire, wire_read);
	BIO_meth_set_write(wire, wire_write);
	BIO_meth_set_ctrl(wire, wire_control);
}

static BIO *wire_new(struct tls *tls)
{
	BIO *bio;

	pthread_once(&wire_once, make_wire);
	bio = wire ? BIO_new(wire) : NULL;
	if (bio) {
		BIO_set_data(bio, tls);
		BIO_set_init(bio, 1);
	}
	return bio;
}

static bool ssl_new(struct tls *tls, SSL_CTX *context)
{
	BIO *bio = wire_new(tls);

	tls->ssl = bio ? SSL_new(context) : NULL;
	if (!tls->ssl || SSL_set_app_data(tls->ssl, tls) != 1) {
		BIO_free(bio);
		return false;
	}
	SSL_set_bio(tls->ssl, bio, bio);
	if (tls->server)
		SSL_set_accept_state(tls->ssl);
	else
		SSL_set_connect_state(tls->ssl);
	return true;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (!context)
		return NULL;
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	/* without NO_AUTO_CHAIN, a certificate that comes alone has its chain looked for in each handshake */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	/* a system's configuration may have set a maximum */
	if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
		SSL_CTX_set_max_proto_version(context, 0) == 1)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

/* The alert for no protocol at all has to wait until the version has been judged. */
static int note_alpn(SSL *ssl, int *alert, void *opaque)
{
	struct tls *tls = SSL_get_app_data(ssl);
	const unsigned char *list;
	size_t size;

	(void)alert;
	(void)opaque;
	tls->has_alpn = SSL_client_hello_get0_ext(
				ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list, &size) == 1;
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
	const unsigned char *offered, unsigned offered_size, void *opaque)
{
	struct tls *tls = SSL_get_app_data(ssl);

	(void)opaque;
	for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
		if (offered_size - at < ALPN_SIZE || memcmp(offered + at, alpn, ALPN_SIZE) != 0)
			continue;
		*out = offered + at + 1;
		*out_size = ALPN_SIZE - 1;
		return SSL_TLSEXT_ERR_OK;
	}
	tls->has_alpn = false;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *choose(const struct tls_server *server, const char *name)
{
	for (size_t i = 0; i < server->count; i++) {
		if (identity_is_for(SSL_CTX_get0_certificate(server->context[i]), name))
			return server->context[i];
	}
	return server->context[0];
}

/* Called for each hello of TLS 1.3, whether it names a server or not. */
static int choose_identity(SSL *ssl, int *alert, void *opaque)
{
	const struct tls *tls = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *chosen;

	(void)opaque;
	if (!tls->has_alpn) {
		*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (!name || tls->server->count == 1)
		return SSL_TLSEXT_ERR_OK;
	chosen = choose(tls->server, name);
	if (chosen == SSL_get_SSL_CTX(ssl) || SSL_set_SSL_CTX(ssl, chosen))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_up_server(SSL_CTX *context)
{
	char groups[] = "X25519:P-256"; /* no literal: the library's macro casts its const away */

	SSL_CTX_set_client_hello_cb(context, note_alpn, NULL);
	SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(context, choose_identity);
	/* Most clients offer SHA-384 first, which makes a handshake a tenth dearer; the keys that are
	 * exchanged here are of 128-bit strength. Who prefers ChaCha20 has no AES in hardware, and gets it.
	 */
	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	return SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
						 "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	       SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1 &&
	       SSL_CTX_set1_groups_list(context, groups) == 1;
}

static SSL_CTX *identity_context(const struct identity *identity)
{
	SSL_CTX *context = context_new(TLS_server_method());

	if (context && set_up_server(context) &&
		SSL_CTX_use_cert_and_key(context, identity->certificate, identity->key, identity->chain, 1) ==
			1)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static bool add_identity(struct tls_server *server, const struct tls_identity *pem, char *text, size_t size)
{
	const size_t index = server->count;
	struct identity identity;
	const char *why;

	if (!identity_read(&identity, pem, text, size))
		return false;
	server->context[index] = identity_context(&identity);
	why = ERR_reason_error_string(ERR_peek_last_error());
	if (server->context[index])
		identity_describe(&identity, &server->facts[server->count++]);
	else
		snprintf(text, size, "%s: TLS refuses this certificate or its chain (%s)",
			pem->certificate_name, why ? why : "no reason given");
	identity_free(&identity);
	ERR_clear_error();
	return server->count > index;
}

struct tls_server *tls_server_new(
	const struct tls_identity *identities, size_t count, char *text, size_t size)
{
	struct tls_server *server;

	if (count == 0 || count > TLS_IDENTITIES) {
		snprintf(text, size, "%zu certificates: there have to be 1 to %d", count, TLS_IDENTITIES);
		return NULL;
	}
	server = calloc(1, sizeof(*server));
	if (!server) {
		snprintf(text, size, "no memory");
		return NULL;
	}
	atomic_init(&server->holders, 1);
	for (size_t i = 0; i < count; i++) {
		if (add_identity(server, &identities[i], text, size))
			continue;
		tls_server_release(server);
		return NULL;
	}
	return server;
}

struct tls_server *tls_server_hold(struct tls_server *server)
{
	atomic_fetch_add_explicit(&server->holders, 1, memory_order_relaxed);
	return server;
}

void tls_server_release(struct tls_server *server)
{
	if (!server || atomic_fetch_sub_explicit(&server->holders, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < server->count; i++)
		SSL_CTX_free(server->context[i]);
	free(server);
}

size_t tls_server_identities(const struct tls_server *server)
{
	return server->count;
}

const struct tls_identity_facts *tls_server_facts(const struct tls_server *server, size_t index)
{
	return &server->facts[index];
}

struct tls *tls_accept_new(struct tls_server *server)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls)
		tls->server = tls_server_hold(server);
	return tls;
}

/* Authorities from a file or a directory, or the system's. */
static bool load_authorities(SSL_CTX *context, const char *ca, char *text, size_t size)
{
	struct stat status;

	if (!ca)
		return SSL_CTX_set_default_verify_paths(context) == 1 ||
		       (snprintf(text, size, "cannot load the system's certificate authorities"), false);
	if (stat(ca, &status) != 0) {
		snprintf(text, size, "%s: %s", ca, strerror(errno));
		return false;
	}
	/* who names a certificate trusts it, also where another one stands above it */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	if (S_ISDIR(status.st_mode) ? SSL_CTX_load_verify_dir(context, ca) == 1
				    : SSL_CTX_load_verify_file(context, ca) == 1)
		return true;
	snprintf(text, size, "%s: no certificates in PEM, or not readable", ca);
	return false;
}

static bool set_up_client(SSL_CTX *context)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* No common name either, as in our own choice by SNI (RFC 9525 section 2). */
	X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(context),
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_CTX_set_alpn_protos(context, (const unsigned char *)alpn, ALPN_SIZE) == 0;
}

struct tls_client *tls_client_new(const char *ca, char *text, size_t size)
{
	struct tls_client *client = calloc(1, sizeof(*client));
	bool done;

	snprintf(text, size, "no memory for TLS");
	ERR_clear_error();
	if (client)
		client->context = context_new(TLS_client_method());
	done = client && client->context && set_up_client(client->context) &&
	       load_authorities(client->context, ca, text, size);
	ERR_clear_error();
	if (done)
		return client;
	tls_client_free(client);
	return NULL;
}

void tls_client_free(struct tls_client *client)
{
	if (!client)
		return;
	SSL_CTX_free(client->context);
	free(client);
}

static enum tls_state state_of(const struct tls *tls)
{
	if (ERR_GET_LIB(tls->error) != ERR_LIB_SSL)
		return TLS_FAILED_TLS;
	switch (ERR_GET_REASON(tls->error)) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return TLS_FAILED_VERSION;
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return TLS_FAILED_ALPN;
	case SSL_R_CALLBACK_FAILED:
	case SSL_R_NO_APPLICATION_PROTOCOL:
		return tls->server && !tls->has_alpn ? TLS_FAILED_ALPN : TLS_FAILED_TLS;
	default:
		return TLS_FAILED_TLS;
	}
}

/* All but the alert that is still to be sent is of no use any more. `reason` is a constant, or NULL. */
static void fail(struct tls *tls, enum tls_state state, const char *reason)
{
	tls->state = state;
	tls->reason = reason;
	SSL_free(tls->ssl);
	tls->ssl = NULL;
	tls_queue_clear(&tls->in.queue);
	tls->in.whole = 0;
	ERR_clear_error();
}

/* After a call of the library that did not succeed: it wants more, the peer has done, or all is over. */
static void judge(struct tls *tls, int result)
{
	const int error = SSL_get_error(tls->ssl, result);

	if (error == SSL_ERROR_WANT_READ) {
		ERR_clear_error();
	} else if (error == SSL_ERROR_ZERO_RETURN && tls->state != TLS_HANDSHAKE) {
		tls->state = TLS_CLOSED;
		ERR_clear_error();
	} else if (error == SSL_ERROR_ZERO_RETURN) {
		fail(tls, TLS_FAILED_TLS, "the peer has closed the connection within the handshake");
	} else {
		tls->error = ERR_peek_last_error();
		tls->verification = SSL_get_verify_result(tls->ssl);
		fail(tls, state_of(tls), tls->reason); /* wire_write's, where it was that */
	}
}

static void finish_handshake(struct tls *tls)
{
	const unsigned char *name;
	unsigned size;

	SSL_get0_alpn_selected(tls->ssl, &name, &size);
	if (size == ALPN_SIZE - 1 && memcmp(name, alpn + 1, size) == 0) {
		tls->state = TLS_OPEN;
		return;
	}
	SSL_shutdown(tls->ssl);
	fail(tls, TLS_FAILED_ALPN, NULL);
}

/* With the records that are there. Plain octets stay within the library until tls_read asks for them. */
static void go_on(struct tls *tls)
{
	uint8_t octet;
	size_t n;
	int result;

	ERR_clear_error();
	if (tls->state == TLS_HANDSHAKE) {
		result = SSL_do_handshake(tls->ssl);
		if (result != 1) {
			judge(tls, result);
			return;
		}
		finish_handshake(tls);
	}
	if (tls->state == TLS_OPEN && tls->in.whole > 0) {
		result = SSL_peek_ex(tls->ssl, &octet, sizeof(octet), &n);
		if (result != 1)
			judge(tls, result);
	}
}

/* Names and numeric addresses as certificates have them: no root's dot, no zone. */
static bool is_plain_host(const char *host, char plain[TLS_NAME], uint8_t address[16], int *family)
{
	size_t size;

	if (snprintf(plain, TLS_NAME, "%s", host) >= TLS_NAME)
		return false;
	if (strchr(plain, ':'))
		plain[strcspn(plain, "%")] = 0;
	*family = inet_pton(AF_INET, plain, address) == 1    ? AF_INET
		  : inet_pton(AF_INET6, plain, address) == 1 ? AF_INET6
							     : AF_UNSPEC;
	size = strlen(plain);
	if (size > 0 && plain[size - 1] == '.')
		plain[size - 1] = 0;
	/* the library would take an empty name for the wish to check none */
	return plain[0] != 0;
}

static bool expect_host(SSL *ssl, const char *host)
{
	char plain[TLS_NAME];
	uint8_t address[16];
	int family;

	if (!is_plain_host(host, plain, address, &family))
		return false;
	if (family != AF_UNSPEC)
		return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address, family == AF_INET ? 4 : 16) ==
		       1;
	return SSL_set_tlsext_host_name(ssl, plain) == 1 && SSL_set1_host(ssl, plain) == 1;
}

struct tls *tls_connect_new(struct tls_client *client, const char *host)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	ERR_clear_error();
	if (ssl_new(tls, client->context) && expect_host(tls->ssl, host)) {
		go_on(tls);
		return tls;
	}
	ERR_clear_error();
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	tls_server_release(tls->server);
	tls_queue_clear(&tls->in.queue);
	tls_queue_clear(&tls->out);
	free(tls);
}

static void take_records(struct tls *tls)
{
	if (!tls_records_find(&tls->in, tls->server != NULL)) {
		fail(tls, TLS_FAILED_TLS, "the client's hello is too long, or in too many pieces");
		return;
	}
	if (tls->in.whole == 0)
		return;
	if (!tls->ssl && !ssl_new(tls, tls->server->context[0])) {
		fail(tls, TLS_FAILED_TLS, "no memory");
		return;
	}
	go_on(tls);
	if (tls->in.is_strange && tls->ssl)
		fail(tls, TLS_FAILED_TLS, "what the peer sends is not TLS");
}

enum tls_state tls_input(struct tls *tls, const void *octets, size_t size)
{
	if (tls->state != TLS_HANDSHAKE && tls->state != TLS_OPEN)
		return tls->state;
	if (size > TLS_HELD_MAX - tls_queue_size(&tls->in.queue))
		fail(tls, TLS_FAILED_TLS, "the peer sends more than is asked for");
	else if (!tls_queue_put(&tls->in.queue, octets, size))
		fail(tls, TLS_FAILED_TLS, "no memory");
	else
		take_records(tls);
	tls_queue_trim(&tls->in.queue);
	return tls->state;
}

size_t tls_read(struct tls *tls, void *octets, size_t size)
{
	size_t n = 0;
	int result;

	if (tls->state != TLS_OPEN || size == 0)
		return 0;
	ERR_clear_error();
	result = SSL_read_ex(tls->ssl, octets, size, &n);
	if (result != 1) {
		judge(tls, result);
		n = 0;
	}
	tls_queue_trim(&tls->in.queue);
	return n;
}

/* The peer's close_notify closes its direction alone (RFC 8446 section 6.1). */
static bool can_send(const struct tls *tls)
{
	return (tls->state == TLS_OPEN || tls->state == TLS_CLOSED) &&
	       !(SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN);
}

bool tls_write(struct tls *tls, const void *octets, size_t size)
{
	const size_t waits = tls_queue_size(&tls->out);
	const size_t most = size + (size / RECORD_TEXT + 1) * RECORD_OVERHEAD;
	size_t n = 0;
	int result;

	if (!can_send(tls) || size > TLS_HELD_MAX || waits + most > TLS_HELD_MAX)
		return false;
	if (size == 0)
		return true;
	ERR_clear_error();
	result = SSL_write_ex(tls->ssl, octets, size, &n);
	if (result != 1)
		judge(tls, result);
	return result == 1 && n == size;
}

void tls_close(struct tls *tls)
{
	if (!can_send(tls))
		return;
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

size_t tls_output(struct tls *tls, void *octets, size_t size)
{
	const size_t n = tls_queue_take(&tls->out, octets, size);

	if (tls_queue_size(&tls->out) == 0)
		tls_queue_clear(&tls->out);
	return n;
}

enum tls_state tls_state(const struct tls *tls)
{
	return tls->state;
}

static bool export_key(SSL *ssl, uint16_t aead, uint8_t direction, uint8_t *key, size_t size)
{
	static const char label[] = "EXPORTER-network-time-security";
	uint8_t context[5] = {0, 0, 0, 0, direction}; /* the first two: NTPv4 */

	store_be16(context + 2, aead);
	return SSL_export_keying_material(
		       ssl, key, size, label, sizeof(label) - 1, context, sizeof(context), 1) == 1;
}

bool tls_export_keys(struct tls *tls, uint16_t aead, uint16_t context, struct cookie_keys *keys)
{
	const size_t size = aead == AEAD_AES_128_GCM_SIV ? GCM_SIV_KEY : SIV_KEY;
	bool done;

	*keys = (struct cookie_keys){0};

	if (tls->state != TLS_OPEN && tls->state != TLS_CLOSED)
		return false;
	ERR_clear_error();
	done = export_key(tls->ssl, context, 0, keys->c2s, size) &&
	       export_key(tls->ssl, context, 1, keys->s2c, size);
	if (!done)
		OPENSSL_cleanse(keys, sizeof(*keys));
	ERR_clear_error();
	return done;
}

enum tls_cause tls_cause(const struct tls *tls)
{
	const int reason = ERR_GET_REASON(tls->error);

	if (tls->state < TLS_FAILED_TLS)
		return TLS_CAUSE_NONE;
	if (tls->reason || ERR_GET_LIB(tls->error) != ERR_LIB_SSL)
		return TLS_CAUSE_PROTOCOL;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return TLS_CAUSE_CERTIFICATE;
	return reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX
		       ? TLS_CAUSE_ALERT
		       : TLS_CAUSE_PROTOCOL;
}

static void explain_library(const struct tls *tls, char *text, size_t size)
{
	const char *why = ERR_reason_error_string(tls->error);

	switch (tls_cause(tls)) {
	case TLS_CAUSE_CERTIFICATE:
		snprintf(text, size, "the peer's certificate is not accepted: %s",
			X509_verify_cert_error_string(tls->verification));
		break;
	case TLS_CAUSE_ALERT:
		snprintf(text, size, "the peer refuses: %s", why ? why : "unknown alert");
		break;
	default:
		snprintf(text, size, "TLS failed: %s", why ? why : "no reason given");
	}
}

void tls_explain(const struct tls *tls, char *text, size_t size)
{
	if (tls->state == TLS_FAILED_VERSION)
		snprintf(text, size, "the peer knows no TLS 1.3");
	else if (tls->state == TLS_FAILED_ALPN)
		snprintf(text, size, "the peer does not speak ntske/1 (no agreement by ALPN)");
	else if (tls->reason)
		snprintf(text, size, "%s", tls->reason);
	else if (tls->state == TLS_FAILED_TLS)
		explain_library(tls, text, size);
	else
		snprintf(text, size, "no failure: %s", tls_state_name[tls->state]);
}
