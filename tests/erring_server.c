/*
 * A small NTP server that answers rightly unless told to err, for tests of what a client or a load finds. It
 * has the time of CLOCK_REALTIME, one thread and no privilege but the port's.
 *
 *   erring_server [-4 ADDRESS | -6 ADDRESS] --port PORT --err WAY     (erring_server --list: the ways)
 *
 * With --forward it stands between the client and another server, whose replies it damages: so NTS can be
 * had, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/erring_options.h"
#include "tests/erring_ways.h"

enum {
	BATCH = 64,
	LATE_ROOM = 1 << 14,
	PENDING = 1 << 12,               /* requests that the other server has; a power of two */
	BUFFER = 4 << 20,                /* of a socket, where the kernel grants it */
	LOOK_MS = 50,                    /* how often it looks whether it is to end */
	UPSTREAM_MAX = ERRING_ROOM - 32, /* of a reply, so that one can be made longer */
};

struct peer {
	struct sockaddr_storage address;
	socklen_t length;
};

struct outgoing {
	struct peer to;
	struct erring_reply reply;
};

struct late {
	uint64_t due_ns;
	struct outgoing outgoing;
};

struct pending {
	struct peer from;
	uint8_t octets[ERRING_ROOM];
	size_t size;
};

/* Datagrams, but for `requests` and `damaged`. */
struct counts {
	uint64_t received, requests, forwarded, damaged, replies, unsent;
};

struct server {
	struct erring_options options;
	int socket[ERRING_SOURCES], upstream; /* -1: not used */
	struct peer latest,
		previous; /* clients: that asked last, and another one before it; length 0: none */
	ntp64 sent_last, first_receive, first_transmit;
	uint64_t random, met;
	struct counts counts;
	struct outgoing out[BATCH * ERRING_REPLIES];
	unsigned outs;
	struct late *late; /* a ring: those still to be sent are late_first..late_end */
	uint64_t late_first, late_end;
	struct pending *pending; /* by the request's transmit timestamp */
	uint8_t in[BATCH][ERRING_ROOM];
	struct peer from[BATCH];
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	(void)number;
	ending = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static ntp64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ntp64_from_timespec(t);
}

/* Of a coarse clock two replies would get one time, which is an error of its own. */
static ntp64 fresh_time(struct server *s)
{
	ntp64 t = now();

	if (t == s->sent_last)
		t++;
	s->sent_last = t;
	return t;
}

/* xorshift64. */
static uint64_t next_random(struct server *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

static bool is_same(const struct peer *a, const struct peer *b)
{
	return a->length == b->length && memcmp(&a->address, &b->address, a->length) == 0;
}

static void note_client(struct server *s, const struct peer *peer)
{
	if (is_same(peer, &s->latest))
		return;
	s->previous = s->latest;
	s->latest = *peer;
}

/* Sending. */

static void send_one(struct server *s, const struct outgoing *o)
{
	ssize_t sent = sendto(s->socket[o->reply.source], &o->reply, o->reply.size, 0,
		(const struct sockaddr *)&o->to.address, o->to.length);

	s->counts.replies += sent >= 0;
	s->counts.unsent += sent < 0;
}

/* Those of the one socket that most are for, many at a time. */
static void send_batch(struct server *s)
{
	struct mmsghdr messages[BATCH * ERRING_REPLIES] = {0};
	struct iovec parts[BATCH * ERRING_REPLIES];
	unsigned done = 0;

	for (unsigned i = 0; i < s->outs; i++) {
		struct outgoing *o = &s->out[i];

		parts[i] = (struct iovec){&o->reply, o->reply.size};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &o->to.address,
			.msg_namelen = o->to.length,
			.msg_iov = &parts[i],
			.msg_iovlen = 1};
	}
	while (done < s->outs) {
		int sent = sendmmsg(s->socket[ERRING_FROM_ASKED], messages + done, s->outs - done, 0);

		s->counts.replies += sent > 0 ? (unsigned)sent : 0;
		s->counts.unsent += sent <= 0;
		done += sent > 0 ? (unsigned)sent : 1;
	}
	s->outs = 0;
}

static void send_late(struct server *s)
{
	for (; s->late_first != s->late_end; s->late_first++) {
		const struct late *late = &s->late[s->late_first % LATE_ROOM];

		if (late->due_ns > now_ns())
			return;
		send_one(s, &late->outgoing);
	}
}

