#include "bench/compare.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* From the folder of programs to the script, in a build tree as where it is installed. */
static const char script[] = "../libexec/tickwire/bench-compare";

int compare_command(int argc, char **argv)
{
	char program[PATH_MAX], path[PATH_MAX + sizeof(script)];
	const ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash;

	(void)argc;
	program[length < 0 ? 0 : length] = 0;
	slash = strrchr(program, '/');
	if (slash)
		slash[1] = 0;
	snprintf(path, sizeof(path), "%s%s", program, script);
	argv[0] = path;
	execv(path, argv);
	fprintf(stderr,
		"tickwire bench compare: cannot start %s: %s; is the installation whole, and python3 "
		"there?\n",
		path, strerror(errno));
	return 2;
}
