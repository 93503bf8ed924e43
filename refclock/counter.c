#include "refclock/counter.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int counter_watch_open(void)
{
#if defined(__x86_64__)
	return open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		O_RDONLY | O_CLOEXEC | O_NONBLOCK);
#else
	return -1;
#endif
}

/* The kernel measures the TSC against other clocks and stops using one that misbehaves. */
bool counter_watch(int fd)
{
#if defined(__x86_64__)
	char name[32] = "";

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0 || read(fd, name, sizeof(name) - 1) <= 0)
		return false;
	/* A guest's kvm-clock and hyperv pages are read through the TSC; whether it is invariant CPUID has
	 * said. */
	return strncmp(name, "tsc", 3) == 0 || strncmp(name, "kvm-clock", 9) == 0 ||
	       strncmp(name, "hyperv_clocksource_tsc_page", 27) == 0;
#else
	(void)fd;
	return true;
#endif
}

enum counter_kind counter_best(void)
{
	const int watch = counter_watch_open();
	const bool trusted = counter_cpu_invariant() && counter_watch(watch);

	if (watch >= 0)
		close(watch);
	return trusted ? COUNTER_CPU : COUNTER_MONOTONIC_RAW;
}

/* Both at one instant, give or take half of the narrowest of some sandwiches: one that was preempted says
 * nothing. */
static void read_both(enum counter_kind kind, uint64_t *ns, uint64_t *ticks)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 32; i++) {
		const uint64_t before = counter_read_ordered(kind), t = counter_read(COUNTER_MONOTONIC_RAW);
		const uint64_t width = counter_read_ordered(kind) - before;

		if (width >= best)
			continue;
		best = width;
		*ns = t;
		*ticks = before + width / 2;
	}
}

double counter_hz(enum counter_kind kind)
{
	const uint64_t span_ns = 50000000;
	uint64_t t0, t1, c0, c1;

	if (kind == COUNTER_MONOTONIC_RAW)
		return 1e9;
	read_both(kind, &t0, &c0);
	do
		read_both(kind, &t1, &c1);
	while (t1 - t0 < span_ns);
	return (double)(c1 - c0) * 1e9 / (double)(t1 - t0);
}

const char *counter_name(enum counter_kind kind)
{
	return kind == COUNTER_CPU ? COUNTER_CPU_NAME : "CLOCK_MONOTONIC_RAW";
}
