/* The dataplane's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/settings.h"

static struct settings settings;
static char text[256];

/* Words until NULL. */
#define PARSE(...) parse((const char *const[]){"tickwire-dataplane", __VA_ARGS__, NULL})

/* getopt moves words about, so that it gets copies. */
static bool parse(const char *const *words)
{
	static char copies[64][64];
	char *argv[64] = {NULL};
	int argc = 0;

	for (; words[argc]; argc++) {
		assert_true(argc < 63 && strlen(words[argc]) < sizeof(copies[0]));
		strcpy(copies[argc], words[argc]);
		argv[argc] = copies[argc];
	}
	memset(text, 0, sizeof(text));
	return settings_parse(&settings, argc, argv, text, sizeof(text));
}

static void assert_refused(bool good)
{
	assert_false(good);
	assert_true(strlen(text) > 0);
}

static void test_least(void **state)
{
	(void)state;
	assert_true(PARSE("--run-dir", "/run/x", "--port", "eth0"));
	assert_string_equal(settings.run_dir, "/run/x");
	assert_string_equal(settings.user, "");
	assert_int_equal(settings.ports, 1);
	assert_string_equal(settings.port[0].name, "eth0");
	assert_null(settings.port[0].tap);
	assert_int_equal(settings.port[0].queues, 0);
	assert_int_equal(settings.port[0].driver, PORT_DRIVER_AUTO);
	assert_int_equal(settings.huge_pages, HUGE_PAGES_AUTO);
	assert_null(settings.aead_backend);
	assert_null(settings.packet_lane);
	assert_false(settings.idle_poll);
	assert_int_equal(settings.idle_after_us, 1000);
	assert_false(settings.seccomp_given);
	assert_false(settings.verbose);
	for (int i = 0; i < CPU_LIST_MAX / 64; i++)
		assert_int_equal(settings.cpus[i], 0);
}

static void test_all(void **state)
{
	(void)state;
	assert_true(PARSE("--run-dir", "/run/x", "--user", "ntp", "--port", "eth0", "--queues", "4",
		"--driver", "af_packet", "--port", "vdev:net_ring0,nodeaction=a", "--tap", "tap0", "--driver",
		"af_xdp", "--workers", "2-3,64", "--huge-pages", "no", "--aead-backend", "aesni",
		"--packet-lane", "generic", "--seccomp", "errno", "--idle", "250", "--verbose"));
	assert_string_equal(settings.user, "ntp");
	assert_int_equal(settings.ports, 2);
	assert_int_equal(settings.port[0].queues, 4);
	assert_int_equal(settings.port[0].driver, PORT_DRIVER_AF_PACKET);
	assert_null(settings.port[0].tap);
	assert_string_equal(settings.port[1].name, "vdev:net_ring0,nodeaction=a");
	assert_int_equal(settings.port[1].queues, 0);
	assert_int_equal(settings.port[1].driver, PORT_DRIVER_AF_XDP);
	assert_string_equal(settings.port[1].tap, "tap0");
	assert_int_equal(settings.cpus[0], 0xc);
	assert_int_equal(settings.cpus[1], 1);
	assert_int_equal(settings.huge_pages, HUGE_PAGES_NO);
	assert_string_equal(settings.aead_backend, "aesni");
	assert_string_equal(settings.packet_lane, "generic");
	assert_int_equal(settings.seccomp, SANDBOX_ERRNO);
	assert_true(settings.seccomp_given && settings.verbose);
	assert_int_equal(settings.idle_after_us, 250);
	assert_true(PARSE("--run-dir", "/run/x", "--port", "eth0", "--idle", "poll"));
	assert_true(settings.idle_poll);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused(PARSE(NULL));
	assert_refused(PARSE("--run-dir", "/run/x"));
	assert_refused(PARSE("--port", "eth0"));
	assert_refused(PARSE("--run-dir", "/run/x", "--port", "eth0", "word"));
	assert_refused(PARSE("--run-dir", "/run/x", "--port", "eth0", "--unknown"));
	assert_refused(PARSE("--run-dir", "/run/x", "--port", "eth0", "-v"));
	assert_refused(PARSE("--run-dir", "/run/x", "--port", "eth0", "--queues"));
	/* An option of a port before there is one. */
	assert_refused(PARSE("--run-dir", "/run/x", "--queues", "1", "--port", "eth0"));
	assert_refused(PARSE("--run-dir", "/run/x", "--tap", "tap0", "--port", "eth0"));
	assert_refused(PARSE("--run-dir", "/run/x", "--driver", "auto", "--port", "eth0"));
}

static void test_bad_values(void **state)
{
	static const char *const bad[][2] = {{"--queues", "65536"}, {"--queues", "-1"}, {"--queues", ""},
		{"--queues", "4x"}, {"--queues", " 4"}, {"--queues", "99999999999999999999"},
		{"--driver", "xdp"}, {"--driver", ""}, {"--huge-pages", "maybe"}, {"--seccomp", "on"},
		{"--idle", "never"}, {"--idle", "1000001"}, {"--idle", ""}, {"--workers", ""},
		{"--workers", "1024"}, {"--workers", "3-2"}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_refused(PARSE("--run-dir", "/run/x", "--port", "eth0", bad[i][0], bad[i][1]));
		assert_non_null(strstr(text, bad[i][0]));
	}
}

static void test_too_many_ports(void **state)
{
	const char *words[2 * PORTS_MAX + 6] = {"tickwire-dataplane", "--run-dir", "/run/x"};
	int count = 3;

	(void)state;
	for (int i = 0; i < PORTS_MAX; i++) {
		words[count++] = "--port";
		words[count++] = "eth0";
	}
	assert_true(parse(words));
	assert_int_equal(settings.ports, PORTS_MAX);
	words[count++] = "--port";
	words[count++] = "eth0";
	assert_refused(parse(words));
}

static void test_cpu_list(void **state)
{
	static const char *const bad[] = {"", ",", "1,", ",1", "1,,2", "-1", "1-", "1-2-3", "a", "1a", "1 2",
		" 1", "+1", "1024", "0-1024", "18446744073709551616", "0-18446744073709551615", "2-1"};
	uint64_t set[CPU_LIST_MAX / 64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cpu_list_parse(bad[i], set));
	assert_true(cpu_list_parse("0-1023", set));
	for (int i = 0; i < CPU_LIST_MAX / 64; i++)
		assert_true(set[i] == UINT64_MAX);
	assert_true(cpu_list_parse("1023,5-5,63-64", set));
	assert_true(set[0] == (UINT64_C(1) << 5 | UINT64_C(1) << 63));
	assert_true(set[1] == 1 && set[15] == UINT64_C(1) << 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_too_many_ports),
		cmocka_unit_test(test_cpu_list),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
