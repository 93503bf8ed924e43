#include "bench/text.h"

#include <stdbool.h>
#include <string.h>

static bool follows(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The second octet is what keeps out overlong forms, surrogates and what is above U+10FFFF. */
static bool second_is_right(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return follows(second);
	}
}

unsigned text_sequence(const char *text)
{
	const unsigned char first = (unsigned char)text[0];
	unsigned size;

	if (first < 0x80)
		return first != 0;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (!second_is_right(first, (unsigned char)text[1]))
		return 0;
	for (unsigned i = 2; i < size; i++)
		if (!follows((unsigned char)text[i]))
			return 0;
	return size;
}

static bool is_control(const char *text)
{
	const unsigned char first = (unsigned char)text[0];

	return first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0);
}

const char *text_clean(char *to, size_t size, const char *from)
{
	size_t used = 0;

	while (*from) {
		const unsigned length = text_sequence(from);
		const bool keep = length > 0 && !is_control(from);
		const unsigned room = keep ? length : 1;

		if (room >= size - used)
			break;
		memcpy(to + used, keep ? from : "?", room);
		used += room;
		from += length ? length : 1;
	}
	to[used] = '\0';
	return to;
}

void text_markup(FILE *out, const char *text)
{
	char clean[TEXT_MAX];

	for (const char *c = text_clean(clean, sizeof(clean), text); *c; c++)
		switch (*c) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*c, out);
		}
}
