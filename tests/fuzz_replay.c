/*
 * Runs a fuzz target over every file of the directories given, in the order of their names: what a fuzzer has
 * found once stays a test, also where there is no libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fail(const char *path)
{
	perror(path);
	return -1;
}

/* The octets are in a block of exactly their size, so that the address sanitizer sees the first one too many.
 */
static int replay_octets(FILE *file, const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);

	if (!data || fread(data, 1, size, file) != size) {
		free(data);
		return fail(path);
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

/* 1 when run, 0 when it is no regular file, -1 when it cannot be read. */
static int replay_file(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	int done = 0;

	if (!file || fstat(fileno(file), &status) != 0)
		done = fail(path);
	else if (S_ISREG(status.st_mode))
		done = replay_octets(file, path, (size_t)status.st_size);
	if (file)
		fclose(file);
	return done;
}

/* The number of files run, -1 on a failure. */
static int replay_directory(const char *directory)
{
	struct dirent **entry;
	int entries = scandir(directory, &entry, NULL, alphasort), files = 0;

	if (entries < 0)
		return fail(directory);
	for (int i = 0; i < entries; i++) {
		char path[4096];
		int done;

		snprintf(path, sizeof(path), "%s/%s", directory, entry[i]->d_name);
		done = files < 0 ? 0 : replay_file(path);
		files = done < 0 ? -1 : files + done;
		free(entry[i]);
	}
	free(entry);
	return files;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int files = replay_directory(argv[i]);

		/* An empty corpus would be a test that cannot fail. */
		if (files <= 0) {
			fprintf(stderr, "%s: nothing was replayed\n", argv[i]);
			return 1;
		}
		total += files;
	}
	printf("%d inputs replayed\n", total);
	return total > 0 ? 0 : 1;
}
