#include "bench/load_options.h"

#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/option.h"
#include "dataplane/cpu_list.h"

enum kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_WHOLE, KIND_SHARE, KIND_GROUP };

enum { DAYS_7 = 604800 };

#define RATE_MOST 2e8
#define AT(member) offsetof(struct load_options, member)

/* A group is a heading of --help. `low` and `high` bound a number. */
static const struct entry {
	const char *name, *argument;
	enum kind kind;
	size_t at;
	double low, high, standard;
	const char *help;
} entries[] = {
	{"Load", NULL, KIND_GROUP, 0, 0, 0, 0, NULL},
	{"rate", "R", KIND_TEXT, AT(rate_text), 0, 0, 0,
		"requests a second: 5000, 200k, 1.5M; default 1000. With --find-knee the highest tried, "
		"default 1M"},
	{"time", "S", KIND_NUMBER, AT(seconds), 0.01, DAYS_7, 0,
		"seconds of sending, of each step; default 10, in searches 2"},
	{"soak", "S", KIND_NUMBER, AT(soak), 1, DAYS_7, 0, "the same, for a long run"},
	{"count", "N", KIND_WHOLE, AT(count), 1, 1e12, 0,
		"end after so many requests, if the time is not over before"},
	{"arrival", "KIND", KIND_TEXT, AT(arrival_text), 0, 0, 0,
		"steady (default); poisson; pool: Poisson with the peaks of a server in the NTP Pool; burst: "
		"some at once"},
	{"peak", "X", KIND_NUMBER, AT(peak), 1, 100, 10, "pool: times the base rate in a peak; default 10"},
	{"peak-time", "S", KIND_NUMBER, AT(peak_s), 0.001, 1e6, 120, "pool: how long a peak is; default 120"},
	{"every", "S", KIND_NUMBER, AT(every_s), 0.001, 1e6, 600, "pool: from peak to peak; default 600"},
	{"burst", "N", KIND_WHOLE, AT(burst), 1, 1e6, 32, "burst: how many at once; default 32"},
	{"clients", "N", KIND_WHOLE, AT(clients), 1, POPULATION_MAX, 0,
		"addresses to ask from; default all of --from, at most 65536"},
	{"from", "PREFIXES", KIND_TEXT, AT(from), 0, 0, 0,
		"where these addresses are: 10.64.0.0/10,fd00:1::/48; default this host's own"},
	{"zipf", "E", KIND_NUMBER, AT(zipf), 0, 4, 0,
		"who asks: exponent of Zipf's law, 0 to 4; default 0, all alike"},
	{"version", "V", KIND_TEXT, AT(version_text), 0, 0, 0, "NTP version: 3, 4 or both; default 4"},
	{"garbage", "SHARE", KIND_SHARE, AT(garbage), 0, 1, 0,
		"beside so many requests send a datagram that nobody should answer; default 0"},
	{"seed", "N", KIND_WHOLE, AT(seed), 0, 1e15, 0, "of all that is random; default another each time"},
	{"echo", NULL, KIND_FLAG, AT(echo), 0, 0, 0,
		"the target returns requests as they are, as testpmd's 5tswap: only loss and latency are of "
		"interest"},

	{"Network Time Security", NULL, KIND_GROUP, 0, 0, 0, 0, NULL},
	{"nts", NULL, KIND_FLAG, AT(nts), 0, 0, 0,
		"establish keys first, then ask with NTS: each request with its own identifier, nonce, tag "
		"and, as far as "
		"replies bring new ones, its own cookie"},
	{"nts-share", "SHARE", KIND_SHARE, AT(nts_share), 0, 1, 1, "of the requests; default all"},
	{"nts-clients", "N", KIND_WHOLE, AT(nts_clients), 1, 100000, 0,
		"clients with keys of their own; default all, at most 64"},
	{"aead", "LIST", KIND_TEXT, AT(aead_text), 0, 0, 0,
		"AEADs to offer, the better first: 15, 30 or both, as 30,15 (default)"},
	{"check-tags", "SHARE", KIND_SHARE, AT(tag_share), 0, 1, 1, "of the replies; default all"},
	{"ca", "FILE", KIND_TEXT, AT(ca), 0, 0, 0,
		"trust these authorities only (PEM); default the system's"},
	{"name", "NAME", KIND_TEXT, AT(name), 0, 0, 0,
		"that the certificate must have; default the target as written"},
	{"ke-host", "HOST", KIND_TEXT, AT(ke_host), 0, 0, 0,
		"where keys are established; default the target"},
	{"ke-port", "P", KIND_WHOLE, AT(ke_port), 1, 65535, 4460, "TCP port there; default 4460"},

	{"Searches", NULL, KIND_GROUP, 0, 0, 0, 0, NULL},
	{"find-knee", NULL, KIND_FLAG, AT(find_knee), 0, 0, 0,
		"search the highest rate that loses no more than --loss (RFC 2544 section 26.1)"},
	{"loss", "SHARE", KIND_SHARE, AT(loss), 0, 1, 0.001, "that may be lost at the knee; default 0.1%"},
	{"repeat", "N", KIND_WHOLE, AT(repeat), 1, 20, 3, "steps at a rate, most of which decide; default 3"},
	{"ramp", "FROM:TO:STEP", KIND_TEXT, AT(ramp_text), 0, 0, 0,
		"a step at each of these rates: 10k:100k:10k"},
	{"ke", "C", KIND_WHOLE, AT(ke), 1, 20000, 0,
		"a storm of key establishments instead, C at a time: see `tickwire bench ke --help`"},

	{"Judgement", NULL, KIND_GROUP, 0, 0, 0, 0, NULL},
	{"timeout", "S", KIND_NUMBER, AT(timeout), 0.001, 600, 1,
		"a request without a reply for longer is lost; default 1"},
	{"offset-limit", "S", KIND_NUMBER, AT(offset_limit), 0, 1e6, 0,
		"how far a reply's time may be off this host's clock; default: not judged"},

	{"Wire", NULL, KIND_GROUP, 0, 0, 0, 0, NULL},
	{"interface", "IF", KIND_TEXT, AT(interface), 0, 0, 0,
		"by DPDK: a kernel interface (AF_XDP, root), pci:ADDRESS, vdev:NAME,ARGUMENTS; default the "
		"kernel's "
		"sockets, which need no privilege"},
	{"driver", "D", KIND_TEXT, AT(driver), 0, 0, 0,
		"of a kernel interface: auto (default), af_xdp, af_packet"},
	{"cores", "N|LIST", KIND_TEXT, AT(cores_text), 0, 0, 0,
		"cores that make the load, how many or which (a list has a comma or a dash); default one, "
		"the last"},
	{"vlan", "ID", KIND_WHOLE, AT(vlan), 1, 4094, 0, "tag requests with it"},
	{"mac", "MAC", KIND_TEXT, AT(mac_text), 0, 0, 0, "of the next hop; default asked for"},
	{"gateway", "ADDRESS", KIND_TEXT, AT(gateway), 0, 0, 0,
		"next hop, where the kernel's routes do not say it"},

	{"Report", NULL, KIND_GROUP, 0, 0, 0, 0, NULL},
	{"json", NULL, KIND_FLAG, AT(json), 0, 0, 0, "one object on stdout instead of the table"},
	{"csv", "FILE", KIND_TEXT, AT(csv), 0, 0, 0, "a line a step"},
	{"html", "FILE", KIND_TEXT, AT(html), 0, 0, 0, "a page with plots"},
	{"i-own-this-target", NULL, KIND_FLAG, AT(owned), 0, 0, 0,
		"needed for an address that is neither loopback nor private nor for benchmarks"},
	{"verbose", NULL, KIND_FLAG, AT(verbose), 0, 0, 0, "DPDK's own messages, too"},
	{"help", NULL, KIND_FLAG, AT(help), 0, 0, 0, "this"},
};

