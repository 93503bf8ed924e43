/* The judge of a load, beside a server that answers rightly and errs on purpose: bench/judge.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "bench/judge.h"
#include "bench/random.h"
#include "ntp/packet.h"

enum {
	REQUESTS = 1000000,
	WHEEL = 4096,
	CLIENTS = 5000,
	REQUEST_SIZE = 68,
	ROOM = 128,
	BEFORE = 200,
};

#define MS UINT64_C(1000000)
#define PATIENCE (100 * MS)
static const int64_t epoch = 1790000000; /* 2026, at 0 ns */

struct world {
	struct judge *judge;
	uint64_t now_ns, base_ns, random;
	int64_t epoch;
};

/* A request and what comes of it; `reply` and `came` are changed on purpose before they are delivered. */
struct exchange {
	struct judge_request request;
	uint64_t cookie;
	ntp64 t1;
	struct ntp_header reply;
	struct judge_datagram came;
};

static struct judge_settings settings(uint64_t key)
{
	return (struct judge_settings){
		.slots_log2 = 13, .patience_ns = PATIENCE, .key = key, .offset_limit = 0.1};
}

static struct world world_new(uint64_t seed, uint64_t base_ns)
{
	struct judge_settings s = settings(seed);
	struct world world = {.now_ns = base_ns, .base_ns = base_ns, .random = seed, .epoch = epoch};

	world.judge = judge_new(&s);
	assert_non_null(world.judge);
	return world;
}

static ntp64 time_at(const struct world *world, uint64_t ns)
{
	uint64_t passed = ns - world->base_ns;

	return ntp64_from_unix(
		world->epoch + (int64_t)(passed / 1000000000), (uint32_t)(passed % 1000000000));
}

static struct exchange ask_at(struct world *world, uint64_t intended_ns, uint32_t client)
{
	struct exchange e = {
		.request = {.intended_ns = intended_ns,
			.sent_ns = world->now_ns,
			.client = client,
			.size = REQUEST_SIZE,
			.version = 4},
		.t1 = time_at(world, world->now_ns),
	};

	e.cookie = judge_ask(world->judge, &e.request, e.t1);
	assert_int_not_equal(e.cookie, 0);
	return e;
}

static struct exchange ask(struct world *world)
{
	return ask_at(world, world->now_ns, (uint32_t)(random_next(&world->random) % CLIENTS));
}

/* What a right server, whose clock is a millisecond ahead, says of it; ns to it, in it and back. */
static void answer(
	const struct world *world, struct exchange *e, uint64_t outward, uint64_t inside, uint64_t back)
{
	uint64_t at = e->request.sent_ns + outward;

	e->reply = (struct ntp_header){
		.lvm = ntp_lvm(NTP_LEAP_NONE, e->request.version, NTP_MODE_SERVER),
		.stratum = 2,
		.precision = -25,
		.root_delay = htobe32(1 << 10),
		.root_dispersion = htobe32(1 << 9),
		.refid = {192, 0, 2, 1},
		.reference = htobe64(time_at(world, e->request.sent_ns) - 10 * NTP64_SECOND),
		.origin = e->cookie,
		.receive = htobe64(time_at(world, at + MS)),
		.transmit = htobe64(time_at(world, at + inside + MS)),
	};
	e->came = (struct judge_datagram){
		.size = NTP_HEADER_SIZE,
		.received_ns = at + inside + back,
		.t4 = time_at(world, at + inside + back),
		.client = e->request.client,
		.from_target = true,
	};
}

static enum judge_verdict deliver(
	const struct world *world, const struct exchange *e, struct judge_finding *finding)
{
	struct judge_datagram came = e->came;
	/* of its own size, so that a sanitizer sees a read past the end */
	uint8_t room[ROOM] = {0}, *exact = malloc(came.size ? came.size : 1);
	enum judge_verdict verdict;

	assert_non_null(exact);
	memcpy(room, &e->reply, sizeof(e->reply));
	memcpy(exact, room, came.size);
	came.octets = exact;
	verdict = judge_reply(world->judge, &came, finding);
	free(exact);
	assert_int_equal(verdict, finding->verdict);
	return verdict;
}

static void answer_somehow(struct world *world, struct exchange *e)
{
	answer(world, e, 20000 + random_next(&world->random) % 100000,
		1000 + random_next(&world->random) % 9000, 20000 + random_next(&world->random) % 100000);
}

/* One whole exchange by a right server. */
static void exchange_rightly(struct world *world)
{
	struct judge_finding finding;
	struct exchange e = ask(world);

	answer_somehow(world, &e);
	assert_string_equal(judge_verdict_info[deliver(world, &e, &finding)].name, "valid");
	assert_true(finding.found);
	assert_int_equal(finding.latency_ns, e.came.received_ns - e.request.intended_ns);
	world->now_ns = e.came.received_ns + random_next(&world->random) % 100000;
}

