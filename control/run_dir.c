#include "control/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A locked file with our pid in it; -1 with the holder's pid (or 0) in *holder where it is locked already. */
static int lock_file(const char *path, long *holder)
{
	char number[32] = "";
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), n;

	*holder = 0;
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (read(fd, number, sizeof(number) - 1) > 0)
			*holder = strtol(number, NULL, 10);
		close(fd);
		errno = EWOULDBLOCK;
		return -1;
	}
	if (fstat(fd, &st) == 0 && st.st_nlink == 0) {
		/* Its last holder removed it between our open and our lock. */
		close(fd);
		return lock_file(path, holder);
	}
	n = snprintf(number, sizeof(number), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || write(fd, number, (size_t)n) != n) {
		close(fd);
		return -1;
	}
	return fd;
}

bool run_dir_take(struct run_dir *dir, const char *path, char *text, size_t size)
{
	char lock[PATH_MAX];
	struct stat st;
	long holder;

	*dir = (struct run_dir){.path = path, .lock = -1};
	dir->made = mkdir(path, 0700) == 0;
	if (!dir->made && errno != EEXIST) {
		snprintf(text, size, "%s: %s; --run-dir names another directory", path, strerror(errno));
		return false;
	}
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022)) {
		snprintf(text, size, "%s: must be a directory of ours that nobody else can write to", path);
		return false;
	}
	snprintf(lock, sizeof(lock), "%s/tickwire.pid", path);
	dir->lock = lock_file(lock, &holder);
	if (dir->lock >= 0)
		return true;
	if (errno == EWOULDBLOCK)
		snprintf(text, size,
			"%s: another tickwire (pid %ld) runs here; stop it or give this one a --run-dir",
			path, holder);
	else
		snprintf(text, size, "%s: %s", lock, strerror(errno));
	return false;
}

void run_dir_leave(struct run_dir *dir)
{
	static const char *const files[] = {"timebase", "timebase.new", "policy", "policy.new", "counters",
		"counters.new", "tickwire_xdp.o", "control.sock", "tickwire.pid"};
	char path[PATH_MAX];

	if (dir->lock < 0)
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir->path, files[i]);
		unlink(path);
	}
	close(dir->lock);
	dir->lock = -1;
	if (dir->made)
		rmdir(dir->path);
}

/* Interfaces of the same name exist in several network namespaces. */
static void name_interface_lock(char path[PATH_MAX], const char *interface)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st) != 0)
		st.st_ino = 0;
	snprintf(path, PATH_MAX, "/run/lock/tickwire-%lu-%s", (unsigned long)st.st_ino, interface);
}

int interface_lock(const char *interface, char *text, size_t size)
{
	char path[PATH_MAX];
	long holder;
	int fd;

	mkdir("/run/lock", 0755);
	name_interface_lock(path, interface);
	fd = lock_file(path, &holder);
	if (fd >= 0)
		return fd;
	if (errno == EWOULDBLOCK)
		snprintf(text, size,
			"interface %s: another tickwire (pid %ld) serves it; stop that one first", interface,
			holder);
	else
		snprintf(text, size, "%s: %s", path, strerror(errno));
	return -1;
}

void interface_unlock(const char *interface, int lock)
{
	char path[PATH_MAX];

	if (lock < 0)
		return;
	name_interface_lock(path, interface);
	unlink(path);
	close(lock);
}
