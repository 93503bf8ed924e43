#include "control/directive.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/chrony_directives.h"
#include "control/directive_apply.h"
#include "control/value.h"
#include "dataplane/cpu_list.h"
#include "dataplane/counters.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MEMBER(name)                                                                 \
	{                                                                            \
		offsetof(struct config, name), sizeof(((struct config *)NULL)->name) \
	}

static bool apply_workers(struct config *config, int words, char *const word[], char *text, size_t size)
{
	uint64_t set[CPU_LIST_MAX / 64];
	char expected[96];
	int count = 0;

	(void)words;
	snprintf(expected, sizeof(expected), "a list of at most %d CPUs below %d, as 2-5,8", WORKERS_MAX,
		CPU_LIST_MAX);
	if (strlen(word[0]) >= sizeof(config->workers) || !cpu_list_parse(word[0], set))
		return value_refuse(text, size, word[0], expected);
	for (size_t i = 0; i < COUNT(set); i++)
		count += __builtin_popcountll(set[i]);
	if (count > WORKERS_MAX)
		return value_refuse(text, size, word[0], expected);
	memset(config->workers, 0, sizeof(config->workers));
	memcpy(config->workers, word[0], strlen(word[0]));
	return true;
}

static bool apply_bindaddress(struct config *config, int words, char *const word[], char *text, size_t size)
{
	struct config_address address;
	char expected[64];

	(void)words;
	if (!value_address(word[0], false, &address, text, size))
		return false;
	for (int i = 0; i < config->bind_addresses; i++) {
		if (memcmp(config->bind_address[i].address, address.address, sizeof(address.address)) == 0)
			return value_refuse(text, size, word[0], "each address once");
	}
	if (config->bind_addresses == CONFIG_BIND_ADDRESSES) {
		snprintf(expected, sizeof(expected), "at most %d addresses", CONFIG_BIND_ADDRESSES);
		return value_refuse(text, size, word[0], expected);
	}
	config->bind_address[config->bind_addresses++] = address;
	return true;
}

static bool apply_port(struct config *config, int words, char *const word[], char *text, size_t size)
{
	long port;

	(void)words;
	if (!value_integer(word[0], "a port", 1, 65535, &port, text, size))
		return false;
	config->port = (uint16_t)port;
	return true;
}

static bool apply_minpoll(struct config *config, int words, char *const word[], char *text, size_t size)
{
	long poll;

	(void)words;
	if (!value_integer(word[0], "a power of 2 in seconds", 0, 17, &poll, text, size))
		return false;
	config->min_poll = (int8_t)poll;
	return true;
}

/* Chrony's options of `local`; all but `stratum` steer when chronyd itself turns to it. */
enum local_option { LOCAL_STRATUM, LOCAL_ORPHAN, LOCAL_DISTANCE, LOCAL_ACTIVATE, LOCAL_WAIT, LOCAL_WAIT_UN };
static const char *const local_options[] = {
	"stratum", "orphan", "distance", "activate", "waitsynced", "waitunsynced"};

static bool set_local_option(struct config *config, size_t option, const char *value, char *text, size_t size)
{
	char expected[64];
	long stratum;

	snprintf(expected, sizeof(expected), "%s after `%s`",
		option == LOCAL_STRATUM ? "an integer" : "seconds", local_options[option]);
	if (!value)
		return value_refuse(text, size, NULL, expected);
	if (option != LOCAL_STRATUM)
		return value_fraction(value, expected, text, size);
	if (!value_integer(value, "a stratum", 1, 15, &stratum, text, size))
		return false;
	config->local_stratum = (uint8_t)stratum;
	return true;
}

static bool apply_local(struct config *config, int words, char *const word[], char *text, size_t size)
{
	const char *idle_option = NULL;
	size_t option;

	config->local_stratum = 10;
	for (int i = 0; i < words; i++) {
		if (!value_choice(word[i], local_options, COUNT(local_options), &option, text, size))
			return false;
		if (option != LOCAL_STRATUM)
			idle_option = local_options[option];
		if (option == LOCAL_ORPHAN)
			continue;
		i++;
		if (!set_local_option(config, option, i < words ? word[i] : NULL, text, size))
			return false;
	}
	if (idle_option)
		snprintf(text, size,
			"option `%s` has no effect: a clock that nobody keeps is served with the stratum "
			"given at once",
			idle_option);
	return true;
}

static bool apply_hugepages(struct config *config, int words, char *const word[], char *text, size_t size)
{
	static const char *const names[] = {[CONFIG_AUTO] = "auto", [CONFIG_YES] = "yes", [CONFIG_NO] = "no"};
	size_t choice;

	(void)words;
	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	config->huge_pages = (uint8_t)choice;
	return true;
}

