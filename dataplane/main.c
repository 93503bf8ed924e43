/*
 * tickwire-dataplane: opens ports, starts a worker on each core, sheds its privileges and waits to be told to
 * stop. `tickwire run` starts it; the workers' loop is in dataplane/worker.c.
 */
#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <openssl/crypto.h>

#include "dataplane/counters.h"
#include "dataplane/eal.h"
#include "dataplane/log.h"
#include "dataplane/nts_lane.h"
#include "dataplane/packet_lane.h"
#include "dataplane/port.h"
#include "dataplane/sandbox.h"
#include "dataplane/settings.h"
#include "dataplane/topology.h"
#include "dataplane/worker.h"

enum { ARGUMENTS_MAX = 256 };

static struct settings settings;
static struct port ports[PORTS_MAX];
static uint16_t queues_of[PORTS_MAX];
static struct worker *workers[WORKERS_MAX];
static unsigned worker_cpu[WORKERS_MAX], worker_count, queue_count;
static struct shm counters_segment;

static _Noreturn void give_up(int status, const char *text)
{
	log_error("%s", text);
	_exit(status);
}

static struct counters *counters(void)
{
	return shm_body(&counters_segment);
}

static void set_state(enum dataplane_state state)
{
	__atomic_store_n(&counters()->facts.state, (uint32_t)state, __ATOMIC_RELEASE);
}

/* A worker for each queue that is asked for, as far as there are cores; a NIC without a wish gets a queue a
 * worker. */
static void choose_workers(void)
{
	const int node = topology_port_node(&settings.port[0]);
	unsigned wanted = 0;
	char text[256];

	for (unsigned i = 0; i < settings.ports; i++) {
		queues_of[i] = port_default_queues(&settings.port[i]);
		wanted += queues_of[i] ? queues_of[i] : WORKERS_MAX;
	}
	worker_count = topology_choose_cpus(&settings, wanted, node, worker_cpu, text, sizeof(text));
	if (worker_count == 0)
		give_up(EX_CONFIG, text);
	for (unsigned i = 0; i < settings.ports; i++) {
		if (queues_of[i] == 0)
			queues_of[i] = (uint16_t)worker_count;
		queue_count += queues_of[i];
	}
	topology_prefer_node(node);
}

/* Where huge pages were only found to be gone by EAL itself, start over without: it cannot be initialised
 * twice. */
static void start_eal(int argc, char **argv)
{
	char text[512], without[] = "--huge-pages=no";
	char *again[ARGUMENTS_MAX];
	bool huge;

	if (eal_start("tickwire-dataplane", &settings, worker_cpu, worker_count, queue_count, &huge, text,
		    sizeof(text)))
		return;
	if (huge && settings.huge_pages == HUGE_PAGES_AUTO && argc < ARGUMENTS_MAX - 1) {
		log_warning("%s; trying without huge pages", text);
		memcpy(again, argv, (size_t)argc * sizeof(*argv));
		again[argc] = without;
		again[argc + 1] = NULL;
		execv("/proc/self/exe", again);
	}
	give_up(EX_OSERR, text);
}

static void open_ports(void)
{
	char text[512], xdp_object[PATH_MAX];

	snprintf(xdp_object, sizeof(xdp_object), "%s/tickwire_xdp.o", settings.run_dir);
	for (unsigned i = 0; i < settings.ports; i++) {
		if (!port_open(&ports[i], i, &settings.port[i], queues_of[i], xdp_object, text, sizeof(text)))
			give_up(EX_UNAVAILABLE, text);
		counters()->facts.port[i] = ports[i].facts;
	}
	counters()->facts.ports = settings.ports;
}

/*
 * log2 of the time that it takes to read the clock, rounded up (RFC 5905 section 7.3). A burst has one
 * reading, and what tells its replies apart are the bits below the precision: it is never finer than they
 * need.
 */
