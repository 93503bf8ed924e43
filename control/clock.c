/*
 * tickwire-clock: follows the kernel clock and publishes it as a line from the CPU's counter, with what its
 * keeper says of it, in the segment of refclock/timebase.h. One thread, and the tracking helper
 * (control/tracking.h) beside it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "control/stop_signal.h"
#include "control/tracking.h"
#include "dataplane/log.h"
#include "dataplane/sandbox.h"
#include "ntp/shm.h"
#include "refclock/counter.h"
#include "refclock/keeper.h"
#include "refclock/line.h"
#include "refclock/sample.h"
#include "refclock/timebase.h"

enum {
	SANDWICHES = 16,       /* a sample */
	TIMER_SLACK_NS = 1000, /* the default of 50 us would blur the refresh interval */
};

static const uint64_t second_ns = 1000000000;
static const uint64_t keeper_interval_ns =
	1000000000; /* between two looks at the kernel and at what has become stale */
static const uint64_t first_word_ns =
	1500000000; /* how long the first publication waits for the tracking helper */

struct options {
	const char *run_dir;
	const char *user;
	const char *chrony_run_dir;
	unsigned local_stratum; /* 0: none */
	uint32_t refresh_us;
	uint32_t holdover_s;
	enum sandbox_mode seccomp;
	uint16_t ntp_port;
	bool verbose;
};

struct clock {
	const struct options *options;
	struct shm shm;
	struct sampler sampler;
	struct line line;
	double hz;
	int tracking;                   /* the pipe of the tracking helper */
	bool heard;                     /* the helper has said something, be it that nobody keeps the clock */
	struct keeper_status tracked;   /* the newest of its, stale or not; keeper NONE before */
	struct keeper_status published; /* what is served by */
	uint64_t started, keeper_due;   /* ns of CLOCK_MONOTONIC */
	struct timebase timebase;
};

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * second_ns + (uint64_t)t.tv_nsec;
}

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire-clock --run-dir DIR [options]\n"
	      "Follows the kernel clock and publishes it in DIR/timebase. `tickwire run` starts it.\n\n"
	      "  --run-dir DIR          directory of this instance's segments\n"
	      "  --user NAME            unprivileged user to become (default _tickwire, else nobody)\n"
	      "  --chrony-run-dir DIR   where chronyd's socket is (default /run/chrony, else "
	      "/var/run/chrony)\n"
	      "  --local-stratum N      1-15: vouch for a clock that nobody keeps, with this stratum\n"
	      "  --refresh USEC         1000-10000: interval between two readings of the clock (default "
	      "4000)\n"
	      "  --holdover SEC         1-604800: how long the time is served on after this daemon's death "
	      "(default 3600)\n"
	      "  --ntp-port PORT        of a server on the loopback that is asked where there is no chronyd "
	      "(default 123)\n"
	      "  --seccomp MODE         kill, errno or off (default kill)\n"
	      "  --verbose              say more\n"
	      "  --help                 this text\n",
		out);
	return status;
}

static bool parse_number(
	const char *option, const char *text, unsigned long low, unsigned long high, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (errno == 0 && text[0] >= '0' && text[0] <= '9' && !*end && *value >= low && *value <= high)
		return true;
	log_error("--%s %s: expected a whole number from %lu to %lu", option, text, low, high);
	return false;
}

enum {
	OPTION_RUN_DIR = 256,
	OPTION_USER,
	OPTION_CHRONY,
	OPTION_LOCAL,
	OPTION_REFRESH,
	OPTION_HOLDOVER,
	OPTION_PORT,
	OPTION_SECCOMP,
	OPTION_VERBOSE,
	OPTION_HELP
};

static bool parse_option(struct options *o, int option, const char *argument)
{
	unsigned long n = 0;
	bool ok = true;

	if (option == OPTION_RUN_DIR)
		o->run_dir = argument;
	else if (option == OPTION_USER)
		o->user = argument;
	else if (option == OPTION_CHRONY)
		o->chrony_run_dir = argument;
	else if (option == OPTION_LOCAL &&
		 (ok = parse_number("local-stratum", argument, 0, NTP_STRATUM_MAX, &n)))
		o->local_stratum = (unsigned)n;
	else if (option == OPTION_REFRESH && (ok = parse_number("refresh", argument, 1000, 10000, &n)))
		o->refresh_us = (uint32_t)n;
	else if (option == OPTION_HOLDOVER && (ok = parse_number("holdover", argument, 1, 604800, &n)))
		o->holdover_s = (uint32_t)n;
	else if (option == OPTION_PORT && (ok = parse_number("ntp-port", argument, 1, 65535, &n)))
		o->ntp_port = (uint16_t)n;
	else if (option == OPTION_VERBOSE)
		o->verbose = true;
	else if (option == OPTION_SECCOMP && !(ok = sandbox_parse_mode(argument, &o->seccomp)))
		log_error("--seccomp %s: expected kill, errno or off", argument);
	return ok && option != '?';
}

