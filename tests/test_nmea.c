/* What an NMEA receiver's lines become: refclock/nmea.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/calendar.h"
#include "refclock/nmea.h"

/* A receiver at 9600 baud; the counter counts ns. */
static const uint64_t octet_ns = 1041667;

struct line {
	struct nmea nmea;
	uint64_t now;   /* when the newest octet began */
	uint64_t start; /* and the newest sentence */
};

static int64_t day(int year, int month, int of_month)
{
	return calendar_days((struct calendar_date){year, month, of_month});
}

static void start(struct line *l, int64_t floor)
{
	nmea_init(&l->nmea, &(struct nmea_options){.hz = 1e9, .floor = floor});
	l->now = 1000000000;
}

static void wait(struct line *l, double seconds)
{
	l->now += (uint64_t)(seconds * 1e9);
}

/* The last verdict but NOTHING. */
static enum nmea_verdict raw(struct line *l, const char *octets, size_t length)
{
	enum nmea_verdict last = NMEA_NOTHING;

	for (size_t i = 0; i < length; i++) {
		enum nmea_verdict v = nmea_octet(&l->nmea, (uint8_t)octets[i], l->now += octet_ns);

		last = v == NMEA_NOTHING ? last : v;
	}
	return last;
}

static enum nmea_verdict line(struct line *l, const char *text)
{
	enum nmea_verdict verdict, end;

	l->start = l->now + octet_ns;
	verdict = raw(l, text, strlen(text));
	end = raw(l, "\r\n", 2);
	return end == NMEA_NOTHING ? verdict : end;
}

/* With its '$', checksum and end of line. */
static enum nmea_verdict say(struct line *l, const char *body)
{
	char text[512];
	int sum = 0;

	for (const char *c = body; *c; c++)
		sum ^= *c;
	snprintf(text, sizeof(text), "$%s*%02X\r\n", body, (unsigned)sum);
	l->start = l->now + octet_ns;
	return raw(l, text, strlen(text));
}

static ntp64 ntp(int year, int month, int of_month, int hour, int minute, int second)
{
	return ntp64_from_unix(day(year, month, of_month) * 86400 + hour * 3600 + minute * 60 + second, 0);
}

static void assert_time(struct line *l, ntp64 time, uint64_t stamp, bool valid)
{
	struct nmea_time t;

	assert_true(nmea_take(&l->nmea, &t));
	assert_true(t.time == time);
	assert_true(t.stamp == stamp);
	assert_int_equal(t.valid, valid);
	assert_false(nmea_take(&l->nmea, &t));
}

static void assert_no_time(struct line *l)
{
	struct nmea_time t;

	assert_false(nmea_take(&l->nmea, &t));
}

#define RMC "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"

/* As they stand in books and manuals. */
static void test_published(void **state)
{
	static struct line l;
	struct receiver_gnss gnss;

	(void)state;
	start(&l, day(1990, 1, 1));
	assert_int_equal(raw(&l, RMC, strlen(RMC)), NMEA_TIME);
	assert_time(&l, ntp(1994, 3, 23, 12, 35, 19), 1000000000 + octet_ns, true);
	wait(&l, 1);
	assert_int_equal(
		line(&l, "$GPGGA,123520,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*4D"), NMEA_STATUS);
	assert_int_equal(line(&l, "$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39"), NMEA_STATUS);
	assert_int_equal(line(&l, "$GPGSV,2,1,08,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45*75"),
		NMEA_STATUS);
	assert_int_equal(line(&l, "$GPGLL,4916.45,N,12311.12,W,225444,A,*1D"), NMEA_STATUS);
	assert_int_equal(line(&l, "$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48"), NMEA_OTHER);
	nmea_report(&l.nmea, l.now, &gnss);
	assert_int_equal(gnss.fix, RECEIVER_FIX_3D);
	assert_int_equal(gnss.used, 8);
	assert_int_equal(gnss.in_view, 4);
	assert_true(fabsf(gnss.pdop - 2.5F) < 1e-6F && fabsf(gnss.hdop - 1.3F) < 1e-6F);
	/* In the fix first, then the stronger. */
	assert_int_equal(gnss.satellite[0].prn, 12);
	assert_true(gnss.satellite[0].used && !gnss.satellite[1].used);
	assert_int_equal(gnss.satellite[1].prn, 1);
	assert_int_equal(gnss.satellite[1].elevation, 40);
	assert_int_equal(gnss.satellite[1].azimuth, 83);
	assert_int_equal(gnss.satellite[1].snr, 46);
	assert_int_equal(gnss.satellite[1].system, 'G');
}

