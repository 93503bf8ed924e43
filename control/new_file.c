#include "control/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/file_content.h"

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
	/* mkostemp has made it with mode 0600. */
	good = fchmod(fd, mode) == 0 && file_content_write(fd, octets, size) &&
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
