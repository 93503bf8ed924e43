/* Writes the named golden packets as seeds of fuzz_answer, a file each, into the directory given. */
#include <stdio.h>

#include "tests/golden.h"

static int write_seed(const char *directory, const struct golden_case *c)
{
	char path[4096];
	FILE *file;
	int good;

	snprintf(path, sizeof(path), "%s/%s", directory, c->name);
	file = fopen(path, "we");
	good = file && fputc(c->flags, file) != EOF && fwrite(c->frame, 1, c->length, file) == c->length;
	if (file && fclose(file) != 0)
		good = 0;
	if (!good)
		perror(path);
	return good;
}

int main(int argc, char **argv)
{
	static struct golden_case c;

	if (argc != 2) {
		fprintf(stderr, "usage: write_seeds DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; i < golden_named(); i++) {
		golden_case(i, &c);
		if (!write_seed(argv[1], &c))
			return 1;
	}
	printf("%zu seeds written\n", golden_named());
	return 0;
}