/* ZDA has the date of a receiver without RMC, and trusts the fix that another sentence has. */
static void test_zda(void **state)
{
	static struct line l;
	uint64_t burst;

	(void)state;
	start(&l, day(2000, 1, 1));
	assert_int_equal(line(&l, "$GPZDA,201530.00,04,07,2002,00,00*60"), NMEA_NO_FIX);
	assert_time(&l, ntp(2002, 7, 4, 20, 15, 30), l.start, false);
	wait(&l, 0.8);
	say(&l, "GPGGA,201531.00,4807.038,N,01131.000,E,2,08,0.9,545.4,M,46.9,M,,");
	burst = l.start;
	assert_int_equal(say(&l, "GPZDA,201531.00,04,07,2002,00,00"), NMEA_TIME);
	assert_time(&l, ntp(2002, 7, 4, 20, 15, 31), burst, true);
	/* Before the GGA of its second, by that of the second before. */
	wait(&l, 0.8);
	assert_int_equal(say(&l, "GPZDA,201532.00,04,07,2002,00,00"), NMEA_TIME);
	assert_time(&l, ntp(2002, 7, 4, 20, 15, 32), l.start, true);
	/* But not for long. */
	for (int i = 3; i < 8; i++) {
		char text[64];

		wait(&l, 0.95);
		snprintf(text, sizeof(text), "GPZDA,20153%d.00,04,07,2002,00,00", i);
		assert_int_equal(say(&l, text), i < 5 ? NMEA_TIME : NMEA_NO_FIX);
	}
}

struct fix_case {
	const char *body;
	enum nmea_verdict verdict;
};

#define PLACE "4807.038,N,01131.000,E"

static void test_fix(void **state)
{
	static const struct fix_case cases[] = {
		{"GPRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,A", NMEA_TIME},
		{"GNRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,D,V", NMEA_TIME},
		{"GPRMC,000000.00,V," PLACE ",0.0,0.0,010126,,,A", NMEA_NO_FIX},
		{"GPRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,E", NMEA_NO_FIX},
		{"GPRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,N", NMEA_NO_FIX},
		{"GPRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,S", NMEA_NO_FIX},
		{"GPRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,M", NMEA_NO_FIX},
		{"GPRMC,000000.00,,,,,,,,010126,,,N", NMEA_NO_FIX},
		{"GPRMC,000000.00,V,,,,,,,,,,N", NMEA_NO_FIX},
		{"GPRMC,,V,,,,,,,,,,N", NMEA_NO_FIX},
		{"GPRMC,000000.00,A," PLACE ",0.0,0.0,,,,A", NMEA_NO_DATE},
		{"GPGGA,000000.00," PLACE ",0,00,,,M,,M,,", NMEA_NO_FIX},
		{"GPGGA,000000.00," PLACE ",6,00,,,M,,M,,", NMEA_NO_FIX},
		{"GPGGA,000000.00," PLACE ",8,00,,,M,,M,,", NMEA_NO_FIX},
		{"GPGGA,000000.00," PLACE ",5,00,,,M,,M,,", NMEA_STATUS},
		{"GPGLL," PLACE ",000000.00,V,N", NMEA_NO_FIX},
		{"GPGLL," PLACE ",000000.00,A", NMEA_STATUS},
		{"GPZDA,000000.00,,,,,", NMEA_NO_DATE},
		{"GPZDA,,,,,,", NMEA_NO_FIX},
	};
	static struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nmea_time t = {0};

		start(&l, day(2025, 1, 1));
		assert_int_equal(say(&l, cases[i].body), cases[i].verdict);
		nmea_take(&l.nmea, &t);
		assert_int_equal(t.valid, cases[i].verdict == NMEA_TIME);
	}
}

/* One sentence that denies the fix outweighs another of the same second. */
static void test_denied(void **state)
{
	static struct line l;

	(void)state;
	start(&l, day(2025, 1, 1));
	say(&l, "GPGGA,000000.00," PLACE ",0,00,,,M,,M,,");
	assert_int_equal(say(&l, "GPRMC,000000.00,A," PLACE ",0.0,0.0,010126,,,A"), NMEA_NO_FIX);
	wait(&l, 0.9);
	say(&l, "GPGGA,000001.00," PLACE ",1,05,,,M,,M,,");
	assert_int_equal(say(&l, "GPRMC,000001.00,A," PLACE ",0.0,0.0,010126,,,A"), NMEA_TIME);
}

