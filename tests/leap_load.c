/*
 * For system tests: asks NTP servers without a pause and checks every reply by the line of LEAP_TRUTH
 * (tests/leap_truth.h), on both sides of its leap second or through its smear.
 *
 * usage: LEAP_TRUTH=... leap_load SECONDS ADDRESS...
 * Prints the counts as JSON; what is wrong goes to stderr. Exit status: 0 nothing was wrong, 1, 2 wrong call.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ntp/octets.h"
#include "ntp/packet.h"
#include "refclock/smear.h"
#include "tests/leap_truth.h"

enum {
	SERVERS_MAX = 4,
	BATCH = 16,
	PAUSE_NS = 200000,
	LATE_NS = 400000000, /* a reply so late could be of either side */
	STAMP_SLACK = 8590,  /* units: 2 us, for what the kernel does to two readings of its raw clock */
	SHOWN_MAX = 20,
};

/* Seconds: a worker that shares its core with the load may be held up with a publication so old in its hand,
 * and the slope of a smear of some seconds is steep. */
static const double held_up = 0.15;

struct counts {
	uint64_t sent, before, after, wrong, late;
	uint64_t smeared; /* of those, with a refid that says so */
};

struct judge {
	struct leap_truth truth;
	struct timebase even;
	ntp64 turn; /* of the even line */
	int64_t step;
	struct counts counts;
};

struct reply {
	uint64_t t1, t4; /* ns of CLOCK_MONOTONIC_RAW */
	unsigned leap, stratum;
	int8_t precision;
	uint32_t refid;
	ntp64 reference, receive, transmit;
};

static uint64_t now(void)
{
	return counter_read(COUNTER_MONOTONIC_RAW);
}

static bool is_between(ntp64 time, ntp64 low, ntp64 high, int64_t slack)
{
	return ntp64_diff(time, low) >= -slack && ntp64_diff(high, time) >= -slack;
}

/* What is wrong with a reply of a turn, or NULL. */
static const char *judge_turn(struct judge *j, const struct reply *r)
{
	const ntp64 low = timebase_line(&j->even, r->t1), high = timebase_line(&j->even, r->t4);
	const bool after = !is_between(r->receive, low, high, STAMP_SLACK);
	const ntp64 back = after ? (ntp64)j->step : 0, receive = r->receive + back;
	const unsigned announced = j->truth.sign > 0 ? NTP_LEAP_INSERT : NTP_LEAP_DELETE;
	const int64_t to_turn = ntp64_diff(j->turn, receive), unit = INT64_C(1) << (32 + r->precision);

	if (!is_between(receive, low, high, STAMP_SLACK))
		return "received at a time of neither side";
	if (!is_between(r->transmit + back, receive, high, STAMP_SLACK))
		return "sent at another side's time, or before it came";
	if (after ? to_turn > unit : to_turn < -unit)
		return "turned too early or too late";
	if (r->leap != (after ? NTP_LEAP_NONE : announced))
		return "announces what is not so on its side";
	if (r->reference + back != j->even.reference)
		return "has a reference time of the other side";
	j->counts.before += !after;
	j->counts.after += after;
	return NULL;
}

static ntp64 smeared(const struct judge *j, ntp64 even)
{
	const double to_midnight = ntp64_interval_to_seconds(ntp64_diff(j->even.time, even));
	const double behind = leap_smear(j->truth.shape, j->truth.window, j->truth.sign, to_midnight);

	return even - (ntp64)(int64_t)(behind * (double)NTP64_SECOND);
}

/* Seconds that the refid says have been added to UTC. */
static double said_by(uint32_t refid)
{
	return (double)((int32_t)(refid << 8) >> 8) / (1 << 22);
}

static const char *judge_smear(struct judge *j, const struct reply *r)
{
	const int64_t slack = (int64_t)(held_up / j->truth.window * (double)NTP64_SECOND);
	const ntp64 even = timebase_line(&j->even, r->t4);
	const double to_midnight = ntp64_interval_to_seconds(ntp64_diff(j->even.time, even));
	const double half = j->truth.window / 2,
		     behind = ntp64_interval_to_seconds(ntp64_diff(even, smeared(j, even)));
	const bool marked = r->refid >> 24 == 254;

	if (!is_between(r->receive, smeared(j, timebase_line(&j->even, r->t1)), smeared(j, even), slack))
		return "received at a time that is off the smear";
	if (!is_between(r->transmit, r->receive, smeared(j, even), slack))
		return "sent at a time that is off the smear, or before it came";
	if (r->leap != NTP_LEAP_NONE)
		return "announces a leap second that is smeared";
	if (fabs(to_midnight) < half - 0.5 && !marked)
		return "is smeared and its refid does not say so";
	if (fabs(to_midnight) > half + 0.5 && marked)
		return "is not smeared and its refid says so";
	if (marked && fabs(to_midnight) > 0.5 &&
		fabs(said_by(r->refid) + behind - (to_midnight < 0 ? j->truth.sign : 0)) > 0.1)
		return "has a refid that says another value";
	j->counts.before += to_midnight > 0;
	j->counts.after += to_midnight <= 0;
	j->counts.smeared += marked;
	return NULL;
}

