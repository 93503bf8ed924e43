#include "bench/ke_options.h"

#include <getopt.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/ke_storm.h"
#include "control/option.h"

enum { CONNECTIONS = 16, COUNT = 1000, HOLD_S = 10, TIMEOUT_S = 5, TIMEOUT_MAX_S = 600, RATE_MAX = 1000000 };

enum {
	OPTION_HELP = OPTION_LONG_FIRST,
	OPTION_CONNECTIONS,
	OPTION_COUNT,
	OPTION_RATE,
	OPTION_ARRIVAL,
	OPTION_TIME,
	OPTION_TIMEOUT,
	OPTION_CA,
	OPTION_NAME,
	OPTION_AEAD,
	OPTION_HOLD,
	OPTION_JSON,
	OPTION_CSV,
	OPTION_OWNED,
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPTION_HELP},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"count", required_argument, NULL, OPTION_COUNT},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"arrival", required_argument, NULL, OPTION_ARRIVAL},
	{"time", required_argument, NULL, OPTION_TIME},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"ca", required_argument, NULL, OPTION_CA},
	{"name", required_argument, NULL, OPTION_NAME},
	{"aead", required_argument, NULL, OPTION_AEAD},
	{"hold", required_argument, NULL, OPTION_HOLD},
	{"json", no_argument, NULL, OPTION_JSON},
	{"csv", required_argument, NULL, OPTION_CSV},
	{"i-own-this-target", no_argument, NULL, OPTION_OWNED},
	{0},
};

const char *const ke_hold_name[] = {
	[KE_HOLD_NONE] = "",
	[KE_HOLD_TCP] = "tcp",
	[KE_HOLD_HELLO] = "hello",
	[KE_HOLD_HANDSHAKE] = "handshake",
};

const char ke_options_help[] =
	"usage: tickwire bench ke TARGET [-p PORT] [--connections C] [--count N] [--rate R] [--time S]\n"
	"                      [--timeout S] [--ca FILE] [--name NAME] [--aead LIST] [--hold STAGE] [-4|-6]\n"
	"                      [--json] [--csv FILE] [--i-own-this-target]\n"
	"\n"
	"Many NTS key establishments (RFC 8915 section 4) with one server, each response judged. TARGET is\n"
	"HOST, HOST:PORT or [ADDRESS]:PORT. Its certificate is always verified.\n"
	"\n"
	"  -p PORT            TCP port; default 4460\n"
	"  --connections C    at most so many at a time, 1 to 20000; default 16\n"
	"  --count N          so many in all, 1 to 10000000; default 1000, but with --time no other bound\n"
	"  --rate R           begin R a second (0.001 to 1000000; 2k is 2000), whatever the server does; "
	"latency\n"
	"                     counts from the time that each was to begin. Without: C at a time, always\n"
	"  --arrival KIND     steady (default), poisson, pool or burst, with --rate\n"
	"  --time S           begin no more after S seconds, 0.001 to 86400\n"
	"  --timeout S        for one establishment, 0.001 to 600; default 5\n"
	"  --ca PATH          trust only the authorities in this PEM file or directory; default the "
	"system's\n"
	"  --name NAME        name or address that the certificate must be for; default TARGET's\n"
	"  --aead LIST        AEADs to offer, the better first: 15, 30 or both, as 30,15 (default)\n"
	"  --hold STAGE       open C connections, leave them there, and see how long the server keeps them,\n"
	"                     for --time (default 10): tcp (nothing sent), hello (TLS begun), handshake\n"
	"                     (hands shaken, nothing asked)\n"
	"  -4, -6             only IPv4, only IPv6\n"
	"  --json             one object instead of the table, times in seconds\n"
	"  --csv FILE         the distribution of latencies: from, to (seconds) and how many\n"
	"  --i-own-this-target  needed for addresses that are neither loopback nor private nor for "
	"benchmarks\n"
	"\n"
	"Ctrl-C ends it with the report so far. Exit status: 0 all were good; 1 some failed; 2 wrong usage,\n"
	"or a target that is refused.\n";

static const char command[] = "tickwire bench ke";

static bool parse_number(double *value, const char *option, enum option_kind kind, double low, double high)
{
	return option_number(command, &(struct option_number){option, kind, low, high}, optarg, value);
}

static bool parse_whole(uint64_t *value, const char *option, double high)
{
	double number;

	if (!parse_number(&number, option, OPTION_WHOLE, 1, high))
		return false;
	*value = (uint64_t)number;
	return true;
}