static void keep_late(struct server *s, const struct outgoing *o)
{
	if (s->late_end - s->late_first == LATE_ROOM) {
		s->counts.unsent++;
		return;
	}
	s->late[s->late_end++ % LATE_ROOM] = (struct late){now_ns() + (uint64_t)(s->options.delay * 1e9), *o};
}

static void dispatch(struct server *s, const struct peer *from, const struct erring_reply *reply)
{
	struct outgoing *o = &s->out[s->outs];

	o->to = reply->to_other ? s->previous : *from;
	o->reply = *reply;
	if (reply->late)
		keep_late(s, o);
	else if (reply->source != ERRING_FROM_ASKED)
		send_one(s, o);
	else
		s->outs++;
}

/* Answering. */

/* A right reply stands in e->reply[0]. */
static void err_and_dispatch(struct server *s, const struct peer *from, struct erring_exchange *e)
{
	const struct erring_way *way = s->options.way;

	note_client(s, from);
	if (s->met == 0) {
		s->first_receive = be64toh(e->reply[0].header.receive);
		s->first_transmit = be64toh(e->reply[0].header.transmit);
	}
	e->number = s->met++;
	e->random = next_random(s);
	e->first_receive = s->first_receive;
	e->first_transmit = s->first_transmit;
	e->replies = 1;
	if (way->damage && e->number % s->options.every == s->options.every - 1) {
		way->damage(e);
		if (e->reply[0].to_other && s->previous.length == 0)
			e->reply[0].to_other = false;
		else
			s->counts.damaged++;
	}
	for (unsigned i = 0; i < e->replies; i++)
		dispatch(s, from, &e->reply[i]);
}

static struct pending *pending_of(struct server *s, uint64_t cookie)
{
	return &s->pending[(cookie ^ cookie >> 32) % PENDING];
}

static void forward(struct server *s, const struct peer *from, const uint8_t *octets, size_t size)
{
	struct pending *p;
	uint64_t cookie;

	memcpy(&cookie, octets + offsetof(struct ntp_header, transmit), sizeof(cookie));
	p = pending_of(s, cookie);
	p->from = *from;
	p->size = size;
	memcpy(p->octets, octets, size);
	s->counts.forwarded += send(s->upstream, octets, size, 0) >= 0;
}

static void take_request(
	struct server *s, const struct peer *from, const uint8_t *octets, size_t size, ntp64 receive)
{
	static struct erring_exchange e;
	bool is_request = erring_is_request(octets, size);

	s->counts.received++;
	s->counts.requests += is_request;
	if (!is_request && !s->options.way->answers_all)
		return;
	if (s->upstream >= 0) {
		if (is_request)
			forward(s, from, octets, size);
		return;
	}
	e.octets = octets;
	e.size = size;
	erring_answer(&e.reply[0], octets, (uint8_t)s->options.stratum, receive, fresh_time(s));
	s->counts.damaged += !is_request;
	err_and_dispatch(s, from, &e);
}

static void receive_requests(struct server *s)
{
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	ntp64 receive;
	int came;

	for (unsigned i = 0; i < BATCH; i++) {
		memset(s->in[i], 0, NTP_HEADER_SIZE); /* what is too short is read as zeros */
		memset(&s->from[i], 0, sizeof(s->from[i]));
		parts[i] = (struct iovec){s->in[i], ERRING_ROOM};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &s->from[i].address,
			.msg_namelen = sizeof(s->from[i].address),
			.msg_iov = &parts[i],
			.msg_iovlen = 1};
	}
	came = recvmmsg(s->socket[ERRING_FROM_ASKED], messages, BATCH, MSG_DONTWAIT, NULL);
	receive = now();
	for (int i = 0; i < came; i++) {
		s->from[i].length = messages[i].msg_hdr.msg_namelen;
		take_request(s, &s->from[i], s->in[i], messages[i].msg_len, receive);
	}
	send_batch(s);
}

