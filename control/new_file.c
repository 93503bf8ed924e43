#include "control/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/file_content.h"

/* A new file of that name with other letters for its last six, mode 0600; -1 with errno. openat2, because the
 * filter of daemons refuses open and openat. */
static int make_beside(char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	struct open_how how = {.flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, .mode = 0600};
	char *at = path + strlen(path) - 6;

	for (int tries = 0; tries < 100; tries++) {
		uint8_t random[6];
		int fd;

		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return -1;
		for (size_t i = 0; i < sizeof(random); i++)
			at[i] = letters[random[i] % (sizeof(letters) - 1)];
		fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
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
	fd = make_beside(beside);
	if (fd < 0) {
		snprintf(text, text_size, "%s cannot be made: %s", path, strerror(errno));
		return false;
	}
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
