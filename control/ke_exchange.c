#include "control/ke_exchange.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum { PEERS = 8, CHUNK = 4096 };

const char *const ke_exchange_status_name[KE_EXCHANGE_STATUS_COUNT] = {
#define X(symbol, name) [KE_EXCHANGE_##symbol] = name,
	KE_EXCHANGE_STATUSES(X)
#undef X
};

/* One conversation. A step that fails sets the status and returns false, and no other follows. */
struct conversation {
	struct ke_exchange *ke;
	const struct ke_exchange_terms *terms;
	int fd; /* -1: none */
	struct tls *tls;
	double deadline;              /* of the step, by seconds_now */
	enum ke_exchange_status late; /* what the step ends with at its deadline */
	size_t used;
	uint8_t response[KE_CLIENT_MESSAGE_MAX + 1]; /* with one more octet, too long can be told */
};

/* Of CLOCK_MONOTONIC. */
static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool fail(struct conversation *c, enum ke_exchange_status status)
{
	c->ke->status = status;
	return false;
}

static bool fail_by_errno(struct conversation *c)
{
	c->ke->error = errno;
	switch (errno) {
	case ECONNREFUSED:
		return fail(c, KE_EXCHANGE_REFUSED);
	case ECONNRESET:
	case EPIPE:
		return fail(c, KE_EXCHANGE_CLOSED);
	case ETIMEDOUT:
		return fail(c, c->late);
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
		return fail(c, KE_EXCHANGE_UNREACHABLE);
	default:
		return fail(c, KE_EXCHANGE_SYSTEM);
	}
}

static void begin_step(struct conversation *c, enum ke_exchange_status late)
{
	c->late = late;
	c->deadline = seconds_now() + c->terms->timeout;
}

/* Until the socket is ready, or the step's time is over. */
static bool await(struct conversation *c, short events)
{
	struct pollfd waiting = {.fd = c->fd, .events = events};

	for (;;) {
		double left = c->deadline - seconds_now();
		int ready;

		if (left <= 0)
			return fail(c, c->late);
		ready = poll(&waiting, 1, (int)ceil(left * 1e3));
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return fail_by_errno(c);
	}
}

static bool connect_to(struct conversation *c, const struct exchange_peer *peer)
{
	int error = 0, on = 1;
	socklen_t size = sizeof(error);

	c->ke->peer = *peer;
	begin_step(c, KE_EXCHANGE_CONNECT_TIMEOUT);
	c->fd = socket(peer->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return fail_by_errno(c);
	/* A kernel that refuses that costs time only. */
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (const struct sockaddr *)&peer->address, peer->length) == 0)
		return true;
	if (errno != EINPROGRESS)
		return fail_by_errno(c);
	if (!await(c, POLLOUT))
		return false;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	errno = error;
	return error == 0 || fail_by_errno(c);
}

