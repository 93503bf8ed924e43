/*
 * `tickwire bench micro`: core clocks per packet of the pure path, from frame to reply in memory, and of its
 * stages. A run answers a few bursts whose frames lie in the first-level cache; they are all laid out before
 * the clock starts, so that no load meets a store that has yet to leave the core. The figure is the least of
 * many short runs; beside it stands the spread, how far nine tenths of them stayed of it.
 */
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bench/clocks.h"
#include "bench/cpu_name.h"
#include "bench/micro.h"
#include "bench/micro_nts.h"
#include "dataplane/answer.h"
#include "dataplane/packet_lane.h"
#include "refclock/counter.h"
#include "tests/golden.h"

enum {
	BURST = 32,
	BURSTS = 4, /* of a run: 128 frames in 16 KiB */
	FRAMES = BURST * BURSTS,
	CELL = 128, /* octets for a frame, as aligned as in an mbuf */
	ROUNDS = 20,
	RUNS_DEFAULT = 200, /* of a subject in a round */
	RUNS_LEAST = 25,
	NTS_SHARE = 8, /* a burst of NTS takes a hundred times as long, and gets fewer runs */
	PRECISION = -25,
	LANES_MAX = 4,
	NAME = 32,
};

enum work { WORK_PLAIN, WORK_CLASSIFY, WORK_ANSWER, WORK_PREPARE, WORK_TIMEBASE };

/* What is timed, and over which frames: bits of these. */
enum { KIND_V4 = 1, KIND_V6 = 2, KIND_VLAN_V4 = 4, KIND_VLAN_V6 = 8, KIND_MIX = 15 };

enum { CHECKED = PACKET_IP_CHECKSUM_GOOD | PACKET_UDP_CHECKSUM_GOOD };

static const struct subject {
	const char *name;
	enum work work;
	unsigned kinds;
	uint8_t flags; /* of every packet */
	bool offload;  /* the port makes checksums, too */
} subjects[] = {
	{"plain/v4", WORK_PLAIN, KIND_V4, CHECKED, false},
	{"plain/v6", WORK_PLAIN, KIND_V6, CHECKED, false},
	{"plain/vlan", WORK_PLAIN, KIND_VLAN_V4, CHECKED, false},
	{"plain/mix", WORK_PLAIN, KIND_MIX, CHECKED, false},
	{"plain/v4+verify", WORK_PLAIN, KIND_V4, 0, false},
	{"plain/v6+verify", WORK_PLAIN, KIND_V6, 0, false},
	{"plain/vlan+verify", WORK_PLAIN, KIND_VLAN_V4, 0, false},
	{"plain/mix+verify", WORK_PLAIN, KIND_MIX, 0, false},
	{"plain/v4+offload", WORK_PLAIN, KIND_V4, CHECKED, true},
	{"plain/mix+offload", WORK_PLAIN, KIND_MIX, CHECKED, true},
	{"classify/v4", WORK_CLASSIFY, KIND_V4, CHECKED, false},
	{"classify/v6", WORK_CLASSIFY, KIND_V6, CHECKED, false},
	{"classify/vlan", WORK_CLASSIFY, KIND_VLAN_V4, CHECKED, false},
	{"classify/mix", WORK_CLASSIFY, KIND_MIX, CHECKED, false},
	{"answer/v4", WORK_ANSWER, KIND_V4, CHECKED, false},
	{"answer/v6", WORK_ANSWER, KIND_V6, CHECKED, false},
	{"answer/vlan", WORK_ANSWER, KIND_VLAN_V4, CHECKED, false},
	{"answer/mix", WORK_ANSWER, KIND_MIX, CHECKED, false},
	{"reply-prepare", WORK_PREPARE, KIND_V4, CHECKED, false}, /* once a burst; given per packet */
	{"timebase", WORK_TIMEBASE, KIND_V4, CHECKED, false},
};

enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]), ROWS_MAX = SUBJECTS * LANES_MAX };

/* A subject by one packet lane, whose name follows that of the subject but for the generic one. Those that no
 * lane has a part in are there once. */
static struct row {
	const struct subject *subject;
	const struct packet_lane *lane;
	char name[NAME];
} rows[ROWS_MAX];

static unsigned row_count;

static bool is_of_lanes(const struct subject *s)
{
	return s->work == WORK_PLAIN || s->work == WORK_CLASSIFY || s->work == WORK_ANSWER;
}

static void make_rows(void)
{
	const struct packet_lane *generic = packet_lane_find("generic");

	for (unsigned s = 0; s < SUBJECTS; s++) {
		rows[row_count] = (struct row){.subject = &subjects[s], .lane = generic};
		snprintf(rows[row_count++].name, NAME, "%s", subjects[s].name);
		for (unsigned l = 0; is_of_lanes(&subjects[s]) && packet_lanes[l] != generic; l++) {
			if (!packet_lanes[l]->supported())
				continue;
			rows[row_count] = (struct row){.subject = &subjects[s], .lane = packet_lanes[l]};
			snprintf(rows[row_count++].name, NAME, "%s@%s", subjects[s].name,
				packet_lanes[l]->name);
		}
	}
}