/* Ways to err. `last` is the exchange before, which was right. */
struct err {
	const char *name;
	void (*make)(struct world *world, struct exchange *e, const struct exchange *last);
	enum judge_verdict verdict;
	enum client_verdict header;
	unsigned times; /* that it is told; 0 for once */
	bool nothing;   /* no request is answered by it */
};

#define ERR(name, change)                                                                      \
	static void name(struct world *world, struct exchange *e, const struct exchange *last) \
	{                                                                                      \
		(void)world, (void)last;                                                       \
		change;                                                                        \
	}

static ntp64 ahead(uint64_t wire, int64_t units)
{
	return htobe64(be64toh(wire) + (uint64_t)units);
}

static void shift(struct exchange *e, int64_t units)
{
	e->reply.receive = ahead(e->reply.receive, units);
	e->reply.transmit = ahead(e->reply.transmit, units);
}

static void make_kiss(struct exchange *e, const char *code)
{
	e->reply.stratum = 0;
	e->reply.lvm |= 0xc0;
	memcpy(e->reply.refid, code, 4);
}

ERR(origin_bit, e->reply.origin ^= UINT64_C(1) << random_next(&world->random) % 64)
ERR(origin_zero, e->reply.origin = 0)
ERR(too_late, e->came.received_ns = e->request.sent_ns + PATIENCE + 1)
ERR(other_client, e->came.client ^= 1)
ERR(other_source, e->came.from_target = false)
ERR(longer, e->came.size = REQUEST_SIZE + 4)
ERR(kiss_rate, make_kiss(e, "RATE"))
ERR(kiss_deny, make_kiss(e, "DENY"))
ERR(kiss_of_ntpd, (make_kiss(e, "RATE"), e->reply.receive = e->reply.transmit = e->cookie))
ERR(echo_reference, e->reply.reference = e->cookie)
ERR(echo_receive, e->reply.receive = e->cookie)
ERR(echo_transmit, e->reply.transmit = e->cookie)
ERR(cut, e->came.size = NTP_HEADER_SIZE - 1)
ERR(nothing_at_all, e->came.size = 0)
ERR(odd_length, e->came.size = NTP_HEADER_SIZE + 2)
ERR(mode_client, e->reply.lvm = ntp_lvm(0, 4, NTP_MODE_CLIENT))
ERR(mode_broadcast, e->reply.lvm = ntp_lvm(0, 4, NTP_MODE_BROADCAST))
ERR(version_other, e->reply.lvm = ntp_lvm(0, 3, NTP_MODE_SERVER))
ERR(no_transmit, e->reply.transmit = 0)
ERR(no_receive, e->reply.receive = 0)
ERR(receive_order, e->reply.receive = ahead(e->reply.transmit, 1))
ERR(negative_delay, e->reply.receive = ahead(e->reply.receive, -(int64_t)NTP64_SECOND))
ERR(root_delay, e->reply.root_delay = htobe32(32 << 16))
ERR(root_dispersion, e->reply.root_dispersion = htobe32(16 << 16))
ERR(reference_order, e->reply.reference = ahead(e->reply.transmit, 1))
ERR(leap_unsync, e->reply.lvm = ntp_lvm(NTP_LEAP_UNSYNC, 4, NTP_MODE_SERVER))
ERR(stratum_zero, (e->reply.stratum = 0, memset(e->reply.refid, 0, 4)))
ERR(stratum_16, e->reply.stratum = NTP_STRATUM_UNSYNC)
ERR(stratum_other, e->reply.stratum = 3)
ERR(precision_seconds, e->reply.precision = 1)
ERR(time_stands, (e->reply.receive = last->reply.receive, e->reply.transmit = last->reply.transmit))
ERR(step_back, shift(e, -(int64_t)(NTP64_SECOND / 50)))
ERR(step_back_years, (shift(e, -(int64_t)(NTP64_SECOND * 619315200)),
			     e->reply.reference = ahead(e->reply.transmit, -(int64_t)NTP64_SECOND)))
ERR(offset_ahead, shift(e, (int64_t)(NTP64_SECOND / 5)))

