#include "bench/generator.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/judge.h"
#include "bench/nts_side.h"
#include "bench/random.h"
#include "ntp/packet.h"

#define NS_PER_S UINT64_C(1000000000)

enum {
	SLOTS_LOG2_MOST = 24, /* 512 MiB: more than a second at the highest rates there are */
	HOUSEKEEPING_NS = 1000000,
	WAIT_LEAST_NS = 50000, /* below, waiting costs more than it saves */
	WAIT_MOST_NS = 1000000,
	LAGGING_NS = 1000000,
	/* What was due may still be sent then, so that a core that was away for a moment at the very end has
	   not failed. */
	GRACE_NS = 50000000,
	PORT_FIRST = 1024,
	POLL = 6,
};

/* Requests that have been made, and of these those that the port has not taken yet. */
struct burst {
	unsigned first, count;
	uint64_t cookie[LINK_BURST]; /* 0: garbage */
	struct link_request request[LINK_BURST];
	uint8_t octets[LINK_BURST][LINK_REQUEST_MAX];
};

/* The point of the time series that is being filled, and what there was when it began. */
struct series {
	double point_s;
	uint64_t began, ends; /* ns */
	struct result_point before;
	struct distribution latency;
};

static_assert((int)NTS_SIDE_BURST >= (int)LINK_BURST, "the tags of a burst are made together");

struct generator {
	struct generator_settings settings;
	struct judge *judge;
	struct nts_side nts;
	struct arrival arrival;
	uint64_t random, key;
	uint64_t start, end, now;    /* CLOCK_MONOTONIC, ns; `end`: of the schedule */
	uint64_t next;               /* of the next request, by the schedule */
	ntp64 epoch;                 /* NTP time of `start` */
	uint64_t left;               /* requests that may still be made */
	uint64_t port_full, lagging; /* passes */
	struct burst burst;
	struct series series;
	struct judge_counts before; /* of the judge, when the step began */
	struct result_step *out;
	struct generator_live live;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* NTP time goes on from the step's start with the clock that is never set: a clock set meanwhile harms no
 * reply. */
static ntp64 ntp_at(const struct generator *g, uint64_t ns)
{
	return g->epoch + (ntp64)(int64_t)((double)(int64_t)(ns - g->start) * (0x1p32 / 1e9));
}

static unsigned slots_log2(const struct generator_settings *s)
{
	const double slots = s->rate_most / s->cores * s->timeout * 1.25;
	unsigned log2 = JUDGE_SLOTS_LOG2_MIN;

	while (log2 < SLOTS_LOG2_MOST && ldexp(1, (int)log2) < slots)
		log2++;
	return log2;
}

struct generator *generator_new(const struct generator_settings *settings, char *text, unsigned size)
{
	struct generator *g = calloc(1, sizeof(*g));
	struct judge_settings judge = {.slots_log2 = slots_log2(settings),
		.patience_ns = (uint64_t)(settings->timeout * 1e9),
		.offset_limit = settings->offset_limit};
	uint64_t seed = settings->seed + settings->core * UINT64_C(0x9e3779b97f4a7c15);