static int8_t measure_precision(const struct timebase *tb)
{
	uint64_t least = NTP64_SECOND;

	for (int i = 0; i < 1000; i++) {
		ntp64 before = timebase_time(tb, counter_read((enum counter_kind)tb->counter_kind));
		ntp64 after = timebase_time(tb, counter_read((enum counter_kind)tb->counter_kind));

		if (after - before > 0 && after - before < least)
			least = after - before;
	}
	/* least units of 2^-32 s; a second is the worst. */
	for (int8_t log2 = REPLY_PRECISION_FINEST; log2 < -1; log2++)
		if (least <= UINT64_C(1) << (32 + log2))
			return log2;
	return -1;
}

static void attach(struct shm *segment, const struct shm_contract *contract)
{
	char text[PATH_MAX + 256];
	const enum shm_error error = shm_open_reader(segment, settings.run_dir, contract);

	if (error == SHM_OK)
		return;
	shm_explain(error, settings.run_dir, contract, text, sizeof(text));
	give_up(EX_UNAVAILABLE, text);
}

static void attach_segments(struct worker *w)
{
	attach(&w->timebase_segment, &TIMEBASE_CONTRACT);
	attach(&w->policy_segment, &POLICY_CONTRACT);
	attach(&w->keyring_segment, &KEYRING_CONTRACT);
	(void)mlock(w->keyring_segment.head, 1); /* its page, as in nts_lane_new: tmpfs is swapped too */
	w->timebase_sequence = shm_read(&w->timebase_segment, &w->timebase);
	if (w->timebase_sequence == 0)
		give_up(EX_UNAVAILABLE, "tickwire-clock has not published a timebase yet");
}

/* What the AEADs are computed with. */
static const struct siv_backend *choose_aead(void)
{
	const struct siv_backend *best = siv_backend_best();
	const struct siv_backend *backend =
		settings.aead_backend ? siv_backend_find(settings.aead_backend) : best;
	char text[160];

	if (!backend || !backend->supported()) {
		snprintf(text, sizeof(text), "aeadbackend %.20s is not %s; expected auto, which is %s here",
			settings.aead_backend, backend ? "for this CPU" : "in this build", best->name);
		give_up(EX_CONFIG, text);
	}
	snprintf(counters()->facts.aead, sizeof(counters()->facts.aead), "%s", backend->name);
	return backend;
}

/* What requests are classified and answered with. */
static const struct packet_lane *choose_packet_lane(void)
{
	const struct packet_lane *best = packet_lane_best();
	const struct packet_lane *lane = settings.packet_lane ? packet_lane_find(settings.packet_lane) : best;
	char text[160];

	if (!lane || !lane->supported()) {
		snprintf(text, sizeof(text), "packetlane %.20s is not %s; expected auto, which is %s here",
			settings.packet_lane, lane ? "for this CPU" : "in this build", best->name);
		give_up(EX_CONFIG, text);
	}
	snprintf(counters()->facts.packet_lane, sizeof(counters()->facts.packet_lane), "%s", lane->name);
	return lane;
}

/* Before the sandbox: the library fetches its ciphers now, and opens nothing later. */
static struct nts_lane *make_nts_lane(
	const struct siv_backend *backend, const struct packet_lane *packet_lane)
{
	uint8_t seed[NTS_LANE_SEED];
	struct nts_lane *lane;

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		give_up(EX_OSERR, "the kernel has no random octets to seed nonces with");
	lane = nts_lane_new(backend, packet_lane, seed);
	OPENSSL_cleanse(seed, sizeof(seed));
	if (!lane)
		give_up(EX_OSERR, "libcrypto does not give AES-128-CBC and AES-128-CTR: no NTS without them");
	return lane;
}

static void make_worker(unsigned index, const struct siv_backend *aead, const struct packet_lane *lane)
{
	const int node = rte_eal_has_hugepages() ? (int)rte_lcore_to_socket_id(index + 1) : SOCKET_ID_ANY;
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), WORKER_ALIGNMENT, node);

	if (!w)
		give_up(EX_OSERR, "not enough memory for the workers");
	attach_segments(w);
	w->nts = make_nts_lane(aead, lane);
	w->lane = lane;
	w->cpu = worker_cpu[index];
	w->counters = &counters()->worker[index];
	w->counters->cpu = (int32_t)w->cpu;
	w->idle_poll = settings.idle_poll;
	w->idle_after = settings.idle_after_us * w->timebase.counter_hz / 1000000;
	w->precision = measure_precision(&w->timebase);
	if (getrandom(&w->random, sizeof(w->random), 0) != sizeof(w->random) || w->random == 0)
		w->random = counter_read(COUNTER_MONOTONIC_RAW) | 1;
	counters()->facts.precision = w->precision;
	workers[index] = w;
}

