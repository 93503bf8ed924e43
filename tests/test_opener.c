/* The process that opens devices: which, how, and for how long. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/opener.h"

static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/tickwire-test-none"};

static int start(void)
{
	char text[256] = "";
	int opener = opener_start(paths, 3, SANDBOX_KILL, text, sizeof(text));

	assert_string_equal(text, "");
	assert_true(opener >= 0);
	return opener;
}

static void assert_refused(int opener, const char *path, int flags, int error)
{
	errno = 0;
	assert_int_equal(opener_open(opener, path, flags), -1);
	assert_int_equal(errno, error);
}

static bool is_same(int fd, const char *path)
{
	struct stat there, here;

	return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_rdev == there.st_rdev;
}

static void test_opens_what_it_was_given(void **state)
{
	int opener = start();

	(void)state;
	for (int i = 0; i < 100; i++) {
		int fd = opener_open(opener, paths[i % 2], O_RDWR);

		assert_true(fd >= 0);
		assert_true(is_same(fd, paths[i % 2]));
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
		close(fd);
	}
	assert_refused(opener, "/dev/tickwire-test-none", O_RDONLY, ENOENT);
	close(opener);
}

static void test_opens_nothing_else(void **state)
{
	static const char *const others[] = {"/etc/shadow", "/etc/passwd", "/dev/nul", "/dev/null/",
		"/dev/../dev/null", "", "null", "/dev/full"};
	char large[4096];
	int opener = start(), fd;

	(void)state;
	memset(large, '/', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_refused(opener, others[i], O_RDONLY, EACCES);
	assert_refused(opener, large, O_RDONLY, EACCES);
	fd = opener_open(opener, "/dev/null", O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	close(opener);
}

/* Nothing is made, emptied or written to the end of. */
static void test_flags(void **state)
{
	const int flags[] = {O_CREAT, O_TRUNC, O_APPEND, O_PATH, O_TMPFILE, O_EXCL, O_DIRECTORY, 1 << 30};
	int opener = start(), fd;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		assert_refused(opener, "/dev/null", O_RDWR | flags[i], EINVAL);
	fd = opener_open(opener, "/dev/null", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	close(opener);
}

/* Its process, of which there is one. */
static pid_t opener_process(void)
{
	char path[64];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

static void wait_dead(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_ends_with_its_socket(void **state)
{
	int opener = start();
	pid_t pid = opener_process();

	(void)state;
	close(opener);
	wait_dead(pid);
}

/* What is no question ends it: the daemon of ours never says such. */
static void test_ends_on_rubbish(void **state)
{
	int opener = start();
	pid_t pid = opener_process();

	(void)state;
	assert_int_equal(send(opener, "x", 1, 0), 1);
	wait_dead(pid);
	assert_refused(opener, "/dev/null", O_RDONLY, EPIPE);
	close(opener);
}

static void test_gone(void **state)
{
	int opener = start();
	pid_t pid = opener_process();

	(void)state;
	kill(pid, SIGSTOP);
	assert_refused(opener, "/dev/null", O_RDONLY, ETIMEDOUT);
	kill(pid, SIGCONT);
	/* The answer that came too late is not taken for the next one's. */
	assert_refused(opener, "/dev/tickwire-test-none", O_RDONLY, ENOENT);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_refused(opener, "/dev/null", O_RDONLY, EPIPE);
	close(opener);
}

/* What takes longer than the daemon waits is handed over when it asks again, also for another in between. */
static void test_slow(void **state)
{
	int opener = start(), fd;
	pid_t pid = opener_process();

	(void)state;
	for (int other = 0; other < 2; other++) {
		kill(pid, SIGSTOP);
		assert_refused(opener, "/dev/null", O_RDONLY, ETIMEDOUT);
		assert_refused(opener, "/dev/null", O_RDONLY, ETIMEDOUT);
		if (other)
			assert_refused(opener, "/dev/zero", O_RDONLY, ETIMEDOUT);
		kill(pid, SIGCONT);
		for (int i = 0; i < 2; i++) {
			fd = opener_open(opener, paths[i], O_RDONLY);
			assert_true(fd >= 0);
			assert_true(is_same(fd, paths[i]));
			close(fd);
		}
	}
	close(opener);
	wait_dead(pid);
}

/* A child of ours is its daemon, and dies. */
static void test_dies_with_the_daemon(void **state)
{
	int told[2], held[2];
	struct pollfd p;
	pid_t daemon, pid;

	(void)state;
	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	daemon = fork();
	if (daemon == 0) {
		start();
		pid = opener_process();
		_exit(write(told[1], &pid, sizeof(pid)) == sizeof(pid) ? pause() : 1);
	}
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(kill(pid, 0), 0);
	kill(daemon, SIGKILL);
	assert_int_equal(waitpid(daemon, NULL, 0), daemon);
	close(told[1]);
	/* Nobody else has the other end once both are gone. */
	p = (struct pollfd){.fd = told[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(told[0], &pid, sizeof(pid)), 0);
}

static void test_paths(void **state)
{
	const char *many[OPENER_PATHS + 1], *relative[] = {"dev/null"}, *large[1];
	char path[OPENER_PATH + 1], text[256];

	(void)state;
	for (size_t i = 0; i < OPENER_PATHS + 1; i++)
		many[i] = "/dev/null";
	memset(path, '/', OPENER_PATH);
	path[OPENER_PATH] = '\0';
	large[0] = path;
	assert_int_equal(opener_start(many, OPENER_PATHS + 1, SANDBOX_KILL, text, sizeof(text)), -1);
	assert_non_null(strstr(text, "at most 16"));
	assert_int_equal(opener_start(relative, 1, SANDBOX_KILL, text, sizeof(text)), -1);
	assert_non_null(strstr(text, "expected an absolute path"));
	assert_int_equal(opener_start(large, 1, SANDBOX_KILL, text, sizeof(text)), -1);
	assert_non_null(strstr(text, "expected an absolute path"));
}

/* One capability at most, no other descriptor than its socket, and a filter. */
static void test_is_confined(void **state)
{
	int opener = start();
	char path[64], line[256];
	unsigned long long caps = ~0ULL, seccomp = 0, fd;
	FILE *file;

	(void)state;
	fd = (unsigned long long)opener_open(opener, "/dev/null", O_RDONLY); /* by now it is confined */
	close((int)fd);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)opener_process());
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "CapPrm:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
		if (strncmp(line, "Seccomp:", 8) == 0)
			seccomp = strtoull(line + 8, NULL, 10);
	}
	fclose(file);
	assert_true((caps & ~(1ULL << CAP_DAC_OVERRIDE)) == 0);
	assert_int_equal(seccomp, 2);
	close(opener);
}

static int reap_all(void **state)
{
	(void)state;
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_opens_what_it_was_given, reap_all),
		cmocka_unit_test_teardown(test_opens_nothing_else, reap_all),
		cmocka_unit_test_teardown(test_flags, reap_all),
		cmocka_unit_test_teardown(test_ends_with_its_socket, reap_all),
		cmocka_unit_test_teardown(test_ends_on_rubbish, reap_all),
		cmocka_unit_test_teardown(test_gone, reap_all),
		cmocka_unit_test_teardown(test_slow, reap_all),
		cmocka_unit_test_teardown(test_dies_with_the_daemon, reap_all),
		cmocka_unit_test_teardown(test_paths, reap_all),
		cmocka_unit_test_teardown(test_is_confined, reap_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
