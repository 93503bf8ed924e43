/* Small files that an operator has named: read as a whole, and watched. One thread. */
#ifndef CONTROL_FILE_CONTENT_H
#define CONTROL_FILE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open a regular file (symbolic links are followed) for reading, close-on-exec. -1 with errno; EISDIR or
 * EINVAL for what is no file. Does not wait, whatever the path is. */
int file_content_open(const char *path);

/* The whole of a regular file of at most `size` octets. False with errno, EFBIG for a longer one. */
bool file_content_read(const char *path, char *text, size_t size, size_t *used);

/* Whether others than its owner may read or write a file. */
bool file_content_is_exposed(const char *path);

/* Write all of it, and have it on the disk. False with errno. */
bool file_content_write(int fd, const void *octets, size_t size);

/*
 * A number that is another one when the file is another or has been written, or has come or gone; added to
 * `before`, for several files.
 */
uint64_t file_content_stamp(uint64_t before, const char *path);

/* Whether stamps have settled on something new. */
struct file_watch {
	uint64_t seen;  /* at the last look */
	uint64_t known; /* that has been acted on */
};

/* What is there now is known. */
void file_watch_begin(struct file_watch *watch, uint64_t stamp);

/*
 * One look: true, once, where the stamp is another than the known one and as it was at the last look, so
 * that nobody is in the midst of writing.
 */
bool file_watch_look(struct file_watch *watch, uint64_t stamp);

/* What was found could not be acted on: the next look finds it again. */
void file_watch_again(struct file_watch *watch);

#endif
