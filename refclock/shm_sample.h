/*
 * NTP's shared memory: the segment that ntpd's driver 28 has defined, and gpsd and others fill. Native byte
 * order and layout of a 64-bit program. Whoever may write it is trusted with the time and with nothing else.
 * Pure; any thread.
 */
#ifndef REFCLOCK_SHM_SAMPLE_H
#define REFCLOCK_SHM_SAMPLE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/measurement.h"

/* The System V keys of units 0, 1, ... : "NTP0" and so on. */
enum { SHM_SAMPLE_KEY = 0x4e545030, SHM_SAMPLE_UNITS = 256 };

struct shm_sample {
	int32_t mode;  /* 0: no `count`; 1: the sample is whole if `count` is the same after reading */
	int32_t count; /* the writer raises it before and after */
	int64_t clock_seconds; /* Unix seconds of the reference ... */
	int32_t clock_us;      /* ... and us */
	int32_t padding;
	int64_t kernel_seconds;       /* CLOCK_REALTIME at that instant ... */
	int32_t kernel_us;            /* ... and us */
	int32_t leap;                 /* enum ntp_leap */
	int32_t precision, samples;   /* not used */
	int32_t valid;                /* the writer sets it, the reader clears it */
	uint32_t clock_ns, kernel_ns; /* of the whole second; 0 or anything by writers that know us only */
	int32_t reserved[8];
	int32_t padding_end;
};
static_assert(sizeof(struct shm_sample) == 96, "shared with other programs");
static_assert(offsetof(struct shm_sample, kernel_seconds) == 24, "shared with other programs");
static_assert(offsetof(struct shm_sample, valid) == 48, "shared with other programs");
static_assert(offsetof(struct shm_sample, kernel_ns) == 56, "shared with other programs");

#define SHM_SAMPLE_VERDICTS(X)                                 \
	X(GOOD, "good")                                        \
	X(EMPTY, "nothing new")                                \
	X(TORN, "a sample that was changed while it was read") \
	X(MODE, "a segment of a mode other than 0 and 1")      \
	X(TIME, "a sample with a time that is none")           \
	X(LEAP, "a sample with a leap code beyond 3")

enum shm_sample_verdict {
#define X(name, text) SHM_SAMPLE_##name,
	SHM_SAMPLE_VERDICTS(X)
#undef X
		SHM_SAMPLE_VERDICT_COUNT
};

/* The sentence of the list above; "unknown" for a number that is none. */
const char *shm_sample_text(unsigned verdict);

/* Read behind all that is copied. */
struct shm_sample_after {
	int32_t count, valid;
};

/*
 * A copy of the segment, and what it had after the copy was made: a writer that is among the fields has
 * cleared `valid`, and its `count` stays the same meanwhile. When GOOD, *kernel is the kernel clock at the
 * measurement, and *m is all but its `counter`; m->error is the resolution of both stamps. Else neither is
 * touched.
 */
enum shm_sample_verdict shm_sample_parse(const struct shm_sample *copy, const struct shm_sample_after *after,
	ntp64 *kernel, struct measurement *m);

#endif