static void receive_forwarded(struct server *s)
{
	static struct erring_exchange e;
	struct erring_reply *reply = &e.reply[0];

	for (unsigned i = 0; i < BATCH; i++) {
		const struct pending *p;
		ssize_t size;

		memset(reply, 0, sizeof(*reply));
		size = recv(s->upstream, reply, UPSTREAM_MAX, MSG_DONTWAIT);
		if (size < NTP_HEADER_SIZE)
			break;
		p = pending_of(s, reply->header.origin);
		if (p->from.length == 0)
			continue;
		reply->size = (size_t)size;
		e.octets = p->octets;
		e.size = p->size;
		err_and_dispatch(s, &p->from, &e);
	}
	send_batch(s);
}

/* Until it is told to end, or its time is over. */
static void serve(struct server *s)
{
	const uint64_t end = now_ns() + (uint64_t)(s->options.seconds * 1e9);
	struct pollfd fds[] = {{.fd = s->socket[ERRING_FROM_ASKED], .events = POLLIN},
		{.fd = s->upstream, .events = POLLIN}};

	while (!ending && now_ns() < end) {
		poll(fds, 2, s->late_first != s->late_end ? 1 : LOOK_MS);
		if (fds[0].revents != 0)
			receive_requests(s);
		if (fds[1].revents != 0)
			receive_forwarded(s);
		send_late(s);
	}
}

/* Setting up. */

static struct peer address_of(int family, const char *address, unsigned port)
{
	struct peer peer = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&peer.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer.address;
	void *to = family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr;

	peer.address.ss_family = (sa_family_t)family;
	peer.length = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
	*(family == AF_INET ? &v4->sin_port : &v6->sin6_port) = htons((uint16_t)port);
	if (inet_pton(family, address, to) != 1)
		erring_die(address, "is no address of this family");
	return peer;
}

static int bound(int family, const char *address, unsigned port)
{
	struct peer peer = address_of(family, address, port);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = BUFFER, one = 1;

	if (fd >= 0 && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&peer.address, peer.length) != 0)
		erring_die(address, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

/* ADDRESS:PORT or [ADDRESS]:PORT. */
static int connected(const char *text)
{
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	char address[INET6_ADDRSTRLEN] = "";
	struct peer peer;
	int fd;

	if (!colon || colon - text - 2 * bracket <= 0 || colon - text - 2 * bracket >= (long)sizeof(address))
		erring_die(text, "is no ADDRESS:PORT");
	memcpy(address, text + bracket, (size_t)(colon - text) - 2 * bracket);
	peer = address_of(bracket ? AF_INET6 : AF_INET, address, (unsigned)atoi(colon + 1));
	fd = socket(peer.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&peer.address, peer.length) != 0)
		erring_die(text, strerror(errno));
	return fd;
}

static void open_sockets(struct server *s)
{
	const struct erring_options *o = &s->options;

	s->socket[ERRING_FROM_ASKED] = bound(o->family, o->address, o->port);
	s->socket[ERRING_FROM_PORT] = bound(o->family, o->address, 0);
	s->socket[ERRING_FROM_ADDRESS] = o->other ? bound(o->family, o->other, o->port) : -1;
	s->upstream = o->forward ? connected(o->forward) : -1;
}

static void write_counts(const struct erring_options *o, const struct counts *c)
{
	FILE *f = o->count_file ? fopen(o->count_file, "w") : NULL;

	if (!o->count_file)
		return;
	if (!f)
		erring_die(o->count_file, strerror(errno));
	fprintf(f,
		"{\"received\": %" PRIu64 ", \"requests\": %" PRIu64 ", \"forwarded\": %" PRIu64
		", \"damaged\": %" PRIu64 ", \"replies\": %" PRIu64 ", \"unsent\": %" PRIu64 "}\n",
		c->received, c->requests, c->forwarded, c->damaged, c->replies, c->unsent);
	if (fclose(f) != 0)
		erring_die(o->count_file, strerror(errno));
}

int main(int argc, char **argv)
{
	static struct server s = {.random = UINT64_C(0x2545f4914f6cdd1d)};
	const struct sigaction action = {.sa_handler = on_signal};

	s.options = erring_options(argc, argv);
	s.late = calloc(LATE_ROOM, sizeof(*s.late));
	s.pending = calloc(PENDING, sizeof(*s.pending));
	if (!s.late || !s.pending)
		erring_die("memory", strerror(errno));
	open_sockets(&s);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	puts("ready");
	fflush(stdout);
	serve(&s);
	write_counts(&s.options, &s.counts);
	free(s.late);
	free(s.pending);
	return 0;
}
