#include "refclock/driver_parameter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The octets of `text` up to `length` or its end, as many as fit. */
static void copy(char *to, size_t size, const char *text, size_t length)
{
	size_t n = strnlen(text, length < size ? length : size - 1);

	memcpy(to, text, n);
	to[n] = '\0';
}

void driver_parameter_split(struct driver_parameter *parameter, const char *text)
{
	size_t length = strcspn(text, ":");

	copy(parameter->name, sizeof(parameter->name), text, length);
	text += length;
	copy(parameter->rest, sizeof(parameter->rest), *text ? text + 1 : text, sizeof(parameter->rest));
}

bool driver_parameter_next(struct driver_parameter *parameter, struct driver_option *option)
{
	char *rest = parameter->rest;
	size_t length = strcspn(rest, ":"), name = strcspn(rest, ":=");
	size_t value = name < length ? name + 1 : length;

	if (!rest[0])
		return false;
	copy(option->name, sizeof(option->name), rest, name);
	copy(option->value, sizeof(option->value), rest + value, length - value);
	length += rest[length] != '\0';
	memmove(rest, rest + length, strlen(rest + length) + 1);
	return true;
}

bool driver_parameter_number(const char *text, int base, long low, long high, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, base);
	return errno == 0 && text[0] >= '0' && text[0] <= '9' && !*end && *number >= low && *number <= high;
}