static const struct err errs[] = {
	{"origin bit", origin_bit, JUDGE_UNSOLICITED, 0, 0, true},
	{"origin zero", origin_zero, JUDGE_UNSOLICITED, 0, 0, true},
	{"too late", too_late, JUDGE_LATE, 0, 0, true},
	{"other client", other_client, JUDGE_WRONG_CLIENT, 0, 0, true},
	{"other source", other_source, JUDGE_WRONG_SOURCE, 0, 0, true},
	{"longer", longer, JUDGE_LONGER, 0, 0, false},
	{"kiss RATE", kiss_rate, JUDGE_KISS_RATE, 0, 0, false},
	{"kiss DENY", kiss_deny, JUDGE_KISS_OTHER, 0, 0, false},
	{"kiss with the cookie as times", kiss_of_ntpd, JUDGE_KISS_RATE, 0, 0, false},
	{"echo in reference", echo_reference, JUDGE_COOKIE_ECHOED, 0, 0, false},
	{"echo in receive", echo_receive, JUDGE_COOKIE_ECHOED, 0, 0, false},
	{"echo in transmit", echo_transmit, JUDGE_COOKIE_ECHOED, 0, 0, false},
	{"cut", cut, JUDGE_HEADER, CLIENT_SHORT, 0, true},
	{"nothing at all", nothing_at_all, JUDGE_HEADER, CLIENT_SHORT, 0, true},
	{"odd length", odd_length, JUDGE_HEADER, CLIENT_LENGTH, 0, false},
	{"mode client", mode_client, JUDGE_HEADER, CLIENT_MODE, 0, false},
	{"mode broadcast", mode_broadcast, JUDGE_HEADER, CLIENT_MODE, 0, false},
	{"version", version_other, JUDGE_HEADER, CLIENT_VERSION, 0, false},
	{"no transmit", no_transmit, JUDGE_HEADER, CLIENT_NO_TRANSMIT, 0, false},
	{"no receive", no_receive, JUDGE_HEADER, CLIENT_NO_RECEIVE, 0, false},
	{"receive order", receive_order, JUDGE_HEADER, CLIENT_RECEIVE_ORDER, 0, false},
	{"negative delay", negative_delay, JUDGE_HEADER, CLIENT_NEGATIVE_DELAY, 0, false},
	{"root delay", root_delay, JUDGE_HEADER, CLIENT_ROOT_DISTANCE, 0, false},
	{"root dispersion", root_dispersion, JUDGE_HEADER, CLIENT_ROOT_DISTANCE, 0, false},
	{"reference order", reference_order, JUDGE_HEADER, CLIENT_REFERENCE_ORDER, 0, false},
	{"leap", leap_unsync, JUDGE_UNSYNCHRONISED, 0, 0, false},
	{"stratum 0", stratum_zero, JUDGE_UNSYNCHRONISED, 0, 0, false},
	{"stratum 16", stratum_16, JUDGE_UNSYNCHRONISED, 0, 0, false},
	{"stratum there and back", stratum_other, JUDGE_STRATUM, 0, 2, false},
	{"precision of seconds", precision_seconds, JUDGE_PRECISION, 0, 0, false},
	{"time stands", time_stands, JUDGE_REPEATED_TIME, 0, 0, false},
	{"step back", step_back, JUDGE_BACKWARDS, 0, 0, false},
	{"step back by 1024 weeks", step_back_years, JUDGE_BACKWARDS, 0, 0, false},
	{"offset", offset_ahead, JUDGE_OFFSET, 0, 0, false},
};

/* What the counts must be after `valid` right exchanges and one error, told `times`; all else is 0. */
static void check_counts(const struct judge_counts *counts, const struct err *err, unsigned valid)
{
	struct judge_counts expected = {.asked = valid + 1};
	unsigned times = err->times ? err->times : 1;

	expected.lost = err->nothing;
	expected.answered = expected.asked - expected.lost;
	expected.verdict[JUDGE_VALID] = valid + 1 - times;
	expected.verdict[err->verdict] += times;
	if (err->verdict == JUDGE_HEADER)
		expected.header[err->header] = 1;
	assert_memory_equal(counts, &expected, sizeof(expected));
}

static void convict(const struct err *err, uint64_t seed)
{
	struct world world = world_new(seed, seed * MS);
	struct judge_finding finding;
	struct exchange last, e;

	for (int i = 0; i < BEFORE - 1; i++)
		exchange_rightly(&world);
	last = ask(&world);
	answer_somehow(&world, &last);
	assert_int_equal(deliver(&world, &last, &finding), JUDGE_VALID);
	world.now_ns = last.came.received_ns;
	e = ask(&world);
	answer_somehow(&world, &e);
	err->make(&world, &e, &last);
	if (deliver(&world, &e, &finding) != err->verdict)
		fail_msg("%s: %s", err->name, judge_verdict_info[finding.verdict].name);
	assert_int_equal(finding.reply.verdict == err->header || err->verdict != JUDGE_HEADER, 1);
	world.now_ns = e.came.received_ns;
	if (err->times == 2) {
		e = ask(&world);
		answer_somehow(&world, &e);
		assert_int_equal(deliver(&world, &e, &finding), err->verdict);
		world.now_ns = e.came.received_ns;
	}
	for (unsigned i = err->times == 2; i < BEFORE; i++)
		exchange_rightly(&world);
	judge_expire(world.judge, world.now_ns, true);
	check_counts(judge_counts(world.judge), err, 2 * BEFORE);
	judge_free(world.judge);
}

static void test_every_error_is_convicted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++)
		for (uint64_t seed = 1; seed <= 20; seed++)
			convict(&errs[i], seed);
}

