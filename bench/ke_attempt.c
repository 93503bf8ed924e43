#include "bench/ke_attempt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	PIECE = 4096,
	ROOM_LEAST = 2048,                     /* of most servers' responses; it grows */
	ROOM_MOST = KE_CLIENT_MESSAGE_MAX + 1, /* with one more octet, too long can be told */
};

uint64_t ke_attempt_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void ke_attempt_end(struct ke_attempt *attempt)
{
	if (attempt->fd < 0)
		return;
	tls_free(attempt->tls);
	attempt->tls = NULL;
	close(attempt->fd);
	attempt->fd = -1;
	attempt->ended = ke_attempt_now();
}

void ke_attempt_free(struct ke_attempt *attempt)
{
	ke_attempt_end(attempt);
	free(attempt->response);
	attempt->response = NULL;
	attempt->room = 0;
}

enum ke_reason ke_attempt_late(const struct ke_attempt *attempt)
{
	if (attempt->stage == KE_STAGE_CONNECT)
		return KE_REASON_CONNECT_TIMEOUT;
	return attempt->stage == KE_STAGE_HANDSHAKE ? KE_REASON_HANDSHAKE_TIMEOUT
						    : KE_REASON_RESPONSE_TIMEOUT;
}

static enum ke_progress fail(struct ke_attempt *attempt, struct ke_failure *failure, enum ke_reason reason)
{
	failure->reason = reason;
	ke_attempt_end(attempt);
	return KE_PROGRESS_FAILED;
}

static enum ke_reason reason_of(const struct ke_attempt *attempt, int error)
{
	switch (error) {
	case ECONNREFUSED:
		return KE_REASON_REFUSED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case EACCES:
	case EPERM:
		return KE_REASON_UNREACHABLE;
	case ETIMEDOUT:
		return ke_attempt_late(attempt);
	case ECONNRESET:
	case EPIPE:
		return KE_REASON_RESET;
	case EADDRNOTAVAIL:
		return KE_REASON_LOCAL_PORTS;
	case EMFILE:
	case ENFILE:
		return KE_REASON_DESCRIPTORS;
	case ENOMEM:
	case ENOBUFS:
		return KE_REASON_MEMORY;
	default:
		return KE_REASON_SYSTEM;
	}
}

static enum ke_progress fail_by_errno(struct ke_attempt *attempt, struct ke_failure *failure, int error)
{
	snprintf(failure->detail, sizeof(failure->detail), "%s", strerror(error));
	return fail(attempt, failure, reason_of(attempt, error));
}

static enum ke_reason reason_of_tls(const struct tls *tls)
{
	if (tls_state(tls) == TLS_FAILED_VERSION)
		return KE_REASON_VERSION;
	if (tls_state(tls) == TLS_FAILED_ALPN)
		return KE_REASON_ALPN;
	switch (tls_cause(tls)) {
	case TLS_CAUSE_CERTIFICATE:
		return KE_REASON_CERTIFICATE;
	case TLS_CAUSE_ALERT:
		return KE_REASON_ALERT;
	default:
		return KE_REASON_TLS;
	}
}

/* False where the socket takes no more: what we say fits into any send buffer, so the connection is gone. */
static bool flush(struct ke_attempt *attempt)
{
	uint8_t piece[PIECE];
	size_t size;

	while ((size = tls_output(attempt->tls, piece, sizeof(piece))) > 0) {
		const ssize_t sent = send(attempt->fd, piece, size, MSG_NOSIGNAL);

		if (sent == (ssize_t)size)
			continue;
		if (sent >= 0)
			errno = EPIPE;
		return false;
	}
	return true;
}

static enum ke_progress fail_by_tls(struct ke_attempt *attempt, struct ke_failure *failure)
{
	(void)flush(attempt); /* the alert */
	tls_explain(attempt->tls, failure->detail, sizeof(failure->detail));
	return fail(attempt, failure, reason_of_tls(attempt->tls));
}

static enum ke_progress keep(struct ke_attempt *attempt)
{
	attempt->stage = KE_STAGE_HELD;
	return KE_PROGRESS_PENDING;
}

bool ke_attempt_begin(struct ke_attempt *attempt, const struct ke_terms *terms, struct ke_failure *failure)
{
	const int on = 1;

	failure->detail[0] = '\0';
	attempt->stage = KE_STAGE_CONNECT;
	attempt->used = 0;
	attempt->cookies = 0;
	attempt->connected = attempt->open = attempt->ended = 0;
	attempt->begun = ke_attempt_now();
	attempt->fd = socket(terms->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0) {
		fail_by_errno(attempt, failure, errno);
		return false;
	}
	/* a kernel that refuses that costs time only */
	(void)setsockopt(attempt->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(attempt->fd, (const struct sockaddr *)&terms->address, terms->address_length) != 0 &&
		errno != EINPROGRESS) {
		fail_by_errno(attempt, failure, errno);
		return false;
	}
	return true;
}

/* TCP is there, or has failed. */
static enum ke_progress greet(
	struct ke_attempt *attempt, const struct ke_terms *terms, struct ke_failure *failure)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return fail_by_errno(attempt, failure, error ? error : errno);
	attempt->connected = ke_attempt_now();
	if (terms->hold == KE_HOLD_TCP)
		return keep(attempt);
	attempt->stage = KE_STAGE_HANDSHAKE;
	attempt->tls = tls_connect_new(terms->tls, terms->name);
	if (!attempt->tls)
		return fail(attempt, failure, KE_REASON_MEMORY);
	if (!flush(attempt))
		return fail_by_errno(attempt, failure, errno);
	return terms->hold == KE_HOLD_HELLO ? keep(attempt) : KE_PROGRESS_PENDING;
}

