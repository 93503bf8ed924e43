#include "control/status.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/clock_json.h"
#include "control/control_socket.h"
#include "control/run_dir.h"
#include "control/show.h"
#include "control/sources_table.h"
#include "control/status_nts.h"
#include "dataplane/counters.h"
#include "dataplane/policy.h"
#include "dataplane/verdict.h"
#include "ntp/client.h"
#include "ntp/shm.h"
#include "refclock/timebase.h"

enum { RATE_INTERVAL_MS = 200 };

/* Everything that is shown, taken at one time; the counters twice, for rates. */
struct view {
	struct timebase timebase;
	struct policy policy;
	struct counters first, second;
	uint64_t now;       /* counter value at the second look */
	double elapsed;     /* seconds between the two */
	json_t *supervisor; /* its answer, or NULL */
	json_t *clock;      /* of control/clock_json.h, or NULL */
};

static const char *const keeper_names[] = {
	[TIMEBASE_KEEPER_NONE] = "nobody",
	[TIMEBASE_KEEPER_CHRONY] = "chronyd",
	[TIMEBASE_KEEPER_NTP] = "NTP server on loopback",
	[TIMEBASE_KEEPER_ADJTIMEX] = "kernel (adjtimex)",
	[TIMEBASE_KEEPER_LOCAL] = "local directive",
	[TIMEBASE_KEEPER_SOURCES] = "sources of its own",
};
static const char *const leap_names[] = {"none", "insert", "delete", "unsynchronised"};
static const char *const path_names[] = {"none", "XDP", "copy", "TAP"};
static const char *const state_names[] = {"starting", "polling", "stopping"};

static const char *name_of(const char *const *names, size_t count, unsigned index)
{
	return index < count ? names[index] : "?";
}

#define NAME_OF(names, index) name_of(names, sizeof(names) / sizeof((names)[0]), index)

static bool read_segments(const char *run_dir, struct view *v, char *text, size_t size)
{
	const struct shm_contract contracts[] = {TIMEBASE_CONTRACT, POLICY_CONTRACT, COUNTERS_CONTRACT};
	static const struct timespec interval = {.tv_nsec = RATE_INTERVAL_MS * 1000000};
	struct shm segments[3] = {0};
	enum shm_error error = SHM_OK;
	uint64_t start;
	size_t i;

	for (i = 0; i < 3 && error == SHM_OK; i++)
		error = shm_open_reader(&segments[i], run_dir, &contracts[i]);
	if (error != SHM_OK) {
		shm_explain(error, run_dir, &contracts[i - 1], text, size);
	} else {
		memcpy(&v->first, shm_body(&segments[2]), sizeof(v->first));
		start = counter_read(COUNTER_MONOTONIC_RAW);
		nanosleep(&interval, NULL);
		memcpy(&v->second, shm_body(&segments[2]), sizeof(v->second));
		v->elapsed = (double)(counter_read(COUNTER_MONOTONIC_RAW) - start) / 1e9;
		shm_read(&segments[1], &v->policy);
		shm_read(&segments[0], &v->timebase);
		v->now = counter_read((enum counter_kind)v->timebase.counter_kind);
	}
	for (i = 0; i < 3; i++)
		shm_close(&segments[i]);
	return error == SHM_OK;
}

/* NULL where the clock daemon says nothing of sources. */
static json_t *read_clock(const char *run_dir)
{
	static struct sources sources;
	char text[512];
	bool missing;
	double age;

	return clock_json_read(run_dir, &sources, &age, &missing, text, sizeof(text))
		       ? clock_json(&sources, age)
		       : NULL;
}

static json_t *refid_json(const struct timebase *tb)
{
	struct client_reply reply = {.stratum = tb->stratum};
	char text[CLIENT_REFID_TEXT];

	memcpy(reply.refid, tb->refid, sizeof(reply.refid));
	client_refid_text(text, &reply);
	return json_string(text);
}

/* Counts a second between the two looks; 0 where another dataplane has begun to count meanwhile. */
static double rate_of(const struct view *v, uint64_t first, uint64_t second)
{
	if (v->first.facts.pid != v->second.facts.pid || second < first || v->elapsed <= 0)
		return 0;
	return (double)(second - first) / v->elapsed;
}

/* Ticks of the counter, in seconds; 0 while no clock daemon has said how long one is. */
static double ticks_to_seconds(const struct view *v, int64_t ticks)
{
	return v->timebase.counter_hz ? (double)ticks / (double)v->timebase.counter_hz : 0;
}