/* Every queue has one worker; a worker may have several queues. */
static void deal_queues(void)
{
	unsigned next = 0;

	for (unsigned p = 0; p < settings.ports; p++)
		for (uint16_t q = 0; q < ports[p].queues; q++, next++) {
			struct worker *w = workers[next % worker_count];

			if (w->queues == WORKER_QUEUES_MAX)
				give_up(EX_CONFIG, "too many queues for the workers; give them more cores "
						   "with `workers`");
			w->queue[w->queues++] = (struct worker_queue){&ports[p], q};
		}
	for (unsigned i = 0; i < worker_count; i++)
		workers[i]->counters->queues = workers[i]->queues;
}

static const struct sandbox_rule port_calls[] = {
	{SCMP_SYS(sendto), -1, 0},   /* AF_XDP and AF_PACKET: send what is in the ring */
	{SCMP_SYS(recvfrom), -1, 0}, /* AF_XDP: wake the driver */
	{SCMP_SYS(readv), -1, 0},    /* net_tap */
	{SCMP_SYS(epoll_ctl), -1,
		0}, /* receive interrupts; EAL makes its set anew when a port comes or goes */
	{SCMP_SYS(epoll_create), -1, 0}, {SCMP_SYS(epoll_create1), -1, 0}, {SCMP_SYS(pipe2), -1, 0},
	{SCMP_SYS(rt_sigtimedwait), -1, 0}, {SCMP_SYS(sched_getaffinity), -1, 0},
	{SCMP_SYS(ioctl), 1, SIOCGIFFLAGS}, /* link state */
};

/* memif, vhost-user, virtio-user: a peer comes, goes and comes again, and shares memory each time. */
static const struct sandbox_rule peer_calls[] = {
	{SCMP_SYS(socket), 0, AF_UNIX},
	{SCMP_SYS(connect), -1, 0},
	{SCMP_SYS(accept), -1, 0},
	{SCMP_SYS(accept4), -1, 0},
	{SCMP_SYS(recvmsg), -1, 0},
	{SCMP_SYS(sendmsg), -1, 0},
	{SCMP_SYS(getsockopt), -1, 0},
	{SCMP_SYS(setsockopt), -1, 0},
	{SCMP_SYS(fcntl), -1, 0},
	{SCMP_SYS(memfd_create), -1, 0},
	{SCMP_SYS(ftruncate), -1, 0},
	{SCMP_SYS(eventfd2), -1, 0},
	{SCMP_SYS(timerfd_create), -1, 0},
	{SCMP_SYS(timerfd_settime), -1, 0},
};

static bool any_port_is(const char *prefix)
{
	bool any = false;

	for (unsigned i = 0; i < settings.ports; i++)
		any |= strncmp(settings.port[i].name, prefix, strlen(prefix)) == 0;
	return any;
}

static void confine(pid_t parent)
{
	enum {
		PORT_CALLS = sizeof(port_calls) / sizeof(port_calls[0]),
		PEER_CALLS = sizeof(peer_calls) / sizeof(peer_calls[0])
	};
	struct sandbox_rule rules[PORT_CALLS + PEER_CALLS];
	struct sandbox_user user;
	char text[256];

	memcpy(rules, port_calls, sizeof(port_calls));
	memcpy(rules + PORT_CALLS, peer_calls, sizeof(peer_calls));
	/* What a NIC's driver calls is not known here; it is told no rather than killed unless the operator
	 * decides. */
	if (any_port_is("pci:") && !settings.seccomp_given)
		settings.seccomp = SANDBOX_ERRNO;
	if (!sandbox_find_user(&user, settings.user, text, sizeof(text)) ||
		!sandbox_drop_privileges(&user, NULL, 0, text, sizeof(text)))
		give_up(EX_NOPERM, text);
	/* The keyring is in no core file, and nobody of the same user looks into the memory. */
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	if (!sandbox_follow_parent(parent))
		give_up(EX_UNAVAILABLE, "the supervisor has ended");
	if (!sandbox_filter(settings.seccomp, rules, PORT_CALLS + (any_port_is("vdev:") ? PEER_CALLS : 0),
		    text, sizeof(text)))
		give_up(EX_NOPERM, text);
}

