/* One core of a load: bench/generator.h, over a link of the test's own with a server behind it that answers
 * at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/generator.h"
#include "bench/judge.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "ntp/timestamp.h"

enum { QUEUE = 4096, CLIENTS = 1000 };

/* What the test wants of the link and the server. */
static struct world {
	unsigned taken_most; /* of a burst; LINK_BURST: all */
	double port_rate;    /* requests a second that the port takes; 0: any */
	bool silent, answers_garbage, wrong_port;
	struct timespec began;
	uint64_t sent, client_sum;
	uint32_t least_client, most_client;
	unsigned cores, core;
	bool of_other_core;
	unsigned first, count;
	struct link_datagram queue[QUEUE];
	uint8_t octets[QUEUE][NTP_HEADER_SIZE];
} world;

static double since_start(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - world.began.tv_sec) + (double)(now.tv_nsec - world.began.tv_nsec) * 1e-9;
}

static void answer(const struct link_request *request)
{
	struct link_datagram *d = &world.queue[(world.first + world.count) % QUEUE];
	uint8_t *octets = world.octets[(world.first + world.count) % QUEUE];
	struct ntp_header header = {.lvm = ntp_lvm(NTP_LEAP_NONE, 4, NTP_MODE_SERVER),
		.stratum = 2,
		.precision = -20,
		.refid = {1, 2, 3, 4}};
	struct timespec now;

	if (world.silent || world.count == QUEUE || request->size < NTP_HEADER_SIZE)
		return;
	if (ntp_lvm_mode(request->octets[0]) != NTP_MODE_CLIENT && !world.answers_garbage)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	header.lvm = ntp_lvm(NTP_LEAP_NONE, ntp_lvm_version(request->octets[0]), NTP_MODE_SERVER);
	memcpy(&header.origin, request->octets + offsetof(struct ntp_header, transmit), 8);
	store_be64(&header.reference, ntp64_from_timespec(now) - NTP64_SECOND);
	store_be64(&header.receive, ntp64_from_timespec(now));
	store_be64(&header.transmit, ntp64_from_timespec(now) + 1 + (world.sent & 63));
	memcpy(octets, &header, sizeof(header));
	*d = (struct link_datagram){.kind = LINK_REPLY,
		.octets = octets,
		.size = sizeof(header),
		.port = (uint16_t)(request->port + world.wrong_port),
		.client = request->client,
		.from_target = true};
	world.count++;
}

unsigned link_send(struct link *link, unsigned core, const struct link_request *requests, unsigned count)
{
	const unsigned most = count < world.taken_most ? count : world.taken_most;
	unsigned taken = 0;

	(void)link;
	(void)core;
	for (; taken < most; taken++) {
		const struct link_request *request = &requests[taken];

		if (world.port_rate > 0 && (double)world.sent >= since_start() * world.port_rate)
			break;
		world.sent++;
		world.client_sum += request->client;
		world.of_other_core |= request->client % world.cores != world.core;
		assert_true(request->client < CLIENTS);
		assert_true(request->size <= LINK_REQUEST_MAX);
		answer(request);
	}
	return taken;
}

unsigned link_receive(struct link *link, unsigned core, struct link_datagram *datagrams)
{
	unsigned n = 0;

	(void)link;
	(void)core;
	for (; n < LINK_BURST && world.count > 0; n++, world.count--) {
		datagrams[n] = world.queue[world.first];
		world.first = (world.first + 1) % QUEUE;
	}
	return n;
}

void link_wait(struct link *link, unsigned core, uint64_t ns)
{
	const struct timespec time = {.tv_nsec = (long)ns};

	(void)link;
	(void)core;
	nanosleep(&time, NULL);
}

static struct population population;
static struct result_step result;
static volatile sig_atomic_t stop;

static struct generator_settings begin(double rate)
{
	char text[256];

	memset(&world, 0, sizeof(world));
	world.taken_most = LINK_BURST;
	world.cores = 1;
	clock_gettime(CLOCK_MONOTONIC, &world.began);
	stop = 0;
	assert_true(population_init(&population, "10.0.0.0/8", CLIENTS, 0, text, sizeof(text)));
	return (struct generator_settings){.cores = 1,
		.population = &population,
		.arrival = {.kind = ARRIVAL_STEADY, .rate = rate},
		.version = 4,
		.tag_share = 1,
		.timeout = 5,
		.rate_most = rate,
		.seed = 1,
		.stop = &stop};
}

