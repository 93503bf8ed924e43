/*
 * The text format of Prometheus (version 0.0.4) into a buffer: families, and samples with labels. What does
 * not fit is noted, not cut off. Pure.
 */
#ifndef CONTROL_METRICS_OUT_H
#define CONTROL_METRICS_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metrics_type { METRICS_GAUGE, METRICS_COUNTER };

struct metrics_out {
	char *text; /* no NUL behind it */
	size_t size, used;
	bool full; /* something did not fit: the text is of no use */
	/* The family that samples belong to. */
	enum metrics_type type;
	const char *name, *help; /* name: without "tickwire_" */
	bool begun;              /* its help is in the text */
};

/* A label's value may hold any octets: those that are no printable ASCII become '?', and what the format
 * wants escaped is. It ends at a NUL or at `most` octets. */
struct metrics_label {
	const char *name, *value;
	size_t most;
};

/* The family, "tickwire_" NAME, that the samples after it belong to; without any there is nothing of it. The
 * strings stay the caller's, and in use. */
void metrics_family(struct metrics_out *out, enum metrics_type type, const char *name, const char *help);

/* A sample. One that is not finite is not known, and left out. */
void metrics_real(struct metrics_out *out, double value, const struct metrics_label *labels, size_t count);
void metrics_whole(struct metrics_out *out, uint64_t value, const struct metrics_label *labels, size_t count);

/* A family with one sample without labels. */
void metrics_gauge(struct metrics_out *out, const char *name, const char *help, double value);

#define METRICS_TEXT(name, array) ((struct metrics_label){name, array, sizeof(array)})
/* `text` ends with a NUL. */
#define METRICS_WORD(name, text) ((struct metrics_label){name, text, SIZE_MAX})

#endif
