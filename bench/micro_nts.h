/* The NTS lane's part of bench/micro.c: a burst of protected requests, as a whole and by stage, for each AEAD
 * and back-end of the AEADs. One thread. */
#ifndef BENCH_MICRO_NTS_H
#define BENCH_MICRO_NTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/policy.h"
#include "refclock/timebase.h"

enum { MICRO_NTS_FRAMES = 32 /* of a run: a burst */, MICRO_NTS_SUBJECTS_MAX = 128 };

/* Lay the bed: false where some request of it is not answered. The policy gets NTS switched on. */
bool micro_nts_prepare(struct policy *policy, const struct timebase *timebase);

unsigned micro_nts_subjects(void);

/* As "nts/path@openssl". */
const char *micro_nts_name(unsigned subject);

/* One run; ticks of COUNTER_CPU for MICRO_NTS_FRAMES packets. */
uint64_t micro_nts_run(unsigned subject);

#endif
