#include "control/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
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

#define KEYRING_FILE "keyring"

/* What an instance has in its directory, the lock last. */
static const char *const files[] = {"timebase", "timebase.new", "policy", "policy.new", "counters",
	"counters.new", KEYRING_FILE, KEYRING_FILE ".new", "sources", "sources.new", "drill", "drill.new",
	"instance", "instance.new", "tickwire_xdp.o", "tickwire_xdp.o.part", "control.sock", "tickwire.pid"};

enum { FILES = sizeof(files) / sizeof(files[0]), MAKE_ATTEMPTS = 8 };

/*
 * The directory may be on a disk. The head of the segment goes first (ntp/shm.h): a worker that still ends
 * finds nothing published then, and keeps the keys that it has.
 */
static void erase_keys(const struct run_dir *dir)
{
	static const uint8_t zeros[512];
	char path[PATH_MAX];
	struct stat st;
	off_t at = 0;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "%s/" KEYRING_FILE, dir->path);
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		st.st_size = 0;
	for (; n > 0 && at < st.st_size; at += n) {
		const off_t left = st.st_size - at;

		n = pwrite(fd, zeros, left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros), at);
	}
	(void)fdatasync(fd);
	close(fd);
}

static void remove_files(const struct run_dir *dir, size_t count)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir->path, files[i]);
		unlink(path);
	}
}

/* A directory that nobody but us can put anything into. */
static bool make_directory(const char *path, bool *made, char *text, size_t size)
{
	struct stat st;

	*made = mkdir(path, 0700) == 0;
	if (!*made && errno != EEXIST) {
		snprintf(text, size, "%s: %s", path, strerror(errno));
		return false;
	}
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022)) {
		snprintf(text, size, "%s: must be a directory of ours that nobody else can write to", path);
		return false;
	}
	return true;
}

bool run_dir_take(struct run_dir *dir, const char *path, char *text, size_t size)
{
	char lock[PATH_MAX], why[512];
	long holder;

	*dir = (struct run_dir){.path = path, .lock = -1};
	if (!make_directory(path, &dir->made, why, sizeof(why))) {
		snprintf(text, size, "%s; --run-dir names another directory", why);
		return false;
	}
	snprintf(lock, sizeof(lock), "%s/tickwire.pid", path);
	dir->lock = lock_file(lock, &holder);
	if (dir->lock >= 0) {
		/* Of one that was killed. A daemon of it that still ends must not write into what is new, and
		 * what a directory has kept over a reboot is another time's. */
		erase_keys(dir);
		remove_files(dir, FILES - 1);
		return true;
	}
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
	if (dir->lock < 0)
		return;
	remove_files(dir, FILES);
	close(dir->lock);
	dir->lock = -1;
	if (dir->made)
		rmdir(dir->path);
}

/* One for all instances, whatever their run directories. Not /run/lock, where anybody could hold a lock. */
#define LOCK_DIR "/run/tickwire-locks"

/* Interfaces of the same name exist in several network namespaces. */
static void name_interface_lock(char path[PATH_MAX], const char *interface)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st) != 0)
		st.st_ino = 0;
	snprintf(path, PATH_MAX, LOCK_DIR "/%lu-%s", (unsigned long)st.st_ino, interface);
}

int interface_lock(const char *interface, char *text, size_t size)
{
	char path[PATH_MAX];
	long holder;
	bool made;
	int fd = -1;

	name_interface_lock(path, interface);
	/* Another instance that ends may remove the directory before our file is in it. */
	for (int i = 0; fd < 0 && (i == 0 || errno == ENOENT) && i < MAKE_ATTEMPTS; i++) {
		if (!make_directory(LOCK_DIR, &made, text, size) && errno != ENOENT)
			return -1;
		fd = lock_file(path, &holder);
	}
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
	/* Refused while others have a lock in it. */
	rmdir(LOCK_DIR);
}
