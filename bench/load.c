#include "bench/load.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "bench/associations.h"
#include "bench/clients.h"
#include "bench/crew.h"
#include "bench/ke_command.h"
#include "bench/load_options.h"
#include "bench/machine.h"
#include "bench/nts_side.h"
#include "bench/report.h"
#include "bench/search.h"
#include "ntp/packet.h"

enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

enum {
	NTS_CLIENTS_DEFAULT = 64,
	KE_PARALLEL = 8,
	LOOK_MS = 20,        /* at the link, the clock and the end of a step */
	PROGRESS_LOOKS = 25, /* a line each half second */
	POINTS = 100,        /* of the time series of a step */
};

#define KE_TIMEOUT 5.0
#define POINT_LEAST 0.1  /* s */
#define STEP_LEAST 0.001 /* s by which a clock has been set, rather than slewed */

struct load {
	struct load_options options;
	struct target target;
	struct population population;
	struct link *link;
	struct crew *crew;
	struct nts_client *nts_clients;
	uint32_t nts_count;
	uint64_t seed;
	double started, clock; /* s: CLOCK_MONOTONIC; CLOCK_REALTIME less it */
	bool failed;           /* the run could not be ended as it was meant */
	struct result result;
};

static volatile sig_atomic_t stop;

static void take_signal(int number)
{
	(void)number;
	stop = 1;
}

