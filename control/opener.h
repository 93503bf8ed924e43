/*
 * The openers: processes that open devices for the clock daemon, at its start and, when it has given up the
 * right to do so, after a device was unplugged and has come back. An open(2) may take for ever (a hung USB
 * device, a file system that does not answer), which then costs its opener and not the daemon, nor other
 * devices: each device has a process of its own.
 *
 * One opens the path that it was given at its start and no other, and hands descriptors over; it reads from
 * nobody but the daemon, keeps CAP_DAC_OVERRIDE alone (and CAP_SYS_TIME for a PPS device, which it asks for
 * the stamps of an edge), and its system calls are filtered. It dies with the
 * daemon.
 */
#ifndef CONTROL_OPENER_H
#define CONTROL_OPENER_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/sandbox.h"

enum { OPENER_DEVICES = 16, OPENER_PATH = 128 };

/* What to open. */
struct opener_wish {
	const char *path;
	int edges; /* of a PPS device, to be stamped: PPS_CAPTUREASSERT, PPS_CAPTURECLEAR; 0: it is none */
};

/* The daemon's side. Zeros are none. */
struct opener {
	size_t devices;
	struct opener_device {
		int socket;   /* close-on-exec */
		bool waiting; /* for the answer to a question that was asked with ... */
		int flags;
		int edges; /* of all wishes for it */
		char path[OPENER_PATH];
	} device[OPENER_DEVICES];
};

/*
 * Start one for each path of wish[count], and wait until they are confined; false with a sentence in
 * text[size]. At most OPENER_DEVICES absolute paths of less than OPENER_PATH octets; one that is named twice
 * is one. Call it from a process without other threads, while it has the rights of root.
 */
bool opener_start(struct opener *opener, const struct opener_wish *wish, size_t count, enum sandbox_mode mode,
	char *text, size_t size);

/*
 * As open(2), with O_CLOEXEC, O_NOCTTY and O_NONBLOCK added: the descriptor, or -1 with errno: EACCES for a
 * path that was not given at the start, EINVAL for flags other than those and an access mode, ETIMEDOUT if it
 * takes longer than 100 ms, EPIPE if the device's opener is gone. What takes longer is there when it is asked
 * for again, and until then asking again takes no time. One thread in a process. It calls sendmsg, recvmsg
 * and poll.
 */
int opener_open(struct opener *opener, const char *path, int flags);

/* They end. */
void opener_stop(struct opener *opener);

#endif
