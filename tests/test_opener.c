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
#include <sys/timepps.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/opener.h"

static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/tickwire-test-none"};
static const struct opener_wish wishes[] = {{"/dev/null", 0}, {"/dev/zero", PPS_CAPTURECLEAR},
	{"/dev/tickwire-test-none", PPS_CAPTUREASSERT | PPS_CAPTURECLEAR}};

static struct opener opener;

static void start(void)
{
	char text[256] = "";

	if (!opener_start(&opener, wishes, 3, SANDBOX_KILL, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(opener.devices, 3);
}

static void assert_late(const char *path, int flags)
{
	errno = 0;
	assert_int_equal(opener_open(&opener, path, flags), -1);
	assert_int_equal(errno, ETIMEDOUT);
}

/* Again while an opener that has got no processor is late, for 30 s. */
static int open_by(const char *path, int flags)
{
	int fd = opener_open(&opener, path, flags);

	for (int i = 0; i < 3000 && fd < 0 && errno == ETIMEDOUT; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		fd = opener_open(&opener, path, flags);
	}
	return fd;
}

static void assert_refused(const char *path, int flags, int error)
{
	errno = 0;
	assert_int_equal(open_by(path, flags), -1);
	assert_int_equal(errno, error);
}

static bool is_same(int fd, const char *path)
{
	struct stat there, here;

	return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_rdev == there.st_rdev;
}

static void test_opens_what_it_was_given(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 100; i++) {
		int fd = open_by(paths[i % 2], O_RDWR);

		assert_true(fd >= 0);
		assert_true(is_same(fd, paths[i % 2]));
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
		close(fd);
	}
	assert_refused("/dev/tickwire-test-none", O_RDONLY, ENOENT);
	opener_stop(&opener);
}

static void test_opens_nothing_else(void **state)
{
	static const char *const others[] = {"/etc/shadow", "/etc/passwd", "/dev/nul", "/dev/null/",
		"/dev/../dev/null", "", "null", "/dev/full"};
	char large[4096];
	int fd;

	(void)state;
	start();
	memset(large, '/', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_refused(others[i], O_RDONLY, EACCES);
	assert_refused(large, O_RDONLY, EACCES);
	fd = open_by("/dev/null", O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	opener_stop(&opener);
}

/* Nothing is made, emptied or written to the end of. */
static void test_flags(void **state)
{
	const int flags[] = {O_CREAT, O_TRUNC, O_APPEND, O_PATH, O_TMPFILE, O_EXCL, O_DIRECTORY, 1 << 30};
	int fd;

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		assert_refused("/dev/null", O_RDWR | flags[i], EINVAL);
	fd = open_by("/dev/null", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	opener_stop(&opener);
}

static void assert_opens(const char *path, int flags)
{
	int fd = open_by(path, flags);

	assert_true(fd >= 0);
	assert_true(is_same(fd, path));
	close(fd);
}

/* The processes, by device: children come in the order in which they were started. */
static void find_processes(pid_t pid[3])
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fscanf(file, "%d", &pid[i]), 1);
	fclose(file);
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
	pid_t pid[3];

	(void)state;
	start();
	find_processes(pid);
	opener_stop(&opener);
	for (int i = 0; i < 3; i++)
		wait_dead(pid[i]);
}

/* What is no question ends it: the daemon of ours never says such. */
static void test_ends_on_rubbish(void **state)
{
	pid_t pid[3];

	(void)state;
	start();
	find_processes(pid);
	assert_int_equal(send(opener.device[0].socket, "x", 1, 0), 1);
	wait_dead(pid[0]);
	assert_refused("/dev/null", O_RDONLY, EPIPE);
	assert_opens("/dev/zero", O_RDONLY);
	opener_stop(&opener);
}

static void test_gone(void **state)
{
	pid_t pid[3];

	(void)state;
	start();
	find_processes(pid);
	kill(pid[0], SIGKILL);
	assert_int_equal(waitpid(pid[0], NULL, 0), pid[0]);
	assert_refused("/dev/null", O_RDONLY, EPIPE);
	assert_refused("/dev/null", O_RDONLY, EPIPE);
	opener_stop(&opener);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_answer(size_t device)
{
	struct pollfd p = {.fd = opener.device[device].socket, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 5000), 1);
}

/* What hangs costs the daemon a moment once, and other devices nothing; when it goes on, it is handed over.
 */
static void test_hangs(void **state)
{
	pid_t pid[3];
	int64_t began;

	(void)state;
	start();
	find_processes(pid);
	kill(pid[0], SIGSTOP);
	assert_late("/dev/null", O_RDONLY);
	began = now_ms();
	for (int i = 0; i < 1000; i++)
		assert_late("/dev/null", O_RDONLY);
	/* It is asked once: a second question would wait for as long again. */
	assert_in_range(now_ms() - began, 0, 1000);
	assert_opens("/dev/zero", O_RDWR);
	kill(pid[0], SIGCONT);
	wait_answer(0);
	assert_opens("/dev/null", O_RDONLY);
	assert_opens("/dev/null", O_RDONLY);
	opener_stop(&opener);
}

/* Two sources of one device: none gets what the other has asked for. */
static void test_hangs_for_another(void **state)
{
	pid_t pid[3];
	int fd;

	(void)state;
	start();
	find_processes(pid);
	kill(pid[0], SIGSTOP);
	assert_late("/dev/null", O_RDONLY);
	assert_late("/dev/null", O_RDWR);
	kill(pid[0], SIGCONT);
	wait_answer(0);
	fd = open_by("/dev/null", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	close(fd);
	opener_stop(&opener);
}

/* A child of ours is its daemon, and dies. */
static void test_dies_with_the_daemon(void **state)
{
	int told[2], held[2];
	struct pollfd p;
	pid_t daemon, pid[3];

	(void)state;
	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	daemon = fork();
	if (daemon == 0) {
		start();
		find_processes(pid);
		_exit(write(told[1], pid, sizeof(pid)) == sizeof(pid) ? pause() : 1);
	}
	assert_int_equal(read(told[0], pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(kill(pid[0], 0), 0);
	kill(daemon, SIGKILL);
	assert_int_equal(waitpid(daemon, NULL, 0), daemon);
	close(told[1]);
	/* Nobody else has the other end once all are gone. */
	p = (struct pollfd){.fd = told[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(told[0], pid, sizeof(pid)), 0);
}

static void refuse_paths(const char *const *refused, size_t count, const char *sentence)
{
	struct opener_wish wish[OPENER_DEVICES + 1];
	char text[256] = "";

	for (size_t i = 0; i < count; i++)
		wish[i] = (struct opener_wish){refused[i], 0};
	assert_false(opener_start(&opener, wish, count, SANDBOX_KILL, text, sizeof(text)));
	assert_non_null(strstr(text, sentence));
	assert_int_equal(opener.devices, 0);
}

static void test_paths(void **state)
{
	static char name[OPENER_DEVICES + 1][24];
	const char *many[OPENER_DEVICES + 1], *relative[] = {"/dev/null", "dev/null"}, *large[1];
	const struct opener_wish twice[] = {
		{"/dev/null", PPS_CAPTUREASSERT}, {"/dev/null", PPS_CAPTURECLEAR}, {"/dev/null", 0}};
	char path[OPENER_PATH + 1], text[256];

	(void)state;
	for (size_t i = 0; i < OPENER_DEVICES + 1; i++) {
		snprintf(name[i], sizeof(name[i]), "/dev/tickwire-test-%zu", i % 100);
		many[i] = name[i];
	}
	memset(path, '/', OPENER_PATH);
	path[OPENER_PATH] = '\0';
	large[0] = path;
	refuse_paths(many, OPENER_DEVICES + 1, "more than 16 devices");
	refuse_paths(relative, 2, "dev/null: expected an absolute path");
	refuse_paths(large, 1, "expected an absolute path");
	assert_true(opener_start(&opener, twice, 3, SANDBOX_KILL, text, sizeof(text)));
	assert_int_equal(opener.devices, 1);
	assert_int_equal(opener.device[0].edges, PPS_CAPTUREBOTH);
	opener_stop(&opener);
}

/* One capability at most, two for pulses, no other descriptor than its socket, and a filter. */
static void test_is_confined(void **state)
{
	char path[64], line[256];
	unsigned long long caps = ~0ULL, seccomp = 0;
	pid_t pid[3];
	FILE *file;

	(void)state;
	start();
	find_processes(pid);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/%d/status", (int)pid[i]);
		file = fopen(path, "re");
		assert_non_null(file);
		while (fgets(line, sizeof(line), file)) {
			if (strncmp(line, "CapPrm:", 7) == 0)
				caps = strtoull(line + 7, NULL, 16);
			if (strncmp(line, "Seccomp:", 8) == 0)
				seccomp = strtoull(line + 8, NULL, 10);
		}
		fclose(file);
		assert_true((caps & ~(1ULL << CAP_DAC_OVERRIDE | (i ? 1ULL << CAP_SYS_TIME : 0))) == 0);
		/* As root, it is there. */
		assert_true(geteuid() != 0 || i == 0 || cap_get_bound(CAP_SYS_TIME) != 1 ||
			    caps & 1ULL << CAP_SYS_TIME);
		assert_int_equal(seccomp, 2);
	}
	opener_stop(&opener);
}

static int reap_all(void **state)
{
	(void)state;
	opener_stop(&opener); /* where a test has failed */
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
		cmocka_unit_test_teardown(test_hangs, reap_all),
		cmocka_unit_test_teardown(test_hangs_for_another, reap_all),
		cmocka_unit_test_teardown(test_dies_with_the_daemon, reap_all),
		cmocka_unit_test_teardown(test_paths, reap_all),
		cmocka_unit_test_teardown(test_is_confined, reap_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