/* -1 to go on, else the status to exit with. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
		{"user", required_argument, NULL, OPTION_USER},
		{"chrony-run-dir", required_argument, NULL, OPTION_CHRONY},
		{"local-stratum", required_argument, NULL, OPTION_LOCAL},
		{"refresh", required_argument, NULL, OPTION_REFRESH},
		{"holdover", required_argument, NULL, OPTION_HOLDOVER},
		{"ntp-port", required_argument, NULL, OPTION_PORT},
		{"seccomp", required_argument, NULL, OPTION_SECCOMP},
		{"verbose", no_argument, NULL, OPTION_VERBOSE},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == OPTION_HELP)
			return usage(stdout, 0);
		if (!parse_option(o, option, optarg))
			return usage(stderr, 2);
	}
	if (optind == argc && o->run_dir)
		return -1;
	log_error(optind < argc ? "unexpected argument" : "--run-dir is missing");
	return usage(stderr, 2);
}

static void log_keeper(const struct keeper_status *s)
{
	static const char *const leaps[] = {
		"none", "second to be inserted", "second to be deleted", "unsynchronised"};
	struct client_reply reply = {.stratum = s->stratum};
	char refid[CLIENT_REFID_TEXT];

	memcpy(reply.refid, s->refid, sizeof(reply.refid));
	client_refid_text(refid, &reply);
	if (keeper_is_synchronised(s))
		log_notice("the clock is kept by %s: stratum %u, refid %s, leap %s", keeper_name(s->keeper),
			s->stratum, refid, leaps[s->leap & 3]);
	else
		log_warning("the clock is kept by %s and not synchronised: replies say so (leap 3)",
			keeper_name(s->keeper));
}

/* What is known of the clock now, the best first. A keeper that says "not synchronised" is believed. */
static void judge_keepers(struct clock *c, struct keeper_status *status, uint64_t now)
{
	unsigned local = c->options->local_stratum;
	ntp64 time = c->line.base.time;
	struct timex timex = {.modes = 0};
	int state;

	*status = c->tracked;
	if (c->tracked.keeper != TIMEBASE_KEEPER_NONE && !keeper_is_stale(status, now)) {
		if (!keeper_is_synchronised(status) && local)
			keeper_from_nobody(status, local, time, now);
		return;
	}
	state = adjtimex(&timex);
	if (!keeper_from_kernel(status, state, &timex, local, time, now))
		keeper_from_nobody(status, local, time, now);
}

static void renew_keeper(struct clock *c, uint64_t now)
{
	struct keeper_status status;

	judge_keepers(c, &status, now);
	if (c->timebase.updates == 0 || keeper_differs(&status, &c->published))
		log_keeper(&status);
	c->published = status;
	c->keeper_due = now + keeper_interval_ns;
}

static void publish(struct clock *c, uint64_t now)
{
	struct timebase *tb = &c->timebase;

	if (now >= c->keeper_due)
		renew_keeper(c, now);
	line_publish(&c->line, tb);
	keeper_publish(&c->published, now, tb);
	tb->valid_until = tb->counter + (uint64_t)((double)c->options->holdover_s * c->hz);
	tb->updates++;
	shm_publish(&c->shm, tb);
}

static void refresh(struct clock *c)
{
	struct sample sample;
	uint64_t now;

	sample_take(&c->sampler, &sample);
	if (line_update(&c->line, &sample) == LINE_STEPPED)
		log_warning(
			"the kernel clock was stepped by %+.6f s", ntp64_interval_to_seconds(c->line.jump));
	now = monotonic_ns();
	if (c->timebase.updates || now - c->started > first_word_ns || (c->heard && c->line.settled))
		publish(c, now);
}

/* False when the helper is gone. */
static bool hear(struct clock *c)
{
	struct keeper_status status;
	enum tracking_news news;

	while ((news = tracking_take(c->tracking, &status, monotonic_ns())) != TRACKING_SILENT) {
		if (news == TRACKING_GONE)
			return false;
		c->heard = true;
		if (news == TRACKING_STATUS && keeper_supersedes(&status, &c->tracked)) {
			c->tracked = status;
			c->keeper_due = 0;
		}
	}
	return true;
}

