#include "control/ke_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ke_connection.h"
#include "control/monotonic.h"
#include "dataplane/log.h"

enum {
	EVENTS = 64,    /* at a time */
	ACCEPTS = 16,   /* of a socket at a time */
	BACKLOG = 1024, /* the kernel has a limit of its own, net.core.somaxconn */
	PAUSE_MS = 100, /* without accepting, where not even the spare descriptor helped */
};

static const uint64_t ms = 1000000, complaint_interval_ns = 60 * UINT64_C(1000000000);

/* In one of the worker's lists. */
struct entry {
	struct ke_connection connection;
	uint64_t since_ns; /* accepted, or lingering */
	bool lingers;      /* which list */
	bool sends;        /* what epoll is asked for: room to send, else octets */
	struct entry *previous, *next;
};

/* In the order of since_ns: all in a list have the same patience, so the first is due first. */
struct list {
	struct entry *first, *last;
};

/* What epoll's events point to, beside entries. */
struct listener {
	int fd;
};

struct ke_worker {
	struct ke_shared *shared;
	pthread_t thread;
	sem_t running; /* posted by the thread */
	bool started;
	int epoll, wake;
	int spare; /* given up for a moment to turn somebody away when there are no descriptors; -1: lost */
	uint64_t now_ns;          /* CLOCK_MONOTONIC of this pass */
	uint64_t paused_until_ns; /* 0: listening sockets are served */
	struct list open, lingering;
	struct entry *dead; /* ended in this pass; an event of theirs may still be in the batch */
	struct ke_sealer sealer;
	uint64_t count[KE_OUTCOME_COUNT]; /* atomic: read by the main thread */
	size_t listeners;
	struct listener listener[KE_LISTENERS];
};

static void count(struct ke_worker *w, enum ke_outcome outcome)
{
	__atomic_fetch_add(&w->count[outcome], 1, __ATOMIC_RELAXED);
}

uint64_t ke_worker_count(const struct ke_worker *w, enum ke_outcome outcome)
{
	return __atomic_load_n(&w->count[outcome], __ATOMIC_RELAXED);
}

/* Lists. */

static void append(struct list *list, struct entry *e, uint64_t now_ns)
{
	e->since_ns = now_ns;
	e->previous = list->last;
	e->next = NULL;
	if (list->last)
		list->last->next = e;
	else
		list->first = e;
	list->last = e;
}

static void detach(struct list *list, struct entry *e)
{
	if (e->previous)
		e->previous->next = e->next;
	else
		list->first = e->next;
	if (e->next)
		e->next->previous = e->previous;
	else
		list->last = e->previous;
}

static void end(struct ke_worker *w, struct entry *e, enum ke_outcome outcome)
{
	count(w, outcome);
	ke_connection_end(&e->connection);
	detach(e->lingers ? &w->lingering : &w->open, e);
	e->next = w->dead;
	w->dead = e;
	__atomic_fetch_sub(&w->shared->held, 1, __ATOMIC_RELAXED);
}

static void bury(struct ke_worker *w)
{
	while (w->dead) {
		struct entry *e = w->dead;

		w->dead = e->next;
		free(e);
	}
}

static bool is_older(const struct ke_worker *w, const struct entry *e, uint64_t age_ms)
{
	return e && w->now_ns - e->since_ns >= age_ms * ms;
}

static void expire(struct ke_worker *w)
{
	while (is_older(w, w->open.first, KE_PATIENCE_MS))
		end(w, w->open.first, ke_connection_overdue(&w->open.first->connection));
	while (is_older(w, w->lingering.first, KE_LINGER_MS))
		end(w, w->lingering.first, w->lingering.first->connection.outcome);
}

/* Room for another. Those that have their response lose nothing. */
static bool make_room(struct ke_worker *w)
{
	struct entry *e = w->lingering.first;

	if (e) {
		end(w, e, e->connection.outcome);
		return true;
	}
	if (!is_older(w, w->open.first, KE_EVICT_MS))
		return false;
	end(w, w->open.first, KE_OUTCOME_EVICTED);
	return true;
}

/* Connections. */

static bool ask(struct ke_worker *w, int operation, struct entry *e, bool sends)
{
	struct epoll_event event = {.events = sends ? EPOLLOUT : EPOLLIN, .data.ptr = e};

	e->sends = sends;
	return epoll_ctl(w->epoll, operation, e->connection.fd, &event) == 0;
}

