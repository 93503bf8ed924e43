/*
 * The one table of directives: the parser, `tickwire check`, `tickwire run --help` and docs/configuration.md are made
 * from it.
 */
#ifndef CONTROL_DIRECTIVE_H
#define CONTROL_DIRECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "control/config.h"

enum directive_kind {
	DIRECTIVE_OURS,	      /* has a meaning of its own or chrony's */
	DIRECTIVE_OF_CHRONY, /* chrony's, without a meaning here: a warning says why */
};

struct directive {
	const char *name; /* lower case, as chrony spells it; matched without regard to case */
	enum directive_kind kind;
	const char *arguments; /* as in a synopsis: "SPEC [queues N] ..." */
	const char *type;      /* "integer", "CPU list" ... */
	const char *default_value;
	const char *range;
	const char *unit;
	const char *help;	/* sentences; for chrony's: why it has no meaning here */
	const char *applied; /* "reload", "clock restart" or "restart" */
	const char *origin;  /* "chrony" or "tickwire" */
	/*
	 * Apply the arguments (words, none empty) or say in text[size] what was found and what was expected. NULL for
	 * DIRECTIVE_OF_CHRONY.
	 */
	bool (*apply)(struct config *config, int words, char *const word[], char *text, size_t size);
};

extern const struct directive directives[];
extern const size_t directive_count;

/* By name, without regard to case; NULL for none. */
const struct directive *directive_find(const char *name);

/* The known name that is nearest to a misspelt one, or NULL where none is near. */
const char *directive_suggest(const char *name);

/* docs/configuration.md, as Markdown. */
void directive_print_markdown(FILE *out);

#endif
