/*
 * bench/ring: what one core answers over net_ring, the cheapest port there is, beside the same port's limit.
 * Requests are put into a port's ring, the worker's own pass takes them, answers and sends; only the pass is
 * timed. The limit is the same with the least work in between: macswap, as testpmd does it. Both alternate,
 * so that both see the same machine. With two cores to run on, two workers then show what a second one adds.
 */
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "bench/clocks.h"
#include "dataplane/worker.h"
#include "tests/golden.h"

enum {
	RING_SIZE = 1024,
	MBUFS = 4095,
	FRAMES = 4, /* kinds in the mix */
	BURSTS = 8, /* timed together, so that reading the counter weighs little */
	RUNS_DEFAULT = 4000,
	WORKERS = 2,
	NAME = 16,
	HUGE_PAGE = 2 << 20,
	POOL_MEMORY = 8 * HUGE_PAGE,
};

struct kind {
	const char *name;
	unsigned frames;
	struct golden_shape shape[FRAMES];
};

static const struct kind kinds[] = {
	{"v4", 1, {{0}}},
	{"v6", 1, {{.ipv6 = true}}},
	{"vlan", 1, {{.tags = 1}}},
	{"mix", 4, {{0}, {.ipv6 = true}, {.tags = 1}, {.ipv6 = true, .tags = 1}}},
};

struct bed {
	struct rte_ring *in, *out;
	struct rte_mempool *pool;
	struct port port;
	struct worker *worker;
	uint8_t frame[FRAMES][GOLDEN_FRAME_MAX];
	uint16_t length[FRAMES];
	unsigned frames;
};

/*
 * A pool whose mbufs lie as in huge pages, without any: in pages of 4 KiB there would be one to a page, so
 * that all frames shared a few lines of the first-level cache, which is what would be measured then. NULL
 * where memory is short.
 */