const char *const config_aead_backend_name[CONFIG_AEAD_BACKENDS] = {
	[CONFIG_AEAD_AUTO] = "auto",
	[CONFIG_AEAD_VAES512] = "vaes512",
	[CONFIG_AEAD_VAES256] = "vaes256",
	[CONFIG_AEAD_AESNI] = "aesni",
	[CONFIG_AEAD_OPENSSL] = "openssl",
};

static bool apply_aead_backend(struct config *config, int words, char *const word[], char *text, size_t size)
{
	size_t choice;

	(void)words;
	if (!value_choice(word[0], config_aead_backend_name, CONFIG_AEAD_BACKENDS, &choice, text, size))
		return false;
	config->aead_backend = (uint8_t)choice;
	return true;
}

const char *const config_packet_lane_name[CONFIG_PACKET_LANES] = {
	[CONFIG_PACKET_LANE_AUTO] = "auto",
	[CONFIG_PACKET_LANE_AVX512] = "avx512",
	[CONFIG_PACKET_LANE_GENERIC] = "generic",
};

static bool apply_packet_lane(struct config *config, int words, char *const word[], char *text, size_t size)
{
	size_t choice;

	(void)words;
	if (!value_choice(word[0], config_packet_lane_name, CONFIG_PACKET_LANES, &choice, text, size))
		return false;
	config->packet_lane = (uint8_t)choice;
	return true;
}

static bool apply_idle(struct config *config, int words, char *const word[], char *text, size_t size)
{
	static const char *const names[] = {[CONFIG_IDLE_SLEEP] = "sleep", [CONFIG_IDLE_POLL] = "poll"};
	static const char *const after[] = {"after"};
	long time = CONFIG_IDLE_AFTER_US;
	size_t choice, unused;

	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	if (words > 1 && choice == CONFIG_IDLE_POLL)
		return value_refuse(text, size, word[1], "nothing after `poll`");
	if (words > 1 && !value_choice(word[1], after, 1, &unused, text, size))
		return false;
	if (words == 2)
		return value_refuse(text, size, NULL, "microseconds after `after`");
	if (words > 2 && !value_integer(word[2], "microseconds", 10, 1000000, &time, text, size))
		return false;
	config->idle = (uint8_t)choice;
	config->idle_after_us = (uint32_t)time;
	return true;
}

static bool apply_seccomp(struct config *config, int words, char *const word[], char *text, size_t size)
{
	static const char *const names[] = {"kill", "errno", "off"};
	size_t choice;

	(void)words;
	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	config->seccomp = (uint8_t)(CONFIG_SECCOMP_KILL + choice);
	return true;
}

static bool apply_clockrefresh(struct config *config, int words, char *const word[], char *text, size_t size)
{
	long time;

	(void)words;
	if (!value_integer(word[0], "microseconds", 1000, 10000, &time, text, size))
		return false;
	config->refresh_us = (uint32_t)time;
	return true;
}

static bool apply_holdover(struct config *config, int words, char *const word[], char *text, size_t size)
{
	long time;

	(void)words;
	if (!value_integer(word[0], "seconds", 1, 604800, &time, text, size))
		return false;
	config->holdover_s = (uint32_t)time;
	return true;
}

static bool apply_user(struct config *config, int words, char *const word[], char *text, size_t size)
{
	(void)words;
	if (!value_user(word[0], text, size))
		return false;
	memset(config->user, 0, sizeof(config->user));
	memcpy(config->user, word[0], strlen(word[0]));
	return true;
}

static bool apply_chronyrundir(struct config *config, int words, char *const word[], char *text, size_t size)
{
	(void)words;
	if (word[0][0] != '/' || strlen(word[0]) >= sizeof(config->chrony_run_dir))
		return value_refuse(text, size, word[0], "a directory's absolute path of at most 255 octets");
	memset(config->chrony_run_dir, 0, sizeof(config->chrony_run_dir));
	memcpy(config->chrony_run_dir, word[0], strlen(word[0]));
	return true;
}

#define IGNORED DIRECTIVE_OF_CHRONY
#define REFUSED DIRECTIVE_REFUSED
#define OF_CHRONY(spelling, what, reason) \
	{                                 \
		.name = #spelling,        \
		.kind = what,             \
		.repeatable = true,       \
		.most_words = UINT16_MAX, \
		.help = reason,           \
		.origin = "chrony",       \
	},

