/*
 * tickwire-metrics: the page of control/metrics_page.h for Prometheus, by HTTP. It maps what the others share
 * for reading, and changes nothing. One thread.
 */
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "control/metrics_http.h"
#include "control/metrics_page.h"
#include "control/monotonic.h"
#include "control/stop_signal.h"
#include "dataplane/log.h"
#include "dataplane/sandbox.h"
#include "refclock/counter.h"
#include "tickwire_build.h"

enum { NICENESS = 10 /* a scrape on a worker's core takes little from it */ };

struct options {
	const char *run_dir, *user;
	int listener;
	enum sandbox_mode seccomp;
	bool verbose;
};

struct page {
	struct shm timebase, sources, counters, instance;
	bool told; /* that it does not fit */
	char text[METRICS_PAGE_SIZE];
};

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire-metrics --run-dir DIR --listener FD [OPTION]...\n"
	      "Serves metrics of a running tickwire at /metrics. `tickwire run` starts it.\n"
	      "\n"
	      "  --run-dir DIR    where the segments are\n"
	      "  --listener FD    a listening socket that is open\n"
	      "  --user NAME      user to become (default _tickwire, else nobody)\n"
	      "  --seccomp MODE   kill, errno or off (default kill)\n"
	      "  --verbose        say more\n"
	      "  --help           this text\n",
		out);
	return status;
}

enum { OPTION_RUN_DIR = 256, OPTION_LISTENER, OPTION_USER, OPTION_SECCOMP, OPTION_VERBOSE, OPTION_HELP };

static bool parse_listener(struct options *o, const char *argument)
{
	char *end;
	const long n = strtol(argument, &end, 10);

	o->listener = end != argument && !*end && n > STDERR_FILENO && n <= INT16_MAX ? (int)n : -1;
	if (o->listener < 0)
		log_error("--listener %s: expected the number of an open descriptor", argument);
	return o->listener >= 0;
}

static bool parse_option(struct options *o, int option, const char *argument)
{
	bool ok = option != '?';

	if (option == OPTION_RUN_DIR)
		o->run_dir = argument;
	else if (option == OPTION_USER)
		o->user = argument;
	else if (option == OPTION_LISTENER)
		ok = parse_listener(o, argument);
	else if (option == OPTION_VERBOSE)
		o->verbose = true;
	else if (option == OPTION_SECCOMP && !(ok = sandbox_parse_mode(argument, &o->seccomp)))
		log_error("--seccomp %s: expected kill, errno or off", argument);
	return ok;
}

/* -1 to go on, else the status to exit with. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
		{"listener", required_argument, NULL, OPTION_LISTENER},
		{"user", required_argument, NULL, OPTION_USER},
		{"seccomp", required_argument, NULL, OPTION_SECCOMP},
		{"verbose", no_argument, NULL, OPTION_VERBOSE},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == OPTION_HELP)
			return usage(stdout, EX_OK);
		if (!parse_option(o, option, optarg))
			return usage(stderr, EX_USAGE);
	}
	if (optind == argc && o->run_dir && o->listener >= 0)
		return -1;
	log_error(optind < argc ? "unexpected argument"
		  : o->run_dir  ? "--listener is missing"
				: "--run-dir is missing");
	return usage(stderr, EX_USAGE);
}

static bool is_listening(int fd, char *text, size_t size)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening &&
		fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return true;
	snprintf(text, size, "--listener %d: expected a listening socket; `tickwire run` gives one", fd);
	return false;
}

static bool map_segments(struct page *page, const char *run_dir, char *text, size_t size)
{
	const struct shm_contract contracts[] = {TIMEBASE_CONTRACT, COUNTERS_CONTRACT, INSTANCE_CONTRACT};
	struct shm *const segments[] = {&page->timebase, &page->counters, &page->instance};

	for (size_t i = 0; i < sizeof(contracts) / sizeof(contracts[0]); i++) {
		const enum shm_error error = shm_open_reader(segments[i], run_dir, &contracts[i]);

		if (error == SHM_OK)
			continue;
		shm_explain(error, run_dir, &contracts[i], text, size);
		return false;
	}
	/* Without `refclock` there is none. */
	(void)shm_open_reader(&page->sources, run_dir, &SOURCES_CONTRACT);
	return true;
}

static void copy_counters(const struct counters *from, struct counters *to)
{
	const unsigned workers = from->facts.workers < WORKERS_MAX ? from->facts.workers : WORKERS_MAX;

	memcpy(&to->facts, &from->facts, sizeof(to->facts));
	to->facts.workers = workers;
	for (unsigned i = 0; i < workers; i++) {
		const uint64_t *word = (const uint64_t *)(const void *)&from->worker[i];
		uint64_t *copy = (uint64_t *)(void *)&to->worker[i];

		for (size_t k = 0; k < sizeof(to->worker[i]) / sizeof(*word); k++)
			copy[k] = counter_get(&word[k]);
	}
}

