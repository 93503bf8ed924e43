/* The directives of the clock: control/directive_refclock.c, control/directive_clock.c, and how they are
 * handed on, control/clock_settings.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/config.h"

static struct config config;
static struct config_message last;
static int messages;

static void record(void *opaque, const struct config_message *message)
{
	(void)opaque;
	last = *message;
	messages++;
}

static bool parse(const char *text)
{
	config_init(&config);
	messages = 0;
	return config_parse(&config, text, strlen(text), record, NULL);
}

static const struct clock_settings *good(const char *text)
{
	if (!parse(text) || messages > 0)
		fail_msg("%s: line %d: %s", text, last.line, last.text);
	return &config.clock;
}

static void bad(const char *text, const char *part)
{
	if (parse(text))
		fail_msg("%s: was accepted", text);
	if (!strstr(last.text, part))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, last.text, part);
	assert_int_equal(messages, 1);
}

static void warned(const char *text, const char *part)
{
	if (!parse(text))
		fail_msg("%s: %s", text, last.text);
	assert_int_equal(messages, 1);
	assert_non_null(strstr(last.text, part));
}

static void defaults(void **state)
{
	const struct clock_settings *clock = good("");

	(void)state;
	assert_int_equal(clock->sources, 0);
	assert_true(clock_settings_follow_system(clock));
	assert_string_equal(clock->drift_file, "");
	assert_int_equal(clock->drift_interval_s, 3600);
	assert_int_equal(clock->log_banner, 32);
	assert_int_equal(clock->smear, LEAP_SMEAR_OFF);
	assert_int_equal(clock->crosscheck, CLOCK_CROSSCHECK_WARN);
	assert_int_equal(clock->min_sources, 1);
	assert_true(clock->step_threshold == 0 && clock->slew_ppm == 500);
	assert_true(clock->raised == 0.01 && clock->unsynchronised == 1 && clock->silent == 0);
}

static void refclock_by_default(void **state)
{
	const struct source_options *s =
		good("refclock PPS /dev/pps0\nrefclock shm 2\nrefclock NMEA /dev/ttyS0\n"
		     "refclock GPSD\nrefclock SYSTEM\nrefclock DCF77 /dev/ttyS1")
			->source;
	static const char *const refids[] = {"PPS0", "SHM1", "NME2", "GPS3", "SYS4", "DCF5"};

	(void)state;
	assert_int_equal(config.clock.sources, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_memory_equal(s[i].refid, refids[i], 4);
		assert_int_equal(config.clock.source_line[i], i + 1);
		assert_int_equal(s[i].poll, s[i].kind == SOURCE_DCF77 ? 6 : 4);
		assert_int_equal(s[i].dpoll, 0);
		assert_int_equal(s[i].filter, 64);
		assert_int_equal(s[i].lock[0], 0);
		assert_true(s[i].rate == 1 && s[i].precision > 0 && s[i].offset == 0);
	}
	assert_true(s[0].delay == 1e-9 && s[1].delay == 1e-9 && s[2].delay == 0.2 && s[5].delay == 0.1);
	assert_int_equal(s[1].kind, SOURCE_SHM);
	assert_string_equal(s[1].parameter, "2");
	assert_string_equal(s[3].parameter, "");
}

static void refclock_with_all(void **state)
{
	const struct source_options *s = good(
		"REFCLOCK PHC /dev/ptp0:nocrossts REFID Gps9 LOCK nmea poll -3 dpoll -4 filter 256 offset "
		"-0.125 delay 1e-3 precision 5e-8 maxdispersion 0.5 stratum 14 rate 10 width .25 "
		"minsamples 5 maxsamples 64 noselect prefer trust require pps tai local")
						 ->source;

	(void)state;
	assert_string_equal(s->parameter, "/dev/ptp0:nocrossts");
	assert_memory_equal(s->refid, "Gps9", 4);
	assert_memory_equal(s->lock, "nmea", 4);
	assert_int_equal(s->poll, -3);
	assert_int_equal(s->dpoll, -4);
	assert_int_equal(s->filter, 256);
	assert_true(s->offset == -0.125 && s->delay == 1e-3 && s->precision == 5e-8);
	assert_true(s->max_dispersion == 0.5 && s->rate == 10 && s->width == 0.25);
	assert_int_equal(s->stratum, 14);
	assert_int_equal(s->min_samples, 5);
	assert_int_equal(s->max_samples, 64);
	assert_true(s->noselect && s->prefer && s->trust && s->require && s->pps && s->tai && s->local);
	/* A device is not read more often than it is used, as in chrony. */
	assert_int_equal(good("refclock SHM 0 poll 2 dpoll 4")->source[0].dpoll, 2);
	assert_int_equal(good("refclock GPSD refid A")->source[0].parameter[0], 0);
	assert_string_equal(good("refclock GPSD localhost:2947:/dev/ttyS0 refid A")->source[0].parameter,
		"localhost:2947:/dev/ttyS0");
	warned("refclock SHM 0 maxunreach 5", "option `maxunreach` has no effect");
	warned("refclock SHM 0 maxlockage 5", "option `maxlockage` has no effect");
}

