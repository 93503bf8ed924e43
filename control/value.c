#include "control/value.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEX "0123456789abcdefABCDEF"

#define INTERFACE_EXPECTED                                                                       \
	"a kernel interface (1-15 printable characters without / : , [ ]), pci:DDDD:BB:DD.F or " \
	"vdev:NAME[,ARGUMENTS]"

const char *value_quote(char quoted[VALUE_QUOTED], const char *word)
{
	/* Room is kept for one escape, "...", the closing quote and the end. */
	const size_t limit = VALUE_QUOTED - 4 - 3 - 2;
	size_t n = 0;

	quoted[n++] = '"';
	for (; *word && n < limit; word++) {
		unsigned char c = (unsigned char)*word;

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			quoted[n++] = (char)c;
		else
			n += (size_t)snprintf(quoted + n, 5, "\\x%02x", c);
	}
	snprintf(quoted + n, VALUE_QUOTED - n, *word ? "...\"" : "\"");
	return quoted;
}

bool value_refuse(char *text, size_t size, const char *found, const char *expected)
{
	char quoted[VALUE_QUOTED];

	snprintf(text, size, "found %s, expected %s", found ? value_quote(quoted, found) : "nothing",
		expected);
	return false;
}

bool value_integer(
	const char *word, const char *what, long least, long most, long *value, char *text, size_t size)
{
	const size_t sign = least < 0 && word[0] == '-';
	const size_t length = strlen(word + sign);
	char expected[160];

	/* 9 digits fit in any long and hold all that is asked for. */
	if (length >= 1 && length <= 9 && strspn(word + sign, DIGITS) == length) {
		*value = strtol(word, NULL, 10);
		if (*value >= least && *value <= most)
			return true;
	}
	snprintf(expected, sizeof(expected), "%s from %ld to %ld", what, least, most);
	return value_refuse(text, size, word, expected);
}

bool value_fraction(const char *word, const char *what, char *text, size_t size)
{
	size_t whole = strspn(word, DIGITS), fraction = 0;
	const char *rest = word + whole;

	if (*rest == '.') {
		fraction = strspn(rest + 1, DIGITS);
		rest += 1 + fraction;
	}
	if (*rest || whole + fraction == 0)
		return value_refuse(text, size, word, what);
	return true;
}

bool value_choice(
	const char *word, const char *const *names, size_t count, size_t *index, char *text, size_t size)
{
	char expected[160];
	size_t used = 0;

	for (size_t i = 0; word && i < count; i++) {
		if (strcasecmp(word, names[i]) == 0) {
			*index = i;
			return true;
		}
	}
	for (size_t i = 0; i < count && used < sizeof(expected); i++)
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
			i == 0          ? ""
			: i + 1 < count ? ", "
					: " or ",
			names[i]);
	return value_refuse(text, size, word, expected);
}

bool value_real(
	const char *word, const char *what, double least, double most, double *value, char *text, size_t size)
{
	char expected[160], *end;

	/* strtod would take blanks, hexadecimal, infinity and NaN, too */
	if (word[0] && strspn(word, DIGITS ".eE+-") == strlen(word)) {
		*value = strtod(word, &end);
		if (end != word && !*end && *value >= least && *value <= most)
			return true;
	}
	snprintf(expected, sizeof(expected), "%s from %.10g to %.10g", what, least, most);
	return value_refuse(text, size, word, expected);
}

bool value_path(const char *word, const char *what, size_t most, char *path, char *text, size_t size)
{
	const size_t length = strlen(word);
	char expected[96];
	bool printable = true;

	for (const char *c = word; *c; c++)
		printable &= *c > 0x20 && *c < 0x7f;
	if (word[0] != '/' || length > most || !printable) {
		snprintf(expected, sizeof(expected), "%s's absolute path of at most %zu printable octets",
			what, most);
		return value_refuse(text, size, word, expected);
	}
	memset(path, 0, most + 1);
	memcpy(path, word, length);
	return true;
}

/* IPv4 is kept v4-mapped, so the same spelling of IPv6 would be another name for it. */
static bool parse_host(const char *host, struct config_address *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, host, address->address + 12) == 1) {
		memcpy(address->address, mapped, sizeof(mapped));
		address->prefix = 32;
		return true;
	}
	address->ipv6 = true;
	address->prefix = 128;
	return inet_pton(AF_INET6, host, address->address) == 1 &&
	       memcmp(address->address, mapped, sizeof(mapped)) != 0;
}

static bool is_unicast(const struct config_address *address)
{
	static const uint8_t unspecified[16];
	uint8_t first = address->address[12];

	if (address->ipv6)
		return address->address[0] != 0xff && memcmp(address->address, unspecified, 16) != 0;
	return first != 0 && first < 224;
}