static void test_malformed(void **state)
{
	static const char *const bodies[] = {
		"GPRMC",
		"GPRMC,",
		"GPRMC,123519,A",
		"GPRMC,12351,A,,,,,,,230326,,",
		"GPRMC,123519x,A,,,,,,,230326,,",
		"GPRMC,243519,A,,,,,,,230326,,",
		"GPRMC,126019,A,,,,,,,230326,,",
		"GPRMC,123561,A,,,,,,,230326,,",
		"GPRMC,123560,A,,,,,,,230326,,",
		"GPRMC,230060,A,,,,,,,230326,,",
		"GPRMC,225960,A,,,,,,,230326,,",
		"GPRMC,123519,A,,,,,,,300226,,",
		"GPRMC,123519,A,,,,,,,290225,,",
		"GPRMC,123519,A,,,,,,,231326,,",
		"GPRMC,123519,A,,,,,,,2303266,,",
		"GPRMC,123519.1234567890,A,,,,,,,230326,,",
		"GPRMC,-23519,A,,,,,,,230326,,",
		"GPZDA,123519,31,04,2026,,",
		"GPZDA,123519,31,12,26,,",
		"GPZDA,123519,,12,2026,,",
		"GPZDA,123519,00,12,2026,,",
		"GPZDA,123519",
		"GPGGA,123519,,,,",
		"GPGGA",
		"GPGLL,,,,",
		"GPGSA,A,4,,,,,,,,,,,,,1,1,1",
		"GPGSA,A,3,1,2,3",
		"GPGSA,A,3,x,,,,,,,,,,,,1,1,1",
		"GPGSV,1",
		"GPGSV,1,2,01,1,1,1,1",
		"GPGSV,1,0,01,1,1,1,1",
		"GPGSV,x,1,01,1,1,1,1",
		"PUBX,04,,,,,",
		"PUBX,04,,,,,x",
		"PUBX,04,,,,,200",
	};
	static struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		start(&l, day(2025, 1, 1));
		assert_int_equal(say(&l, bodies[i]), NMEA_MALFORMED);
		assert_no_time(&l);
	}
}

static void test_framing(void **state)
{
	static const char binary[] = "\xb5\x62\x01\x07$\x5c\x00\xf8$GP\x80$$$";
	static struct line l;
	char overlong[NMEA_LINE + 40] = "$";

	(void)state;
	start(&l, day(1990, 1, 1));
	assert_int_equal(line(&l, "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6B"),
		NMEA_CHECKSUM);
	assert_int_equal(line(&l, "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6"),
		NMEA_CHECKSUM);
	assert_int_equal(line(&l, "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6AA"),
		NMEA_CHECKSUM);
	assert_int_equal(line(&l, "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W"),
		NMEA_NO_CHECKSUM);
	assert_int_equal(line(&l, "$"), NMEA_NO_CHECKSUM);
	assert_int_equal(line(&l, "$*00"), NMEA_OTHER);
	assert_int_equal(line(&l, "hello"), NMEA_GARBAGE);
	assert_int_equal(raw(&l, "$GPRMC,1", 8), NMEA_NOTHING);
	assert_int_equal(raw(&l, binary, sizeof(binary) - 1), NMEA_CUT);
	/* The last '$' of the binary is that of the sentence. */
	assert_int_equal(raw(&l, &RMC[1], strlen(RMC) - 1), NMEA_TIME);
	memset(overlong + 1, 'A', sizeof(overlong) - 1);
	assert_int_equal(raw(&l, overlong, sizeof(overlong)), NMEA_LONG);
	assert_int_equal(raw(&l, RMC, strlen(RMC)), NMEA_REPEATED);
	assert_int_equal(raw(&l, "\0\0\xff", 3), NMEA_GARBAGE);
	/* Cut off by a long silence. */
	assert_int_equal(raw(&l, RMC, 20), NMEA_NOTHING);
	wait(&l, 3);
	assert_int_equal(raw(&l, &RMC[20], 1), NMEA_CUT);
	assert_int_equal(raw(&l, RMC, strlen(RMC)), NMEA_REPEATED);
	l.nmea.options.bare = true;
	wait(&l, 1);
	assert_int_equal(
		line(&l, "$GPRMC,123520,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W"), NMEA_TIME);
}

/* The longest sentence that is taken, and one more. */
static void test_longest(void **state)
{
	static struct line l;
	char body[NMEA_LINE + 2];

	(void)state;
	memset(body, 'A', sizeof(body));
	body[NMEA_LINE - 3] = '\0';
	start(&l, 0);
	assert_int_equal(say(&l, body), NMEA_OTHER);
	body[NMEA_LINE - 3] = 'A';
	body[NMEA_LINE - 2] = '\0';
	assert_int_equal(say(&l, body), NMEA_LONG);
}

