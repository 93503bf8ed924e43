/*
 * chrony's SOCK protocol: what a program sends to a datagram socket for each sample of its clock
 * (chrony.conf's `refclock SOCK`). Native byte order and layout, since both are on one machine; programs of
 * 32 and of 64 bits are told apart by the length. Pure; any thread.
 *
 *   octets of a 64-bit program, and of a 32-bit one
 *    0-15   0-7   struct timeval: the kernel clock (CLOCK_REALTIME) at the measurement
 *   16-23   8-15  double: the true time less the kernel clock, in s
 *   24-27  16-19  int: not 0 for a pulse, of which the fraction of the second alone counts
 *   28-31  20-23  int: 0 no leap second, 1 insertion, 2 deletion, 3 not synchronised (enum ntp_leap)
 *   32-35  24-27  padding
 *   36-39  28-31  int: SOCK_SAMPLE_MAGIC
 *
 * A pulse's offset is where in its second the kernel clock was, as PPS devices have it: the comment on
 * chrony's struct says otherwise, but that is how chronyd takes it (4.3: measured), and what feeds chronyd
 * has to feed us.
 */
#ifndef REFCLOCK_SOCK_SAMPLE_H
#define REFCLOCK_SOCK_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "refclock/measurement.h"

enum { SOCK_SAMPLE_MAGIC = 0x534f434b, SOCK_SAMPLE_64 = 40, SOCK_SAMPLE_32 = 32, SOCK_SAMPLE_MAX = 40 };

#define SOCK_SAMPLE_VERDICTS(X)                                                       \
	X(GOOD, "good")                                                               \
	X(LENGTH, "a datagram of neither 40 nor 32 octets")                           \
	X(NO_MAGIC, "a datagram without the protocol's magic number")                 \
	X(TIME, "a datagram with a time that is none")                                \
	X(OFFSET, "a datagram with an offset that is no number, or leads to no time") \
	X(LEAP, "a datagram with a leap code beyond 3")

enum sock_sample_verdict {
#define X(name, text) SOCK_SAMPLE_##name,
	SOCK_SAMPLE_VERDICTS(X)
#undef X
		SOCK_SAMPLE_VERDICT_COUNT
};

/* The sentence of the list above; "unknown" for a number that is none. */
const char *sock_sample_text(unsigned verdict);

/*
 * `size` octets as they came. When GOOD, *kernel is the kernel clock at the measurement, and *m is all but
 * its `counter`; m->error is what the double leaves out. Else neither is touched.
 */
enum sock_sample_verdict sock_sample_parse(
	const void *octets, size_t size, ntp64 *kernel, struct measurement *m);

#endif