static void take(struct judge *j, const uint8_t *octets, ssize_t size)
{
	const uint64_t t4 = now();
	const struct reply r = {
		.t1 = load_be64(octets + 24),
		.t4 = t4,
		.leap = ntp_lvm_leap(octets[0]),
		.stratum = octets[1],
		.precision = (int8_t)octets[3],
		.refid = load_be32(octets + 12),
		.reference = load_be64(octets + 16),
		.receive = load_be64(octets + 32),
		.transmit = load_be64(octets + 40),
	};
	const char *wrong;

	if (size == NTP_HEADER_SIZE && t4 - r.t1 > LATE_NS) {
		j->counts.late++;
		return;
	}
	if (size != NTP_HEADER_SIZE || r.stratum != 1 || r.precision > -16 || r.precision < -32)
		wrong = "is no reply of a synchronised server";
	else if (ntp64_diff(r.transmit, r.receive) <= 0 || ntp64_diff(r.receive, r.reference) < 0)
		wrong = "has times that are not in order";
	else
		wrong = j->truth.shape == LEAP_SMEAR_OFF ? judge_turn(j, &r) : judge_smear(j, &r);
	if (!wrong || ++j->counts.wrong > SHOWN_MAX)
		return;
	fprintf(stderr, "%+.9f s: a reply %s: leap %u, %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n",
		(double)(int64_t)(r.t4 - j->truth.midnight) * 1e-9, wrong, r.leap, r.reference, r.receive,
		r.transmit);
}

static void ask(struct judge *j, int server)
{
	for (int i = 0; i < BATCH; i++) {
		uint8_t request[NTP_HEADER_SIZE] = {ntp_lvm(NTP_LEAP_NONE, 4, NTP_MODE_CLIENT)};

		store_be64(request + 40, now());
		j->counts.sent += send(server, request, sizeof(request), MSG_DONTWAIT) == sizeof(request);
	}
}

static void hear(struct judge *j, int server)
{
	uint8_t octets[256];
	ssize_t size;

	while ((size = recv(server, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		take(j, octets, size);
}

static int open_server(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(NTP_PORT)};
	const int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (server < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
		connect(server, (struct sockaddr *)&to, sizeof(to)) != 0) {
		fprintf(stderr, "leap_load: %s: %s\n", address, strerror(errno));
		exit(2);
	}
	return server;
}

static void load(struct judge *j, const int *server, int servers, double seconds)
{
	const uint64_t end = now() + (uint64_t)(seconds * 1e9), quiet = end + LATE_NS;

	while (now() < quiet) {
		for (int i = 0; i < servers; i++) {
			if (now() < end)
				ask(j, server[i]);
			hear(j, server[i]);
		}
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	}
}

int main(int argc, char **argv)
{
	int server[SERVERS_MAX], servers = argc - 2;
	struct judge j = {0};
	const struct counts *c = &j.counts;

	if (servers < 1 || servers > SERVERS_MAX || !leap_truth_parse(&j.truth, getenv("LEAP_TRUTH"))) {
		fputs("usage: LEAP_TRUTH=MIDNIGHT,SIGN,SHAPE,WINDOW leap_load SECONDS ADDRESS...\n", stderr);
		return 2;
	}
	j.even = leap_truth_even(&j.truth);
	j.step = j.truth.sign * (int64_t)NTP64_SECOND;
	j.turn = j.even.time - (j.truth.sign < 0 ? NTP64_SECOND : 0);
	for (int i = 0; i < servers; i++)
		server[i] = open_server(argv[2 + i]);
	load(&j, server, servers, strtod(argv[1], NULL));
	printf("{\"sent\": %" PRIu64 ", \"before\": %" PRIu64 ", \"after\": %" PRIu64 ", \"wrong\": %" PRIu64
	       ", \"late\": %" PRIu64 ", \"smeared\": %" PRIu64 "}\n",
		c->sent, c->before, c->after, c->wrong, c->late, c->smeared);
	return c->wrong ? 1 : 0;
}