static void refclock_bad(void **state)
{
	(void)state;
	assert_true(parse("refclock PHC /dev/ptp0:extpps:pin=1:channel=0:clear:nocrossts"));
	assert_true(parse("refclock NMEA /dev/serial/by-id/usb-u-blox:if00:115200"));
	assert_true(parse("refclock MEINBERG /dev/serial/by-path/pci-0000:00:14.0"));
	bad("refclock", "found no argument, expected `refclock DRIVER");
	bad("refclock RTC /dev/rtc0",
		"found \"RTC\", expected SYSTEM, PPS, PHC, SHM, SOCK, GPSD, NMEA, DCF77, "
		"MEINBERG or LOCAL");
	bad("refclock PPS", "found nothing, expected the parameter of driver PPS");
	bad("refclock PPS pps0", "found \"pps0\", expected a device's absolute path");
	bad("refclock PHC eth0", "expected a device's absolute path");
	bad("refclock PPS /dev/pps0:assert", "expected nothing but :clear behind the path");
	bad("refclock PHC /dev/ptp0:extpps:pin=x",
		"expected nothing but :extpps, :pin=N, :channel=N, :clear and");
	bad("refclock PHC /dev/ptp0:tai", "expected nothing but :extpps, :pin=N");
	bad("refclock NMEA /dev/ttyS0:12345", "expected a rate that lines have, 50 to 921600");
	bad("refclock DCF77 /dev/ttyS0:0", "expected a rate that lines have, 50 to 921600");
	bad("refclock GPSD localhost:99999", "expected [HOST][:PORT][:DEVICE]");
	bad("refclock SHM 256", "expected the number of a segment from 0 to 255");
	bad("refclock SHM 1:perm=0888", "expected the number of a segment");
	bad("refclock SHM x", "expected the number of a segment");
	bad("refclock SYSTEM /dev/pps0", "found \"/dev/pps0\", expected an option of chrony's `refclock`");
	bad("refclock SHM 0 poll", "found nothing, expected a value after `poll`");
	bad("refclock SHM 0 poll 18", "expected a power of 2 in seconds from -6 to 17");
	bad("refclock SHM 0 poll 4 poll 4", "found \"poll\", expected `poll` once");
	bad("refclock SHM 0 filter 0", "expected a number of samples from 1 to 256");
	bad("refclock SHM 0 offset nan", "found \"nan\", expected seconds from -1000000000 to 1000000000");
	bad("refclock SHM 0 offset 0x1", "expected seconds");
	bad("refclock SHM 0 offset 1e400", "expected seconds");
	bad("refclock SHM 0 offset 1.0.0", "expected seconds");
	bad("refclock SHM 0 delay -1e-9", "expected seconds from 0 to 1000");
	bad("refclock SHM 0 refid ABCDE", "expected a reference ID of 1-4 printable characters");
	bad("refclock SHM 0 lock \x7f", "expected a reference ID of 1-4 printable characters");
	bad("refclock SHM 0 stratum 15", "expected a stratum from 0 to 14");
	bad("refclock SHM 0 burst", "found \"burst\", expected an option of chrony's `refclock`: refid, ");
	bad("refclock SHM 0 refid A\n\nrefclock SHM 1 refid A",
		"found \"A\", expected a reference ID of its own (refid) for each refclock; the first is in "
		"line 1");
	assert_int_equal(last.line, 3);
}

static void refclocks_at_most(void **state)
{
	char text[SOURCES_MAX * 16 + 32] = "";

	(void)state;
	for (int i = 0; i < SOURCES_MAX; i++)
		strcat(text, "refclock SHM 0\n");
	assert_int_equal(good(text)->sources, SOURCES_MAX);
	strcat(text, "refclock SHM 0\n");
	bad(text, "expected at most 16 reference clocks");
}

