#include "control/command.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static void usage(FILE *out, const struct command_list *list)
{
	fprintf(out, "usage: %s %s\n", list->program, list->synopsis);
	for (const struct command *c = list->command; c->name; c++)
		fprintf(out, "  %-8s %s\n", c->name, c->help);
	fprintf(out, "%s\n", list->more);
}

int command_run(const struct command_list *list, int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr, list);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout, list);
		return 0;
	}
	for (const struct command *c = list->command; c->name; c++)
		if (strcmp(argv[1], c->name) == 0)
			return c->run(argc - 1, argv + 1);
	fprintf(stderr, "%s: %.60s: no such command\n", list->program, argv[1]);
	usage(stderr, list);
	return EXIT_USAGE;
}
