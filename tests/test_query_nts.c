/* Protected exchanges over the kernel's loopback (control/query_nts.h), and key establishments that fail
 * (control/ke_exchange.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/query_nts.h"

static const struct cookie_keys keys = {.c2s = "from client to server", .s2c = "from server to client"};

/* What a server sends for each request, in this order: a(uthentic), n(ak), u(nauthenticated), f(orged),
 * k: an authentic kiss, o: authentic, but of another origin, r: authentic without a cookie. */
struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *plan;
	int requests;
	unsigned nonces;
	uint8_t seen[16][NTS_CLIENT_REQUEST_MAX]; /* requests */
	struct nts_request request[16];
};

static ntp64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ntp64_from_timespec(t);
}

static void write_header(uint8_t *octets, const uint8_t *request, char kind)
{
	struct ntp_header header = {.lvm = ntp_lvm(0, 4, NTP_MODE_SERVER),
		.stratum = 1,
		.precision = -20,
		.refid = "PPS",
		.receive = htobe64(now()),
		.transmit = htobe64(now())};

	memcpy(&header.origin, request + offsetof(struct ntp_header, transmit), sizeof(header.origin));
	if (kind == 'n' || kind == 'k') {
		header.stratum = 0;
		memcpy(header.refid, kind == 'n' ? "NTSN" : "DENY", sizeof(header.refid));
	}
	if (kind == 'o')
		header.origin ^= 1;
	memcpy(octets, &header, sizeof(header));
}

static size_t make(
	struct server *s, const struct nts_request *r, const uint8_t *request, uint8_t *octets, char kind)
{
	struct siv *siv = siv_new(siv_backend_best());
	uint8_t nonce[NTS_NONCE] = {(uint8_t)++s->nonces};
	struct nts_reply reply;
	struct siv_job job = {0};

	write_header(octets, request, kind);
	if (kind == 'n' || kind == 'u') {
		siv_free(siv);
		return nts_echo_write(octets, r, request);
	}
	if (!nts_reply_begin(&reply, octets, r, request, kind == 'r' ? 1024 : COOKIE_SIZE, nonce))
		abort();
	for (unsigned i = 0; i < reply.cookies; i++)
		memset(octets + nts_reply_cookie(&reply, i), (int)(s->nonces * 8 + i), COOKIE_SIZE);
	nts_reply_job(&job, &reply, octets, keys.s2c);
	siv_seal(siv, &job, 1);
	siv_free(siv);
	octets[reply.tag] ^= kind == 'f';
	return reply.size;
}

static void *serve(void *opaque)
{
	struct server *s = opaque;

	for (int i = 0; i < s->requests; i++) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		uint8_t octets[NTS_CLIENT_REQUEST_MAX];
		ssize_t size =
			recvfrom(s->fd, s->seen[i], sizeof(s->seen[i]), 0, (struct sockaddr *)&from, &length);

		if (size < 0 ||
			nts_request_parse(&s->request[i], s->seen[i], (size_t)size) != NTS_REQUEST_VALID)
			break;
		for (const char *kind = s->plan; *kind; kind++)
			sendto(s->fd, octets, make(s, &s->request[i], s->seen[i], octets, *kind), 0,
				(struct sockaddr *)&from, length);
	}
	return NULL;
}

static int bind_loopback(int type, uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	/* what never comes must not hang the test */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
	return fd;
}

static struct exchange_peer start(struct server *s)
{
	struct exchange_peer peer;
	char text[256];

	s->fd = bind_loopback(SOCK_DGRAM, &s->port);
	assert_int_equal(exchange_resolve(&peer, 1, "127.0.0.1", AF_INET, s->port, text, sizeof(text)), 1);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return peer;
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static void associate(struct query_nts *nts, unsigned cookies)
{
	*nts = (struct query_nts){.client = {.keys = keys, .cookies = cookies}};
	for (unsigned i = 0; i < cookies; i++) {
		nts->client.cookie[i].size = COOKIE_SIZE;
		memset(nts->client.cookie[i].octets, (int)(200 + i), COOKIE_SIZE);
	}
	nts->siv = siv_new(siv_backend_best());
	assert_non_null(nts->siv);
}

/* One exchange by the plan. */
static void ask(struct query_nts *nts, const char *plan, double timeout, struct exchange *x)
{
	struct server s = {.plan = plan, .requests = 1};
	struct exchange_peer peer = start(&s);

	associate(nts, 8);
	query_nts_ask(nts, &peer, 0, timeout, x);
	stop(&s);
}

/* Whatever comes before it, an authentic reply is found. */
static void test_authentic(void **state)
{
	static const char *const plans[] = {"a", "na", "ua", "fa", "oa", "nufoa", "aaa", "r", "nr"};
	struct query_nts nts;
	struct exchange x;

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		ask(&nts, plans[i], 5, &x);
		assert_int_equal(x.status, EXCHANGE_REPLY);
		assert_int_equal(x.reply.verdict, CLIENT_ANSWERED);
		assert_true(fabs(x.reply.offset) <= x.reply.delay / 2 + 1e-6);
		assert_false(nts.nak);
		assert_int_equal(nts.client.cookies, strchr(plans[i], 'r') ? 7 : 8);
		query_nts_end(&nts);
	}
}

