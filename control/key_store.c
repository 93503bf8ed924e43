#include "control/key_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/file_content.h"

#define LOCK_NAME KEY_FILE_NAME ".lock"
#define NEW_NAME KEY_FILE_NAME ".new"

enum { DAMAGED_KEPT = 100 };

/* Directory and file, or any path of the like. */
static void name_file(char path[PATH_MAX], const struct key_store *store, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", store->dir, name);
}

/* What an operator can do about it. */
static const char *remedy(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "make room there";
	case EROFS:
		return "mount it for writing, or name another directory with `ntsdumpdir`";
	case ENOENT:
		return "make what is above it, or name another directory with `ntsdumpdir`";
	case ENOTDIR:
		return "name a directory with `ntsdumpdir`";
	default:
		return "see that root may write there, or name another directory with `ntsdumpdir`";
	}
}

bool key_store_open(struct key_store *store, const char *dir, bool ours, char *text, size_t size)
{
	char path[PATH_MAX];

	*store = (struct key_store){.lock = -1, .ours = ours};
	snprintf(store->dir, sizeof(store->dir), "%s", dir);
	if (!dir[0] || !ours)
		return true;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		snprintf(text, size, "ntsdumpdir %s cannot be made: %s; %s", dir, strerror(errno),
			remedy(errno));
		return false;
	}
	name_file(path, store, LOCK_NAME);
	/* For reading: a file held open for writing would keep the file system from being remounted. */
	store->lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock < 0 && (errno == EROFS || errno == ENOSPC || errno == EDQUOT)) {
		/* Keys can be read from there all the same. */
		store->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (store->lock < 0) {
		snprintf(text, size, "ntsdumpdir %s: " LOCK_NAME " cannot be made there: %s; %s", dir,
			strerror(errno), remedy(errno));
		return false;
	}
	if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		snprintf(text, size,
			"ntsdumpdir %s: another tickwire keeps its keys there; give this one a directory of "
			"its own",
			dir);
	else
		snprintf(text, size, "ntsdumpdir %s cannot be locked: %s; name a directory on a local disk",
			dir, strerror(errno));
	key_store_close(store);
	return false;
}

void key_store_close(struct key_store *store)
{
	/* The lock's file stays: whoever removed it could take it from under somebody's lock. */
	if (store->lock >= 0)
		close(store->lock);
	explicit_bzero(store, sizeof(*store));
	store->lock = -1;
}

/* Whether the text is a key file; the ring itself is not wanted here. */
static bool is_key_file(const char *text, size_t size, uint64_t period, char *message, size_t message_size)
{
	struct keyring ring = {0};
	struct timespec now;
	bool good;

	clock_gettime(CLOCK_REALTIME, &now);
	good = key_file_read(&ring, text, size, ntp64_from_timespec(now), period, message, message_size);
	explicit_bzero(&ring, sizeof(ring));
	return good;
}

/* 1 for a key file, 0 for something else, -1 for what cannot be read; errno says why. */
static int read_keys(char text[KEY_STORE_TEXT], size_t *used, const char *path, uint64_t period,
	char *message, size_t message_size)
{
	char why[256] = "";
	bool good;

	if (!file_content_read(path, text, KEY_STORE_TEXT, used)) {
		const int error = errno;

		snprintf(message, message_size, "%s: %s", path, strerror(error));
		errno = error;
		return error == EFBIG ? 0 : -1;
	}
	good = is_key_file(text, *used, period, why, sizeof(why));
	if (!good)
		snprintf(message, message_size, "%s: %s", path, why);
	return good;
}

size_t key_store_read_file(
	char text[KEY_STORE_TEXT], const char *path, uint64_t period, char *message, size_t message_size)
{
	size_t used = 0;

	if (read_keys(text, &used, path, period, message, message_size) == 1)
		return used;
	explicit_bzero(text, KEY_STORE_TEXT);
	return 0;
}

/* Out of the way of the next writing, under a name that nobody has yet. */
static void put_aside(struct key_store *store, const char *path)
{
	const size_t used = strlen(store->error);
	char aside[PATH_MAX];

	for (int n = 1; n <= DAMAGED_KEPT; n++) {
		snprintf(aside, sizeof(aside), "%s/" KEY_FILE_NAME ".damaged-%d", store->dir, n);
		if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) == 0) {
			snprintf(store->error + used, sizeof(store->error) - used,
				"; it is kept as %s, and new keys are made", aside);
			return;
		}
		if (errno != EEXIST)
			break;
	}
	snprintf(store->error + used, sizeof(store->error) - used, "; new keys are made and will replace it");
}

bool key_store_read(struct key_store *store, uint64_t period)
{
	char text[KEY_STORE_TEXT], path[PATH_MAX];
	size_t used = 0;
	int found;

	if (!store->dir[0])
		return true;
	name_file(path, store, KEY_FILE_NAME);
	found = read_keys(text, &used, path, period, store->error, sizeof(store->error));
	if (found < 0 && errno == ENOENT && store->ours) {
		store->error[0] = '\0';
		return true;
	}
	if (found == 1) {
		memcpy(store->text, text, used);
		store->size = used;
		store->unsaved = false;
		store->error[0] = '\0';
	} else if (found == 0 && store->ours) {
		put_aside(store, path);
	}
	explicit_bzero(text, sizeof(text));
	return found == 1;
}

bool key_store_keep(struct key_store *store, const void *text, size_t size)
{
	if (size > sizeof(store->text))
		return false;
	if (size == store->size && memcmp(store->text, text, size) == 0)
		return true;
	explicit_bzero(store->text, sizeof(store->text));
	memcpy(store->text, text, size);
	store->size = size;
	store->unsaved = store->ours && store->dir[0];
	return true;
}

/* The new file under another name in the directory, then in the old one's place, and the directory itself to
 * the disk: at any time there is a whole file. */
static bool replace(int dir, const char *text, size_t size)
{
	int fd, error;
	bool good;

	if (unlinkat(dir, NEW_NAME, 0) != 0 && errno != ENOENT)
		return false;
	fd = openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = file_content_write(fd, text, size);
	error = errno;
	if (close(fd) != 0 && good) {
		good = false;
		error = errno;
	}
	if (good && renameat(dir, NEW_NAME, dir, KEY_FILE_NAME) == 0)
		return fsync(dir) == 0;
	if (good)
		error = errno;
	unlinkat(dir, NEW_NAME, 0);
	errno = error;
	return false;
}

bool key_store_write(struct key_store *store)
{
	bool good;
	int dir;

	if (!store->unsaved)
		return true;
	/* Somebody may have cleaned up. */
	if (mkdir(store->dir, 0700) != 0 && errno != EEXIST)
		dir = -1;
	else
		dir = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = dir >= 0 && replace(dir, store->text, store->size);
	if (!good)
		snprintf(store->error, sizeof(store->error), "the keys cannot be kept in %s: %s; %s",
			store->dir, strerror(errno), remedy(errno));
	else
		store->error[0] = '\0';
	if (dir >= 0)
		close(dir);
	store->unsaved = !good;
	return good;
}
