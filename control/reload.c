#include "control/reload.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control/control_socket.h"
#include "control/run_dir.h"

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire reload [--run-dir DIR]\n"
	      "Has a running tickwire read its configuration file again, and the certificates and keys that "
	      "it "
	      "names. Needs root.\n"
	      "Exit status: 0 done, 1 nothing was changed or none is running, 2 wrong call.\n",
		out);
	return status;
}

int reload_main(int argc, char **argv)
{
	static char reply[CONTROL_REPLY_MAX];
	const char *run_dir = RUN_DIR_DEFAULT;
	char text[512];
	static const struct option options[] = {{"run-dir", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'r') {
			run_dir = optarg;
			continue;
		}
		return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (optind < argc) {
		fprintf(stderr, "tickwire reload: found \"%s\", expected options only\n", argv[optind]);
		return usage(stderr, 2);
	}
	if (!control_ask(run_dir, "reload", reply, text, sizeof(text))) {
		fprintf(stderr, "tickwire: %s\n", text);
		return 1;
	}
	fputs(reply, strstr(reply, "reloaded\n") ? stdout : stderr);
	return strstr(reply, "reloaded\n") ? 0 : 1;
}