bool value_address(const char *word, bool prefix, struct config_address *address, char *text, size_t size)
{
	const char *expected = prefix ? "a unicast IPv4 or IPv6 address, with /PREFIX where it is on a subnet"
				      : "a unicast IPv4 or IPv6 address without prefix or %interface";
	size_t length = strcspn(word, "/");
	char host[INET6_ADDRSTRLEN];
	long bits;

	if (length >= sizeof(host) || (word[length] && !prefix))
		return value_refuse(text, size, word, expected);
	memcpy(host, word, length);
	host[length] = '\0';
	if (!parse_host(host, address) || !is_unicast(address))
		return value_refuse(text, size, word, expected);
	if (word[length]) {
		if (!value_integer(
			    word + length + 1, "a prefix length", 1, address->prefix, &bits, text, size))
			return false;
		address->prefix = (uint8_t)bits;
	}
	return true;
}

static bool is_kernel_name(const char *word)
{
	size_t length = strlen(word);

	if (length == 0 || length >= VALUE_KERNEL_NAME || strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return false;
	/* The kernel takes more than this, but ',', '[' and ']' have a meaning of their own in DPDK's device
	 * arguments. */
	for (; *word; word++) {
		if (*word <= 0x20 || *word >= 0x7f || strchr("/:,[]", *word))
			return false;
	}
	return true;
}

bool value_kernel_interface(const char *word, char *text, size_t size)
{
	if (is_kernel_name(word))
		return true;
	return value_refuse(
		text, size, word, "an interface name of 1-15 printable characters without / : , [ ]");
}

static bool is_pci_name(const char *name)
{
	static const char form[] = "hhhh:hh:hh.o"; /* h: hexadecimal digit, o: octal digit */

	if (strlen(name) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == 'h'       ? !strchr(HEX, name[i])
			: form[i] == 'o' ? name[i] < '0' || name[i] > '7'
					 : name[i] != form[i])
			return false;
	}
	return true;
}

static bool is_vdev_name(const char *name)
{
	size_t length = strspn(name, LETTERS DIGITS "_-.");

	if (length == 0 || length >= VALUE_DEVICE_NAME || (name[length] && name[length] != ','))
		return false;
	for (; *name; name++) {
		if (*name <= 0x20 || *name >= 0x7f)
			return false;
	}
	return true;
}

bool value_is_kernel_interface(const char *name)
{
	return strchr(name, ':') == NULL;
}

/* What follows on a word's beginning; NULL where it begins otherwise. */
static const char *after(const char *word, const char *start)
{
	size_t length = strlen(start);

	return strncasecmp(word, start, length) == 0 ? word + length : NULL;
}

static void copy_lower_case(char *out, const char *in, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (char)(in[i] >= 'A' && in[i] <= 'Z' ? in[i] - 'A' + 'a' : in[i]);
}

bool value_interface(const char *word, struct config_interface *interface, char *text, size_t size)
{
	size_t length = strlen(word);
	const char *pci_name = after(word, "pci:"), *vdev_name = after(word, "vdev:");
	bool pci = pci_name && is_pci_name(pci_name), vdev = vdev_name && is_vdev_name(vdev_name);

	if (length >= sizeof(interface->name)) {
		char expected[160];

		snprintf(expected, sizeof(expected), "a name of at most %zu octets",
			sizeof(interface->name) - 1);
		return value_refuse(text, size, word, expected);
	}
	if (!pci && !vdev && !is_kernel_name(word))
		return value_refuse(text, size, word, INTERFACE_EXPECTED);
	memset(interface->name, 0, sizeof(interface->name));
	memcpy(interface->name, word, length);
	if (pci)
		copy_lower_case(interface->name, word, length);
	else if (vdev)
		copy_lower_case(interface->name, word, strlen("vdev:"));
	return true;
}

bool value_same_interface(const char *a, const char *b)
{
	size_t length = strcspn(a, ",");

	/* Arguments do not make another device of it. Only those of vdev: have a comma. */
	return length == strcspn(b, ",") && strncmp(a, b, length) == 0;
}

bool value_user(const char *word, char *text, size_t size)
{
	size_t length = strlen(word);

	if (length <= 32 && word[0] != '-' && strspn(word, LETTERS DIGITS "_-.") == length &&
		strspn(word, DIGITS) != length)
		return true;
	return value_refuse(text, size, word,
		"a user's name: 1-32 letters, digits, '_', '-' or '.', not beginning with '-' and not a "
		"number");
}
