/* What the seccomp filter lets pass, in children: a filter is for good. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "dataplane/sandbox.h"

enum { LIVES = 42 };

/* The wait status of a child that does something under a filter. */
static int under(enum sandbox_mode mode, int (*deed)(void))
{
	static const struct sandbox_rule rules[] = {{SCMP_SYS(socket), 0, AF_UNIX}};
	char text[256];
	int status = 0;
	const pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(sandbox_filter(mode, rules, 1, text, sizeof(text)) ? deed() : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int open_file(void)
{
	return open("/proc/self/stat", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? LIVES : 1;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? LIVES : 1;
}

static int make_other_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? LIVES : 1;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_descriptors_are_closed(void **state)
{
	const int keep[] = {7, 9};
	int status, good = 1;
	const pid_t child = fork();

	(void)state;
	if (child == 0) {
		for (int fd = 3; fd < 12; fd++)
			dup2(STDERR_FILENO, fd);
		sandbox_keep_descriptors(keep, 2);
		for (int fd = 0; fd < 12; fd++)
			good &= is_open(fd) == (fd < 3 || fd == 7 || fd == 9);
		sandbox_keep_descriptors(NULL, 0);
		_exit(good && !is_open(7) && is_open(2) ? LIVES : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == LIVES);
}

static void assert_lives(int status)
{
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), LIVES);
}

static void test_files_are_refused_quietly(void **state)
{
	(void)state;
	assert_lives(under(SANDBOX_KILL, open_file));
	assert_lives(under(SANDBOX_ERRNO, open_file));
}

static void test_rules_are_by_argument(void **state)
{
	(void)state;
	assert_lives(under(SANDBOX_KILL, make_socket));
	assert_lives(under(SANDBOX_ERRNO, make_other_socket));
}

static void test_another_call_kills(void **state)
{
	const int status = under(SANDBOX_KILL, make_other_socket);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors_are_closed),
		cmocka_unit_test(test_files_are_refused_quietly),
		cmocka_unit_test(test_rules_are_by_argument),
		cmocka_unit_test(test_another_call_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
