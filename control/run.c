#include "control/run.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "control/check.h"
#include "control/config.h"
#include "control/control_socket.h"
#include "control/daemon.h"
#include "control/directive.h"
#include "control/ports.h"
#include "control/run_dir.h"
#include "dataplane/counters.h"
#include "dataplane/log.h"
#include "refclock/timebase.h"

#define CONFIG_FILE_DEFAULT "/etc/tickwire/tickwire.conf"

enum {
	LINE_DIRECTIVES_MAX = 64, /* from the command line */
	TICK_MS = 1000,
	START_POLL_MS = 5,
	CLOCK_START_MS = 10000,
	DATAPLANE_START_MS = 60000,
	STOP_PATIENCE_MS = 5000,
	HANG_S = 3, /* without a sign of life: a worker gives one each 0.1 s, the clock each 10 ms at least */
	HANG_TICKS = 3, /* seen so often in a row: a machine that was suspended looks like it once */
};

struct command_line {
	const char *config_file; /* NULL: none */
	const char *run_dir;
	const char *directive[LINE_DIRECTIVES_MAX]; /* from --interface and --set */
	unsigned directives;
	bool verbose;
};

struct supervisor {
	struct command_line line;
	struct config config;
	struct run_dir dir;
	struct ports ports;
	struct daemon clock, dataplane;
	struct shm timebase, counters;
	int signals, listener;
	unsigned clock_hangs, dataplane_hangs; /* ticks in a row */
	bool ready;                            /* has been said */
	bool connected;                        /* the programs in the kernel know the dataplane's sockets */
	bool ending;
	int status;
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"interface", required_argument, NULL, 'i'},
	{"run-dir", required_argument, NULL, 'r'},
	{"set", required_argument, NULL, 's'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
	fputs("usage: tickwire run [-c FILE] [--interface IF]... [--set 'DIRECTIVE ...']... [--run-dir DIR] "
	      "[--verbose]\n"
	      "  -c, --config FILE     configuration (default " CONFIG_FILE_DEFAULT
	      " where no --interface is given)\n"
	      "  -i, --interface IF    answer NTP on IF: eth0, pci:0000:03:00.0, "
	      "vdev:net_memif0,role=client\n"
	      "      --set DIRECTIVE   a line as in the configuration, as --set 'local stratum 8'\n"
	      "      --run-dir DIR     directory of this instance (default " RUN_DIR_DEFAULT ")\n"
	      "      --verbose         more of what the daemons and DPDK have to say\n"
	      "directives:\n",
		out);
	for (size_t i = 0; i < directive_count; i++)
		if (directives[i].kind == DIRECTIVE_OURS)
			fprintf(out, "  %s %s\n", directives[i].name, directives[i].arguments);
	fputs("docs/configuration.md says more on each.\n", out);
}

static bool add_directive(struct command_line *line, const char *prefix, const char *value)
{
	char *text;

	if (line->directives == LINE_DIRECTIVES_MAX || asprintf(&text, "%s%s", prefix, value) < 0)
		return false;
	line->directive[line->directives++] = text;
	return true;
}