/* The errors above leave out only what needs more than one reply or NTS, and CLIENT_ORIGIN. */
static void test_every_error_is_tried(void **state)
{
	bool verdict[JUDGE_VERDICT_COUNT] = {false}, header[CLIENT_VERDICT_COUNT] = {false};

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		verdict[errs[i].verdict] = true;
		header[errs[i].header] = true;
	}
	for (unsigned i = JUDGE_VALID + 1; i < JUDGE_VERDICT_COUNT; i++)
		assert_true(verdict[i] || i == JUDGE_DUPLICATE || i == JUDGE_NTS);
	for (unsigned i = CLIENT_SHORT; i < CLIENT_VERDICT_COUNT; i++)
		assert_true(header[i] || i == CLIENT_ORIGIN);
}

static void test_nts(void **state)
{
	struct judge_finding finding;

	(void)state;
	for (unsigned v = 0; v < NTS_CLIENT_VERDICT_COUNT; v++) {
		struct world world = world_new(v + 1, 0);
		struct judge_counts expected = {.asked = 2, .answered = 2, .verdict = {[JUDGE_VALID] = 2}};

		for (int nts = 0; nts < 2; nts++) { /* what is handed in without NTS is not looked at */
			struct exchange e = {.request = {.size = 68, .version = 4, .nts = nts}};

			e.request.intended_ns = e.request.sent_ns = world.now_ns;
			e.t1 = time_at(&world, world.now_ns);
			e.cookie = judge_ask(world.judge, &e.request, e.t1);
			answer_somehow(&world, &e);
			e.came.nts = (enum nts_client_verdict)v;
			deliver(&world, &e, &finding);
			world.now_ns = e.came.received_ns;
		}
		if (v != NTS_CLIENT_AUTHENTIC) {
			expected.verdict[JUDGE_VALID] = expected.verdict[JUDGE_NTS] = 1;
			expected.nts[v] = 1;
		}
		assert_memory_equal(judge_counts(world.judge), &expected, sizeof(expected));
		judge_free(world.judge);
	}
}

static void test_duplicate(void **state)
{
	struct world world = world_new(1, 0);
	struct judge_finding finding;
	struct exchange e = ask(&world);

	(void)state;
	answer_somehow(&world, &e);
	assert_true(judge_awaits(world.judge, e.cookie));
	assert_false(judge_awaits(world.judge, e.cookie ^ 1));
	e.came.from_target = false; /* this one answers nothing */
	assert_int_equal(deliver(&world, &e, &finding), JUDGE_WRONG_SOURCE);
	assert_true(judge_awaits(world.judge, e.cookie));
	e.came.from_target = true;
	assert_int_equal(deliver(&world, &e, &finding), JUDGE_VALID);
	assert_false(judge_awaits(world.judge, e.cookie));
	assert_int_equal(deliver(&world, &e, &finding), JUDGE_DUPLICATE);
	assert_int_equal(deliver(&world, &e, &finding), JUDGE_DUPLICATE);
	assert_int_equal(judge_counts(world.judge)->answered, 1);
	assert_int_equal(judge_counts(world.judge)->lost, 0);
	judge_free(world.judge);
}

/* Two requests under way at once have no order; that one client gets one time twice is still wrong. */
static void test_repeated_time(void **state)
{
	struct world world = world_new(1, 0);
	struct judge_finding finding;
	struct exchange e[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		e[i] = ask_at(&world, world.now_ns, i % 2);
		answer(&world, &e[i], 50000, 1000, 50000);
	}
	assert_int_equal(deliver(&world, &e[0], &finding), JUDGE_VALID);
	assert_int_equal(deliver(&world, &e[1], &finding), JUDGE_VALID);
	assert_int_equal(deliver(&world, &e[2], &finding), JUDGE_REPEATED_TIME);
	/* another client's later request: the clock stood still for a whole exchange */
	world.now_ns = e[2].came.received_ns;
	e[0] = ask_at(&world, world.now_ns, 7);
	answer(&world, &e[0], 50000, 1000, 50000);
	e[0].reply.receive = e[1].reply.receive;
	e[0].reply.transmit = e[1].reply.transmit;
	assert_int_equal(deliver(&world, &e[0], &finding), JUDGE_REPEATED_TIME);
	judge_free(world.judge);
}

/* Many cores, or one stamp for a burst: different clients may get one time, even a round one. */
static void test_one_time_for_many(void **state)
{
	static struct exchange e[1000];
	struct world world = world_new(1, 0);
	struct judge_finding finding;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		e[i] = ask_at(&world, world.now_ns, i);
	for (uint32_t i = 0; i < 1000; i++) {
		answer(&world, &e[i], 50000, 0, 50000);
		e[i].reply.receive = e[i].reply.transmit = htobe64(time_at(&world, MS) >> 20 << 20);
		assert_int_equal(deliver(&world, &e[i], &finding), JUDGE_VALID);
	}
	judge_free(world.judge);
}