static json_t *timebase_json(const struct view *v)
{
	const struct timebase *tb = &v->timebase;
	const int synchronised = timebase_is_synchronised(tb, v->now);
	const int64_t side = timebase_side(tb, v->now);

	return json_pack(
		"{s:s%, s:s, s:b, s:i, s:o, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:I, s:s, s:b, "
		"s:i, s:f, s:f}",
		"source", tb->source, strnlen(tb->source, sizeof(tb->source)), "keeper",
		NAME_OF(keeper_names, tb->keeper), "synchronised", synchronised, "stratum",
		synchronised ? tb->stratum : NTP_STRATUM_UNSYNC, "refid", refid_json(tb), "leap",
		NAME_OF(leap_names, synchronised ? timebase_leap(tb, side) : NTP_LEAP_UNSYNC), "root_delay",
		ntp32_to_seconds(tb->root_delay), "root_dispersion",
		ntp32_to_seconds(timebase_dispersion(tb, v->now)), "error_bound",
		ntp64_interval_to_seconds((int64_t)timebase_error(tb, v->now)), "age",
		ntp64_interval_to_seconds((int64_t)timebase_age(tb, v->now)), "valid_for",
		ticks_to_seconds(v, (int64_t)(tb->valid_until - v->now)), "frequency_ppm",
		-(double)tb->skew_ppb / 1e3 + 0.0, "window", ntp64_interval_to_seconds((int64_t)tb->window),
		"steps", (int)tb->steps, "updates", (json_int_t)tb->updates, "counter",
		counter_name((enum counter_kind)tb->counter_kind), "silent", tb->serve != TIMEBASE_ANSWER,
		"tai_offset", (int)timebase_tai_offset(tb, side), "leap_in",
		tb->leap_step ? ticks_to_seconds(v, (int64_t)(tb->leap_at - v->now)) : 0.0, "smear",
		ntp64_interval_to_seconds(tb->smear));
}

static json_t *port_json(const struct port_facts *f)
{
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", f->mac[0], f->mac[1], f->mac[2],
		f->mac[3], f->mac[4], f->mac[5]);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:s, s:b, s:b, s:i, s:s}", "interface",
		f->interface, "kernel_interface", f->kernel_name, "driver", f->driver, "mac", mac, "queues",
		f->queues, "mtu", f->mtu, "link_up", f->link_up, "kernel_path",
		NAME_OF(path_names, f->kernel_path), "rx_checksum", f->rx_checksum, "tx_checksum",
		f->tx_checksum, "numa_node", f->numa_node, "remark", f->remark);
}

static json_t *worker_json(const struct view *v, unsigned i)
{
	const struct worker_counters *a = &v->first.worker[i], *b = &v->second.worker[i];
	const uint64_t frames = b->busy_frames;

	return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f}", "cpu",
		b->cpu, "queues", (int)b->queues, "polls", (json_int_t)b->polls, "sleeps",
		(json_int_t)b->sleeps, "rx_frames", (json_int_t)b->rx_frames, "rx_bytes",
		(json_int_t)b->rx_bytes, "tx_frames", (json_int_t)b->tx_frames, "tx_dropped",
		(json_int_t)b->tx_dropped, "to_kernel", (json_int_t)b->to_kernel, "from_kernel",
		(json_int_t)b->from_kernel, "kernel_dropped", (json_int_t)b->kernel_dropped, "rx_rate",
		rate_of(v, a->rx_frames, b->rx_frames), "tx_rate", rate_of(v, a->tx_frames, b->tx_frames),
		"ticks_per_frame", frames ? (double)b->busy_cycles / (double)frames : 0.0, "heartbeat_age",
		ticks_to_seconds(v, (int64_t)(v->now - b->heartbeat)));
}

static json_t *verdicts_json(const struct view *v)
{
	json_t *object = json_object();

	for (unsigned k = 0; k < VERDICT_COUNT; k++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < v->second.facts.workers && i < WORKERS_MAX; i++)
			sum += v->second.worker[i].verdict[k];
		json_object_set_new(object, verdict_info[k].name, json_integer((json_int_t)sum));
	}
	return object;
}