static void settle(struct ke_worker *w, struct entry *e)
{
	struct ke_connection *c = &e->connection;
	const bool sends = ke_connection_wants_write(c);

	if (c->phase == KE_PHASE_DONE) {
		end(w, e, c->outcome);
		return;
	}
	if (c->phase == KE_PHASE_LINGER && !e->lingers) {
		detach(&w->open, e);
		e->lingers = true;
		append(&w->lingering, e, w->now_ns);
	}
	if (sends != e->sends && !ask(w, EPOLL_CTL_MOD, e, sends))
		end(w, e, KE_OUTCOME_NO_MEMORY);
}

static void serve(struct ke_worker *w, struct entry *e)
{
	struct ke_shared *s = w->shared;
	struct tls_server *server = NULL;

	if (e->connection.fd < 0)
		return;
	if (!e->connection.tls && e->connection.phase == KE_PHASE_OPEN) {
		pthread_mutex_lock(&s->lock);
		server = tls_server_hold(s->server);
		pthread_mutex_unlock(&s->lock);
	}
	ke_connection_go_on(&e->connection, server, &s->offer);
	if (server)
		tls_server_release(server);
	settle(w, e);
}

/* Closed at once, and with a reset: nothing stays behind in the kernel either. */
static void turn_away(struct ke_worker *w, int fd, enum ke_outcome outcome)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	count(w, outcome);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void hold(struct ke_worker *w, int fd)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e) {
		__atomic_fetch_sub(&w->shared->held, 1, __ATOMIC_RELAXED);
		turn_away(w, fd, KE_OUTCOME_NO_MEMORY);
		return;
	}
	ke_connection_init(&e->connection, fd, &w->sealer);
	append(&w->open, e, w->now_ns);
	if (!ask(w, EPOLL_CTL_ADD, e, false))
		end(w, e, KE_OUTCOME_NO_MEMORY);
}

static bool is_within_rate(struct ke_worker *w, const struct sockaddr *from)
{
	struct ke_shared *s = w->shared;
	bool allowed;

	if (!s->limiter)
		return true;
	pthread_mutex_lock(&s->lock);
	/* The clock is read under the lock, so that no thread's time is before another's. */
	allowed = ke_limiter_allow(s->limiter, from, monotonic_ns());
	pthread_mutex_unlock(&s->lock);
	return allowed;
}

static void admit(struct ke_worker *w, int fd, const struct sockaddr *from)
{
	struct ke_shared *s = w->shared;

	count(w, KE_OUTCOME_PENDING);
	if (!is_within_rate(w, from)) {
		turn_away(w, fd, KE_OUTCOME_LIMITED);
	} else if (__atomic_add_fetch(&s->held, 1, __ATOMIC_RELAXED) > s->most && !make_room(w)) {
		__atomic_fetch_sub(&s->held, 1, __ATOMIC_RELAXED);
		turn_away(w, fd, KE_OUTCOME_FULL);
	} else {
		hold(w, fd);
	}
}

/* Descriptors. */

static void complain(struct ke_worker *w, int error)
{
	struct ke_shared *s = w->shared;
	bool due;

	pthread_mutex_lock(&s->lock);
	due = s->last_complaint_ns == 0 || w->now_ns - s->last_complaint_ns > complaint_interval_ns;
	if (due)
		s->last_complaint_ns = w->now_ns;
	pthread_mutex_unlock(&s->lock);
	if (due)
		log_warning("connections are turned away: %s; raise the limit (LimitNOFILE= of the service, "
			    "fs.file-max), or lower `maxntsconnections`",
			strerror(error));
}

static void listen_for(struct ke_worker *w, bool on)
{
	for (size_t i = 0; i < w->listeners; i++) {
		struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.ptr = &w->listener[i]};

		(void)epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->listener[i].fd, &event);
	}
	w->paused_until_ns = on ? 0 : w->now_ns + PAUSE_MS * ms;
}

/* The one that waits would wake us for ever: it gets the spare descriptor for a moment. */
static bool shed(struct ke_worker *w, int listener)
{
	int fd = -1;

	if (w->spare >= 0) {
		close(w->spare);
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			count(w, KE_OUTCOME_PENDING);
			turn_away(w, fd, KE_OUTCOME_NO_DESCRIPTOR);
		}
	}
	w->spare = fcntl(w->wake, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		return true;
	listen_for(w, false);
	return false;
}

static bool accept_one(struct ke_worker *w, int listener)
{
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(from);
	int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		admit(w, fd, (const struct sockaddr *)&from);
		return true;
	}
	if (errno == EAGAIN || errno == EINVAL)
		return false;
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return true; /* the connection has gone meanwhile, in one of many ways */
	complain(w, errno);
	return shed(w, listener);
}

