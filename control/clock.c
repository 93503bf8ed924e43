/*
 * tickwire-clock: publishes a line from the CPU's counter to NTP time in the segment of refclock/timebase.h.
 * Without sources of its own it follows the kernel clock, with what its keeper says of it; else the sources
 * make the line (control/clock_disciplined.h). One thread, and the tracking helper (control/tracking.h)
 * beside it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "control/clock_disciplined.h"
#include "control/clock_options.h"
#include "control/monotonic.h"
#include "control/stop_signal.h"
#include "control/tracking.h"
#include "dataplane/log.h"
#include "dataplane/sandbox.h"
#include "ntp/shm.h"
#include "refclock/counter.h"
#include "refclock/drivers.h"
#include "refclock/keeper.h"
#include "refclock/leap_follow.h"
#include "refclock/line.h"
#include "refclock/sample.h"
#include "refclock/timebase.h"

enum {
	SANDWICHES = 16,       /* a sample */
	RULES_MAX = 64,        /* of the system calls' filter */
	TIMER_SLACK_NS = 1000, /* the default of 50 us would blur the refresh interval */
};

static const uint64_t second_ns = 1000000000;
static const uint64_t keeper_interval_ns =
	1000000000; /* between two looks at the kernel and at what has become stale */
static const uint64_t first_word_ns =
	1500000000; /* how long the first publication waits for the tracking helper */

struct clock {
	const struct clock_options *options;
	struct shm shm;
	struct sampler sampler;
	struct line line;
	struct leap_follow leap;
	double hz;
	int tracking;                   /* the pipe of the tracking helper */
	bool heard;                     /* the helper has said something, be it that nobody keeps the clock */
	struct keeper_status tracked;   /* the newest of its, stale or not; keeper NONE before */
	struct keeper_status published; /* what is served by */
	uint64_t started, keeper_due;   /* ns of CLOCK_MONOTONIC */
	int watch;                      /* counter_watch's; -1: none */
	uint64_t watch_due;             /* ns of CLOCK_MONOTONIC */
	struct clock_disciplined *own;  /* NULL: there are no sources but the kernel clock */
	struct timebase timebase;
};

