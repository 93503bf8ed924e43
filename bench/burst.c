/*
 * burst: a bounded burst of NTP requests over the kernel's UDP, with every reply checked. It needs no
 * privilege and asks only hosts that are this machine or on a private network. The result is one JSON object
 * on stdout.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/target.h"
#include "ntp/octets.h"
#include "ntp/packet.h"

enum {
	PORTS = 8,  /* source ports */
	BATCH = 32, /* datagrams in a system call */
	COUNT_MAX = 1000000,
	DURATION_MAX = 10,  /* seconds of sending */
	PATIENCE_MS = 1000, /* for replies once all is sent */
	REPLY_MAX = 1024,
	BUFFER = 4 << 20, /* of a socket, where the kernel grants it */
};

enum { EXIT_ALL_RIGHT = 0, EXIT_NOT_ALL = 1, EXIT_USAGE = 2 };

struct burst {
	struct sockaddr_storage address;
	socklen_t address_length;
	int socket[PORTS];
	uint32_t count, rate;
	uint64_t salt;     /* makes the cookies of requests unguessable */
	uint8_t *answered; /* per request */
	uint32_t sent, replies, wrong;
	uint32_t stratum_min, stratum_max;
};

static int usage(FILE *out)
{
	fputs("usage: burst [-4|-6] -n COUNT -r RATE HOST[:PORT]\n"
	      "Sends COUNT NTP requests (at most 1000000) at RATE a second (at most 10 s of them) to a "
	      "loopback or\n"
	      "private address, checks every reply and prints one JSON object. An IPv6 address with a port "
	      "is\n"
	      "[ADDRESS]:PORT. Exit status: 0 all answered rightly, 1 not all, 2 wrong usage.\n",
		out);
	return out == stdout ? EXIT_ALL_RIGHT : EXIT_USAGE;
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "burst: %s: %s\n", what, why);
	return EXIT_USAGE;
}

static int resolve(struct burst *b, const char *text, int family)
{
	struct target target;
	char error[512];

	if (!target_parse(&target, text, NTP_PORT, family, error, sizeof(error))) {
		fprintf(stderr, "burst: %s\n", error);
		return EXIT_USAGE;
	}
	if (!target.ours)
		return complain(
			target.host, "neither a loopback nor a private address; load is for one's own hosts");
	b->address = target.address;
	b->address_length = target.address_length;
	return 0;
}

static bool parse_count(uint32_t *value, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*value = (uint32_t)n;
	return *text >= '0' && *text <= '9' && !*end && n >= 1 && n <= COUNT_MAX;
}

/* 0, or the exit status of a wrong call; -1 asks for help. */
static int parse(struct burst *b, int argc, char **argv)
{
	int option, family = AF_UNSPEC;
	bool good = true;

	while ((option = getopt(argc, argv, "46n:r:h")) != -1) {
		if (option == '4' || option == '6')
			family = option == '4' ? AF_INET : AF_INET6;
		else if (option == 'n')
			good &= parse_count(&b->count, optarg);
		else if (option == 'r')
			good &= parse_count(&b->rate, optarg);
		else if (option == 'h')
			return -1;
		else
			good = false;
	}
	if (!good || optind != argc - 1 || !b->count || !b->rate)
		return usage(stderr);
	if (b->count > (uint64_t)b->rate * DURATION_MAX)
		return complain("-n and -r", "more than 10 s of sending");
	return resolve(b, argv[optind], family);
}