/* A server whose timestamps are multiples of `tick` ns (0: of 2^-10 s) claims a precision. */
static uint64_t convicted_of_precision(uint64_t tick, int8_t precision)
{
	struct world world = world_new(tick + 1, 0);
	struct judge_finding finding;
	uint64_t convicted;

	for (int i = 0; i < 1000; i++) {
		struct exchange e = ask(&world);
		uint64_t at = e.request.sent_ns + MS;
		ntp64 t = tick ? time_at(&world, at - at % tick) : time_at(&world, at) >> 22 << 22;

		answer(&world, &e, MS, 0, MS);
		e.reply.receive = e.reply.transmit = htobe64(t);
		e.reply.precision = precision;
		deliver(&world, &e, &finding);
		world.now_ns = e.came.received_ns + 20 * MS + random_next(&world.random) % (3 * MS);
	}
	convicted = judge_counts(world.judge)->verdict[JUDGE_PRECISION];
	assert_int_equal(judge_counts(world.judge)->verdict[JUDGE_VALID] + convicted, 1000);
	judge_free(world.judge);
	return convicted;
}

static void test_precision(void **state)
{
	static const struct {
		uint64_t tick;
		int8_t honest;
	} cases[] = {{0, -10}, {1, -30}, {1000, -20}, {1000000, -10}, {10000000, -7}, {20000000, -6}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(convicted_of_precision(cases[i].tick, cases[i].honest), 0);
		if (cases[i].tick != 1)
			assert_int_equal(convicted_of_precision(cases[i].tick, (int8_t)(cases[i].honest - 2)),
				1000 - 64);
	}
}

/*
 * BACKWARDS and REPEATED_TIME beside a plain memory of everything: a server with coarse timestamps that jumps
 * about, and replies in any order.
 */
enum { PLAIN = 3000, UNDER_WAY = 40 };

struct plain {
	struct {
		ntp64 transmit;
		uint32_t client;
		bool backwards;
	} reply[PLAIN];
	unsigned replies;
};

static ntp64 plain_floor(const struct plain *plain, unsigned replies)
{
	ntp64 floor = 0;

	for (unsigned i = 0; i < replies; i++)
		if (floor == 0 || plain->reply[i].backwards || plain->reply[i].transmit > floor)
			floor = plain->reply[i].transmit;
	return floor;
}

static bool plain_had(const struct plain *plain, ntp64 transmit, uint32_t client)
{
	for (unsigned i = 0; i < plain->replies; i++)
		if (plain->reply[i].transmit == transmit && plain->reply[i].client == client)
			return true;
	return false;
}

static void test_order_beside_plain_memory(void **state)
{
	static struct plain plain;
	struct exchange e[UNDER_WAY] = {0};
	unsigned known[UNDER_WAY] = {0}, missed = 0, count[JUDGE_VERDICT_COUNT] = {0};
	struct world world = world_new(5, 0);
	int64_t jump = 0;

	(void)state;
	while (plain.replies < PLAIN) {
		unsigned i = (unsigned)(random_next(&world.random) % UNDER_WAY);
		struct judge_finding finding;

		world.now_ns += random_next(&world.random) % 50000;
		if (random_next(&world.random) % 100 == 0)
			jump = (int64_t)(random_next(&world.random) % (NTP64_SECOND / 50));
		if (e[i].cookie != 0) {
			ntp64 floor = plain_floor(&plain, known[i]), t;
			bool stood, back, had;

			t = (e[i].t1 + (uint64_t)jump) >> 20 << 20;
			answer(&world, &e[i], 0, 0, 0);
			e[i].came.received_ns = world.now_ns;
			e[i].came.t4 = time_at(&world, world.now_ns);
			e[i].reply.precision = -12;
			e[i].reply.receive = e[i].reply.transmit = htobe64(t);
			had = plain_had(&plain, t, e[i].request.client);
			stood = floor == t;
			back = floor != 0 && ntp64_diff(t, floor) < -(INT64_C(1) << 20);
			count[deliver(&world, &e[i], &finding)]++;
			missed += had && !stood && finding.verdict != JUDGE_REPEATED_TIME;
			if (finding.verdict == JUDGE_REPEATED_TIME)
				assert_true(had || stood);
			else
				assert_int_equal(finding.verdict, back ? JUDGE_BACKWARDS : JUDGE_VALID);
			plain.reply[plain.replies].transmit = t;
			plain.reply[plain.replies].client = e[i].request.client;
			plain.reply[plain.replies++].backwards = finding.verdict == JUDGE_BACKWARDS;
		}
		known[i] = plain.replies;
		e[i] = ask_at(&world, world.now_ns, (uint32_t)(random_next(&world.random) % 10));
	}
	/* each has happened often enough to mean something */
	assert_true(count[JUDGE_VALID] > 300 && count[JUDGE_BACKWARDS] > 30);
	assert_true(count[JUDGE_REPEATED_TIME] > 100 && missed * 10 < count[JUDGE_REPEATED_TIME]);
	judge_free(world.judge);
}

/* A right server under load: the wheel holds what is on its way, by the step in which it comes. */
struct load {
	struct world world;
	struct exchange *on_way;
	uint32_t *following, first[WHEEL]; /* 1 + index into on_way; 0: none */
	uint64_t lost, answered, latency, expected_latency;
};