static bool parse_port(struct ke_options *o)
{
	uint64_t port;

	if (!parse_whole(&port, "-p", UINT16_MAX))
		return false;
	o->port = (uint16_t)port;
	return true;
}

static bool parse_connections(struct ke_options *o)
{
	uint64_t connections;

	if (!parse_whole(&connections, "--connections", KE_STORM_CONNECTIONS_MAX))
		return false;
	o->connections = (unsigned)connections;
	return true;
}

static bool parse_hold(struct ke_options *o)
{
	for (unsigned i = KE_HOLD_TCP; i <= KE_HOLD_HANDSHAKE; i++)
		if (strcmp(optarg, ke_hold_name[i]) == 0) {
			o->hold = (enum ke_hold)i;
			return true;
		}
	return option_complain(command, "--hold is '%s'; expected tcp, hello or handshake", optarg);
}

static bool parse_name(struct ke_options *o)
{
	if (optarg[0] == '\0' || strlen(optarg) >= TLS_NAME)
		return option_complain(
			command, "--name has %zu characters; expected 1 to %d", strlen(optarg), TLS_NAME - 1);
	o->name = optarg;
	return true;
}

static bool parse_family(struct ke_options *o, int family)
{
	if (o->family != AF_UNSPEC && o->family != family)
		return option_complain(command, "-4 and -6 exclude each other");
	o->family = family;
	return true;
}

static bool parse_load(struct ke_options *o, int option)
{
	switch (option) {
	case 'p':
		return parse_port(o);
	case OPTION_CONNECTIONS:
		return parse_connections(o);
	case OPTION_COUNT:
		return parse_whole(&o->count, "--count", KE_STORM_COUNT_MAX);
	case OPTION_RATE:
		return parse_number(&o->rate, "--rate", OPTION_NUMBER, 0.001, RATE_MAX);
	case OPTION_ARRIVAL:
		return arrival_parse(optarg, &o->arrival) ||
		       option_complain(
			       command, "--arrival is '%s'; expected steady, poisson, pool or burst", optarg);
	case OPTION_TIME:
		return parse_number(&o->seconds, "--time", OPTION_NUMBER, 0.001, KE_STORM_SECONDS_MAX);
	default:
		return parse_number(&o->timeout, "--timeout", OPTION_NUMBER, 0.001, TIMEOUT_MAX_S);
	}
}

static bool parse_option(struct ke_options *o, int option, char *const argv[])
{
	switch (option) {
	case '4':
		return parse_family(o, AF_INET);
	case '6':
		return parse_family(o, AF_INET6);
	case 'h':
	case OPTION_HELP:
		return o->help = true;
	case OPTION_CA:
		return (o->ca = optarg) != NULL;
	case OPTION_NAME:
		return parse_name(o);
	case OPTION_AEAD:
		return option_aeads(command, optarg, &o->aeads);
	case OPTION_HOLD:
		return parse_hold(o);
	case OPTION_JSON:
		return o->json = true;
	case OPTION_CSV:
		return (o->csv = optarg) != NULL;
	case OPTION_OWNED:
		return o->owned = true;
	case '?':
	case ':':
		return option_refused(command, option, argv);
	default:
		return parse_load(o, option);
	}
}

/* What goes with what, and what is not said. */
static bool complete(struct ke_options *o, int argc, char **argv)
{
	if (argc - optind != 1)
		return option_complain(command, "%d targets are given; expected one", argc - optind);
	if (o->hold && o->count)
		return option_complain(
			command, "--hold opens as many as --connections says; --count has no meaning there");
	if (o->arrival != ARRIVAL_STEADY && o->rate == 0)
		return option_complain(command, "--arrival needs --rate");
	o->target = argv[optind];
	if (o->hold && o->seconds == 0)
		o->seconds = HOLD_S;
	if (!o->hold && !o->count && o->seconds == 0)
		o->count = COUNT;
	return true;
}

bool ke_options_parse(struct ke_options *o, int argc, char **argv)
{
	int option;

	*o = (struct ke_options){.family = AF_UNSPEC,
		.connections = CONNECTIONS,
		.timeout = TIMEOUT_S,
		.aeads = ke_aeads_default};
	opterr = 0;
	optind = 0; /* glibc: start afresh, whoever used getopt before */
	while ((option = getopt_long(argc, argv, ":46hp:", long_options, NULL)) != -1)
		if (!parse_option(o, option, argv))
			return false;
	return o->help || complete(o, argc, argv);
}
