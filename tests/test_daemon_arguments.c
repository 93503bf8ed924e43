/* control/daemon_arguments.h: what tickwire-ke is told, and a command line that does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/daemon_arguments.h"

static struct config config;
static struct daemon d;

static int setup(void **state)
{
	(void)state;
	config_init(&config);
	d = (struct daemon){0};
	return 0;
}

static void set(const char *line)
{
	if (!config_directive(&config, line, NULL, NULL))
		fail_msg("%s", line);
}

/* The arguments behind the program's name, separated by blanks. */
static void assert_arguments(const char *expected)
{
	char text[DAEMON_TEXT] = "";
	size_t used = 0;

	for (int i = 1; i < d.arguments; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s", i > 1 ? " " : "", d.argument[i]);
	assert_string_equal(text, expected);
	assert_null(d.argument[d.arguments]);
}

static void ke_by_default(void **state)
{
	(void)state;
	assert_true(daemon_arguments_ke(&d, &config, "/run/t", false));
	assert_string_equal(d.name, "tickwire-ke");
	assert_string_equal(d.argument[0], "tickwire-ke");
	/* No certificates, no port. */
	assert_arguments("--run-dir=/run/t --channel=3 --threads=1 --connections=1000 --rotate=604800 "
			 "--aeads=15,30");
}

static void ke_with_all(void **state)
{
	(void)state;
	set("ntsport 4461");
	set("ntsprocesses 4");
	set("maxntsconnections 77");
	set("ntsratelimit interval -3 burst 5 leak 1");
	set("ntsrotate 0");
	set("ntsaeads 15");
	set("ntsntpserver ntp.example.net");
	set("port 1123");
	set("user _ke");
	set("seccomp errno");
	set("bindaddress 192.0.2.10");
	set("bindaddress 2001:db8::10");
	/* Files are the supervisor's alone. */
	set("ntsservercert /c");
	set("ntsserverkey /k");
	set("ntsdumpdir /d");
	assert_true(daemon_arguments_ke(&d, &config, "/run/t", true));
	assert_arguments("--run-dir=/run/t --channel=3 --seccomp=errno --threads=4 --connections=77 "
			 "--rotate=0 --aeads=15 --port=4461 --rate-limit=-3,5,1 --ntp-server=ntp.example.net "
			 "--ntp-port=1123 --user=_ke "
			 "--verbose --address=192.0.2.10 --address=2001:db8::10");
}

/* A reload restarts the daemon where the text is another one; the same settings give the same. */
static void ke_again(void **state)
{
	static struct daemon again;

	(void)state;
	set("bindaddress 192.0.2.10");
	assert_true(daemon_arguments_ke(&d, &config, "/run/t", false));
	memset(&again, 0xa5, sizeof(again));
	assert_true(daemon_arguments_ke(&again, &config, "/run/t", false));
	assert_int_equal(again.used, d.used);
	assert_memory_equal(again.text, d.text, d.used);
}

static void metrics(void **state)
{
	(void)state;
	assert_true(daemon_arguments_metrics(&d, &config, "/run/t", false));
	assert_string_equal(d.name, "tickwire-metrics");
	assert_arguments("--run-dir=/run/t --listener=3");
	set("user _m");
	set("seccomp errno");
	/* The socket is the supervisor's to open. */
	set("metrics [::1]:9100");
	assert_true(daemon_arguments_metrics(&d, &config, "/run/t", true));
	assert_arguments("--run-dir=/run/t --listener=3 --seccomp=errno --user=_m --verbose");
}

static void clock_with_all(void **state)
{
	(void)state;
	assert_true(daemon_arguments_clock(&d, &config, "/run/t", false));
	assert_arguments("--run-dir=/run/t --refresh=4000 --holdover=3600");
	set("local stratum 8");
	set("clockrefresh 2000");
	set("holdover 60");
	set("refclock pps /dev/pps0 lock GPS poll 2");
	set("refclock SHM 0:perm=0644 refid GPS offset 0.14 noselect");
	set("driftfile /d");
	set("logdir /l");
	set("log tracking refclocks");
	set("serving silent 60");
	set("crosscheck unsynchronised 0.5");
	/* These are the supervisor's alone. */
	set("healthfile /h");
	set("healthhook /p");
	assert_true(daemon_arguments_clock(&d, &config, "/run/t", true));
	assert_arguments("--run-dir=/run/t --refresh=2000 --holdover=60 --local-stratum=8 --verbose "
			 "--directive=refclock PPS /dev/pps0 refid PPS0 lock GPS poll 2 "
			 "--directive=refclock SHM 0:perm=0644 refid GPS offset 0.14 noselect "
			 "--directive=driftfile /d interval 3600 --directive=logdir /l "
			 "--directive=log tracking refclocks "
			 "--directive=serving raised 0.01 unsynchronised 1 silent 60 "
			 "--directive=crosscheck unsynchronised 0.5");
}

/* As many sources, and as long ones, as there can be. */
static void clock_with_long_sources(void **state)
{
	char line[512], path[130];

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[SOURCE_PARAMETER - 1] = '\0';
	for (unsigned i = 0; i < SOURCES_MAX; i++) {
		snprintf(line, sizeof(line),
			"refclock MEINBERG %s lock ABCD poll -6 dpoll -6 filter 100 stratum 14 minsamples "
			"1000 "
			"offset -1.2345678901234567e-8 delay 1.2345678901234567e-8 precision "
			"1.2345678901234567e-8 maxdispersion 1.2345678901234567e-8 rate 1000 "
			"width "
			"1.2345678901234567e-8 noselect prefer trust require pps tai local",
			path);
		set(line);
	}
	assert_true(daemon_arguments_clock(&d, &config, "/run/t", true));
	assert_non_null(strstr(d.argument[SOURCES_MAX + 4], "refclock MEINBERG"));
	assert_non_null(strstr(d.argument[SOURCES_MAX + 4], "pps tai local"));
}

static void too_long(void **state)
{
	static char run_dir[DAEMON_TEXT];

	(void)state;
	memset(run_dir, 'r', sizeof(run_dir) - 1);
	assert_false(daemon_arguments_ke(&d, &config, run_dir, false));
	for (int i = 0; i < CONFIG_BIND_ADDRESSES; i++) {
		char line[64];

		snprintf(line, sizeof(line), "bindaddress 2001:db8:1111:2222:3333:4444:5555:%x", 0x1000 + i);
		set(line);
	}
	assert_true(daemon_arguments_ke(&d, &config, "/run/t", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ke_by_default, setup),
		cmocka_unit_test_setup(ke_with_all, setup),
		cmocka_unit_test_setup(ke_again, setup),
		cmocka_unit_test_setup(metrics, setup),
		cmocka_unit_test_setup(clock_with_all, setup),
		cmocka_unit_test_setup(clock_with_long_sources, setup),
		cmocka_unit_test_setup(too_long, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