const struct directive directives[] = {
	{
		.name = "interface",
		.repeatable = true,
		.least_words = 1,
		.most_words = UINT16_MAX,
		.arguments =
			"SPEC [queues N] [driver af_xdp|af_packet] [tap NAME] [address ADDRESS[/PREFIX]]...",
		.type = "name and options",
		.default_value = "none; at least one is needed, here or as `--interface`",
		.range = "at most 16 interfaces; queues 1-64; at most 8 addresses of each",
		.help = "A port on which requests are answered. SPEC is a kernel interface (`eth0`), a PCI "
			"device "
			"that DPDK drives (`pci:0000:03:00.0`) or a virtual device of DPDK "
			"(`vdev:net_memif0,role=client`). "
			"`queues` is the number of receive queues; without it there are as many as the port "
			"has, at "
			"most one a worker. "
			"`driver` is for kernel interfaces: AF_XDP is tried first and AF_PACKET where that "
			"is refused, "
			"unless one is named. "
			"`tap` is for PCI and virtual devices, which the kernel does not see: a TAP "
			"interface of that "
			"name carries what is not NTP between the port and the kernel, both ways, and its "
			"addresses are "
			"the ones served. Without it, what is not NTP is dropped. "
			"`address` puts an address on the TAP.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = directive_interface,
		.member = {MEMBER(interfaces), MEMBER(interface)},
	},
	{
		.name = "workers",
		.least_words = 1,
		.most_words = 1,
		.arguments = "CPULIST",
		.type = "CPU list",
		.default_value = "automatic",
		.range = "at most 64 CPUs below 1024",
		.help = "The cores that answer, as `2-5,8`: one worker is pinned to each. Without it "
			"tickwire chooses "
			"cores near the ports.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = apply_workers,
		.member = {MEMBER(workers)},
	},
	{
		.name = "bindaddress",
		.repeatable = true,
		.least_words = 1,
		.most_words = 1,
		.arguments = "ADDRESS",
		.type = "IPv4 or IPv6 address",
		.default_value = "every address of the interfaces",
		.range = "unicast; at most 64 addresses",
		.help = "An address on which requests are answered; each has its own line. Without any, the "
			"addresses "
			"of the interfaces are served and followed as they come and go.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "chrony",
		.apply = apply_bindaddress,
		.member = {MEMBER(bind_addresses), MEMBER(bind_address)},
	},
	{
		.name = "port",
		.least_words = 1,
		.most_words = 1,
		.arguments = "PORT",
		.type = "integer",
		.default_value = "123",
		.range = "1-65535",
		.help = "The UDP port on which requests are answered. chrony's 0, which turns its server "
			"off, is "
			"refused.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "chrony",
		.apply = apply_port,
		.member = {MEMBER(port)},
	},
	{
		.name = "minpoll",
		.least_words = 1,
		.most_words = 1,
		.arguments = "POLL",
		.type = "integer",
		.default_value = "0",
		.range = "0-17",
		.unit = "log2 seconds",
		.help = "The least poll interval in replies: a client that asks with a shorter one is told "
			"this one. "
			"0 echoes nearly every client's own. It limits nobody. (chrony's option `minpoll` of "
			"`server` "
			"is another thing.)",
		.applied = APPLIED_BY_RELOAD,
		.origin = "tickwire",
		.apply = apply_minpoll,
		.member = {MEMBER(min_poll)},
	},
	{
		.name = "local",
		.most_words = UINT16_MAX,
		.arguments = "[stratum N]",
		.type = "options",
		.default_value = "off; with the directive alone, stratum 10",
		.range = "stratum 1-15",
		.help = "Serve the system clock as synchronised, with this stratum, when nobody keeps it. "
			"Without the "
			"directive such a clock is announced as unsynchronised (leap indicator 3). It is "
			"meant for "
			"isolated networks, and has no effect with `refclock`, where LOCAL is for that. "
			"chrony's other options (`orphan`, `distance`, `activate`, "
			"`waitsynced`, "
			"`waitunsynced`) are accepted with a warning and have no effect.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = apply_local,
		.member = {MEMBER(local_stratum)},
	},
	{
		.name = "hugepages",
		.least_words = 1,
		.most_words = 1,
		.arguments = "auto|yes|no",
		.type = "choice",
		.default_value = "auto",
		.range = "auto, yes or no",
		.help = "Whether the dataplane's memory is in huge pages: `yes` needs them, `no` does "
			"without, `auto` "
			"takes them where there are enough.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = apply_hugepages,
		.member = {MEMBER(huge_pages)},
	},
	{
		.name = "aeadbackend",
		.least_words = 1,
		.most_words = 1,
		.arguments = "auto|vaes512|vaes256|aesni|openssl",
		.type = "choice",
		.default_value = "auto",
		.range = "auto, vaes512, vaes256, aesni or openssl",
		.help = "What computes the AEADs of NTS: `auto` takes the best that the CPU has. All give "
			"the "
			"same octets; `openssl` runs on any CPU. `tickwire status` says which is in use.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = apply_aead_backend,
		.member = {MEMBER(aead_backend)},
	},
	{
		.name = "packetlane",
		.least_words = 1,
		.most_words = 1,
		.arguments = "auto|avx512|generic",
		.type = "choice",
		.default_value = "auto",
		.range = "auto, avx512 or generic",
		.help = "What answers plain requests: `auto` takes the best that the CPU has. All give the "
			"same "
			"octets; `generic` runs on any CPU. `tickwire status` says which is in use.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = apply_packet_lane,
		.member = {MEMBER(packet_lane)},
	},
	{
		.name = "idle",
		.least_words = 1,
		.most_words = 3,
		.arguments = "sleep [after USEC] | poll",
		.type = "choice",
		.default_value = "sleep after 1000",
		.range = "after 10-1000000",
		.unit = "microseconds",
		.help = "What a worker does without packets. `sleep` waits for the next one once none has "
			"come for the "
			"time given, which spares the core and delays the first packet after a pause. `poll` "
			"never "
			"sleeps: the core is always busy, and every packet is met at once.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = apply_idle,
		.member = {MEMBER(idle), MEMBER(idle_after_us)},
	},
	{
		.name = "seccomp",
		.least_words = 1,
		.most_words = 1,
		.arguments = "kill|errno|off",
		.type = "choice",
		.default_value = "kill; errno for the dataplane where a port is `pci:`",
		.range = "kill, errno or off",
		.help = "What a system call that a daemon has no business with does: `kill` ends the daemon "
			"(and the "
			"supervisor starts it again), `errno` lets the call fail, `off` loads no filter.",
		.applied = APPLIED_BY_RESTART,
		.origin = "tickwire",
		.apply = apply_seccomp,
		.member = {MEMBER(seccomp)},
	},
	{
		.name = "clockrefresh",
		.least_words = 1,
		.most_words = 1,
		.arguments = "USEC",
		.type = "integer",
		.default_value = "4000",
		.range = "1000-10000",
		.unit = "microseconds",
		.help = "How often the clock daemon compares the counter of the CPU with the system clock "
			"and publishes "
			"the line between them. Shorter follows chronyd's corrections more closely and costs "
			"more.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = apply_clockrefresh,
		.member = {MEMBER(refresh_us)},
	},
	{
		.name = "holdover",
		.least_words = 1,
		.most_words = 1,
		.arguments = "SECONDS",
		.type = "integer",
		.default_value = "3600",
		.range = "1-604800",
		.unit = "seconds",
		.help = "How long an abandoned timebase may still be served as synchronised. When the clock "
			"daemon is "
			"gone, replies go on with a root dispersion that grows; after this time they say "
			"that they are "
			"unsynchronised (leap indicator 3).",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = apply_holdover,
		.member = {MEMBER(holdover_s)},
	},
	{
		.name = "user",
		.least_words = 1,
		.most_words = 1,
		.arguments = "NAME",
		.type = "user name",
		.default_value = "`_tickwire` where there is one, else `nobody`",
		.range = "1-32 letters, digits, `_`, `-` or `.`",
		.help = "The user that the daemons become once their devices are open.",
		.applied = APPLIED_BY_RESTART,
		.origin = "chrony",
		.apply = apply_user,
		.member = {MEMBER(user)},
	},
	{
		.name = "chronyrundir",
		.least_words = 1,
		.most_words = 1,
		.arguments = "DIRECTORY",
		.type = "path",
		.default_value = "`/run/chrony`, else `/var/run/chrony`",
		.range = "absolute, at most 255 octets, without blanks",
		.help = "The directory of chronyd's command socket. tickwire asks there for stratum, "
			"reference, leap "
			"status, root delay and root dispersion, and on UDP port 323 of the loopback where "
			"nobody "
			"answers there.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = apply_chronyrundir,
		.member = {MEMBER(chrony_run_dir)},
	},
	{
		.name = "ntsservercert",
		.repeatable = true,
		.least_words = 1,
		.most_words = 1,
		.arguments = "FILE",
		.type = "path",
		.default_value = "none: NTS is off",
		.range = "absolute, at most 255 printable octets; at most 16 certificates",
		.help = "A certificate for key establishment in PEM, with the certificates that lead to its "
			"authority behind it. With `ntsserverkey` it turns NTS on. Of several pairs a client "
			"is shown the one whose names hold the name it asks for, else the first. A changed "
			"file is served within three seconds, or at once after a reload; one that cannot be "
			"used leaves the certificates before in use. At the start it is an error.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "chrony",
		.apply = directive_ntsservercert,
		.member = {MEMBER(nts.certificates), MEMBER(nts.certificate)},
	},
	{
		.name = "ntsserverkey",
		.repeatable = true,
		.least_words = 1,
		.most_words = 1,
		.arguments = "FILE",
		.type = "path",
		.default_value = "none: NTS is off",
		.range = "absolute, at most 255 printable octets; as many as `ntsservercert`",
		.help = "The private key of a certificate in PEM, not encrypted: the first is the first "
			"`ntsservercert`'s, and so on. It is read as root, so nobody else needs to be able "
			"to read it; one that others can read draws a warning.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "chrony",
		.apply = directive_ntsserverkey,
		.member = {MEMBER(nts.keys), MEMBER(nts.key)},
	},
	{
		.name = "ntsport",
		.least_words = 1,
		.most_words = 1,
		.arguments = "PORT",
		.type = "integer",
		.default_value = "4460",
		.range = "1-65535",
		.help = "The TCP port of key establishment. It is open on the addresses of `bindaddress`, "
			"and without any on all of the host.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_ntsport,
		.member = {MEMBER(nts.port)},
	},
	{
		.name = "ntsprocesses",
		.least_words = 1,
		.most_words = 1,
		.arguments = "N",
		.type = "integer",
		.default_value = "1",
		.range = "0-64",
		.help = "Threads of key establishment; chrony has processes. 0 counts as 1.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_ntsprocesses,
		.member = {MEMBER(nts.threads)},
	},
	{
		.name = "maxntsconnections",
		.least_words = 1,
		.most_words = 1,
		.arguments = "N",
		.type = "integer",
		.default_value = "1000",
		.range = "1-100000",
		.help = "Connections of key establishment that are served at a time. When they are all "
			"taken, a new one ends the oldest that is unfinished after a second. chrony's "
			"default is 100.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_maxntsconnections,
		.member = {MEMBER(nts.connections)},
	},
	{
		.name = "ntsratelimit",
		.most_words = 6,
		.arguments = "[interval I] [burst B] [leak L]",
		.type = "options",
		.default_value = "off; with the directive alone, interval 6 burst 8 leak 2",
		.range = "interval -19 to 12, burst 1-255, leak 1-4",
		.help = "How often an address may establish keys: a connection each 2^I seconds, and B at "
			"once after a pause. Of those beyond, one in 2^L is served all the same.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_ntsratelimit,
		.member = {MEMBER(nts.limited), MEMBER(nts.interval), MEMBER(nts.burst), MEMBER(nts.leak)},
	},
	{
		.name = "ntsrotate",
		.least_words = 1,
		.most_words = 1,
		.arguments = "SECONDS",
		.type = "integer",
		.default_value = "604800",
		.range = "0-536870911",
		.unit = "seconds",
		.help = "How often a new key for cookies is made. Keys are kept for two more periods, so a "
			"client that asks within that time notices nothing. With 0 none is made: somebody "
			"else, another tickwire or a chronyd, keeps `ntskeys` in `ntsdumpdir`. It has to be "
			"there at the start, and what is put there later is taken over within three seconds. "
			"Several nodes with the same keys open each other's cookies.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_ntsrotate,
		.member = {MEMBER(nts.rotate_s)},
	},
	{
		.name = "ntsdumpdir",
		.least_words = 1,
		.most_words = 1,
		.arguments = "DIRECTORY",
		.type = "path",
		.default_value = "none: keys do not outlive tickwire",
		.range = "absolute, at most 247 printable octets",
		.help = "Where the keys for cookies are kept, in the file `ntskeys`, so that clients' "
			"cookies are still good after a restart. chrony reads the file, and tickwire reads "
			"chrony's. A missing directory is made, for root alone; what is above it has to be "
			"there. Unless `ntsrotate` is 0 the directory belongs to this instance: no other "
			"one, and no chronyd that serves NTS, may use it. Without certificates it turns NTS "
			"on only together with `ntsrotate 0`.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "chrony",
		.apply = directive_ntsdumpdir,
		.member = {MEMBER(nts.dump_dir)},
	},
	{
		.name = "ntsntpserver",
		.least_words = 1,
		.most_words = 1,
		.arguments = "NAME",
		.type = "name or address",
		.default_value = "none: clients ask the address that they have established keys with",
		.range = "1-255 letters, digits, `-`, `_`, `.` or `:`",
		.help = "The NTP server that clients are told to ask, where it is another one with the same "
			"keys.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_ntsntpserver,
		.member = {MEMBER(nts.server)},
	},
	{
		.name = "ntsaeads",
		.least_words = 1,
		.most_words = UINT16_MAX,
		.arguments = "ID...",
		.type = "list of integers",
		.default_value = "30 15",
		.range = "1-65535, with 15 among them",
		.help = "The AEAD algorithms of NTS that clients may choose from: 15, AES-SIV-CMAC-256, "
			"which "
			"every client has, and 30, AES-128-GCM-SIV, with shorter cookies. A client's order "
			"of "
			"preference decides, not the order here; others have no effect. Cookies that clients "
			"have got before a change go on to be good.",
		.applied = APPLIED_BY_KE_RESTART,
		.origin = "chrony",
		.apply = directive_ntsaeads,
		.member = {MEMBER(nts.gcm_siv)},
	},
	{
		.name = "refclock",
		.repeatable = true,
		.least_words = 1,
		.most_words = UINT16_MAX,
		.arguments =
			"DRIVER [PARAMETER] [refid REFID] [lock REFID] [poll P] [dpoll P] [filter N] "
			"[offset S] [delay S] [precision S] [maxdispersion S] [stratum N] [rate HZ] [width "
			"S] [minsamples N] [maxsamples N] [noselect] [prefer] [trust] [require] [pps] [tai] "
			"[local]",
		.type = "driver, parameter and options",
		.default_value = "none: the kernel clock is followed, which chronyd or another keeps",
		.range = "at most 16; refid and lock 1-4 characters, poll and dpoll -6 to 17, filter 1-256, "
			 "stratum 0-14, rate 0.01-1000, width 0-1, delay 0-1000",
		.unit = "seconds; poll and dpoll in log2 seconds",
		.help = "A source of time. Drivers and their parameters are `PPS /dev/pps0[:clear]`, `PHC "
			"/dev/ptp0[:extpps][:pin=N][:channel=N][:clear][:nocrossts]`, `SHM 0[:perm=0600]`, "
			"`SOCK /run/chrony.ttyS0.sock`, which are chrony's, and `GPSD "
			"[HOST][:PORT][:DEVICE]` (gpsd's own protocol), `NMEA /dev/ttyS0[:BAUD]`, `DCF77 "
			"/dev/ttyS0[:BAUD]` (raw second marks), `MEINBERG /dev/ttyS0[:BAUD]` (the standard "
			"time string), `SYSTEM` (the kernel clock that chronyd or another keeps, to be "
			"compared with) and `LOCAL` (the CPU's counter as it runs). The options are "
			"chrony's. `refid` is the name of the source and what clients are told while it is "
			"selected; by default it is made of the driver's first three letters and the number "
			"of the directive, as `PPS0`. `lock` names the source that numbers a pulse's "
			"seconds; without it any other does. `poll` (default 4, of DCF77 6) is how often "
			"the samples of the interval, of which a median filter keeps `filter` (default 64), "
			"become one; `dpoll` (default 0) how often a device is read that does not speak by "
			"itself. `offset` is added to what the source says. `delay` is twice what it can be "
			"wrong by then: it is believed, and every bound is made of it. The default of 1e-9 "
			"is for pulses; GPSD and NMEA have 0.2, DCF77 0.1 and MEINBERG 0.02. `precision` is "
			"the noise of one sample, `maxdispersion` what samples may be apart by, `rate` "
			"(default 1) and `width` describe pulses, `stratum` (default 0, of LOCAL 9) is "
			"the source's own. `noselect` watches only; `prefer`, `trust` and `require` weigh in "
			"the "
			"selection as in chrony. `pps` takes the fraction of a second alone, `tai` is for a "
			"source that keeps TAI, and `local` for one that is stable and not right. chrony's "
			"`maxunreach` and `maxlockage` have no effect. chrony's driver RTC is not there.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_refclock,
		.member = {MEMBER(clock.sources), MEMBER(clock.source)},
	},
	{
		.name = "driftfile",
		.least_words = 1,
		.most_words = 3,
		.arguments = "FILE [interval SECONDS]",
		.type = "path",
		.default_value = "none: the rate is learned anew at each start",
		.range = "absolute, at most 255 printable octets; interval 1-604800",
		.unit = "seconds",
		.help = "Where the rate of the CPU's counter against the time of the sources, and how far "
			"that can be off, outlive a restart: two numbers in ppm, as chrony writes them. The "
			"default of `interval` is 3600. The directory has to be there. The file belongs to "
			"this instance: no chronyd may use it. It has no effect without `refclock`.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_driftfile,
		.member = {MEMBER(clock.drift_file), MEMBER(clock.drift_interval_s)},
	},
	{
		.name = "logdir",
		.least_words = 1,
		.most_words = 1,
		.arguments = "DIRECTORY",
		.type = "path",
		.default_value = "none",
		.range = "absolute, at most 255 printable octets",
		.help = "Where the files of `log` are. It has to be there; files are made in it that all "
			"may read. Symbolic links in it are not followed.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_logdir,
		.member = {MEMBER(clock.log_dir)},
	},
	{
		.name = "log",
		.repeatable = true,
		.least_words = 1,
		.most_words = UINT16_MAX,
		.arguments = "measurements|rawmeasurements|statistics|tracking|refclocks ...",
		.type = "list of choices",
		.default_value = "none",
		.range = "measurements, rawmeasurements, statistics, tracking or refclocks",
		.help = "The logs of the clock, in chrony's formats, so that what plots those plots these. "
			"`refclocks` has each sample and each filtered one, `statistics` what is made of "
			"each source's, `tracking` each correction of the time served. `measurements` has "
			"the filtered samples in the columns of an NTP source, and `rawmeasurements` each "
			"sample, too. They need `logdir`. A file that was renamed or removed is made anew "
			"within a second, so logrotate needs no signal. chrony's `rtc`, `selection` and "
			"`tempcomp` are accepted with a warning.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_log,
		.member = {MEMBER(clock.logs)},
	},
	{
		.name = "logbanner",
		.least_words = 1,
		.most_words = 1,
		.arguments = "ENTRIES",
		.type = "integer",
		.default_value = "32",
		.range = "0-999999999",
		.help = "After how many entries a log repeats the names of its columns; 0 leaves them out.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_logbanner,
		.member = {MEMBER(clock.log_banner)},
	},
	{
		.name = "leapsectz",
		.least_words = 1,
		.most_words = 1,
		.arguments = "ZONE",
		.type = "time zone",
		.default_value = "none",
		.range = "1-63 letters, digits, `-`, `_`, `+` or `/`",
		.help = "A time zone of the system's that knows the leap seconds, as `right/UTC`: leap "
			"seconds are announced and TAI - UTC is known from it. `leapseclist` is preferred "
			"where both are given.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_leapsectz,
		.member = {MEMBER(clock.leap_zone)},
	},
	{
		.name = "leapseclist",
		.least_words = 1,
		.most_words = 1,
		.arguments = "FILE",
		.type = "path",
		.default_value = "none",
		.range = "absolute, at most 255 printable octets",
		.help = "A `leap-seconds.list` as the IERS and NIST publish it, as "
			"`/usr/share/zoneinfo/leap-seconds.list`: leap seconds are announced and TAI - UTC "
			"is known from it. Its hash is checked, and that it expires is said 30 days before.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_leapseclist,
		.member = {MEMBER(clock.leap_list)},
	},
	{
		.name = "leapsmear",
		.least_words = 1,
		.most_words = 2,
		.arguments = "off|linear|cosine [SECONDS]",
		.type = "choice",
		.default_value = "off",
		.range = "off, linear or cosine; 600-172800",
		.unit = "seconds",
		.help = "Whether a leap second is spread over a window around it instead of being inserted "
			"or deleted, and how long that is: 86400 without a number, from noon to noon. "
			"Clients are told of no leap second then, and must not follow other servers at the "
			"same time.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = directive_leapsmear,
		.member = {MEMBER(clock.smear), MEMBER(clock.smear_s)},
	},
	{
		.name = "makestep",
		.least_words = 2,
		.most_words = 2,
		.arguments = "THRESHOLD LIMIT",
		.type = "number and integer",
		.default_value = "none: time served as synchronised is never stepped",
		.range = "threshold 1e-6 to 1e9; a negative limit is none",
		.unit = "seconds",
		.help = "Step the time served where it is wrong by more than the threshold, in the first "
			"corrections up to the limit. Otherwise it is slewed. Before the time is served as "
			"synchronised, it is stepped anyway.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_makestep,
		.member = {MEMBER(clock.step_threshold), MEMBER(clock.step_limit)},
	},
	{
		.name = "maxslewrate",
		.least_words = 1,
		.most_words = 1,
		.arguments = "PPM",
		.type = "number",
		.default_value = "500",
		.range = "0.1-100000",
		.unit = "ppm",
		.help = "How fast the time served is brought to where it should be, at most. chrony's "
			"default is 83333.333.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_maxslewrate,
		.member = {MEMBER(clock.slew_ppm)},
	},
	{
		.name = "minsources",
		.least_words = 1,
		.most_words = 1,
		.arguments = "N",
		.type = "integer",
		.default_value = "1",
		.range = "1-16, at most as many as there are",
		.help = "How many sources have to agree before the time is served as synchronised.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "chrony",
		.apply = directive_minsources,
		.member = {MEMBER(clock.min_sources)},
	},
	{
		.name = "clockwander",
		.least_words = 1,
		.most_words = 1,
		.arguments = "PPM_PER_SECOND",
		.type = "number",
		.default_value = "0.01",
		.range = "1e-9 to 100",
		.unit = "ppm a second",
		.help = "How fast the oscillator of this host can change its rate at most. The bound of the "
			"time served grows with it while the sources are silent, until it is known better.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = directive_clockwander,
		.member = {MEMBER(clock.wander)},
	},
	{
		.name = "serving",
		.least_words = 2,
		.most_words = 6,
		.arguments = "[raised SEC] [unsynchronised SEC] [silent SEC]",
		.type = "options",
		.default_value = "raised 0.01 unsynchronised 1 silent 0",
		.range = "0-1000000; none below the one before; 0 for never",
		.unit = "seconds",
		.help = "What is made of the bound of the time served, when there is a `refclock`. From "
			"`raised` on that is in the log and in `tickwire status`; the root dispersion in "
			"replies holds all of the bound in any case. From `unsynchronised` on replies say "
			"leap indicator 3 and stratum 0. From `silent` on requests are not answered.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = directive_serving,
		.member = {MEMBER(clock.raised), MEMBER(clock.unsynchronised), MEMBER(clock.silent)},
	},
	{
		.name = "crosscheck",
		.least_words = 1,
		.most_words = 2,
		.arguments = "off|warn|unsynchronised [SEC]",
		.type = "choice",
		.default_value = "warn 0",
		.range = "off, warn or unsynchronised; 0-1000",
		.unit = "seconds",
		.help = "What happens when the sources and the kernel clock, as its keeper bounds it, "
			"disagree by more than both bounds and this time: `warn` says so in the log and in "
			"`tickwire status`, `unsynchronised` also makes replies say leap indicator 3. No "
			"single receiver that was deceived moves the time served without that.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = directive_crosscheck,
		.member = {MEMBER(clock.crosscheck), MEMBER(clock.crosscheck_s)},
	},
	{
		.name = "healthfile",
		.least_words = 1,
		.most_words = 1,
		.arguments = "FILE",
		.type = "path",
		.default_value = "none",
		.range = "absolute, at most 255 printable octets",
		.help = "A file that is there while replies say that they are synchronised, and not "
			"otherwise: for whoever announces an anycast route. It holds the rung of the ladder "
			"(directive `serving`) and its reason in a line.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "tickwire",
		.apply = directive_healthfile,
		.member = {MEMBER(clock.health_file)},
	},
	{
		.name = "healthhook",
		.least_words = 1,
		.most_words = 1,
		.arguments = "PROGRAM",
		.type = "path",
		.default_value = "none",
		.range = "absolute, at most 255 printable octets",
		.help = "A program that is run as root with the name of the rung (`serving`, `raised`, "
			"`unsynchronised`, `silent`) and its reason as its two arguments, each time it is "
			"another one. It is killed after 10 seconds; a change meanwhile is told afterwards, "
			"the last one only.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "tickwire",
		.apply = directive_healthhook,
		.member = {MEMBER(clock.health_hook)},
	},
	{
		.name = "temperature",
		.least_words = 1,
		.most_words = 1,
		.arguments = "FILE",
		.type = "path",
		.default_value = "none",
		.range = "absolute, at most 255 printable octets",
		.help = "A sensor near the oscillator, as `/sys/class/hwmon/hwmon0/temp1_input`: "
			"millidegrees Celsius. It is shown in `tickwire sources`.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = directive_temperature,
		.member = {MEMBER(clock.temperature)},
	},
	{
		.name = "steer_kernel",
		.least_words = 1,
		.most_words = 1,
		.arguments = "yes|no",
		.type = "choice",
		.default_value = "no",
		.range = "yes or no",
		.help = "Whether the kernel's clock is kept at the time of the sources, too. Nobody else "
			"may keep it then: stop chronyd, or let it run with `-x`. It has no effect without "
			"`refclock`.",
		.applied = APPLIED_BY_CLOCK_RESTART,
		.origin = "tickwire",
		.apply = directive_steer_kernel,
		.member = {MEMBER(clock.steer_kernel)},
	},
	{
		.name = "metrics",
		.least_words = 1,
		.most_words = 1,
		.arguments = "ADDRESS[:PORT]|off",
		.type = "address and port",
		.default_value = "127.0.0.1:9123",
		.range = "an IPv4 address, or an IPv6 address in brackets; 1-65535, 9123 without a port; or "
			 "off",
		.help = "Where Prometheus finds what tickwire counts and knows of its clock: "
			"`http://ADDRESS:PORT/metrics`, by HTTP of the kernel's and without a password. "
			"`[::1]:9123` is one of IPv6. A port that is taken costs nothing but the metrics: "
			"the log "
			"says so, and they come once it is free.",
		.applied = APPLIED_BY_RELOAD,
		.origin = "tickwire",
		.apply = directive_metrics,
		.member = {MEMBER(metrics)},
	},
	CHRONY_DIRECTIVES(OF_CHRONY)};

const size_t directive_count = COUNT(directives);
static_assert(COUNT(directives) <= (size_t)DIRECTIVES_MAX, "a line for each in the parser");

const struct directive *directive_find(const char *name)
{
	for (size_t i = 0; i < directive_count; i++) {
		if (strcasecmp(directives[i].name, name) == 0)
			return &directives[i];
	}
	return NULL;
}
