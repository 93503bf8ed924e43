#include "control/check.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: tickwire check [--interface IF]... FILE\n";

static const char help[] =
	"\n"
	"Looks the configuration file over and starts nothing. Errors and warnings are printed\n"
	"as FILE:LINE: error: TEXT on standard error. Files and interfaces that it names are not\n"
	"looked for: `tickwire run` does that.\n"
	"\n"
	"  --interface IF   an interface that `tickwire run` will be given on its command line, too\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 the file is good, 1 it is bad, 2 wrong call.\n";

/* What is handed through the parser to count_message. */
struct tally {
	char *origin; /* of messages: a file's name or "--interface" */
	int warnings;
};

void config_print_message(void *opaque, const struct config_message *message)
{
	const char *file = opaque, *kind = message->error ? "error" : "warning";

	if (message->line > 0)
		fprintf(stderr, "%s:%d: %s: %s\n", file, message->line, kind, message->text);
	else
		fprintf(stderr, "%s: %s: %s\n", file, kind, message->text);
}

static void count_message(void *opaque, const struct config_message *message)
{
	struct tally *tally = opaque;

	tally->warnings += !message->error;
	config_print_message(tally->origin, message);
}

static bool add_interface(struct config *config, const char *name, struct tally *tally)
{
	char line[CONFIG_LINE], origin[] = "--interface";
	struct tally here = {.origin = origin};
	bool good;

	/* A name cut off here is too long for the parser, too. */
	snprintf(line, sizeof(line), "interface %s", name);
	good = config_directive(config, line, count_message, &here);
	tally->warnings += here.warnings;
	return good;
}

static int check_file(struct config *config, struct tally *tally)
{
	if (!config_load(config, tally->origin, count_message, tally) ||
		!config_finish(config, count_message, tally))
		return 1;
	printf("%s: good", tally->origin);
	if (tally->warnings > 0)
		printf(", with %d warning%s", tally->warnings, tally->warnings == 1 ? "" : "s");
	printf("\n");
	return 0;
}

int check_main(int argc, char **argv)
{
	static const struct option options[] = {
		{"interface", required_argument, NULL, 'i'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct config config;
	struct tally tally = {0};
	bool good = true;
	int option;

	config_init(&config);
	optind = 0; /* glibc: start anew, whatever was parsed before */
	while ((option = getopt_long(argc, argv, "hi:", options, NULL)) != -1) {
		if (option == 'h') {
			printf("%s%s", usage, help);
			return 0;
		}
		if (option != 'i') {
			fputs(usage, stderr);
			return 2;
		}
		good = add_interface(&config, optarg, &tally) && good;
	}
	if (argc - optind != 1) {
		fprintf(stderr, "tickwire check: found %d files, expected one\n%s", argc - optind, usage);
		return 2;
	}
	tally.origin = argv[optind];
	/* An indeterminate struct goes no further, but the file's own messages are still wanted. */
	if (!good)
		config_init(&config);
	return check_file(&config, &tally) == 0 && good ? 0 : 1;
}
