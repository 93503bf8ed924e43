#include "control/ke_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* Octets for the socket at a time: a flight with a long chain of certificates, and any response. */
enum { PIECE = 16384 };

void ke_connection_init(struct ke_connection *c, int fd, struct ke_sealer *sealer)
{
	*c = (struct ke_connection){.fd = fd, .sealer = sealer};
}

bool ke_connection_export_keys(void *opaque, uint16_t aead, uint16_t context, struct cookie_keys *keys)
{
	const struct ke_connection *c = opaque;

	return tls_export_keys(c->tls, aead, context, keys);
}

size_t ke_connection_make_cookies(void *opaque, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count)
{
	const struct ke_connection *c = opaque;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ke_sealer_make(c->sealer, aead, keys, cookies, count, ntp64_from_timespec(t));
}

/* No octet of the peer's is awaited any more. The first outcome stays. */
static void finish(struct ke_connection *c, enum ke_outcome outcome, enum ke_phase phase)
{
	if (c->outcome == KE_OUTCOME_PENDING)
		c->outcome = outcome;
	c->phase = phase;
}

/* The socket is broken: whatever the outcome was to be, the peer has not got it. */
static void fail(struct ke_connection *c, enum ke_outcome outcome)
{
	if (c->phase < KE_PHASE_LINGER)
		c->outcome = outcome;
	c->phase = KE_PHASE_DONE;
}

static bool keep_unsent(struct ke_connection *c, const uint8_t *octets, size_t size)
{
	uint8_t *kept = malloc(size);

	if (!kept) {
		fail(c, KE_OUTCOME_NO_MEMORY);
		return false;
	}
	memcpy(kept, octets, size);
	free(c->unsent);
	c->unsent = kept;
	c->unsent_size = size;
	return false;
}

/* True where all went out. */
static bool send_piece(struct ke_connection *c, const uint8_t *octets, size_t size)
{
	ssize_t n = send(c->fd, octets, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == (ssize_t)size)
		return true;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fail(c, KE_OUTCOME_RESET);
		return false;
	}
	return keep_unsent(c, octets + (n > 0 ? n : 0), size - (n > 0 ? (size_t)n : 0));
}

static bool send_unsent(struct ke_connection *c)
{
	uint8_t *octets = c->unsent;
	size_t size = c->unsent_size;
	bool all;

	if (!octets)
		return true;
	c->unsent = NULL;
	all = send_piece(c, octets, size);
	free(octets);
	return all;
}

/* Send what TLS has for the peer. False where the socket has no room, or is broken. */
static bool flush(struct ke_connection *c)
{
	uint8_t octets[PIECE];
	size_t size;

	if (!send_unsent(c))
		return false;
	while ((size = tls_output(c->tls, octets, sizeof(octets))) > 0)
		if (!send_piece(c, octets, size))
			return false;
	return true;
}

static void forget(struct ke_connection *c)
{
	tls_free(c->tls);
	c->tls = NULL;
	free(c->unsent);
	c->unsent = NULL;
	ke_session_end(&c->session);
}

/* All has been said; the peer's end follows, and nothing but the socket is needed for that. */
static void linger(struct ke_connection *c)
{
	if (shutdown(c->fd, SHUT_WR) != 0) {
		fail(c, KE_OUTCOME_RESET);
		return;
	}
	c->phase = KE_PHASE_LINGER;
	forget(c);
}

static void flush_and_linger(struct ke_connection *c)
{
	if (flush(c) && c->phase == KE_PHASE_ENDING)
		linger(c);
}

static void respond(struct ke_connection *c)
{
	const struct ke_session *s = &c->session;

	if (s->response_size > 0 && !tls_write(c->tls, s->response, s->response_size))
		finish(c, KE_OUTCOME_CLOSED, KE_PHASE_ENDING);
	else
		finish(c, (enum ke_outcome)s->verdict, KE_PHASE_ENDING);
	tls_close(c->tls);
}

