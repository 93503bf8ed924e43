#include "control/file_content.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_content_open(const char *path)
{
	/* Without O_NONBLOCK the opening of a named pipe would wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return -1;
}

bool file_content_read(const char *path, char *text, size_t size, size_t *used)
{
	int fd = file_content_open(path), error = 0;
	char more;
	ssize_t n;

	*used = 0;
	if (fd < 0)
		return false;
	while (*used < size && (n = read(fd, text + *used, size - *used)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error = errno;
			break;
		}
		*used += (size_t)n;
	}
	if (!error && *used == size && read(fd, &more, 1) == 1)
		error = EFBIG;
	close(fd);
	errno = error;
	return !error;
}

bool file_content_is_exposed(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 077) != 0;
}

bool file_content_write(int fd, const void *octets, size_t size)
{
	const char *at = octets;

	while (size > 0) {
		const ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* FNV-1a */
static uint64_t fold(uint64_t hash, const void *octets, size_t size)
{
	const uint8_t *octet = octets;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ octet[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t file_content_stamp(uint64_t before, const char *path)
{
	uint64_t hash = before ^ UINT64_C(0xcbf29ce484222325);
	struct stat st;

	if (stat(path, &st) != 0)
		return fold(hash, "gone", 4);
	hash = fold(hash, &st.st_dev, sizeof(st.st_dev));
	hash = fold(hash, &st.st_ino, sizeof(st.st_ino));
	hash = fold(hash, &st.st_size, sizeof(st.st_size));
	hash = fold(hash, &st.st_mtim.tv_sec, sizeof(st.st_mtim.tv_sec));
	return fold(hash, &st.st_mtim.tv_nsec, sizeof(st.st_mtim.tv_nsec));
}

void file_watch_begin(struct file_watch *watch, uint64_t stamp)
{
	*watch = (struct file_watch){.seen = stamp, .known = stamp};
}

bool file_watch_look(struct file_watch *watch, uint64_t stamp)
{
	const bool settled = stamp == watch->seen && stamp != watch->known;

	watch->seen = stamp;
	if (settled)
		watch->known = stamp;
	return settled;
}

void file_watch_again(struct file_watch *watch)
{
	watch->known = ~watch->seen;
}
