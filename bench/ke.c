/*
 * ke: many NTS key establishments with a server, a bounded number of them, each response checked; or
 * connections that are opened and held. The result is one JSON object on stdout.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nts/ke_client.h"
#include "nts/tls.h"

enum {
	CONNECTIONS_MAX = 10000,
	COUNT_MAX = 1000000,
	SECONDS_MAX = 600,
	PATIENCE_S = 5, /* for one key establishment */
	PIECE = 4096,
	RESPONSE = 8192,
	EVENTS = 64,
	PERCENT = 100,
};

enum { EXIT_ALL_RIGHT = 0, EXIT_NOT_ALL = 1, EXIT_USAGE = 2 };

/* Where a held connection is left. */
enum stage { STAGE_DONE, STAGE_TCP, STAGE_HELLO, STAGE_HANDSHAKE };
static const char *const stages[] = {"", "tcp", "hello", "handshake"};

struct connection {
	int fd; /* -1: none */
	bool asked;
	struct tls *tls;
	size_t used;
	double started;
	uint8_t response[RESPONSE];
};

struct load {
	const char *host;
	struct sockaddr_storage address;
	socklen_t address_length;
	struct tls_client *client;
	enum stage stage;
	unsigned connections;
	unsigned long count; /* to be begun */
	double seconds;
	int epoll;
	struct connection *connection;
	unsigned long begun, ended, good;
	double *latency;  /* of the good ones, seconds */
	char reason[256]; /* of the first that failed */
};

