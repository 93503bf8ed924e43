#include "refclock/gpsd_address.h"

#include <stdio.h>
#include <string.h>

#include "refclock/driver_parameter.h"

/* The host, in brackets where it has colons of its own; what follows, or NULL. */
static const char *take_host(struct gpsd_address *address, const char *text)
{
	bool bracket = text[0] == '[';
	const char *host = text + bracket, *end = host + strcspn(host, bracket ? "]" : ":");

	if (bracket && *end != ']')
		return NULL;
	snprintf(address->host, sizeof(address->host), "%.*s", (int)(end - host), host);
	end += bracket;
	return *end == '\0' || *end == ':' ? end : NULL;
}

/* ":2947", where the colon is followed by a digit, or nothing between two colons; what follows, or NULL. */
static const char *take_port(struct gpsd_address *address, const char *text)
{
	size_t length = text[0] ? strcspn(text + 1, ":") : 0;
	long port;

	if (text[0] == ':' && text[1] == ':')
		return text + 1;
	if (length == 0 || text[1] < '0' || text[1] > '9')
		return text;
	if (length >= sizeof(address->port))
		return NULL;
	snprintf(address->port, sizeof(address->port), "%.*s", (int)length, text + 1);
	if (!driver_parameter_number(address->port, 10, 1, 65535, &port))
		return NULL;
	return text + 1 + length;
}

bool gpsd_address_parse(struct gpsd_address *address, const char *text)
{
	*address = (struct gpsd_address){.host = "", .port = "2947"};
	text = text[0] == '/' ? NULL : take_host(address, text);
	text = text ? take_port(address, text) : NULL;
	if (!text)
		return false;
	if (!address->host[0])
		snprintf(address->host, sizeof(address->host), "localhost");
	if (!text[0])
		return true;
	snprintf(address->device, sizeof(address->device), "%s", text + 1);
	return text[0] == ':' && (text[1] == '/' || strstr(text + 1, "://"));
}

bool gpsd_address_is_here(const struct gpsd_address *address)
{
	return strcmp(address->host, "localhost") == 0 || strncmp(address->host, "127.", 4) == 0 ||
	       strcmp(address->host, "::1") == 0;
}