static bool all_have_polled(void)
{
	for (unsigned i = 0; i < worker_count; i++)
		if (counter_get(&workers[i]->counters->polls) == 0)
			return false;
	return true;
}

/* Until SIGTERM or SIGINT, which are blocked in all threads. */
static void wait_for_the_end(const sigset_t *ends)
{
	const struct timespec short_while = {.tv_nsec = 2000000}, long_while = {.tv_sec = 1};
	bool polling = false;

	while (sigtimedwait(ends, NULL, polling ? &long_while : &short_while) < 0) {
		if (!polling && all_have_polled()) {
			polling = true;
			set_state(DATAPLANE_POLLING);
		}
		for (unsigned i = 0; i < settings.ports; i++) {
			struct rte_eth_link link;

			if (rte_eth_link_get_nowait(ports[i].id, &link) == 0)
				counters()->facts.port[i].link_up = link.link_status;
		}
	}
}

static void start_counters(void)
{
	char text[PATH_MAX + 256];
	enum shm_error error = shm_create(&counters_segment, settings.run_dir, &COUNTERS_CONTRACT);
	struct dataplane_facts *facts;

	if (error != SHM_OK) {
		shm_explain(error, settings.run_dir, &COUNTERS_CONTRACT, text, sizeof(text));
		give_up(error == SHM_SYSTEM && errno == EACCES ? EX_NOPERM : EX_CANTCREAT, text);
	}
	memset(counters(), 0, sizeof(struct counters));
	facts = &counters()->facts;
	facts->pid = getpid();
	if (settings.idle_poll)
		snprintf(facts->idle, sizeof(facts->idle), "poll");
	else
		snprintf(facts->idle, sizeof(facts->idle), "sleep %u us", settings.idle_after_us % 1000001);
}

int main(int argc, char **argv)
{
	const pid_t parent = getppid();
	const struct siv_backend *aead;
	const struct packet_lane *lane;
	char text[512];
	sigset_t ends;

	log_init("tickwire-dataplane", LOG_LEVEL_NOTICE);
	if (!settings_parse(&settings, argc, argv, text, sizeof(text)))
		give_up(EX_USAGE, text);
	if (!sandbox_follow_parent(parent))
		give_up(EX_UNAVAILABLE, "the supervisor has ended");
	/* Threads inherit it: a worker's short sleeps should be short. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	start_counters();
	choose_workers();
	aead = choose_aead();
	lane = choose_packet_lane();
	start_eal(argc, argv);
	counters()->facts.huge_pages = rte_eal_has_hugepages() != 0;
	open_ports();
	for (unsigned i = 0; i < worker_count; i++)
		make_worker(i, aead, lane);
	deal_queues();
	counters()->facts.workers = worker_count;
	for (unsigned i = 0; i < worker_count; i++)
		worker_prepare_wait(workers[i]);
	confine(parent);
	for (unsigned i = 0; i < worker_count; i++)
		rte_eal_remote_launch(worker_run, workers[i], i + 1);
	wait_for_the_end(&ends);
	set_state(DATAPLANE_STOPPING);
	__atomic_store_n(&worker_stop, true, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
	for (unsigned i = 0; i < worker_count; i++)
		nts_lane_free(workers[i]->nts);
	for (unsigned i = 0; i < settings.ports; i++)
		port_stop(&ports[i]);
	return EXIT_SUCCESS;
}