static struct rte_mempool *make_pool(const char *name)
{
	const struct rte_pktmbuf_pool_private data = {.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE};
	struct rte_mempool *pool =
		rte_mempool_create_empty(name, MBUFS, sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE,
			256, sizeof(data), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	char *memory = aligned_alloc(HUGE_PAGE, POOL_MEMORY);

	if (!pool || !memory)
		return NULL;
	(void)madvise(memory, POOL_MEMORY, MADV_HUGEPAGE);
	rte_pktmbuf_pool_init(pool, (void *)(uintptr_t)&data);
	if (rte_mempool_set_ops_byname(pool, RTE_MBUF_DEFAULT_MEMPOOL_OPS, NULL) != 0 ||
		rte_mempool_populate_virt(pool, memory, POOL_MEMORY, HUGE_PAGE, NULL, NULL) < MBUFS)
		return NULL;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

static void make_bed(struct bed *bed, unsigned number, const struct packet_lane *lane)
{
	char in[NAME], out[NAME], pool[NAME], port[NAME];
	struct rte_eth_conf conf = {0};
	struct worker *w = aligned_alloc(WORKER_ALIGNMENT, sizeof(*w));
	int id;

	if (w)
		memset(w, 0, sizeof(*w));
	snprintf(in, sizeof(in), "in%u", number);
	snprintf(out, sizeof(out), "out%u", number);
	snprintf(pool, sizeof(pool), "pool%u", number);
	snprintf(port, sizeof(port), "bench%u", number);
	bed->in = rte_ring_create(in, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bed->out = rte_ring_create(out, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bed->pool = make_pool(pool);
	if (!bed->in || !bed->out || !bed->pool || !w)
		rte_exit(EXIT_FAILURE, "not enough memory\n");
	id = rte_eth_from_rings(port, &bed->in, 1, &bed->out, 1, 0);
	if (id < 0 || rte_eth_dev_configure((uint16_t)id, 1, 1, &conf) != 0 ||
		rte_eth_rx_queue_setup((uint16_t)id, 0, RING_SIZE, 0, NULL, bed->pool) != 0 ||
		rte_eth_tx_queue_setup((uint16_t)id, 0, RING_SIZE, 0, NULL) != 0 ||
		rte_eth_dev_start((uint16_t)id) != 0)
		rte_exit(EXIT_FAILURE, "net_ring does not start\n");
	bed->port = (struct port){.id = (uint16_t)id, .tap_id = PORT_NO_TAP, .queues = 1};
	w->counters = aligned_alloc(128, sizeof(*w->counters));
	memset(w->counters, 0, sizeof(*w->counters));
	w->queue[w->queues++] = (struct worker_queue){&bed->port, 0};
	w->precision = -25;
	w->random = 1;
	w->lane = lane;
	golden_policy(&w->policy);
	golden_timebase(&w->timebase);
	w->timebase.counter_kind = COUNTER_CPU;
	w->timebase.counter = counter_read(COUNTER_CPU);
	w->timebase.valid_until = w->timebase.counter + (UINT64_C(1) << 60);
	bed->worker = w;
}

/* Requests for one timed run into the port's ring. */
static void feed(struct bed *bed, bool checked)
{
	struct rte_mbuf *mbufs[BURST_MAX * BURSTS];

	if (rte_pktmbuf_alloc_bulk(bed->pool, mbufs, BURST_MAX * BURSTS) != 0)
		rte_exit(EXIT_FAILURE, "the pool is empty\n");
	for (unsigned i = 0; i < BURST_MAX * BURSTS; i++) {
		const unsigned f = i % bed->frames;

		memcpy(rte_pktmbuf_append(mbufs[i], bed->length[f]), bed->frame[f], bed->length[f]);
		if (checked)
			mbufs[i]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	rte_ring_enqueue_bulk(bed->in, (void **)mbufs, BURST_MAX * BURSTS, NULL);
}

/* What came out goes back to the pool; gives how many there were. */
static unsigned drain(struct bed *bed)
{
	struct rte_mbuf *mbufs[BURST_MAX * BURSTS];
	unsigned n = rte_ring_dequeue_burst(bed->out, (void **)mbufs, BURST_MAX * BURSTS, NULL);

	rte_pktmbuf_free_bulk(mbufs, n);
	return n;
}

/* testpmd's macswap on one port: the least that an answer can cost here. */
static unsigned macswap_pass(struct bed *bed)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	const unsigned n = rte_eth_rx_burst(bed->port.id, 0, mbufs, BURST_MAX);

	for (unsigned i = 0; i < n; i++) {
		struct rte_ether_hdr *ethernet = rte_pktmbuf_mtod(mbufs[i], struct rte_ether_hdr *);
		const struct rte_ether_addr source = ethernet->src_addr;

		ethernet->src_addr = ethernet->dst_addr;
		ethernet->dst_addr = source;
	}
	return rte_eth_tx_burst(bed->port.id, 0, mbufs, (uint16_t)n);
}

enum work { WORK_ANSWER, WORK_ANSWER_CHECKED, WORK_MACSWAP, WORKS };

/* Ticks for BURSTS bursts; 0 where a frame was lost. */
static uint64_t run(struct bed *bed, enum work work)
{
	uint64_t start, ticks;

	feed(bed, work == WORK_ANSWER_CHECKED);
	start = counter_read(COUNTER_CPU);
	for (unsigned b = 0; b < BURSTS; b++) {
		if (work == WORK_MACSWAP)
			macswap_pass(bed);
		else
			worker_pass(bed->worker);
	}
	ticks = counter_read(COUNTER_CPU) - start;
	return drain(bed) == BURST_MAX * BURSTS ? ticks : 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void bench_kind(struct bed *bed, const struct kind *kind, unsigned runs, double clk, double hz)
{
	static const char *const names[] = {"answer+verify", "answer", "macswap"};
	uint64_t *ticks[WORKS];
	double least[WORKS];

	bed->frames = kind->frames;
	for (unsigned f = 0; f < kind->frames && f < FRAMES; f++)
		bed->length[f] = golden_build(&kind->shape[f], bed->frame[f]);
	for (unsigned w = 0; w < WORKS; w++)
		ticks[w] = calloc(runs, sizeof(uint64_t));
	for (unsigned r = 0; r < runs; r++)
		for (unsigned w = 0; w < WORKS; w++)
			if ((ticks[w][r] = run(bed, (enum work)w)) == 0)
				rte_exit(EXIT_FAILURE, "%s: frames were lost or not answered\n", names[w]);
	for (unsigned w = 0; w < WORKS; w++) {
		qsort(ticks[w], runs, sizeof(uint64_t), by_value);
		least[w] = (double)ticks[w][0] / (BURST_MAX * BURSTS);
	}
	for (unsigned w = 0; w < WORKS; w++) {
		printf("%-5s %-14s %7.1f clk %6.1f ns %8.1f Mpps  spread %4.0f %%  %5.2f of macswap\n",
			kind->name, names[w], least[w] * clk, least[w] / hz * 1e9, hz / least[w] / 1e6,
			100.0 * ((double)ticks[w][runs * 9 / 10] / (double)ticks[w][0] - 1),
			least[WORK_MACSWAP] / least[w]);
		free(ticks[w]);
	}
}

/* One of the workers that run at the same time. */
struct share {
	struct bed *bed;
	unsigned cpu, runs;
	pthread_barrier_t *together;
	uint64_t *ticks; /* of each run */
};

static void *work(void *argument)
{
	struct share *share = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(share->cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0 || rte_thread_register() != 0)
		rte_exit(EXIT_FAILURE, "no thread for core %u\n", share->cpu);
	pthread_barrier_wait(share->together);
	for (unsigned r = 0; r < share->runs; r++)
		if ((share->ticks[r] = run(share->bed, WORK_ANSWER_CHECKED)) == 0)
			rte_exit(EXIT_FAILURE, "frames were lost or not answered\n");
	rte_thread_unregister();
	return NULL;
}

/* Frames a tick of `workers` at once, by the median of each one's runs. */
static double rate_of(struct share *shares, unsigned workers)
{
	pthread_barrier_t together;
	pthread_t thread[WORKERS];
	double rate = 0;

	pthread_barrier_init(&together, NULL, workers);
	for (unsigned w = 0; w < workers; w++) {
		shares[w].together = &together;
		if (pthread_create(&thread[w], NULL, work, &shares[w]) != 0)
			rte_exit(EXIT_FAILURE, "no threads\n");
	}
	for (unsigned w = 0; w < workers; w++)
		pthread_join(thread[w], NULL);
	pthread_barrier_destroy(&together);
	for (unsigned w = 0; w < workers; w++) {
		qsort(shares[w].ticks, shares[w].runs, sizeof(uint64_t), by_value);
		rate += BURST_MAX * BURSTS / (double)shares[w].ticks[shares[w].runs / 2];
	}
	return rate;
}

static int by_ratio(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What a second worker on a core of its own adds: alone and together in turn. */
static void bench_scaling(struct bed *beds, unsigned runs, const unsigned cpu[WORKERS], double hz)
{
	enum { ROUNDS = 9 };
	struct share shares[WORKERS];
	double ratio[ROUNDS];

	for (unsigned w = 0; w < WORKERS; w++) {
		beds[w].frames = 1;
		beds[w].length[0] = golden_build(&kinds[0].shape[0], beds[w].frame[0]);
		shares[w] = (struct share){.bed = &beds[w],
			.cpu = cpu[w],
			.runs = runs,
			.ticks = calloc(runs, sizeof(uint64_t))};
	}
	for (unsigned r = 0; r < ROUNDS; r++) {
		const double one = rate_of(shares, 1), two = rate_of(shares, WORKERS);

		ratio[r] = two / one;
		if (r == ROUNDS - 1)
			printf("v4    one worker %.1f Mpps, two %.1f Mpps, in the last of %d rounds\n",
				one * hz / 1e6, two * hz / 1e6, ROUNDS);
	}
	qsort(ratio, ROUNDS, sizeof(ratio[0]), by_ratio);
	printf("v4    two workers on cores %u and %u do %.2f times what one does (%.2f to %.2f; medians of "
	       "%u "
	       "runs)\n",
		cpu[0], cpu[1], ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1], runs);
	for (unsigned w = 0; w < WORKERS; w++)
		free(shares[w].ticks);
}

/* The last two cores that this may run on; false where there is one. */
static bool choose_cpus(const cpu_set_t *allowed, unsigned cpu[WORKERS])
{
	unsigned found = 0;

	for (unsigned c = CPU_SETSIZE; c-- > 0 && found < WORKERS;)
		if (CPU_ISSET(c, allowed))
			cpu[found++] = c;
	return found == WORKERS;
}

int main(int argc, char **argv)
{
	static struct bed beds[WORKERS];
	unsigned cpu[WORKERS];
	cpu_set_t allowed;
	char name[] = "ring", cores[] = "--lcores=0", no_huge[] = "--no-huge", no_files[] = "--no-shconf",
	     no_pci[] = "--no-pci", memory[] = "-m256", quiet[] = "--log-level=*:error",
	     no_telemetry[] = "--no-telemetry";
	char *eal[] = {name, cores, no_huge, no_files, no_pci, memory, quiet, no_telemetry};
	const struct packet_lane *lane = packet_lane_best();
	unsigned runs = RUNS_DEFAULT;
	double clk, hz;
	int option = 1;

	for (; option + 1 < argc; option += 2) {
		if (strcmp(argv[option], "--runs") == 0)
			runs = (unsigned)strtoul(argv[option + 1], NULL, 10);
		else if (strcmp(argv[option], "--lane") == 0)
			lane = packet_lane_find(argv[option + 1]);
		else
			break;
	}
	if (option != argc || runs < 10 || runs > 1000000 || !lane || !lane->supported()) {
		fputs("usage: ring [--runs N] [--lane NAME]   (10 to 1000000; avx512 or generic, as the CPU "
		      "has it)\n",
			stderr);
		return 2;
	}
	if (counter_best() != COUNTER_CPU) {
		fputs("ring: the CPU's counter is not invariant here, and nothing else is fine enough\n",
			stderr);
		return 1;
	}
	/* before EAL ties this thread to a core */
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		CPU_ZERO(&allowed);
	if (rte_eal_init((int)(sizeof(eal) / sizeof(eal[0])), eal) < 0)
		return 1;
	for (unsigned b = 0; b < WORKERS; b++)
		make_bed(&beds[b], b, lane);
	clk = clocks_per_tick();
	hz = clocks_hz();
	printf("one core, net_ring, packets by %s, bursts of %d, least of %u runs; core at %.2f GHz, counter "
	       "at "
	       "%.2f GHz\n",
		lane->name, BURST_MAX, runs, clk * hz / 1e9, hz / 1e9);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		bench_kind(&beds[0], &kinds[k], runs, clk, hz);
	if (choose_cpus(&allowed, cpu))
		bench_scaling(beds, runs, cpu, hz);
	else
		puts("one core to run on: what a second worker adds is not shown");
	return 0;
}
