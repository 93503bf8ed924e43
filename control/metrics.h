/*
 * The supervisor's hand for tickwire-metrics: the listening socket, which the daemon inherits and need not be
 * able to open, the segment of control/instance.h, and the daemon's life. Nothing else waits for any of it:
 * while the port is another's, or the daemon fails, all goes on without metrics. Root; one thread.
 */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/config.h"
#include "control/daemon.h"
#include "control/instance.h"
#include "ntp/shm.h"

struct metrics {
	const struct config *config;
	const char *run_dir;
	bool verbose;
	struct shm segment;
	struct daemon daemon;
	int listener;             /* -1: none is open */
	struct config_metrics at; /* what the listener is of, or what was tried last */
	bool told;                /* that it cannot be opened */
	ino_t sources;            /* of the segment that the daemon has mapped; 0: there was none */
};

/* Make the segment. False with a sentence in text[size]. */
bool metrics_take(struct metrics *m, const struct config *config, const char *run_dir, bool verbose,
	char *text, size_t size);

/* Often: take note of the daemon's end, and start it again when it is time. */
void metrics_keep(struct metrics *m);

/*
 * Once a second: publish, and do what the configuration says now. A port that is taken is tried again each
 * time, and told of once.
 */
void metrics_tick(struct metrics *m, const struct instance *instance);

/* Stop the daemon; wait at most `patience_ms` and then kill it. Harmless at any point. */
void metrics_stop(struct metrics *m, int patience_ms);

/*
 * A listening socket for a configuration that is on; -1 with a sentence in text[size]. Close-on-exec, and
 * does not wait.
 */
int metrics_listen(const struct config_metrics *at, char *text, size_t size);

#endif