	if (!g) {
		snprintf(text, size, "not enough memory");
		return NULL;
	}
	g->settings = *settings;
	g->random = random_next(&seed);
	g->key = random_next(&g->random);
	judge.key = random_next(&g->random);
	g->judge = judge_new(&judge);
	if (!g->judge || !nts_side_init(&g->nts, settings->nts_clients, settings->nts_count,
				 random_next(&g->random))) {
		snprintf(text, size, "not enough memory for %u requests under way", 1U << judge.slots_log2);
		generator_free(g);
		return NULL;
	}
	return g;
}

void generator_free(struct generator *generator)
{
	if (!generator)
		return;
	nts_side_free(&generator->nts);
	judge_free(generator->judge);
	free(generator);
}

/* Two words in one, so that one multiplication mixes both. */
static uint64_t mix(uint64_t word, uint64_t key)
{
	uint64_t state = word ^ key;

	return random_next(&state);
}

/* A request's source port follows from its cookie, which is random, so that nothing is kept to compare with.
 */
static uint16_t port_of(uint64_t cookie)
{
	return (uint16_t)(PORT_FIRST + ((cookie >> 32) * (65536 - PORT_FIRST) >> 32));
}

/* Chance decides, without drawing a number where there is nothing to decide. */
static bool chance(struct generator *g, double share)
{
	return share >= 1 || (share > 0 && random_unit(&g->random) <= share);
}

/* Who asks: one of this core's. */
static uint32_t pick(struct generator *g, bool nts)
{
	const struct generator_settings *s = &g->settings;
	const uint32_t count = nts ? s->nts_count : s->population->count;
	uint32_t client = population_pick(s->population, &g->random);

	if (nts)
		client %= s->nts_count;
	if (s->cores > 1) {
		client = client - client % s->cores + s->core;
		client = client < count ? client : s->core;
	}
	return client;
}

/*
 * What nobody may answer: too short for NTP, modes of replies, a mode that is reserved. Where it is long
 * enough it carries a mark, so that an answer is known.
 */
static uint64_t garbage_mark(const struct generator *g, uint32_t word)
{
	return (uint64_t)word << 32 | (mix(word, ~g->key) & UINT32_MAX);
}

static bool is_garbage_mark(const struct generator *g, uint64_t cookie)
{
	return cookie == garbage_mark(g, (uint32_t)(cookie >> 32));
}

static void make_garbage(struct generator *g, unsigned at)
{
	static const uint8_t modes[] = {
		NTP_MODE_PASSIVE, NTP_MODE_SERVER, NTP_MODE_BROADCAST, NTP_MODE_PRIVATE};
	struct burst *b = &g->burst;
	uint8_t *octets = b->octets[at];
	const uint64_t random = random_next(&g->random);
	const uint64_t mark = garbage_mark(g, (uint32_t)random);

	memset(octets, 0, NTP_HEADER_SIZE);
	octets[0] = ntp_lvm(NTP_LEAP_NONE, NTP_VERSION_MAX, modes[random >> 32 & 3]);
	memcpy(octets + offsetof(struct ntp_header, transmit), &mark, sizeof(mark));
	b->request[at] = (struct link_request){.octets = octets,
		.size = random >> 63 ? NTP_HEADER_SIZE : (uint16_t)((random >> 40) % NTP_HEADER_SIZE),
		.port = port_of(mark),
		.client = pick(g, false)};
	b->cookie[at] = 0;
}

static void write_header(struct generator *g, uint8_t *octets, unsigned version, uint64_t cookie)
{
	const struct client_request request = {.cookie = cookie, .version = (uint8_t)version, .poll = POLL};

	client_request_write(octets, &request);
	if (g->settings.echo)
		memcpy(octets + offsetof(struct ntp_header, origin), &cookie, sizeof(cookie));
}

static unsigned version_of_next(struct generator *g, bool nts)
{
	if (nts || g->settings.version == 4)
		return 4;
	return g->settings.version == 3 ? 3 : 3 + (g->out->sent + g->burst.count) % 2;
}

/* False where it could not be made. */
static bool make_request(struct generator *g, unsigned at, uint64_t intended)
{
	struct burst *b = &g->burst;
	const bool nts = g->settings.nts_count > 0 && chance(g, g->settings.nts_share);
	struct judge_request request = {.intended_ns = intended,
		.sent_ns = g->now,
		.client = pick(g, nts),
		.size = NTP_HEADER_SIZE,
		.version = (uint8_t)version_of_next(g, nts),
		.nts = nts};
	size_t size = NTP_HEADER_SIZE;
	uint64_t cookie;

	if (nts)
		request.size = (uint16_t)nts_side_size(&g->nts, request.client);
	cookie = judge_ask(g->judge, &request, ntp_at(g, g->now));
	write_header(g, b->octets[at], request.version, cookie);
	if (nts)
		size = nts_side_prepare(&g->nts, request.client, cookie, b->octets[at]);
	if (size == 0) {
		judge_retract(g->judge, 1);
		return false;
	}
	b->request[at] = (struct link_request){.octets = b->octets[at],
		.size = (uint16_t)size,
		.port = port_of(cookie),
		.client = request.client};
	b->cookie[at] = cookie;
	return true;
}

static bool is_due(const struct generator *g)
{
	return g->next <= g->now && g->next < g->end && g->left > 0;
}

/* All that is due, up to a burst. */
static void make_due(struct generator *g)
{
	struct burst *b = &g->burst;

	b->first = b->count = 0;
	while (b->count < LINK_BURST && is_due(g)) {
		if (chance(g, g->settings.garbage_share)) {
			make_garbage(g, b->count++);
			if (b->count == LINK_BURST)
				break;
		}
		if (make_request(g, b->count, g->next))
			b->count++;
		g->next = g->start + arrival_next(&g->arrival);
		g->left--;
	}
	if (g->nts.jobs > 0)
		nts_side_seal(&g->nts);
}

/* What was made before and is sent only now. */
static void set_times(struct generator *g)
{
	const struct burst *b = &g->burst;

	for (unsigned i = b->first; i < b->count; i++)
		if (b->cookie[i])
			judge_resend(g->judge, b->cookie[i], g->now, ntp_at(g, g->now));
}

static void count_sent(struct generator *g, unsigned taken)
{
	struct burst *b = &g->burst;

	for (; taken > 0; taken--, b->first++) {
		const struct link_request *request = &b->request[b->first];

		if (b->cookie[b->first] == 0) {
			g->out->garbage++;
			continue;
		}
		g->out->sent++;
		g->out->nts_sent += request->size > NTP_HEADER_SIZE;
		g->out->octets_sent += request->size;
	}
}

static void send_due(struct generator *g)
{
	struct burst *b = &g->burst;

	if (b->first < b->count)
		set_times(g);
	else
		make_due(g);
	if (b->first == b->count)
		return;
	count_sent(
		g, link_send(g->settings.link, g->settings.core, b->request + b->first, b->count - b->first));
	if (b->first < b->count)
		g->port_full++;
	else if (g->now > g->next + LAGGING_NS)
		g->lagging++;
}

/* What was made and never sent. Requests are made in the order of the judge's numbers, so the last are the
 * ones. */
static void withdraw(struct generator *g)
{
	struct burst *b = &g->burst;

	for (; b->first < b->count; b->count--)
		if (b->cookie[b->count - 1])
			judge_retract(g->judge, 1);
}

static void note_valid(struct generator *g, const struct judge_finding *finding)
{
	struct result_step *out = g->out;
	const struct client_reply *reply = &finding->reply;
	const double offset = reply->offset * 1e9;

	if (offset < 0)
		distribution_add(&out->offset.negative, (uint64_t)-offset);
	else
		distribution_add(&out->offset.positive, (uint64_t)offset);
	if (finding->residence >= 0)
		distribution_add(&out->residence, (uint64_t)(finding->residence * 1e9));
	out->stratum = reply->stratum;
	out->precision = reply->precision;
	memcpy(out->refid, reply->refid, sizeof(out->refid));
}

static void note(struct generator *g, const struct judge_finding *finding)
{
	if (finding->found && finding->verdict != JUDGE_DUPLICATE && finding->verdict != JUDGE_LATE) {
		distribution_add(&g->out->latency, finding->latency_ns);
		distribution_add(&g->series.latency, finding->latency_ns);
		distribution_add(&g->out->held_up, finding->held_up_ns);
	}
	if (finding->verdict == JUDGE_VALID)
		note_valid(g, finding);
}

/*
 * Of a share of the replies the tag is verified; the rest count as authentic, and what they bring is not
 * taken. Nor is it of a duplicate or of what was given up: cookies would be sent twice.
 */
static enum nts_client_verdict judge_nts(
	struct generator *g, const struct link_datagram *d, uint32_t client, uint64_t cookie)
{
	if (client >= g->settings.nts_count)
		return NTS_CLIENT_IDENTIFIER;
	if (!judge_awaits(g->judge, cookie))
		return NTS_CLIENT_AUTHENTIC;
	if (g->settings.tag_share < 1 &&
		(double)(mix(cookie, g->key + 1) >> 11) * 0x1p-53 >= g->settings.tag_share)
		return NTS_CLIENT_AUTHENTIC;
	g->out->tags_checked += d->size > NTP_HEADER_SIZE;
	return nts_side_judge(&g->nts, client, cookie, d->octets, d->size);
}

static bool is_right_port(const struct link_datagram *d, uint16_t port)
{
	return d->port == (d->ports ? port % d->ports : port);
}

static void take_reply(struct generator *g, const struct link_datagram *d, uint64_t now)
{
	struct judge_datagram datagram = {.octets = d->octets,
		.size = d->size,
		.received_ns = now - (uint64_t)d->age_ns,
		.client = d->client,
		.from_target = d->from_target};
	struct judge_finding finding;
	uint64_t cookie = 0;

	g->out->octets_received += d->size;
	datagram.t4 = ntp_at(g, datagram.received_ns);
	if (d->size >= NTP_HEADER_SIZE) {
		memcpy(&cookie, d->octets + offsetof(struct ntp_header, origin), sizeof(cookie));
		if (g->settings.garbage_share > 0 && is_garbage_mark(g, cookie)) {
			g->out->garbage_answered++;
			return;
		}
		if (!is_right_port(d, port_of(cookie)))
			datagram.client = LINK_NO_CLIENT;
		if (g->settings.nts_count > 0)
			datagram.nts = judge_nts(g, d, datagram.client, cookie);
	}
	judge_reply(g->judge, &datagram, &finding);
	note(g, &finding);
}

static unsigned receive(struct generator *g)
{
	struct link_datagram datagrams[LINK_BURST];
	const unsigned count = link_receive(g->settings.link, g->settings.core, datagrams);
	const uint64_t now = count ? now_ns() : 0;

	for (unsigned i = 0; i < count; i++)
		if (datagrams[i].kind == LINK_REPLY)
			take_reply(g, &datagrams[i], now);
		else if (datagrams[i].kind == LINK_REFUSED)
			g->out->refused++;
		else
			g->out->foreign++;
	return count;
}

/* The judge's counts are all of one kind, and run on from step to step. */
static void counts_since(
	struct judge_counts *counts, const struct judge_counts *now, const struct judge_counts *before)
{
	enum { WORDS = sizeof(*counts) / sizeof(uint64_t) };
	static_assert(WORDS * sizeof(uint64_t) == sizeof(*counts), "nothing but counters");
	uint64_t a[WORDS], b[WORDS];

