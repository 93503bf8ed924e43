#include "ntp/exchange.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

const char *const exchange_status_name[EXCHANGE_STATUS_COUNT] = {
#define X(symbol, name) [EXCHANGE_##symbol] = name,
	EXCHANGE_STATUSES(X)
#undef X
};

static void explain_name(int error, const char *host, int family, char *text, size_t size)
{
	const char *kind = family == AF_INET ? "IPv4 " : family == AF_INET6 ? "IPv6 " : "";

	if (error == EAI_AGAIN)
		snprintf(text, size,
			"%s cannot be resolved just now: no name server answers; check /etc/resolv.conf or "
			"give an "
			"address",
			host);
	else if (family != AF_UNSPEC)
		snprintf(text, size, "%s has no %saddress (%s); check the spelling, or ask without -4 and -6",
			host, kind, gai_strerror(error));
	else
		snprintf(text, size, "%s does not resolve (%s); check the spelling or give an address", host,
			error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
}

static bool take_peer(struct exchange_peer *peer, const struct addrinfo *info)
{
	if (info->ai_addrlen > sizeof(peer->address))
		return false;
	memset(peer, 0, sizeof(*peer));
	memcpy(&peer->address, info->ai_addr, info->ai_addrlen);
	peer->length = info->ai_addrlen;
	return getnameinfo(info->ai_addr, info->ai_addrlen, peer->text, sizeof(peer->text), NULL, 0,
		       NI_NUMERICHOST) == 0;
}

int exchange_resolve(struct exchange_peer *peers, int max, const char *host, int family, uint16_t port,
	char *text, size_t size)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list;
	char service[6];
	int count = 0, error;

	snprintf(service, sizeof(service), "%u", port);
	error = getaddrinfo(host, service, &hints, &list);
	if (error != 0) {
		explain_name(error, host, family, text, size);
		return 0;
	}
	for (const struct addrinfo *i = list; i && count < max; i = i->ai_next)
		count += take_peer(&peers[count], i);
	freeaddrinfo(list);
	if (count == 0)
		snprintf(text, size, "%s has no IPv4 or IPv6 address", host);
	return count;
}

int exchange_open(const struct exchange_peer *peer)
{
	int fd = socket(peer->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;

	if (fd < 0)
		return -1;
	/* A kernel that refuses the stamps costs precision only. */
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&peer->address, peer->length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

bool exchange_is_routed(const struct exchange_peer *peer)
{
	int fd = exchange_open(peer);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static enum exchange_status fail(struct exchange *x, int error)
{
	x->error = error;
	switch (error) {
	case ECONNREFUSED:
		x->status = EXCHANGE_PORT_UNREACHABLE;
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
		x->status = EXCHANGE_UNREACHABLE;
		break;
	default:
		x->status = EXCHANGE_SYSTEM;
	}
	return x->status;
}

static ntp64 realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ntp64_from_timespec(t);
}

static int64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* False where the kernel gave no stamp. */
static bool arrival(struct msghdr *message, ntp64 *t4)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS ||
			c->cmsg_len < CMSG_LEN(sizeof(t)))
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		*t4 = ntp64_from_timespec(t);
		return true;
	}
	return false;
}

/* Octets of one datagram and its T4, or -1 with errno. */
static ssize_t receive(int fd, uint8_t octets[EXCHANGE_OCTETS], struct exchange *x)
{
	union {
		struct cmsghdr align;
		char octets[256];
	} control;
	struct iovec part = {.iov_base = octets, .iov_len = EXCHANGE_OCTETS};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t size = recvmsg(fd, &message, 0);

	if (size >= 0) {
		x->kernel_stamp = arrival(&message, &x->t4);
		if (!x->kernel_stamp)
			x->t4 = realtime();
	}
	return size;
}

/* What is asked, and who vouches for the reply. */
struct question {
	struct client_request request;
	const struct exchange_guard *guard; /* or NULL */
};

/* True once the datagram at hand, if any, ends the exchange. */
static bool take_reply(int fd, const struct question *q, struct exchange *x)
{
	uint8_t octets[EXCHANGE_OCTETS];
	ssize_t size = receive(fd, octets, x);
	enum client_verdict verdict;

	if (size < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return false;
		fail(x, errno);
		return true;
	}
	if (q->guard && !q->guard->admits(q->guard->opaque, octets, (size_t)size))
		return false;
	verdict = client_judge(&x->reply, &q->request, octets, (size_t)size, x->t1, x->t4);
	if (verdict == CLIENT_SHORT || verdict == CLIENT_ORIGIN) {
		x->ignored[verdict]++;
		return false;
	}
	x->status = EXCHANGE_REPLY;
	return true;
}

