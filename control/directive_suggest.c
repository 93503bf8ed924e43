/* The directive that somebody may have meant. */
#include <string.h>

#include "control/directive.h"

enum { NAME_MAX_LENGTH = 24, NEAR = 2 };

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Octets inserted, left out, changed or swapped with their neighbour between two short names. */
static int name_distance(const char *a, const char *b)
{
	int d[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
	int a_length = (int)strlen(a), b_length = (int)strlen(b);

	for (int i = 0; i <= a_length; i++) {
		for (int j = 0; j <= b_length; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = least(d[i][j], d[i - 1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1])));
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a_length][b_length];
}

const char *directive_suggest(const char *name)
{
	size_t length = strlen(name);
	const char *nearest = NULL;
	int nearest_distance = NEAR + 1;

	if (length > NAME_MAX_LENGTH)
		return NULL;
	for (size_t i = 0; i < directive_count; i++) {
		size_t other = strlen(directives[i]->name);
		int distance;

		if (other > NAME_MAX_LENGTH || other > length + NEAR || length > other + NEAR)
			continue;
		distance = name_distance(name, directives[i]->name);
		/* Of a word so short that nothing but chance is left, two changes are no likeness. */
		if (distance < nearest_distance && 2 * distance < least((int)length, (int)other)) {
			nearest = directives[i]->name;
			nearest_distance = distance;
		}
	}
	return nearest;
}