/* The time belongs to the first good sentence after silence, whatever it was. */
static void test_mark(void **state)
{
	static struct line l;
	uint64_t burst;

	(void)state;
	start(&l, day(2025, 1, 1));
	say(&l, "GPGSV,1,1,01,05,10,100,30");
	burst = l.start;
	say(&l, "GPRMC,101010.000,A," PLACE ",0,0,240726,,,A");
	assert_time(&l, ntp(2026, 7, 24, 10, 10, 10), burst, true);
	/* Binary ahead of it is no sentence, and a false start neither. */
	wait(&l, 0.5);
	raw(&l, "\xb5\x62$\x01", 4);
	say(&l, "GPGSV,1,1,01,05,10,100,30");
	burst = l.start;
	assert_int_equal(say(&l, "GPRMC,101011.000,A," PLACE ",0,0,240726,,,A"), NMEA_TIME);
	assert_time(&l, ntp(2026, 7, 24, 10, 10, 11), burst, true);
	/* Its second again, and the second before: they change nothing. */
	assert_int_equal(say(&l, "GPRMC,101011.000,A," PLACE ",0,0,240726,,,A"), NMEA_REPEATED);
	assert_int_equal(say(&l, "GPGGA,101010.000," PLACE ",0,00,,,M,,M,,"), NMEA_REPEATED);
	assert_no_time(&l);
	/* A pause within a burst: the second has begun before it. */
	wait(&l, 0.4);
	say(&l, "GPGGA,101012.000," PLACE ",1,05,,,M,,M,,");
	burst = l.start;
	wait(&l, 0.2);
	say(&l, "GPRMC,101012.000,A," PLACE ",0,0,240726,,,A");
	assert_time(&l, ntp(2026, 7, 24, 10, 10, 12), burst, true);
}

/* A pause within a sentence: the burst goes on. */
static void test_pause_within(void **state)
{
	static struct line l;
	uint64_t burst;

	(void)state;
	start(&l, day(1990, 1, 1));
	say(&l, "GPGSV,1,1,01,05,10,100,30");
	burst = l.start;
	assert_int_equal(raw(&l, RMC, 20), NMEA_NOTHING);
	wait(&l, 0.3);
	assert_int_equal(raw(&l, &RMC[20], strlen(RMC) - 20), NMEA_TIME);
	assert_time(&l, ntp(1994, 3, 23, 12, 35, 19), burst, true);
}

/* As an Ashtech AC12 does it: its ZDA is of a second to come, and is not looked at beside RMC. */
static void test_zda_ahead(void **state)
{
	static struct line l;
	char text[96];

	(void)state;
	start(&l, day(2025, 1, 1));
	for (int i = 0; i < 5; i++) {
		uint64_t burst = l.now + octet_ns;

		snprintf(text, sizeof(text), "GPGGA,10101%d.00," PLACE ",1,05,,,M,,M,,", i);
		say(&l, text);
		snprintf(text, sizeof(text), "GPRMC,10101%d.00,A," PLACE ",0,0,240726,,,A", i);
		assert_int_equal(say(&l, text), NMEA_TIME);
		snprintf(text, sizeof(text), "GPZDA,10101%d.00,24,07,2026,,", i + 2);
		assert_int_equal(say(&l, text), NMEA_REPEATED);
		assert_time(&l, ntp(2026, 7, 24, 10, 10, 10 + i), burst, true);
		wait(&l, 0.7);
	}
}

/* A line that is never silent: each second begins with the first sentence that bears it. */
static void test_saturated(void **state)
{
	static struct line l;
	char text[96];
	uint64_t first;

	(void)state;
	start(&l, day(2025, 1, 1));
	for (int i = 0; i < 5; i++) {
		say(&l, "GPGSV,1,1,01,05,10,100,30");
		snprintf(text, sizeof(text), "GPGGA,10101%d.000," PLACE ",1,05,,,M,,M,,", i);
		say(&l, text);
		first = i ? l.start : 1000000000 + octet_ns;
		snprintf(text, sizeof(text), "GPRMC,10101%d.000,A," PLACE ",0,0,240726,,,A", i);
		assert_int_equal(say(&l, text), NMEA_TIME);
		assert_time(&l, ntp(2026, 7, 24, 10, 10, 10 + i), first, true);
	}
}

