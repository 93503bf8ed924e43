/* One exchange over the kernel's loopback: ntp/exchange.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ntp/exchange.h"

/* A server on a socket of its own, whose clock is `ahead` units in front of ours. */
struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	int requests; /* to be served before the thread ends */
	bool silent;
	int forgeries; /* sent before the true reply, as many short ones as ones of another origin */
	int64_t ahead;
	uint8_t request[2][NTP_HEADER_SIZE];
	uint16_t source_port[2];
};

static ntp64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ntp64_from_timespec(t);
}

static void answer(struct server *s, const struct ntp_header *request, const void *to, socklen_t length)
{
	struct ntp_header reply = {
		.lvm = ntp_lvm(0, ntp_lvm_version(request->lvm), NTP_MODE_SERVER),
		.stratum = 1,
		.precision = -20,
		.refid = "PPS",
		.receive = htobe64(now() + (uint64_t)s->ahead),
	};

	for (int i = 0; i < s->forgeries; i++) {
		reply.transmit = reply.receive;
		reply.origin = request->transmit ^ (1U << i);
		sendto(s->fd, &reply, sizeof(reply), 0, to, length);
		sendto(s->fd, &reply, 47, 0, to, length);
	}
	reply.origin = request->transmit;
	reply.transmit = htobe64(now() + (uint64_t)s->ahead);
	sendto(s->fd, &reply, sizeof(reply), 0, to, length);
}

static void *serve(void *opaque)
{
	struct server *s = opaque;

	for (int i = 0; i < s->requests; i++) {
		struct sockaddr_in6 from;
		socklen_t length = sizeof(from);
		struct ntp_header request;

		if (recvfrom(s->fd, &request, sizeof(request), 0, (struct sockaddr *)&from, &length) !=
			sizeof(request))
			break;
		memcpy(s->request[i % 2], &request, sizeof(request));
		s->source_port[i % 2] = ntohs(from.sin6_port); /* where sin_port is, too */
		if (!s->silent)
			answer(s, &request, &from, length);
	}
	return NULL;
}

static void bind_loopback(struct server *s, int family)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = family == AF_INET ? sizeof(four) : sizeof(six);
	struct sockaddr_in6 got;
	const void *address = family == AF_INET ? (const void *)&four : (const void *)&six;

	s->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, address, length) != 0) {
		print_message("SKIP: needs a loopback address of IPv%d\n", family == AF_INET ? 4 : 6);
		skip();
	}
	/* a request that never comes must not hang the test */
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
	length = sizeof(got);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&got, &length), 0);
	s->port = ntohs(got.sin6_port);
}

static void start(struct server *s, int family)
{
	bind_loopback(s, family);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static struct exchange_peer peer_of(const char *host, uint16_t port)
{
	struct exchange_peer peer;
	char text[256];

	assert_int_equal(exchange_resolve(&peer, 1, host, AF_UNSPEC, port, text, sizeof(text)), 1);
	assert_string_equal(peer.text, host);
	return peer;
}

static void check_answer(int family, const char *host, int64_t ahead)
{
	struct server s = {.requests = 1, .ahead = ahead};
	struct exchange_peer peer;
	struct exchange x;

	start(&s, family);
	peer = peer_of(host, s.port);
	assert_int_equal(exchange_once(&peer, 4, 6, 5, &x), EXCHANGE_REPLY);
	stop(&s);
	assert_int_equal(x.reply.verdict, CLIENT_ANSWERED);
	assert_true(x.kernel_stamp);
	assert_true(ntp64_diff(x.t4, x.t1) > 0);
	assert_true(x.reply.delay >= 0 && x.reply.delay < 5);
	/* the true offset lies within half the delay, whatever the machine does */
	double error = x.reply.offset - ntp64_interval_to_seconds(ahead);
	assert_true(error <= x.reply.delay / 2 + 1e-6 && error >= -x.reply.delay / 2 - 1e-6);
}

static void test_ipv4(void **state)
{
	(void)state;
	check_answer(AF_INET, "127.0.0.1", 0);
	check_answer(AF_INET, "127.0.0.1", -(INT64_C(100) << 32));
}

static void test_ipv6(void **state)
{
	(void)state;
	check_answer(AF_INET6, "::1", INT64_C(86400) << 32);
}

static void test_each_request_is_unlike_the_other(void **state)
{
	static const uint8_t zeros[37];
	struct server s = {.requests = 2};
	struct exchange_peer peer;
	struct exchange x;

	(void)state;
	start(&s, AF_INET);
	peer = peer_of("127.0.0.1", s.port);
	assert_int_equal(exchange_once(&peer, 3, 0, 5, &x), EXCHANGE_REPLY);
	assert_int_equal(exchange_once(&peer, 3, 0, 5, &x), EXCHANGE_REPLY);
	stop(&s);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(s.request[i][0], 0x1b);
		assert_memory_equal(s.request[i] + 1, zeros, sizeof(zeros));
	}
	assert_memory_not_equal(s.request[0] + 40, s.request[1] + 40, 8);
}

