/*
 * A line of comma-separated fields, read field by field. A cursor that never passes its end. Pure; any
 * thread.
 */
#ifndef REFCLOCK_COMMA_FIELDS_H
#define REFCLOCK_COMMA_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct comma_fields {
	const char *at, *end;
	bool ended; /* the last field has been taken */
};

struct comma_field {
	const char *at;
	size_t length;
};

/* The next field, empty or not; false behind the last. */
static inline bool comma_next(struct comma_fields *fields, struct comma_field *field)
{
	const char *comma;

	if (fields->ended)
		return false;
	comma = memchr(fields->at, ',', (size_t)(fields->end - fields->at));
	fields->ended = !comma;
	field->at = fields->at;
	field->length = (size_t)((comma ? comma : fields->end) - fields->at);
	if (comma)
		fields->at = comma + 1;
	return true;
}

#endif
