/* The file through which a test gives a serial line to a process that runs under tests/serialshim.c. Native
 * byte order. */
#ifndef TESTS_SERIALSHIM_H
#define TESTS_SERIALSHIM_H

#include <assert.h>
#include <stdint.h>

struct serialshim {
	char terminal[120]; /* path of a pseudo-terminal: what the line's data are */
	uint32_t silent;    /* 1: there are no pulses */
	uint32_t width_ms;  /* of a pulse */
};
static_assert(sizeof(struct serialshim) == 128, "written by scripts too");

#endif
