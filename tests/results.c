#include "tests/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"

/* Standard normal, of two uniform ones (Box, Muller 1958). */
static double normal(uint64_t *random)
{
	const double radius = sqrt(-2 * log(random_unit(random)));

	return radius * cos(2 * M_PI * random_unit(random));
}

static void add_offset(struct result_offsets *offsets, double ns)
{
	distribution_add(ns < 0 ? &offsets->negative : &offsets->positive, (uint64_t)fabs(ns));
}

/* Latencies of a server that answers within 25 us and sometimes is interrupted; load makes both worse. */
static void measure(struct result_step *step, double load, unsigned samples, uint64_t *random)
{
	for (unsigned i = 0; i < samples; i++) {
		const double late = random_unit(random) < 0.004 ? 12 : 1,
			     held = 300 * exp(0.5 * normal(random));
		const double ns = held + 24000 * (1 + 4 * load * load) * late * exp(0.25 * normal(random));

		distribution_add(&step->latency, (uint64_t)ns);
		distribution_add(&step->held_up, (uint64_t)held);
		distribution_add(&step->residence, (uint64_t)(2400 * exp(0.3 * normal(random))));
		add_offset(&step->offset, 900 + 2500 * normal(random));
	}
}

static void add_points(struct result_step *step, uint64_t *random)
{
	const double seconds = 0.1;

	for (double at = 0; at < step->seconds - 1e-6; at += seconds) {
		const double part = (1 + 0.01 * normal(random)) * seconds / step->seconds;
		struct result_point point = {.at = at, .seconds = seconds};

		point.due = point.sent = (uint64_t)((double)step->sent * part);
		point.lost = (uint64_t)((double)step->counts.lost * part);
		point.valid = point.sent - point.lost;
		point.p50_ns = (uint64_t)((double)distribution_at(&step->latency, 0.5) *
					  (1 + 0.05 * normal(random)));
		point.p99_ns =
			(uint64_t)((double)distribution_at(&step->latency, 0.99) * exp(0.3 * normal(random)));
		point.most_ns = 3 * point.p99_ns;
		result_add_point(step, &point);
	}
}

/* A step against a server that answers no more than `most` a second, from a generator that makes no more
 * than 1.4 M/s. */
static void fill(struct result_step *step, double rate, double seconds, double most, uint64_t *random)
{
	const double sent = fmin(rate, 1.4e6), valid = fmin(sent, most);

	step->rate_wanted = rate;
	step->seconds = seconds;
	step->due = (uint64_t)(rate * seconds);
	step->sent = (uint64_t)(sent * seconds);
	step->limit = rate > sent ? RESULT_LIMIT_PORT : RESULT_LIMIT_NONE;
	step->counts.asked = step->sent;
	step->counts.answered = valid < sent ? (uint64_t)(valid * seconds) : step->sent;
	step->counts.lost = step->sent - step->counts.answered;
	step->counts.verdict[JUDGE_VALID] = step->counts.answered;
	step->octets_sent = 48 * step->sent;
	step->octets_received = 48 * step->counts.answered;
	step->stratum = 2;
	step->precision = -25;
	measure(step, fmin(rate / most, 3), 20000, random);
	add_points(step, random);
}

static void describe(struct result *r)
{
	snprintf(r->command, sizeof(r->command),
		"tickwire bench load 192.0.2.1 --interface eth1 --clients 65536 --from 10.0.0.0/8");
	snprintf(r->started, sizeof(r->started), "2026-01-31T12:00:00Z");
	snprintf(r->target, sizeof(r->target), "192.0.2.1:123");
	snprintf(r->host, sizeof(r->host), "ntp.example.net");
	snprintf(r->interface, sizeof(r->interface), "eth1");
	snprintf(r->driver, sizeof(r->driver), "net_af_xdp");
	snprintf(r->sources, sizeof(r->sources), "10.0.0.0/8");
	snprintf(r->arrival, sizeof(r->arrival), "steady");
	snprintf(r->stamps, sizeof(r->stamps), "the counter, read once a burst");
	r->clients = 65536;
	r->cores = 2;
	r->version = 4;
	r->request_size = 48;
	r->timeout = 1;
	r->machine = (struct result_machine){.cpu = "Example 9000 CPU @ 3.00GHz",
		.kernel = "6.1.0-28-amd64",
		.compiler = "gcc 12.2.0",
		.version = "0.1.0",
		.dpdk = "DPDK 22.11.7",
		.cores = 8,
		.counter_hz = 2994374000,
		.clk_per_tick = 1.13};
}

