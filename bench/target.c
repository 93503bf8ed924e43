#include "bench/target.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "ntp/octets.h"

enum { PORT_DIGITS = 5 };

struct range {
	uint32_t address, mask;
};

static const struct range own_ipv4[] = {
	{0x7f000000, 0xff000000},                                                     /* loopback */
	{0x0a000000, 0xff000000},                                                     /* RFC 1918 */
	{0xac100000, 0xfff00000}, {0xc0a80000, 0xffff0000}, {0xa9fe0000, 0xffff0000}, /* link-local */
	{0x64400000, 0xffc00000}, /* RFC 6598: behind a carrier's NAT */
	{0xc6120000, 0xfffe0000}, /* RFC 2544 */
};

static bool is_own_ipv4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(own_ipv4) / sizeof(own_ipv4[0]); i++)
		if ((address & own_ipv4[i].mask) == own_ipv4[i].address)
			return true;
	return false;
}

static bool is_own_ipv6(const struct in6_addr *address)
{
	static const uint8_t benchmark[] = {0x20, 0x01, 0x00, 0x02, 0x00, 0x00};
	const uint8_t *a = address->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(address))
		return is_own_ipv4(load_be32(a + 12));
	return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_LINKLOCAL(address) || (a[0] & 0xfe) == 0xfc ||
	       memcmp(a, benchmark, sizeof(benchmark)) == 0;
}

bool target_is_ours(const struct sockaddr *address)
{
	const void *a = address;

	if (address->sa_family == AF_INET)
		return is_own_ipv4(ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return is_own_ipv6(&((const struct sockaddr_in6 *)a)->sin6_addr);
	return false;
}

static bool parse_port(const char *text, uint16_t *port)
{
	unsigned long value = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > PORT_DIGITS || text[digits])
		return false;
	for (; *text; text++)
		value = value * 10 + (unsigned long)(*text - '0');
	*port = (uint16_t)value;
	return value >= 1 && value <= UINT16_MAX;
}

/* Where the host ends; *rest is what follows it: "" or ":PORT". NULL where a bracket is not as it must be. */
static const char *find_end(const char **host, const char **rest)
{
	const char *text = *host, *first = strchr(text, ':'), *end;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return NULL;
		*host = text + 1;
		*rest = end + 1;
		return end;
	}
	/* with more than one colon it is an IPv6 address without a port */
	end = first && first == strrchr(text, ':') ? first : text + strlen(text);
	*rest = end;
	return end;
}

bool target_split(const char *text, uint16_t default_port, char host[TARGET_HOST], uint16_t *port,
	char *error, size_t size)
{
	const char *begin = text, *rest = NULL, *end = find_end(&begin, &rest);

	*port = default_port;
	if (!end || end == begin) {
		snprintf(error, size, "target '%s': expected HOST, HOST:PORT or [ADDRESS]:PORT", text);
		return false;
	}
	if (end - begin >= TARGET_HOST) {
		snprintf(error, size, "the target's name has %zu characters; expected at most %d",
			(size_t)(end - begin), TARGET_HOST - 1);
		return false;
	}
	if (*rest && !parse_port(rest + 1, port)) {
		snprintf(error, size, "target '%s': its port is '%s'; expected a number from 1 to 65535",
			text, rest + 1);
		return false;
	}
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	return true;
}

static void describe(struct target *target)
{
	char address[TARGET_TEXT - 8];
	const bool is_ipv6 = target->address.ss_family == AF_INET6;

	if (getnameinfo((const struct sockaddr *)&target->address, target->address_length, address,
		    sizeof(address), NULL, 0, NI_NUMERICHOST) != 0)
		address[0] = '\0';
	snprintf(target->text, sizeof(target->text), is_ipv6 ? "[%s]:%u" : "%s:%u", address, target->port);
}

bool target_parse(
	struct target *target, const char *text, uint16_t default_port, int family, char *error, size_t size)
{
	/* one kind of socket, so that each address comes once */
	const struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	char service[PORT_DIGITS + 1];
	int failure;

	memset(target, 0, sizeof(*target));
	if (!target_split(text, default_port, target->host, &target->port, error, size))
		return false;
	snprintf(service, sizeof(service), "%u", target->port);
	failure = getaddrinfo(target->host, service, &hints, &found);
	if (failure != 0) {
		snprintf(error, size, "target '%s' is not found: %s", target->host, gai_strerror(failure));
		return false;
	}
	memcpy(&target->address, found->ai_addr, found->ai_addrlen);
	target->address_length = found->ai_addrlen;
	freeaddrinfo(found);
	target->ours = target_is_ours((const struct sockaddr *)&target->address);
	describe(target);
	return true;
}

bool target_permit(const struct target *target, bool said_to_be_owned, char *error, size_t size)
{
	if (target->ours || said_to_be_owned)
		return true;
	snprintf(error, size,
		"target %s is neither a loopback nor a private address, and load is for one's own hosts; "
		"--i-own-this-target says that it is yours",
		target->text);
	return false;
}