static enum ke_progress succeed(struct ke_attempt *attempt, const struct ke_terms *terms,
	const struct ke_client_response *response, struct ke_failure *failure)
{
	if (terms->established && !terms->established(terms->opaque, attempt->tls, response)) {
		snprintf(failure->detail, sizeof(failure->detail), "no keys could be exported");
		return fail(attempt, failure, KE_REASON_TLS);
	}
	attempt->cookies = response->cookies;
	tls_close(attempt->tls);
	(void)flush(attempt);
	ke_attempt_end(attempt);
	return KE_PROGRESS_GOOD;
}

static bool make_room(struct ke_attempt *attempt)
{
	const size_t wanted = attempt->room ? attempt->room * 2 : ROOM_LEAST;
	const size_t room = wanted < ROOM_MOST ? wanted : ROOM_MOST;
	uint8_t *response;

	if (attempt->used < attempt->room || attempt->room == ROOM_MOST)
		return true;
	response = realloc(attempt->response, room);
	if (!response)
		return false;
	attempt->response = response;
	attempt->room = room;
	return true;
}

/* All that TLS has; false where memory is short. */
static bool read_plain(struct ke_attempt *attempt)
{
	size_t size = 1;

	while (size > 0) {
		if (!make_room(attempt))
			return false;
		size = tls_read(
			attempt->tls, attempt->response + attempt->used, attempt->room - attempt->used);
		attempt->used += size;
	}
	return true;
}

static enum ke_progress read_response(
	struct ke_attempt *attempt, const struct ke_terms *terms, struct ke_failure *failure)
{
	struct ke_client_response response;
	enum ke_client_verdict verdict;

	if (!read_plain(attempt))
		return fail(attempt, failure, KE_REASON_MEMORY);
	verdict = ke_client_judge(&response, &terms->aeads, attempt->response, attempt->used);
	if (verdict == KE_CLIENT_VALID)
		return succeed(attempt, terms, &response, failure);
	if (verdict == KE_CLIENT_PENDING && tls_state(attempt->tls) == TLS_OPEN)
		return KE_PROGRESS_PENDING;
	if (verdict == KE_CLIENT_PENDING)
		return tls_state(attempt->tls) == TLS_CLOSED ? fail(attempt, failure, KE_REASON_CLOSED)
							     : fail_by_tls(attempt, failure);
	if (verdict == KE_CLIENT_ERROR || verdict == KE_CLIENT_WARNING)
		snprintf(failure->detail, sizeof(failure->detail), "code %u", response.code);
	return fail(attempt, failure, (enum ke_reason)((int)KE_REASON_RESPONSE + (int)verdict));
}

static enum ke_progress ask(
	struct ke_attempt *attempt, const struct ke_terms *terms, struct ke_failure *failure)
{
	uint8_t request[KE_CLIENT_REQUEST];

	attempt->open = ke_attempt_now();
	if (terms->hold == KE_HOLD_NONE &&
		!tls_write(attempt->tls, request, ke_client_request(request, &terms->aeads)))
		return fail(attempt, failure, KE_REASON_TLS);
	if (!flush(attempt))
		return fail_by_errno(attempt, failure, errno);
	if (terms->hold == KE_HOLD_HANDSHAKE)
		return keep(attempt);
	attempt->stage = KE_STAGE_RESPONSE;
	return read_response(attempt, terms, failure);
}

/* As far as TLS goes with what has come. */
static enum ke_progress advance(struct ke_attempt *attempt, const struct ke_terms *terms,
	const uint8_t *piece, size_t size, struct ke_failure *failure)
{
	const enum tls_state state = tls_input(attempt->tls, piece, size);

	if (attempt->stage == KE_STAGE_RESPONSE)
		return read_response(attempt, terms, failure);
	if (state == TLS_OPEN)
		return ask(attempt, terms, failure);
	if (state == TLS_CLOSED)
		return fail(attempt, failure, KE_REASON_CLOSED);
	if (state != TLS_HANDSHAKE)
		return fail_by_tls(attempt, failure);
	return flush(attempt) ? KE_PROGRESS_PENDING : fail_by_errno(attempt, failure, errno);
}

static enum ke_progress take_in(
	struct ke_attempt *attempt, const struct ke_terms *terms, struct ke_failure *failure)
{
	uint8_t piece[PIECE];
	enum ke_progress progress = KE_PROGRESS_PENDING;

	while (progress == KE_PROGRESS_PENDING && attempt->stage != KE_STAGE_HELD) {
		const ssize_t size = recv(attempt->fd, piece, sizeof(piece), 0);

		if (size > 0)
			progress = advance(attempt, terms, piece, (size_t)size, failure);
		else if (size == 0)
			return fail(attempt, failure, KE_REASON_CLOSED);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return fail_by_errno(attempt, failure, errno);
	}
	return progress;
}

enum ke_progress ke_attempt_serve(
	struct ke_attempt *attempt, const struct ke_terms *terms, uint32_t events, struct ke_failure *failure)
{
	enum ke_progress progress = KE_PROGRESS_PENDING;

	failure->detail[0] = '\0';
	if (attempt->stage == KE_STAGE_CONNECT)
		progress = greet(attempt, terms, failure);
	if (progress == KE_PROGRESS_PENDING)
		progress = take_in(attempt, terms, failure);
	if (progress == KE_PROGRESS_PENDING && attempt->stage == KE_STAGE_HELD &&
		(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
		ke_attempt_end(attempt);
		return KE_PROGRESS_DROPPED;
	}
	return progress;
}
