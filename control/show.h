/* How the commands show what they have as JSON. Any thread, each with its own text. */
#ifndef CONTROL_SHOW_H
#define CONTROL_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { SHOW_TEXT = 32 };

/* A member that is a number, else 0; one that is a string, else "". */
double show_real_of(const json_t *object, const char *key);
const char *show_string_of(const json_t *object, const char *key);

/* Whether a member is a number, or one that is true. */
bool show_has(const json_t *object, const char *key);
bool show_is(const json_t *object, const char *key);

/* Seconds with a unit that fits: "12.5 us". */
const char *show_seconds(double s, char text[SHOW_TEXT]);

/* Likewise with the sign in front in any case. */
const char *show_signed_seconds(double s, char text[SHOW_TEXT]);

/* How long ago: "12 s", "3 m", "5 h", "40 d". */
const char *show_age(double s, char text[SHOW_TEXT]);

/* JSON null for what is not finite. */
json_t *show_real_json(double value);

/* A text of at most `size` octets that need not end with NUL; what is not printable ASCII becomes '?', since
 * receivers have their say in it. */
json_t *show_text_json(const char *text, size_t size);

#endif