enum { STEP_NS = 1000 };

static void load_ask(struct load *load, uint32_t i)
{
	uint64_t *random = &load->world.random, intended = load->world.now_ns - random_next(random) % 3000;
	struct exchange *e = &load->on_way[i];
	uint32_t step;

	*e = ask_at(&load->world, intended, (uint32_t)(random_next(random) % CLIENTS));
	if (random_next(random) % 10 == 0) {
		load->lost++;
		return;
	}
	answer(&load->world, e, 5000 + random_next(random) % 1000000, 1000 + random_next(random) % 10000,
		5000 + random_next(random) % 1000000);
	step = (uint32_t)((e->came.received_ns - load->world.base_ns) / STEP_NS % WHEEL);
	load->following[i] = load->first[step];
	load->first[step] = i + 1;
}

static void load_step(struct load *load)
{
	uint32_t step = (uint32_t)((load->world.now_ns - load->world.base_ns) / STEP_NS % WHEEL);

	for (uint32_t i = load->first[step]; i != 0; i = load->following[i - 1]) {
		struct exchange *e = &load->on_way[i - 1];
		struct judge_finding finding;

		if (deliver(&load->world, e, &finding) != JUDGE_VALID)
			fail_msg("%s", judge_verdict_info[finding.verdict].name);
		assert_true(finding.found);
		assert_int_equal(finding.held_up_ns, e->request.sent_ns - e->request.intended_ns);
		load->latency += finding.latency_ns;
		load->expected_latency += e->came.received_ns - e->request.intended_ns;
		load->answered++;
	}
	load->first[step] = 0;
}

static void run_load(uint64_t seed, uint64_t base_ns, int64_t start, uint32_t requests)
{
	struct load *load = calloc(1, sizeof(*load));
	const struct judge_counts *counts;

	assert_non_null(load);
	load->world = world_new(seed, base_ns);
	load->world.epoch = start;
	load->on_way = calloc(requests, sizeof(*load->on_way));
	load->following = calloc(requests, sizeof(*load->following));
	assert_true(load->on_way && load->following);
	for (uint32_t i = 0; i < requests + WHEEL; i++, load->world.now_ns += STEP_NS) {
		load_step(load);
		if (i < requests)
			load_ask(load, i);
		if (i % 1000 == 0)
			judge_expire(load->world.judge, load->world.now_ns, false);
	}
	judge_expire(load->world.judge, load->world.now_ns, true);
	counts = judge_counts(load->world.judge);
	assert_int_equal(counts->asked, requests);
	assert_int_equal(counts->lost, load->lost);
	assert_int_equal(counts->answered, load->answered);
	assert_int_equal(counts->asked, counts->answered + counts->lost);
	assert_int_equal(counts->verdict[JUDGE_VALID], load->answered);
	assert_int_equal(load->latency, load->expected_latency);
	judge_free(load->world.judge);
	free(load->on_way);
	free(load->following);
	free(load);
}

static void test_right_server(void **state)
{
	(void)state;
	run_load(1, 0, epoch, REQUESTS);
}

/* Clocks that pass 2^48 and 2^64 ns, and the end of an NTP era (2036), in the middle of a load. */
static void test_right_server_where_clocks_wrap(void **state)
{
	(void)state;
	run_load(2, (UINT64_C(1) << 48) - 20 * MS, epoch, 50000);
	run_load(3, UINT64_MAX - 20 * MS, epoch, 50000);
	run_load(4, 77, INT64_C(4294967296) - (int64_t)NTP_UNIX_EPOCH, 50000);
}

static void test_ring_wraps(void **state)
{
	struct judge_settings s = settings(9);
	struct world world = {.epoch = epoch};
	struct judge_finding finding;
	static struct exchange e[5000];

	(void)state;
	s.slots_log2 = 10;
	world.judge = judge_new(&s);
	for (unsigned i = 0; i < 5000; i++, world.now_ns++)
		e[i] = ask(&world);
	assert_int_equal(judge_counts(world.judge)->lost, 5000 - 1024);
	for (unsigned i = 0; i < 5000; i++) {
		answer(&world, &e[i], MS, 1000, MS);
		assert_int_equal(
			deliver(&world, &e[i], &finding), i < 5000 - 1024 ? JUDGE_LATE : JUDGE_VALID);
		assert_int_equal(finding.found, i >= 5000 - 1024);
	}
	world.now_ns = e[4999].came.received_ns;
	for (unsigned i = 0; i < 1024; i++) /* in places that are free again */
		e[i] = ask(&world);
	judge_expire(world.judge, world.now_ns, true);
	assert_int_equal(judge_counts(world.judge)->lost, 5000);
	assert_int_equal(judge_counts(world.judge)->answered, 1024);
	judge_free(world.judge);
}

