#include "control/clock_leap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/log.h"
#include "ntp/packet.h"

static struct clock_leap leap;
static struct sources report;

static int start(void **state)
{
	struct clock_settings settings = {.smear = LEAP_SMEAR_OFF};
	char text[256] = "";

	(void)state;
	log_init("test", LOG_LEVEL_ERROR);
	memset(&report, 0, sizeof(report));
	return clock_leap_start(&leap, &settings, 0.004, text, sizeof(text)) ? 0 : -1;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_is_heard, start),
		cmocka_unit_test_setup(test_contradiction, start),
		cmocka_unit_test_setup(test_lost_receiver, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