/* A second signal ends the program at once. */
static void take_signals(void)
{
	struct sigaction action = {.sa_handler = take_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int complain(int status, const char *text)
{
	fprintf(stderr, "tickwire bench load: %s\n", text);
	return status;
}

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A double has some 0.2 us of today's seconds: enough to see that a clock was set. */
static double clock_now(void)
{
	const double before = seconds_of(CLOCK_MONOTONIC), wall = seconds_of(CLOCK_REALTIME);

	return wall - (before + seconds_of(CLOCK_MONOTONIC)) / 2;
}

__attribute__((format(printf, 2, 3))) static void remark(struct result *result, const char *format, ...)
{
	va_list arguments;

	if (result->remarks == sizeof(result->remark) / sizeof(result->remark[0]))
		return;
	va_start(arguments, format);
	vsnprintf(result->remark[result->remarks++], RESULT_TEXT, format, arguments);
	va_end(arguments);
}

/* As typed, with quotes where a shell would want them. */
static void keep_command(char *command, size_t size, int argc, char **argv)
{
	size_t used = (size_t)snprintf(command, size, "tickwire bench");

	for (int i = 0; i < argc && used < size; i++) {
		const bool plain =
			argv[i][strcspn(argv[i], " \t\n'\"\\$&|;<>()*?[]#~!`{}")] == 0 && argv[i][0];

		used += (size_t)snprintf(command + used, size - used, plain ? " %s" : " '%s'", argv[i]);
	}
}

static void describe(struct load *l)
{
	struct result *r = &l->result;
	const struct load_options *o = &l->options;
	static const char *const arrivals[] = {"steady", "poisson", "pool", "burst"};
	const time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(r->started, sizeof(r->started), "%Y-%m-%dT%H:%M:%SZ", &utc);
	snprintf(r->target, sizeof(r->target), "%s", l->target.text);
	snprintf(r->host, sizeof(r->host), "%s", l->target.host);
	snprintf(r->interface, sizeof(r->interface), "%s", o->interface ? o->interface : "sockets");
	snprintf(r->arrival, sizeof(r->arrival), "%s", arrivals[o->arrival]);
	r->zipf = o->zipf;
	r->version = o->version;
	r->vlan = (unsigned)o->vlan;
	r->nts_share = o->nts ? o->nts_share : 0;
	r->garbage_share = o->garbage;
	r->tag_share = o->tag_share;
	r->timeout = o->timeout;
	r->kind = o->search.kind;
	r->request_size = o->nts && o->nts_share >= 1 ? 0 : NTP_HEADER_SIZE;
}

static void show_keys(void *opaque, unsigned established, unsigned count)
{
	(void)opaque;
	fprintf(stderr, "\r%u of %u clients have keys\033[K", established, count);
}

/* Where to establish keys. */
static bool find_key_server(const struct load *l, struct target *server, char *text, size_t size)
{
	const struct load_options *o = &l->options;

	if (!target_parse(server, o->ke_host ? o->ke_host : l->target.host, (uint16_t)o->ke_port, o->family,
		    text, size))
		return false;
	return target_permit(server, o->owned, text, size);
}

static void note_key_server(struct load *l, const struct associations_result *keys)
{
	const uint16_t port = keys->port ? keys->port : NTP_PORT;

	if (keys->server[0] || port != l->target.port)
		remark(&l->result, "key establishment names %s port %u for NTP; asked is %s all the same",
			keys->server[0] ? keys->server : "the same host", port, l->target.text);
}

/* Before the port is opened: it may take the interface's link down for a while. */
static bool establish_keys(struct load *l, char *text, size_t size)
{
	const struct load_options *o = &l->options;
	struct associations_settings settings = {.ca = o->ca,
		.name = o->name ? o->name : l->target.host,
		.aeads = o->aeads,
		.parallel = KE_PARALLEL,
		.timeout = KE_TIMEOUT,
		.stop = &stop,
		.progress = isatty(STDERR_FILENO) ? show_keys : NULL};
	static struct associations_result keys;
	struct target server;

	if (!o->nts)
		return true;
	if (!find_key_server(l, &server, text, size))
		return false;
	settings.target = &server;
	l->nts_count = o->nts_clients > 0 ? (uint32_t)o->nts_clients : NTS_CLIENTS_DEFAULT;
	if (l->nts_count > l->population.count)
		l->nts_count = l->population.count;
	/* of each core as many */
	l->nts_count = (l->nts_count + o->cpus - 1) / o->cpus * o->cpus;
	l->nts_clients = calloc(l->nts_count, sizeof(*l->nts_clients));
	if (!l->nts_clients) {
		snprintf(text, size, "not enough memory for %u clients with NTS", l->nts_count);
		return false;
	}
	if (!associations_get(l->nts_clients, l->nts_count, &settings, &keys)) {
		snprintf(text, size, "%u of %u clients got keys from %s: %.380s", keys.established,
			l->nts_count, server.text, keys.reason[0] ? keys.reason : "stopped");
		return false;
	}
	for (uint32_t i = 0; i < l->nts_count; i++)
		l->nts_clients[i].no_placeholders = l->nts_clients[i].keep_last = true;
	note_key_server(l, &keys);
	l->result.nts_clients = l->nts_count;
	l->result.nts_aead = keys.aead;
	l->result.nts_request_size =
		(uint16_t)nts_side_size(&(struct nts_side){.clients = l->nts_clients}, 0);
	return true;
}

static bool open_way(struct load *l, char *text, size_t size)
{
	const struct load_options *o = &l->options;
	const struct link_settings settings = {.target = &l->target,
		.population = &l->population,
		.interface = o->interface,
		.driver = o->driver ? o->driver : "auto",
		.cores = o->cpus,
		.cpu = o->cpu,
		.vlan = (uint16_t)o->vlan,
		.has_mac = o->has_mac,
		.mac = {o->mac[0], o->mac[1], o->mac[2], o->mac[3], o->mac[4], o->mac[5]},
		.gateway = o->gateway,
		.verbose = o->verbose};

	if (!link_open(&l->link, &settings, text, size))
		return false;
	l->result.cores = link_cores(l->link);
	if (l->result.cores < o->cpus)
		remark(&l->result, "%u of %u cores make the load: the port has no more queues",
			l->result.cores, o->cpus);
	snprintf(l->result.driver, sizeof(l->result.driver), "%s", link_driver(l->link));
	snprintf(l->result.stamps, sizeof(l->result.stamps), "%s", link_stamps(l->link));
	return true;
}

static bool gather_crew(struct load *l, char *text, size_t size)
{
	const struct load_options *o = &l->options;
	const unsigned cores = link_cores(l->link);
	const struct generator_settings settings = {.link = l->link,
		.cores = cores,
		.population = &l->population,
		.arrival = {.kind = o->arrival,
			.rate = o->rate,
			.peak = o->peak,
			.peak_s = o->peak_s,
			.every_s = o->every_s,
			.burst = (uint32_t)o->burst},
		.version = o->version,
		.echo = o->echo,
		.nts_clients = l->nts_clients,
		.nts_count = l->nts_count - l->nts_count % cores,
		.nts_share = o->nts ? o->nts_share : 0,
		.tag_share = o->tag_share,
		.garbage_share = o->garbage,
		.timeout = o->timeout,
		.offset_limit = o->offset_limit,
		.rate_most = o->rate,
		.seed = l->seed,
		.stop = &stop};

	l->crew = crew_new(&settings, o->cpu, text, (unsigned)size);
	return l->crew != NULL;
}

/* 0, or an exit status with a sentence in text[size]. */
static int choose_clients(struct load *l, char *text, size_t size)
{
	const struct load_options *o = &l->options;
	const struct clients_settings clients = {.target = &l->target,
		.interface = o->interface,
		.from = o->from,
		.count = (uint32_t)o->clients,
		.zipf = o->zipf};
	const enum clients_result chosen = clients_choose(
		&l->population, &clients, l->result.sources, sizeof(l->result.sources), text, size);

	if (chosen != CLIENTS_CHOSEN)
		return chosen == CLIENTS_WRONG ? EXIT_USAGE : EXIT_WRONG;
	l->result.clients = l->population.count;
	if (l->population.count >= o->cpus)
		return 0;
	snprintf(text, size, "%u cores for %u clients: expected a client for each core at least", o->cpus,
		l->population.count);
	return EXIT_USAGE;
}

static bool prepare(struct load *l, char *text, size_t size)
{
	l->result.step = calloc(RESULT_STEPS_MAX, sizeof(*l->result.step));
	if (!l->result.step) {
		snprintf(text, size, "not enough memory");
		return false;
	}
	return establish_keys(l, text, size) && open_way(l, text, size) && gather_crew(l, text, size);
}

static void show_progress(const struct load *l, const struct generator_live *before, double rate)
{
	struct generator_live live;
	const double per_s = 1000.0 / (LOOK_MS * PROGRESS_LOOKS);

	crew_live(l->crew, &live);
	fprintf(stderr, "\r%7.1f s  rate %.4g/s  sent %.4g/s  valid %.4g/s  wrong %llu  lost %llu\033[K",
		seconds_of(CLOCK_MONOTONIC) - l->started, rate, (double)(live.sent - before->sent) * per_s,
		(double)(live.valid - before->valid) * per_s, (unsigned long long)live.wrong,
		(unsigned long long)live.lost);
}

static void watch_clock(struct load *l)
{
	const double off = clock_now() - l->clock;

	if (fabs(off) > STEP_LEAST && fabs(off) > fabs(l->result.clock_step)) {
		l->result.clock_step = off;
		remark(&l->result,
			"this host's clock was set by %.6f s during the load: offsets of that step are "
			"from the clock as it was",
			off);
	}
}

/* A link that is down ends the load: what would be sent is lost on the way, and says nothing of the server.
 */
static void watch_link(struct load *l)
{
	char text[RESULT_TEXT];

	if (l->failed || link_is_up(l->link, text, sizeof(text)))
		return;
	l->failed = true;
	stop = 1;
	remark(&l->result, "%s", text);
	complain(0, text);
}

static void watch_step(struct load *l, double rate)
{
	const bool terminal = isatty(STDERR_FILENO);
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	struct generator_live before = {0};

	for (unsigned looks = 1; crew_is_busy(l->crew); looks++) {
		nanosleep(&pause, NULL);
		watch_clock(l);
		watch_link(l);
		if (terminal && looks % PROGRESS_LOOKS == 0) {
			show_progress(l, &before, rate);
			crew_live(l->crew, &before);
		}
	}
	if (terminal)
		fputs("\r\033[K", stderr);
}

static bool do_step(struct load *l, double rate, struct result_step *step, char *text, unsigned size)
{
	const struct load_options *o = &l->options;
	const struct generator_step settings = {.rate = rate,
		.seconds = o->seconds,
		.count = (uint64_t)o->count,
		.point_s = fmax(o->seconds / POINTS, POINT_LEAST)};
	const double at = seconds_of(CLOCK_MONOTONIC) - l->started;

	if (!crew_start(l->crew, &settings, text, size))
		return false;
	watch_step(l, rate);
	crew_finish(l->crew, step);
	step->at = at;
	step->rate_wanted = rate;
	return true;
}

static bool run(struct load *l, char *text, unsigned size)
{
	struct result *r = &l->result;
	struct search search;
	unsigned repeat;
	double rate;

	search_init(&search, &l->options.search);
	l->started = seconds_of(CLOCK_MONOTONIC);
	l->clock = clock_now();
	while (!stop && search_next(&search, &rate, &repeat)) {
		if (!do_step(l, rate, &r->step[r->steps], text, size))
			return false;
		search_take(&search, &r->step[r->steps++]);
	}
	r->stopped = stop && !l->failed;
	if (link_missed(l->link) > 0)
		remark(r,
			"%llu replies came and were lost on this side, for want of room: they count "
			"as lost, though the server answered",
			(unsigned long long)link_missed(l->link));
	if (r->kind == RESULT_KNEE)
		search_knee(&search, &r->knee);
	return true;
}

static bool write_file(const struct result *r, const char *path, int (*report)(FILE *, const struct result *))
{
	FILE *out = fopen(path, "we");
	const bool good = out && report(out, r) == 0 && fflush(out) == 0;
	const int error = errno;

	if (out && fclose(out) != 0)
		return false;
	errno = error;
	return good;
}

/* A report that cannot be written is no reason to lose the others. */
static bool write_reports(struct load *l)
{
	const struct load_options *o = &l->options;
	struct result *r = &l->result;
	bool good = true;

	if (o->csv && !write_file(r, o->csv, report_csv)) {
		fprintf(stderr, "tickwire bench load: --csv %s: %s\n", o->csv, strerror(errno));
		good = false;
	}
	if (o->html && !write_file(r, o->html, report_html)) {
		fprintf(stderr, "tickwire bench load: --html %s: %s\n", o->html, strerror(errno));
		good = false;
	}
	good &= (o->json ? report_json(stdout, r) : report_table(stdout, r)) == 0;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "tickwire bench load: standard output: %s\n", strerror(errno));
		good = false;
	}
	return good;
}

