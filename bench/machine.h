/* What a benchmark ran on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "bench/result.h"

/* Takes some 30 ms: core clocks are measured. `dpdk`: its version where it made the load, else NULL. */
void machine_describe(struct result_machine *machine, const char *dpdk);

#endif
