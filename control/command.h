/* A program that is several commands: `tickwire status`, `tickwire bench load`. Main thread. */
#ifndef CONTROL_COMMAND_H
#define CONTROL_COMMAND_H

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name; an exit status */
	const char *help;
};

struct command_list {
	const char *program; /* as typed: "tickwire bench" */
	const char *synopsis,
		*more; /* before and after the list of commands; lines without their last newline */
	const struct command *command; /* the last has no name */
};

/* Do what argv[1] says; --help, -h and help print the list. Exit status 2 where it is none of them. */
int command_run(const struct command_list *list, int argc, char **argv);

#endif