static bool is_all_right(const struct load *l)
{
	uint64_t answered = 0, wrong = 0;

	for (unsigned i = 0; i < l->result.steps; i++) {
		answered += l->result.step[i].counts.answered;
		wrong += result_wrong(&l->result.step[i].counts) + l->result.step[i].garbage_answered;
	}
	return answered > 0 && !l->failed && (wrong == 0 || l->options.echo);
}

static void clean_up(struct load *l)
{
	crew_free(l->crew);
	link_close(l->link);
	if (l->nts_clients)
		OPENSSL_cleanse(l->nts_clients, l->nts_count * sizeof(*l->nts_clients));
	free(l->nts_clients);
	free(l->result.step);
}

/* Found out before the load, and not after it. */
static bool is_writable(const char *option, const char *path, char *text, size_t size)
{
	FILE *out = path ? fopen(path, "ae") : NULL;

	if (path && !out)
		snprintf(text, size, "%s %.200s: %s", option, path, strerror(errno));
	if (out)
		fclose(out);
	return !path || out;
}

static int load(struct load *l)
{
	const struct load_options *o = &l->options;
	char text[512] = "";
	int status;

	if (!target_parse(&l->target, o->target, NTP_PORT, o->family, text, sizeof(text)) ||
		!target_permit(&l->target, o->owned, text, sizeof(text)) ||
		!is_writable("--csv", o->csv, text, sizeof(text)) ||
		!is_writable("--html", o->html, text, sizeof(text)))
		return complain(EXIT_USAGE, text);
	describe(l);
	l->seed = (uint64_t)o->seed;
	if (!o->seed_given && getrandom(&l->seed, sizeof(l->seed), 0) != sizeof(l->seed))
		l->seed = (uint64_t)(seconds_of(CLOCK_REALTIME) * 1e9);
	take_signals();
	status = choose_clients(l, text, sizeof(text));
	if (status)
		return complain(status, text);
	if (!prepare(l, text, sizeof(text)) || !run(l, text, sizeof(text))) {
		status = complain(EXIT_WRONG, text);
	} else {
		machine_describe(&l->result.machine, o->interface ? link_dpdk_version() : NULL);
		status = write_reports(l) && is_all_right(l) ? EXIT_RIGHT : EXIT_WRONG;
	}
	clean_up(l);
	return status;
}

