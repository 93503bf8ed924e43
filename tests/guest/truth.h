/*
 * True time in the guest of tests/guest: a known function of CLOCK_MONOTONIC_RAW, so that what any clock
 * there shows can be compared with it. The receiver makes it up and writes it to a file; the judge reads it.
 */
#ifndef TESTS_GUEST_TRUTH_H
#define TESTS_GUEST_TRUTH_H

#include <math.h>
#include <stdint.h>
#include <time.h>

/* At `raw` it is `unix_ns`; from then on the oscillator is slow by `ppm` and by a sine, as of temperature. */
struct truth {
	int64_t raw;     /* ns of CLOCK_MONOTONIC_RAW */
	int64_t unix_ns; /* ns since 1970, UTC */
	double ppm;      /* true time runs so much faster than CLOCK_MONOTONIC_RAW ... */
	double wander;   /* ... and by up to so many ppm more, zero at the start ... */
	double period;   /* ... and again every so many seconds; > 0 */
};

/* ns since 1970 at an instant of CLOCK_MONOTONIC_RAW; exact to 1 ns for days. */
static inline int64_t truth_at(const struct truth *t, int64_t raw)
{
	double elapsed = (double)(raw - t->raw);
	double turn = t->period * 1e9 / (2.0 * M_PI); /* ns a radian */
	double gain = t->ppm * elapsed + t->wander * turn * (1.0 - cos(elapsed / turn));

	return t->unix_ns + (raw - t->raw) + (int64_t)(gain * 1e-6);
}

/* The instant of CLOCK_MONOTONIC_RAW at which it is so many ns since 1970. */
static inline int64_t truth_raw(const struct truth *t, int64_t unix_ns)
{
	int64_t raw = t->raw;

	/* Each turn leaves of the error what the rates differ by, less than 10^-3. */
	for (int i = 0; i < 6; i++)
		raw += unix_ns - truth_at(t, raw);
	return raw;
}

/* The clock of an open /dev/ptpN, as the kernel numbers clocks that are files. */
static inline clockid_t truth_phc(int fd)
{
	return ~(clockid_t)fd << 3 | 3;
}

/* ns of a clock, now. */
static inline int64_t truth_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