enum { ENTRIES = sizeof(entries) / sizeof(entries[0]) };

static const char command[] = "tickwire bench load";

/* Text from outside in a message of bounded length. */
#define SHOWN "%.60s"

static bool take_number(const struct entry *entry, const char *text, double *value)
{
	char name[32];
	const struct option_number number = {
		.name = name,
		.kind = entry->kind == KIND_WHOLE   ? OPTION_WHOLE
			: entry->kind == KIND_SHARE ? OPTION_SHARE
						    : OPTION_NUMBER,
		.low = entry->low,
		.high = entry->high,
	};

	snprintf(name, sizeof(name), "--%s", entry->name);
	return option_number(command, &number, text, value);
}

static bool take(struct load_options *o, const struct entry *entry, const char *text)
{
	void *member = (char *)o + entry->at;
	double value = 0;

	switch (entry->kind) {
	case KIND_FLAG:
		*(bool *)member = true;
		return true;
	case KIND_TEXT:
		if (!*text)
			return option_complain(
				command, "--%s is empty; expected %s", entry->name, entry->argument);
		*(const char **)member = text;
		return true;
	case KIND_NUMBER:
	case KIND_WHOLE:
	case KIND_SHARE:
		if (!take_number(entry, text, &value))
			return false;
		*(double *)member = value;
		o->clients_given |= entry->at == AT(clients);
		o->seed_given |= entry->at == AT(seed);
		o->timeout_given |= entry->at == AT(timeout);
		return true;
	case KIND_GROUP:
		break;
	}
	return false;
}

