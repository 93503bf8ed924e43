/* The command line of tests/erring_server.c. Not thread-safe: getopt. */
#ifndef TESTS_ERRING_OPTIONS_H
#define TESTS_ERRING_OPTIONS_H

#include "tests/erring_ways.h"

/* Strings are argv's; NULL where not given. */
struct erring_options {
	int family; /* AF_INET or AF_INET6 */
	const char *address;
	const char *other;      /* address that replies come from which come from a wrong one */
	const char *forward;    /* ADDRESS:PORT of the server whose replies are damaged */
	const char *count_file; /* written at the end */
	unsigned port, stratum, every;
	double seconds; /* to its end */
	double delay;   /* s, of replies that come late */
	const struct erring_way *way;
};

/* Ends the process with 2 where they are wrong, and with 0 after --list. */
struct erring_options erring_options(int argc, char **argv);

/* A sentence on stderr; exit status 2. */
_Noreturn void erring_die(const char *what, const char *why);

#endif