/* -1: go on; else the exit status. */
static int parse_command_line(struct command_line *line, int argc, char **argv)
{
	int option;
	bool ok = true;

	optind = 1;
	while (ok && (option = getopt_long(argc, argv, "c:i:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			line->config_file = optarg;
			break;
		case 'i':
			ok = add_directive(line, "interface ", optarg);
			break;
		case 's':
			ok = add_directive(line, "", optarg);
			break;
		case 'r':
			line->run_dir = optarg;
			break;
		case 'v':
			line->verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			ok = false;
		}
	}
	if (!ok || optind < argc) {
		usage(stderr);
		return 2;
	}
	if (!line->config_file && line->directives == 0) {
		if (access(CONFIG_FILE_DEFAULT, F_OK) != 0) {
			fputs("tickwire: there is no " CONFIG_FILE_DEFAULT
			      "; name an interface (tickwire run --interface eth0) or a file (-c)\n",
				stderr);
			return 2;
		}
		line->config_file = CONFIG_FILE_DEFAULT;
	}
	return -1;
}

static bool read_config(
	const struct command_line *line, struct config *config, config_report *report, void *opaque)
{
	bool ok = true;

	config_init(config);
	if (line->config_file)
		ok = config_load(config, line->config_file, report, opaque);
	for (unsigned i = 0; i < line->directives; i++)
		ok &= config_directive(config, line->directive[i], report, opaque);
	return ok && config_finish(config, report, opaque);
}

static const char *config_name(const struct command_line *line)
{
	return line->config_file ? line->config_file : "command line";
}

static void set_clock_arguments(struct daemon *d, const struct supervisor *s)
{
	static const char *const seccomp[] = {"kill", "errno", "off"};
	const struct config *c = &s->config;

	daemon_init(d, "tickwire-clock");
	daemon_argument(d, "--run-dir=%s", s->dir.path);
	daemon_argument(d, "--refresh=%u", c->refresh_us);
	daemon_argument(d, "--holdover=%u", c->holdover_s);
	daemon_argument(d, "--seccomp=%s", seccomp[c->seccomp]);
	if (c->user[0])
		daemon_argument(d, "--user=%s", c->user);
	if (c->chrony_run_dir[0])
		daemon_argument(d, "--chrony-run-dir=%s", c->chrony_run_dir);
	if (c->local_stratum)
		daemon_argument(d, "--local-stratum=%u", c->local_stratum);
	if (s->line.verbose)
		daemon_argument(d, "--verbose");
}

static void set_dataplane_arguments(struct daemon *d, const struct supervisor *s)
{
	static const char *const seccomp[] = {"kill", "errno", "off"};
	static const char *const choice[] = {"auto", "yes", "no"};
	static const char *const driver[] = {"auto", "af_xdp", "af_packet"};
	const struct config *c = &s->config;

	daemon_init(d, "tickwire-dataplane");
	daemon_argument(d, "--run-dir=%s", s->dir.path);
	daemon_argument(d, "--huge-pages=%s", choice[c->huge_pages]);
	if (c->idle == CONFIG_IDLE_POLL)
		daemon_argument(d, "--idle=poll");
	else
		daemon_argument(d, "--idle=%u", c->idle_after_us);
	if (c->seccomp != CONFIG_SECCOMP_KILL)
		daemon_argument(d, "--seccomp=%s", seccomp[c->seccomp]);
	if (c->user[0])
		daemon_argument(d, "--user=%s", c->user);
	if (c->workers[0])
		daemon_argument(d, "--workers=%s", c->workers);
	if (s->line.verbose)
		daemon_argument(d, "--verbose");
	for (unsigned i = 0; i < c->interfaces; i++) {
		daemon_argument(d, "--port=%s", c->interface[i].name);
		if (c->interface[i].queues)
			daemon_argument(d, "--queues=%u", c->interface[i].queues);
		daemon_argument(d, "--driver=%s", driver[c->interface[i].driver]);
		if (c->interface[i].tap[0])
			daemon_argument(d, "--tap=%s", c->interface[i].tap);
	}
}

static bool timebase_is_valid(struct supervisor *s)
{
	struct timebase tb;

	if (!s->timebase.head && shm_open_reader(&s->timebase, s->dir.path, &TIMEBASE_CONTRACT) != SHM_OK)
		return false;
	return shm_read(&s->timebase, &tb) != 0 &&
	       timebase_age(&tb, counter_read((enum counter_kind)tb.counter_kind)) < NTP64_SECOND;
}

static const struct counters *counters_of(struct supervisor *s)
{
	if (!s->counters.head && shm_open_reader(&s->counters, s->dir.path, &COUNTERS_CONTRACT) != SHM_OK)
		return NULL;
	return shm_body(&s->counters);
}

/* The facts are the dataplane's that runs now, and all its workers poll. */
static bool dataplane_polls(struct supervisor *s)
{
	const struct counters *c = counters_of(s);

	return c && s->dataplane.pid && c->facts.pid == s->dataplane.pid &&
	       __atomic_load_n(&c->facts.state, __ATOMIC_ACQUIRE) == DATAPLANE_POLLING;
}

static void read_signals(struct supervisor *s);

/* Wait for a condition while the daemon lives and nobody asks us to end. */
static bool wait_until(
	struct supervisor *s, struct daemon *d, bool (*condition)(struct supervisor *), int limit_ms)
{
	const int64_t end = daemon_now_ms() + limit_ms;
	char text[128];

	while (!condition(s)) {
		struct pollfd fd = {.fd = s->signals, .events = POLLIN};

		if (poll(&fd, 1, START_POLL_MS) > 0)
			read_signals(s);
		if (s->ending)
			return false;
		if (daemon_reap(d)) {
			daemon_describe_end(d, text, sizeof(text));
			log_error("%s before it was ready", text);
			s->status = d->exit_status >= EX__BASE && d->exit_status <= EX__MAX ? d->exit_status
											    : EX_UNAVAILABLE;
			return false;
		}
		if (daemon_now_ms() >= end) {
			log_error("%s is not ready after %d s", d->name, limit_ms / 1000);
			s->status = EX_UNAVAILABLE;
			return false;
		}
	}
	return true;
}

static bool connect_ports(struct supervisor *s)
{
	char text[512];

	s->connected = ports_connect(&s->ports, &counters_of(s)->facts, text, sizeof(text));
	if (!s->connected)
		log_error("%s", text);
	return s->connected;
}

static bool start_dataplane(struct supervisor *s)
{
	char text[512];

	if (!ports_prepare(&s->ports, text, sizeof(text)) ||
		!daemon_start(&s->dataplane, text, sizeof(text))) {
		log_error("%s", text);
		return false;
	}
	return true;
}

/* The daemons in order, each ready before the next. */
static bool start_all(struct supervisor *s)
{
	char text[512];

	s->status = EX_UNAVAILABLE;
	set_clock_arguments(&s->clock, s);
	if (!daemon_start(&s->clock, text, sizeof(text))) {
		log_error("%s", text);
		return false;
	}
	if (!wait_until(s, &s->clock, timebase_is_valid, CLOCK_START_MS))
		return false;
	set_dataplane_arguments(&s->dataplane, s);
	if (!start_dataplane(s) || !wait_until(s, &s->dataplane, dataplane_polls, DATAPLANE_START_MS) ||
		!connect_ports(s))
		return false;
	s->status = EX_OK;
	return true;
}

struct reply {
	char *text;
	size_t used, size;
};

static void __attribute__((format(printf, 2, 3))) say(struct reply *r, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(r->text + r->used, r->size - r->used, format, ap);
	va_end(ap);
	if (n > 0)
		r->used = r->used + (size_t)n < r->size ? r->used + (size_t)n : r->size - 1;
}

static void say_message(void *opaque, const struct config_message *message)
{
	struct reply *r = opaque;

	say(r, "%s: ", message->error ? "error" : "warning");
	if (message->line)
		say(r, "line %d: ", message->line);
	say(r, "%s\n", message->text);
	if (message->error)
		log_error("reload: line %d: %s", message->line, message->text);
}

/* A bad file leaves the running state alone. The last line of the reply is "reloaded" or "refused". */
static void reload(struct supervisor *s, struct reply *r)
{
	static struct config fresh;
	char names[256];

	if (!read_config(&s->line, &fresh, say_message, r)) {
		say(r, "%s: nothing was changed\nrefused\n", config_name(&s->line));
		log_error("reload: %s has errors, nothing was changed", config_name(&s->line));
		return;
	}
	config_restart_needed(&s->config, &fresh, names, sizeof(names));
	if (names[0])
		say(r, "warning: only a restart of tickwire applies what has changed in: %s\n", names);
	config_changed(&s->config, &fresh, APPLIED_BY_CLOCK_RESTART, names, sizeof(names));
	s->config.bind_addresses = fresh.bind_addresses;
	memcpy(s->config.bind_address, fresh.bind_address, sizeof(fresh.bind_address));
	s->config.port = fresh.port;
	s->config.min_poll = fresh.min_poll;
	s->config.local_stratum = fresh.local_stratum;
	s->config.refresh_us = fresh.refresh_us;
	s->config.holdover_s = fresh.holdover_s;
	memcpy(s->config.chrony_run_dir, fresh.chrony_run_dir, sizeof(fresh.chrony_run_dir));
	ports_refresh(&s->ports);
	if (names[0]) {
		/* Replies go on with the last line meanwhile; the new one is up in a fraction of a second. */
		daemon_stop(&s->clock, STOP_PATIENCE_MS);
		s->clock.failures = 0;
		s->clock.restart_ms = 0;
		set_clock_arguments(&s->clock, s);
	}
	say(r, "reloaded\n");
	log_notice("%s reloaded", config_name(&s->line));
}

static json_t *daemon_json(const struct daemon *d)
{
	return json_pack("{s:s, s:i, s:i, s:f}", "name", d->name, "pid", (int)d->pid, "restarts",
		(int)d->restarts, "uptime", d->pid ? (double)(daemon_now_ms() - d->started_ms) / 1e3 : 0.0);
}

/* What only the supervisor knows, for `tickwire status`. */
static void say_state(struct supervisor *s, struct reply *r)
{
	json_t *state = json_pack("{s:b, s:[o, o], s:[]}", "ready", s->connected && dataplane_polls(s),
		"daemons", daemon_json(&s->clock), daemon_json(&s->dataplane), "kernel");
	char *text;

	for (unsigned i = 0; i < s->ports.count; i++) {
		const struct kernel_path_counts *c = &s->ports.side[i].counts;

		json_array_append_new(json_object_get(state, "kernel"),
			json_pack("{s:I, s:I, s:I}", "redirected", (json_int_t)c->redirected, "no_socket",
				(json_int_t)c->no_socket, "dropped", (json_int_t)c->dropped));
	}
	text = json_dumps(state, JSON_COMPACT);
	if (text)
		say(r, "%s\n", text);
	free(text);
	json_decref(state);
}

static void serve_request(struct supervisor *s)
{
	static char buffer[CONTROL_REPLY_MAX];
	char request[CONTROL_REQUEST_MAX];
	struct reply reply = {.text = buffer, .size = sizeof(buffer)};
	int connection = control_accept(s->listener, request);

	if (connection < 0)
		return;
	if (strcmp(request, "reload") == 0)
		reload(s, &reply);
	else if (strcmp(request, "status") == 0)
		say_state(s, &reply);
	else
		say(&reply, "error: no such request\n");
	control_reply(connection, buffer, reply.used);
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			s->ending = true;
		} else if (info.ssi_signo == SIGHUP && s->ready) {
			static char buffer[CONTROL_REPLY_MAX];
			struct reply reply = {.text = buffer, .size = sizeof(buffer)};

			reload(s, &reply);
		}
	}
}

