/*
 * The one table of directives: the parser, `tickwire check`, `tickwire run --help` and docs/configuration.md
 * are made from it.
 */
#ifndef CONTROL_DIRECTIVE_H
#define CONTROL_DIRECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/config.h"

enum directive_kind {
	DIRECTIVE_OURS,      /* has a meaning of its own or chrony's */
	DIRECTIVE_OF_CHRONY, /* chrony's, without a meaning here: a warning says why */
	DIRECTIVE_REFUSED, /* chrony's, and a configuration that relied on it would not be safe: an error says
			      why */
};

/* When a changed value takes effect; compared as strings. */
#define APPLIED_BY_RELOAD "reload"
#define APPLIED_BY_CLOCK_RESTART "clock restart" /* the supervisor does so on a reload; no packet is lost */
#define APPLIED_BY_KE_RESTART "key establishment restart" /* likewise */
#define APPLIED_BY_RESTART "restart"

/* A member of struct config that a directive sets; every octet of it is defined, so that memcmp tells a
 * difference. */
struct directive_member {
	uint16_t offset, size;
};

enum { DIRECTIVES_MAX = 128, DIRECTIVE_MEMBERS = 4 };

struct directive {
	const char *name; /* lower case, as chrony spells it; matched without regard to case */
	enum directive_kind kind;
	bool repeatable;           /* else a second one in a file is an error */
	uint16_t least_words;      /* of arguments */
	uint16_t most_words;       /* UINT16_MAX: any number */
	const char *arguments;     /* as in a synopsis: "SPEC [queues N] ..." */
	const char *type;          /* "integer", "CPU list" ... */
	const char *default_value; /* as it would be written, or in words where nothing is */
	const char *range;
	const char *unit;
	const char *help;    /* sentences; for chrony's: why it has no meaning here */
	const char *applied; /* one of APPLIED_BY_*; NULL but for ours */
	const char *origin;  /* "chrony" or "tickwire" */
	/*
	 * Apply the arguments (words, none empty, as many as the limits above allow), or return false and say
	 * in text[size] what was found and what was expected. True with a text is a warning. text is ""
	 * before. NULL but for ours.
	 */
	bool (*apply)(struct config *config, int words, char *const word[], char *text, size_t size);
	struct directive_member member[DIRECTIVE_MEMBERS]; /* size 0 where there are fewer */
};

extern const struct directive *const directives[];
extern const size_t directive_count; /* at most DIRECTIVES_MAX */

/* By name, without regard to case; NULL for none. */
const struct directive *directive_find(const char *name);

/* The known name that is nearest to a misspelt one, or NULL where none is near. */
const char *directive_suggest(const char *name);

/* docs/configuration.md, as Markdown. */
void directive_print_markdown(FILE *out);

#endif
