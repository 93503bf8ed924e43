/* What the directives say of the workers, and of what they answer. */
#include <stdio.h>
#include <string.h>

#include "control/directive_subjects.h"
#include "control/value.h"
#include "dataplane/counters.h"
#include "dataplane/cpu_list.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static DIRECTIVE_APPLY(apply_workers)
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

const struct directive directive_workers = {
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
	.member = {DIRECTIVE_MEMBER(workers)},
};

static DIRECTIVE_APPLY(apply_bindaddress)
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

const struct directive directive_bindaddress = {
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
	.member = {DIRECTIVE_MEMBER(bind_addresses), DIRECTIVE_MEMBER(bind_address)},
};

static DIRECTIVE_APPLY(apply_port)
{
	long port;

	(void)words;
	if (!value_integer(word[0], "a port", 1, 65535, &port, text, size))
		return false;
	config->port = (uint16_t)port;
	return true;
}

const struct directive directive_port = {
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
	.member = {DIRECTIVE_MEMBER(port)},
};

static DIRECTIVE_APPLY(apply_minpoll)
{
	long poll;

	(void)words;
	if (!value_integer(word[0], "a power of 2 in seconds", 0, 17, &poll, text, size))
		return false;
	config->min_poll = (int8_t)poll;
	return true;
}

const struct directive directive_minpoll = {
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
	.member = {DIRECTIVE_MEMBER(min_poll)},
};

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

static DIRECTIVE_APPLY(apply_local)
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

const struct directive directive_local = {
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
	.member = {DIRECTIVE_MEMBER(local_stratum)},
};

static DIRECTIVE_APPLY(apply_hugepages)
{
	static const char *const names[] = {[CONFIG_AUTO] = "auto", [CONFIG_YES] = "yes", [CONFIG_NO] = "no"};
	size_t choice;

	(void)words;
	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	config->huge_pages = (uint8_t)choice;
	return true;
}

const struct directive directive_hugepages = {
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
	.member = {DIRECTIVE_MEMBER(huge_pages)},
};

const char *const config_aead_backend_name[CONFIG_AEAD_BACKENDS] = {
	[CONFIG_AEAD_AUTO] = "auto",
	[CONFIG_AEAD_VAES512] = "vaes512",
	[CONFIG_AEAD_VAES256] = "vaes256",
	[CONFIG_AEAD_AESNI] = "aesni",
	[CONFIG_AEAD_OPENSSL] = "openssl",
};

static DIRECTIVE_APPLY(apply_aeadbackend)
{
	size_t choice;

	(void)words;
	if (!value_choice(word[0], config_aead_backend_name, CONFIG_AEAD_BACKENDS, &choice, text, size))
		return false;
	config->aead_backend = (uint8_t)choice;
	return true;
}

const struct directive directive_aeadbackend = {
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
	.apply = apply_aeadbackend,
	.member = {DIRECTIVE_MEMBER(aead_backend)},
};

const char *const config_packet_lane_name[CONFIG_PACKET_LANES] = {
	[CONFIG_PACKET_LANE_AUTO] = "auto",
	[CONFIG_PACKET_LANE_AVX512] = "avx512",
	[CONFIG_PACKET_LANE_GENERIC] = "generic",
};

static DIRECTIVE_APPLY(apply_packetlane)
{
	size_t choice;

	(void)words;
	if (!value_choice(word[0], config_packet_lane_name, CONFIG_PACKET_LANES, &choice, text, size))
		return false;
	config->packet_lane = (uint8_t)choice;
	return true;
}

const struct directive directive_packetlane = {
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
	.apply = apply_packetlane,
	.member = {DIRECTIVE_MEMBER(packet_lane)},
};

static DIRECTIVE_APPLY(apply_idle)
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

const struct directive directive_idle = {
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
	.member = {DIRECTIVE_MEMBER(idle), DIRECTIVE_MEMBER(idle_after_us)},
};
