#include "control/clock_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "dataplane/log.h"
#include "ntp/packet.h"

static int usage(FILE *out, int status)
{
	fputs("usage: tickwire-clock --run-dir DIR [options]\n"
	      "Follows the kernel clock and publishes it in DIR/timebase. `tickwire run` starts it.\n\n"
	      "  --run-dir DIR          directory of this instance's segments\n"
	      "  --user NAME            unprivileged user to become (default _tickwire, else nobody)\n"
	      "  --chrony-run-dir DIR   where chronyd's socket is (default /run/chrony, else "
	      "/var/run/chrony)\n"
	      "  --local-stratum N      1-15: vouch for a clock that nobody keeps, with this stratum\n"
	      "  --refresh USEC         1000-10000: interval between two readings of the clock (default "
	      "4000)\n"
	      "  --holdover SEC         1-604800: how long the time is served on after this daemon's death "
	      "(default 3600)\n"
	      "  --ntp-port PORT        of a server on the loopback that is asked where there is no chronyd "
	      "(default 123)\n"
	      "  --directive LINE       a directive of the clock's as in tickwire.conf, as 'refclock PPS "
	      "/dev/pps0'\n"
	      "  --seccomp MODE         kill, errno or off (default kill)\n"
	      "  --verbose              say more\n"
	      "  --help                 this text\n",
		out);
	return status;
}

static bool parse_number(
	const char *option, const char *text, unsigned long low, unsigned long high, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (errno == 0 && text[0] >= '0' && text[0] <= '9' && !*end && *value >= low && *value <= high)
		return true;
	log_error("--%s %s: expected a whole number from %lu to %lu", option, text, low, high);
	return false;
}

enum {
	OPTION_RUN_DIR = 256,
	OPTION_USER,
	OPTION_CHRONY,
	OPTION_LOCAL,
	OPTION_REFRESH,
	OPTION_HOLDOVER,
	OPTION_PORT,
	OPTION_DIRECTIVE,
	OPTION_SECCOMP,
	OPTION_VERBOSE,
	OPTION_HELP
};

static void say_message(void *opaque, const struct config_message *message)
{
	const char *line = opaque;

	log_line(message->error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "--directive '%.200s': %s", line,
		message->text);
}

/* The directives add up here; the parser knows them by the whole configuration. */
static struct config gathered;

static bool take_directive(const char *line)
{
	return config_directive(&gathered, line, say_message, (void *)(uintptr_t)line);
}

static bool judge_directives(void)
{
	char text[256];
	bool good = true;

	for (unsigned i = 0; i < gathered.clock.sources && good; i++)
		good = clock_settings_judge_source(&gathered.clock, i, text, sizeof(text));
	good = good && clock_settings_judge(&gathered.clock, text, sizeof(text));
	if (!good)
		log_error("--directive: %s", text);
	return good;
}

static bool parse_option(struct clock_options *o, int option, const char *argument)
{
	unsigned long n = 0;
	bool ok = true;

	if (option == OPTION_RUN_DIR)
		o->run_dir = argument;
	else if (option == OPTION_USER)
		o->user = argument;
	else if (option == OPTION_CHRONY)
		o->chrony_run_dir = argument;
	else if (option == OPTION_LOCAL &&
		 (ok = parse_number("local-stratum", argument, 0, NTP_STRATUM_MAX, &n)))
		o->local_stratum = (unsigned)n;
	else if (option == OPTION_REFRESH && (ok = parse_number("refresh", argument, 1000, 10000, &n)))
		o->refresh_us = (uint32_t)n;
	else if (option == OPTION_HOLDOVER && (ok = parse_number("holdover", argument, 1, 604800, &n)))
		o->holdover_s = (uint32_t)n;
	else if (option == OPTION_PORT && (ok = parse_number("ntp-port", argument, 1, 65535, &n)))
		o->ntp_port = (uint16_t)n;
	else if (option == OPTION_VERBOSE)
		o->verbose = true;
	else if (option == OPTION_DIRECTIVE)
		ok = take_directive(argument);
	else if (option == OPTION_SECCOMP && !(ok = sandbox_parse_mode(argument, &o->seccomp)))
		log_error("--seccomp %s: expected kill, errno or off", argument);
	return ok && option != '?';
}

int clock_options_parse(struct clock_options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
		{"user", required_argument, NULL, OPTION_USER},
		{"chrony-run-dir", required_argument, NULL, OPTION_CHRONY},
		{"local-stratum", required_argument, NULL, OPTION_LOCAL},
		{"refresh", required_argument, NULL, OPTION_REFRESH},
		{"holdover", required_argument, NULL, OPTION_HOLDOVER},
		{"ntp-port", required_argument, NULL, OPTION_PORT},
		{"directive", required_argument, NULL, OPTION_DIRECTIVE},
		{"seccomp", required_argument, NULL, OPTION_SECCOMP},
		{"verbose", no_argument, NULL, OPTION_VERBOSE},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	*o = (struct clock_options){.user = "",
		.chrony_run_dir = "",
		.refresh_us = 4000,
		.holdover_s = 3600,
		.ntp_port = NTP_PORT};
	config_init(&gathered);
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == OPTION_HELP)
			return usage(stdout, 0);
		if (!parse_option(o, option, optarg))
			return usage(stderr, 2);
	}
	if (optind == argc && o->run_dir && judge_directives()) {
		memcpy(&o->settings, &gathered.clock, sizeof(o->settings));
		return -1;
	}
	if (optind < argc || !o->run_dir)
		log_error(optind < argc ? "unexpected argument" : "--run-dir is missing");
	return usage(stderr, 2);
}