static void make_load(struct result *r, uint64_t *random)
{
	r->steps = 1;
	fill(&r->step[0], 500000, 10, 498000, random);
	r->step[0].counts.verdict[JUDGE_DUPLICATE] = 3;
	r->step[0].counts.verdict[JUDGE_LATE] = 41;
}

static void make_ramp(struct result *r, uint64_t *random)
{
	r->kind = RESULT_RAMP;
	r->steps = 15;
	for (unsigned i = 0; i < r->steps; i++) {
		r->step[i].at = i * 5.0;
		fill(&r->step[i], 1e5 * (i + 1), 5, 1.05e6, random);
	}
}

/* Doubling, then halving the interval, each rate three times or until it fails. */
static void make_knee(struct result *r, uint64_t *random)
{
	static const double rate[] = {1e5, 2e5, 4e5, 8e5, 16e5, 12e5, 10e5, 9e5, 8.5e5, 8.25e5};
	const double most = 8.6e5;

	r->kind = RESULT_KNEE;
	r->knee = (struct result_knee){
		.found = true, .rate = 8.5e5, .least_failed = 9e5, .loss_bound = 0.001, .repeats = 3};
	for (unsigned i = 0; i < sizeof(rate) / sizeof(rate[0]); i++)
		for (unsigned repeat = 0; repeat < (rate[i] > most ? 1 : 3); repeat++) {
			struct result_step *step = &r->step[r->steps];

			step->at = r->steps * 4.5;
			step->repeat = repeat;
			fill(step, rate[i], 4, most, random);
			step->passed = rate[i] <= most;
			r->steps++;
		}
}

static void make_no_knee(struct result *r, uint64_t *random)
{
	r->kind = RESULT_KNEE;
	r->knee = (struct result_knee){.loss_bound = 0.001, .repeats = 3};
	r->steps = 2;
	fill(&r->step[0], 1e5, 4, 5e4, random);
	fill(&r->step[1], 5.2e4, 4, 5e4, random);
}

static void make_nts(struct result *r, uint64_t *random)
{
	struct result_step *step = &r->step[0];

	make_load(r, random);
	r->nts_share = 0.5;
	r->nts_clients = 1000;
	r->nts_aead = 15;
	r->tag_share = 1;
	r->nts_request_size = 228;
	step->nts_sent = step->sent / 2;
	step->tags_checked = step->counts.answered / 2;
	step->cookies_reused = 12;
	step->counts.verdict[JUDGE_NTS] = 2;
	step->counts.nts[NTS_CLIENT_NAK] = 1;
	step->counts.nts[NTS_CLIENT_FORGED] = 1;
}

static void make_unanswered(struct result *r)
{
	struct result_step *step = &r->step[0];

	r->steps = 1;
	step->rate_wanted = 1000;
	step->seconds = 10;
	step->due = step->sent = step->counts.asked = step->counts.lost = 10000;
	step->refused = 9000;
}

static void make_wrong(struct result *r, uint64_t *random)
{
	struct result_step *step = &r->step[0];
	uint64_t *verdict = step->counts.verdict;

	make_load(r, random);
	verdict[JUDGE_HEADER] = verdict[JUDGE_VALID];
	verdict[JUDGE_VALID] = 0;
	for (unsigned i = 0; i < CLIENT_VERDICT_COUNT; i++)
		step->counts.header[i] = i + 1;
	for (unsigned i = 0; i < JUDGE_VERDICT_COUNT; i++)
		if (i != JUDGE_VALID)
			verdict[i] += 1 + random_next(random) % 1000;
	memset(&step->offset, 0, sizeof(step->offset));
}