static void test_week_rollovers(void **state)
{
	static struct line l;
	const int64_t today = day(2026, 11, 30);

	(void)state;
	start(&l, day(2025, 1, 1));
	for (int weeks = -2; weeks <= 1; weeks++) {
		struct calendar_date said = calendar_date(today + weeks * CALENDAR_WEEKS_1024);
		char text[96];
		unsigned second = (unsigned)(weeks + 2) % 10;

		wait(&l, 1);
		snprintf(text, sizeof(text), "GNGGA,10101%u.000," PLACE ",1,05,,,M,,M,,", second);
		say(&l, text);
		wait(&l, 1);
		snprintf(text, sizeof(text), "GNZDA,10101%u.000,%02u,%02u,%04u,,", second,
			(unsigned)said.day % 100, (unsigned)said.month % 100, (unsigned)said.year % 10000);
		assert_int_equal(say(&l, text), NMEA_TIME);
		assert_true(l.nmea.time.time == ntp(2026, 11, 30, 10, 10, 10 + (int)second));
		nmea_take(&l.nmea, &(struct nmea_time){0});
	}
	assert_int_equal(l.nmea.week_rollovers, 3);
	/* RMC's two digits: 16 April 2007 is that day too. */
	wait(&l, 1);
	assert_int_equal(say(&l, "GNRMC,101015.000,A," PLACE ",0,0,160407,,,A"), NMEA_TIME);
	assert_true(l.nmea.time.time == ntp(2026, 11, 30, 10, 10, 15));
	assert_int_equal(l.nmea.week_rollovers, 4);
}

/* At the edges of the 1024 weeks from the floor on. */
static void test_unroll(void **state)
{
	const int64_t floor = day(2025, 1, 1);

	(void)state;
	assert_int_equal(calendar_unroll(floor, floor), floor);
	assert_int_equal(calendar_unroll(floor - 1, floor), floor + CALENDAR_WEEKS_1024 - 1);
	assert_int_equal(calendar_unroll(floor + CALENDAR_WEEKS_1024, floor), floor);
	assert_int_equal(calendar_year_near(75, 2025), 2075);
	assert_int_equal(calendar_year_near(76, 2025), 1976);
	assert_int_equal(calendar_year_near(25, 2025), 2025);
	assert_int_equal(calendar_year_near(49, 2099), 2149);
	assert_int_equal(calendar_year_near(0, 1999), 2000);
	assert_int_equal(calendar_year_near(25, 2075), 2125);
	assert_int_equal(calendar_year_near(26, 2075), 2026);
}

static void test_calendar(void **state)
{
	(void)state;
	assert_int_equal(day(1970, 1, 1), 0);
	assert_int_equal(day(2000, 3, 1), 11017);
	assert_int_equal(day(1980, 1, 6), 3657);
	assert_int_equal(calendar_weekday(day(2026, 11, 30)), 1);
	assert_int_equal(calendar_weekday(day(1969, 12, 28)), 7);
	for (int64_t d = day(1, 1, 1); d <= day(9999, 12, 31); d += 13) {
		struct calendar_date date = calendar_date(d);

		assert_true(calendar_is_valid(date) && calendar_days(date) == d);
	}
	assert_false(calendar_is_valid((struct calendar_date){1900, 2, 29}));
	assert_true(calendar_is_valid((struct calendar_date){2000, 2, 29}));
}

static void test_leap_second(void **state)
{
	static struct line l;

	(void)state;
	start(&l, day(2016, 1, 1));
	assert_int_equal(say(&l, "GPRMC,235959.00,A," PLACE ",0,0,311216,,,A"), NMEA_TIME);
	wait(&l, 0.93);
	assert_int_equal(say(&l, "GPRMC,235960.00,A," PLACE ",0,0,311216,,,A"), NMEA_LEAP_SECOND);
	assert_int_equal(say(&l, "GPRMC,235960.50,A," PLACE ",0,0,311216,,,A"), NMEA_LEAP_SECOND);
	nmea_take(&l.nmea, &(struct nmea_time){0});
	wait(&l, 0.87);
	assert_int_equal(say(&l, "GPRMC,000000.00,A," PLACE ",0,0,010117,,,A"), NMEA_TIME);
	assert_time(&l, ntp(2017, 1, 1, 0, 0, 0), l.start, true);
}

