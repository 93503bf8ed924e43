/*
 * One thread of key establishment, with listening sockets, an epoll set and connections of its own. What
 * threads share is in struct ke_shared.
 */
#ifndef CONTROL_KE_WORKER_H
#define CONTROL_KE_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ke_limiter.h"
#include "control/ke_outcome.h"
#include "control/ke_sealer.h"
#include "nts/tls.h"

enum {
	KE_LISTENERS = 64, /* sockets of a thread: a port on so many addresses */

	/* From the accept to the last octet of the response handed to the kernel: a client at the other end
	 * of the world needs three round trips, and one that trickles gets no longer either. */
	KE_PATIENCE_MS = 5000,
	/* From there to the peer's end of the stream. */
	KE_LINGER_MS = 1000,
	/* What is younger than this does not have to make room: it may well finish. */
	KE_EVICT_MS = 1000,

	/* A connection has one descriptor; a thread has its sockets and these: epoll, eventfd, spare, and one
	 * that is being turned away. */
	KE_WORKER_DESCRIPTORS = 4,
};

struct ke_shared {
	struct ke_offer offer;
	struct ke_ring ring;
	unsigned most;              /* connections of all threads */
	unsigned held;              /* now; atomic */
	bool stopping;              /* atomic */
	pthread_mutex_t lock;       /* of what follows */
	struct tls_server *server;  /* NULL: no identities */
	struct ke_limiter *limiter; /* NULL: no limit */
	uint64_t last_complaint_ns; /* about descriptors */
};

struct ke_worker;

/*
 * Memory, cipher contexts and descriptors of a thread that is to serve the listening sockets, `count` of
 * them, which are not yet listening. NULL with a sentence in text[size].
 */
struct ke_worker *ke_worker_new(
	struct ke_shared *shared, const int *listeners, size_t count, char *text, size_t size);

/* Start the thread, and wait until it runs. It has nothing to do before ke_worker_listen. False with errno.
 */
bool ke_worker_start(struct ke_worker *worker);

/* Take connections from now on. From any thread; false with errno. */
bool ke_worker_listen(struct ke_worker *worker);

/* Let the thread look at what has changed in struct ke_shared. Any thread. */
void ke_worker_wake(struct ke_worker *worker);

/* Connections that ended so; for PENDING all that were accepted. Any thread. */
uint64_t ke_worker_count(const struct ke_worker *worker, enum ke_outcome outcome);

/* Wait for the thread, which has been told to stop, and free all but the listening sockets. NULL is harmless.
 */
void ke_worker_free(struct ke_worker *worker);

#endif
