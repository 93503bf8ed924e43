#include "tests/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32, NAME = 16 };

static const char *assert_entity(const char *c)
{
	static const char *const entity[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (unsigned i = 0; i < sizeof(entity) / sizeof(entity[0]); i++)
		if (strncmp(c, entity[i], strlen(entity[i])) == 0)
			return c + strlen(entity[i]);
	fail_msg("no entity: %.20s", c);
	return c;
}

static const char *read_name(const char *c, char name[NAME])
{
	size_t size = 0;

	while (isalnum((unsigned char)*c) || *c == '-') {
		assert_true(size + 1 < NAME);
		name[size++] = *c++;
	}
	name[size] = '\0';
	assert_true(size > 0);
	return c;
}

static bool is_number_of_none(const char *value, size_t size)
{
	for (size_t i = 0; i + 3 <= size; i++)
		if (strncmp(value + i, "nan", 3) == 0 || strncmp(value + i, "inf", 3) == 0)
			return true;
	return false;
}

static const char *skip_attributes(const char *c)
{
	while (isspace((unsigned char)*c)) {
		char name[NAME * 2];
		size_t size = strcspn(c + 1, "=> \n"), value;

		assert_true(size > 0 && size < sizeof(name));
		c += 1 + size;
		assert_true(c[0] == '=' && c[1] == '"');
		c += 2;
		value = strcspn(c, "\"");
		assert_false(is_number_of_none(c, value));
		assert_null(memchr(c, '<', value));
		c += value + 1;
	}
	return c;
}

/* From behind '<' to behind '>'. */
static const char *read_tag(const char *c, char open[DEPTH][NAME], unsigned *depth)
{
	char name[NAME];

	if (*c == '/') {
		c = read_name(c + 1, name);
		assert_true(*depth > 0);
		assert_string_equal(name, open[--*depth]);
		assert_true(*c == '>');
		return c + 1;
	}
	c = skip_attributes(read_name(c, name));
	if (c[0] == '/' && c[1] == '>')
		return c + 2;
	assert_true(*c == '>');
	assert_true(*depth < DEPTH);
	strcpy(open[(*depth)++], name);
	return c + 1;
}

void markup_assert_balanced(const char *text)
{
	static const char doctype[] = "<!DOCTYPE html>";
	char open[DEPTH][NAME];
	unsigned depth = 0;

	if (strncmp(text, doctype, strlen(doctype)) == 0)
		text += strlen(doctype);
	while (*text)
		if (*text == '<')
			text = read_tag(text + 1, open, &depth);
		else if (*text == '&')
			text = assert_entity(text);
		else
			assert_true(*text++ != '>' || (depth > 0 && strcmp(open[depth - 1], "style") == 0));
	assert_int_equal(depth, 0);
}

struct box {
	double width, height;
};

static void assert_within(double value, double limit)
{
	if (!(value >= 0 && value <= limit + 1e-9))
		fail_msg("%g is outside of 0 to %g", value, limit);
}

/* M and L with two numbers, H and V with one; h only of the key's marks. */
static size_t check_path(const char *d, struct box box)
{
	double x = 0, y = 0;
	size_t count = 0;

	while (*d != '"') {
		const char command = *d++;
		char *end;

		assert_non_null(strchr("MLHVh", command));
		if (command == 'V')
			y = strtod(d, &end);
		else
			x = strtod(d, &end) + (command == 'h' ? x : 0);
		assert_true(end > d);
		d = end;
		if (command == 'M' || command == 'L') {
			y = strtod(d, &end);
			assert_true(end > d);
			d = end;
		}
		assert_within(x, box.width);
		assert_within(y, box.height);
		count++;
	}
	return count;
}

static double attribute(const char *element, const char *name)
{
	const char *end = strchr(element, '>'), *at = strstr(element, name);

	assert_non_null(end);
	assert_true(at && at < end);
	return strtod(at + strlen(name), NULL);
}

static void check_rectangle(const char *element, struct box box)
{
	const double x = attribute(element, " x=\""), y = attribute(element, " y=\"");

	assert_within(x, box.width);
	assert_within(y, box.height);
	assert_within(x + attribute(element, " width=\""), box.width);
	assert_within(y + attribute(element, " height=\""), box.height);
}

/* How wide a text is nobody knows without its font: 6.5 a character is more than most are at 12. */
static void check_text(const char *element, struct box box)
{
	const char *from = strchr(element, '>') + 1, *anchor = strstr(element, "text-anchor=\"");
	const double width = 6.5 * (double)strcspn(from, "<"), x = attribute(element, " x=\"");
	const double part = strncmp(anchor + 13, "start", 5) == 0 ? 0
			    : strncmp(anchor + 13, "end", 3) == 0 ? 1
								  : 0.5;

	assert_within(x - part * width + 3, box.width);
	assert_within(x + (1 - part) * width, box.width);
	assert_within(attribute(element, " y=\""), box.height);
}

static void check_circle(const char *element, struct box box)
{
	assert_within(attribute(element, " cx=\""), box.width);
	assert_within(attribute(element, " cy=\""), box.height);
}

static size_t check_element(const char *element, struct box box)
{
	if (strncmp(element, "<path", 5) == 0)
		return check_path(strstr(element, " d=\"") + 4, box);
	if (strncmp(element, "<rect", 5) == 0)
		check_rectangle(element, box);
	else if (strncmp(element, "<text", 5) == 0)
		check_text(element, box);
	else if (strncmp(element, "<circle", 7) == 0)
		check_circle(element, box);
	else
		return 0;
	return 1;
}

size_t markup_assert_inside(const char *text)
{
	struct box box = {0};
	size_t count = 0;

	while ((text = strchr(text, '<'))) {
		if (strncmp(text, "<svg", 4) == 0)
			assert_int_equal(sscanf(strstr(text, "viewBox=\""), "viewBox=\"0 0 %lf %lf\"",
						 &box.width, &box.height),
				2);
		else if (strncmp(text, "</svg", 5) == 0)
			box = (struct box){0};
		else if (box.width > 0)
			count += check_element(text, box);
		text++;
	}
	return count;
}
