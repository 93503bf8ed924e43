/*
 * A worker: one core, its queues, the loop that a packet goes through (docs/architecture.md). DPDK.
 */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_epoll.h>

#include "dataplane/counters.h"
#include "dataplane/kiss_limit.h"
#include "dataplane/nts_lane.h"
#include "dataplane/packet_lane.h"
#include "dataplane/policy.h"
#include "dataplane/port.h"
#include "ntp/shm.h"
#include "refclock/timebase.h"

/* Two cache lines: what one core writes, another's prefetcher may fetch with the line beside it. */
enum { WORKER_QUEUES_MAX = PORT_QUEUES_MAX, WORKER_ALIGNMENT = 128 };

struct worker_queue {
	const struct port *port;
	uint16_t queue;
};

/* Filled by the main thread before worker_run; from then on the worker's own. */
struct worker {
	_Alignas(WORKER_ALIGNMENT) struct worker_counters *counters; /* the worker's block of the segment */
	const struct packet_lane *lane;
	struct shm timebase_segment, policy_segment, keyring_segment;
	int8_t precision;
	bool idle_poll;
	uint64_t idle_after; /* counter ticks without a packet before it waits */
	uint64_t random;     /* state of the generator that fills bits below the precision; not 0 */
	unsigned cpu, queues;
	struct worker_queue queue[WORKER_QUEUES_MAX];
	uint64_t timebase_sequence, policy_sequence, keyring_sequence;
	struct timebase timebase;
	struct policy policy;
	struct nts_lane *nts; /* not looked at while policy.nts is 0 */
	struct kiss_limit kisses;
	uint64_t seal_ticks; /* from T3 to a reply that is sealed, averaged; times 2^SEAL_SHIFT */
	struct rte_epoll_event event[WORKER_QUEUES_MAX]; /* of each queue's socket */
	int epoll; /* -1: some queue can only be waited for by sleeping */
};
static_assert(_Alignof(struct worker) == WORKER_ALIGNMENT && sizeof(struct worker) % WORKER_ALIGNMENT == 0,
	"no cache line, nor a pair of them, is of two workers");

/* Set by the main thread to end every worker's loop. */
extern bool worker_stop;

/* Prepare to wait for packets (sockets, rx interrupts). Main thread, before the privileges are dropped. */
void worker_prepare_wait(struct worker *worker);

/*
 * One pass over the worker's queues: what worker_run does again and again. Gives the frames taken in. For a
 * bench that feeds rings by itself; the timebase and the policy must be in place.
 */
unsigned worker_pass(struct worker *worker);

/* The loop; an lcore_function_t whose argument is a struct worker. Ends after worker_stop. */
int worker_run(void *worker);

#endif
