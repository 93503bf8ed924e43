/* tickwire-bench: the load generator's command line, which `tickwire bench` calls. */
#include <stdio.h>
#include <string.h>

#include "bench/compare.h"
#include "bench/ke_command.h"
#include "bench/load.h"
#include "bench/micro.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"load", load_command,
		"an open-loop load of NTP or NTS on a server, each reply judged; its knee; a report"},
	{"ke", ke_command, "many NTS key establishments with a server, each response judged"},
	{"micro", micro_command, "core clocks per packet of tickwire's own path, by stage"},
	{"compare", compare_command,
		"tickwire, chronyd, ntpsec and openntpd side by side, and testpmd as the limit"},
};

static void usage(FILE *out)
{
	fputs("usage: tickwire bench COMMAND [TARGET] [OPTIONS]\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("Load is for one's own hosts. `tickwire bench COMMAND --help` says more.\n", out);
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
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "tickwire bench: %s: no such command\n", argv[1]);
	usage(stderr);
	return 2;
}
