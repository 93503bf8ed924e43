#include "control/bench.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/daemon.h"

static char program[] = "tickwire-bench";

int bench_main(int argc, char **argv)
{
	char path[PATH_MAX];

	(void)argc;
	if (!daemon_find(program, path, sizeof(path))) {
		fprintf(stderr,
			"tickwire bench: %s is not beside the tickwire executable; is the installation "
			"whole?\n",
			program);
		return 2;
	}
	argv[0] = program;
	execv(path, argv);
	fprintf(stderr, "tickwire bench: cannot start %s: %s\n", path, strerror(errno));
	return 2;
}
