/*
 * control/key_store.h and control/file_content.h on a directory of our own: written and read back, replaced
 * in one step, damaged files, a directory that cannot be written or is full, two instances.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/file_content.h"
#include "control/key_store.h"
#include "tests/key_files.h"

struct place {
	char dir[CONFIG_PATH];
	struct key_store store;
	char text[512];
};

static char base[64];

/* A directory that is not there yet. */
static int setup(void **state)
{
	static struct place place;
	static int count;

	memset(&place, 0, sizeof(place));
	snprintf(place.dir, sizeof(place.dir), "%s/%d", base, count++);
	place.store.lock = -1;
	*state = &place;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	key_store_close(&p->store);
	return 0;
}

static void path_of(char path[2 * CONFIG_PATH], const struct place *p, const char *name)
{
	snprintf(path, 2 * CONFIG_PATH, "%s/%s", p->dir, name);
}

static void write_at(const struct place *p, const char *name, const void *octets, size_t size)
{
	char path[2 * CONFIG_PATH];
	int fd;

	path_of(path, p, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, size), size);
	close(fd);
}

static bool is_there(const struct place *p, const char *name)
{
	char path[2 * CONFIG_PATH];

	path_of(path, p, name);
	return access(path, F_OK) == 0;
}

static void assert_holds(const struct place *p, const char *name, const char *octets, size_t size)
{
	char path[2 * CONFIG_PATH], found[KEY_STORE_TEXT];
	size_t used;

	path_of(path, p, name);
	assert_true(file_content_read(path, found, sizeof(found), &used));
	assert_int_equal(used, size);
	assert_memory_equal(found, octets, size);
}

static void open_ours(struct place *p)
{
	if (!key_store_open(&p->store, p->dir, true, p->text, sizeof(p->text)))
		fail_msg("%s", p->text);
}

