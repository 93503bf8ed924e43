/*
 * What the commands' options have in common: numbers as people write them, and the sentence on what is wrong.
 * A sentence goes to stderr as "COMMAND: sentence; see COMMAND --help".
 */
#ifndef CONTROL_OPTION_H
#define CONTROL_OPTION_H

#include <stdbool.h>

#include "nts/ke_aeads.h"

enum option_kind {
	OPTION_NUMBER,
	OPTION_WHOLE,
	OPTION_SHARE, /* 0 to 1; may be written in percent: 0.1% */
};

/* getopt_long's values of long options begin here, so that none is taken for a letter. */
enum { OPTION_LONG_FIRST = 256 };

struct option_number {
	const char *name; /* as typed: "-n", "--rate" */
	enum option_kind kind;
	double low, high;
};

/* Always false, so that a parser can return it. */
__attribute__((format(printf, 2, 3))) bool option_complain(const char *command, const char *format, ...);

/*
 * A decimal number and nothing else; k, M and G behind it are thousands, millions and 10^9. False without a
 * sentence where it is none: hexadecimal, infinity and NaN are none. Pure.
 */
bool option_parse_number(const char *text, enum option_kind kind, double *value);

/* The same within its bounds, both included; else a sentence. *value is written where it is right. */
bool option_number(const char *command, const struct option_number *number, const char *text, double *value);

/* The list of AEADs that `--aead` gives, best first, as "30,15"; else a sentence. Pure but for that. */
bool option_aeads(const char *command, const char *text, struct ke_aeads *aeads);

/* What getopt_long has refused, by '?' or ':'. Always false. Main thread: getopt. */
bool option_refused(const char *command, int option, char *const argv[]);

#endif
