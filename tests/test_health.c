/* control/health.h: the verdict, the file, and a hook that is called, hangs or is missing. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/daemon.h"
#include "control/health.h"
#include "control/monotonic.h"
#include "dataplane/log.h"
#include "refclock/counter.h"

static char dir[64], told[96];
static struct clock_settings settings;
static struct sources sources;
static struct shm segment;
static struct health health;

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tickwire-test-health-XXXXXX");
	assert_non_null(mkdtemp(dir));
	clock_settings_init(&settings);
	snprintf(settings.health_file, sizeof(settings.health_file), "%s/healthy", dir);
	snprintf(told, sizeof(told), "%s/told", dir);
	memset(&sources, 0, sizeof(sources));
	sources.count = 1;
	sources.counter_hz = 1e9;
	memset(&health, 0, sizeof(health));
	health_begin(&health, &settings);
	assert_int_equal(shm_create(&segment, dir, &SOURCES_CONTRACT), SHM_OK);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	health_leave(&health, &settings, 0);
	shm_close(&segment);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* The clock daemon says so now. */
static void clock_says(enum ladder_rung rung, const char *reason)
{
	sources.rung = (uint8_t)rung;
	sources.counter = counter_read(COUNTER_MONOTONIC_RAW);
	snprintf(sources.reason, sizeof(sources.reason), "%s", reason);
	shm_publish(&segment, &sources);
}

static void tick(int64_t now_ms)
{
	health_tick(&health, &settings, dir, true, true, now_ms);
}

static void verdicts(void **state)
{
	static const struct {
		int rung; /* -1: nothing is said */
		bool synchronised, answering;
		enum ladder_rung expected;
		const char *reason;
	} rows[] = {
		{LADDER_SERVING, true, true, LADDER_SERVING, "said"},
		{LADDER_RAISED, true, true, LADDER_RAISED, "said"},
		{LADDER_UNSYNCHRONISED, false, true, LADDER_UNSYNCHRONISED, "said"},
		{LADDER_SILENT, false, true, LADDER_SILENT, "said"},
		{LADDER_SERVING, false, true, LADDER_UNSYNCHRONISED, "the time served is not synchronised"},
		{LADDER_SERVING, true, false, LADDER_SILENT, "the workers do not answer"},
		{77, true, true, LADDER_SILENT, "the clock daemon is of another version"},
		{-1, true, true, LADDER_SERVING, "replies are synchronised"},
		{-1, false, true, LADDER_UNSYNCHRONISED, "the time served is not synchronised"},
	};
	struct health_verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&sources, 0, sizeof(sources));
		sources.count = 1;
		sources.rung = (uint8_t)rows[i].rung;
		memcpy(sources.reason, "said", 4);
		health_judge(&v, rows[i].rung < 0 ? NULL : &sources, rows[i].synchronised, rows[i].answering);
		assert_int_equal(v.rung, rows[i].expected);
		assert_string_equal(v.reason, rows[i].reason);
	}
	/* A reason without an end, and one that is not printable. */
	sources.rung = LADDER_SILENT;
	memset(sources.reason, '\n', sizeof(sources.reason));
	health_judge(&v, &sources, true, true);
	assert_int_equal(strlen(v.reason), sizeof(v.reason) - 1);
	assert_int_equal(strspn(v.reason, "?"), sizeof(v.reason) - 1);
}