static bool open_sockets(struct burst *b)
{
	const int size = BUFFER;

	for (int i = 0; i < PORTS; i++) {
		int fd = socket(b->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return false;
		b->socket[i] = fd;
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		if (connect(fd, (const struct sockaddr *)&b->address, b->address_length) != 0)
			return false;
	}
	return true;
}

/* The transmit timestamp of request `i`: reversible, so that a reply's origin names its request. */
static uint64_t cookie_of(const struct burst *b, uint32_t i)
{
	return b->salt ^ (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
}

/* COUNT or more for what is none of our cookies: the inverse of the odd factor, modulo 2^64. */
static uint64_t request_of(const struct burst *b, uint64_t cookie)
{
	return (cookie ^ b->salt) * UINT64_C(0xf1de83e19937733d);
}

static void write_request(uint8_t octets[NTP_HEADER_SIZE], uint64_t cookie)
{
	memset(octets, 0, NTP_HEADER_SIZE);
	octets[0] = ntp_lvm(NTP_LEAP_NONE, NTP_VERSION_MAX, NTP_MODE_CLIENT);
	store_be64(octets + offsetof(struct ntp_header, transmit), cookie);
}

/* Up to `due` requests in one system call. Port by port, so that a request's number tells its port. */
static void send_batch(struct burst *b, uint32_t due)
{
	static uint8_t octets[BATCH][NTP_HEADER_SIZE];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	unsigned n = due < BATCH ? due : BATCH;
	int fd = b->socket[b->sent / BATCH % PORTS], done;

	if (n > BATCH - b->sent % BATCH)
		n = BATCH - b->sent % BATCH;
	for (unsigned i = 0; i < n; i++) {
		write_request(octets[i], cookie_of(b, b->sent + i));
		parts[i] = (struct iovec){octets[i], NTP_HEADER_SIZE};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	done = sendmmsg(fd, messages, n, 0);
	if (done > 0)
		b->sent += (uint32_t)done;
}

static void note_stratum(struct burst *b, unsigned stratum)
{
	if (b->replies == 0 || stratum < b->stratum_min)
		b->stratum_min = stratum;
	if (b->replies == 0 || stratum > b->stratum_max)
		b->stratum_max = stratum;
}

/* What a client would believe, to the first request of that cookie, on the port that it was sent from. */
static bool is_right(const struct burst *b, unsigned port, const uint8_t *reply, size_t size)
{
	const uint64_t request =
		size >= NTP_HEADER_SIZE
			? request_of(b, load_be64(reply + offsetof(struct ntp_header, origin)))
			: COUNT_MAX;
	const uint8_t stratum = reply[offsetof(struct ntp_header, stratum)];

	return request < b->sent && !b->answered[request] && request / BATCH % PORTS == port &&
	       size == NTP_HEADER_SIZE && ntp_lvm_mode(reply[0]) == NTP_MODE_SERVER &&
	       ntp_lvm_version(reply[0]) == NTP_VERSION_MAX && ntp_lvm_leap(reply[0]) != NTP_LEAP_UNSYNC &&
	       stratum >= 1 && stratum <= NTP_STRATUM_MAX &&
	       (int64_t)(load_be64(reply + offsetof(struct ntp_header, transmit)) -
			 load_be64(reply + offsetof(struct ntp_header, receive))) > 0;
}

static void take_reply(struct burst *b, unsigned port, const uint8_t *reply, size_t size)
{
	if (!is_right(b, port, reply, size)) {
		b->wrong++;
		return;
	}
	b->answered[request_of(b, load_be64(reply + offsetof(struct ntp_header, origin)))] = 1;
	note_stratum(b, reply[offsetof(struct ntp_header, stratum)]);
	b->replies++;
}

static void receive_batch(struct burst *b, unsigned port)
{
	static uint8_t octets[BATCH][REPLY_MAX];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){octets[i], REPLY_MAX};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(b->socket[port], messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take_reply(b, port, octets[i], messages[i].msg_len);
}

static void receive_all(struct burst *b, int timeout_ms)
{
	struct pollfd fds[PORTS];

	for (int i = 0; i < PORTS; i++)
		fds[i] = (struct pollfd){.fd = b->socket[i], .events = POLLIN};
	if (poll(fds, PORTS, timeout_ms) <= 0)
		return;
	for (unsigned i = 0; i < PORTS; i++)
		if (fds[i].revents)
			receive_batch(b, i);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Open loop: what is due by the clock is sent, whether or not replies come. A sender that cannot keep up ends
 * late, but ends. Returns the seconds of sending. */
static double send_all(struct burst *b)
{
	const double start = now();
	double elapsed = 0;

	while (b->sent < b->count && elapsed < 2 * DURATION_MAX) {
		double due = elapsed * b->rate + 1;

		if (due > b->count)
			due = b->count;
		if ((uint32_t)due > b->sent)
			send_batch(b, (uint32_t)due - b->sent);
		receive_all(b, (uint32_t)due > b->sent ? 0 : 1);
		elapsed = now() - start;
	}
	return elapsed;
}

static void receive_rest(struct burst *b)
{
	const double end = now() + PATIENCE_MS / 1e3;

	while (b->replies < b->sent && now() < end)
		receive_all(b, 10);
	/* Whatever comes on top of a reply to each is wrong, and has come by now. */
	receive_all(b, 10);
}

static void report(const struct burst *b, double seconds)
{
	printf("{\"sent\": %" PRIu32 ", \"answered\": %" PRIu32 ", \"wrong\": %" PRIu32 ", \"lost\": %" PRIu32
	       ", \"seconds\": %.6f, \"rate\": %.1f, \"stratum\": [%" PRIu32 ", %" PRIu32 "]}\n",
		b->sent, b->replies, b->wrong, b->sent - b->replies, seconds, b->sent / seconds,
		b->stratum_min, b->stratum_max);
}

int main(int argc, char **argv)
{
	static struct burst b;
	int status = parse(&b, argc, argv);
	double seconds;

	if (status)
		return status < 0 ? usage(stdout) : status;
	b.answered = calloc(b.count, 1);
	if (!b.answered || getrandom(&b.salt, sizeof(b.salt), 0) != sizeof(b.salt) || !open_sockets(&b)) {
		fprintf(stderr, "burst: %s\n", strerror(errno));
		return EXIT_NOT_ALL;
	}
	seconds = send_all(&b);
	receive_rest(&b);
	report(&b, seconds);
	free(b.answered);
	return b.sent == b.count && b.replies == b.sent && !b.wrong ? EXIT_ALL_RIGHT : EXIT_NOT_ALL;
}