static void test_fractions(void **state)
{
	static struct line l;

	(void)state;
	start(&l, day(2025, 1, 1));
	say(&l, "GPRMC,101010.25,A," PLACE ",0,0,240726,,,A");
	assert_time(&l, ntp(2026, 7, 24, 10, 10, 10) + NTP64_SECOND / 4, l.start, true);
	wait(&l, 0.2);
	say(&l, "GPRMC,101010.999999999,A," PLACE ",0,0,240726,,,A");
	assert_time(&l, ntp(2026, 7, 24, 10, 10, 11) - 4, l.start, true);
	wait(&l, 0.2);
	say(&l, "GPRMC,101012.,A," PLACE ",0,0,240726,,,A");
	assert_time(&l, ntp(2026, 7, 24, 10, 10, 12), l.start, true);
}

/* GPS - UTC from the firmware until the almanac is in: where the receiver says so, and where time jumps. */
static void test_default_offset(void **state)
{
	static struct line l;
	struct receiver_gnss gnss;

	(void)state;
	start(&l, day(2025, 1, 1));
	assert_int_equal(
		say(&l, "PUBX,04,073731.00,091202,113851.00,1196,15D,1930035,-2660.664,43,"), NMEA_STATUS);
	assert_int_equal(say(&l, "GPRMC,101013.00,A," PLACE ",0,0,240726,,,A"), NMEA_NO_FIX);
	nmea_report(&l.nmea, l.now, &gnss);
	assert_int_equal(gnss.leap_offset, 0);
	wait(&l, 0.8);
	say(&l, "PUBX,04,101011.00,240726,113851.00,2428,18,1930035,-2660.664,43,");
	assert_int_equal(say(&l, "GPRMC,101011.00,A," PLACE ",0,0,240726,,,A"), NMEA_TIME);
	nmea_report(&l.nmea, l.now, &gnss);
	assert_int_equal(gnss.leap_offset, 18);
	assert_int_equal(l.nmea.jumps, 0);
	/* One that says nothing, and was 18 s ahead so far. */
	wait(&l, 0.86);
	assert_int_equal(say(&l, "GPRMC,100954.00,A," PLACE ",0,0,240726,,,A"), NMEA_TIME);
	assert_int_equal(l.nmea.jumps, 1);
	assert_true(fabs(l.nmea.last_jump + 18) < 0.2);
}

/* As a receiver of four systems and two signals said it (gpsd's log of a u-blox ZED-F9P). */
static void test_systems(void **state)
{
	static const char *const lines[] = {
		"$GNRMC,003956.00,A,4552.65403,S,17030.00668,E,0.025,,120419,,,A,V*07",
		"$GNGSA,A,3,13,16,21,15,10,29,27,20,,,,,1.05,0.64,0.83,1*03",
		"$GNGSA,A,3,82,66,81,,,,,,,,,,1.05,0.64,0.83,2*0C",
		"$GNGSA,A,3,07,12,33,,,,,,,,,,1.05,0.64,0.83,3*0A",
		"$GNGSA,A,3,13,12,22,19,08,21,,,,,,,1.05,0.64,0.83,4*0B",
		"$GPGSV,3,1,12,05,06,110,19,10,24,284,34,13,37,124,29,15,63,083,11,1*60",
		"$GPGSV,3,2,12,16,11,248,10,20,52,273,34,21,79,231,30,24,07,045,,1*64",
		"$GPGSV,3,3,12,26,04,276,,27,15,218,31,29,24,004,13,30,00,159,,1*69",
		"$GPGSV,3,1,12,05,06,110,,10,24,284,,13,37,124,,15,63,083,,6*63",
		"$GPGSV,3,2,12,16,11,248,,20,52,273,,21,79,231,,24,07,045,,6*66",
		"$GPGSV,3,3,12,26,04,276,,27,15,218,29,29,24,004,,30,00,159,,6*65",
		"$GLGSV,3,1,10,65,53,144,,66,58,305,32,67,06,313,,72,09,137,,1*7A",
		"$GLGSV,3,2,10,73,06,174,,74,05,132,,81,64,223,35,82,13,214,33,1*7F",
		"$GLGSV,3,3,10,87,14,030,17,88,62,024,,1*74",
		"$GAGSV,3,1,09,02,00,179,,04,09,322,,07,11,134,11,11,09,227,,7*74",
		"$GAGSV,3,2,09,12,61,237,31,18,50,265,32,19,63,342,,26,11,044,,7*7B",
		"$GAGSV,3,3,09,33,62,034,08,7*41",
		"$GBGSV,3,1,10,01,29,321,,03,12,292,,04,37,345,,08,49,229,27,1*7D",
		"$GBGSV,3,2,10,10,00,282,,12,66,330,23,13,23,233,17,19,28,123,16,1*7F",
		"$GBGSV,3,3,10,21,41,301,35,22,82,135,17,1*7E",
	};
	static struct line l;
	struct receiver_gnss gnss;
	int used[128] = {0}, viewed[128] = {0};

	(void)state;
	start(&l, day(2019, 1, 1));
	for (int cycle = 0; cycle < 3; cycle++) {
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			line(&l, lines[i]);
		wait(&l, 0.5);
	}
	nmea_report(&l.nmea, l.now, &gnss);
	assert_int_equal(gnss.in_view, 12 + 10 + 9 + 10);
	assert_int_equal(gnss.satellites, 40);
	assert_int_equal(gnss.used, 20);
	for (int i = 0; i < gnss.satellites; i++) {
		const struct receiver_satellite *s = &gnss.satellite[i];

		used[(int)s->system] += s->used;
		viewed[(int)s->system]++;
		assert_true(i < 20 || !s->used);
		/* By its second signal alone it is 29. */
		assert_true(s->system != 'G' || s->prn != 27 || s->snr == 31);
	}
	assert_int_equal(used['G'], 8);
	assert_int_equal(used['R'], 3);
	assert_int_equal(used['E'], 3);
	assert_int_equal(used['C'], 6);
	assert_int_equal(viewed['G'] + viewed['R'] + viewed['E'] + viewed['C'], 40);
	assert_int_equal(gnss.fix, RECEIVER_FIX_3D);
	/* One that is not in the next cycle is gone, and all are after a while. */
	line(&l, "$GLGSV,3,1,10,65,53,144,,66,58,305,32,67,06,313,,72,09,137,,1*7A");
	line(&l, "$GLGSV,3,3,10,87,14,030,17,88,62,024,,1*74");
	nmea_report(&l.nmea, l.now, &gnss);
	assert_int_equal(gnss.in_view, 41 - 4);
	nmea_report(&l.nmea, l.now + UINT64_C(31000000000), &gnss);
	assert_int_equal(gnss.in_view, 0);
}