static void make_huge(struct result *r, uint64_t *random)
{
	struct result_step *step = &r->step[0];
	const struct result_point point = {0, 1e-9, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, UINT64_MAX,
		UINT64_MAX, UINT64_MAX, UINT64_MAX};

	r->steps = 1;
	step->rate_wanted = 1e18;
	step->seconds = 1e-9;
	step->due = step->sent = step->counts.asked = step->counts.answered = UINT64_C(1) << 63;
	step->counts.verdict[JUDGE_VALID] = UINT64_C(1) << 63;
	step->counts.verdict[JUDGE_DUPLICATE] = UINT64_MAX;
	for (unsigned i = 0; i < 64; i++) {
		distribution_add(&step->latency, UINT64_C(1) << i);
		distribution_add(&step->residence, random_next(random));
		add_offset(&step->offset, i % 2 ? -ldexp(1, (int)i) : ldexp(1, (int)i));
	}
	for (unsigned i = 0; i < 3; i++)
		result_add_point(step, &point);
}

static void fill_text(char *text, size_t size, uint64_t *random)
{
	static const char part[][12] = {"\"", "<script>", "&", "'", "\xff\xfe", "\xc3\xa9", "\xe2\x82\xac",
		"\x1b[31m", "a,b", "\r\n", "word ", "]]>", "-->", "\xed\xa0\x80", "\xc2\x85", "=1+1"};
	size_t used = 0;

	while (used + 1 < size) {
		const char *more = part[random_next(random) % (sizeof(part) / sizeof(part[0]))];

		used += (size_t)snprintf(text + used, size - used, "%s", more);
	}
	text[size - 1] = '\0';
}

static void make_full(struct result *r, uint64_t *random)
{
	make_ramp(r, random);
	for (unsigned i = r->steps; i < RESULT_STEPS_MAX; i++)
		r->step[i] = r->step[i % r->steps];
	r->steps = RESULT_STEPS_MAX;
	fill_text(r->command, sizeof(r->command), random);
	fill_text(r->target, sizeof(r->target), random);
	fill_text(r->host, sizeof(r->host), random);
	fill_text(r->interface, sizeof(r->interface), random);
	fill_text(r->sources, sizeof(r->sources), random);
	fill_text(r->arrival, sizeof(r->arrival), random);
	fill_text(r->stamps, sizeof(r->stamps), random);
	fill_text(r->started, sizeof(r->started), random);
	fill_text(r->machine.cpu, sizeof(r->machine.cpu), random);
	r->remarks = sizeof(r->remark) / sizeof(r->remark[0]);
	for (unsigned i = 0; i < r->remarks; i++)
		fill_text(r->remark[i], sizeof(r->remark[i]), random);
	r->clock_step = -0.5;
}

static void make_one(struct result *r)
{
	struct result_step *step = &r->step[0];

	r->steps = 1;
	step->rate_wanted = 1;
	step->seconds = 1;
	step->due = step->sent = step->counts.asked = step->counts.answered =
		step->counts.verdict[JUDGE_VALID] = 1;
	distribution_add(&step->latency, 1000000);
	add_offset(&step->offset, 0);
}

static void make(struct result *r, enum results_kind kind, uint64_t *random)
{
	switch (kind) {
	case RESULTS_LOAD:
		make_load(r, random);
		break;
	case RESULTS_KNEE:
		make_knee(r, random);
		break;
	case RESULTS_NO_KNEE:
		make_no_knee(r, random);
		break;
	case RESULTS_RAMP:
		make_ramp(r, random);
		break;
	case RESULTS_NTS:
		make_nts(r, random);
		break;
	case RESULTS_UNANSWERED:
		make_unanswered(r);
		break;
	case RESULTS_WRONG:
		make_wrong(r, random);
		break;
	case RESULTS_HUGE:
		make_huge(r, random);
		break;
	case RESULTS_FULL:
		make_full(r, random);
		break;
	case RESULTS_ONE:
		make_one(r);
		break;
	default: /* nothing sent: not even a step */
		break;
	}
}

struct result *results_new(enum results_kind kind, uint64_t seed)
{
	struct result *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->step = calloc(RESULT_STEPS_MAX, sizeof(*r->step));
	if (!r->step)
		abort();
	describe(r);
	make(r, kind, &seed);
	return r;
}

void results_free(struct result *r)
{
	free(r->step);
	free(r);
}
