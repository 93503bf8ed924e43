/* The file through which a test gives a PTP hardware clock to a process that runs under tests/ptpshim.c.
 * Native byte order. */
#ifndef TESTS_PTPSHIM_H
#define TESTS_PTPSHIM_H

#include <assert.h>
#include <stdint.h>

enum ptpshim_way { PTPSHIM_PRECISE = 1, PTPSHIM_EXTENDED = 2, PTPSHIM_BASIC = 4, PTPSHIM_PULSES = 8 };

struct ptpshim {
	uint32_t unplugged;
	uint32_t ways;     /* enum ptpshim_way, those that the device has */
	uint32_t nonsense; /* 1: its seconds have more than 10^9 ns */
	uint32_t busy;     /* errno of all readings; 0: they are answered */
	int64_t ahead_ns;  /* of CLOCK_REALTIME */
	char events[104];  /* path of a FIFO with struct ptp_extts_event */
};
static_assert(sizeof(struct ptpshim) == 128, "written by scripts too");

#endif
