#include "control/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *octets, size_t size)
{
	while (size > 0) {
		const ssize_t n = write(fd, octets, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		octets += n;
		size -= (size_t)n;
	}
	return true;
}

/* mkostemp makes it with mode 0600. */
static bool fill(int fd, mode_t mode, const void *octets, size_t size)
{
	return write_all(fd, octets, size) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

bool new_file_write(const char *path, mode_t mode, bool replace, const void *octets, size_t size, char *text,
	size_t text_size)
{
	char beside[PATH_MAX];
	int fd, error;
	bool good;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside)) {
		snprintf(text, text_size, "%.64s...: too long a path", path);
		return false;
	}
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0) {
		snprintf(text, text_size, "%s cannot be made: %s", path, strerror(errno));
		return false;
	}
	good = fill(fd, mode, octets, size) &&
	       renameat2(AT_FDCWD, beside, AT_FDCWD, path, replace ? 0 : RENAME_NOREPLACE) == 0;
	error = errno;
	close(fd);
	if (good)
		return true;
	unlink(beside);
	if (error == EEXIST)
		snprintf(text, text_size, "%s is there already; --force replaces it", path);
	else
		snprintf(text, text_size, "%s cannot be written: %s", path, strerror(error));
	return false;
}
