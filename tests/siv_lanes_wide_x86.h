/* The kernels for 512 bits, for CPUs that have no such registers. */
#ifndef TESTS_SIV_LANES_WIDE_X86_H
#define TESTS_SIV_LANES_WIDE_X86_H

#include "nts/siv_lanes.h"

extern const struct siv_lanes_backend siv_lanes_wide;

#endif
