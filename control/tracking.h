/*
 * The tracking helper: a process beside the clock daemon that asks, once a second, whoever keeps the kernel
 * clock. It asks chronyd through chronyc (over chronyd's socket, which only the owner of its run directory
 * can use, else over UDP on the loopback), else an NTP server on the loopback. It understands nothing of what
 * it hears: the daemon does, which holds no privilege.
 *
 * The helper starts with the daemon's privileges and keeps CAP_SETUID and CAP_SETGID as the unprivileged
 * user, until it has found chrony's run directory; then it becomes that directory's owner and keeps nothing.
 * It dies with the daemon.
 */
#ifndef CONTROL_TRACKING_H
#define CONTROL_TRACKING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/sandbox.h"
#include "ntp/client.h"
#include "refclock/keeper.h"

enum tracking_kind {
	TRACKING_NOTHING = 0, /* nobody answered */
	TRACKING_LINE = 1,    /* a line of `chronyc -c tracking` */
	TRACKING_REPLY = 2,   /* a reply of an NTP server */
};

/* What the helper writes into the pipe for each poll, whole (less than PIPE_BUF). */
struct tracking_record {
	uint32_t kind;    /* enum tracking_kind */
	uint32_t length;  /* of the line */
	uint64_t instant; /* ns of CLOCK_MONOTONIC, before the question was asked */
	union {
		char line[KEEPER_LINE];
		struct client_reply reply;
	};
};
static_assert(sizeof(struct tracking_record) <= 4096, "PIPE_BUF");

struct tracking_options {
	const char *chrony_run_dir; /* "" for /run/chrony and /var/run/chrony */
	uint16_t ntp_port;          /* of the loopback query */
	struct sandbox_user user;
};

/*
 * Start the helper. The reading end of the pipe (close-on-exec, does not block), whose end of file says that
 * the helper is gone; or -1 with errno. Call it from a process without other threads.
 */
int tracking_start(const struct tracking_options *options);

enum tracking_news {
	TRACKING_SILENT, /* no record at present */
	TRACKING_EMPTY,  /* a record that says nothing */
	TRACKING_STATUS, /* a status */
	TRACKING_GONE,   /* the helper is */
};

/*
 * Take the next record from the pipe and judge it; `status` is set for TRACKING_STATUS. `now`: ns of
 * CLOCK_MONOTONIC. A record that is stale, from the future, or out of bounds in whatever way says nothing.
 */
enum tracking_news tracking_take(int fd, struct keeper_status *status, uint64_t now);

#endif
