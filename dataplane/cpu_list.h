/*
 * Lists of CPUs as the kernel writes them, "2-5,8". Pure.
 */
#ifndef DATAPLANE_CPU_LIST_H
#define DATAPLANE_CPU_LIST_H

#include <stdbool.h>
#include <stdint.h>

enum { CPU_LIST_MAX = 1024 }; /* highest CPU number, plus 1 */

/* Into bits: CPU n is bit n % 64 of set[n / 64]. False for a bad list. */
bool cpu_list_parse(const char *list, uint64_t set[CPU_LIST_MAX / 64]);

#endif
