/* Files that commands write for an operator. */
#ifndef CONTROL_NEW_FILE_H
#define CONTROL_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Write a file that appears whole or not at all, and never has more rights than `mode`: under a name beside
 * it at first, and on the disk before it gets its own. Where something is there already, it is replaced if
 * `replace` says so. False with a sentence in text[text_size]; nothing has changed then.
 */
bool new_file_write(const char *path, mode_t mode, bool replace, const void *octets, size_t size, char *text,
	size_t text_size);

#endif
