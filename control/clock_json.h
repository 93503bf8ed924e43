/* What tickwire-clock says of its sources and its line (refclock/sources.h), as JSON. Pure. */
#ifndef CONTROL_CLOCK_JSON_H
#define CONTROL_CLOCK_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "refclock/sources.h"

/*
 * All of it: seconds, ppm, null for what is not known. `age` is how long ago it was written, in seconds. NULL
 * where memory is short. Any octets are survived.
 */
json_t *clock_json(const struct sources *sources, double age);

/* Read run_dir's segment; `age` as above. False with a sentence in text[size], and *missing says whether
 * there is none at all, or nothing in it yet. */
bool clock_json_read(
	const char *run_dir, struct sources *sources, double *age, bool *missing, char *text, size_t size);

#endif