static void note_end(const struct daemon *d)
{
	const int64_t wait = d->restart_ms - daemon_now_ms();
	char text[128];

	daemon_describe_end(d, text, sizeof(text));
	if (wait > 0)
		log_error("%s; it is restarted in %.1f s", text, (double)wait / 1e3);
	else
		log_error("%s; it is restarted at once", text);
}

static void keep_clock(struct supervisor *s)
{
	char text[512];

	if (daemon_reap(&s->clock))
		note_end(&s->clock);
	if (s->clock.pid || daemon_now_ms() < s->clock.restart_ms)
		return;
	s->clock.restarts++;
	if (!daemon_start(&s->clock, text, sizeof(text))) {
		log_error("%s", text);
		s->clock.restart_ms = daemon_now_ms() + TICK_MS;
	}
}

static void keep_dataplane(struct supervisor *s)
{
	const char *missing = ports_missing(&s->ports);

	if (daemon_reap(&s->dataplane)) {
		note_end(&s->dataplane);
		ports_disconnect(&s->ports);
		s->connected = false;
	}
	if (s->dataplane.pid && missing) {
		log_error("interface %s is gone: the dataplane waits for it to come back", missing);
		daemon_stop(&s->dataplane, STOP_PATIENCE_MS);
		ports_disconnect(&s->ports);
		s->connected = false;
		s->dataplane.restart_ms = 0;
	}
	if (!s->dataplane.pid && daemon_now_ms() >= s->dataplane.restart_ms && !ports_gone(&s->ports)) {
		s->dataplane.restarts++;
		if (!start_dataplane(s))
			s->dataplane.restart_ms = daemon_now_ms() + TICK_MS;
	}
	if (!s->dataplane.pid || s->connected)
		return;
	if (dataplane_polls(s) && connect_ports(s)) {
		log_notice("the dataplane polls again");
	} else if (dataplane_polls(s) || daemon_now_ms() - s->dataplane.started_ms > DATAPLANE_START_MS) {
		daemon_stop(&s->dataplane, STOP_PATIENCE_MS);
		note_end(&s->dataplane);
	}
}