struct bed {
	_Alignas(64) uint8_t cell[FRAMES][CELL];
	_Alignas(64) uint8_t template[FRAMES][CELL];
	struct packet packet[FRAMES];
	uint16_t length[FRAMES];
	struct policy policy;
	struct timebase timebase;
	uint64_t random;
};

static struct bed bed;

/* splitmix64 (Steele et al. 2014), the same each time. */
static uint64_t next_random(void)
{
	uint64_t z = bed.random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Requests as they come: each from another client. */
static void make_frame(unsigned i, unsigned kinds)
{
	static uint8_t frame[GOLDEN_FRAME_MAX];
	unsigned kind;
	char from[40];
	struct golden_shape shape = {.from = from,
		.from_port = (uint16_t)(1024 + next_random() % 64000),
		.poll = (int8_t)(6 + next_random() % 5),
		.transmit = next_random()};

	do
		kind = 1U << next_random() % 4;
	while (!(kind & kinds));
	shape.ipv6 = kind & (KIND_V6 | KIND_VLAN_V6);
	shape.tags = kind & (KIND_VLAN_V4 | KIND_VLAN_V6) ? 1 : 0;
	snprintf(from, sizeof(from), shape.ipv6 ? "2001:db8:c::%x" : "192.0.2.%u",
		(unsigned)(1 + next_random() % 250));
	bed.length[i] = golden_build(&shape, frame);
	memcpy(bed.template[i], frame, bed.length[i]);
}

static void make_frames(unsigned kinds)
{
	bed.random = 1;
	for (unsigned i = 0; i < FRAMES; i++)
		make_frame(i, kinds);
}

/* The requests as they were, in the cache and out of the store buffer. */
static void lay_out(uint8_t flags)
{
	memcpy(bed.cell, bed.template, sizeof(bed.cell));
	for (unsigned i = 0; i < FRAMES; i++)
		bed.packet[i] = (struct packet){.data = bed.cell[i], .length = bed.length[i], .flags = flags};
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void prepare(struct reply *reply, const struct subject *s, uint64_t received)
{
	reply_prepare(reply, &bed.timebase, &bed.policy, PRECISION, s->offload, received, received + 900,
		received * 77);
}

static void plain(const struct row *row, uint64_t received)
{
	for (unsigned b = 0; b < BURSTS; b++) {
		struct reply reply;

		row->lane->classify(&bed.policy, &bed.packet[b * BURST], BURST);
		prepare(&reply, row->subject, received + b);
		row->lane->answer(&reply, &bed.packet[b * BURST], BURST);
	}
}

static void classify_all(const struct packet_lane *lane)
{
	for (unsigned b = 0; b < BURSTS; b++)
		lane->classify(&bed.policy, &bed.packet[b * BURST], BURST);
}

/* A conversion after the other, each of another counter value. */
static void convert_all(uint64_t received)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t counter = received + i;

		__asm__ volatile("" : "+r"(counter));
		sum += timebase_time(&bed.timebase, counter);
	}
	__asm__ volatile("" ::"r"(sum));
}

static uint64_t timed(const struct row *row)
{
	const struct subject *s = row->subject;
	struct reply reply;
	uint64_t start;

	prepare(&reply, s, 0);
	start = counter_read_ordered(COUNTER_CPU);
	switch (s->work) {
	case WORK_PLAIN:
		plain(row, start);
		break;
	case WORK_CLASSIFY:
		classify_all(row->lane);
		break;
	case WORK_ANSWER:
		for (unsigned b = 0; b < BURSTS; b++)
			row->lane->answer(&reply, &bed.packet[b * BURST], BURST);
		break;
	case WORK_PREPARE:
		for (unsigned b = 0; b < BURSTS; b++)
			prepare(&reply, s, start + b);
		break;
	case WORK_TIMEBASE:
		convert_all(start);
		break;
	}
	return counter_read_ordered(COUNTER_CPU) - start;
}

