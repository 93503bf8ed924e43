/*
 * The keyring's file (nts/key_file.h) with a chronyd, which reads and writes its own. It runs in a network
 * namespace, without an NTP port, and sets no clock. Without root or chronyd the cases are skipped; the
 * environment variable CHRONYD names another one than that of PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/file_content.h"
#include "control/new_file.h"
#include "control/selfsign.h"
#include "nts/key_file.h"

enum { PATIENCE_MS = 15000 };

static const uint64_t period = 604800 * NTP64_SECOND;

static char dir[] = "/tmp/tickwire-key-file-XXXXXX";
static char chronyd[512];

static const char *path_of(const char *name)
{
	static char path[2][256];
	static unsigned turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static bool find_chronyd(void)
{
	const char *named = getenv("CHRONYD"), *rest = getenv("PATH");

	if (named) {
		snprintf(chronyd, sizeof(chronyd), "%s", named);
		return access(chronyd, X_OK) == 0;
	}
	while (rest && *rest) {
		const int size = (int)strcspn(rest, ":");

		snprintf(chronyd, sizeof(chronyd), "%.*s/chronyd", size, rest);
		if (access(chronyd, X_OK) == 0)
			return true;
		rest += size + (rest[size] == ':');
	}
	snprintf(chronyd, sizeof(chronyd), "/usr/sbin/chronyd");
	return access(chronyd, X_OK) == 0;
}

static void write_text(const char *path, const char *octets, size_t size)
{
	char text[512] = "";

	if (!new_file_write(path, 0600, true, octets, size, text, sizeof(text)))
		fail_msg("%s", text);
}

static void configure(unsigned rotate_s)
{
	char text[2048];
	const int size = snprintf(text, sizeof(text),
		"port 0\ncmdport 0\nbindcmdaddress /\nbindaddress 127.0.0.1\npidfile %s/pid\n"
		"ntsport 4460\nntsprocesses 0\nntsservercert %s/localhost.crt\nntsserverkey "
		"%s/localhost.key\n"
		"ntsdumpdir %s\nntsrotate %u\n",
		dir, dir, dir, dir, rotate_s);

	write_text(path_of("conf"), text, (size_t)size);
}

static void wait_ms(long ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

/* Once the pid file is there, chronyd has read the keys and handles signals. */
static bool wait_until_up(pid_t pid, int *status)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return false;
		if (access(path_of("pid"), F_OK) == 0)
			return true;
		wait_ms(20);
	}
	return true;
}

/* Start it, let it load, and have it end, when it writes. */
static void run_chronyd(unsigned rotate_s)
{
	int status = -1;
	pid_t pid;

	configure(rotate_s);
	unlink(path_of("pid"));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const int log = open(path_of("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
		execl(chronyd, "chronyd", "-x", "-d", "-u", "root", "-f", path_of("conf"), (char *)NULL);
		_exit(127);
	}
	if (wait_until_up(pid, &status)) {
		wait_ms(200);
		kill(pid, SIGTERM);
		for (int ms = 0; waitpid(pid, &status, WNOHANG) != pid; ms += 20) {
			if (ms >= PATIENCE_MS)
				kill(pid, SIGKILL);
			wait_ms(20);
		}
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		char text[2000] = "";
		size_t used;

		file_content_read(path_of("log"), text, sizeof(text) - 1, &used);
		fail_msg("chronyd ended with status %d: %s", status, text);
	}
}

static ntp64 ntp_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ntp64_from_timespec(now);
}

static bool read_ring(struct keyring *ring, char *message, size_t message_size)
{
	char text[2 * KEY_FILE_MAX];
	size_t size;

	if (!file_content_read(path_of(KEY_FILE_NAME), text, sizeof(text), &size))
		fail_msg("%s: %s", path_of(KEY_FILE_NAME), strerror(errno));
	return key_file_read(ring, text, size, ntp_now(), period, message, message_size);
}