static bool parse_rate(const char *option, const char *text, double *rate)
{
	if (option_parse_number(text, OPTION_NUMBER, rate) && *rate >= 0.001 && *rate <= RATE_MOST)
		return true;
	return option_complain(command,
		"%s is '" SHOWN "'; expected requests a second, 0.001 to 200M, as 5000, 200k or 1.5M", option,
		text);
}

static bool parse_ramp(struct load_options *o)
{
	char text[64], *part[3], *save = NULL;
	double rate[3];

	snprintf(text, sizeof(text), "%s", o->ramp_text);
	for (unsigned i = 0; i < 3; i++)
		if (!(part[i] = strtok_r(i ? NULL : text, ":", &save)))
			return option_complain(command,
				"--ramp is '" SHOWN "'; expected FROM:TO:STEP, as 10k:100k:10k",
				o->ramp_text);
	if ((save && *save) || strlen(o->ramp_text) >= sizeof(text))
		return option_complain(command,
			"--ramp is '" SHOWN "'; expected FROM:TO:STEP, as 10k:100k:10k", o->ramp_text);
	for (unsigned i = 0; i < 3; i++)
		if (!parse_rate("--ramp", part[i], &rate[i]))
			return false;
	if (fabs(rate[1] - rate[0]) / rate[2] >= RESULT_STEPS_MAX)
		return option_complain(command, "--ramp is '" SHOWN "'; expected at most %d steps",
			o->ramp_text, RESULT_STEPS_MAX);
	o->search.from = rate[0];
	o->search.to = rate[1];
	o->search.step = rate[1] < rate[0] ? -rate[2] : rate[2];
	return true;
}

static bool parse_mac(struct load_options *o)
{
	unsigned octet[6];
	int used = 0;

	if (sscanf(o->mac_text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &octet[0], &octet[1], &octet[2], &octet[3],
		    &octet[4], &octet[5], &used) != 6 ||
		o->mac_text[used])
		return option_complain(command,
			"--mac is '" SHOWN "'; expected six octets, as 02:00:5e:10:00:01", o->mac_text);
	for (unsigned i = 0; i < 6; i++)
		o->mac[i] = (uint8_t)octet[i];
	if (o->mac[0] & 1)
		return option_complain(
			command, "--mac is '" SHOWN "', a group's; expected a single host's", o->mac_text);
	o->has_mac = true;
	return true;
}

/* The last ones that may be used: the first is where the rest of the system tends to run. */
static bool last_cpus(struct load_options *o, unsigned count)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		CPU_ZERO(&allowed);
	if (count < 1 || count > (unsigned)CPU_COUNT(&allowed) || count > LOAD_CPUS_MAX)
		return option_complain(command, "--cores is %u; expected 1 to %d, which may be used here",
			count, CPU_COUNT(&allowed));
	for (unsigned c = CPU_SETSIZE; c-- > 0 && o->cpus < count;)
		if (CPU_ISSET(c, &allowed))
			o->cpu[o->cpus++] = c;
	return true;
}

