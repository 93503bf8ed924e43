#include "dataplane/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTION_RUN_DIR,
	OPTION_USER,
	OPTION_PORT,
	OPTION_QUEUES,
	OPTION_DRIVER,
	OPTION_TAP,
	OPTION_WORKERS,
	OPTION_HUGE_PAGES,
	OPTION_AEAD_BACKEND,
	OPTION_PACKET_LANE,
	OPTION_SECCOMP,
	OPTION_IDLE,
	OPTION_VERBOSE,
};

static const struct option options[] = {
	{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
	{"user", required_argument, NULL, OPTION_USER},
	{"port", required_argument, NULL, OPTION_PORT},
	{"queues", required_argument, NULL, OPTION_QUEUES},
	{"driver", required_argument, NULL, OPTION_DRIVER},
	{"tap", required_argument, NULL, OPTION_TAP},
	{"workers", required_argument, NULL, OPTION_WORKERS},
	{"huge-pages", required_argument, NULL, OPTION_HUGE_PAGES},
	{"aead-backend", required_argument, NULL, OPTION_AEAD_BACKEND},
	{"packet-lane", required_argument, NULL, OPTION_PACKET_LANE},
	{"seccomp", required_argument, NULL, OPTION_SECCOMP},
	{"idle", required_argument, NULL, OPTION_IDLE},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	{NULL, 0, NULL, 0},
};

static bool parse_number(const char *word, unsigned long most, unsigned long *value)
{
	char *end;

	if (word[0] < '0' || word[0] > '9')
		return false;
	errno = 0;
	*value = strtoul(word, &end, 10);
	return errno == 0 && *end == 0 && *value <= most;
}

/* Index of a word in a list that ends with NULL, or -1. */
static int one_of(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

static bool parse_port_option(struct settings *settings, int option, const char *value)
{
	static const char *const drivers[] = {"auto", "af_xdp", "af_packet", NULL};
	struct port_settings *port;
	unsigned long number;
	int word;

	if (settings->ports == 0)
		return false;
	port = &settings->port[settings->ports - 1];
	switch (option) {
	case OPTION_QUEUES:
		if (!parse_number(value, WORKERS_MAX, &number))
			return false;
		port->queues = (uint16_t)number;
		return true;
	case OPTION_DRIVER:
		word = one_of(value, drivers);
		port->driver = word < 0 ? PORT_DRIVER_AUTO : (enum port_driver)word;
		return word >= 0;
	default:
		port->tap = value;
		return true;
	}
}

static bool parse_option(struct settings *settings, int option, const char *value)
{
	static const char *const choices[] = {"auto", "yes", "no", NULL};
	unsigned long number = 0;
	int word;

	switch (option) {
	case OPTION_RUN_DIR:
		settings->run_dir = value;
		return true;
	case OPTION_USER:
		settings->user = value;
		return true;
	case OPTION_PORT:
		if (settings->ports == PORTS_MAX)
			return false;
		settings->port[settings->ports++] = (struct port_settings){.name = value};
		return true;
	case OPTION_QUEUES:
	case OPTION_DRIVER:
	case OPTION_TAP:
		return parse_port_option(settings, option, value);
	case OPTION_WORKERS:
		return cpu_list_parse(value, settings->cpus);
	case OPTION_HUGE_PAGES:
		word = one_of(value, choices);
		settings->huge_pages = word < 0 ? HUGE_PAGES_AUTO : (enum huge_pages)word;
		return word >= 0;
	case OPTION_AEAD_BACKEND:
		settings->aead_backend = value;
		return true;
	case OPTION_PACKET_LANE:
		settings->packet_lane = value;
		return true;
	case OPTION_SECCOMP:
		settings->seccomp_given = true;
		return sandbox_parse_mode(value, &settings->seccomp);
	case OPTION_IDLE:
		settings->idle_poll = strcmp(value, "poll") == 0;
		if (settings->idle_poll)
			return true;
		if (!parse_number(value, 1000000, &number))
			return false;
		settings->idle_after_us = (uint32_t)number;
		return true;
	default:
		settings->verbose = true;
		return true;
	}
}

bool settings_parse(struct settings *settings, int argc, char **argv, char *text, size_t size)
{
	int option;

	*settings = (struct settings){.user = "", .idle_after_us = 1000};
	optind = 0; /* glibc: start anew, whatever an earlier call left */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?') {
			snprintf(text, size, "%s: unknown option or missing argument", argv[optind - 1]);
			return false;
		}
		if (!parse_option(settings, option, optarg)) {
			snprintf(text, size, "--%s %s: not a value that this option takes",
				options[option].name, optarg);
			return false;
		}
	}
	if (optind < argc || !settings->run_dir || settings->ports == 0) {
		snprintf(text, size,
			"tickwire-dataplane is started by `tickwire run`; it needs --run-dir and --port");
		return false;
	}
	return true;
}
