/* The file through which a test sets the clock of a process that runs under tests/clockshim.c. Native byte
 * order. */
#ifndef TESTS_CLOCKSHIM_H
#define TESTS_CLOCKSHIM_H

#include <assert.h>
#include <stdint.h>

struct clockshim {
	double offset;     /* seconds */
	double rate;       /* seconds per second */
	int64_t epoch;     /* Unix seconds from which the rate counts */
	uint64_t sequence; /* even while the rest is whole; a test that sets only one word can leave it alone
			    */
};
static_assert(sizeof(struct clockshim) == 32, "written by scripts too");

#endif
