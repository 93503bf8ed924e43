/* What the directive `metrics` says. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/directive_subjects.h"
#include "control/value.h"

#define EXPECTED "ADDRESS or ADDRESS:PORT, an IPv6 address in brackets, or off"

/* Splits "ADDRESS[:PORT]" and "[ADDRESS][:PORT]"; *port is NULL where there is none. */
static bool split(char *word, const char **address, bool *ipv6, const char **port)
{
	char *end;

	*ipv6 = word[0] == '[';
	*address = *ipv6 ? word + 1 : word;
	end = strpbrk(*address, *ipv6 ? "]" : ":");
	*port = NULL;
	if (*ipv6 && !end)
		return false;
	if (*ipv6)
		*end++ = '\0';
	if (end && *end == ':') {
		*end = '\0';
		*port = end + 1;
	}
	return *port || !end || !*end;
}

static bool is_multicast(const struct config_metrics *m)
{
	return m->ipv6 ? m->address[0] == 0xff : m->address[0] >= 224;
}

static DIRECTIVE_APPLY(apply_metrics)
{
	struct config_metrics m = {.on = 1};
	char copy[INET6_ADDRSTRLEN + sizeof("[]:65535")];
	const char *address, *port_word;
	long port = CONFIG_METRICS_PORT;
	bool ipv6;

	(void)words;
	if (strcasecmp(word[0], "off") == 0) {
		memset(&config->metrics, 0, sizeof(config->metrics));
		return true;
	}
	if (strlen(word[0]) >= sizeof(copy))
		return value_refuse(text, size, word[0], EXPECTED);
	memcpy(copy, word[0], strlen(word[0]) + 1);
	if (!split(copy, &address, &ipv6, &port_word) ||
		inet_pton(ipv6 ? AF_INET6 : AF_INET, address, m.address) != 1)
		return value_refuse(text, size, word[0], EXPECTED);
	m.ipv6 = ipv6;
	if (is_multicast(&m))
		return value_refuse(text, size, word[0], "no multicast address");
	if (port_word && !value_integer(port_word, "a port", 1, 65535, &port, text, size))
		return false;
	m.port = (uint16_t)port;
	config->metrics = m;
	return true;
}

const struct directive directive_metrics = {
	.name = "metrics",
	.least_words = 1,
	.most_words = 1,
	.arguments = "ADDRESS[:PORT]|off",
	.type = "address and port",
	.default_value = "127.0.0.1:9123",
	.range = "an IPv4 address, or an IPv6 address in brackets; 1-65535, 9123 without a port; or off",
	.help = "Where Prometheus finds what tickwire counts and knows of its clock: "
		"`http://ADDRESS:PORT/metrics`, by HTTP of the kernel's and without a password. "
		"`[::1]:9123` is one of IPv6. A port that is taken costs nothing but the metrics: the log "
		"says so, and they come once it is free.",
	.applied = APPLIED_BY_RELOAD,
	.origin = "tickwire",
	.apply = apply_metrics,
	.member = {DIRECTIVE_MEMBER(metrics)},
};