/* metrics_http_page */
static const char *make_page(void *opaque, size_t *size)
{
	static struct timebase timebase;
	static struct sources sources;
	static struct counters counters;
	static struct instance instance;
	struct page *page = opaque;
	struct metrics_out out = {.text = page->text, .size = sizeof(page->text)};
	struct metrics_view view = {.version = TICKWIRE_VERSION, .counters = &counters};

	copy_counters(shm_body(&page->counters), &counters);
	if (shm_read(&page->instance, &instance) != 0)
		view.instance = &instance;
	if (page->sources.head && shm_read(&page->sources, &sources) != 0) {
		const uint64_t now = counter_read((enum counter_kind)sources.counter_kind);
		const double age = (double)(int64_t)(now - sources.counter) / sources.counter_hz;

		view.sources = &sources;
		view.sources_age = age > 0 ? age : 0;
	}
	if (shm_read(&page->timebase, &timebase) != 0) {
		view.timebase = &timebase;
		view.now = counter_read((enum counter_kind)timebase.counter_kind);
	}
	metrics_page(&out, &view);
	if (out.full && !page->told)
		log_error("the page takes more than the %d octets that there are for it",
			(int)METRICS_PAGE_SIZE);
	page->told |= out.full;
	*size = out.used;
	return out.full ? NULL : page->text;
}

static bool confine(
	const struct options *o, const struct sandbox_user *user, pid_t parent, char *text, size_t size)
{
	static const struct sandbox_rule rules[] = {
		{SCMP_SYS(accept4), -1, 0},
		{SCMP_SYS(epoll_ctl), -1, 0},
		{SCMP_SYS(recvfrom), -1, 0},
		{SCMP_SYS(sendmsg), -1, 0},
		{SCMP_SYS(sendto), -1, 0},
		{SCMP_SYS(setsockopt), 1, IPPROTO_TCP},
		{SCMP_SYS(shutdown), -1, 0},
	};

	if (!sandbox_drop_privileges(user, NULL, 0, text, size))
		return false;
	/* Nobody of the same user looks into what is mapped. */
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	/* Becoming another user has cleared it. */
	if (!sandbox_follow_parent(parent)) {
		snprintf(text, size, "the supervisor has ended");
		return false;
	}
	return sandbox_filter(o->seccomp, rules, sizeof(rules) / sizeof(rules[0]), text, size);
}

static struct metrics_http *start(
	struct page *page, const struct options *o, pid_t parent, char *text, size_t size)
{
	struct sandbox_user user;
	struct metrics_http *http;

	if (!is_listening(o->listener, text, size) || !sandbox_find_user(&user, o->user, text, size) ||
		!map_segments(page, o->run_dir, text, size))
		return NULL;
	(void)setpriority(PRIO_PROCESS, 0, NICENESS);
	tzset(); /* the library asks for the date; the C library would open a file for it */
	http = metrics_http_start(o->listener, make_page, page);
	if (!http)
		snprintf(text, size, "libmicrohttpd cannot serve; is memory or are descriptors short?");
	else if (confine(o, &user, parent, text, size))
		return http;
	metrics_http_stop(http);
	return NULL;
}

static void serve(struct metrics_http *http, const sigset_t *mask)
{
	while (!stop_signalled) {
		const int wait_ms = metrics_http_run(http, monotonic_ms());
		const struct timespec t = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
		struct pollfd p = {.fd = metrics_http_descriptor(http), .events = POLLIN};

		ppoll(&p, 1, wait_ms < 0 ? NULL : &t, mask);
	}
}

int main(int argc, char **argv)
{
	static struct page page;
	struct options options = {.user = "", .listener = -1};
	const pid_t parent = getppid();
	struct metrics_http *http;
	sigset_t outside;
	char text[512];
	int status;

	log_init("tickwire-metrics", LOG_LEVEL_NOTICE);
	status = parse_options(&options, argc, argv);
	if (status >= 0)
		return status;
	if (options.verbose)
		log_init("tickwire-metrics", LOG_LEVEL_DEBUG);
	stop_signal_catch(&outside);
	if (!sandbox_follow_parent(parent))
		return EX_UNAVAILABLE;
	http = start(&page, &options, parent, text, sizeof(text));
	if (!http) {
		log_error("%s", text);
		return EX_UNAVAILABLE;
	}
	serve(http, &outside);
	metrics_http_stop(http);
	return EX_OK;
}