static void files(void **state)
{
	const struct clock_settings *clock = good("driftfile /d/x interval 60\nlogdir /l\nleapseclist /z\n"
						  "temperature /t\nhealthfile /h\nhealthhook /p\n"
						  "leapsectz right/UTC\nlogbanner 0\n");

	(void)state;
	assert_string_equal(clock->drift_file, "/d/x");
	assert_int_equal(clock->drift_interval_s, 60);
	assert_string_equal(clock->log_dir, "/l");
	assert_string_equal(clock->leap_list, "/z");
	assert_string_equal(clock->temperature, "/t");
	assert_string_equal(clock->health_file, "/h");
	assert_string_equal(clock->health_hook, "/p");
	assert_string_equal(clock->leap_zone, "right/UTC");
	assert_int_equal(clock->log_banner, 0);
	bad("driftfile drift", "expected a file's absolute path of at most 255 printable octets");
	bad("driftfile /d every 5", "found \"every\", expected interval");
	bad("driftfile /d interval", "expected seconds after `interval`");
	bad("driftfile /d interval 0", "expected seconds from 1 to 604800");
	bad("logdir l", "expected a directory's absolute path");
	bad("healthhook p", "expected a program's absolute path");
	bad("leapsectz /etc/localtime", "expected a time zone with leap seconds, as right/UTC");
	bad("leapsectz ../../etc/x", "expected a time zone with leap seconds");
	bad("leapsectz a\x01", "expected a time zone with leap seconds");
}

static void logs(void **state)
{
	(void)state;
	assert_int_equal(good("log measurements statistics\nlog TRACKING refclocks")->logs,
		CLOCK_LOG_MEASUREMENTS | CLOCK_LOG_STATISTICS | CLOCK_LOG_TRACKING | CLOCK_LOG_REFCLOCKS);
	assert_int_equal(good("log rawmeasurements")->logs, CLOCK_LOG_MEASUREMENTS | CLOCK_LOG_RAW);
	warned("log rtc tracking", "`rtc` has no effect: tickwire keeps no such log");
	assert_int_equal(config.clock.logs, CLOCK_LOG_TRACKING);
	bad("log all",
		"found \"all\", expected measurements, rawmeasurements, statistics, tracking, refclocks");
}

static void smearing(void **state)
{
	(void)state;
	assert_int_equal(good("leapsmear linear")->smear_s, 86400);
	assert_int_equal(config.clock.smear, LEAP_SMEAR_LINEAR);
	assert_int_equal(good("leapsmear cosine 43200")->smear_s, 43200);
	assert_int_equal(config.clock.smear, LEAP_SMEAR_COSINE);
	assert_int_equal(good("leapsmear off")->smear, LEAP_SMEAR_OFF);
	bad("leapsmear off 5", "expected nothing after `off`");
	bad("leapsmear linear 599", "expected seconds from 600 to 172800");
}

static void policy(void **state)
{
	const struct clock_settings *clock = good("makestep 0.5 -3\nmaxslewrate 100.5\nminsources 16\n"
						  "clockwander 1e-4\nserving silent 60 raised 0\n"
						  "crosscheck unsynchronised 0.25\nsteer_kernel yes\n");

	(void)state;
	assert_true(clock->step_threshold == 0.5 && clock->step_limit == -1);
	assert_true(clock->slew_ppm == 100.5 && clock->wander == 1e-4);
	assert_int_equal(clock->min_sources, 16);
	assert_true(clock->raised == 0 && clock->unsynchronised == 1 && clock->silent == 60);
	assert_int_equal(clock->crosscheck, CLOCK_CROSSCHECK_UNSYNCHRONISED);
	assert_true(clock->crosscheck_s == 0.25);
	assert_int_equal(clock->steer_kernel, 1);
	assert_int_equal(good("makestep 1 3")->step_limit, 3);
	assert_int_equal(good("crosscheck off")->crosscheck, CLOCK_CROSSCHECK_OFF);
	bad("makestep 1", "expected `makestep THRESHOLD LIMIT`");
	bad("makestep 1 x", "expected a number of corrections from ");
	bad("makestep 0 1", "expected seconds from 1e-06 to 1000000000");
	bad("maxslewrate 0", "expected ppm from 0.1 to 100000");
	bad("clockwander 1e400", "expected ppm a second from 1e-09 to 100");
	bad("serving", "found no argument");
	bad("serving late 5", "found \"late\", expected raised, unsynchronised or silent");
	bad("serving raised 1 silent", "expected seconds after `silent`");
	bad("serving raised 2",
		"found raised 2, unsynchronised 1 and silent 0, expected none below the one before");
	bad("crosscheck off 1", "expected nothing after `off`");
	bad("crosscheck maybe", "expected off, warn or unsynchronised");
	bad("steer_kernel 1", "expected no or yes");
	assert_int_equal(good("refclock LOCAL")->source[0].stratum, 9);
	assert_int_equal(good("refclock LOCAL stratum 3")->source[0].stratum, 3);
}

