#include "tests/erring_options.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void erring_die(const char *what, const char *why)
{
	fprintf(stderr, "erring_server: %s: %s\n", what, why);
	exit(2);
}

static double number(const char *option, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most))
		erring_die(option, "is no number, or out of range");
	return value;
}

static int list(void)
{
	for (size_t i = 0; erring_way_at(i); i++)
		printf("%s%s\n", erring_way_at(i)->name, erring_way_at(i)->forwarded ? " (--forward)" : "");
	return 0;
}

static int usage(void)
{
	fputs("usage: erring_server [-4 ADDRESS | -6 ADDRESS] --port PORT [--err WAY] [--every N] [--stratum "
	      "S]\n"
	      "                     [--other ADDRESS] [--delay S] [--forward ADDRESS:PORT] [--seconds S]\n"
	      "                     [--count-file FILE]\n"
	      "       erring_server --list\n",
		stderr);
	return 2;
}

enum {
	OPTION_PORT = 256,
	OPTION_ERR,
	OPTION_EVERY,
	OPTION_STRATUM,
	OPTION_OTHER,
	OPTION_DELAY,
	OPTION_FORWARD,
	OPTION_SECONDS,
	OPTION_COUNT_FILE,
	OPTION_LIST
};

static const struct option options[] = {
	{"port", required_argument, NULL, OPTION_PORT},
	{"err", required_argument, NULL, OPTION_ERR},
	{"every", required_argument, NULL, OPTION_EVERY},
	{"stratum", required_argument, NULL, OPTION_STRATUM},
	{"other", required_argument, NULL, OPTION_OTHER},
	{"delay", required_argument, NULL, OPTION_DELAY},
	{"forward", required_argument, NULL, OPTION_FORWARD},
	{"seconds", required_argument, NULL, OPTION_SECONDS},
	{"count-file", required_argument, NULL, OPTION_COUNT_FILE},
	{"list", no_argument, NULL, OPTION_LIST},
	{0},
};

static void take_option(struct erring_options *o, int option)
{
	switch (option) {
	case '4':
	case '6':
		o->family = option == '4' ? AF_INET : AF_INET6;
		o->address = optarg;
		break;
	case OPTION_PORT:
		o->port = (unsigned)number("--port", optarg, 1, UINT16_MAX);
		break;
	case OPTION_ERR:
		o->way = erring_way(optarg);
		if (!o->way)
			erring_die(optarg, "is no way to err; --list names them");
		break;
	case OPTION_EVERY:
		o->every = (unsigned)number("--every", optarg, 1, 1e9);
		break;
	case OPTION_STRATUM:
		o->stratum = (unsigned)number("--stratum", optarg, 1, NTP_STRATUM_MAX);
		break;
	case OPTION_OTHER:
		o->other = optarg;
		break;
	case OPTION_DELAY:
		o->delay = number("--delay", optarg, 0, 3600);
		break;
	case OPTION_FORWARD:
		o->forward = optarg;
		break;
	case OPTION_SECONDS:
		o->seconds = number("--seconds", optarg, 0, 1e6);
		break;
	case OPTION_COUNT_FILE:
		o->count_file = optarg;
		break;
	case OPTION_LIST:
		exit(list());
	default:
		exit(usage());
	}
}

struct erring_options erring_options(int argc, char **argv)
{
	struct erring_options o = {.family = AF_INET,
		.address = "127.0.0.1",
		.stratum = 2,
		.seconds = 60,
		.delay = 1.5,
		.way = erring_way("none")};
	int option;

	while ((option = getopt_long(argc, argv, "4:6:", options, NULL)) != -1)
		take_option(&o, option);
	if (optind != argc || o.port == 0)
		exit(usage());
	if (o.way->forwarded && !o.forward)
		erring_die(o.way->name, "is for the replies of another server: --forward");
	if (o.every == 0)
		o.every = o.way->every;
	if (!o.other && strcmp(o.way->name, "wrong-source-address") == 0)
		o.other = "127.0.0.2";
	return o;
}