static void test_forgeries_are_ignored_and_counted(void **state)
{
	struct server s = {.requests = 1, .forgeries = 7};
	struct exchange_peer peer;
	struct exchange x;

	(void)state;
	start(&s, AF_INET);
	peer = peer_of("127.0.0.1", s.port);
	assert_int_equal(exchange_once(&peer, 4, 6, 5, &x), EXCHANGE_REPLY);
	stop(&s);
	assert_int_equal(x.reply.verdict, CLIENT_ANSWERED);
	assert_int_equal(x.ignored[CLIENT_ORIGIN], 7);
	assert_int_equal(x.ignored[CLIENT_SHORT], 7);
}

static void test_timeout(void **state)
{
	struct server s = {.requests = 1, .silent = true};
	struct exchange_peer peer;
	struct exchange x;
	ntp64 before;
	double waited;
	char text[256];

	(void)state;
	start(&s, AF_INET);
	peer = peer_of("127.0.0.1", s.port);
	before = now();
	assert_int_equal(exchange_once(&peer, 4, 6, 0.15, &x), EXCHANGE_TIMEOUT);
	waited = ntp64_interval_to_seconds(ntp64_diff(now(), before));
	stop(&s);
	assert_true(waited >= 0.149 && waited < 5);
	exchange_explain(&x, "there", s.port, text, sizeof(text));
	assert_non_null(strstr(text, "does not answer"));
}

static void test_nobody_listens(void **state)
{
	struct server s = {0};
	struct exchange_peer peer;
	struct exchange x;
	char text[256], expected[64];

	(void)state;
	bind_loopback(&s, AF_INET);
	close(s.fd);
	peer = peer_of("127.0.0.1", s.port);
	assert_int_equal(exchange_once(&peer, 4, 6, 5, &x), EXCHANGE_PORT_UNREACHABLE);
	assert_int_equal(x.error, ECONNREFUSED);
	exchange_explain(&x, "there", s.port, text, sizeof(text));
	snprintf(expected, sizeof(expected), "nothing listens on UDP port %u of there", s.port);
	assert_non_null(strstr(text, expected));
}

static void test_resolve(void **state)
{
	struct exchange_peer peers[4];
	char text[256] = "";

	(void)state;
	assert_int_equal(exchange_resolve(peers, 4, "192.0.2.1", AF_INET6, 123, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "192.0.2.1 has no IPv6 address"));
	assert_int_equal(exchange_resolve(peers, 4, "", AF_UNSPEC, 123, text, sizeof(text)), 0);
	assert_int_equal(exchange_resolve(peers, 4, "2001:db8::1", AF_UNSPEC, 4123, text, sizeof(text)), 1);
	assert_string_equal(peers[0].text, "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_each_request_is_unlike_the_other),
		cmocka_unit_test(test_forgeries_are_ignored_and_counted),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
