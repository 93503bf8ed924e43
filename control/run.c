#include "control/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "control/check.h"
#include "control/control_socket.h"
#include "control/daemon_arguments.h"
#include "control/drill.h"
#include "control/instance_gather.h"
#include "control/monotonic.h"
#include "control/requests.h"
#include "control/supervisor.h"
#include "dataplane/counters.h"
#include "dataplane/log.h"
#include "dataplane/sandbox.h"
#include "refclock/timebase.h"

enum {
	TICK_MS = 1000,
	START_POLL_MS = 5,
	CLOCK_START_MS = 10000,
	KE_START_MS = 10000,
	DATAPLANE_START_MS = 60000,
	HANG_S = 3, /* without a sign of life: a worker gives one each 0.1 s, the clock each 10 ms at least */
	HANG_TICKS = 3, /* seen so often in a row: a machine that was suspended looks like it once */
};

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

bool supervisor_dataplane_polls(struct supervisor *s)
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
	const int64_t end = monotonic_ms() + limit_ms;
	char text[128];

	while (!condition(s)) {
		struct pollfd fd = {.fd = s->signals, .events = POLLIN};

		if (poll(&fd, 1, START_POLL_MS) > 0)
			read_signals(s);
		if (s->ending) {
			s->status = EX_OK;
			return false;
		}
		if (daemon_reap(d)) {
			daemon_describe_end(d, text, sizeof(text));
			log_error("%s before it was ready", text);
			s->status = d->exit_status >= EX__BASE && d->exit_status <= EX__MAX ? d->exit_status
											    : EX_UNAVAILABLE;
			return false;
		}
		if (monotonic_ms() >= end) {
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
	bool there[CONFIG_INTERFACES];
	char text[512] = SUPERVISOR_NO_ROOM;

	if (!ports_prepare(&s->ports, there, text, sizeof(text)) ||
		!daemon_arguments_dataplane(&s->dataplane, &s->config, s->dir.path, s->line.verbose, there) ||
		!daemon_start(&s->dataplane, text, sizeof(text))) {
		log_error("%s", text);
		return false;
	}
	return true;
}

/* Or it never will be, with these certificates. */
static bool ke_is_settled(struct supervisor *s)
{
	nts_process(&s->nts);
	return s->nts.ready || s->nts.identity_error[0];
}

/* At the start of tickwire certificates that cannot be used are an error; later the daemon goes on without.
 */
static bool start_ke(struct supervisor *s)
{
	char text[512] = SUPERVISOR_NO_ROOM;

	if (!s->nts.on)
		return true;
	if (!daemon_arguments_ke(&s->nts.ke, &s->config, s->dir.path, s->line.verbose) ||
		!nts_start(&s->nts, text, sizeof(text))) {
		log_error("%s", text);
		return false;
	}
	if (!wait_until(s, &s->nts.ke, ke_is_settled, KE_START_MS))
		return false;
	if (s->nts.identity_error[0])
		s->status = EX_CONFIG;
	return !s->nts.identity_error[0];
}

/* The daemons in order, each ready before the next. */
static bool start_all(struct supervisor *s)
{
	char text[512] = SUPERVISOR_NO_ROOM;

	if (!leap_file_is_usable(&s->config.clock, text, sizeof(text))) {
		log_error("%s", text);
		s->status = EX_CONFIG;
		return false;
	}
	s->status = EX_UNAVAILABLE;
	leap_watch_begin(&s->leap_table, &s->config.clock);
	if (!daemon_arguments_clock(&s->clock, &s->config, s->dir.path, s->line.verbose) ||
		!daemon_start(&s->clock, text, sizeof(text))) {
		log_error("%s", text);
		return false;
	}
	if (!wait_until(s, &s->clock, timebase_is_valid, CLOCK_START_MS))
		return false;
	if (!start_ke(s) || !start_dataplane(s) ||
		!wait_until(s, &s->dataplane, supervisor_dataplane_polls, DATAPLANE_START_MS) ||
		!connect_ports(s))
		return false;
	s->status = EX_OK;
	return true;
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			s->ending = true;
		} else if (info.ssi_signo == SIGHUP && s->ready) {
			requests_reload(s);
		}
	}
}