static uint64_t run(const struct row *row)
{
	lay_out(row->subject->flags);
	if (row->subject->work == WORK_ANSWER) {
		classify_all(row->lane);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return timed(row);
}

static bool all_answered(const struct row *row)
{
	lay_out(row->subject->flags);
	classify_all(row->lane);
	for (unsigned i = 0; i < FRAMES; i++)
		if (bed.packet[i].verdict != VERDICT_ANSWERED)
			return false;
	return true;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct timing {
	const char *name;
	uint64_t *ticks; /* of all runs, in rounds over all subjects */
	unsigned runs, frames;
	double clk, ns, spread;
};

enum { RESULTS_MAX = ROWS_MAX + MICRO_NTS_SUBJECTS_MAX };

static unsigned nts_runs(unsigned runs)
{
	return runs / NTS_SHARE < RUNS_LEAST ? RUNS_LEAST : runs / NTS_SHARE;
}

static void add(struct timing *result, uint64_t ticks)
{
	result->ticks[result->runs++] = ticks;
}

/* All subjects in turn, over and over, so that all see the same machine. Gives clocks per tick: like the
 * runs', the best. */
static double measure(struct timing *results, unsigned runs)
{
	double clk = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		const double factor = clocks_per_tick();

		clk = factor > clk ? factor : clk;
		for (unsigned s = 0; s < row_count; s++) {
			make_frames(rows[s].subject->kinds);
			if (!all_answered(&rows[s])) {
				fprintf(stderr, "tickwire bench micro: %s: not all requests are answered\n",
					rows[s].name);
				exit(1);
			}
			for (unsigned r = 0; r < runs; r++)
				add(&results[s], run(&rows[s]));
		}
		for (unsigned s = 0; s < micro_nts_subjects(); s++)
			for (unsigned r = 0; r < nts_runs(runs); r++)
				add(&results[row_count + s], micro_nts_run(s));
	}
	return clk;
}

static void evaluate(struct timing *result, double clk, double hz)
{
	double least;

	qsort(result->ticks, result->runs, sizeof(uint64_t), by_value);
	least = (double)result->ticks[0];
	result->clk = least * clk / result->frames;
	result->ns = least / hz * 1e9 / result->frames;
	result->spread = ((double)result->ticks[result->runs * 9ULL / 10] - least) / least;
}

static void print_table(const struct timing *results, unsigned count, double clk, double hz)
{
	char cpu[128];

	cpu_name(cpu, sizeof(cpu));
	printf("%s, core at %.2f GHz, counter at %.2f GHz; bursts of %d, least of %u runs (nts: %u)\n", cpu,
		clk * hz / 1e9, hz / 1e9, BURST, results[0].runs, results[count - 1].runs);
	printf("%-24s %10s %10s %8s\n", "per packet", "clk", "ns", "spread");
	for (unsigned s = 0; s < count; s++)
		printf("%-24s %10.1f %10.2f %7.0f%%\n", results[s].name, results[s].clk, results[s].ns,
			100 * results[s].spread);
}

static int print_json(const struct timing *results, unsigned count, double clk, double hz)
{
	json_t *list = json_array(), *root;
	char cpu[128];
	int status;

	cpu_name(cpu, sizeof(cpu));
	for (unsigned s = 0; s < count; s++)
		json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:i, s:f}", "name", results[s].name,
						    "clk", results[s].clk, "ns", results[s].ns, "runs",
						    (int)results[s].runs, "spread", results[s].spread));
	root = json_pack("{s:{s:s, s:f, s:f, s:s}, s:f, s:o}", "machine", "cpu", cpu, "core_hz", clk * hz,
		"counter_hz", hz, "compiler", __VERSION__, "clk_per_tsc", clk, "results", list);
	status = root && json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0 ? 0 : 1;
	putchar('\n');
	json_decref(root);
	return status;
}

/* To the core that it is on: another has another cache, and perhaps another counter. */
static bool pin(void)
{
	const int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : (unsigned)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static int usage(FILE *out)
{
	fputs("usage: tickwire bench micro [--json] [--runs N]\n"
	      "Core clocks per packet of the path from request to reply in memory, by stage: the least of N "
	      "runs (default\n"
	      "200, 25 to 100000) of each stage in each of 20 rounds, on the core that it is started on "
	      "(taskset -c).\n",
		out);
	return out == stdout ? 0 : 2;
}

int micro_command(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"runs", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	static struct timing results[RESULTS_MAX];
	unsigned long runs = RUNS_DEFAULT;
	unsigned count;
	bool json = false;
	double clk, hz;
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout);
		if (option == 'j')
			json = true;
		else if (option != 'r' || (runs = strtoul(optarg, NULL, 10)) < RUNS_LEAST || runs > 100000)
			return usage(stderr);
	}
	if (optind != argc)
		return usage(stderr);
	if (counter_best() != COUNTER_CPU || !pin()) {
		fputs("tickwire bench micro: needs an invariant counter of the CPU's, and to stay on one "
		      "core\n",
			stderr);
		return 1;
	}
	golden_policy(&bed.policy);
	golden_timebase(&bed.timebase);
	if (!micro_nts_prepare(&bed.policy, &bed.timebase)) {
		fputs("tickwire bench micro: nts: not all requests are answered\n", stderr);
		return 1;
	}
	make_rows();
	count = row_count + micro_nts_subjects();
	for (unsigned s = 0; s < count; s++) {
		results[s].name = s < row_count ? rows[s].name : micro_nts_name(s - row_count);
		results[s].frames = s < row_count ? FRAMES : MICRO_NTS_FRAMES;
		if (!(results[s].ticks = calloc(ROUNDS * runs, sizeof(uint64_t))))
			return 1;
	}
	clk = measure(results, (unsigned)runs);
	hz = clocks_hz();
	for (unsigned s = 0; s < count; s++)
		evaluate(&results[s], clk, hz);
	if (json)
		return print_json(results, count, clk, hz);
	print_table(results, count, clk, hz);
	return 0;
}
