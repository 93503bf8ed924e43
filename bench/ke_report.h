/* What a storm of key establishments has given, for people and for programs. One thread. */
#ifndef BENCH_KE_REPORT_H
#define BENCH_KE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/ke_options.h"
#include "bench/ke_storm.h"
#include "bench/target.h"

/* A table. */
void ke_report_print(FILE *out, const struct ke_options *options, const struct target *target,
	const struct ke_storm_result *result);

/* One JSON object and a newline; times are seconds. False where it could not be written. */
bool ke_report_print_json(FILE *out, const struct ke_options *options, const struct target *target,
	const struct ke_storm_result *result);

/* The distribution of latencies: a line for each bin that is not empty. False with errno. */
bool ke_report_write_csv(const char *path, const struct ke_storm_result *result);

#endif
