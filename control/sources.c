#include "control/sources.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control/clock_json.h"
#include "control/run_dir.h"
#include "control/show.h"
#include "control/sources_table.h"

enum { STALE_S = 10 /* the segment is written each second: there is no clock daemon any more */ };

struct call {
	const char *run_dir;
	bool json, verbose;
};

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire sources [--json] [-v] [--run-dir DIR]\n", out);
	if (status == 0)
		fputs("\n"
		      "The sources of time that a running tickwire has (directive `refclock`), with the "
		      "columns "
		      "of\n"
		      "chronyc sources and sourcestats. Needs root.\n"
		      "\n"
		      "  --json         everything, as JSON in seconds and plain numbers\n"
		      "  -v, --verbose  the meaning of the columns, verdicts on samples, satellites, DCF77's "
		      "status\n"
		      "  --run-dir DIR  of the running tickwire; " RUN_DIR_DEFAULT " without this\n"
		      "\n"
		      "Exit status: 0 the time comes from one of them, 1 from none or no tickwire is "
		      "running, 2 "
		      "wrong call.\n",
			out);
	return status;
}

static int parse(struct call *call, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"verbose", no_argument, NULL, 'v'}, {"run-dir", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
		if (option == 'j')
			call->json = true;
		else if (option == 'v')
			call->verbose = true;
		else if (option == 'r')
			call->run_dir = optarg;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "tickwire sources: found \"%.60s\", expected options only\n", argv[optind]);
	return usage(stderr, 2);
}

static bool is_selected(const json_t *clock)
{
	const json_t *source;
	size_t i;

	json_array_foreach(json_object_get(clock, "sources"), i, source)
	{
		if (strcmp(show_string_of(source, "letter"), "*") == 0)
			return true;
	}
	return false;
}

static int show(const struct call *call, const struct sources *sources, double age)
{
	json_t *clock = clock_json(sources, age);
	int status;

	if (!clock) {
		fputs("tickwire: the sources cannot be put together: no memory\n", stderr);
		return 1;
	}
	if (call->json) {
		json_dumpf(clock, stdout, JSON_INDENT(2));
		puts("");
	} else {
		sources_table_clock(stdout, "clock      ", clock);
		sources_table_print(stdout, clock, call->verbose);
	}
	status = is_selected(clock) && age <= STALE_S ? 0 : 1;
	json_decref(clock);
	return status;
}

int sources_main(int argc, char **argv)
{
	struct call call = {.run_dir = RUN_DIR_DEFAULT};
	static struct sources sources;
	char text[512];
	bool missing;
	double age;
	int status = parse(&call, argc, argv);

	if (status >= 0)
		return status;
	if (!clock_json_read(call.run_dir, &sources, &age, &missing, text, sizeof(text))) {
		fprintf(stderr, "tickwire: %s\n", text);
		return 1;
	}
	return show(&call, &sources, age);
}
