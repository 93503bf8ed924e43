#include "bench/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/clocks.h"
#include "bench/cpu_name.h"
#include "refclock/counter.h"
#include "tickwire_build.h"

void machine_describe(struct result_machine *machine, const char *dpdk)
{
	struct utsname system;
	cpu_set_t allowed;

	*machine = (struct result_machine){0};
	cpu_name(machine->cpu, sizeof(machine->cpu));
	if (uname(&system) == 0)
		snprintf(machine->kernel, sizeof(machine->kernel), "%.40s %.60s", system.sysname,
			system.release);
	snprintf(machine->compiler, sizeof(machine->compiler), "%s", __VERSION__);
	snprintf(machine->version, sizeof(machine->version), "%s", TICKWIRE_VERSION);
	snprintf(machine->dpdk, sizeof(machine->dpdk), "%s", dpdk ? dpdk : "");
	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		machine->cores = (unsigned)CPU_COUNT(&allowed);
	if (counter_best() == COUNTER_CPU) {
		machine->counter_hz = clocks_hz();
		machine->clk_per_tick = clocks_per_tick();
	}
}
