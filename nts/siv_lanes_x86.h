/* What the kernels of all widths share. */
#ifndef NTS_SIV_LANES_X86_H
#define NTS_SIV_LANES_X86_H

#include <stdint.h>

#include "nts/siv_lanes.h"

/* For compilers, a vector like no other from here on. */
#define X86_SETTLE(vector) __asm__("" : "+v"(vector))

/* See struct siv_lanes_backend. */
void siv_lanes_master_set(struct siv_lanes_master *master, const uint8_t *key);

#endif
