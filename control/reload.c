#include "control/reload.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control/control_socket.h"
#include "control/run_dir.h"

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
		fputs("usage: tickwire reload [--run-dir DIR]\n", option == 'h' ? stdout : stderr);
		return option == 'h' ? 0 : 2;
	}
	if (optind < argc) {
		fprintf(stderr, "tickwire reload: found \"%s\", expected options only\n", argv[optind]);
		fputs("usage: tickwire reload [--run-dir DIR]\n", stderr);
		return 2;
	}
	if (!control_ask(run_dir, "reload", reply, text, sizeof(text))) {
		fprintf(stderr, "tickwire: %s\n", text);
		return 1;
	}
	fputs(reply, strstr(reply, "reloaded\n") ? stdout : stderr);
	return strstr(reply, "reloaded\n") ? 0 : 1;
}