static int usage(FILE *out)
{
	fputs("usage: ke [-p PORT] [-c CONNECTIONS] [-n COUNT] [-t SECONDS] [--ca FILE] [--hold STAGE] HOST\n"
	      "Makes COUNT key establishments (default 1000) with at most CONNECTIONS (default 16) at a "
	      "time, for "
	      "at most\n"
	      "SECONDS (default 10). HOST is a numeric address that the certificate names. --hold tcp|hello|"
	      "handshake opens\n"
	      "CONNECTIONS, leaves them there, and waits for SECONDS or the end of its input. Exit status: 0 "
	      "all "
	      "were right,\n"
	      "1 not all, 2 wrong usage.\n",
		out);
	return out == stdout ? EXIT_ALL_RIGHT : EXIT_USAGE;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void end(struct load *l, struct connection *c, const char *why)
{
	if (!why && c->used)
		l->latency[l->good++] = now() - c->started;
	if (why && !l->reason[0])
		snprintf(l->reason, sizeof(l->reason), "%s", why);
	tls_free(c->tls);
	close(c->fd);
	c->tls = NULL;
	c->fd = -1;
	l->ended++;
}

static bool begin(struct load *l, struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
	const int fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	c->fd = fd;
	c->asked = false;
	c->used = 0;
	c->started = now();
	c->tls = tls_connect_new(l->client, l->host);
	l->begun++;
	if (!c->tls || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0 ||
		(connect(fd, (const struct sockaddr *)&l->address, l->address_length) != 0 &&
			errno != EINPROGRESS))
		end(l, c, strerror(errno));
	return true;
}

/* False where the server is gone. */
static bool send_output(struct connection *c)
{
	uint8_t piece[PIECE];
	size_t size;

	while ((size = tls_output(c->tls, piece, sizeof(piece))) > 0)
		if (send(c->fd, piece, size, MSG_NOSIGNAL) != (ssize_t)size)
			return false;
	return true;
}

static void read_response(struct load *l, struct connection *c)
{
	struct ke_client_response response;

	c->used += tls_read(c->tls, c->response + c->used, sizeof(c->response) - c->used);
	switch (ke_client_judge(&response, c->response, c->used)) {
	case KE_CLIENT_PENDING:
		break;
	case KE_CLIENT_VALID:
		tls_close(c->tls);
		send_output(c);
		end(l, c, response.cookies == KE_COOKIES ? NULL : "fewer than 8 cookies");
		break;
	default:
		end(l, c, ke_client_verdict_info[response.verdict].meaning);
	}
}

/* As far as TLS goes with what has come. */
static void advance(struct load *l, struct connection *c, const uint8_t *piece, size_t size)
{
	uint8_t request[KE_CLIENT_REQUEST];
	const enum tls_state state = tls_input(c->tls, piece, size);
	char text[256];

	if (state == TLS_OPEN && !c->asked && l->stage == STAGE_DONE) {
		c->asked = true;
		tls_write(c->tls, request, ke_client_request(request));
	}
	if (!send_output(c)) {
		end(l, c, "the server took no more");
	} else if (state == TLS_OPEN || state == TLS_CLOSED) {
		read_response(l, c);
	} else if (state != TLS_HANDSHAKE) {
		tls_explain(c->tls, text, sizeof(text));
		end(l, c, text);
	}
}

static void serve(struct load *l, struct connection *c)
{
	uint8_t piece[PIECE];
	ssize_t size;

	if (c->fd < 0 || l->stage == STAGE_TCP)
		return;
	if (c->used == 0 && !c->asked)
		advance(l, c, NULL, 0);
	while (c->fd >= 0 && l->stage != STAGE_HELLO) {
		size = recv(c->fd, piece, sizeof(piece), 0);
		if (size > 0)
			advance(l, c, piece, (size_t)size);
		else if (size < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		else
			end(l, c, size == 0 ? "the server closed early" : strerror(errno));
	}
}

static void expire(struct load *l)
{
	for (unsigned i = 0; i < l->connections; i++)
		if (l->connection[i].fd >= 0 && now() - l->connection[i].started > PATIENCE_S)
			end(l, &l->connection[i], "no response in time");
}

static void turn(struct load *l)
{
	struct epoll_event events[EVENTS];
	const int n = epoll_wait(l->epoll, events, EVENTS, PERCENT);

	for (int i = 0; i < n; i++)
		serve(l, events[i].data.ptr);
}

static double run(struct load *l)
{
	const double start = now();
	double next = start + 1;

	while (l->ended < l->begun || (l->begun < l->count && now() - start < l->seconds)) {
		for (unsigned i = 0; i < l->connections && l->begun < l->count; i++)
			if (l->connection[i].fd < 0 && now() - start < l->seconds &&
				!begin(l, &l->connection[i]))
				break;
		turn(l);
		if (now() > next) {
			expire(l);
			next = now() + 1;
		}
	}
	return now() - start;
}

/* Open them all, say how many are held, and wait. */
static int hold(struct load *l)
{
	struct epoll_event event = {.events = EPOLLIN};
	const double start = now();

	for (unsigned i = 0; i < l->connections; i++)
		if (!begin(l, &l->connection[i]))
			break;
	for (int i = 0; i < 10; i++)
		turn(l);
	printf("{\"held\": %lu, \"reason\": \"%s\"}\n", l->begun - l->ended, l->reason);
	fflush(stdout);
	event.data.ptr = NULL;
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	while (now() - start < l->seconds) {
		struct epoll_event events[EVENTS];
		const int n = epoll_wait(l->epoll, events, EVENTS, PERCENT);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return EXIT_ALL_RIGHT;
			serve(l, events[i].data.ptr);
		}
	}
	return EXIT_ALL_RIGHT;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct load *l, double share)
{
	return l->good ? l->latency[(size_t)((double)(l->good - 1) * share)] : 0;
}

static int report(struct load *l, double seconds)
{
	qsort(l->latency, l->good, sizeof(*l->latency), by_value);
	printf("{\"begun\": %lu, \"good\": %lu, \"seconds\": %.3f, \"rate\": %.1f, \"p50\": %.6f, \"p99\": "
	       "%.6f, "
	       "\"reason\": \"%s\"}\n",
		l->begun, l->good, seconds, (double)l->good / seconds, percentile(l, 0.5),
		percentile(l, 0.99), l->reason);
	return l->good == l->begun ? EXIT_ALL_RIGHT : EXIT_NOT_ALL;
}

static bool number(const char *text, unsigned long most, unsigned long *value)
{
	char *rest;

	*value = strtoul(text, &rest, 10);
	return *text >= '0' && *text <= '9' && *rest == 0 && *value > 0 && *value <= most;
}

static bool parse(struct load *l, int argc, char **argv, const char **ca, unsigned long *port)
{
	static const struct option options[] = {{"ca", required_argument, NULL, 'a'},
		{"hold", required_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	unsigned long n;
	int option;

	while ((option = getopt_long(argc, argv, "p:c:n:t:", options, NULL)) != -1) {
		if (option == 'p' && number(optarg, UINT16_MAX, port))
			continue;
		else if (option == 'c' && number(optarg, CONNECTIONS_MAX, &n))
			l->connections = (unsigned)n;
		else if (option == 'n' && number(optarg, COUNT_MAX, &n))
			l->count = n;
		else if (option == 't' && number(optarg, SECONDS_MAX, &n))
			l->seconds = (double)n;
		else if (option == 'a')
			*ca = optarg;
		else if (option == 'h')
			for (l->stage = STAGE_HANDSHAKE; l->stage && strcmp(stages[l->stage], optarg) != 0;)
				l->stage--;
		else
			return false;
	}
	if (optind != argc - 1)
		return false;
	l->host = argv[optind];
	return true;
}

static bool prepare(struct load *l, const char *ca, unsigned long port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM},
			*found;
	struct rlimit files = {l->connections + 64, l->connections + 64};
	char text[256], service[8];

	snprintf(service, sizeof(service), "%lu", port);
	if (getaddrinfo(l->host, service, &hints, &found) != 0) {
		fprintf(stderr, "ke: %s: expected a numeric address\n", l->host);
		return false;
	}
	memcpy(&l->address, found->ai_addr, found->ai_addrlen);
	l->address_length = found->ai_addrlen;
	freeaddrinfo(found);
	l->client = tls_client_new(ca, text, sizeof(text));
	if (!l->client) {
		fprintf(stderr, "ke: %s\n", text);
		return false;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->connection = calloc(l->connections, sizeof(*l->connection));
	l->latency = calloc(l->count, sizeof(*l->latency));
	for (unsigned i = 0; l->connection && i < l->connections; i++)
		l->connection[i].fd = -1;
	return l->epoll >= 0 && l->connection && l->latency;
}

int main(int argc, char **argv)
{
	struct load l = {.connections = 16, .count = 1000, .seconds = 10};
	unsigned long port = KE_PORT_DEFAULT;
	const char *ca = NULL;

	if (!parse(&l, argc, argv, &ca, &port))
		return usage(stderr);
	if (!prepare(&l, ca, port))
		return EXIT_USAGE;
	return l.stage ? hold(&l) : report(&l, run(&l));
}