static int in_view(const struct line *l, int *used)
{
	struct receiver_gnss gnss;

	nmea_report(&l->nmea, l->now, &gnss);
	*used = gnss.used;
	return gnss.in_view;
}

/* Systems that take turns, and groups that come into each other's midst. */
static void test_groups(void **state)
{
	static struct line l;
	int used;

	(void)state;
	start(&l, day(2025, 1, 1));
	say(&l, "GNRMC,101010.00,A," PLACE ",0,0,240726,,,A");
	say(&l, "GNGSA,A,3,01,02,,,,,,,,,,,2,1,2,1");
	say(&l, "GNGSA,A,3,70,,,,,,,,,,,,2,1,2,2");
	say(&l, "GPGSV,2,1,05,01,1,1,40,02,1,1,40,03,1,1,40,04,1,1,40");
	say(&l, "GPGSV,2,2,05,05,1,1,40");
	say(&l, "GLGSV,1,1,01,70,1,1,40");
	assert_int_equal(in_view(&l, &used), 6);
	assert_int_equal(used, 3);
	/* GLONASS has its turn in every other second; a satellite leaves the fix, and three leave the view.
	 */
	wait(&l, 0.5);
	say(&l, "GNRMC,101011.00,A," PLACE ",0,0,240726,,,A");
	say(&l, "GNGSA,A,3,01,,,,,,,,,,,,2,1,2,1");
	say(&l, "GPGSV,2,1,02,01,1,1,40");
	say(&l, "GLGSV,1,1,01,70,1,1,40");
	say(&l, "GPGSV,2,2,02,02,1,1,40");
	assert_int_equal(in_view(&l, &used), 3);
	assert_int_equal(used, 2);
	for (int i = 2; i < 6; i++) {
		char text[96];

		wait(&l, 0.5);
		snprintf(text, sizeof(text), "GNRMC,10101%d.00,A," PLACE ",0,0,240726,,,A", i);
		say(&l, text);
		say(&l, "GNGSA,A,3,01,,,,,,,,,,,,2,1,2,1");
	}
	in_view(&l, &used);
	assert_int_equal(used, 1);
}

/* More satellites and signals than are kept, and more than are listed. */
static void test_many_satellites(void **state)
{
	static struct line l;
	struct receiver_gnss gnss;
	char text[96];

	(void)state;
	start(&l, 0);
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "GPGSV,50,%d,200,%d,1,1,%d,%d,2,2,2,%d,3,3,3,%d,4,4,4", i + 1,
			i * 4 + 1, i % 60, i * 4 + 2, i * 4 + 3, i * 4 + 4);
		assert_int_equal(say(&l, text), NMEA_STATUS);
	}
	nmea_report(&l.nmea, l.now, &gnss);
	assert_int_equal(gnss.in_view, NMEA_VIEWED);
	assert_int_equal(gnss.satellites, RECEIVER_SATELLITES);
	for (int i = 1; i < gnss.satellites; i++)
		assert_true(gnss.satellite[i].snr <= gnss.satellite[i - 1].snr);
}