static bool listed_cpus(struct load_options *o)
{
	uint64_t set[CPU_LIST_MAX / 64];
	cpu_set_t allowed;

	if (!cpu_list_parse(o->cores_text, set) || sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return option_complain(command,
			"--cores is '" SHOWN "'; expected how many, or a list as 2-5,8", o->cores_text);
	for (unsigned c = 0; c < CPU_LIST_MAX; c++) {
		if (!(set[c / 64] >> c % 64 & 1))
			continue;
		if (!CPU_ISSET(c, &allowed) || o->cpus == LOAD_CPUS_MAX)
			return option_complain(command,
				"--cores is '" SHOWN "': core %u may not be used here", o->cores_text, c);
		o->cpu[o->cpus++] = c;
	}
	return o->cpus > 0 ||
	       option_complain(command, "--cores is '" SHOWN "', which names none", o->cores_text);
}

static bool parse_cores(struct load_options *o)
{
	if (!o->cores_text)
		return last_cpus(o, 1);
	if (o->cores_text[strspn(o->cores_text, "0123456789")] == 0)
		return last_cpus(
			o, strlen(o->cores_text) > 3 ? 0 : (unsigned)strtoul(o->cores_text, NULL, 10));
	return listed_cpus(o);
}

static bool parse_words(struct load_options *o)
{
	const char *driver = o->driver ? o->driver : "auto";
	const char *version = o->version_text ? o->version_text : "4";

	if (o->arrival_text && !arrival_parse(o->arrival_text, &o->arrival))
		return option_complain(command,
			"--arrival is '" SHOWN "'; expected steady, poisson, pool or burst", o->arrival_text);
	if (strcmp(driver, "auto") != 0 && strcmp(driver, "af_xdp") != 0 && strcmp(driver, "af_packet") != 0)
		return option_complain(
			command, "--driver is '" SHOWN "'; expected auto, af_xdp or af_packet", driver);
	o->version = strcmp(version, "3") == 0      ? 3
		     : strcmp(version, "4") == 0    ? 4
		     : strcmp(version, "both") == 0 ? 34
						    : 0;
	if (o->version == 0)
		return option_complain(command, "--version is '" SHOWN "'; expected 3, 4 or both", version);
	return true;
}

static bool parse_rates(struct load_options *o)
{
	o->rate_given = o->rate_text != NULL;
	o->rate = o->find_knee ? 1e6 : 1000;
	if (o->rate_given && !parse_rate("--rate", o->rate_text, &o->rate))
		return false;
	if (o->ramp_text && !parse_ramp(o))
		return false;
	o->search.kind = o->find_knee ? RESULT_KNEE : o->ramp_text ? RESULT_RAMP : RESULT_LOAD;
	o->search.rate = o->rate;
	o->search.loss = o->loss;
	o->search.repeats = (unsigned)o->repeat;
	if (o->search.kind == RESULT_RAMP)
		o->rate = fmax(o->search.from, o->search.to);
	if (o->soak > 0)
		o->seconds = o->soak;
	else if (o->seconds == 0)
		o->seconds = o->search.kind == RESULT_LOAD ? 10 : 2;
	return true;
}

static bool check_storm(const struct load_options *o)
{
	if (o->find_knee || o->ramp_text)
		return option_complain(
			command, "--ke with a search; expected neither --find-knee nor --ramp");
	if (o->interface || o->nts || o->html)
		return option_complain(command,
			"--ke with %s; key establishments are TCP's, by the kernel's sockets",
			o->interface ? "--interface"
			: o->nts     ? "--nts"
				     : "--html");
	return o->arrival == ARRIVAL_STEADY || o->rate_text ||
	       option_complain(command, "--ke with --arrival; expected --rate, too");
}

static bool check_pairs(const struct load_options *o)
{
	if (o->ke > 0)
		return check_storm(o);
	if (o->find_knee && o->ramp_text)
		return option_complain(command, "--find-knee and --ramp: expected one of them");
	if (o->ramp_text && o->rate_text)
		return option_complain(command, "--ramp and --rate: the ramp has its own rates");
	if (o->soak > 0 && (o->find_knee || o->ramp_text))
		return option_complain(
			command, "--soak with a search: expected --time, the length of a step");
	if (o->arrival == ARRIVAL_POOL && o->every_s <= o->peak_s)
		return option_complain(command,
			"--peak-time is %g and --every %g; expected peaks shorter than their turn", o->peak_s,
			o->every_s);
	if (o->nts && o->version != 4)
		return option_complain(command, "--nts with --version; NTS is NTPv4's");
	if (o->nts && o->echo)
		return option_complain(command, "--nts with --echo; a reflector has no keys");
	return true;
}

static const struct entry *entry_of(const char *name)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].kind != KIND_GROUP && strcmp(entries[i].name, name) == 0)
			return &entries[i];
	return NULL;
}