	memcpy(a, now, sizeof(a));
	memcpy(b, before, sizeof(b));
	for (unsigned i = 0; i < WORDS; i++)
		a[i] -= b[i];
	memcpy(counts, a, sizeof(a));
}

static void publish(struct generator *g)
{
	const struct result_step *out = g->out;

	counts_since(&g->out->counts, judge_counts(g->judge), &g->before);
	__atomic_store_n(&g->live.sent, out->sent, __ATOMIC_RELAXED);
	__atomic_store_n(&g->live.valid, out->counts.verdict[JUDGE_VALID], __ATOMIC_RELAXED);
	__atomic_store_n(&g->live.wrong, result_wrong(&out->counts), __ATOMIC_RELAXED);
	__atomic_store_n(&g->live.lost, out->counts.lost, __ATOMIC_RELAXED);
}

void generator_live(const struct generator *generator, struct generator_live *live)
{
	live->sent = __atomic_load_n(&generator->live.sent, __ATOMIC_RELAXED);
	live->valid = __atomic_load_n(&generator->live.valid, __ATOMIC_RELAXED);
	live->wrong = __atomic_load_n(&generator->live.wrong, __ATOMIC_RELAXED);
	live->lost = __atomic_load_n(&generator->live.lost, __ATOMIC_RELAXED);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Requests that the schedule had until then: those made, and what a generator that is behind has not come to.
 */
static uint64_t due_until(const struct generator *g, uint64_t ns)
{
	const double rate = g->arrival.settings.rate;
	const uint64_t made = g->out->sent + (g->burst.count - g->burst.first);

	ns = earlier(ns, g->end);
	if (g->left == 0 || ns <= g->next)
		return made;
	return made + (uint64_t)fmin((double)(ns - g->next) * rate / 1e9, (double)g->left);
}

static void end_point(struct generator *g, uint64_t until)
{
	struct series *s = &g->series;
	const struct result_step *out = g->out;
	const struct result_point sums = {
		.due = due_until(g, until),
		.sent = out->sent,
		.valid = out->counts.verdict[JUDGE_VALID],
		.wrong = result_wrong(&out->counts),
		.lost = out->counts.lost,
	};
	const struct result_point point = {
		.at = (double)(s->began - g->start) / 1e9,
		.seconds = (double)(until - s->began) / 1e9,
		.due = sums.due - s->before.due,
		.sent = sums.sent - s->before.sent,
		.valid = sums.valid - s->before.valid,
		.wrong = sums.wrong - s->before.wrong,
		.lost = sums.lost - s->before.lost,
		.p50_ns = distribution_at(&s->latency, 0.5),
		.p99_ns = distribution_at(&s->latency, 0.99),
		.most_ns = s->latency.most,
	};

	result_add_point(g->out, &point);
	s->before = sums;
	s->latency = (struct distribution){0};
	s->began = until;
	s->ends = until + (uint64_t)(s->point_s * 1e9);
}

static void begin_step(struct generator *g, const struct generator_step *step, struct result_step *out)
{
	struct arrival_settings arrival = g->settings.arrival;
	struct timespec wall;
	char text[RESULT_TEXT];

	*out = (struct result_step){.rate_wanted = step->rate};
	g->out = out;
	arrival.rate = step->rate / g->settings.cores;
	arrival.seed = random_next(&g->random);
	/* the settings were looked at when the command line was */
	if (!arrival_init(&g->arrival, &arrival, text, sizeof(text)))
		abort();
	g->before = *judge_counts(g->judge);
	g->burst.first = g->burst.count = 0;
	g->left = step->count ? step->count : UINT64_MAX;
	g->port_full = g->lagging = 0;
	g->nts.reused = 0;
	g->start = now_ns();
	clock_gettime(CLOCK_REALTIME, &wall);
	g->epoch = ntp64_from_timespec(wall);
	g->end = g->start + (uint64_t)(step->seconds * 1e9);
	g->next = g->start + arrival_next(&g->arrival);
	g->series = (struct series){.point_s = step->point_s,
		.began = g->start,
		.ends = g->start + (uint64_t)(step->point_s * 1e9)};
	publish(g);
}

static bool is_stopped(const struct generator *g)
{
	return g->settings.stop && *g->settings.stop;
}

static void keep_house(struct generator *g)
{
	judge_expire(g->judge, g->now, false);
	publish(g);
	if (g->now >= g->series.ends)
		end_point(g, g->now);
}

/* Nothing to do until the next request, unless a reply comes. */
static void wait(struct generator *g, uint64_t until)
{
	uint64_t ns = until > g->now ? until - g->now : 0;

	if (ns >= WAIT_LEAST_NS)
		link_wait(g->settings.link, g->settings.core, ns < WAIT_MOST_NS ? ns : WAIT_MOST_NS);
}

/* Whether the schedule has more, or the port has yet to take what was made. */
static bool has_more(const struct generator *g)
{
	return g->burst.first < g->burst.count || (g->next < g->end && g->left > 0);
}

/* Gives when sending ended: with the schedule, or with the last request where that was later or is all. */
static uint64_t send_all(struct generator *g)
{
	uint64_t house = g->start;

	for (g->now = g->start; g->now < g->end + GRACE_NS && has_more(g) && !is_stopped(g);
		g->now = now_ns()) {
		send_due(g);
		if (receive(g) == 0 && g->burst.first == g->burst.count)
			wait(g, earlier(g->next, g->end));
		if (g->now >= house) {
			keep_house(g);
			house = g->now + HOUSEKEEPING_NS;
		}
	}
	if (is_stopped(g) || g->left == 0)
		return g->now;
	return g->now > g->end ? g->now : g->end;
}

static bool all_are_back(const struct generator *g)
{
	const struct judge_counts *counts = judge_counts(g->judge);

	return counts->asked == counts->answered + counts->lost;
}

static void drain(struct generator *g)
{
	const uint64_t end = now_ns() + (uint64_t)(g->settings.timeout * 1e9);

	for (g->now = now_ns(); g->now < end && !all_are_back(g); g->now = now_ns()) {
		if (receive(g) == 0)
			wait(g, end);
		judge_expire(g->judge, g->now, false);
	}
	judge_expire(g->judge, end, true);
}

static enum result_limit limit_of(const struct generator *g)
{
	if (!result_generator_limited(g->out))
		return RESULT_LIMIT_NONE;
	return g->port_full > g->lagging ? RESULT_LIMIT_PORT : RESULT_LIMIT_CORE;
}

void generator_run(struct generator *g, const struct generator_step *step, struct result_step *out)
{
	uint64_t ended;

	begin_step(g, step, out);
	ended = send_all(g);
	out->seconds = (double)(ended - g->start) / 1e9;
	out->due = due_until(g, ended);
	withdraw(g);
	drain(g);
	publish(g);
	end_point(g, ended > g->series.began ? ended : g->series.began);
	out->cookies_reused = g->nts.reused;
	out->limit = limit_of(g);
	out->stopped = is_stopped(g);
}

static void merge_points(struct result_step *step, const struct result_step *other)
{
	for (unsigned i = 0; i < step->points && i < other->points; i++)
		result_merge_point(&step->point[i], &other->point[i]);
}

static void merge_distributions(struct result_step *step, const struct result_step *other)
{
	distribution_merge(&step->latency, &other->latency);
	distribution_merge(&step->held_up, &other->held_up);
	distribution_merge(&step->residence, &other->residence);
	distribution_merge(&step->offset.negative, &other->offset.negative);
	distribution_merge(&step->offset.positive, &other->offset.positive);
}

void generator_merge(struct result_step *step, const struct result_step *other)
{
	step->seconds = fmax(step->seconds, other->seconds);
	step->due += other->due;
	step->sent += other->sent;
	step->limit = step->limit ? step->limit : other->limit;
	step->garbage += other->garbage;
	step->garbage_answered += other->garbage_answered;
	step->nts_sent += other->nts_sent;
	step->cookies_reused += other->cookies_reused;
	step->tags_checked += other->tags_checked;
	step->refused += other->refused;
	step->foreign += other->foreign;
	step->octets_sent += other->octets_sent;
	step->octets_received += other->octets_received;
	step->stopped |= other->stopped;
	if (step->stratum == 0) {
		step->stratum = other->stratum;
		step->precision = other->precision;
		memcpy(step->refid, other->refid, sizeof(step->refid));
	}
	judge_counts_merge(&step->counts, &other->counts);
	merge_distributions(step, other);
	merge_points(step, other);
}