static void run(const struct generator_settings *settings, double rate, double seconds, uint64_t count)
{
	const struct generator_step step = {
		.rate = rate, .seconds = seconds, .count = count, .point_s = 0.02};
	char text[256];
	struct generator *g = generator_new(settings, text, sizeof(text));

	assert_non_null(g);
	generator_run(g, &step, &result);
	generator_free(g);
	assert_int_equal(result.counts.asked, result.sent);
	assert_int_equal(result.counts.asked, result.counts.answered + result.counts.lost);
}

static void test_all_is_right(void **state)
{
	const struct generator_settings settings = begin(10000);
	uint64_t sent = 0;

	(void)state;
	run(&settings, 10000, 0.2, 0);
	assert_in_range(result.sent, 1900, 2000);
	assert_int_equal(result.counts.verdict[JUDGE_VALID], result.sent);
	assert_int_equal(result.latency.count, result.sent);
	assert_int_equal(result.octets_sent, result.sent * NTP_HEADER_SIZE);
	assert_int_equal(result.stratum, 2);
	for (unsigned i = 0; i < result.points; i++)
		sent += result.point[i].sent;
	assert_int_equal(sent, result.sent);
}

static void test_port_takes_few(void **state)
{
	struct generator_settings settings = begin(200000);

	(void)state;
	settings.garbage_share = 0.1;
	settings.version = 34;
	world.taken_most = 3;
	run(&settings, 200000, 0.1, 0);
	assert_int_equal(result.sent + result.garbage, world.sent);
	assert_int_equal(result.counts.verdict[JUDGE_VALID], result.sent);
}

static void test_port_is_the_limit(void **state)
{
	struct generator_settings settings = begin(100000);

	(void)state;
	world.port_rate = 20000;
	run(&settings, 100000, 0.2, 0);
	assert_true(result_generator_limited(&result));
	assert_int_equal(result.limit, RESULT_LIMIT_PORT);
	assert_int_equal(result.counts.lost, 0);
	assert_int_equal(result.counts.verdict[JUDGE_VALID], result.sent);
}

static void test_port_takes_nothing(void **state)
{
	const struct generator_settings settings = begin(10000);

	(void)state;
	world.taken_most = 0;
	run(&settings, 10000, 0.2, 0);
	assert_int_equal(result.sent, 0);
	assert_in_range(result.due, 1900, 2000);
	assert_int_equal(result.limit, RESULT_LIMIT_PORT);
}

static void test_silent_server(void **state)
{
	struct generator_settings settings = begin(10000);

	(void)state;
	settings.timeout = 0.1;
	world.silent = true;
	run(&settings, 10000, 0.1, 0);
	assert_true(result.sent > 900);
	assert_int_equal(result.counts.lost, result.sent);
	assert_true(result_loss(&result) == 1);
}

static void test_count(void **state)
{
	const struct generator_settings settings = begin(100000);

	(void)state;
	run(&settings, 100000, 60, 500);
	assert_int_equal(result.sent, 500);
	assert_int_equal(result.due, 500);
	assert_true(result.seconds < 10);
}

static void test_stop(void **state)
{
	const struct generator_settings settings = begin(1000);

	(void)state;
	stop = 1;
	run(&settings, 1000, 60, 0);
	assert_true(result.stopped);
	assert_true(since_start() < 30);
}

static void test_garbage_is_known(void **state)
{
	struct generator_settings settings = begin(10000);

	(void)state;
	settings.garbage_share = 0.5;
	world.answers_garbage = true;
	run(&settings, 10000, 0.1, 0);
	assert_true(result.garbage > 300 && result.garbage_answered > 50);
	assert_int_equal(result.counts.verdict[JUDGE_VALID], result.sent);
	assert_int_equal(result_wrong(&result.counts), 0);
}

static void test_wrong_port(void **state)
{
	struct generator_settings settings = begin(10000);

	(void)state;
	settings.timeout = 1;
	world.wrong_port = true;
	run(&settings, 10000, 0.1, 0);
	assert_int_equal(result.counts.verdict[JUDGE_WRONG_CLIENT], result.sent);
	assert_int_equal(result.counts.lost, result.sent);
}

static void test_own_clients_of_a_core(void **state)
{
	struct generator_settings settings = begin(30000);

	(void)state;
	for (unsigned core = 0; core < 3; core++) {
		settings.cores = world.cores = 3;
		settings.core = world.core = core;
		run(&settings, 30000, 0.05, 0);
		assert_false(world.of_other_core);
		assert_in_range(result.sent, 400, 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_right),
		cmocka_unit_test(test_port_takes_few),
		cmocka_unit_test(test_port_is_the_limit),
		cmocka_unit_test(test_port_takes_nothing),
		cmocka_unit_test(test_silent_server),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_garbage_is_known),
		cmocka_unit_test(test_wrong_port),
		cmocka_unit_test(test_own_clients_of_a_core),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
