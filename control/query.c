#include "control/query.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/query_report.h"

enum { EXIT_ANSWERED = 0, EXIT_NO_ANSWER = 1, EXIT_USAGE = 2 };
enum { SAMPLES_MAX = 1000, PEERS = 8, QUERY_POLL = 0 };

#define INTERVAL_MIN 0.05

struct query_options {
	int family;
	size_t samples;
	double interval; /* seconds from one reply, or the loss of one, to the next request */
	double timeout;  /* seconds */
	uint16_t port;
	uint8_t version;
	bool json, help;
};

enum { OPTION_JSON = 256, OPTION_HELP, OPTION_NTS, OPTION_KEY, OPTION_CA };

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"nts", no_argument, NULL, OPTION_NTS},
	{"key", required_argument, NULL, OPTION_KEY},
	{"ca", required_argument, NULL, OPTION_CA},
	{0},
};

static const char usage[] = "usage: tickwire query [-4|-6] [-n N] [-i SEC] [-p PORT] [-V VERSION] [-t "
			    "TIMEOUT] [--json] HOST...\n";

static const char help[] =
	"\n"
	"Ask NTP servers the time. No clock is ever set, and no privilege is needed.\n"
	"\n"
	"  -4, -6       only IPv4, only IPv6\n"
	"  -n N         samples of each host, 1 to 1000; default 4\n"
	"  -i SEC       seconds between samples, 0.05 to 3600; default 0.2. Public servers like 2\n"
	"  -p PORT      UDP port; default 123\n"
	"  -V VERSION   NTP version, 1 to 4; default 4\n"
	"  -t TIMEOUT   seconds to wait for each reply, 0.01 to 60; default 2\n"
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
	"Exit status: 0 every host gave a valid answer; 1 some host did not, or is not synchronised; 2 wrong "
	"usage.\n";

/* Always false, so that a parser can return it. */
static bool __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("tickwire query: ", stderr);
	vfprintf(stderr, format, arguments);
	fputs("; see tickwire query --help\n", stderr);
	va_end(arguments);
	return false;
}

/* A number within [low, high]. The sentence names the option, what was found and what was expected. */
static bool parse_number(double *value, char option, const char *text, double low, double high, bool whole)
{
	char *end;

	*value = strtod(text, &end);
	if (end != text && *end == '\0' && *value >= low && *value <= high &&
		(!whole || *value == floor(*value)))
		return true;
	return complain("-%c is '%s'; expected a %snumber from %g to %g", option, text, whole ? "whole " : "",
		low, high);
}

static bool parse_numeric_option(struct query_options *o, int option)
{
	double value = 0;
	bool good;

	switch (option) {
	case 'n':
		good = parse_number(&value, 'n', optarg, 1, SAMPLES_MAX, true);
		o->samples = good ? (size_t)value : 0;
		return good;
	case 'i':
		return parse_number(&o->interval, 'i', optarg, INTERVAL_MIN, 3600, false);
	case 't':
		return parse_number(&o->timeout, 't', optarg, 0.01, 60, false);
	case 'p':
		good = parse_number(&value, 'p', optarg, 1, 65535, true);
		o->port = good ? (uint16_t)value : 0;
		return good;
	default:
		good = parse_number(&value, 'V', optarg, NTP_VERSION_MIN, NTP_VERSION_MAX, true);
		o->version = good ? (uint8_t)value : 0;
		return good;
	}
}

static bool parse_family(struct query_options *o, int family)
{
	if (o->family != AF_UNSPEC && o->family != family)
		return complain("-4 and -6 exclude each other");
	o->family = family;
	return true;
}

/* An option that getopt_long refused; a short one is in optopt, a long one only in the word itself. */
static bool complain_of_option(int option, char *const argv[])
{
	char shown[] = {'-', (char)optopt, '\0'};
	const char *word = optopt > 0 && optopt < OPTION_JSON ? shown : argv[optind - 1];

	if (option == ':')
		return complain("%s needs an argument", word);
	return complain("%s is no option of this command, or takes no argument", word);
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
	case OPTION_CA:
		return complain(
			"%s is not available in this version", option == OPTION_NTS ? "--nts" : "--ca");
	case OPTION_KEY:
		return complain("--key is not available in this version");
	case '?':
	case ':':
		return complain_of_option(option, argv);
	default:
		return parse_numeric_option(o, option);
	}
}

