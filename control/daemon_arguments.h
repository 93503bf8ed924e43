/* What the daemons are told on their command lines. False where there is no room for it. Pure. */
#ifndef CONTROL_DAEMON_ARGUMENTS_H
#define CONTROL_DAEMON_ARGUMENTS_H

#include <stdbool.h>

#include "control/config.h"
#include "control/daemon.h"

bool daemon_arguments_clock(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
	__attribute__((warn_unused_result));

/* The listening socket is the descriptor DAEMON_PASSED. */
bool daemon_arguments_metrics(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
	__attribute__((warn_unused_result));

/* The channel is the descriptor DAEMON_PASSED. */
bool daemon_arguments_ke(struct daemon *d, const struct config *c, const char *run_dir, bool verbose)
	__attribute__((warn_unused_result));

/* Of the interfaces only those that are `there`. */
bool daemon_arguments_dataplane(struct daemon *d, const struct config *c, const char *run_dir, bool verbose,
	const bool there[CONFIG_INTERFACES]) __attribute__((warn_unused_result));

#endif
