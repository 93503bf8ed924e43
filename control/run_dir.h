/*
 * The directory of an instance, and the locks that keep two instances apart. One thread.
 */
#ifndef CONTROL_RUN_DIR_H
#define CONTROL_RUN_DIR_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_DIR_DEFAULT "/run/tickwire"

struct run_dir {
	const char *path;
	bool made; /* by us: to be removed at the end */
	int lock;  /* descriptor that holds the lock, or -1 */
};

/*
 * Make the directory (0700) where it is missing, lock it against another instance, remove what one that was
 * killed has left (and erase its keys) and write the pid file.
 * False with a sentence in text[size].
 */
bool run_dir_take(struct run_dir *dir, const char *path, char *text, size_t size);

/* Remove our files, and the directory if we made it. */
void run_dir_leave(struct run_dir *dir);

/*
 * Lock a kernel interface of this network namespace for ourselves: two dataplanes on one would take each
 * other's frames. Gives a descriptor that holds the lock, or -1 with a sentence in
 * text[size].
 */
int interface_lock(const char *interface, char *text, size_t size);

/* Let go of it. -1 is allowed. */
void interface_unlock(const char *interface, int lock);

#endif