/* Kill a daemon that lives but gives no sign of it; then it is restarted like one that died. */
static void kill_if_hung(struct daemon *d, bool silent, unsigned *ticks)
{
	*ticks = d->pid && silent ? *ticks + 1 : 0;
	if (*ticks < HANG_TICKS)
		return;
	log_error("%s gives no sign of life: it is killed", d->name);
	kill(d->pid, SIGKILL);
	*ticks = 0;
}

static void watch_daemons(struct supervisor *s)
{
	const struct counters *c = counters_of(s);
	struct timebase tb;
	uint64_t now;
	bool silent = false;

	if (!s->connected || !c || !shm_read(&s->timebase, &tb))
		return;
	now = counter_read((enum counter_kind)tb.counter_kind);
	kill_if_hung(&s->clock, timebase_age(&tb, now) > HANG_S * NTP64_SECOND, &s->clock_hangs);
	for (unsigned i = 0; i < c->facts.workers && i < WORKERS_MAX; i++)
		silent |= (int64_t)(now - counter_get(&c->worker[i].heartbeat)) >
			  (int64_t)(HANG_S * tb.counter_hz);
	kill_if_hung(&s->dataplane, silent, &s->dataplane_hangs);
}

static void loop(struct supervisor *s)
{
	struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->listener, .events = POLLIN},
		{.fd = addresses_fd(s->ports.addresses), .events = POLLIN}};
	int64_t tick = 0;

	while (!s->ending) {
		const bool settled = s->clock.pid && s->dataplane.pid && s->connected;

		poll(fds, sizeof(fds) / sizeof(fds[0]), settled ? TICK_MS / 4 : START_POLL_MS * 4);
		read_signals(s);
		if (addresses_process(s->ports.addresses))
			ports_refresh(&s->ports);
		keep_clock(s);
		keep_dataplane(s);
		if (fds[1].revents)
			serve_request(s);
		if (daemon_now_ms() >= tick) {
			tick = daemon_now_ms() + TICK_MS;
			if (s->connected)
				ports_tick(&s->ports);
			watch_daemons(s);
		}
	}
}