static void log_keeper(const struct keeper_status *s, bool served)
{
	static const char *const leaps[] = {
		"none", "second to be inserted", "second to be deleted", "unsynchronised"};
	struct client_reply reply = {.stratum = s->stratum};
	char refid[CLIENT_REFID_TEXT];

	memcpy(reply.refid, s->refid, sizeof(reply.refid));
	client_refid_text(refid, &reply);
	if (keeper_is_synchronised(s))
		log_notice("the %s is kept by %s: stratum %u, refid %s, leap %s",
			served ? "clock" : "kernel clock", keeper_name(s->keeper), s->stratum, refid,
			leaps[s->leap & 3]);
	else if (served)
		log_warning("the clock is kept by %s and not synchronised: replies say so (leap 3)",
			keeper_name(s->keeper));
	else
		log_notice("the kernel clock is kept by %s and not synchronised: it is not compared with",
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
		log_keeper(&status, !c->own);
	c->published = status;
	c->keeper_due = now + keeper_interval_ns;
}

/* Whether the kernel is going to make a leap second, and what it says of TAI. */
static void ask_of_leap(struct clock *c)
{
	struct timex timex = {.modes = 0};
	const int state = adjtimex(&timex);
	const int64_t step = c->leap.turn.step;

	leap_follow_announce(&c->leap, leap_follow_sign(state, timex.status), &c->timebase);
	if (c->leap.turn.step != step)
		log_notice("the kernel is%s going to %s a leap second at the end of this day",
			c->leap.turn.step ? "" : " no longer",
			(c->leap.turn.step ? c->leap.turn.step : step) < 0 ? "delete" : "insert");
	/* The kernel's changes with its own step, which is not yet the turn that is published. */
	if (!c->leap.turn.fixed)
		c->timebase.tai_offset = timex.tai;
}

static void publish_leap(struct clock *c)
{
	const enum leap_follow_news news = leap_follow_publish(&c->leap, &c->line, &c->timebase);

	if (news == LEAP_FOLLOW_OVER)
		log_notice("the leap second is over, here and in the kernel");
	else if (news == LEAP_FOLLOW_MISSED)
		log_warning("the kernel has not made its leap second within %d s: what is served follows it",
			LEAP_FOLLOW_SECONDS);
}

static void publish(struct clock *c, uint64_t now)
{
	struct timebase *tb = &c->timebase;
	const bool due = now >= c->keeper_due;

	if (due)
		renew_keeper(c, now);
	line_publish(&c->line, tb);
	keeper_publish(&c->published, now, tb);
	if (due && !c->own)
		ask_of_leap(c);
	if (c->own)
		clock_disciplined_publish(c->own, tb);
	else
		publish_leap(c);
	tb->valid_until = tb->counter + (uint64_t)((double)c->options->holdover_s * c->hz);
	tb->updates++;
	shm_publish(&c->shm, tb);
}

static void refresh(struct clock *c)
{
	struct sample sample;
	enum line_event event;
	uint64_t now;

	sample_take(&c->sampler, &sample);
	/* With sources of its own the kernel's leap second is a step like another: its stamps make it, too.
	 */
	if (!c->own && leap_follow_sample(&c->leap, &c->timebase, &sample))
		log_notice("the kernel has made its leap second");
	event = line_update(&c->line, &sample);
	if (event == LINE_STEPPED)
		log_warning(
			"the kernel clock was stepped by %+.6f s", ntp64_interval_to_seconds(c->line.jump));
	now = monotonic_ns();
	if (c->own) {
		clock_disciplined_sample(c->own, &sample, event);
		clock_disciplined_tick(c->own, &c->line, &c->published, now);
	}
	if (c->timebase.updates || now - c->started > first_word_ns || (c->heard && c->line.settled))
		publish(c, now);
}

/* A counter that the kernel has given up is no base for a line: whoever starts after us takes another. */
static bool is_trusted(struct clock *c, uint64_t now)
{
	if (c->timebase.counter_kind != COUNTER_CPU || now < c->watch_due)
		return true;
	c->watch_due = now + second_ns;
	if (counter_watch(c->watch))
		return true;
	log_error("the kernel does not trust %s any more; the clock is started anew by %s",
		counter_name(COUNTER_CPU), counter_name(COUNTER_MONOTONIC_RAW));
	return false;
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

/* Sleep until the instant, but for signals, the helper's records and what sources say. False when the helper
 * is gone. */
static bool wait_until(struct clock *c, uint64_t due, const sigset_t *mask)
{
	for (uint64_t now = monotonic_ns(); now < due && !stop_signalled; now = monotonic_ns()) {
		struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(due - now)};
		struct pollfd fds[1 + SOURCES_MAX] = {{.fd = c->tracking, .events = POLLIN}};
		int count = 1, ready;

		if (c->own)
			count += clock_disciplined_descriptors(c->own, fds + 1);
		ready = ppoll(fds, (nfds_t)count, &t, mask);
		if (ready > 0 && fds[0].revents && !hear(c))
			return false;
		if (ready > 0 && c->own)
			clock_disciplined_read(c->own, monotonic_ns());
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
		if (!is_trusted(c, now))
			return 1;
		/* After a pause there is nothing to catch up with. */
		due = due + interval > now ? due + interval : now + interval;
		if (!wait_until(c, due, mask)) {
			log_error("the tracking helper has ended; nobody tells what keeps the clock");
			return 1;
		}
	}
	return 0;
}

/* Without the capability to set the clock, which only steer_kernel keeps, the first two read only. */
static size_t allow(struct sandbox_rule rules[RULES_MAX], const struct clock_settings *settings)
{
	size_t count = 0, calls;
	const struct driver_call *call = driver_calls(&calls);
	unsigned kinds = 0;

	rules[count++] = (struct sandbox_rule){SCMP_SYS(adjtimex), -1, 0};
	rules[count++] = (struct sandbox_rule){SCMP_SYS(clock_adjtime), -1, 0};
	/* Of the counter's watch, and the temperature. */
	rules[count++] = (struct sandbox_rule){SCMP_SYS(lseek), -1, 0};
	/* Of the opener. */
	rules[count++] = (struct sandbox_rule){SCMP_SYS(sendmsg), -1, 0};
	rules[count++] = (struct sandbox_rule){SCMP_SYS(recvmsg), -1, 0};
	for (unsigned i = 0; i < settings->sources; i++)
		kinds |= 1U << settings->source[i].kind;
	for (size_t i = 0; i < calls && count < RULES_MAX; i++) {
		if (call[i].kinds & kinds)
			rules[count++] =
				(struct sandbox_rule){call[i].number, call[i].argument, call[i].value};
	}
	return count;
}

static bool confine(
	const struct clock *c, const struct sandbox_user *user, pid_t parent, char *text, size_t size)
{
	const cap_value_t steer = CAP_SYS_TIME;
	struct sandbox_rule rules[RULES_MAX];
	const size_t count = allow(rules, &c->options->settings);

	if (!sandbox_drop_privileges(user, &steer, c->own && c->own->steer.on, text, size))
		return false;
	/* Becoming another user has cleared it. */
	if (!sandbox_follow_parent(parent)) {
		snprintf(text, size, "the supervisor has ended");
		return false;
	}
	return sandbox_filter(c->options->seccomp, rules, count, text, size);
}

static void start_line(struct clock *c)
{
	const enum counter_kind kind = counter_best();

	c->watch = kind == COUNTER_CPU ? counter_watch_open() : -1;

	c->hz = counter_hz(kind);
	sampler_init(&c->sampler, kind, c->hz, SANDWICHES);
	line_init(&c->line, c->hz, c->options->refresh_us);
	c->timebase.counter_kind = (uint8_t)kind;
	memcpy(c->timebase.source, "SYSTEM", sizeof("SYSTEM"));
	log_notice("%s the kernel clock every %u us by %s at %.3f MHz", c->own ? "watching" : "following",
		c->options->refresh_us, counter_name(kind), c->hz * 1e-6);
}

/* Helpers first: they have no need of our segments, nor the tracking helper of our devices. */
static bool start_helpers(struct clock *c, const struct sandbox_user *user, char *text, size_t size)
{
	const struct clock_options *o = c->options;
	const struct tracking_options tracking = {
		.chrony_run_dir = o->chrony_run_dir, .ntp_port = o->ntp_port, .user = *user};

	c->tracking = tracking_start(&tracking);
	if (c->tracking < 0) {
		snprintf(text, size, "cannot start the tracking helper: %s", strerror(errno));
		return false;
	}
	return !c->own ||
	       clock_disciplined_start(c->own, o, user, (enum counter_kind)c->timebase.counter_kind, c->hz,
		       monotonic_ns(), text, size);
}

static bool start(struct clock *c, struct sandbox_user *user, pid_t parent, char *text, size_t size)
{
	const struct clock_options *o = c->options;
	struct timebase before;
	enum shm_error error;

	if (!sandbox_find_user(user, o->user, text, size))
		return false;
	start_line(c);
	if (!start_helpers(c, user, text, size))
		return false;
	error = shm_create(&c->shm, o->run_dir, &TIMEBASE_CONTRACT);
	if (error != SHM_OK) {
		shm_explain(error, o->run_dir, &TIMEBASE_CONTRACT, text, size);
		return false;
	}
	if (shm_read(&c->shm, &before) == 0)
		before.updates = 0;
	if (!c->own)
		clock_disciplined_forget(o->run_dir);
	if (c->own && !clock_disciplined_publish_to(c->own, o->run_dir, &before, text, size))
		return false;
	/* Neither is worth failing for: without them a refresh may come late, and the error bound shows it.
	 */
	if (mlockall(MCL_CURRENT) != 0)
		log_debug("memory is not locked: %s", strerror(errno));
	prctl(PR_SET_TIMERSLACK, (unsigned long)TIMER_SLACK_NS, 0L, 0L, 0L);
	return confine(c, user, parent, text, size);
}

int main(int argc, char **argv)
{
	static struct clock_options options;
	static struct clock_disciplined own;
	struct clock c = {.options = &options};
	struct sandbox_user user;
	pid_t parent = getppid();
	sigset_t outside;
	char text[512];
	int status;

	log_init("tickwire-clock", LOG_LEVEL_NOTICE);
	status = clock_options_parse(&options, argc, argv);
	if (status >= 0)
		return status;
	if (options.verbose)
		log_init("tickwire-clock", LOG_LEVEL_DEBUG);
	if (!clock_settings_follow_system(&options.settings))
		c.own = &own;
	stop_signal_catch(&outside);
	if (!sandbox_follow_parent(parent))
		return 1;
	if (!start(&c, &user, parent, text, sizeof(text))) {
		log_error("%s", text);
		return 1;
	}
	status = follow(&c, &outside);
	if (c.own)
		clock_disciplined_stop(c.own);
	shm_close(&c.shm);
	return status;
}
