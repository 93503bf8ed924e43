/* control/clock_files.h: logs and drift files that are rotated, full or gone, and their directory. */
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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/clock_files.h"
#include "control/drift_file.h"
#include "dataplane/log.h"
#include "ntp/timestamp.h"
#include "tests/clock_files_fixture.h"

/* The lines of a file; -1 where there is none. */
static int count_lines(const char *name)
{
	char path[128];
	FILE *file;
	int c, lines = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static void wait_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void assert_lines(const char *name, int lines)
{
	for (int i = 0; i < 3000 && count_lines(name) != lines; i++)
		wait_ms(10);
	assert_int_equal(count_lines(name), lines);
}

static struct clock_files files;

static void start(void)
{
	struct sandbox_user user;

	assert_true(sandbox_find_user(&user, "nobody", text, sizeof(text)));
	if (!clock_files_start(&files, &settings, &user, SANDBOX_KILL, text, sizeof(text)))
		fail_msg("%s", text);
	assert_true(files.fd >= 0);
}

static void stop(void)
{
	int status;

	clock_files_stop(&files);
	assert_true(wait(&status) > 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A device that the helper held, too, would not go when the daemon closes it. */
static void helper_holds_nothing_of_ours(void **state)
{
	int ends[2];
	struct pollfd p;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	start();
	close(ends[1]);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(p.revents & POLLHUP);
	close(ends[0]);
	clock_files_log(&files, &example);
	assert_lines("refclocks.log", 1);
	stop();
}

static void rename_log(const char *from, const char *to)
{
	char old[128], new[128];

	snprintf(old, sizeof(old), "%s/%s", dir, from);
	snprintf(new, sizeof(new), "%s/%s", dir, to);
	assert_int_equal(rename(old, new), 0);
}

static void helper_writes(void **state)
{
	struct discipline_record r = example;
	char path[128];
	struct stat st;
	double ppm, skew;

	(void)state;
	settings.log_banner = 2;
	snprintf(settings.drift_file, sizeof(settings.drift_file), "%s/drift", dir);
	start();
	for (int i = 0; i < 3; i++)
		clock_files_log(&files, &r);
	assert_lines("refclocks.log", 3 + 2 + 3 + 1);
	r.kind = RECORD_TRACKING;
	clock_files_log(&files, &r);
	assert_lines("tracking.log", 4);
	clock_files_drift(&files, 1.5, 0.25);
	assert_lines("drift", 1);
	snprintf(path, sizeof(path), "%s/tracking.log", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(drift_file_read(settings.drift_file, &ppm, &skew, text, sizeof(text)));
	assert_true(ppm == 1.5 && skew == 0.25);
	assert_int_equal(count_lines("measurements.log"), -1);
	assert_int_equal(files.lost, 0);
	stop();
}

static void helper_follows_rotation(void **state)
{
	(void)state;
	start();
	clock_files_log(&files, &example);
	assert_lines("refclocks.log", 1);
	rename_log("refclocks.log", "refclocks.log.1");
	wait_ms(1100);
	clock_files_log(&files, &example);
	assert_lines("refclocks.log", 1);
	assert_int_equal(count_lines("refclocks.log.1"), 1);
	stop();
}

/* Somebody who may write to the directory must not have us write elsewhere. */
static void helper_follows_no_link(void **state)
{
	char path[128], victim[128];
	struct discipline_record r = example;

	(void)state;
	snprintf(path, sizeof(path), "%s/refclocks.log", dir);
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	close(open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(symlink(victim, path), 0);
	snprintf(path, sizeof(path), "%s/tracking.log", dir);
	assert_int_equal(link(victim, path), 0);
	log_init("test", LOG_LEVEL_ERROR);
	start();
	clock_files_log(&files, &r);
	r.kind = RECORD_TRACKING;
	clock_files_log(&files, &r);
	r.kind = RECORD_STATISTICS;
	clock_files_log(&files, &r);
	assert_lines("statistics.log", 1);
	assert_int_equal(count_lines("victim"), 0);
	stop();
}

static void helper_is_not_waited_for(void **state)
{
	int ends[2];

	(void)state;
	/* A pipe that nobody reads. */
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	files = (struct clock_files){.settings = &settings, .fd = ends[1], .back = -1};
	for (int i = 0; i < 1000; i++)
		clock_files_log(&files, &example);
	assert_in_range(files.lost, 1, 999);
	clock_files_stop(&files);
	clock_files_log(&files, &example);
	close(ends[0]);
}

static void helper_is_not_needed(void **state)
{
	struct sandbox_user user = {0};

	(void)state;
	settings.logs = 0;
	assert_true(clock_files_start(&files, &settings, &user, SANDBOX_KILL, text, sizeof(text)));
	assert_int_equal(files.fd, -1);
	clock_files_log(&files, &example);
	clock_files_drift(&files, 1, 1);
	clock_files_look(&files);
	assert_string_equal(files.trouble, "");
	clock_files_stop(&files);
}

/* Until that is so, or for half a minute; and it is said once. */
static void assert_trouble(const char *part)
{
	for (int i = 0; i < 3000; i++) {
		clock_files_look(&files);
		if (part[0] ? strstr(files.trouble, part) != NULL : !files.trouble[0])
			return;
		wait_ms(10);
	}
	fail_msg("\"%s\", expected \"%s\"", files.trouble, part);
}

static pid_t helper_process(void)
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

static bool sleeps(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %*s %c", &state), 1);
	fclose(file);
	return state == 'S';
}

/* The helper has done all that it was told. */
static void assert_done(void)
{
	pid_t pid = helper_process();

	for (int i = 0; i < 3000; i++) {
		int left = 1;

		assert_int_equal(ioctl(files.fd, FIONREAD, &left), 0);
		if (left == 0 && sleeps(pid))
			return;
		wait_ms(10);
	}
	fail();
}

static void helper_makes_the_directory(void **state)
{
	struct stat st;

	(void)state;
	snprintf(settings.log_dir, sizeof(settings.log_dir), "%s/logs", dir);
	start();
	clock_files_log(&files, &example);
	assert_lines("logs/refclocks.log", 1);
	assert_int_equal(stat(settings.log_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_trouble("");
	stop();
}

/* Parents are not made: nobody knows whose they should be. */
static void helper_waits_for_the_directory(void **state)
{
	char parent[128];

	(void)state;
	snprintf(parent, sizeof(parent), "%s/far", dir);
	snprintf(settings.log_dir, sizeof(settings.log_dir), "%s/logs", parent);
	start();
	assert_trouble("/far/logs cannot be opened: No such file or directory; make it, and logs begin");
	clock_files_log(&files, &example);
	assert_done();
	assert_int_equal(mkdir(parent, 0777), 0);
	assert_int_equal(chmod(parent, 0777), 0);
	wait_ms(1100);
	clock_files_log(&files, &example);
	assert_lines("far/logs/refclocks.log", 1);
	assert_trouble("");
	stop();
}

static void helper_says_what_it_cannot_write(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/refclocks.log", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(settings.drift_file, sizeof(settings.drift_file), "%s/far/drift", dir);
	start();
	clock_files_log(&files, &example);
	assert_trouble("/refclocks.log cannot be written: Is a directory");
	clock_files_drift(&files, 1, 1);
	assert_int_equal(rmdir(path), 0);
	wait_ms(1100);
	clock_files_log(&files, &example);
	assert_trouble("/far/drift cannot be made: No such file or directory");
	snprintf(path, sizeof(path), "%s/far", dir);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(chmod(path, 0777), 0);
	clock_files_drift(&files, 1, 1);
	assert_trouble("");
	assert_lines("far/drift", 1);
	stop();
}

static void helper_ends(void **state)
{
	(void)state;
	start();
	assert_trouble("");
	kill(helper_process(), SIGKILL);
	assert_trouble("has ended: restart tickwire");
	clock_files_log(&files, &example);
	assert_int_equal(files.lost, 1);
	assert_trouble("has ended: restart tickwire");
	clock_files_stop(&files);
	assert_true(wait(NULL) > 0);
}

static void helper_does_not_keep_up(void **state)
{
	pid_t pid;

	(void)state;
	start();
	pid = helper_process();
	kill(pid, SIGSTOP);
	for (int i = 0; i < 1000; i++)
		clock_files_log(&files, &example);
	clock_files_look(&files);
	assert_non_null(strstr(files.trouble, "does not keep up"));
	kill(pid, SIGCONT);
	assert_trouble("");
	assert_in_range(files.lost, 1, 999);
	stop();
}

/* As logrotate's copytruncate does. */
static void helper_follows_truncation(void **state)
{
	char path[128];
	struct stat st;
	int fd;

	(void)state;
	settings.log_banner = 100;
	start();
	clock_files_log(&files, &example);
	assert_lines("refclocks.log", 4);
	snprintf(path, sizeof(path), "%s/refclocks.log", dir);
	assert_int_equal(stat(path, &st), 0);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	wait_ms(1100);
	clock_files_log(&files, &example);
	/* With its banner, and without a hole in front. */
	assert_lines("refclocks.log", 4);
	assert_int_equal(stat(path, &st), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, 4), 4);
	assert_memory_equal(text, "====", 4);
	close(fd);
	stop();
}

static void helper_is_confined(void **state)
{
	unsigned long long caps = ~0ULL, seccomp = 0;
	char path[64], line[256];
	FILE *file;

	(void)state;
	start();
	clock_files_log(&files, &example);
	assert_lines("refclocks.log", 1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)helper_process());
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
	stop();
}

static void another_call_kills(void **state)
{
	int status = 0;
	const pid_t child = fork();

	(void)state;
	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (clock_files_filter(SANDBOX_KILL, text, sizeof(text)))
			(void)socket(AF_UNIX, SOCK_STREAM, 0);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(helper_holds_nothing_of_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_follows_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_follows_no_link, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_is_not_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_makes_the_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_waits_for_the_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_says_what_it_cannot_write, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_does_not_keep_up, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_follows_truncation, setup, teardown),
		cmocka_unit_test_setup_teardown(helper_is_confined, setup, teardown),
		cmocka_unit_test_setup_teardown(another_call_kills, setup, teardown),
	};

	log_init("test_clock_files", LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