static bool take_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals >= 0;
}

static bool take_instance(struct supervisor *s)
{
	char text[1024];

	if (geteuid() != 0) {
		log_error("tickwire run needs root to open ports; the daemons give it up at once (user "
			  "directive)");
		s->status = EX_NOPERM;
		return false;
	}
	s->status = EX_UNAVAILABLE;
	if (!run_dir_take(&s->dir, s->line.run_dir, text, sizeof(text)) ||
		!ports_take(&s->ports, &s->config, s->dir.path, text, sizeof(text)) ||
		(s->listener = control_listen(s->dir.path, text, sizeof(text))) < 0) {
		log_error("%s", text);
		return false;
	}
	return true;
}

static void stop_all(struct supervisor *s)
{
	daemon_stop(&s->dataplane, STOP_PATIENCE_MS);
	daemon_stop(&s->clock, STOP_PATIENCE_MS);
	if (s->listener >= 0)
		close(s->listener);
	ports_leave(&s->ports);
	shm_close(&s->timebase);
	shm_close(&s->counters);
	run_dir_leave(&s->dir);
}

int run_main(int argc, char **argv)
{
	static struct supervisor s = {
		.line = {.run_dir = RUN_DIR_DEFAULT}, .dir = {.lock = -1}, .listener = -1};
	int status = parse_command_line(&s.line, argc, argv);

	if (status >= 0)
		return status;
	log_init("tickwire", LOG_LEVEL_NOTICE);
	if (!read_config(&s.line, &s.config, config_print_message, (void *)(uintptr_t)config_name(&s.line)))
		return EX_CONFIG;
	if (!take_signals(&s)) {
		log_error("signalfd: %s", strerror(errno));
		return EX_OSERR;
	}
	if (take_instance(&s) && start_all(&s)) {
		puts("tickwire: ready");
		fflush(stdout);
		s.ready = true;
		loop(&s);
	}
	stop_all(&s);
	return s.status;
}

int reload_main(int argc, char **argv)
{
	static char reply[CONTROL_REPLY_MAX];
	const char *run_dir = RUN_DIR_DEFAULT;
	char text[512];
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'r') {
			run_dir = optarg;
			continue;
		}
		fputs("usage: tickwire reload [--run-dir DIR]\n", option == 'h' ? stdout : stderr);
		return option == 'h' ? 0 : 2;
	}
	if (optind < argc) {
		fputs("usage: tickwire reload [--run-dir DIR]\n", stderr);
		return 2;
	}
	if (!control_ask(run_dir, "reload", reply, text, sizeof(text))) {
		fprintf(stderr, "tickwire: %s\n", text);
		return 1;
	}
	fputs(reply, strstr(reply, "reloaded\n") ? stdout : stderr);
	return strstr(reply, "reloaded\n") ? 0 : 1;
}