/* What nobody vouches for does not end the wait, and is told of after it. */
static void test_not_authentic(void **state)
{
	struct query_nts nts;
	struct exchange x;

	(void)state;
	ask(&nts, "uff", 1, &x);
	assert_int_equal(x.status, EXCHANGE_TIMEOUT);
	assert_int_equal(nts.judged[NTS_CLIENT_UNAUTHENTICATED], 1);
	assert_int_equal(nts.judged[NTS_CLIENT_FORGED], 2);
	assert_int_equal(query_nts_discarded(&nts), 3);
	assert_string_equal(query_nts_objection(&nts), nts_client_verdict_info[NTS_CLIENT_FORGED].meaning);
	assert_int_equal(nts.client.cookies, 7);
	query_nts_end(&nts);
	ask(&nts, "o", 1, &x);
	assert_int_equal(x.status, EXCHANGE_TIMEOUT);
	assert_int_equal(x.ignored[CLIENT_ORIGIN], 1);
	assert_null(query_nts_objection(&nts));
	query_nts_end(&nts);
}

static void test_nak(void **state)
{
	struct query_nts nts;
	struct exchange x;

	(void)state;
	ask(&nts, "nf", 1, &x);
	assert_int_equal(x.status, EXCHANGE_REPLY);
	assert_int_equal(x.reply.verdict, CLIENT_KISS);
	assert_string_equal(x.reply.kiss, "NTSN");
	assert_true(query_nts_wants_keys(&nts));
	assert_false(query_nts_wants_keys(&nts));
	query_nts_end(&nts);
	/* a kiss that is authentic is one at once, and keys do not help */
	ask(&nts, "k", 5, &x);
	assert_int_equal(x.reply.verdict, CLIENT_KISS);
	assert_string_equal(x.reply.kiss, "DENY");
	assert_false(query_nts_wants_keys(&nts));
	query_nts_end(&nts);
}

/* Neither a cookie nor an identifier is ever sent twice. */
static void test_nothing_twice(void **state)
{
	static struct server s;
	struct exchange_peer peer;
	struct query_nts nts;
	struct exchange x;

	(void)state;
	s = (struct server){.plan = "a", .requests = 16};
	peer = start(&s);
	associate(&nts, 3);
	for (int i = 0; i < 16; i++)
		assert_int_equal(query_nts_ask(&nts, &peer, 0, 5, &x), EXCHANGE_REPLY);
	stop(&s);
	query_nts_end(&nts);
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < i; k++) {
			const struct nts_request *a = &s.request[i], *b = &s.request[k];

			assert_memory_not_equal(
				s.seen[i] + a->identifier.at, s.seen[k] + b->identifier.at, 32);
			assert_memory_not_equal(
				s.seen[i] + a->cookie.at, s.seen[k] + b->cookie.at, COOKIE_SIZE);
			assert_memory_not_equal(s.seen[i] + a->nonce.at, s.seen[k] + b->nonce.at, NTS_NONCE);
		}
}

/* What a listener that knows no TLS does with a connection: s(ilence), c(lose), w(rite something). */
struct listener {
	int fd;
	char habit;
	pthread_t thread;
};

static void *listen_to(void *opaque)
{
	struct listener *l = opaque;
	char octets[64];
	int fd = accept(l->fd, NULL, NULL);

	if (fd < 0)
		return NULL;
	if (l->habit == 'w' && recv(fd, octets, sizeof(octets), 0) > 0)
		(void)!write(fd, "HTTP/1.0 400 Bad Request\r\n\r\n", 28);
	if (l->habit != 'c')
		while (recv(fd, octets, sizeof(octets), 0) > 0)
			;
	close(fd);
	return NULL;
}

static void check_failure(char habit, enum ke_exchange_status expected, const char *words)
{
	struct listener l = {.habit = habit};
	struct ke_exchange_terms terms = {.host = "127.0.0.1",
		.family = AF_UNSPEC,
		.timeout = habit == 's' ? 0.2 : 10,
		.aeads = ke_aeads_default};
	struct nts_client client = {.keys = keys, .cookies = 1}, before = client;
	struct ke_exchange ke;
	char text[768];

	l.fd = bind_loopback(SOCK_STREAM, &terms.port);
	if (habit == '-')
		close(l.fd);
	else
		assert_int_equal(listen(l.fd, 1), 0);
	if (habit != '-')
		assert_int_equal(pthread_create(&l.thread, NULL, listen_to, &l), 0);
	terms.tls = tls_client_new(NULL, text, sizeof(text));
	assert_non_null(terms.tls);
	assert_int_equal(ke_exchange_run(&ke, &client, &terms), expected);
	tls_client_free(terms.tls);
	if (habit != '-') {
		pthread_join(l.thread, NULL);
		close(l.fd);
	}
	assert_memory_equal(&client, &before, sizeof(client));
	assert_true(isnan(ke.time) && isnan(ke.handshake_time));
	assert_int_equal(isnan(ke.connect_time), habit == '-');
	ke_exchange_explain(&ke, &terms, text, sizeof(text));
	assert_non_null(strstr(text, "127.0.0.1"));
	assert_non_null(strstr(text, words));
}

static void test_establishments_that_fail(void **state)
{
	(void)state;
	check_failure('-', KE_EXCHANGE_REFUSED, "nothing listens on TCP port");
	check_failure('s', KE_EXCHANGE_HANDSHAKE_TIMEOUT, "does not speak TLS within 0.2 s");
	check_failure('c', KE_EXCHANGE_CLOSED, "ended the connection");
	check_failure('w', KE_EXCHANGE_TLS, "it must be an NTS-KE server");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authentic),
		cmocka_unit_test(test_not_authentic),
		cmocka_unit_test(test_nak),
		cmocka_unit_test(test_nothing_twice),
		cmocka_unit_test(test_establishments_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
