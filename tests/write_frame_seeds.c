/* Writes the golden frames of a load as seeds of fuzz_frame, a file each, into the directory given. */
#include <stdio.h>

#include "tests/frame_golden.h"

/* Checksums are made right, so that what the fuzzer makes of a seed gets past them. */
enum { FUZZ_REPAIR = 2 };

static int write_seed(const char *directory, const char *name)
{
	uint8_t octets[FRAME_MAX];
	const size_t size = frame_golden_build(name, octets);
	char path[4096];
	FILE *file;
	int good;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	good = file && fputc(FUZZ_REPAIR, file) != EOF && fwrite(octets, 1, size, file) == size;
	if (file && fclose(file) != 0)
		good = 0;
	if (!good)
		perror(path);
	return good;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: write_frame_seeds DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; i < frame_golden_count; i++)
		if (!write_seed(argv[1], frame_golden[i].name))
			return 1;
	printf("%zu seeds written\n", frame_golden_count);
	return 0;
}
