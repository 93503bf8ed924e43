/* What the directive `metrics` says. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/directive_apply.h"
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

DIRECTIVE_APPLY(directive_metrics)
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
