/* What sentences of several systems and signals add up to: the fix, who is used, who is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/nmea.h"

static struct nmea nmea;
static uint64_t now; /* ns */

static int start(void **state)
{
	(void)state;
	nmea_init(&nmea, &(struct nmea_options){.hz = 1e9});
	now = 1000000000;
	return 0;
}

static void say(const char *body)
{
	char text[160];
	int sum = 0;

	for (const char *c = body; *c; c++)
		sum ^= *c;
	snprintf(text, sizeof(text), "$%s*%02X\r\n", body, (unsigned)sum);
	for (const char *c = text; *c; c++)
		nmea_octet(&nmea, (uint8_t)*c, now += 1041667);
}

/* The first sentence of the next second. */
static void next_second(int second, char status)
{
	char text[96];

	now += 500000000;
	snprintf(text, sizeof(text), "GNRMC,1010%02d.00,%c,4807.038,N,01131.000,E,0,0,240726,,,%c", second,
		status, status == 'A' ? 'A' : 'N');
	say(text);
}

static struct receiver_gnss report(void)
{
	struct receiver_gnss gnss;

	nmea_report(&nmea, now, &gnss);
	return gnss;
}

static const struct receiver_satellite *find(const struct receiver_gnss *gnss, char system, int prn)
{
	for (int i = 0; i < gnss->satellites; i++)
		if (gnss->satellite[i].system == system && gnss->satellite[i].prn == prn)
			return &gnss->satellite[i];
	return NULL;
}

/* The best that a system says within a second counts; without GSA there is just a fix or none. */
static void test_fix(void **state)
{
	(void)state;
	next_second(10, 'V');
	assert_int_equal(report().fix, RECEIVER_FIX_NONE);
	next_second(11, 'A');
	assert_int_equal(report().fix, RECEIVER_FIX_UNKNOWN);
	next_second(12, 'A');
	say("GPGSA,A,3,01,,,,,,,,,,,,2,1,2");
	say("GLGSA,A,1,,,,,,,,,,,,,2,1,2");
	assert_int_equal(report().fix, RECEIVER_FIX_3D);
	next_second(13, 'A');
	say("GLGSA,A,2,70,,,,,,,,,,,,2,1,2");
	assert_int_equal(report().fix, RECEIVER_FIX_2D);
	next_second(14, 'V');
	assert_int_equal(report().fix, RECEIVER_FIX_NONE);
}

static void view_fifteen(void)
{
	say("GPGSV,4,1,15,01,1,1,40,02,1,1,40,03,1,1,40,04,1,1,40");
	say("GPGSV,4,2,15,05,1,1,40,06,1,1,40,07,1,1,40,08,1,1,40");
	say("GPGSV,4,3,15,09,1,1,40,10,1,1,40,11,1,1,40,12,1,1,40");
	say("GPGSV,4,4,15,13,1,1,40,14,1,1,40,15,1,1,40");
	say("GLGSV,1,1,01,70,1,1,40");
}

/* More than twelve of a system come in two sentences; those of the next second take their place. */
static void test_used(void **state)
{
	(void)state;
	next_second(10, 'A');
	say("GNGSA,A,3,01,02,03,04,05,06,07,08,09,10,11,12,2,1,2,1");
	say("GNGSA,A,3,13,14,15,1,,,,,,,,,2,1,2,1");
	say("GNGSA,A,3,70,,,,,,,,,,,,2,1,2,2");
	view_fifteen();
	assert_int_equal(report().used, 16);
	next_second(11, 'A');
	say("GNGSA,A,3,14,15,,,,,,,,,,,2,1,2,1");
	say("GNGSA,A,3,70,,,,,,,,,,,,2,1,2,2");
	assert_int_equal(report().used, 3);
	/* A system that has none left says so; the other's stay. */
	next_second(12, 'A');
	say("GPGSA,A,3,,,,,,,,,,,,,2,1,2");
	assert_int_equal(report().used, 1);
	/* Of all of them at once, as receivers of NMEA 3 have it: by their numbers. */
	next_second(13, 'A');
	say("GNGSA,A,3,05,06,70,,,,,,,,,,2,1,2");
	assert_int_equal(report().used, 3);
}

/* A receiver that knows no time has seconds too: its bursts. */
static void test_used_without_time(void **state)
{
	(void)state;
	for (int i = 1; i < 9; i++) {
		char text[64];

		now += 1000000000;
		say("GPRMC,,V,,,,,,,,,,N");
		snprintf(text, sizeof(text), "GNGSA,A,2,%02d,,,,,,,,,,,,2,1,2,1", i);
		say(text);
		view_fifteen();
		assert_int_equal(report().used, 1);
		assert_int_equal(report().fix, RECEIVER_FIX_2D);
	}
}

