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
	/* A leap second as the kernel makes it; a file may end before it. */
	int64_t leap;     /* +1: inserted, -1: deleted, 0: none */
	double leap_at;   /* Unix seconds, shown, at which the time shown is set back or forward ... */
	double leap_late; /* ... and how many seconds later that happens */
};
static_assert(sizeof(struct clockshim) == 56, "written by scripts too");

#endif
