/*
 * `tickwire keys selfsign`: a key and a certificate for it, for a server whose clients are given the
 * certificate as what they trust. Needs libcrypto alone.
 */
#ifndef CONTROL_SELFSIGN_H
#define CONTROL_SELFSIGN_H

#include <stdbool.h>
#include <stddef.h>

enum { SELFSIGN_DAYS = 365, SELFSIGN_DAYS_MOST = 3650, SELFSIGN_PATH = 4096 };

/* What is wanted, and where it went. */
struct selfsign {
	const char *dir; /* has to be there */
	const char *const
		*name;  /* of the server: host names and addresses; the first gives the files' names */
	unsigned names; /* 1 at least */
	unsigned days;  /* from now that it is valid: 1 to SELFSIGN_DAYS_MOST */
	bool replace;   /* what is there already */
	/* Results. */
	char certificate[SELFSIGN_PATH]; /* DIR/NAME.crt, for everybody to read */
	char key[SELFSIGN_PATH];         /* DIR/NAME.key, for its owner alone from the start */
};

/* Make and write both. False with a sentence in text[size]. */
bool selfsign(struct selfsign *s, char *text, size_t size);

#endif
