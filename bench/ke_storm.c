#include "bench/ke_storm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	BEGIN_AT_ONCE = 64,     /* then those under way have their turn */
	OTHER_DESCRIPTORS = 64, /* of the process, beside the connections */
	NS_PER_MS = 1000000,
	LATE_NS = NS_PER_MS,
	TURN_NS = 100 * NS_PER_MS, /* how long a stop may go unnoticed */
	NS_PER_S = 1000000000,
};

struct slot {
	TAILQ_ENTRY(slot) link;
	struct ke_attempt attempt;
	uint64_t intended;   /* ns */
	uint64_t rest_until; /* ns; closed loop */
};

TAILQ_HEAD(slots, slot);

struct storm {
	const struct ke_storm_settings *settings;
	struct ke_storm_result *result;
	int epoll;
	struct slot *slot;
	struct slots free; /* those that rest are the last, in the order of their time */
	struct slots busy; /* in the order of their beginning, which is that of their time-outs */
	struct slots held;
	struct arrival arrival;
	uint64_t count;
	uint64_t start, end; /* ns; UINT64_MAX: no end */
	uint64_t timeout;    /* ns */
	uint64_t due;        /* ns: open loop, the next to be begun */
	uint64_t next_progress;
	bool is_open_loop;
	bool is_over; /* no more are begun */
};

static bool is_stopped(const struct storm *s)
{
	return s->settings->stop && *s->settings->stop;
}

static uint64_t next_due(struct storm *s)
{
	return s->start + arrival_next(&s->arrival);
}

/* Out of the busy ones, or the held ones. */
static void release(struct storm *s, struct slots *from, struct slot *slot, bool tired)
{
	TAILQ_REMOVE(from, slot, link);
	if (tired && !s->is_open_loop) {
		slot->rest_until = ke_attempt_now() + (uint64_t)KE_STORM_REST_MS * NS_PER_MS;
		TAILQ_INSERT_TAIL(&s->free, slot, link);
	} else {
		slot->rest_until = 0;
		TAILQ_INSERT_HEAD(&s->free, slot, link);
	}
}

static void note_failure(struct storm *s, const struct ke_failure *failure)
{
	if (s->result->failed++ == 0)
		s->result->first = *failure;
	s->result->failures[failure->reason]++;
}

static void note_good(struct storm *s, const struct slot *slot)
{
	const struct ke_attempt *a = &slot->attempt;
	struct ke_storm_result *r = s->result;

	r->good++;
	r->few_cookies += a->cookies < KE_COOKIES;
	distribution_add(&r->latency, a->ended - slot->intended);
	distribution_add(&r->connect, a->connected - a->begun);
	distribution_add(&r->handshake, a->open - a->connected);
	distribution_add(&r->response, a->ended - a->open);
}

static void serve(struct storm *s, struct slot *slot, uint32_t events)
{
	struct ke_attempt *a = &slot->attempt;
	const bool was_held = a->stage == KE_STAGE_HELD;
	struct ke_failure failure;

	switch (ke_attempt_serve(a, &s->settings->terms, events, &failure)) {
	case KE_PROGRESS_GOOD:
		note_good(s, slot);
		release(s, &s->busy, slot, false);
		return;
	case KE_PROGRESS_FAILED:
		note_failure(s, &failure);
		release(s, &s->busy, slot, true);
		return;
	case KE_PROGRESS_PENDING:
	case KE_PROGRESS_DROPPED:
		break;
	}
	if (!was_held && a->stage == KE_STAGE_HELD) {
		s->result->held++;
		TAILQ_REMOVE(&s->busy, slot, link);
		TAILQ_INSERT_TAIL(&s->held, slot, link);
	}
	if (a->stage == KE_STAGE_HELD && a->fd < 0) {
		s->result->dropped++;
		distribution_add(&s->result->kept, a->ended - a->begun);
		release(s, &s->held, slot, false);
	}
}

static bool watch(struct storm *s, struct slot *slot, struct ke_failure *failure)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = slot};

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, slot->attempt.fd, &event) == 0)
		return true;
	failure->reason = KE_REASON_SYSTEM;
	snprintf(failure->detail, sizeof(failure->detail), "epoll: %s", strerror(errno));
	ke_attempt_end(&slot->attempt);
	return false;
}

