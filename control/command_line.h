/* The command line of `tickwire run`, and the configuration that it and the file make together. One thread.
 */
#ifndef CONTROL_COMMAND_LINE_H
#define CONTROL_COMMAND_LINE_H

#include <stdbool.h>

#include "control/config.h"

enum { COMMAND_LINE_DIRECTIVES = 64 };

struct command_line {
	const char *config_file; /* NULL: none */
	const char *run_dir;
	const char *directive[COMMAND_LINE_DIRECTIVES]; /* from --interface and --set */
	unsigned directives;
	bool verbose;
};

/* argv[0] is "run". -1: go on; else the exit status, and what there is to say has been said. */
int command_line_parse(struct command_line *line, int argc, char **argv);

/* Read the file, add the directives of the command line and judge the whole. True where there was no error.
 */
bool command_line_config(
	const struct command_line *line, struct config *config, config_report *report, void *opaque);

/* What messages about the configuration should name: the file, or "command line". */
const char *command_line_source(const struct command_line *line);

#endif