/* A ring of so many rotations, in our file; the fillers' octets are 0xf0. */
static struct keyring write_ring(unsigned rotations)
{
	struct keyring_fresh fill[KEYRING_KEYS] = {
		{.id = 0x5a5a5a00}, {.id = 0x6a6a6a00}, {.id = 0x7a7a7a00}};
	struct keyring ring = {0};
	const ntp64 now = ntp_now();
	char text[KEY_FILE_MAX];
	size_t size;

	memset(fill[0].key, 0xf0, SIV_KEY);
	memset(fill[1].key, 0xf0, SIV_KEY);
	for (unsigned i = 0; i < rotations; i++) {
		struct keyring_fresh fresh = {.id = key_file_next_id(&ring, 0xabcd1234 * (i + 1))};

		memset(fresh.key, (int)(0x10 + i), sizeof(fresh.key));
		assert_true(keyring_rotate(&ring, &fresh, now - (rotations - 1 - i) * period, period));
	}
	size = key_file_write(text, &ring, now + 100 * NTP64_SECOND, fill);
	assert_true(size > 0);
	write_text(path_of(KEY_FILE_NAME), text, size);
	return ring;
}

/* chronyd has written again what it has read from us. */
static void check_same(unsigned rotations)
{
	const struct keyring ours = write_ring(rotations);
	struct keyring theirs;
	char message[256];
	unsigned i;

	run_chronyd(604800);
	if (!read_ring(&theirs, message, sizeof(message)))
		fail_msg("%s", message);
	for (i = 0; i < rotations && i < KEYRING_KEYS; i++) {
		assert_int_equal(theirs.key[i].id, ours.key[i].id);
		assert_memory_equal(theirs.key[i].key, ours.key[i].key, SIV_KEY);
		/* chronyd counts the age on, and has run for less than a minute */
		assert_in_range(
			ntp64_diff(ours.key[i].not_before, theirs.key[i].not_before) / (int64_t)NTP64_SECOND,
			0, 160);
	}
	for (; i < KEYRING_KEYS; i++)
		assert_int_equal(theirs.key[i].key[0], 0xf0);
	assert_int_equal(theirs.rotations, KEYRING_KEYS);
}

static void test_four_keys(void **state)
{
	(void)state;
	check_same(6);
}

static void test_two_keys(void **state)
{
	(void)state;
	check_same(2);
}

/* Somebody else keeps the keys: chronyd leaves the file as it is. */
static void test_kept(void **state)
{
	const struct keyring ours = write_ring(4);
	struct keyring read;
	char message[256];

	(void)state;
	run_chronyd(0);
	assert_true(read_ring(&read, message, sizeof(message)));
	assert_memory_equal(&read, &ours, sizeof(ours));
}

/* What it writes by itself, of either AEAD by its version. */
static void test_from_scratch(void **state)
{
	struct keyring ring;
	char message[256] = "";

	(void)state;
	unlink(path_of(KEY_FILE_NAME));
	run_chronyd(604800);
	if (!read_ring(&ring, message, sizeof(message)))
		fail_msg("%s", message);
	print_message("its keys are of AEAD %u\n", ring.key[0].algorithm);
	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		assert_int_equal(ring.key[i].algorithm, ring.key[0].algorithm);
	assert_ptr_equal(keyring_current(&ring, ntp_now()), &ring.key[1]);
}

static int set_up(void **state)
{
	static const char *const names[] = {"localhost"};
	char text[512] = "";
	struct selfsign s = {.dir = dir, .name = names, .names = 1, .days = 1};

	(void)state;
	if (mkdtemp(dir) && selfsign(&s, text, sizeof(text)))
		return 0;
	print_error("%s: %s\n", dir, text);
	return -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"conf", "log", "pid", "localhost.crt", "localhost.key", KEY_FILE_NAME, KEY_FILE_NAME ".tmp"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_keys),
		cmocka_unit_test(test_two_keys),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_from_scratch),
	};

	if (!find_chronyd()) {
		puts("skipped: there is no chronyd");
		return 77;
	}
	if (unshare(CLONE_NEWNET) != 0) {
		printf("skipped: no network namespace can be had: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests_name("key file with chronyd", tests, set_up, tear_down);
}