static uint64_t random_state = 20261130;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % n);
}

/* A burst of a random receiver for that second; the stamp of its first octet. */
static uint64_t random_burst(struct line *l, int64_t unix_time, bool fix)
{
	static const char *const talkers[] = {"GP", "GN", "GL", "GA", "GB", "GQ", "BD"};
	struct calendar_date date = calendar_date(unix_time / 86400);
	const char *talker = talkers[random_below(7)];
	unsigned s = (unsigned)(unix_time % 86400);
	unsigned clock = s / 3600 * 10000 + s / 60 % 60 * 100 + s % 60;
	unsigned dmy = (unsigned)(date.day * 10000 + date.month * 100 + date.year % 100);
	uint64_t first = l->now + octet_ns;
	char text[160];

	if (random_below(2))
		say(l, "GPGSV,1,1,01,05,10,100,30");
	if (random_below(2)) {
		snprintf(text, sizeof(text), "%sGGA,%06u.000," PLACE ",%d,08,0.9,5.4,M,6.9,M,,", talker,
			clock, fix);
		say(l, text);
	}
	if (random_below(2)) {
		snprintf(text, sizeof(text), "%sZDA,%06u.000,%02d,%02d,%04d,,", talker, clock, date.day,
			date.month, date.year);
		say(l, text);
	}
	snprintf(text, sizeof(text), "%sRMC,%06u.000,%c," PLACE ",0.0,0.0,%06u,,,%c", talker, clock,
		fix ? 'A' : 'V', dmy, fix ? 'A' : 'N');
	say(l, text);
	return first;
}

static void test_round_trips(void **state)
{
	static struct line l;
	struct nmea_time t, last = {0};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		int64_t unix_time = day(2025, 1, 1) * 86400 +
				    random_below(CALENDAR_WEEKS_1024) * INT64_C(86400) + random_below(86400);
		bool fix = random_below(4) > 0, got = false;
		uint64_t first;

		start(&l, day(2025, 1, 1));
		random_burst(&l, unix_time - 1, fix);
		while (nmea_take(&l.nmea, &t))
			;
		wait(&l, 0.5);
		first = random_burst(&l, unix_time, fix);
		while (nmea_take(&l.nmea, &t)) {
			got = true;
			last = t;
		}
		assert_true(got);
		assert_int_equal(last.valid, fix);
		assert_true(last.time == ntp64_from_unix(unix_time, 0) && last.stamp == first);
	}
}

/* Whatever has come, the burst after it is understood. */
static void test_garbage(void **state)
{
	static struct line l;

	(void)state;
	start(&l, day(2025, 1, 1));
	for (int i = 0; i < 3000; i++) {
		static const char seasoning[] = "$*,\r\nGPRMC0123456789.\xb5\x62";
		int64_t unix_time = day(2026, 1, 1) * 86400 + i * 3;
		uint32_t length = random_below(400), total = 0;
		uint64_t first;

		for (uint32_t j = 0; j < length; j++) {
			char c = random_below(2) ? seasoning[random_below(sizeof(seasoning) - 1)]
						 : (char)random_below(256);

			raw(&l, &c, 1);
		}
		nmea_take(&l.nmea, &(struct nmea_time){0});
		wait(&l, 2.5);
		first = random_burst(&l, unix_time, true);
		assert_time(&l, ntp64_from_unix(unix_time, 0), first, true);
		for (unsigned v = 0; v < NMEA_VERDICT_COUNT; v++)
			total += l.nmea.verdicts[v];
		assert_true(total >= (uint32_t)i && l.nmea.verdicts[NMEA_NOTHING] == 0);
	}
}

static void test_verdict_texts(void **state)
{
	(void)state;
	assert_string_equal(nmea_verdict_text(NMEA_CHECKSUM), "wrong checksum");
	assert_string_equal(nmea_verdict_text(NMEA_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_zda),
		cmocka_unit_test(test_fix),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_pause_within),
		cmocka_unit_test(test_zda_ahead),
		cmocka_unit_test(test_saturated),
		cmocka_unit_test(test_week_rollovers),
		cmocka_unit_test(test_unroll),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_leap_second),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_default_offset),
		cmocka_unit_test(test_systems),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_many_satellites),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_verdict_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