/* A receiver that has had a fix, and then knows not even the time: nothing of before stands. */
static void test_lost_time(void **state)
{
	(void)state;
	next_second(10, 'A');
	say("GNGSA,A,3,01,02,03,04,,,,,,,,,2,1,2,1");
	view_fifteen();
	assert_int_equal(report().fix, RECEIVER_FIX_3D);
	assert_int_equal(report().used, 4);
	for (int i = 0; i < 3; i++) {
		now += 1000000000;
		say("GPRMC,,V,,,,,,,,,,N");
		assert_int_equal(report().fix, RECEIVER_FIX_NONE);
		say("GNGSA,A,1,05,,,,,,,,,,,,99.99,99.99,99.99,1");
		view_fifteen();
	}
	assert_int_equal(report().fix, RECEIVER_FIX_NONE);
	assert_int_equal(report().used, 1);
}

/* The strongest of a satellite's signals, whichever comes first; signals are numbered to F. */
static void test_signals(void **state)
{
	struct receiver_gnss gnss;

	(void)state;
	say("GBGSV,1,1,02,05,10,100,20,06,10,100,41,1");
	say("GBGSV,1,1,02,05,10,100,35,06,10,100,30,B");
	say("GBGSV,1,1,01,05,10,100,25,F");
	gnss = report();
	assert_int_equal(gnss.in_view, 2);
	assert_int_equal(find(&gnss, 'C', 5)->snr, 35);
	assert_int_equal(find(&gnss, 'C', 6)->snr, 41);
	/* Each signal's cycle is its own. */
	say("GBGSV,1,1,01,05,10,100,19,B");
	gnss = report();
	assert_int_equal(gnss.in_view, 2);
	assert_int_equal(find(&gnss, 'C', 5)->snr, 25);
	say("GBGSV,1,1,00,F");
	gnss = report();
	assert_int_equal(find(&gnss, 'C', 5)->snr, 20);
	say("GBGSV,1,1,00,1");
	gnss = report();
	assert_int_equal(gnss.in_view, 1);
	assert_int_equal(find(&gnss, 'C', 5)->snr, 19);
}

/* What is not said, and what cannot be. */
static void test_fields(void **state)
{
	struct receiver_gnss gnss;

	(void)state;
	say("GPGSV,2,1,07,01,,,,02,90,360,99,03,91,361,100,04,0,0,0");
	say("GPGSV,2,2,07,05,x,y,z,00,1,1,1,,1,1,1");
	gnss = report();
	assert_int_equal(gnss.in_view, 5);
	for (int prn = 1; prn <= 5; prn += 2) {
		const struct receiver_satellite *s = find(&gnss, 'G', prn);

		assert_int_equal(s->elevation, -91);
		assert_int_equal(s->azimuth, -1);
		assert_int_equal(s->snr, 0);
	}
	assert_int_equal(find(&gnss, 'G', 2)->elevation, 90);
	assert_int_equal(find(&gnss, 'G', 2)->azimuth, 0);
	assert_int_equal(find(&gnss, 'G', 2)->snr, 99);
	assert_int_equal(find(&gnss, 'G', 4)->elevation, 0);
	assert_int_equal(find(&gnss, 'G', 4)->azimuth, 0);
}

/* When there is no room, the one goes that was not heard of for longest. */
static void test_room(void **state)
{
	struct receiver_gnss gnss;
	char text[64];

	(void)state;
	for (int i = 0; i < NMEA_VIEWED; i++) {
		snprintf(text, sizeof(text), "GPGSV,200,1,200,%d,1,1,%d", i + 1, i == 0 || i == 1 ? 50 : 10);
		now += 1000000;
		say(text);
	}
	now += 1000000;
	say("GPGSV,200,1,200,1,1,1,50");
	say("GAGSV,2,1,02,7,1,1,50");
	gnss = report();
	assert_int_equal(gnss.in_view, NMEA_VIEWED);
	assert_non_null(find(&gnss, 'G', 1));
	assert_null(find(&gnss, 'G', 2));
	assert_non_null(find(&gnss, 'E', 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fix, start),
		cmocka_unit_test_setup(test_used, start),
		cmocka_unit_test_setup(test_used_without_time, start),
		cmocka_unit_test_setup(test_lost_time, start),
		cmocka_unit_test_setup(test_signals, start),
		cmocka_unit_test_setup(test_fields, start),
		cmocka_unit_test_setup(test_room, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
