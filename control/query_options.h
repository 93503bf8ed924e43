/*
 * The command line of `tickwire query`. Not thread-safe: getopt.
 */
#ifndef CONTROL_QUERY_OPTIONS_H
#define CONTROL_QUERY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/ke_aeads.h"

struct query_options {
	int family; /* AF_INET, AF_INET6 or AF_UNSPEC */
	size_t samples;
	double interval; /* seconds from one reply, or the loss of one, to the next request */
	double timeout;  /* seconds */
	uint16_t port;   /* 0 where it was not given */
	uint8_t version;
	bool json, help;
	bool nts;
	const char *ca;   /* a file or directory of authorities, or NULL for the system's */
	uint16_t ke_port; /* 0 where it was not given */
	struct ke_aeads aeads;
	bool aeads_given;
};

/* The first lines, and what --help adds to them. */
extern const char query_usage[], query_help[];

/*
 * Parse; the first host is argv[optind] then. False with a sentence on stderr that names the option, what was
 * found and what was expected. Strings are argv's.
 */
bool query_options_parse(struct query_options *o, int argc, char **argv);

#endif
