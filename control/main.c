/* tickwire: the command line. Each command is in a file of its name. */
#include <stdio.h>
#include <string.h>

#include "control/bench.h"
#include "control/check.h"
#include "control/command.h"
#include "control/drill.h"
#include "control/keys.h"
#include "control/query.h"
#include "control/reload.h"
#include "control/run.h"
#include "control/sources.h"
#include "control/status.h"
#include "tickwire_build.h"

static const struct command commands[] = {
	{"run", run_main, "answer NTP: the supervisor of the daemons, in the foreground"},
	{"query", query_main, "ask servers for the time; never sets a clock"},
	{"status", status_main, "what a running tickwire is made of, serves and has counted"},
	{"sources", sources_main, "what the sources of time deliver, and what is made of it"},
	{"reload", reload_main, "apply a changed configuration file"},
	{"keys", keys_main, "the keys of NTS cookies: list, rotate, export, import; test certificates"},
	{"drill", drill_main, "rehearse holdover, the loss of all sources, or a step"},
	{"check", check_main, "look a configuration file over"},
	{"bench", bench_main, "load generator and measurements"},
	{0},
};

static const struct command_list list = {
	.program = "tickwire",
	.synopsis = "COMMAND [OPTIONS]",
	.more = "`tickwire COMMAND --help` says more; `tickwire --version` the version.",
	.command = commands,
};

int main(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
		puts("tickwire " TICKWIRE_VERSION);
		return 0;
	}
	return command_run(&list, argc, argv);
}
