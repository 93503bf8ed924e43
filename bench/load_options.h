/*
 * The command line of `tickwire bench load`: one table makes the parser, its messages and --help. Not
 * thread-safe: getopt.
 */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/arrival.h"
#include "bench/link.h"
#include "bench/search.h"
#include "nts/ke_aeads.h"

enum { LOAD_CPUS_MAX = LINK_CORES_MAX };

/* Strings are argv's, NULL where not given; numbers have their defaults. */
struct load_options {
	const char *target;
	int family; /* AF_UNSPEC, AF_INET or AF_INET6 */
	const char *interface, *driver, *from, *gateway, *ca, *name, *ke_host, *csv, *html;
	const char *rate_text, *arrival_text, *version_text, *ramp_text, *mac_text, *cores_text,
		*aead_text; /* parsed below */
	double seconds, soak, count, clients, zipf, peak, peak_s, every_s, burst, garbage, seed;
	double nts_share, nts_clients, ke_port, tag_share, loss, repeat, timeout, offset_limit, vlan, ke;
	bool nts, find_knee, echo, json, owned, verbose, help;
	bool rate_given, clients_given, seed_given, timeout_given;
	double rate;
	enum arrival_kind arrival;
	struct ke_aeads aeads;
	unsigned version; /* 3, 4 or 34 */
	struct search_settings search;
	bool has_mac;
	uint8_t mac[6];
	unsigned cpus; /* of --cores; 0: the last that may be used */
	unsigned cpu[LOAD_CPUS_MAX];
};

/* False with a sentence on stderr that names the option, what was found and what was expected. */
bool load_options_parse(struct load_options *options, int argc, char **argv);

/* What --help says. */
void load_options_help(void);

#endif
