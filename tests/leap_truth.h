/*
 * A leap second that a test arranges: one line from CLOCK_MONOTONIC_RAW to NTP time that passes 2029-01-01
 * at a given instant. tests/leap_clock.c publishes it, tests/leap_load.c judges replies by it.
 */
#ifndef TESTS_LEAP_TRUTH_H
#define TESTS_LEAP_TRUTH_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "refclock/leap.h"
#include "refclock/timebase.h"

#define LEAP_TRUTH_MIDNIGHT UINT64_C(4070908800)

struct leap_truth {
	uint64_t midnight; /* ns of CLOCK_MONOTONIC_RAW */
	int sign;          /* +1: a second is inserted, -1: deleted */
	enum leap_smear_shape shape;
	double window; /* s, of the smear */
};

/* "MIDNIGHT,SIGN,SHAPE,WINDOW", all numbers. */
static inline bool leap_truth_parse(struct leap_truth *truth, const char *text)
{
	unsigned shape;

	if (!text || sscanf(text, "%" SCNu64 ",%d,%u,%lf", &truth->midnight, &truth->sign, &shape,
			     &truth->window) != 4)
		return false;
	truth->shape = (enum leap_smear_shape)shape;
	return (truth->sign == 1 || truth->sign == -1) && shape <= LEAP_SMEAR_COSINE;
}

/* The line that goes on evenly: UTC before the leap second. Its reference time is 20 s before midnight. */
static inline struct timebase leap_truth_even(const struct leap_truth *truth)
{
	return (struct timebase){
		.counter = truth->midnight,
		.time = LEAP_TRUTH_MIDNIGHT << 32,
		.rate = UINT64_C(1208925819614629), /* 2^32 / 10^9 * 2^48 */
		.counter_hz = 1000000000,
		.reference = (LEAP_TRUTH_MIDNIGHT - 20) << 32,
		.refid = {'T', 'R', 'U', 'E'},
		.leap = NTP_LEAP_NONE,
		.stratum = 1,
		.counter_kind = COUNTER_MONOTONIC_RAW,
	};
}

#endif