static void accept_some(struct ke_worker *w, const struct listener *l)
{
	for (unsigned i = 0; i < ACCEPTS && accept_one(w, l->fd); i++)
		;
}

/* The thread. */

static bool is_listener(const struct ke_worker *w, const void *source)
{
	return (uintptr_t)source >= (uintptr_t)w->listener &&
	       (uintptr_t)source < (uintptr_t)(w->listener + KE_LISTENERS);
}

static void dispatch(struct ke_worker *w, const struct epoll_event *event)
{
	uint64_t value;

	if (event->data.ptr == w) {
		(void)!read(w->wake, &value, sizeof(value));
		ke_sealer_renew(&w->sealer);
	} else if (is_listener(w, event->data.ptr)) {
		accept_some(w, event->data.ptr);
	} else {
		serve(w, event->data.ptr);
	}
}

static uint64_t sooner(uint64_t due_ns, const struct entry *first, uint64_t patience_ms)
{
	uint64_t ns = first ? first->since_ns + patience_ms * ms : due_ns;

	return ns < due_ns ? ns : due_ns;
}

/* Milliseconds until the first is overdue; -1: nobody is. */
static int patience(const struct ke_worker *w)
{
	uint64_t due_ns = w->paused_until_ns ? w->paused_until_ns : UINT64_MAX;

	due_ns = sooner(due_ns, w->open.first, KE_PATIENCE_MS);
	due_ns = sooner(due_ns, w->lingering.first, KE_LINGER_MS);
	if (due_ns == UINT64_MAX)
		return -1;
	return due_ns <= w->now_ns ? 0 : (int)((due_ns - w->now_ns) / ms) + 1;
}

static void pass(struct ke_worker *w)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(w->epoll, events, EVENTS, patience(w));

	w->now_ns = monotonic_ns();
	for (int i = 0; i < n; i++)
		dispatch(w, &events[i]);
	expire(w);
	if (w->paused_until_ns && w->now_ns >= w->paused_until_ns)
		listen_for(w, true);
	bury(w);
}

static void *run(void *opaque)
{
	struct ke_worker *w = opaque;

	sem_post(&w->running);
	w->now_ns = monotonic_ns();
	while (!__atomic_load_n(&w->shared->stopping, __ATOMIC_ACQUIRE))
		pass(w);
	while (w->open.first)
		end(w, w->open.first, KE_OUTCOME_EVICTED);
	while (w->lingering.first)
		end(w, w->lingering.first, w->lingering.first->connection.outcome);
	bury(w);
	return NULL;
}

static bool open_tools(struct ke_worker *w)
{
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->spare = fcntl(w->wake, F_DUPFD_CLOEXEC, 0);
	return ke_sealer_open(&w->sealer, &w->shared->ring) && w->epoll >= 0 && w->wake >= 0 && w->spare >= 0;
}

struct ke_worker *ke_worker_new(
	struct ke_shared *shared, const int *listeners, size_t n, char *text, size_t size)
{
	struct ke_worker *w = calloc(1, sizeof(*w));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};

	if (w) {
		w->shared = shared;
		sem_init(&w->running, 0, 0);
		w->listeners = n;
		for (size_t i = 0; i < n; i++)
			w->listener[i].fd = listeners[i];
		w->epoll = w->wake = w->spare = -1;
	}
	if (!w || !open_tools(w) || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &event) != 0) {
		snprintf(text, size, "cannot set up a thread: %s", strerror(errno));
		ke_worker_free(w);
		return NULL;
	}
	return w;
}

bool ke_worker_start(struct ke_worker *w)
{
	errno = pthread_create(&w->thread, NULL, run, w);
	w->started = errno == 0;
	/* A filter of system calls that follows is not for what a thread does on its way here. */
	while (w->started && sem_wait(&w->running) != 0)
		;
	return w->started;
}

bool ke_worker_listen(struct ke_worker *w)
{
	for (size_t i = 0; i < w->listeners; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &w->listener[i]};

		if (listen(w->listener[i].fd, BACKLOG) != 0 ||
			epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->listener[i].fd, &event) != 0)
			return false;
	}
	return true;
}

void ke_worker_wake(struct ke_worker *w)
{
	const uint64_t one = 1;

	(void)!write(w->wake, &one, sizeof(one));
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void ke_worker_free(struct ke_worker *w)
{
	if (!w)
		return;
	if (w->started) {
		ke_worker_wake(w);
		pthread_join(w->thread, NULL);
	}
	sem_destroy(&w->running);
	ke_sealer_close(&w->sealer);
	close_if_open(w->epoll);
	close_if_open(w->wake);
	close_if_open(w->spare);
	free(w);
}
