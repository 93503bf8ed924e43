/* The state of `tickwire run`, which its loop (control/run.c) and its requests (control/requests.c) share.
 * One thread. */
#ifndef CONTROL_SUPERVISOR_H
#define CONTROL_SUPERVISOR_H

#include <stdbool.h>

#include "control/command_line.h"
#include "control/config.h"
#include "control/daemon.h"
#include "control/health.h"
#include "control/leap_file.h"
#include "control/metrics.h"
#include "control/nts.h"
#include "control/ports.h"
#include "control/run_dir.h"
#include "ntp/shm.h"

enum { SUPERVISOR_PATIENCE_MS = 5000 /* for a daemon to end when told to */ };

/* What a daemon's command line that does not fit is answered with. */
#define SUPERVISOR_NO_ROOM \
	"the settings are too long for a daemon's command line; shorten names and lists in them"

struct supervisor {
	struct command_line line;
	struct config config;
	struct run_dir dir;
	struct ports ports;
	struct daemon clock, dataplane;
	struct nts nts;
	struct shm timebase, counters;
	struct shm drill; /* of control/drill.h, which we write */
	uint32_t drills;  /* since the start */
	struct health health;
	struct leap_watch leap_table;
	struct metrics metrics;
	int signals, listener;
	unsigned clock_hangs, ke_hangs, dataplane_hangs; /* ticks in a row */
	bool ready;                                      /* has been said */
	bool connected; /* the programs in the kernel know the dataplane's sockets */
	bool ending;
	int status;
};

/* The facts are the dataplane's that runs now, and all its workers poll. */
bool supervisor_dataplane_polls(struct supervisor *s);

#endif
