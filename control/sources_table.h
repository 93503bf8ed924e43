/* `tickwire sources` as a table, of what control/clock_json.h makes. Any thread. */
#ifndef CONTROL_SOURCES_TABLE_H
#define CONTROL_SOURCES_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The line served and its ladder, in lines that begin with `head`, and blanks as wide from the second on; for
 * `tickwire status`, too. */
void sources_table_clock(FILE *out, const char *head, const json_t *clock);

/* A line for each source; `verbose` has the meaning of the letters and more lines below each. */
void sources_table_print(FILE *out, const json_t *clock, bool verbose);

#endif
