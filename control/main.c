/* tickwire: the command line. Each command is in a file of its name. */
#include <stdio.h>
#include <string.h>

#include "control/bench.h"
#include "control/check.h"
#include "control/keys.h"
#include "control/query.h"
#include "control/reload.h"
#include "control/run.h"
#include "control/status.h"
#include "tickwire_build.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"run", run_main, "answer NTP: the supervisor of the daemons, in the foreground"},
	{"query", query_main, "ask servers for the time; never sets a clock"},
	{"status", status_main, "what a running tickwire is made of, serves and has counted"},
	{"reload", reload_main, "apply a changed configuration file"},
	{"keys", keys_main, "the keys of NTS cookies: list, rotate, export, import; test certificates"},
	{"check", check_main, "look a configuration file over"},
	{"bench", bench_main, "load generator and measurements"},
};

static void usage(FILE *out)
{
	fputs("usage: tickwire COMMAND [OPTIONS]\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("`tickwire COMMAND --help` says more; `tickwire --version` the version.\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		puts("tickwire " TICKWIRE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "tickwire: %s: no such command\n", argv[1]);
	usage(stderr);
	return 2;
}
