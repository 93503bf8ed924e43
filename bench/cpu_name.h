/* The CPU's name, as the kernel gives it. */
#ifndef BENCH_CPU_NAME_H
#define BENCH_CPU_NAME_H

#include <stddef.h>

void cpu_name(char *name, size_t size);

#endif