/* Sleep until the instant, but for signals and the helper's records. False when the helper is gone. */
static bool wait_until(struct clock *c, uint64_t due, const sigset_t *mask)
{
	for (uint64_t now = monotonic_ns(); now < due && !stop_signalled; now = monotonic_ns()) {
		struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(due - now)};
		struct pollfd p = {.fd = c->tracking, .events = POLLIN};

		if (ppoll(&p, 1, &t, mask) == 1 && !hear(c))
			return false;
	}
	return true;
}

static int follow(struct clock *c, const sigset_t *mask)
{
	uint64_t interval = c->options->refresh_us * UINT64_C(1000), due = monotonic_ns();

	c->started = due;
	while (!stop_signalled) {
		uint64_t now;

		refresh(c);
		now = monotonic_ns();
		/* After a pause there is nothing to catch up with. */
		due = due + interval > now ? due + interval : now + interval;
		if (!wait_until(c, due, mask)) {
			log_error("the tracking helper has ended; nobody tells what keeps the clock");
			return 1;
		}
	}
	return 0;
}

static bool confine(
	const struct clock *c, const struct sandbox_user *user, pid_t parent, char *text, size_t size)
{
	static const struct sandbox_rule rules[] = {
		/* They read only, since the capability to set the clock is gone. */
		{SCMP_SYS(adjtimex), -1, 0},
		{SCMP_SYS(clock_adjtime), -1, 0},
	};

	if (!sandbox_drop_privileges(user, NULL, 0, text, size))
		return false;
	/* Becoming another user has cleared it. */
	if (!sandbox_follow_parent(parent)) {
		snprintf(text, size, "the supervisor has ended");
		return false;
	}
	return sandbox_filter(c->options->seccomp, rules, sizeof(rules) / sizeof(rules[0]), text, size);
}

static void start_line(struct clock *c)
{
	enum counter_kind kind = counter_best();

	c->hz = counter_hz(kind);
	sampler_init(&c->sampler, kind, c->hz, SANDWICHES);
	line_init(&c->line, c->hz, c->options->refresh_us);
	c->timebase.counter_kind = (uint8_t)kind;
	memcpy(c->timebase.source, "SYSTEM", sizeof("SYSTEM"));
	log_notice("following the kernel clock every %u us by %s at %.3f MHz", c->options->refresh_us,
		counter_name(kind), c->hz * 1e-6);
}

static bool start(struct clock *c, pid_t parent, char *text, size_t size)
{
	const struct options *o = c->options;
	struct tracking_options tracking = {.chrony_run_dir = o->chrony_run_dir, .ntp_port = o->ntp_port};
	enum shm_error error;

	if (!sandbox_find_user(&tracking.user, o->user, text, size))
		return false;
	start_line(c);
	error = shm_create(&c->shm, o->run_dir, &TIMEBASE_CONTRACT);
	if (error != SHM_OK) {
		shm_explain(error, o->run_dir, &TIMEBASE_CONTRACT, text, size);
		return false;
	}
	c->tracking = tracking_start(&tracking);
	if (c->tracking < 0) {
		snprintf(text, size, "cannot start the tracking helper: %s", strerror(errno));
		return false;
	}
	/* Neither is worth failing for: without them a refresh may come late, and the error bound shows it.
	 */
	if (mlockall(MCL_CURRENT) != 0)
		log_debug("memory is not locked: %s", strerror(errno));
	prctl(PR_SET_TIMERSLACK, (unsigned long)TIMER_SLACK_NS, 0L, 0L, 0L);
	return confine(c, &tracking.user, parent, text, size);
}

int main(int argc, char **argv)
{
	struct options options = {.user = "",
		.chrony_run_dir = "",
		.refresh_us = 4000,
		.holdover_s = 3600,
		.ntp_port = NTP_PORT};
	struct clock c = {.options = &options};
	pid_t parent = getppid();
	sigset_t outside;
	char text[512];
	int status;

	log_init("tickwire-clock", LOG_LEVEL_NOTICE);
	status = parse_options(&options, argc, argv);
	if (status >= 0)
		return status;
	if (options.verbose)
		log_init("tickwire-clock", LOG_LEVEL_DEBUG);
	stop_signal_catch(&outside);
	if (!sandbox_follow_parent(parent))
		return 1;
	if (!start(&c, parent, text, sizeof(text))) {
		log_error("%s", text);
		return 1;
	}
	status = follow(&c, &outside);
	shm_close(&c.shm);
	return status;
}