/* The plain octets that are there, into the session. */
static void take_request(struct ke_connection *c, const struct ke_offer *offer)
{
	uint8_t octets[KE_CONNECTION_READ];
	enum ke_verdict verdict = KE_PENDING;
	size_t size;

	while (verdict == KE_PENDING && (size = tls_read(c->tls, octets, sizeof(octets))) > 0)
		verdict = ke_session_take(&c->session, offer, octets, size, c);
	if (verdict != KE_PENDING)
		respond(c);
}

static void judge(struct ke_connection *c, enum tls_state state)
{
	if (c->phase != KE_PHASE_OPEN)
		return;
	if (state == TLS_FAILED_VERSION)
		finish(c, KE_OUTCOME_VERSION, KE_PHASE_ENDING);
	else if (state == TLS_FAILED_ALPN)
		finish(c, KE_OUTCOME_ALPN, KE_PHASE_ENDING);
	else if (state == TLS_FAILED_TLS)
		finish(c, KE_OUTCOME_TLS, KE_PHASE_ENDING);
	else if (state == TLS_CLOSED) {
		finish(c, KE_OUTCOME_CLOSED, KE_PHASE_ENDING);
		tls_close(c->tls);
	}
}

static void take(struct ke_connection *c, const struct ke_offer *offer, const uint8_t *octets, size_t size)
{
	enum tls_state state = tls_input(c->tls, octets, size);

	if (state == TLS_OPEN || state == TLS_CLOSED)
		take_request(c, offer);
	judge(c, tls_state(c->tls));
	if (c->phase == KE_PHASE_ENDING)
		flush_and_linger(c);
	else
		(void)flush(c);
}

/* Octets into the buffer; 0 where there are none and the connection has been dealt with. */
static size_t receive(struct ke_connection *c, uint8_t octets[KE_CONNECTION_READ])
{
	ssize_t n = recv(c->fd, octets, KE_CONNECTION_READ, MSG_DONTWAIT);

	if (n > 0)
		return (size_t)n;
	if (n == 0)
		fail(c, KE_OUTCOME_CLOSED);
	else if (errno != EAGAIN && errno != EINTR)
		fail(c, KE_OUTCOME_RESET);
	return 0;
}

static void drain(struct ke_connection *c)
{
	uint8_t octets[KE_CONNECTION_READ];

	c->drained += receive(c, octets);
	if (c->drained > KE_CONNECTION_DRAIN)
		c->phase = KE_PHASE_DONE;
}

void ke_connection_go_on(struct ke_connection *c, struct tls_server *server, const struct ke_offer *offer)
{
	uint8_t octets[KE_CONNECTION_READ];
	size_t size;

	if (c->phase == KE_PHASE_LINGER) {
		drain(c);
		return;
	}
	if (c->phase == KE_PHASE_ENDING) {
		flush_and_linger(c);
		return;
	}
	if (c->unsent) {
		(void)flush(c);
		return;
	}
	size = receive(c, octets);
	if (size == 0)
		return;
	if (!c->tls)
		c->tls = tls_accept_new(server);
	if (c->tls)
		take(c, offer, octets, size);
	else
		fail(c, KE_OUTCOME_NO_MEMORY);
	OPENSSL_cleanse(octets, size);
}

bool ke_connection_wants_write(const struct ke_connection *c)
{
	return c->unsent != NULL;
}

enum ke_outcome ke_connection_overdue(const struct ke_connection *c)
{
	if (c->phase == KE_PHASE_LINGER)
		return c->outcome;
	if (c->phase == KE_PHASE_ENDING)
		return KE_OUTCOME_TIMEOUT_RESPONSE;
	if (c->tls && tls_state(c->tls) == TLS_OPEN)
		return KE_OUTCOME_TIMEOUT_REQUEST;
	return KE_OUTCOME_TIMEOUT_HANDSHAKE;
}

void ke_connection_end(struct ke_connection *c)
{
	close(c->fd);
	c->fd = -1;
	forget(c);
}
