/* Strings from outside, fit for a terminal, a page or a table. Pure. */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include <stddef.h>
#include <stdio.h>

enum { TEXT_MAX = 1200 };

/* Octets of the UTF-8 sequence (RFC 3629) that `text` begins with; 0 where it begins with none, or is "". */
unsigned text_sequence(const char *text);

/*
 * A copy in to[size], size above 0, cut between characters where there is no room. What is no UTF-8 becomes
 * '?', and so does each control character, C1's as well: a terminal obeys them. Returns `to`.
 */
const char *text_clean(char *to, size_t size, const char *from);

/* Write at most TEXT_MAX octets of a string as content or quoted attribute of HTML or SVG, cleaned. */
void text_markup(FILE *out, const char *text);

#endif