static void kept_and_read(void **state)
{
	struct place *p = *state;
	char a[KEY_FILE_MAX], b[KEY_FILE_MAX];
	const size_t a_size = key_files_make(a, 1), b_size = key_files_make(b, 2);
	char path[2 * CONFIG_PATH];
	struct stat st;

	assert_true(a_size > 0 && b_size > 0);
	open_ours(p);
	assert_int_equal(stat(p->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* There is no file yet, which is no error. */
	assert_true(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_int_equal(p->store.size, 0);
	assert_true(key_store_keep(&p->store, a, a_size));
	assert_true(p->store.unsaved);
	assert_true(key_store_write(&p->store));
	assert_false(p->store.unsaved);
	assert_holds(p, KEY_FILE_NAME, a, a_size);
	path_of(path, p, KEY_FILE_NAME);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(file_content_is_exposed(path));
	assert_int_equal(chmod(path, 0640), 0);
	assert_true(file_content_is_exposed(path));
	/* The same again is nothing to be written. */
	assert_true(key_store_keep(&p->store, a, a_size));
	assert_false(p->store.unsaved);
	assert_true(key_store_keep(&p->store, b, b_size));
	assert_true(key_store_write(&p->store));
	assert_holds(p, KEY_FILE_NAME, b, b_size);
	assert_false(is_there(p, KEY_FILE_NAME ".new"));
	key_store_close(&p->store);
	open_ours(p);
	assert_true(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_int_equal(p->store.size, b_size);
	assert_memory_equal(p->store.text, b, b_size);
}

static void replaced_in_one_step(void **state)
{
	struct place *p = *state;
	char a[KEY_FILE_MAX], b[KEY_FILE_MAX], path[2 * CONFIG_PATH], old[KEY_FILE_MAX];
	const size_t a_size = key_files_make(a, 1), b_size = key_files_make(b, 2);
	int fd;

	open_ours(p);
	assert_true(key_store_keep(&p->store, a, a_size) && key_store_write(&p->store));
	path_of(path, p, KEY_FILE_NAME);
	fd = open(path, O_RDONLY);
	/* What a run that was killed has left, and what somebody has put there. */
	path_of(path, p, KEY_FILE_NAME ".new");
	assert_int_equal(symlink("/nonexistent/elsewhere", path), 0);
	assert_true(key_store_keep(&p->store, b, b_size) && key_store_write(&p->store));
	assert_holds(p, KEY_FILE_NAME, b, b_size);
	/* Who had the old one open still has all of it. */
	assert_int_equal(read(fd, old, sizeof(old)), a_size);
	assert_memory_equal(old, a, a_size);
	close(fd);
}

static void damaged(void **state)
{
	struct place *p = *state;
	char a[KEY_FILE_MAX], large[KEY_STORE_TEXT + 1];
	const size_t a_size = key_files_make(a, 1);

	open_ours(p);
	a[a_size / 2] ^= 1;
	write_at(p, KEY_FILE_NAME, a, a_size);
	assert_true(key_store_keep(&p->store, "old", 3));
	assert_false(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_non_null(strstr(p->store.error, KEY_FILE_NAME ".damaged-1, and new keys are made"));
	assert_int_equal(p->store.size, 3);
	assert_false(is_there(p, KEY_FILE_NAME));
	assert_holds(p, KEY_FILE_NAME ".damaged-1", a, a_size);
	/* The next one does not replace it. */
	memset(large, 'x', sizeof(large));
	write_at(p, KEY_FILE_NAME, large, sizeof(large));
	assert_false(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_non_null(strstr(p->store.error, "File too large"));
	assert_true(is_there(p, KEY_FILE_NAME ".damaged-2"));
	assert_holds(p, KEY_FILE_NAME ".damaged-1", a, a_size);
	write_at(p, KEY_FILE_NAME, "", 0);
	assert_false(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_true(is_there(p, KEY_FILE_NAME ".damaged-3"));
	assert_true(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_string_equal(p->store.error, "");
}

static void somebody_elses(void **state)
{
	struct place *p = *state, other = **(struct place **)state;
	char a[KEY_FILE_MAX];
	const size_t a_size = key_files_make(a, 1);

	open_ours(p);
	/* Any number may read. */
	assert_true(key_store_open(&other.store, p->dir, false, p->text, sizeof(p->text)));
	assert_false(key_store_read(&other.store, 0));
	assert_non_null(strstr(other.store.error, "No such file"));
	assert_true(key_store_keep(&p->store, a, a_size) && key_store_write(&p->store));
	assert_true(key_store_read(&other.store, 0));
	assert_string_equal(other.store.error, "");
	assert_memory_equal(other.store.text, a, a_size);
	/* A bad one stays where it is, and the keys from before as well. */
	write_at(p, KEY_FILE_NAME, "NKS0\n", 5);
	assert_false(key_store_read(&other.store, 0));
	assert_true(is_there(p, KEY_FILE_NAME));
	assert_memory_equal(other.store.text, a, a_size);
	assert_true(key_store_keep(&other.store, "new", 3));
	assert_false(other.store.unsaved);
	key_store_close(&other.store);
}

static void locked(void **state)
{
	struct place *p = *state, other = **(struct place **)state;

	open_ours(p);
	assert_false(key_store_open(&other.store, p->dir, true, p->text, sizeof(p->text)));
	assert_non_null(strstr(p->text, "another tickwire keeps its keys there"));
	key_store_close(&other.store);
	key_store_close(&p->store);
	open_ours(p);
}

static void memory_alone(void **state)
{
	struct place *p = *state;
	char long_text[KEY_STORE_TEXT + 1] = "";

	assert_true(key_store_open(&p->store, "", true, p->text, sizeof(p->text)));
	assert_true(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_true(key_store_keep(&p->store, "keys", 4));
	assert_false(p->store.unsaved);
	assert_true(key_store_write(&p->store));
	assert_false(key_store_keep(&p->store, long_text, sizeof(long_text)));
	assert_memory_equal(p->store.text, "keys", 4);
	key_store_close(&p->store);
	for (size_t i = 0; i < sizeof(p->store.text); i++)
		assert_int_equal(p->store.text[i], 0);
}

/* Whatever goes wrong: the old file is whole, the sentence says what to do, and it works once it can. */
static void assert_recovers(struct place *p, const char *says, void (*mend)(struct place *p))
{
	char b[KEY_FILE_MAX];
	const size_t size = key_files_make(b, 2);

	assert_true(key_store_keep(&p->store, b, size));
	assert_false(key_store_write(&p->store));
	assert_true(p->store.unsaved);
	if (!strstr(p->store.error, says))
		fail_msg("\"%s\" does not say \"%s\"", p->store.error, says);
	assert_false(is_there(p, KEY_FILE_NAME ".new"));
	mend(p);
	assert_true(key_store_write(&p->store));
	assert_string_equal(p->store.error, "");
	assert_holds(p, KEY_FILE_NAME, b, size);
}

static void remove_file(struct place *p)
{
	assert_int_equal(unlink(p->dir), 0);
}

static void directory_gone(void **state)
{
	struct place *p = *state;
	char path[2 * CONFIG_PATH];

	open_ours(p);
	path_of(path, p, KEY_FILE_NAME ".lock");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(p->dir), 0);
	close(open(p->dir, O_WRONLY | O_CREAT, 0600));
	assert_recovers(p, "Not a directory; name a directory with `ntsdumpdir`", remove_file);
}

static void make_writable(struct place *p)
{
	assert_int_equal(mount(NULL, p->dir, NULL, MS_REMOUNT, NULL), 0);
}

static void remove_filler(struct place *p)
{
	char path[2 * CONFIG_PATH];

	path_of(path, p, "filler");
	assert_int_equal(unlink(path), 0);
}

/* A file system of two pages, with the first keys in it. */
static bool mount_small(struct place *p)
{
	char a[KEY_FILE_MAX];
	const size_t size = key_files_make(a, 1);

	assert_int_equal(mkdir(p->dir, 0700), 0);
	if (mount("none", p->dir, "tmpfs", 0, "size=8k,mode=0700") != 0)
		return false;
	open_ours(p);
	assert_true(key_store_keep(&p->store, a, size) && key_store_write(&p->store));
	return true;
}

static void unmount(struct place *p)
{
	key_store_close(&p->store);
	assert_int_equal(umount(p->dir), 0);
}

static void full_disk(void **state)
{
	struct place *p = *state;
	char page[4096] = "";

	if (!mount_small(p))
		skip();
	write_at(p, "filler", page, sizeof(page));
	assert_recovers(p, "No space left on device; make room there", remove_filler);
	unmount(p);
}

static void read_only(void **state)
{
	struct place *p = *state;

	if (!mount_small(p))
		skip();
	/* What is open for writing, as the lock is, keeps a file system from it; so a start finds it like
	 * this. */
	key_store_close(&p->store);
	assert_int_equal(mount(NULL, p->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	open_ours(p);
	assert_true(key_store_read(&p->store, KEY_FILES_WEEK));
	assert_recovers(p, "Read-only file system; mount it for writing", make_writable);
	unmount(p);
}

static void contents(void **state)
{
	struct place *p = *state;
	char path[2 * CONFIG_PATH], text[8];
	size_t used;

	assert_int_equal(mkdir(p->dir, 0700), 0);
	write_at(p, "file", "12345678", 8);
	path_of(path, p, "file");
	assert_true(file_content_read(path, text, 8, &used));
	assert_int_equal(used, 8);
	assert_false(file_content_read(path, text, 7, &used));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(file_content_open(p->dir), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_content_open("/dev/null"), -1);
	assert_int_equal(errno, EINVAL);
	path_of(path, p, "pipe");
	assert_int_equal(mkfifo(path, 0600), 0);
	/* And it does not wait for a writer. */
	assert_int_equal(file_content_open(path), -1);
	assert_int_equal(errno, EINVAL);
}

static void watch(void **state)
{
	struct place *p = *state;
	char path[2 * CONFIG_PATH], link[2 * CONFIG_PATH];
	struct file_watch w;
	uint64_t stamp[6];

	assert_int_equal(mkdir(p->dir, 0700), 0);
	path_of(path, p, "file");
	path_of(link, p, "link");
	assert_int_equal(symlink("file", link), 0);
	stamp[0] = file_content_stamp(0, link);
	write_at(p, "file", "1", 1);
	stamp[1] = file_content_stamp(0, link);
	write_at(p, "file", "12", 2);
	stamp[2] = file_content_stamp(0, link);
	write_at(p, "other", "12", 2);
	path_of(path, p, "other");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("other", link), 0);
	stamp[3] = file_content_stamp(0, link);
	assert_int_equal(unlink(path), 0);
	stamp[4] = file_content_stamp(0, link);
	stamp[5] = file_content_stamp(stamp[4], link);
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < i; j++)
			assert_int_equal(stamp[i] == stamp[j], i == 4 && j == 0);
	file_watch_begin(&w, 1);
	assert_false(file_watch_look(&w, 1));
	assert_false(file_watch_look(&w, 2));
	assert_false(file_watch_look(&w, 3)); /* still being written */
	assert_true(file_watch_look(&w, 3));
	assert_false(file_watch_look(&w, 3));
	assert_false(file_watch_look(&w, 4));
	assert_false(file_watch_look(&w, 3)); /* and back */
	assert_false(file_watch_look(&w, 3));
	file_watch_again(&w);
	assert_true(file_watch_look(&w, 3));
	assert_false(file_watch_look(&w, 3));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(kept_and_read),
		CASE(replaced_in_one_step),
		CASE(damaged),
		CASE(somebody_elses),
		CASE(locked),
		CASE(memory_alone),
		CASE(directory_gone),
		CASE(full_disk),
		CASE(read_only),
		CASE(contents),
		CASE(watch),
	};
	char command[128];
	int failed;

	snprintf(base, sizeof(base), "/tmp/tickwire-test-keys-XXXXXX");
	if (!mkdtemp(base))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command) != 0 || failed;
}
