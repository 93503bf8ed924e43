/*
 * The opener: a process that keeps the right to open devices when the clock daemon gives it up, so that a
 * device that was unplugged can come back. It opens the paths that it was given at its start and no other,
 * and hands descriptors over; it reads from nobody but the daemon, keeps CAP_DAC_OVERRIDE alone, and its
 * system calls are filtered. It dies with the daemon.
 */
#ifndef CONTROL_OPENER_H
#define CONTROL_OPENER_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/sandbox.h"

enum { OPENER_PATHS = 16, OPENER_PATH = 128 };

/*
 * Start it: our end of a pair of sockets (close-on-exec), or -1 with a sentence in text[size]. At most
 * OPENER_PATHS absolute paths of less than OPENER_PATH octets. Call it from a process without other threads,
 * while it has the rights of root.
 */
int opener_start(const char *const *paths, size_t count, enum sandbox_mode mode, char *text, size_t size);

/*
 * As open(2), with O_CLOEXEC, O_NOCTTY and O_NONBLOCK added: the descriptor, or -1 with errno: EACCES for a
 * path that was not given at the start, EINVAL for flags other than those and an access mode, ETIMEDOUT if
 * the opener does not answer within 100 ms, EPIPE if it is gone. A device that takes longer to open is there
 * when it is asked for again. One opener and one thread in a process. It calls sendmsg, recvmsg and poll.
 */
int opener_open(int opener, const char *path, int flags);

#endif