static void test_patience(void **state)
{
	struct world world = world_new(3, 5 * MS);
	struct judge_finding finding;
	struct exchange e[3];

	(void)state;
	for (int i = 0; i < 3; i++) { /* held up for 4 ms, for which the server has nothing */
		e[i] = ask_at(&world, world.now_ns - 4 * MS, 1);
		answer(&world, &e[i], MS, 1000 + (unsigned)i, MS);
		e[i].came.received_ns = world.now_ns + PATIENCE + (i == 1);
	}
	assert_int_equal(deliver(&world, &e[0], &finding), JUDGE_VALID);
	assert_int_equal(finding.latency_ns, PATIENCE + 4 * MS);
	assert_int_equal(finding.held_up_ns, 4 * MS);
	assert_int_equal(deliver(&world, &e[1], &finding), JUDGE_LATE);
	assert_int_equal(deliver(&world, &e[1], &finding), JUDGE_LATE);
	assert_int_equal(judge_counts(world.judge)->lost, 1);
	judge_expire(world.judge, world.now_ns + PATIENCE, false);
	assert_int_equal(judge_counts(world.judge)->lost, 1);
	judge_expire(world.judge, world.now_ns + PATIENCE + 1, false);
	assert_int_equal(judge_counts(world.judge)->lost, 2);
	assert_int_equal(deliver(&world, &e[2], &finding), JUDGE_LATE);
	assert_int_equal(judge_counts(world.judge)->lost, 2);
	judge_free(world.judge);
}

/* What the port did not take at once: sent later with its own times, or not at all. */
static void test_sent_later_and_never(void **state)
{
	struct world world = world_new(6, 5 * MS);
	struct judge_finding finding;
	struct exchange e[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		e[i] = ask(&world);
	judge_retract(world.judge, 2);
	assert_int_equal(judge_counts(world.judge)->asked, 2);
	world.now_ns += 2 * PATIENCE;
	judge_resend(world.judge, e[1].cookie, world.now_ns, time_at(&world, world.now_ns));
	e[1].request.sent_ns = world.now_ns;
	judge_expire(world.judge, world.now_ns, false);
	assert_int_equal(judge_counts(world.judge)->lost, 1);
	answer(&world, &e[1], MS, 1000, MS);
	assert_int_equal(deliver(&world, &e[1], &finding), JUDGE_VALID);
	assert_int_equal(finding.held_up_ns, 2 * PATIENCE);
	assert_int_equal(finding.latency_ns, 2 * PATIENCE + 2 * MS + 1000);
	assert_true(finding.reply.delay < 0.0021);
	answer(&world, &e[3], MS, 1000, MS);
	assert_int_equal(deliver(&world, &e[3], &finding), JUDGE_UNSOLICITED);
	judge_expire(world.judge, world.now_ns, true);
	assert_int_equal(judge_counts(world.judge)->asked, 2);
	assert_int_equal(judge_counts(world.judge)->lost, 1);
	world.now_ns = e[1].came.received_ns;
	exchange_rightly(&world);
	judge_free(world.judge);
}

static void test_long_and_negative_latency(void **state)
{
	struct judge_settings s = settings(4);
	struct world world = {.epoch = epoch, .now_ns = MS};
	struct judge_finding finding;
	struct exchange e;

	(void)state;
	s.patience_ns = JUDGE_PATIENCE_MAX;
	world.judge = judge_new(&s);
	e = ask(&world);
	answer(&world, &e, MS, 1000, 1000000 * MS);
	assert_int_equal(deliver(&world, &e, &finding), JUDGE_VALID);
	assert_int_equal(finding.latency_ns, 1000001 * MS + 1000);
	assert_true(finding.reply.delay > 1000);
	world.now_ns = e.came.received_ns;
	e = ask_at(&world, world.now_ns + 5 * MS, 1); /* sent too early */
	answer(&world, &e, MS, 1000, MS);
	assert_int_equal(deliver(&world, &e, &finding), JUDGE_VALID);
	assert_int_equal(finding.latency_ns, 0);
	assert_int_equal(finding.held_up_ns, 0);
	judge_free(world.judge);
}

/* The cookie that would have come next, known from a twin. */
static void test_cookie_not_yet_sent(void **state)
{
	struct world world = world_new(1, 0), twin = world_new(1, 0);
	struct judge_finding finding;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct exchange next = ask(&twin), e;

		answer_somehow(&twin, &next);
		assert_int_equal(deliver(&world, &next, &finding), JUDGE_UNSOLICITED);
		e = ask(&world);
		assert_true(e.cookie == next.cookie);
	}
	judge_free(world.judge);
	judge_free(twin.judge);
}

enum { COOKIES = 1 << 17 };

static uint64_t *cookies_of(uint64_t key)
{
	struct world world = world_new(key, 0);
	uint64_t *cookies = calloc(COOKIES, sizeof(*cookies));

	assert_non_null(cookies);
	for (size_t i = 0; i < COOKIES; i++)
		cookies[i] = ask(&world).cookie;
	judge_free(world.judge);
	return cookies;
}