/* The first free slot. `intended` is 0 where it is now. */
static void begin(struct storm *s, uint64_t intended)
{
	struct slot *slot = TAILQ_FIRST(&s->free);
	struct ke_failure failure;

	TAILQ_REMOVE(&s->free, slot, link);
	TAILQ_INSERT_TAIL(&s->busy, slot, link);
	s->result->begun++;
	if (!ke_attempt_begin(&slot->attempt, &s->settings->terms, &failure) || !watch(s, slot, &failure)) {
		note_failure(s, &failure);
		release(s, &s->busy, slot, true);
	}
	slot->intended = intended ? intended : slot->attempt.begun;
	s->result->late += slot->attempt.begun > slot->intended + LATE_NS;
}

static bool can_begin(const struct storm *s, uint64_t now)
{
	const struct slot *first = TAILQ_FIRST(&s->free);
	const uint64_t at = s->is_open_loop ? s->due : now;

	return first && first->rest_until <= now && at <= now && at < s->end;
}

static bool is_count_reached(const struct storm *s)
{
	return s->result->begun >= s->count;
}

static bool is_hopeless(const struct storm *s)
{
	return s->settings->failures_most &&
	       s->result->failed >= s->result->good + s->settings->failures_most;
}

/* What is due. Beginning is over when all are begun, or the time is over and no slot is free for what came
 * before its end. */
static void begin_due(struct storm *s, uint64_t now)
{
	for (unsigned i = 0; i < BEGIN_AT_ONCE && !is_count_reached(s) && can_begin(s, now); i++) {
		begin(s, s->is_open_loop ? s->due : 0);
		if (s->is_open_loop)
			s->due = next_due(s);
	}
	s->is_over = is_stopped(s) || is_count_reached(s) || is_hopeless(s) ||
		     (now >= s->end && !can_begin(s, now));
}

/* Of those whose time has come, the ones that were not begun. */
static void count_unbegun(struct storm *s, uint64_t now)
{
	const uint64_t end = now < s->end ? now : s->end;

	while (s->due < end && s->result->begun + s->result->unbegun < s->count) {
		s->result->unbegun++;
		s->due = next_due(s);
	}
}

/* Each has as much time as the others, so the oldest is the first to have none left. */
static void expire(struct storm *s, uint64_t now)
{
	struct slot *slot;

	while ((slot = TAILQ_FIRST(&s->busy)) && slot->attempt.begun + s->timeout <= now) {
		const struct ke_failure failure = {.reason = ke_attempt_late(&slot->attempt)};

		ke_attempt_end(&slot->attempt);
		note_failure(s, &failure);
		release(s, &s->busy, slot, true);
	}
}

static void least(uint64_t *at, uint64_t other)
{
	if (other < *at)
		*at = other;
}

/* When something has to be done at the latest, whatever the server does. */
static uint64_t wake_time(const struct storm *s, uint64_t now)
{
	const struct slot *free_one = TAILQ_FIRST(&s->free), *oldest = TAILQ_FIRST(&s->busy);
	uint64_t at = now + TURN_NS;

	if (oldest)
		least(&at, oldest->attempt.begun + s->timeout);
	if (!s->is_over && free_one)
		least(&at, s->is_open_loop ? s->due : free_one->rest_until);
	if (!s->is_over || !TAILQ_EMPTY(&s->held))
		least(&at, s->end);
	return at;
}

/* epoll counts in milliseconds, which is too coarse for the times of an open loop. */
static void wait(struct storm *s)
{
	const uint64_t now = ke_attempt_now(), at = wake_time(s, now);
	const uint64_t left = at > now ? at - now : 0;
	struct pollfd fd = {.fd = s->epoll, .events = POLLIN};
	const struct timespec pause = {.tv_nsec = (long)left};
	struct epoll_event events[EVENTS];
	int n;

	if (left > 0 && ppoll(&fd, 1, &pause, NULL) <= 0)
		return;
	n = epoll_wait(s->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		serve(s, events[i].data.ptr, events[i].events);
		/* a step of TLS takes a part of a millisecond, which others' times do not wait for */
		if (s->is_open_loop && !s->is_over)
			begin_due(s, ke_attempt_now());
	}
}

static void tell_progress(struct storm *s, uint64_t now)
{
	s->result->seconds = (double)(now - s->start) / NS_PER_S;
	if (now < s->next_progress || !s->settings->progress)
		return;
	s->next_progress = now + NS_PER_S;
	s->settings->progress(s->settings->opaque, s->result);
}

