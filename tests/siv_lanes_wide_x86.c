/* The kernels for 512 bits, for CPUs that have no such registers. */
#include <string.h>

#include "nts/siv_lanes_x86.h"
#include "tests/siv_lanes_wide_x86.h"
#include "tests/wide_by_four_x86.h"

#define siv_lanes_vaes512 siv_lanes_wide

#include "nts/siv_lanes_vaes512_x86.c"