/* Of each bit, about half flip: over 65536 pairs half is 32768 with a deviation of 128. */
static void check_unlike(const uint64_t *a, const uint64_t *b)
{
	unsigned flips[64] = {0};

	for (size_t i = 0; i < COOKIES / 2; i++)
		for (unsigned bit = 0; bit < 64; bit++)
			flips[bit] += (a[i] ^ b[i]) >> bit & 1;
	for (unsigned bit = 0; bit < 64; bit++)
		assert_in_range(flips[bit], COOKIES / 4 - 800, COOKIES / 4 + 800);
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Numbers 2^n apart differ in their bit n, and in those that it carries into. */
static void test_cookies(void **state)
{
	uint64_t *one = cookies_of(1), *both = calloc(2 * (size_t)COOKIES, sizeof(*both));

	(void)state;
	assert_non_null(both);
	for (size_t apart = 1; apart <= COOKIES / 2; apart *= 2)
		check_unlike(one, one + apart);
	for (unsigned bit = 0; bit < 64; bit += 9) {
		uint64_t *other = cookies_of(1 ^ UINT64_C(1) << bit);

		check_unlike(one, other);
		memcpy(both, one, COOKIES * sizeof(*one));
		memcpy(both + COOKIES, other, COOKIES * sizeof(*one));
		free(other);
		qsort(both, 2 * (size_t)COOKIES, sizeof(*both), compare);
		for (size_t i = 1; i < 2 * (size_t)COOKIES; i++)
			assert_true(both[i] != both[i - 1]);
	}
	free(one);
	free(both);
}

/* Whatever comes, most of it with an origin that was sent: only a whole right header may be VALID. */
static void test_random_octets(void **state)
{
	struct world world = world_new(11, 0);
	struct exchange e = ask(&world);
	struct judge_finding finding;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		size_t size = random_next(&world.random) % (i % 2 ? 60 : 1400);
		uint8_t *octets = malloc(size + 1);
		struct judge_datagram came = {.octets = octets, .size = size, .from_target = true};

		for (size_t k = 0; k < size; k++)
			octets[k] = (uint8_t)random_next(&world.random);
		if (i % 8 != 0 && size >= NTP_HEADER_SIZE) {
			e = ask(&world);
			memcpy(octets + 24, &e.cookie, sizeof(e.cookie));
			came.client = e.request.client;
		}
		came.t4 = time_at(&world, came.received_ns = world.now_ns += 100);
		assert_int_not_equal(judge_reply(world.judge, &came, &finding), JUDGE_VALID);
		free(octets);
	}
	assert_int_equal(judge_counts(world.judge)->verdict[JUDGE_VALID], 0);
	assert_true(judge_counts(world.judge)->verdict[JUDGE_HEADER] > 10000);
	assert_true(judge_counts(world.judge)->verdict[JUDGE_UNSOLICITED] > 10000);
	judge_free(world.judge);
}

/* The counts are nothing but 64-bit numbers, so that each must be the sum of its two. */
static void test_merge(void **state)
{
	enum { NUMBERS = sizeof(struct judge_counts) / sizeof(uint64_t) };
	uint64_t random = 1, a[NUMBERS], b[NUMBERS], sum[NUMBERS];
	struct judge_counts counts, from;

	(void)state;
	for (size_t i = 0; i < NUMBERS; i++) {
		a[i] = random_next(&random) >> 1;
		b[i] = random_next(&random) >> 1;
	}
	memcpy(&counts, a, sizeof(counts));
	memcpy(&from, b, sizeof(from));
	judge_counts_merge(&counts, &from);
	memcpy(sum, &counts, sizeof(sum));
	for (size_t i = 0; i < NUMBERS; i++)
		assert_true(sum[i] == a[i] + b[i]);
}

#define assert_refused(change)                         \
	do {                                           \
		struct judge_settings s = settings(1); \
		change;                                \
		assert_null(judge_new(&s));            \
	} while (0)

static void test_settings(void **state)
{
	(void)state;
	assert_refused(s.slots_log2 = 9);
	assert_refused(s.slots_log2 = 29);
	assert_refused(s.patience_ns = 0);
	assert_refused(s.patience_ns = JUDGE_PATIENCE_MAX + 1);
	assert_refused(s.offset_limit = -1);
	assert_refused(s.offset_limit = 0.0 / 0.0);
	judge_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_is_convicted),
		cmocka_unit_test(test_every_error_is_tried),
		cmocka_unit_test(test_nts),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_repeated_time),
		cmocka_unit_test(test_one_time_for_many),
		cmocka_unit_test(test_precision),
		cmocka_unit_test(test_order_beside_plain_memory),
		cmocka_unit_test(test_right_server),
		cmocka_unit_test(test_right_server_where_clocks_wrap),
		cmocka_unit_test(test_ring_wraps),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_sent_later_and_never),
		cmocka_unit_test(test_long_and_negative_latency),
		cmocka_unit_test(test_cookie_not_yet_sent),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_random_octets),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