static json_t *addresses_json(const struct policy *policy)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SERVED_SLOTS; i++) {
		const struct served *s = &policy->served[i];
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
		const bool ipv4 = memcmp(s->address, mapped, sizeof(mapped)) == 0;
		char text[INET6_ADDRSTRLEN];

		if (!s->used || !inet_ntop(ipv4 ? AF_INET : AF_INET6, s->address + (ipv4 ? 12 : 0), text,
					sizeof(text)))
			continue;
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *make_json(const struct view *v)
{
	const struct dataplane_facts *f = &v->second.facts;
	json_t *ports = json_array(), *workers = json_array();
	double rate = 0;

	for (unsigned i = 0; i < f->ports && i < PORTS_MAX; i++)
		json_array_append_new(ports, port_json(&f->port[i]));
	for (unsigned i = 0; i < f->workers && i < WORKERS_MAX; i++) {
		json_array_append_new(workers, worker_json(v, i));
		rate += rate_of(v, v->first.worker[i].tx_frames, v->second.worker[i].tx_frames);
	}
	return json_pack("{s:b, s:s, s:O*, s:O*, s:i, s:b, s:s, s:s, s:s, s:f, s:o, s:O*, s:i, s:o, s:o, "
			 "s:o, s:o, s:O*}",
		"ready", json_is_true(json_object_get(v->supervisor, "ready")), "dataplane",
		NAME_OF(state_names, f->state), "daemons", json_object_get(v->supervisor, "daemons"),
		"kernel", json_object_get(v->supervisor, "kernel"), "precision", f->precision, "huge_pages",
		f->huge_pages, "idle", f->idle, "aead", f->aead, "packet_lane", f->packet_lane, "reply_rate",
		rate, "timebase", timebase_json(v), "clock", v->clock, "port", v->policy.ntp_port,
		"addresses", addresses_json(&v->policy), "ports", ports, "workers", workers, "verdicts",
		verdicts_json(v), "nts", json_object_get(v->supervisor, "nts"));
}

static void print_timebase(const json_t *tb)
{
	char a[32], b[32], c[32], d[32];

	const char *source = show_string_of(tb, "source"), *keeper = show_string_of(tb, "keeper");
	const bool own = strcmp(keeper, keeper_names[TIMEBASE_KEEPER_SOURCES]) == 0;

	printf("time       %s, kept by %s; stratum %.0f, refid %s, leap %s\n",
		source[0] ? source : "not known", keeper, show_real_of(tb, "stratum"),
		show_string_of(tb, "refid"), show_string_of(tb, "leap"));
	printf("           root delay %s, root dispersion %s, within %s of %s, %s old\n",
		show_seconds(show_real_of(tb, "root_delay"), a),
		show_seconds(show_real_of(tb, "root_dispersion"), b),
		show_seconds(show_real_of(tb, "error_bound"), c), own ? "true time" : "the kernel clock",
		show_seconds(show_real_of(tb, "age"), d));
	if (show_real_of(tb, "leap_in") > 0)
		printf("           a leap second in %s\n", show_seconds(show_real_of(tb, "leap_in"), a));
	if (show_real_of(tb, "smear") != 0)
		printf("           a leap second is being smeared: %s against UTC\n",
			show_seconds(show_real_of(tb, "smear"), a));
	if (json_is_true(json_object_get(tb, "silent")))
		puts("           silent: the clock is too far off to be served, and nothing is answered");
	printf("           %s, %+.3f ppm, %.0f updates, %.0f steps; trusted for %s more\n",
		show_string_of(tb, "counter"), show_real_of(tb, "frequency_ppm"), show_real_of(tb, "updates"),
		show_real_of(tb, "steps"), show_seconds(show_real_of(tb, "valid_for"), a));
}

static void print_ports(const json_t *root)
{
	const json_t *port, *address;
	size_t i;

	json_array_foreach(json_object_get(root, "ports"), i, port)
	{
		printf("port       %s: %s, %.0f queue%s, MAC %s, link %s, kernel path %s%s%s\n",
			show_string_of(port, "interface"), show_string_of(port, "driver"),
			show_real_of(port, "queues"), show_real_of(port, "queues") > 1 ? "s" : "",
			show_string_of(port, "mac"),
			json_is_true(json_object_get(port, "link_up")) ? "up" : "down",
			show_string_of(port, "kernel_path"), show_string_of(port, "remark")[0] ? "; " : "",
			show_string_of(port, "remark"));
	}
	printf("serving    UDP port %.0f of", show_real_of(root, "port"));
	json_array_foreach(json_object_get(root, "addresses"), i, address)
		printf(" %s", json_string_value(address));
	puts(json_array_size(json_object_get(root, "addresses")) ? "" : " no address");
}

static void print_workers(const json_t *root)
{
	const json_t *worker;
	size_t i;

	json_array_foreach(json_object_get(root, "workers"), i, worker)
	{
		const double queues = show_real_of(worker, "queues");

		printf("worker %-3zu core %.0f, %.0f queue%s; now %.0f/s in, %.0f/s out; %.0f ticks a "
		       "frame\n",
			i, show_real_of(worker, "cpu"), queues, queues > 1 ? "s" : "",
			show_real_of(worker, "rx_rate"), show_real_of(worker, "tx_rate"),
			show_real_of(worker, "ticks_per_frame"));
		printf("           %.0f in, %.0f answered, %.0f not sent, %.0f sleeps\n",
			show_real_of(worker, "rx_frames"), show_real_of(worker, "tx_frames"),
			show_real_of(worker, "tx_dropped"), show_real_of(worker, "sleeps"));
	}
}

/* What the programs in the kernel have counted. */
static void print_kernel(const json_t *root)
{
	const json_t *program;
	double redirected = 0, no_socket = 0, dropped = 0;
	size_t i;

	json_array_foreach(json_object_get(root, "kernel"), i, program)
	{
		redirected += show_real_of(program, "redirected");
		no_socket += show_real_of(program, "no_socket");
		dropped += show_real_of(program, "dropped");
	}
	printf("kernel     %.0f taken by XDP, %.0f left to the kernel for want of a socket, %.0f copies "
	       "dropped\n",
		redirected, no_socket, dropped);
}

static void print_verdicts(const json_t *root)
{
	const json_t *verdicts = json_object_get(root, "verdicts");

	puts("verdicts");
	for (unsigned k = 0; k < VERDICT_COUNT; k++) {
		double n = show_real_of(verdicts, verdict_info[k].name);

		if (n > 0 || k == VERDICT_ANSWERED)
			printf("  %12.0f  %-24s  %s\n", n, verdict_info[k].name, verdict_info[k].meaning);
	}
}

static void print_table(const json_t *root)
{
	const json_t *daemon;
	size_t i;

	printf("tickwire   %s; idle %s; huge pages %s; packets by %s, AEADs by %s\n",
		json_is_true(json_object_get(root, "ready")) ? "ready" : "not ready",
		show_string_of(root, "idle"),
		json_is_true(json_object_get(root, "huge_pages")) ? "yes" : "no",
		show_string_of(root, "packet_lane"), show_string_of(root, "aead"));
	json_array_foreach(json_object_get(root, "daemons"), i, daemon)
		printf("           %-18s pid %.0f, up %.0f s, %.0f restarts\n",
			show_string_of(daemon, "name"), show_real_of(daemon, "pid"),
			show_real_of(daemon, "uptime"), show_real_of(daemon, "restarts"));
	print_timebase(json_object_get(root, "timebase"));
	if (json_array_size(json_object_get(json_object_get(root, "clock"), "sources")) > 0)
		sources_table_clock(stdout, "clock      ", json_object_get(root, "clock"));
	print_ports(root);
	print_workers(root);
	print_kernel(root);
	status_nts_print(json_object_get(root, "nts"), time(NULL));
	print_verdicts(root);
}

/* Workers that keep silent, as the ladder tells them to, are well and answer nobody. */
static bool is_answered(const json_t *root)
{
	return json_is_true(json_object_get(root, "ready")) &&
	       !json_is_true(json_object_get(json_object_get(root, "timebase"), "silent"));
}

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire status [--json] [--run-dir DIR]\n"
	      "What a running tickwire is made of, serves and has counted; as JSON in seconds and plain "
	      "numbers. Needs root.\n"
	      "Exit status: 0 NTP is answered, 1 not ready, silent or not running, 2 wrong call.\n",
		out);
	return status;
}

