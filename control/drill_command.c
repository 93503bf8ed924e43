/* `tickwire drill`. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control/control_socket.h"
#include "control/drill.h"
#include "control/option.h"
#include "control/run_dir.h"

struct call {
	const char *run_dir;
	double seconds, step;
	bool stepped; /* --by was given */
};

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire drill holdover|lost [--time SEC] [--run-dir DIR]\n"
	      "       tickwire drill step --by SEC [--time SEC] [--run-dir DIR]\n"
	      "       tickwire drill end [--run-dir DIR]\n",
		out);
	if (status == 0)
		fputs("\n"
		      "Rehearses a fault of the time sources. THE SERVER REALLY DOES what it would then do: "
		      "its "
		      "clients\n"
		      "are served with a larger dispersion, as by an unsynchronised server, or not at all. "
		      "Needs "
		      "root.\n"
		      "\n"
		      "  holdover  samples of all sources are passed over: the bound grows as it really "
		      "would\n"
		      "  lost      as if nothing were known of the time: the last rung of the ladder "
		      "(directive\n"
		      "            `serving`) at once\n"
		      "  step      the time of all sources is off by --by SEC\n"
		      "  end       end it before its time\n"
		      "\n"
		      "  --time SEC     how long, 1 to 86400, of a step 900; 60 without this\n"
		      "  --by SEC       the step, as 0.5 or -1\n"
		      "  --run-dir DIR  of the running tickwire; " RUN_DIR_DEFAULT " without this\n"
		      "\n"
		      "Exit status: 0 done, 1 not done, 2 wrong call.\n",
			out);
	return status;
}

/* A number that may be negative, which option_number's bounds allow. */
static bool parse_option(struct call *call, int option, const char *argument)
{
	static const struct option_number seconds = {"--time", OPTION_WHOLE, 1, DRILL_SECONDS_MAX},
					  by = {"--by", OPTION_NUMBER, -1e6, 1e6};

	if (option == 't')
		return option_number("tickwire drill", &seconds, argument, &call->seconds);
	if (option == 'b') {
		call->stepped = true;
		return option_number("tickwire drill", &by, argument, &call->step);
	}
	call->run_dir = argument;
	return true;
}

static int parse(struct call *call, int argc, char **argv)
{
	static const struct option options[] = {{"time", required_argument, NULL, 't'},
		{"by", required_argument, NULL, 'b'}, {"run-dir", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, 0);
		if (option == '?')
			return usage(stderr, 2);
		if (!parse_option(call, option, optarg))
			return 2;
	}
	if (argc - optind == 1)
		return -1;
	fprintf(stderr, "tickwire drill: found %d words, expected holdover, lost, step or end\n",
		argc - optind);
	return usage(stderr, 2);
}

int drill_main(int argc, char **argv)
{
	static char reply[CONTROL_REPLY_MAX];
	struct call call = {.run_dir = RUN_DIR_DEFAULT, .seconds = DRILL_SECONDS};
	char request[CONTROL_REQUEST_MAX], text[512];
	int status = parse(&call, argc, argv);
	struct drill drill;

	if (status >= 0)
		return status;
	if (call.stepped)
		snprintf(request, sizeof(request), "drill %.16s %.0f %.9g", argv[optind], call.seconds,
			call.step);
	else
		snprintf(request, sizeof(request), "drill %.16s %.0f", argv[optind], call.seconds);
	if (!drill_parse(&drill, request + strlen("drill "), 0, text, sizeof(text))) {
		fprintf(stderr, "tickwire drill: %s\n", text);
		return 2;
	}
	if (!control_ask(call.run_dir, request, reply, text, sizeof(text))) {
		fprintf(stderr, "tickwire: %s\n", text);
		return 1;
	}
	if (strstr(reply, "done\n"))
		return 0;
	fputs(reply, stderr);
	return 1;
}