static void assert_content(const char *path, const char *expected)
{
	char content[512] = "";
	FILE *file = NULL;

	for (int i = 0; i < 200; i++) {
		file = fopen(path, "re");
		if (file) {
			content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
			fclose(file);
			if (strcmp(content, expected) == 0)
				return;
		}
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	assert_string_equal(content, expected);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void the_file(void **state)
{
	char other[CLOCK_PATH];
	struct stat st;

	(void)state;
	/* Left by an instance that was killed. */
	close(open(settings.health_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	clock_says(LADDER_UNSYNCHRONISED, "nothing is known yet");
	tick(0);
	assert_false(is_there(settings.health_file));
	clock_says(LADDER_SERVING, "the bound is 1 us");
	tick(1000);
	assert_content(settings.health_file, "serving: the bound is 1 us\n");
	assert_int_equal(stat(settings.health_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	clock_says(LADDER_RAISED, "the bound is 20 ms");
	tick(2000);
	assert_content(settings.health_file, "raised: the bound is 20 ms\n");
	/* Somebody clears the directory. */
	unlink(settings.health_file);
	tick(2500);
	assert_content(settings.health_file, "raised: the bound is 20 ms\n");
	/* A reload names another. */
	snprintf(other, sizeof(other), "%s", settings.health_file);
	strcat(settings.health_file, "2");
	tick(3000);
	assert_false(is_there(other));
	assert_true(is_there(settings.health_file));
	clock_says(LADDER_SILENT, "the bound is 20 s");
	tick(4000);
	assert_false(is_there(settings.health_file));
	/* Replies go on without a word of the clock daemon, and no longer. */
	sources.counter -= UINT64_C(20000000000);
	shm_publish(&segment, &sources);
	tick(5000);
	assert_content(settings.health_file, "serving: replies are synchronised\n");
	health_tick(&health, &settings, dir, false, true, 6000);
	assert_false(is_there(settings.health_file));
	tick(7000);
	health_leave(&health, &settings, 0);
	assert_false(is_there(settings.health_file));
}

static void write_hook(const char *body)
{
	FILE *file;

	snprintf(settings.health_hook, sizeof(settings.health_hook), "%s/hook", dir);
	file = fopen(settings.health_hook, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", body);
	fchmod(fileno(file), 0755);
	fclose(file);
}

/* Ticks at one time until the hook has ended. */
static void tick_until_quiet(int64_t now_ms)
{
	for (int i = 0; i < 300; i++) {
		tick(now_ms);
		if (health.hook == 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	fail_msg("the hook does not end");
}

static void the_hook(void **state)
{
	char body[256];

	(void)state;
	snprintf(body, sizeof(body), "echo \"$#|$1|$2|$HOME\" >>'%s'", told);
	write_hook(body);
	clock_says(LADDER_SERVING, "a; rm -rf $HOME `x`");
	tick_until_quiet(0);
	assert_content(told, "2|serving|a; rm -rf $HOME `x`|\n");
	/* The rung is the same. */
	clock_says(LADDER_SERVING, "another reason");
	tick_until_quiet(1000);
	clock_says(LADDER_UNSYNCHRONISED, "b");
	tick_until_quiet(2000);
	assert_content(told, "2|serving|a; rm -rf $HOME `x`|\n2|unsynchronised|b|\n");
	health_leave(&health, &settings, 60000);
	assert_content(
		told, "2|serving|a; rm -rf $HOME `x`|\n2|unsynchronised|b|\n2|silent|tickwire ends|\n");
}

static void a_hook_that_hangs(void **state)
{
	char body[256];
	int64_t before;

	(void)state;
	snprintf(body, sizeof(body), "echo $1 >>'%s'; [ $1 = raised ] || sleep 60", told);
	write_hook(body);
	clock_says(LADDER_SERVING, "");
	before = monotonic_ms();
	tick(0);
	assert_content(told, "serving\n");
	/* Of changes meanwhile the last is told. */
	clock_says(LADDER_SILENT, "");
	tick(HEALTH_HOOK_MS - 1);
	assert_true(health.hook > 0);
	clock_says(LADDER_RAISED, "");
	tick(HEALTH_HOOK_MS);
	tick_until_quiet(HEALTH_HOOK_MS);
	assert_content(told, "serving\nraised\n");
	/* It is not waited for at the end either. */
	clock_says(LADDER_UNSYNCHRONISED, "");
	tick(2 * HEALTH_HOOK_MS);
	health_leave(&health, &settings, 50);
	assert_int_equal(health.hook, 0);
	assert_true(monotonic_ms() - before < 20000);
}

/* As at boot, when what it talks with is not there yet: it is run again, and no more once it has done well.
 */
static void a_hook_that_fails_at_first(void **state)
{
	char body[256];

	(void)state;
	snprintf(body, sizeof(body), "echo $1 >>'%s'; [ $(wc -l <'%s') -gt 1 ]", told, told);
	write_hook(body);
	clock_says(LADDER_SERVING, "");
	tick_until_quiet(0);
	tick_until_quiet(HEALTH_AGAIN_MS - 1);
	assert_content(told, "serving\n");
	clock_says(LADDER_SERVING, "");
	tick_until_quiet(HEALTH_AGAIN_MS);
	assert_content(told, "serving\nserving\n");
	clock_says(LADDER_SERVING, "");
	tick_until_quiet(3 * HEALTH_AGAIN_MS);
	assert_content(told, "serving\nserving\n");
}

/* By a reload: it has heard nothing yet. */
static void another_hook(void **state)
{
	char body[256], other[CLOCK_PATH + 1];

	(void)state;
	write_hook("exit 0");
	clock_says(LADDER_SERVING, "");
	tick_until_quiet(0);
	snprintf(body, sizeof(body), "echo $1 >>'%s'", told);
	write_hook(body);
	snprintf(other, sizeof(other), "%s2", settings.health_hook);
	assert_int_equal(rename(settings.health_hook, other), 0);
	strcat(settings.health_hook, "2");
	tick_until_quiet(1000);
	assert_content(told, "serving\n");
}

/* What a killed instance has left, and a start that does not succeed: the file goes, and the hook is told.
 * But only where the instance is ours. */
static void a_start_that_fails(void **state)
{
	struct health other = {.begun = false};
	char body[256];

	(void)state;
	snprintf(body, sizeof(body), "echo $1 >>'%s'", told);
	write_hook(body);
	close(open(settings.health_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	health_leave(&other, &settings, 60000);
	assert_true(is_there(settings.health_file));
	assert_false(is_there(told));
	health_begin(&health, &settings);
	assert_false(is_there(settings.health_file));
	health_leave(&health, &settings, 60000);
	assert_content(told, "silent\n");
}

static void a_hook_that_fails(void **state)
{
	(void)state;
	write_hook("exit 3");
	clock_says(LADDER_SERVING, "");
	tick_until_quiet(0);
	snprintf(settings.health_hook, sizeof(settings.health_hook), "%s/nothing", dir);
	clock_says(LADDER_SILENT, "");
	tick_until_quiet(1000);
	assert_int_equal(health.told.rung, LADDER_SILENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test_setup_teardown(the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(the_hook, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hook_that_fails_at_first, setup, teardown),
		cmocka_unit_test_setup_teardown(another_hook, setup, teardown),
		cmocka_unit_test_setup_teardown(a_start_that_fails, setup, teardown),
	};

	log_init("test_health", LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
