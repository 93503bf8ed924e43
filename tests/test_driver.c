/* The table of drivers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/pps.h>
#include <linux/ptp_clock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/sandbox.h"
#include "refclock/drivers.h"

static void test_those_without_a_device(void **state)
{
	(void)state;
	assert_null(driver_of(SOURCE_SYSTEM));
	assert_null(driver_of(SOURCE_LOCAL));
	assert_null(driver_of(SOURCE_KINDS));
	assert_null(driver_of((enum source_kind) - 1));
}

static void test_those_with_one(void **state)
{
	const enum source_kind kinds[] = {SOURCE_PPS, SOURCE_PHC, SOURCE_SHM, SOURCE_SOCK, SOURCE_GPSD};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct driver_functions *driver = driver_of(kinds[i]);

		assert_non_null(driver);
		assert_non_null(driver->open);
		assert_non_null(driver->close);
		assert_non_null(driver->descriptor);
		assert_non_null(driver->take);
	}
}

/* Each refuses what is no parameter of its, with a sentence and without a device. */
static int refuse(void *opaque, const char *path, int flags)
{
	(void)opaque;
	(void)path;
	(void)flags;
	fail_msg("it opens %s", path);
	return -1;
}

static void test_parameters_are_refused(void **state)
{
	static const struct {
		enum source_kind kind;
		const char *parameter;
	} cases[] = {{SOURCE_PPS, "/dev/pps0:down"}, {SOURCE_PPS, "/dev/pps0:clear=1"},
		{SOURCE_PHC, "/dev/ptp0:pin=1"}, {SOURCE_PHC, "/dev/ptp0:extpps:pin=-1"},
		{SOURCE_PHC, "/dev/ptp0:extpps:channel=1024"}, {SOURCE_PHC, "/dev/ptp0:nocrossts=1"},
		{SOURCE_SHM, "256"}, {SOURCE_SHM, "0:perm=1000"}, {SOURCE_SHM, "0:perm"}, {SOURCE_SOCK, ""},
		{SOURCE_SOCK, "chrony.sock"}, {SOURCE_GPSD, ":0"}, {SOURCE_GPSD, "localhost"}};
	const struct driver_world world = {.device_open = refuse};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source_options options = {.kind = (uint8_t)cases[i].kind};
		char text[256] = "";

		snprintf(options.parameter, sizeof(options.parameter), "%s", cases[i].parameter);
		assert_null(driver_of(cases[i].kind)->open(&options, &world, text, sizeof(text)));
		assert_true(strlen(text) > 10);
	}
}

enum { RULES_MAX = 64, LIVES = 42 };

/* Of what the drivers ask of their devices, each; in a child, since a filter is for good. */
static int ask_under_filter(void)
{
	const unsigned long requests[] = {PPS_FETCH, PPS_GETCAP, PPS_GETPARAMS, PPS_SETPARAMS,
		PTP_SYS_OFFSET_PRECISE, PTP_SYS_OFFSET_EXTENDED, PTP_SYS_OFFSET, PTP_CLOCK_GETCAPS,
		PTP_EXTTS_REQUEST, PTP_PIN_SETFUNC};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sandbox_rule rules[RULES_MAX];
	const struct driver_call *calls;
	char text[256];
	size_t count;

	calls = driver_calls(&count);
	for (size_t i = 0; i < count; i++) {
		if (!calls[i].kinds)
			return 3; /* nobody needs it */
	}
	for (size_t i = 0; i < count && i < RULES_MAX; i++)
		rules[i] = (struct sandbox_rule){calls[i].number, calls[i].argument, calls[i].value};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (null < 0 || count > RULES_MAX || !sandbox_filter(SANDBOX_KILL, rules, count, text, sizeof(text)))
		return 1;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (ioctl(null, requests[i], text) == 0 || errno != ENOTTY)
			return 2;
	}
	(void)shmget(0x4e545030, 0, 0); /* whether there is one or not */
	return LIVES;
}

static void test_calls_pass_the_filter(void **state)
{
	int status = 0;
	const pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(ask_under_filter());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), LIVES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_those_without_a_device),
		cmocka_unit_test(test_those_with_one),
		cmocka_unit_test(test_parameters_are_refused),
		cmocka_unit_test(test_calls_pass_the_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