static void keep_clock(struct supervisor *s)
{
	const bool expected = s->clock.told_to_end;
	char text[512];

	if (daemon_reap(&s->clock) && !expected)
		daemon_log_end(&s->clock);
	if (s->clock.pid || monotonic_ms() < s->clock.restart_ms)
		return;
	s->clock.restarts++;
	if (!daemon_start(&s->clock, text, sizeof(text))) {
		log_error("%s", text);
		s->clock.restart_ms = monotonic_ms() + TICK_MS;
	}
}

/* Replies go on with the keys in the segment meanwhile. */
static void keep_ke(struct supervisor *s)
{
	struct daemon *ke = &s->nts.ke;
	const bool expected = ke->told_to_end;
	char text[512];

	nts_process(&s->nts);
	if (daemon_reap(ke)) {
		nts_process(&s->nts);
		nts_note_end(&s->nts);
		if (!expected)
			daemon_log_end(ke);
	}
	if (!s->nts.on || ke->pid || monotonic_ms() < ke->restart_ms)
		return;
	/* Switched on by a reload it starts for the first time. */
	if (ke->started_ms)
		ke->restarts++;
	if (!nts_start(&s->nts, text, sizeof(text))) {
		log_error("%s", text);
		ke->restart_ms = monotonic_ms() + TICK_MS;
	}
}

static void disconnect(struct supervisor *s)
{
	ports_disconnect(&s->ports);
	s->connected = false;
}

/* A dataplane that was started is to be connected once it polls, or given up. */
static void connect_dataplane(struct supervisor *s)
{
	const bool polls = supervisor_dataplane_polls(s);

	if (polls && connect_ports(s)) {
		log_notice("the dataplane polls again");
	} else if (polls || monotonic_ms() - s->dataplane.started_ms > DATAPLANE_START_MS) {
		daemon_stop(&s->dataplane, SUPERVISOR_PATIENCE_MS);
		disconnect(s);
		daemon_log_end(&s->dataplane);
	}
}

static void keep_dataplane(struct supervisor *s)
{
	if (daemon_reap(&s->dataplane)) {
		daemon_log_end(&s->dataplane);
		disconnect(s);
	}
	if (ports_moved(&s->ports)) {
		daemon_stop(&s->dataplane, SUPERVISOR_PATIENCE_MS);
		disconnect(s);
		s->dataplane.failures = 0;
		s->dataplane.restart_ms = 0;
	}
	if (!s->dataplane.pid && monotonic_ms() >= s->dataplane.restart_ms && ports_any(&s->ports)) {
		s->dataplane.restarts++;
		if (!start_dataplane(s))
			s->dataplane.restart_ms = monotonic_ms() + TICK_MS;
	}
	if (s->dataplane.pid && !s->connected)
		connect_dataplane(s);
}

/* Kill a daemon that lives but gives no sign of it, or does not end when told to; then it is restarted like
 * one that died. */
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

	if (!shm_read(&s->timebase, &tb))
		return;
	now = counter_read((enum counter_kind)tb.counter_kind);
	kill_if_hung(&s->clock, s->clock.told_to_end || timebase_age(&tb, now) > HANG_S * NTP64_SECOND,
		&s->clock_hangs);
	kill_if_hung(&s->nts.ke, nts_is_silent(&s->nts), &s->ke_hangs);
	if (!s->connected || !c)
		return;
	for (unsigned i = 0; i < c->facts.workers && i < WORKERS_MAX; i++)
		silent |= (int64_t)(now - counter_get(&c->worker[i].heartbeat)) >
			  (int64_t)(HANG_S * tb.counter_hz);
	kill_if_hung(&s->dataplane, silent, &s->dataplane_hangs);
}

static bool replies_are_synchronised(struct supervisor *s)
{
	struct timebase tb;

	return shm_read(&s->timebase, &tb) != 0 &&
	       timebase_is_synchronised(&tb, counter_read((enum counter_kind)tb.counter_kind));
}

static void watch_health(struct supervisor *s)
{
	health_tick(&s->health, &s->config.clock, s->dir.path, replies_are_synchronised(s),
		s->connected && supervisor_dataplane_polls(s), monotonic_ms());
}

/* Not in the days of a leap second: a plan does not outlive the daemon. */
static void watch_leap_table(struct supervisor *s)
{
	struct timebase tb;

	if (shm_read(&s->timebase, &tb) != 0 && tb.leap_step == 0 && tb.smear == 0 &&
		leap_watch_look(&s->leap_table, &s->config.clock))
		daemon_restart(&s->clock);
}

static void tell_metrics(struct supervisor *s)
{
	static struct instance instance;

	instance_gather(&instance, s);
	metrics_tick(&s->metrics, &instance);
}

