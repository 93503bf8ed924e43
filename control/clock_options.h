/* What tickwire-clock is told on its command line. Main thread, once. */
#ifndef CONTROL_CLOCK_OPTIONS_H
#define CONTROL_CLOCK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/clock_settings.h"
#include "dataplane/sandbox.h"

struct clock_options {
	const char *run_dir;
	const char *user;           /* "": the default */
	const char *chrony_run_dir; /* "": where it is found */
	unsigned local_stratum;     /* 0: none */
	uint32_t refresh_us;
	uint32_t holdover_s;
	enum sandbox_mode seccomp;
	uint16_t ntp_port;
	bool verbose;
	struct clock_settings settings; /* from --directive: what is the clock's in tickwire.conf */
};

/* The defaults, and then what argv says; its strings stay where they are. -1 to go on, else the status to
 * exit with: what there is to say has been said. */
int clock_options_parse(struct clock_options *options, int argc, char **argv);

#endif