static void abandon(struct storm *s)
{
	struct slot *slot;

	while ((slot = TAILQ_FIRST(&s->busy))) {
		ke_attempt_end(&slot->attempt);
		s->result->abandoned++;
		release(s, &s->busy, slot, false);
	}
}

/* Those under way are waited for, those that are held only until the time is over. */
static bool is_done(const struct storm *s, uint64_t now)
{
	if (is_stopped(s))
		return true;
	return s->is_over && TAILQ_EMPTY(&s->busy) && (TAILQ_EMPTY(&s->held) || now >= s->end);
}

static void run(struct storm *s)
{
	uint64_t now = ke_attempt_now();

	while (!is_done(s, now)) {
		if (!s->is_over)
			begin_due(s, now);
		wait(s);
		now = ke_attempt_now();
		expire(s, now);
		tell_progress(s, now);
	}
	if (s->is_open_loop)
		count_unbegun(s, now);
	abandon(s);
}

/* Root may go beyond the hard limit; others are told. */
static bool raise_descriptors(unsigned connections, char *text, size_t size)
{
	const rlim_t wanted = connections + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return true;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	limit.rlim_cur = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return true;
	getrlimit(RLIMIT_NOFILE, &limit);
	snprintf(text, size,
		"%u connections at a time need %llu file descriptors, and the limit is %llu: ask for fewer, "
		"or "
		"raise it (ulimit -Hn)",
		connections, (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
	return false;
}

static bool check(const struct ke_storm_settings *settings, char *text, size_t size)
{
	struct tls *tls;

	if (settings->connections < 1 || settings->connections > KE_STORM_CONNECTIONS_MAX ||
		settings->count > KE_STORM_COUNT_MAX || !(settings->timeout > 0) ||
		!(settings->seconds >= 0) || settings->seconds > KE_STORM_SECONDS_MAX ||
		settings->timeout > KE_STORM_SECONDS_MAX) {
		snprintf(text, size, "the storm is out of its bounds");
		return false;
	}
	tls = tls_connect_new(settings->terms.tls, settings->terms.name);
	tls_free(tls);
	if (!tls)
		snprintf(text, size, "'%s' can be no certificate's name", settings->terms.name);
	return tls != NULL;
}

static bool prepare(struct storm *s, char *text, size_t size)
{
	const struct ke_storm_settings *settings = s->settings;

	TAILQ_INIT(&s->free);
	TAILQ_INIT(&s->busy);
	TAILQ_INIT(&s->held);
	s->is_open_loop = settings->arrival.rate > 0;
	if (s->is_open_loop && !arrival_init(&s->arrival, &settings->arrival, text, (unsigned)size))
		return false;
	if (!check(settings, text, size) || !raise_descriptors(settings->connections, text, size))
		return false;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->slot = calloc(settings->connections, sizeof(*s->slot));
	if (s->epoll < 0 || !s->slot) {
		snprintf(text, size, "the storm cannot begin: %s", strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < settings->connections; i++) {
		s->slot[i].attempt.fd = -1;
		TAILQ_INSERT_TAIL(&s->free, &s->slot[i], link);
	}
	s->count = settings->terms.hold ? settings->connections
		   : settings->count    ? settings->count
					: KE_STORM_COUNT_MAX;
	s->timeout = (uint64_t)(settings->timeout * NS_PER_S);
	s->start = ke_attempt_now();
	s->end = settings->seconds > 0 ? s->start + (uint64_t)(settings->seconds * NS_PER_S) : UINT64_MAX;
	s->next_progress = s->start + NS_PER_S;
	if (s->is_open_loop)
		s->due = next_due(s);
	return true;
}

static void finish(struct storm *s)
{
	for (unsigned i = 0; s->slot && i < s->settings->connections; i++)
		ke_attempt_free(&s->slot[i].attempt);
	free(s->slot);
	if (s->epoll >= 0)
		close(s->epoll);
}

bool ke_storm_run(
	const struct ke_storm_settings *settings, struct ke_storm_result *result, char *text, size_t size)
{
	struct storm s = {.settings = settings, .result = result, .epoll = -1};
	bool ready;

	memset(result, 0, sizeof(*result));
	ready = prepare(&s, text, size);
	if (ready)
		run(&s);
	finish(&s);
	return ready;
}

bool ke_storm_is_clean(const struct ke_storm_result *result)
{
	return result->failed == 0 && result->unbegun == 0;
}