static void loop(struct supervisor *s)
{
	struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->listener, .events = POLLIN},
		{.fd = addresses_fd(s->ports.addresses), .events = POLLIN}, {.events = POLLIN}};
	int64_t tick = 0;

	while (!s->ending) {
		const bool settled =
			s->clock.pid && s->dataplane.pid && s->connected && s->nts.on == (s->nts.ke.pid != 0);

		fds[3].fd = s->nts.channel; /* -1 is passed over */
		poll(fds, sizeof(fds) / sizeof(fds[0]), settled ? TICK_MS / 4 : START_POLL_MS * 4);
		read_signals(s);
		if (addresses_process(s->ports.addresses))
			ports_refresh(&s->ports);
		keep_clock(s);
		keep_ke(s);
		keep_dataplane(s);
		metrics_keep(&s->metrics);
		if (fds[1].revents)
			requests_serve(s);
		if (monotonic_ms() >= tick) {
			tick = monotonic_ms() + TICK_MS;
			if (s->connected)
				ports_tick(&s->ports);
			nts_tick(&s->nts);
			watch_daemons(s);
			watch_health(s);
			watch_leap_table(s);
			tell_metrics(s);
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

/* Before the clock daemon, which maps it while it still can. */
static bool make_drill(struct supervisor *s, char *text, size_t size)
{
	static const struct drill none = {.kind = DRILL_NONE};
	const struct shm_contract contract = DRILL_CONTRACT;
	const enum shm_error error = shm_create(&s->drill, s->dir.path, &contract);

	if (error != SHM_OK)
		shm_explain(error, s->dir.path, &contract, text, size);
	else
		shm_publish(&s->drill, &none);
	return error == SHM_OK;
}

static bool take_instance(struct supervisor *s)
{
	struct sandbox_user user;
	char text[1024];

	if (geteuid() != 0) {
		log_error("tickwire run needs root to open ports; the daemons give it up at once (user "
			  "directive)");
		s->status = EX_NOPERM;
		return false;
	}
	if (!sandbox_find_user(&user, s->config.user, text, sizeof(text))) {
		log_error("%s", text);
		s->status = EX_CONFIG;
		return false;
	}
	s->status = EX_UNAVAILABLE;
	if (!run_dir_take(&s->dir, s->line.run_dir, text, sizeof(text)) ||
		!make_drill(s, text, sizeof(text)) ||
		!metrics_take(&s->metrics, &s->config, s->dir.path, s->line.verbose, text, sizeof(text)) ||
		!nts_take(&s->nts, &s->config, s->dir.path, text, sizeof(text)) ||
		!ports_take(&s->ports, &s->config, s->dir.path, text, sizeof(text)) ||
		(s->listener = control_listen(s->dir.path, text, sizeof(text))) < 0) {
		log_error("%s", text);
		return false;
	}
	health_begin(&s->health, &s->config.clock);
	return true;
}

static void stop_all(struct supervisor *s)
{
	/* Clients are sent elsewhere first. */
	health_leave(&s->health, &s->config.clock, SUPERVISOR_PATIENCE_MS);
	daemon_stop(&s->dataplane, SUPERVISOR_PATIENCE_MS);
	nts_stop(&s->nts, SUPERVISOR_PATIENCE_MS);
	daemon_stop(&s->clock, SUPERVISOR_PATIENCE_MS);
	metrics_stop(&s->metrics, SUPERVISOR_PATIENCE_MS);
	nts_leave(&s->nts);
	if (s->listener >= 0)
		close(s->listener);
	ports_leave(&s->ports);
	shm_close(&s->timebase);
	shm_close(&s->counters);
	shm_close(&s->drill);
	run_dir_leave(&s->dir);
}

int run_main(int argc, char **argv)
{
	static struct supervisor s = {.line = {.run_dir = RUN_DIR_DEFAULT},
		.dir = {.lock = -1},
		.listener = -1,
		.metrics = {.listener = -1},
		.nts = {.channel = -1, .store = {.lock = -1}, .next = {.lock = -1}}};
	int status = command_line_parse(&s.line, argc, argv);

	if (status >= 0)
		return status;
	log_init("tickwire", LOG_LEVEL_NOTICE);
	if (!command_line_config(&s.line, &s.config, config_print_message,
		    (void *)(uintptr_t)command_line_source(&s.line)))
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
