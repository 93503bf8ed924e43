/*
 * The contract between the workers and whoever watches them: what the dataplane is made of and what it has
 * counted. Writers: the dataplane's main thread (struct dataplane_facts), each worker its own block and
 * nobody else's. Readers: the supervisor, `tickwire status`, metrics. Words are written and read one at a
 * time (relaxed atomics): each is right, a set of them is not a snapshot. Counters start at 0 with each start
 * of the dataplane.
 */
#ifndef DATAPLANE_COUNTERS_H
#define DATAPLANE_COUNTERS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/verdict.h"
#include "ntp/shm.h"

enum { WORKERS_MAX = 64, PORTS_MAX = 16, BURST_MAX = 32, HISTOGRAM_BINS = 40, VERDICT_SLOTS = 64 };
static_assert((int)VERDICT_COUNT <= (int)VERDICT_SLOTS, "room for every verdict");

enum dataplane_state {
	DATAPLANE_STARTING = 0,
	DATAPLANE_POLLING = 1, /* every worker has polled every queue of its own */
	DATAPLANE_STOPPING = 2,
};

/* How frames that are not ours reach the kernel. */
enum kernel_path {
	KERNEL_PATH_NONE = 0, /* they are dropped */
	KERNEL_PATH_XDP = 1,  /* the XDP program passes them; they never come here */
	KERNEL_PATH_COPY = 2, /* AF_PACKET: the kernel has its own copy of every frame */
	KERNEL_PATH_TAP = 3,  /* through an exception TAP */
};

struct port_facts {
	char interface[128];  /* as in the configuration: "eth0", "pci:...", "vdev:..." */
	char kernel_name[16]; /* the kernel interface whose addresses are served: eth0 or the TAP; "" for none
			       */
	char driver[32];      /* of DPDK, as "net_af_xdp" */
	char remark[128]; /* what an operator should know, such as why AF_XDP was refused; "" for nothing */
	uint8_t mac[6];
	uint16_t queues;
	uint16_t mtu;
	uint8_t kernel_path; /* enum kernel_path */
	uint8_t rx_checksum; /* 1: the port verifies IPv4 and UDP checksums */
	uint8_t tx_checksum; /* 1: the port computes them */
	uint8_t link_up;
	int16_t numa_node; /* -1: unknown */
};
static_assert(sizeof(struct port_facts) == 320, "contract counters version 1");

struct dataplane_facts {
	uint32_t state;   /* enum dataplane_state */
	uint32_t workers; /* blocks in use */
	uint32_t ports;
	int32_t pid;
	int32_t precision;    /* log2 seconds, as in replies */
	uint32_t huge_pages;  /* 1: memory of the dataplane is in huge pages */
	char idle[24];        /* the `idle` setting in force */
	char aead[16];        /* the back-end of nts/siv.h in use */
	char packet_lane[16]; /* the lane of dataplane/packet_lane.h in use */
	uint8_t reserved[48];
	struct port_facts port[PORTS_MAX];
};
static_assert(sizeof(struct dataplane_facts) % SHM_CACHE_LINE == 0, "blocks start on a cache line");

/*
 * One worker's. Histogram bin k counts values v with 2^(k-1) <= v < 2^k, bin 0 counts v = 0.
 * Cache lines of different workers are kept apart.
 */
struct worker_counters {
	uint64_t polls;     /* passes over the worker's queues */
	uint64_t heartbeat; /* counter (refclock/counter.h) at the last pass, renewed at least every 100 ms */
	uint64_t sleeps;    /* times the worker waited for packets instead of polling */
	uint64_t rx_frames; /* taken from ports; the sum of verdicts */
	uint64_t rx_bytes;  /* of those, without FCS */
	uint64_t tx_frames; /* replies handed to ports */
	uint64_t tx_bytes;  /* of all replies, those that a port did not take included */
	uint64_t tx_dropped;             /* replies that a port did not take */
	uint64_t to_kernel;              /* frames handed to an exception TAP */
	uint64_t from_kernel;            /* frames of an exception TAP handed to a port */
	uint64_t kernel_dropped;         /* of both directions, those that were not taken */
	uint64_t busy_cycles;            /* counter ticks from receiving a burst to having sent its replies */
	uint64_t busy_frames;            /* frames of those bursts */
	int32_t cpu;                     /* core that the worker is pinned to */
	uint32_t queues;                 /* receive queues that it polls */
	uint64_t nts_kisses;             /* Kiss-o'-Death NTSN among the replies */
	uint64_t nts_kisses_withheld;    /* those that their limit forbade */
	uint64_t verdict[VERDICT_SLOTS]; /* frames, by enum verdict */
	uint64_t burst[HISTOGRAM_BINS];  /* bursts, by frames received (empty ones are not counted) */
	uint64_t residence[HISTOGRAM_BINS]; /* bursts, by ticks from receiving to sent */
	uint64_t reserved_tail[32];
};
static_assert(
	sizeof(struct worker_counters) % 128 == 0, "no cache line, nor a pair of them, has two writers");

struct counters {
	struct dataplane_facts facts;
	uint8_t pad[(128 - (SHM_CACHE_LINE + sizeof(struct dataplane_facts)) % 128) % 128];
	struct worker_counters worker[WORKERS_MAX];
};
static_assert(
	(SHM_CACHE_LINE + offsetof(struct counters, worker)) % 128 == 0, "blocks are aligned in the segment");

#define COUNTERS_CONTRACT       \
	((struct shm_contract){ \
		"counters", SHM_MAGIC('T', 'W', 'C', 'O', 'U', 'N', 'T', 'S'), 1, sizeof(struct counters)})

/* Worker only, on its own block. */
static inline void counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void counter_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

/* Any reader. */
static inline uint64_t counter_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* The bin of a value. */
static inline unsigned histogram_bin(uint64_t value)
{
	unsigned bin = value ? 64 - (unsigned)__builtin_clzll(value) : 0;

	return bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1;
}

#endif
