/* Frames: what the workers, the ports and the programs in the kernel have counted. */
#include <stdio.h>

#include "control/metrics_page.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned workers_of(const struct counters *c)
{
	return c->facts.workers < WORKERS_MAX ? c->facts.workers : WORKERS_MAX;
}

static void verdicts(struct metrics_out *out, const struct counters *c)
{
	metrics_family(
		out, METRICS_COUNTER, "frames_total", "Frames that the workers have received, by verdict.");
	for (unsigned k = 0; k < VERDICT_COUNT; k++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < workers_of(c); i++)
			sum += c->worker[i].verdict[k];
		metrics_whole(out, sum, &METRICS_WORD("verdict", verdict_info[k].name), 1);
	}
}

/* A worker's labels, in storage of the caller's. */
struct worker_labels {
	char number[12], cpu[12];
	struct metrics_label label[2];
};

static const struct metrics_label *label_worker(
	struct worker_labels *l, const struct worker_counters *w, unsigned number)
{
	snprintf(l->number, sizeof(l->number), "%u", number);
	snprintf(l->cpu, sizeof(l->cpu), "%d", (int)w->cpu);
	l->label[0] = METRICS_WORD("worker", l->number);
	l->label[1] = METRICS_WORD("cpu", l->cpu);
	return l->label;
}

static const struct {
	const char *name, *help;
	size_t offset;
} worker_counts[] = {
#define X(name, member, help)                                                           \
	{                                                                               \
		"worker_" name "_total", help, offsetof(struct worker_counters, member) \
	}
	X("received_frames", rx_frames, "Frames that the worker has taken from ports."),
	X("received_bytes", rx_bytes, "Octets of these, without the check sequence."),
	X("sent_frames", tx_frames, "Replies that the worker has handed to ports."),
	X("sent_bytes", tx_bytes, "Octets of all replies, those that no port took included."),
	X("unsent_frames", tx_dropped, "Replies that no port took."),
	X("to_kernel_frames", to_kernel, "Frames handed to an exception TAP."),
	X("from_kernel_frames", from_kernel, "Frames of an exception TAP handed to a port."),
	X("kernel_dropped_frames", kernel_dropped, "Frames of both directions that were not taken."),
	X("polls", polls, "Passes over the worker's queues."),
	X("sleeps", sleeps, "Times that the worker has waited for packets instead of polling."),
	X("busy_frames", busy_frames, "Frames of the bursts that worker_busy_seconds_total measures."),
#undef X
};

static uint64_t word_at(const struct worker_counters *w, size_t offset)
{
	return *(const uint64_t *)(const void *)((const uint8_t *)w + offset);
}

static void workers(struct metrics_out *out, const struct counters *c)
{
	struct worker_labels labels;

	for (size_t k = 0; k < COUNT(worker_counts); k++) {
		metrics_family(out, METRICS_COUNTER, worker_counts[k].name, worker_counts[k].help);
		for (unsigned i = 0; i < workers_of(c); i++)
			metrics_whole(out, word_at(&c->worker[i], worker_counts[k].offset),
				label_worker(&labels, &c->worker[i], i), 2);
	}
}

/* What counts ticks, in seconds: `hz` a second. */
static void worker_times(struct metrics_out *out, const struct counters *c, double hz, uint64_t now)
{
	struct worker_labels labels;

	metrics_family(out, METRICS_COUNTER, "worker_busy_seconds_total",
		"Time from receiving bursts to having sent their replies.");
	for (unsigned i = 0; i < workers_of(c); i++)
		metrics_real(out, (double)c->worker[i].busy_cycles / hz,
			label_worker(&labels, &c->worker[i], i), 2);
	metrics_family(out, METRICS_GAUGE, "worker_heartbeat_age_seconds",
		"Time since the worker's last pass over its queues.");
	for (unsigned i = 0; i < workers_of(c); i++)
		metrics_real(out, (double)(int64_t)(now - c->worker[i].heartbeat) / hz,
			label_worker(&labels, &c->worker[i], i), 2);
}

static void ports(struct metrics_out *out, const struct dataplane_facts *f)
{
	metrics_family(out, METRICS_GAUGE, "port_link_up", "1 while the port's link is up.");
	for (unsigned i = 0; i < f->ports && i < PORTS_MAX; i++) {
		char number[12];
		const struct metrics_label labels[] = {METRICS_WORD("port", number),
			METRICS_TEXT("interface", f->port[i].interface),
			METRICS_TEXT("driver", f->port[i].driver)};

		snprintf(number, sizeof(number), "%u", i);
		metrics_whole(out, f->port[i].link_up != 0, labels, COUNT(labels));
	}
}

static void kernel(struct metrics_out *out, const struct instance *instance)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} counts[] = {
#define X(name, member, help) {"kernel_" name "_total", help, offsetof(struct instance_path, member)}
		X("redirected_frames", redirected, "Frames that XDP has taken for the workers."),
		X("unserved_frames", no_socket,
			"NTP requests left to the kernel, for want of a socket of a worker."),
		X("dropped_copies", dropped, "The kernel's copies of frames that the workers have."),
#undef X
	};

	for (size_t k = 0; k < COUNT(counts); k++) {
		metrics_family(out, METRICS_COUNTER, counts[k].name, counts[k].help);
		for (uint32_t i = 0; i < instance->paths && i < CONFIG_INTERFACES; i++) {
			const struct instance_path *p = &instance->path[i];

			metrics_whole(out,
				*(const uint64_t *)(const void *)((const uint8_t *)p + counts[k].offset),
				&METRICS_TEXT("interface", p->interface), 1);
		}
	}
}

void metrics_traffic(
	struct metrics_out *out, const struct counters *counters, const struct metrics_view *view)
{
	verdicts(out, counters);
	workers(out, counters);
	if (view->timebase && view->timebase->counter_hz)
		worker_times(out, counters, (double)view->timebase->counter_hz, view->now);
	ports(out, &counters->facts);
	if (view->instance)
		kernel(out, view->instance);
}