static void hang_up(struct conversation *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* To the first address that takes the connection: a name may have some that this host has no way to. */
static bool connect_to_any(struct conversation *c)
{
	struct exchange_peer peers[PEERS];
	int count = exchange_resolve(peers, PEERS, c->terms->host, c->terms->family, c->terms->port,
		c->ke->reason, sizeof(c->ke->reason));

	if (count == 0)
		return fail(c, KE_EXCHANGE_UNRESOLVED);
	for (int i = 0; i < count; i++) {
		double start = seconds_now();

		if (connect_to(c, &peers[i])) {
			c->ke->status = KE_EXCHANGE_AGREED; /* so far */
			c->ke->connect_time = seconds_now() - start;
			return true;
		}
		hang_up(c);
	}
	return false;
}

static bool send_all(struct conversation *c, const uint8_t *octets, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(c->fd, octets, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return fail_by_errno(c);
		if (sent < 0) {
			if (!await(c, POLLOUT))
				return false;
			continue;
		}
		octets += sent;
		size -= (size_t)sent;
	}
	return true;
}

/* Send what TLS has to say. */
static bool flush(struct conversation *c)
{
	uint8_t octets[CHUNK];
	size_t size;

	while ((size = tls_output(c->tls, octets, sizeof(octets))) > 0)
		if (!send_all(c, octets, size))
			return false;
	return true;
}

/* Hear what TLS is told. */
static bool hear(struct conversation *c)
{
	uint8_t octets[CHUNK];
	ssize_t size;

	if (!await(c, POLLIN))
		return false;
	size = recv(c->fd, octets, sizeof(octets), 0);
	if (size < 0)
		return errno == EAGAIN || errno == EINTR || fail_by_errno(c);
	if (size == 0)
		return fail(c, KE_EXCHANGE_CLOSED);
	tls_input(c->tls, octets, (size_t)size);
	return true;
}

static bool fail_by_tls(struct conversation *c)
{
	tls_explain(c->tls, c->ke->reason, sizeof(c->ke->reason));
	switch (tls_state(c->tls)) {
	case TLS_FAILED_VERSION:
		return fail(c, KE_EXCHANGE_VERSION);
	case TLS_FAILED_ALPN:
		return fail(c, KE_EXCHANGE_ALPN);
	case TLS_FAILED_TLS:
		return fail(c, KE_EXCHANGE_TLS);
	default:
		return fail(c, KE_EXCHANGE_CLOSED);
	}
}

static bool shake_hands(struct conversation *c)
{
	double start = seconds_now();

	begin_step(c, KE_EXCHANGE_HANDSHAKE_TIMEOUT);
	c->tls = tls_connect_new(c->terms->tls, c->terms->host);
	if (!c->tls) {
		errno = ENOMEM;
		return fail_by_errno(c);
	}
	while (tls_state(c->tls) == TLS_HANDSHAKE)
		if (!flush(c) || !hear(c))
			return false;
	if (tls_state(c->tls) != TLS_OPEN)
		return fail_by_tls(c);
	c->ke->handshake_time = seconds_now() - start;
	return true; /* our Finished goes with the request */
}

/* What has come so far, judged; PENDING where more is to come. */
static enum ke_client_verdict judge_so_far(struct conversation *c, struct ke_client_response *response)
{
	size_t size;

	while ((size = tls_read(c->tls, c->response + c->used, sizeof(c->response) - c->used)) > 0)
		c->used += size;
	return ke_client_judge(response, &c->terms->aeads, c->response, c->used);
}

/* The end of the response is End of Message; whether close_notify follows does not matter then. */
static bool converse(struct conversation *c, struct ke_client_response *response)
{
	uint8_t request[KE_CLIENT_REQUEST];

	begin_step(c, KE_EXCHANGE_RESPONSE_TIMEOUT);
	if (!tls_write(c->tls, request, ke_client_request(request, &c->terms->aeads)))
		return fail_by_tls(c);
	while (judge_so_far(c, response) == KE_CLIENT_PENDING) {
		if (tls_state(c->tls) != TLS_OPEN)
			return fail_by_tls(c);
		if (!flush(c) || !hear(c))
			return false;
	}
	return response->verdict == KE_CLIENT_VALID || fail(c, KE_EXCHANGE_RESPONSE);
}

/* New keys and cookies take the place of all old ones (RFC 8915 section 5.7). */
static bool take(struct conversation *c, const struct ke_client_response *response, struct nts_client *client)
{
	struct cookie_keys keys;

	if (!tls_export_keys(c->tls, response->aead, response->context, &keys)) {
		errno = EPROTO;
		return fail_by_errno(c);
	}
	client->keys = keys;
	client->aead = response->aead;
	client->cookies = response->cookies;
	memcpy(client->cookie, response->cookie, sizeof(client->cookie));
	c->ke->aead = response->aead;
	c->ke->cookies = response->cookies;
	c->ke->port = response->port;
	memcpy(c->ke->server, response->server, sizeof(c->ke->server));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return true;
}

/* Say what is left to say, an alert or close_notify, but without waiting. */
static void end(struct conversation *c)
{
	if (c->tls && c->fd >= 0) {
		const enum ke_exchange_status status = c->ke->status;
		const int error = c->ke->error;

		tls_close(c->tls);
		c->deadline = 0;
		(void)flush(c);
		c->ke->status = status;
		c->ke->error = error;
	}
	tls_free(c->tls);
	hang_up(c);
	OPENSSL_cleanse(c, sizeof(*c));
}

enum ke_exchange_status ke_exchange_run(
	struct ke_exchange *ke, struct nts_client *client, const struct ke_exchange_terms *terms)
{
	struct conversation c = {.ke = ke, .terms = terms, .fd = -1};
	struct ke_client_response response = {0};
	double start = seconds_now();

	*ke = (struct ke_exchange){
		.connect_time = (double)NAN, .handshake_time = (double)NAN, .time = (double)NAN};
	if (connect_to_any(&c) && shake_hands(&c) && converse(&c, &response) && take(&c, &response, client))
		ke->time = seconds_now() - start;
	ke->verdict = response.verdict;
	ke->code = response.code;
	end(&c);
	OPENSSL_cleanse(&response, sizeof(response));
	return ke->status;
}