/* The first host is argv[optind] then. */
static bool parse_options(struct query_options *o, int argc, char **argv)
{
	int option;

	*o = (struct query_options){.family = AF_UNSPEC,
		.samples = 4,
		.interval = 0.2,
		.timeout = 2,
		.port = NTP_PORT,
		.version = NTP_VERSION_MAX};
	opterr = 0;
	optind = 0; /* glibc: start afresh, whoever used getopt before */
	while ((option = getopt_long(argc, argv, ":46n:i:p:V:t:", long_options, NULL)) != -1)
		if (!parse_option(o, option, argv))
			return false;
	if (!o->help && optind == argc)
		return complain("no host is given");
	return true;
}

static void pause_for(double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds};

	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* The first address that this host has a way to. A name may have IPv6 addresses where the network has none.
 */
static bool find_peer(struct query_result *result, const struct query_options *o)
{
	struct exchange_peer peers[PEERS];
	int count = exchange_resolve(peers, PEERS, result->host, o->family, o->port, result->unresolved,
		sizeof(result->unresolved));
	int chosen = 0;

	if (count == 0)
		return false;
	for (int i = count - 1; i >= 0; i--)
		if (exchange_is_routed(&peers[i]))
			chosen = i;
	result->peer = peers[chosen];
	return true;
}

static bool is_kiss(const struct exchange *x)
{
	return x->status == EXCHANGE_REPLY && x->reply.verdict == CLIENT_KISS;
}

/* RFC 5905 section 7.4: who is told to go away stops asking. False only where memory ran out. */
static bool ask_host(struct query_result *result, const struct query_options *o)
{
	result->port = o->port;
	result->sample = calloc(o->samples, sizeof(*result->sample));
	if (!result->sample)
		return false;
	if (!find_peer(result, o))
		return true;
	while (result->sent < o->samples) {
		struct exchange *x = &result->sample[result->sent];

		if (result->sent > 0)
			pause_for(o->interval);
		exchange_once(&result->peer, o->version, QUERY_POLL, o->timeout, x);
		result->sent++;
		if (is_kiss(x))
			break;
	}
	return true;
}

static int complain_of_output(void)
{
	fprintf(stderr, "tickwire query: the result cannot be written: %s\n", strerror(errno));
	return EXIT_NO_ANSWER;
}

static int report(const struct query_result *results, size_t count, bool json)
{
	int status = EXIT_ANSWERED;
	char text[512];

	if (!json)
		query_print_table(stdout, results, count);
	else if (!query_print_json(stdout, results, count))
		status = complain_of_output();
	if (fflush(stdout) != 0)
		status = complain_of_output();
	for (size_t i = 0; i < count; i++) {
		query_explain(&results[i], text, sizeof(text));
		if (*text != '\0') {
			fprintf(stderr, "tickwire query: %s\n", text);
			status = EXIT_NO_ANSWER;
		} else if (is_kiss(&results[i].sample[results[i].sent - 1])) {
			fprintf(stderr, "tickwire query: %s then sent kiss code %s and was not asked again\n",
				results[i].host, results[i].sample[results[i].sent - 1].reply.kiss);
		}
	}
	return status;
}

static int query_hosts(char *const hosts[], size_t count, const struct query_options *o)
{
	struct query_result *results = calloc(count, sizeof(*results));
	bool good = results != NULL;
	int status = EXIT_NO_ANSWER;

	for (size_t i = 0; good && i < count; i++) {
		results[i].host = hosts[i];
		good = ask_host(&results[i], o);
	}
	if (good)
		status = report(results, count, o->json);
	else
		fputs("tickwire query: out of memory; ask fewer hosts or samples at a time\n", stderr);
	for (size_t i = 0; results && i < count; i++)
		free(results[i].sample);
	free(results);
	return status;
}

int query_main(int argc, char **argv)
{
	struct query_options o;

	if (!parse_options(&o, argc, argv)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (o.help) {
		printf("%s%s", usage, help);
		return EXIT_ANSWERED;
	}
	return query_hosts(argv + optind, (size_t)(argc - optind), &o);
}
