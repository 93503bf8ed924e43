#include "control/show.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double show_real_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

const char *show_string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool show_has(const json_t *object, const char *key)
{
	return json_is_number(json_object_get(object, key));
}

bool show_is(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *show_seconds(double s, char text[SHOW_TEXT])
{
	const double a = fabs(s);

	if (a < 1e-6)
		snprintf(text, SHOW_TEXT, "%.0f ns", s * 1e9);
	else if (a < 1e-3)
		snprintf(text, SHOW_TEXT, "%.3g us", s * 1e6);
	else if (a < 1)
		snprintf(text, SHOW_TEXT, "%.3g ms", s * 1e3);
	else
		snprintf(text, SHOW_TEXT, "%.4g s", s);
	return text;
}

const char *show_signed_seconds(double s, char text[SHOW_TEXT])
{
	char plain[SHOW_TEXT];
	const bool zero = !strpbrk(show_seconds(fabs(s), plain), "123456789");

	snprintf(text, SHOW_TEXT, "%c%.30s", signbit(s) && !zero ? '-' : '+', plain);
	return text;
}

const char *show_age(double s, char text[SHOW_TEXT])
{
	if (s < 1000)
		snprintf(text, SHOW_TEXT, "%.0f s", s);
	else if (s < 3600 * 3)
		snprintf(text, SHOW_TEXT, "%.0f m", s / 60);
	else if (s < 86400 * 3)
		snprintf(text, SHOW_TEXT, "%.0f h", s / 3600);
	else
		snprintf(text, SHOW_TEXT, "%.0f d", s / 86400);
	return text;
}

json_t *show_real_json(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *show_text_json(const char *text, size_t size)
{
	char copy[512];
	size_t n = strnlen(text, size);

	if (n > sizeof(copy) - 1)
		n = sizeof(copy) - 1;
	for (size_t i = 0; i < n; i++)
		copy[i] = (char)(text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
	return json_stringn(copy, n);
}