int status_main(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"run-dir", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	static char reply[CONTROL_REPLY_MAX];
	static struct view view;
	const char *run_dir = RUN_DIR_DEFAULT;
	bool json = false;
	char text[512];
	json_t *root;
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 'r')
			run_dir = optarg;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (optind < argc) {
		fprintf(stderr, "tickwire status: found \"%s\", expected options only\n", argv[optind]);
		return usage(stderr, 2);
	}
	if (!control_ask(run_dir, "status", reply, text, sizeof(text)) ||
		!read_segments(run_dir, &view, text, sizeof(text))) {
		fprintf(stderr, "tickwire: %s\n", text);
		return 1;
	}
	view.supervisor = json_loads(reply, 0, NULL);
	view.clock = read_clock(run_dir);
	status_nts_add_kisses(json_object_get(view.supervisor, "nts"), &view.second);
	root = make_json(&view);
	if (!root) {
		fputs("tickwire: the status cannot be put together: no memory, or a text in it is not "
		      "UTF-8\n",
			stderr);
		return 1;
	}
	if (json) {
		json_dumpf(root, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		puts("");
	} else {
		print_table(root);
	}
	option = is_answered(root) ? 0 : 1;
	json_decref(root);
	json_decref(view.clock);
	json_decref(view.supervisor);
	return option;
}
