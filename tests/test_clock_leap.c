/* control/clock_leap.h and control/leap_file.h: who announces a leap second, and a table that is renewed. */
#include "control/clock_leap.h"
#include "control/leap_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/log.h"
#include "ntp/packet.h"

static struct clock_leap leap;
static struct sources report;

static int start(void **state)
{
	struct clock_settings settings = {.smear = LEAP_SMEAR_OFF};

	(void)state;
	log_init("test", LOG_LEVEL_ERROR);
	memset(&report, 0, sizeof(report));
	clock_leap_start(&leap, &settings, 0.004);
	return 0;
}

static void say(unsigned index, const char *name, uint8_t state, uint8_t announced)
{
	struct source_report *source = &report.source[index];

	snprintf(source->name, sizeof(source->name), "%s", name);
	source->state = state;
	source->leap = announced;
	source->reach = state != SOURCE_STATE_UNUSABLE;
	if (report.count <= index)
		report.count = index + 1;
}

static int heard(void)
{
	clock_leap_hear(&leap, &report, NTP_LEAP_NONE);
	return leap.facts.gnss;
}

static void test_who_is_heard(void **state)
{
	(void)state;
	assert_int_equal(heard(), LEAP_UNHEARD);
	say(0, "PPS", SOURCE_STATE_SELECTED, NTP_LEAP_NONE);
	assert_int_equal(heard(), LEAP_UNHEARD);
	/* One that only numbers the pulses is heard, too. */
	say(1, "GPSD", SOURCE_STATE_NOSELECT, NTP_LEAP_INSERT);
	assert_int_equal(heard(), 1);
	say(1, "GPSD", SOURCE_STATE_FALSETICKER, NTP_LEAP_INSERT);
	assert_int_equal(heard(), LEAP_UNHEARD);
	/* The kernel clock's keeper is the upstream. */
	say(1, "SYSTEM", SOURCE_STATE_NOSELECT, NTP_LEAP_INSERT);
	assert_int_equal(heard(), LEAP_UNHEARD);
	clock_leap_hear(&leap, &report, NTP_LEAP_DELETE);
	assert_int_equal(leap.facts.upstream, -1);
}

static void test_contradiction(void **state)
{
	(void)state;
	say(0, "SHM", SOURCE_STATE_SELECTED, NTP_LEAP_INSERT);
	say(1, "DCF77", SOURCE_STATE_CANDIDATE, NTP_LEAP_DELETE);
	assert_int_equal(heard(), LEAP_UNHEARD);
	say(1, "DCF77", SOURCE_STATE_CANDIDATE, NTP_LEAP_INSERT);
	assert_int_equal(heard(), 1);
}

/* The receiver that has announced it is lost before midnight: it comes all the same. Back, it may take its
 * word back. */
static void test_lost_receiver(void **state)
{
	(void)state;
	say(0, "SOCK", SOURCE_STATE_SELECTED, NTP_LEAP_INSERT);
	assert_int_equal(heard(), 1);
	say(0, "SOCK", SOURCE_STATE_UNUSABLE, NTP_LEAP_NONE);
	assert_int_equal(heard(), 1);
	say(0, "SOCK", SOURCE_STATE_SELECTED, NTP_LEAP_NONE);
	assert_int_equal(heard(), LEAP_UNHEARD);
}

static const char list[] = "#$\t3676924800\n#@\t3960057600\n2272060800\t10\n2287785600\t11\n#h\t02f729d0 "
			   "15b3e56e 5f7366ab 8da4fb31 67dc32f3\n";
static const char newer[] = "#$\t3676924800\n#@\t3991593600\n2272060800\t10\n2287785600\t11\n#h\tf5ec75b6 "
			    "69533316 2fa2a72b db179f52 6c12e36a\n";

static void put(const char *path, const char *content)
{
	char beside[CLOCK_PATH + 8];
	FILE *file;

	snprintf(beside, sizeof(beside), "%s.new", path);
	file = fopen(beside, "we");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
	assert_int_equal(rename(beside, path), 0);
}

/* Once, when it has settled, and only what can be used. */
static void test_renewed_table(void **state)
{
	struct clock_settings settings = {.sources = 1};
	struct leap_watch watch;
	struct leap_table table;
	char dir[] = "/tmp/tickwire-test-leap-XXXXXX", text[512] = "";

	(void)state;
	log_init("test", LOG_LEVEL_ERROR);
	assert_non_null(mkdtemp(dir));
	snprintf(settings.leap_list, sizeof(settings.leap_list), "%s/list", dir);
	assert_false(leap_file_read(&table, &settings, text, sizeof(text)));
	assert_non_null(strstr(text, "No such file"));
	put(settings.leap_list, list);
	leap_watch_begin(&watch, &settings);
	assert_false(leap_watch_look(&watch, &settings));
	put(settings.leap_list, newer);
	assert_false(leap_watch_look(&watch, &settings));
	assert_true(leap_watch_look(&watch, &settings));
	assert_false(leap_watch_look(&watch, &settings));
	assert_true(leap_file_read(&table, &settings, text, sizeof(text)));
	assert_int_equal(table.expires, 3991593600);
	clock_leap_start(&leap, &settings, 0.004);
	assert_int_equal(clock_leap_tai(&leap, UINT64_C(0xecb6e000) << 32), 11);
	/* Damaged, gone, and back. */
	put(settings.leap_list, "#@ 3991593600\n2272060800 10\n");
	assert_false(leap_watch_look(&watch, &settings) || leap_watch_look(&watch, &settings));
	unlink(settings.leap_list);
	assert_false(leap_watch_look(&watch, &settings) || leap_watch_look(&watch, &settings));
	put(settings.leap_list, list);
	assert_true(leap_watch_look(&watch, &settings) || leap_watch_look(&watch, &settings));
	/* Another clock is followed, which has a table of its own. */
	settings.sources = 0;
	put(settings.leap_list, newer);
	assert_false(leap_watch_look(&watch, &settings) || leap_watch_look(&watch, &settings));
	unlink(settings.leap_list);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_is_heard, start),
		cmocka_unit_test_setup(test_contradiction, start),
		cmocka_unit_test_setup(test_lost_receiver, start),
		cmocka_unit_test(test_renewed_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
