#include "control/command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "control/directive.h"
#include "control/run_dir.h"

#define CONFIG_FILE_DEFAULT "/etc/tickwire/tickwire.conf"

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"interface", required_argument, NULL, 'i'},
	{"run-dir", required_argument, NULL, 'r'},
	{"set", required_argument, NULL, 's'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
	fputs("usage: tickwire run [-c FILE] [--interface IF]... [--set 'DIRECTIVE ...']... [--run-dir DIR] "
	      "[--verbose]\n"
	      "  -c, --config FILE     configuration (default " CONFIG_FILE_DEFAULT
	      " where neither --interface nor --set is given)\n"
	      "  -i, --interface IF    answer NTP on IF: eth0, pci:0000:03:00.0, "
	      "vdev:net_memif0,role=client\n"
	      "      --set DIRECTIVE   a line as in the configuration, as --set 'local stratum 8'\n"
	      "      --run-dir DIR     directory of this instance (default " RUN_DIR_DEFAULT ")\n"
	      "      --verbose         more of what the daemons and DPDK have to say\n"
	      "directives:\n",
		out);
	for (size_t i = 0; i < directive_count; i++)
		if (directives[i]->kind == DIRECTIVE_OURS)
			fprintf(out, "  %s %s\n", directives[i]->name, directives[i]->arguments);
	fputs("docs/configuration.md says more on each.\n", out);
}

static bool add_directive(struct command_line *line, const char *prefix, const char *value)
{
	char *text;

	if (line->directives == COMMAND_LINE_DIRECTIVES || asprintf(&text, "%s%s", prefix, value) < 0)
		return false;
	line->directive[line->directives++] = text;
	return true;
}

int command_line_parse(struct command_line *line, int argc, char **argv)
{
	int option;
	bool ok = true;

	optind = 1;
	while (ok && (option = getopt_long(argc, argv, "c:i:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			line->config_file = optarg;
			break;
		case 'i':
			ok = add_directive(line, "interface ", optarg);
			break;
		case 's':
			ok = add_directive(line, "", optarg);
			break;
		case 'r':
			line->run_dir = optarg;
			break;
		case 'v':
			line->verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			ok = false;
		}
	}
	if (ok && optind < argc)
		fprintf(stderr,
			"tickwire run: found \"%s\", expected options only; did you mean --interface %s?\n",
			argv[optind], argv[optind]);
	if (!ok || optind < argc) {
		usage(stderr);
		return 2;
	}
	if (!line->config_file && line->directives == 0) {
		if (access(CONFIG_FILE_DEFAULT, F_OK) != 0) {
			fputs("tickwire: there is no " CONFIG_FILE_DEFAULT
			      "; name an interface (tickwire run --interface eth0) or a file (-c)\n",
				stderr);
			return 2;
		}
		line->config_file = CONFIG_FILE_DEFAULT;
	}
	return -1;
}

bool command_line_config(
	const struct command_line *line, struct config *config, config_report *report, void *opaque)
{
	bool ok = true;

	config_init(config);
	if (line->config_file)
		ok = config_load(config, line->config_file, report, opaque);
	for (unsigned i = 0; i < line->directives; i++)
		ok &= config_directive(config, line->directive[i], report, opaque);
	return ok && config_finish(config, report, opaque);
}

const char *command_line_source(const struct command_line *line)
{
	return line->config_file ? line->config_file : "command line";
}
