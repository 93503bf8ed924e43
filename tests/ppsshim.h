/* The file through which a test gives pulses to a process that runs under tests/ppsshim.c. Native byte order.
 */
#ifndef TESTS_PPSSHIM_H
#define TESTS_PPSSHIM_H

#include <assert.h>
#include <stdint.h>

/* `unplugged` */
enum { PPSSHIM_THERE, PPSSHIM_GONE, PPSSHIM_HANGS /* whoever opens it waits until it is otherwise */ };

struct ppsshim {
	uint64_t sequence; /* even while the rest is whole */
	uint32_t unplugged;
	uint32_t capabilities; /* PPS_CAPTUREASSERT 0x01, PPS_CAPTURECLEAR 0x02 */
	uint32_t assert_pulses, clear_pulses;
	int64_t assert_sec, clear_sec; /* CLOCK_REALTIME of the newest */
	int32_t assert_nsec, clear_nsec;
	uint32_t mode;   /* what is stamped now: PPS_CAPTUREASSERT, PPS_CAPTURECLEAR */
	uint32_t strict; /* 1: only who has opened the device with openat2 may change that */
};
static_assert(sizeof(struct ppsshim) == 56, "written by scripts too");

#endif