static enum exchange_status await(int fd, const struct question *q, int64_t deadline, struct exchange *x)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = deadline - monotonic_ns();
		struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
		int ready;

		if (left <= 0)
			break;
		ready = ppoll(&waiting, 1, &t, NULL);
		if (ready < 0 && errno != EINTR)
			return fail(x, errno);
		if (ready > 0 && take_reply(fd, q, x))
			return x->status;
	}
	x->reply = (struct client_reply){0};
	return x->status = EXCHANGE_TIMEOUT;
}

static bool draw_cookie(uint64_t *cookie)
{
	do {
		if (getrandom(cookie, sizeof(*cookie), 0) != sizeof(*cookie))
			return false;
	} while (*cookie == 0); /* zero means "no timestamp" */
	return true;
}

/* The size of the request, or 0 with errno. */
static size_t write_request(uint8_t octets[EXCHANGE_OCTETS], struct question *q)
{
	if (!draw_cookie(&q->request.cookie))
		return 0;
	client_request_write(octets, &q->request);
	return q->guard ? q->guard->protect(q->guard->opaque, octets) : NTP_HEADER_SIZE;
}

enum exchange_status exchange_ask_guarded(int fd, unsigned version, int8_t poll, double timeout,
	const struct exchange_guard *guard, struct exchange *x)
{
	struct question q = {.request = {.version = (uint8_t)version, .poll = poll}, .guard = guard};
	int64_t deadline = monotonic_ns() + (int64_t)(timeout * NS_PER_S);
	uint8_t octets[EXCHANGE_OCTETS];
	size_t size;

	*x = (struct exchange){0};
	size = write_request(octets, &q);
	if (size == 0)
		return fail(x, errno);
	x->t1 = realtime();
	if (send(fd, octets, size, 0) < 0)
		return fail(x, errno);
	return await(fd, &q, deadline, x);
}

enum exchange_status exchange_ask(int fd, unsigned version, int8_t poll, double timeout, struct exchange *x)
{
	return exchange_ask_guarded(fd, version, poll, timeout, NULL, x);
}

enum exchange_status exchange_once_guarded(const struct exchange_peer *peer, unsigned version, int8_t poll,
	double timeout, const struct exchange_guard *guard, struct exchange *x)
{
	int fd = exchange_open(peer);

	if (fd < 0) {
		*x = (struct exchange){0};
		return fail(x, errno);
	}
	exchange_ask_guarded(fd, version, poll, timeout, guard, x);
	close(fd);
	return x->status;
}

enum exchange_status exchange_once(
	const struct exchange_peer *peer, unsigned version, int8_t poll, double timeout, struct exchange *x)
{
	return exchange_once_guarded(peer, version, poll, timeout, NULL, x);
}

static void explain_unreachable(int error, const char *where, char *text, size_t size)
{
	switch (error) {
	case EACCES:
	case EPERM:
		snprintf(text, size, "a packet filter forbids asking %s (%s); allow outgoing UDP to it",
			where, strerror(error));
		return;
	case EHOSTUNREACH:
		snprintf(text, size,
			"%s cannot be reached (%s); check that the host is up and no firewall refuses UDP",
			where, strerror(error));
		return;
	default:
		snprintf(text, size,
			"there is no route to %s (%s); check this host's network, or try -4 or -6", where,
			strerror(error));
	}
}

void exchange_explain(const struct exchange *x, const char *where, uint16_t port, char *text, size_t size)
{
	switch (x->status) {
	case EXCHANGE_REPLY:
		snprintf(text, size, "the reply of %s %s", where,
			client_verdict_info[x->reply.verdict].meaning);
		return;
	case EXCHANGE_TIMEOUT:
		snprintf(text, size,
			"%s does not answer on UDP port %u; check that it is an NTP server, and firewalls on "
			"the way",
			where, port);
		return;
	case EXCHANGE_PORT_UNREACHABLE:
		snprintf(text, size,
			"nothing listens on UDP port %u of %s; start the server there or give another port "
			"with -p",
			port, where);
		return;
	case EXCHANGE_UNREACHABLE:
		explain_unreachable(x->error, where, text, size);
		return;
	default:
		snprintf(text, size, "asking %s failed: %s", where, strerror(x->error));
	}
}
