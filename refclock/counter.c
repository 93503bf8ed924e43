#include "refclock/counter.h"

#include <stdio.h>
#include <string.h>

/* The kernel measures the TSC against other clocks and stops using one that misbehaves. */
static bool kernel_trusts_counter(void)
{
#if defined(__x86_64__)
	char name[32] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");

	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = 0;
	fclose(f);
	/* A guest's kvm-clock and hyperv pages are read through the TSC; whether it is invariant CPUID has
	 * said. */
	return strncmp(name, "tsc", 3) == 0 || strncmp(name, "kvm-clock", 9) == 0 ||
	       strncmp(name, "hyperv_clocksource_tsc_page", 27) == 0;
#else
	return true;
#endif
}

enum counter_kind counter_best(void)
{
	return counter_cpu_invariant() && kernel_trusts_counter() ? COUNTER_CPU : COUNTER_MONOTONIC_RAW;
}

double counter_hz(enum counter_kind kind)
{
	const uint64_t span_ns = 20000000;
	uint64_t t0, t1, c0, c1;

	if (kind == COUNTER_MONOTONIC_RAW)
		return 1e9;
	t0 = counter_read(COUNTER_MONOTONIC_RAW);
	c0 = counter_read_ordered(kind);
	do {
		t1 = counter_read(COUNTER_MONOTONIC_RAW);
		c1 = counter_read_ordered(kind);
	} while (t1 - t0 < span_ns);
	return (double)(c1 - c0) * 1e9 / (double)(t1 - t0);
}

const char *counter_name(enum counter_kind kind)
{
	return kind == COUNTER_CPU ? COUNTER_CPU_NAME : "CLOCK_MONOTONIC_RAW";
}
