/* What the daemons are told on their command lines. Pure. */
#ifndef CONTROL_DAEMON_ARGUMENTS_H
#define CONTROL_DAEMON_ARGUMENTS_H

#include <stdbool.h>

#include "control/config.h"
#include "control/daemon.h"

void daemon_arguments_clock(struct daemon *d, const struct config *c, const char *run_dir, bool verbose);
void daemon_arguments_dataplane(struct daemon *d, const struct config *c, const char *run_dir, bool verbose);

#endif