/* `--ke C` is another name for the storm of key establishments. */
static int storm(const struct load_options *o)
{
	char name[TARGET_HOST], host[TARGET_HOST], target[TARGET_HOST + 16], text[RESULT_TEXT];
	struct ke_options ke = {.target = target,
		.ca = o->ca,
		.csv = o->csv,
		.family = o->family,
		.connections = (unsigned)o->ke,
		.count = (uint64_t)o->count,
		.seconds = o->seconds,
		.timeout = o->timeout_given ? o->timeout : KE_TIMEOUT,
		.rate = o->rate_given ? o->rate : 0,
		.arrival = o->arrival,
		.aeads = o->aeads,
		.json = o->json,
		.owned = o->owned};
	uint16_t port;

	if (!target_split(o->target, NTP_PORT, name, &port, text, sizeof(text)) ||
		!target_split(o->ke_host ? o->ke_host : o->target, NTP_PORT, host, &port, text, sizeof(text)))
		return complain(EXIT_USAGE, text);
	/* as for the keys of a load with NTS, whoever hands them out */
	ke.name = o->name ? o->name : name;
	snprintf(target, sizeof(target), strchr(host, ':') ? "[%s]:%.0f" : "%s:%.0f", host, o->ke_port);
	return ke_run(&ke);
}

int load_command(int argc, char **argv)
{
	static struct load l;

	/* before getopt changes their order */
	keep_command(l.result.command, sizeof(l.result.command), argc, argv);
	if (!load_options_parse(&l.options, argc, argv))
		return EXIT_USAGE;
	if (l.options.help) {
		load_options_help();
		return EXIT_RIGHT;
	}
	if (l.options.ke > 0)
		return storm(&l.options);
	return load(&l);
}
