#include "control/query_options.h"

#include <getopt.h>
#include <sys/socket.h>

#include "control/option.h"
#include "ntp/packet.h"

enum { SAMPLES_MAX = 1000 };

#define INTERVAL_MIN 0.05

enum {
	OPTION_JSON = OPTION_LONG_FIRST,
	OPTION_HELP,
	OPTION_NTS,
	OPTION_KEY,
	OPTION_CA,
	OPTION_KE_PORT,
	OPTION_AEAD
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"nts", no_argument, NULL, OPTION_NTS},
	{"key", required_argument, NULL, OPTION_KEY},
	{"ca", required_argument, NULL, OPTION_CA},
	{"ke-port", required_argument, NULL, OPTION_KE_PORT},
	{"aead", required_argument, NULL, OPTION_AEAD},
	{0},
};

const char query_usage[] =
	"usage: tickwire query [-4|-6] [-n N] [-i SEC] [-p PORT] [-V VERSION] [-t "
	"TIMEOUT] [--json]\n"
	"                      [--nts [--ca FILE|DIR] [--ke-port PORT] [--aead LIST]] HOST...\n";

const char query_help[] =
	"\n"
	"Ask NTP servers the time. No clock is ever set, and no privilege is needed.\n"
	"\n"
	"  -4, -6       only IPv4, only IPv6\n"
	"  -n N         samples of each host, 1 to 1000; default 4\n"
	"  -i SEC       seconds between samples, 0.05 to 3600; default 0.2. Public servers like 2\n"
	"  -p PORT      UDP port; default 123, or with --nts what the server names\n"
	"  -V VERSION   NTP version, 1 to 4; default 4\n"
	"  -t TIMEOUT   seconds to wait for each reply, 0.01 to 60; default 2\n"
	"  --nts        authenticate by Network Time Security (RFC 8915); NTP version 4 only\n"
	"  --ca PATH    with --nts: trust only the authorities in this PEM file, or directory of hashed "
	"names;\n"
	"               default the system's\n"
	"  --ke-port P  with --nts: TCP port of the key establishment; default 4460\n"
	"  --aead LIST  with --nts: the AEADs to offer, the better first: 15 (AES-SIV-CMAC-256), 30 "
	"(AES-128-GCM-SIV),\n"
	"               or both, as 30,15, which is the default\n"
	"  --json       an array with one object per host, all times in seconds, instead of the table\n"
	"\n"
	"The table shows the sample with the least delay. OFFSET is what to add to this host's clock to have "
	"the server's;\n"
	"ERROR bounds how far that can be from true time, if the server is right: (delay + root delay) / 2 + "
	"root dispersion.\n"
	"JITTER is the rms of the other samples' offsets about the best one's. ANSWERED is replies of "
	"requests. A server that\n"
	"sends a kiss code is not asked again.\n"
	"\n"
	"With --nts a line under each host says how its keys were got. Each request spends a cookie and has "
	"its "
	"own identifier;\n"
	"only replies that the keys vouch for are believed. When no cookie is left, and once after an NTS "
	"NAK "
	"(kiss code NTSN),\n"
	"keys are established again. Each step of that may take 5 s, or TIMEOUT where it is more.\n"
	"\n"
	"Exit status: 0 every host gave a valid answer; 1 some host did not, or is not synchronised; 2 wrong "
	"usage.\n";

static const char command[] = "tickwire query";

static bool parse_number(double *value, const char *option, enum option_kind kind, double low, double high)
{
	return option_number(command, &(struct option_number){option, kind, low, high}, optarg, value);
}

static bool parse_port(uint16_t *port, const char *option)
{
	double value;

	if (!parse_number(&value, option, OPTION_WHOLE, 1, UINT16_MAX))
		return false;
	*port = (uint16_t)value;
	return true;
}

static bool parse_numeric_option(struct query_options *o, int option)
{
	double value = 0;
	bool good;

	switch (option) {
	case 'n':
		good = parse_number(&value, "-n", OPTION_WHOLE, 1, SAMPLES_MAX);
		o->samples = good ? (size_t)value : 0;
		return good;
	case 'i':
		return parse_number(&o->interval, "-i", OPTION_NUMBER, INTERVAL_MIN, 3600);
	case 't':
		return parse_number(&o->timeout, "-t", OPTION_NUMBER, 0.01, 60);
	case 'p':
		return parse_port(&o->port, "-p");
	case OPTION_KE_PORT:
		return parse_port(&o->ke_port, "--ke-port");
	default:
		good = parse_number(&value, "-V", OPTION_WHOLE, NTP_VERSION_MIN, NTP_VERSION_MAX);
		o->version = good ? (uint8_t)value : 0;
		return good;
	}
}

static bool parse_family(struct query_options *o, int family)
{
	if (o->family != AF_UNSPEC && o->family != family)
		return option_complain(command, "-4 and -6 exclude each other");
	o->family = family;
	return true;
}

static bool parse_option(struct query_options *o, int option, char *const argv[])
{
	switch (option) {
	case '4':
		return parse_family(o, AF_INET);
	case '6':
		return parse_family(o, AF_INET6);
	case OPTION_JSON:
		return o->json = true;
	case OPTION_HELP:
		return o->help = true;
	case OPTION_NTS:
		return o->nts = true;
	case OPTION_CA:
		return (o->ca = optarg) != NULL;
	case OPTION_AEAD:
		return o->aeads_given = option_aeads(command, optarg, &o->aeads);
	case OPTION_KEY:
		return option_complain(command, "--key is not available in this version");
	case '?':
	case ':':
		return option_refused(command, option, argv);
	default:
		return parse_numeric_option(o, option);
	}
}

/* What goes with what. */
static bool check_options(const struct query_options *o)
{
	if (o->nts && o->version != NTP_VERSION_MAX)
		return option_complain(
			command, "--nts is for NTP version 4 only, and -V says %u", o->version);
	if (!o->nts && (o->ca || o->ke_port || o->aeads_given))
		return option_complain(command, "%s needs --nts",
			o->ca        ? "--ca"
			: o->ke_port ? "--ke-port"
				     : "--aead");
	return true;
}

bool query_options_parse(struct query_options *o, int argc, char **argv)
{
	int option;

	*o = (struct query_options){.family = AF_UNSPEC,
		.samples = 4,
		.interval = 0.2,
		.timeout = 2,
		.version = NTP_VERSION_MAX,
		.aeads = ke_aeads_default};
	opterr = 0;
	optind = 0; /* glibc: start afresh, whoever used getopt before */
	while ((option = getopt_long(argc, argv, ":46n:i:p:V:t:", long_options, NULL)) != -1)
		if (!parse_option(o, option, argv))
			return false;
	if (!o->help && optind == argc)
		return option_complain(command, "no host is given");
	return o->help || check_options(o);
}
