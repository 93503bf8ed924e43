#include "control/gpsd_lines.h"

#include <jansson.h>
#include <string.h>

char *gpsd_lines_room(struct gpsd_lines *lines, size_t *room)
{
	/* A buffer full of one line that has no end. */
	if (lines->length == sizeof(lines->octets)) {
		lines->length = 0;
		lines->skipping = true;
	}
	*room = sizeof(lines->octets) - lines->length;
	return lines->octets + lines->length;
}

void gpsd_lines_added(struct gpsd_lines *lines, size_t count)
{
	lines->length += count;
}

/* The first line, or false. It is off the buffer then. */
static bool cut(struct gpsd_lines *lines, char line[GPSD_LINE], size_t *length)
{
	const char *end = memchr(lines->octets, '\n', lines->length);
	size_t taken;

	if (!end)
		return false;
	*length = (size_t)(end - lines->octets);
	memcpy(line, lines->octets, *length);
	line[*length] = '\0';
	taken = *length + 1;
	lines->length -= taken;
	memmove(lines->octets, lines->octets + taken, lines->length);
	return true;
}

bool gpsd_lines_next(struct gpsd_lines *lines, char line[GPSD_LINE], size_t *length)
{
	bool found = cut(lines, line, length);

	if (found && lines->skipping) {
		lines->skipping = false;
		found = cut(lines, line, length);
	}
	return found;
}

static bool has_wanted_class(const char *line)
{
	static const char *const heads[] = {
		"{\"class\":\"TPV\",", "{\"class\":\"SKY\",", "{\"class\":\"PPS\",", "{\"class\":\"TOFF\","};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (strncmp(line, heads[i], strlen(heads[i])) == 0)
			return true;
	}
	return false;
}

bool gpsd_line_is_report(const char *line, size_t length)
{
	json_t *object;

	if (strlen(line) != length || !has_wanted_class(line) || strstr(line + 2, "\"class\""))
		return false;
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	json_decref(object);
	return object != NULL;
}