static void set_standards(struct load_options *o)
{
	*o = (struct load_options){.family = AF_UNSPEC, .aeads = ke_aeads_default};
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].kind == KIND_NUMBER || entries[i].kind == KIND_WHOLE ||
			entries[i].kind == KIND_SHARE)
			*(double *)((char *)o + entries[i].at) = entries[i].standard;
}

static void fill_long_options(struct option options[ENTRIES + 1])
{
	unsigned count = 0;

	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].kind != KIND_GROUP)
			options[count++] = (struct option){entries[i].name,
				entries[i].kind == KIND_FLAG ? no_argument : required_argument, NULL,
				OPTION_LONG_FIRST};
	options[count] = (struct option){0};
}

/* getopt would take a unique beginning of a name; scripts that did so would break with the next option. */
static bool are_whole_names(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char name[32];

		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(argv[i] + 2, "="), argv[i] + 2);
		if (!entry_of(name))
			return option_complain(command, "%.60s: no such option", argv[i]);
	}
	return true;
}

static bool parse_all(struct load_options *o, int argc, char **argv)
{
	struct option options[ENTRIES + 1];
	int option, index = 0;

	optind = 1;
	fill_long_options(options);
	while ((option = getopt_long(argc, argv, ":46h", options, &index)) != -1) {
		if (option == '4' || option == '6')
			o->family = option == '4' ? AF_INET : AF_INET6;
		else if (option == 'h')
			o->help = true;
		else if (option != OPTION_LONG_FIRST)
			return option_refused(command, option, argv);
		else if (!take(o, entry_of(options[index].name), optarg ? optarg : ""))
			return false;
	}
	return true;
}

bool load_options_parse(struct load_options *o, int argc, char **argv)
{
	set_standards(o);
	if (!are_whole_names(argc, argv) || !parse_all(o, argc, argv))
		return false;
	if (o->help)
		return true;
	if (optind != argc - 1)
		return option_complain(command,
			optind == argc ? "expected a TARGET" : "expected one TARGET, found '" SHOWN "' too",
			argv[argc - 1]);
	o->target = argv[optind];
	return parse_words(o) && check_pairs(o) && parse_rates(o) &&
	       (!o->aead_text || option_aeads(command, o->aead_text, &o->aeads)) &&
	       (!o->mac_text || parse_mac(o)) && parse_cores(o);
}

/* A help text in lines behind a margin. */
static void print_wrapped(const char *text)
{
	enum { MARGIN = 26, WIDTH = 108 };
	int column = MARGIN;

	for (const char *word = text; *word;) {
		const int length = (int)strcspn(word, " ");

		if (column + length > WIDTH) {
			printf("\n%*s", MARGIN, "");
			column = MARGIN;
		}
		printf("%.*s ", length, word);
		column += length + 1;
		word += length;
		word += *word == ' ';
	}
	putchar('\n');
}

void load_options_help(void)
{
	puts("usage: tickwire bench load TARGET [OPTIONS]\n"
	     "An open-loop load on an NTP server, plain or with NTS, and a judge of every reply. TARGET is "
	     "HOST, HOST:PORT\n"
	     "or [ADDRESS]:PORT; -4 and -6 choose the family. Every run ends by itself; Ctrl-C ends it with "
	     "its report.");
	for (unsigned i = 0; i < ENTRIES; i++) {
		const struct entry *entry = &entries[i];
		char head[64];

		if (entry->kind == KIND_GROUP) {
			printf("\n%s\n", entry->name);
			continue;
		}
		snprintf(head, sizeof(head), "--%s%s%s", entry->name, entry->argument ? " " : "",
			entry->argument ? entry->argument : "");
		printf("  %-23s ", head);
		print_wrapped(entry->help);
	}
	puts("\nThe server needs a way back: give it a route to the prefix by this host (ip route add PREFIX "
	     "via ADDRESS), or\n"
	     "let the prefix be on its link, where ARP and neighbour discovery are answered for every "
	     "client.\n"
	     "Exit status: 0 the run was made and no wrong reply came; 1 a wrong reply, no reply at all, or "
	     "no run; 2 wrong\n"
	     "usage or a target that is not one's own.");
}