static const char *finished(const char *text)
{
	last.text[0] = '\0';
	assert_true(parse(text));
	config.interfaces = 1;
	return config_finish(&config, record, NULL) ? NULL : last.text;
}

/* What the clock's directives must have of one another. */
static void whole(void **state)
{
	(void)state;
	assert_non_null(strstr(
		finished("refclock SYSTEM\nsteer_kernel yes"), "found SYSTEM with `steer_kernel yes`"));
	assert_null(finished("refclock SYSTEM noselect\nsteer_kernel yes"));
	assert_null(finished("refclock SYSTEM"));
	assert_null(finished("refclock PPS /dev/pps0\nlocal stratum 10"));
	assert_int_equal(messages, 1);
	assert_non_null(strstr(last.text, "local has no effect with `refclock`"));
}

static uint64_t seed = UINT64_C(0x7469636b77697265);

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* A number of any magnitude with all its digits, in a range. */
static double number(double least, double most)
{
	return least + (most - least) * below(1000003) / 1000003.0 / (1 + below(3) * below(1000));
}

static size_t random_source(char *text, size_t size, int i)
{
	static const char *const sources[] = {"PPS /dev/pps0:clear", "PHC /dev/ptp0", "SHM 3:perm=0600",
		"SOCK /s", "GPSD", "GPSD [::1]:2947", "NMEA /dev/ttyS0:9600", "DCF77 /dev/ttyS0",
		"MEINBERG /dev/ttyS0", "SYSTEM", "LOCAL"};
	static const char *const flags[] = {
		"", " noselect", " prefer", " trust require", " pps", " tai", " local"};

	return (size_t)snprintf(text, size,
		"refclock %s refid R%d poll %d dpoll %d filter %u offset %.17g delay %.17g precision %.17g "
		"rate %.17g stratum %u width %.9g%s%s\n",
		sources[below(11)], i, (int)below(24) - 6, (int)below(24) - 6, 1 + below(256),
		number(-1e3, 1e3), number(0, 1), number(1e-9, 1), number(1, 100), below(15), number(0, 1),
		flags[below(7)], below(2) ? " lock R0" : "");
}

static bool take(void *opaque, const char *line)
{
	assert_true(strlen(line) < CLOCK_DIRECTIVE - 1);
	return config_directive(opaque, line, NULL, NULL);
}

/* tickwire-clock, which reads what clock_settings_each says, has the same settings as the supervisor. */
static void handed_on(void **state)
{
	static struct config told;
	static char text[16384];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t used = 0;

		text[0] = '\0';
		for (unsigned i = 0, n = below(SOURCES_MAX + 1); i < n; i++)
			used += random_source(text + used, sizeof(text) - used, (int)i);
		if (below(2))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
				"driftfile /d interval %u\nlogdir /l\nlog %s tracking\nlogbanner %u\n"
				"leapseclist /z\nleapsectz right/UTC\ntemperature /t\nsteer_kernel yes\n",
				1 + below(1000), below(2) ? "measurements" : "rawmeasurements", below(100));
		if (below(2))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
				"makestep %.17g %d\nmaxslewrate %.17g\nminsources %u\nclockwander %.17g\n"
				"serving raised %.17g unsynchronised 3 silent 5\ncrosscheck %s %.17g\n"
				"leapsmear %s %u\n",
				number(1e-6, 1), (int)below(10) - 2, number(0.1, 1000), 1 + below(16),
				number(1e-6, 1), number(0, 3), below(2) ? "warn" : "unsynchronised",
				number(0, 10), below(2) ? "linear" : "cosine", 600 + below(86400));
		good(text);
		config_init(&told);
		assert_true(clock_settings_each(&config.clock, take, &told));
		memcpy(told.clock.source_line, config.clock.source_line, sizeof(told.clock.source_line));
		assert_memory_equal(&told.clock, &config.clock, sizeof(config.clock));
	}
}

static bool refuse(void *opaque, const char *line)
{
	(void)line;
	return ++*(int *)opaque < 2;
}

static void handed_on_until_refused(void **state)
{
	int calls = 0;

	(void)state;
	assert_false(clock_settings_each(
		good("refclock SHM 0\nrefclock SHM 1\nrefclock SHM 2\nlogdir /l"), refuse, &calls));
	assert_int_equal(calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(refclock_by_default),
		cmocka_unit_test(refclock_with_all),
		cmocka_unit_test(refclock_bad),
		cmocka_unit_test(refclocks_at_most),
		cmocka_unit_test(whole),
		cmocka_unit_test(files),
		cmocka_unit_test(logs),
		cmocka_unit_test(smearing),
		cmocka_unit_test(policy),
		cmocka_unit_test(handed_on),
		cmocka_unit_test(handed_on_until_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
