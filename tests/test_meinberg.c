/* What the time strings of Meinberg's receivers become: refclock/meinberg.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/calendar.h"
#include "refclock/meinberg.h"

enum { FLOOR = 2000 };

static const double hz = 1e9;

static int64_t seconds(int year, int month, int day, int hour, int minute, int second)
{
	return calendar_days((struct calendar_date){year, month, day}) * 86400 + hour * 3600 + minute * 60 +
	       second;
}

struct string_case {
	const char *text;
	int hour;      /* UTC, on 30 November 2026 at x:34:56 */
	char flags[8]; /* # not synchronised, S summer, ! change, A leap second */
};

static void test_strings(void **state)
{
	static const struct string_case cases[] = {
		{"D:30.11.26;T:1;U:12.34.56;    ", 11, ""},
		{"D:30.11.26;T:1;U:12.34.56;  U ", 12, ""},
		{"D:30.11.26;T:1;U:12.34.56;  S ", 10, "S"},
		{"D:30.11.26;T:1;U:12.34.56;# U ", 12, "#"},
		{"D:30.11.26;T:1;U:12.34.56; *U ", 12, "#"},
		{"D:30.11.26;T:1;U:12.34.56;#*S!", 10, "#S!"},
		{"D:30.11.26;T:1;U:12.34.56;  UA", 12, "A"},
		{"30.11.26/1/12:34:56UTC   \r\n", 12, ""},
		{"30.11.26/1/12:34:56MEZ   \r\n", 11, ""},
		{"30.11.26/1/12:34:56CEST !\r\n", 10, "S!"},
		{"30.11.26/1/12:34:56MESZ# \r\n", 10, "#S"},
		{"30.11.26; 1; 12:34:56; +00:00;        ; 51.9828N   9.2258E  176m", 12, ""},
		{"30.11.26; 1; 12:34:56; +01:00;        ;  51.9828N    9.2258E  176m", 11, ""},
		{"30.11.26; 1; 12:34:56; +02:00;   S!   ; 51.9828N   9.2258E  176m", 10, "S!"},
		{"30.11.26; 1; 12:34:56; -05:00;     A  ; 51.9828N   9.2258E  176m", 17, "A"},
		{"30.11.26; 1; 12:34:56; +00:00; #      ; 51.9828N   9.2258E  176m", 12, "#"},
		{"30.11.26; 1; 12:34:56; +00:00;  *     ; 51.9828N   9.2258E  176m", 12, "#"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct meinberg_string s;
		enum meinberg_verdict v = meinberg_parse(cases[i].text, strlen(cases[i].text), FLOOR, &s);

		assert_int_equal(v, MEINBERG_TIME);
		assert_int_equal(s.seconds, seconds(2026, 11, 30, cases[i].hour, 34, 56));
		assert_int_equal(s.synchronised, !strchr(cases[i].flags, '#'));
		assert_int_equal(s.summer, strchr(cases[i].flags, 'S') != NULL);
		assert_int_equal(s.change, strchr(cases[i].flags, '!') != NULL);
		assert_int_equal(s.leap, strchr(cases[i].flags, 'A') != NULL);
		assert_false(s.leap_second);
	}
}

static int64_t seconds_of(const char *text, int floor)
{
	struct meinberg_string s;

	assert_int_equal(meinberg_parse(text, strlen(text), floor, &s), MEINBERG_TIME);
	return s.seconds;
}

/* Names of zones that the cases above lack, and years that are those of the next century. */
static void test_zones_and_years(void **state)
{
	(void)state;
	assert_int_equal(
		seconds_of("30.11.26/1/12:34:56GMT   \r\n", FLOOR), seconds(2026, 11, 30, 12, 34, 56));
	assert_int_equal(
		seconds_of("30.11.26/1/12:34:56CET   \r\n", FLOOR), seconds(2026, 11, 30, 11, 34, 56));
	assert_int_equal(
		seconds_of("D:30.11.26;T:1;U:12.34.56;  U ", 2026), seconds(2026, 11, 30, 12, 34, 56));
	assert_int_equal(seconds_of("D:01.01.00;T:5;U:00.00.00;  U ", 2025), seconds(2100, 1, 1, 0, 0, 0));
	assert_int_equal(seconds_of("D:31.12.24;T:7;U:00.00.00;  U ", 2025), seconds(2124, 12, 31, 0, 0, 0));
}

/* The last of two announcements does not take the first back; L is the leap second itself, under way. */
static void test_erlangen_flags(void **state)
{
	const char change_and_leap[] = "30.11.26; 1; 12:34:56; +00:00;    !A  ; 51.9828N   9.2258E  176m";
	const char odd_order[] = "30.11.26; 1; 12:34:56; +00:00;    A   ; 51.9828N   9.2258E  176m";
	const char under_way[] = "31.12.26; 4; 23:59:60; +00:00;       L; 51.9828N   9.2258E  176m";
	struct meinberg_string s;

	(void)state;
	assert_int_equal(meinberg_parse(change_and_leap, strlen(change_and_leap), FLOOR, &s), MEINBERG_TIME);
	assert_true(s.change && s.leap && !s.leap_second);
	assert_int_equal(meinberg_parse(odd_order, strlen(odd_order), FLOOR, &s), MEINBERG_TIME);
	assert_true(s.leap);
	assert_int_equal(meinberg_parse(under_way, strlen(under_way), FLOOR, &s), MEINBERG_TIME);
	assert_true(s.leap_second);
	assert_int_equal(s.seconds, seconds(2027, 1, 1, 0, 0, 0));
}

/* At the end of a UTC day alone, whatever the zone's minutes are then. */
static void test_when_a_leap_second_can_be(void **state)
{
	static const struct {
		const char *text;
		enum meinberg_verdict verdict;
	} cases[] = {
		{"01.01.27; 5; 05:29:60; +05:30;       L; 51.9828N   9.2258E  176m", MEINBERG_TIME},
		{"31.12.26; 4; 18:59:60; -05:00;       L; 51.9828N   9.2258E  176m", MEINBERG_TIME},
		{"31.12.26; 4; 22:59:60; +00:00;       L; 51.9828N   9.2258E  176m", MEINBERG_DATE},
		{"01.01.27; 5; 05:59:60; +05:30;       L; 51.9828N   9.2258E  176m", MEINBERG_DATE},
	};
	struct meinberg_string s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			meinberg_parse(cases[i].text, strlen(cases[i].text), FLOOR, &s), cases[i].verdict);
	assert_int_equal(seconds_of(cases[0].text, FLOOR), seconds(2027, 1, 1, 0, 0, 0));
}

static void test_refused_strings(void **state)
{
	static const struct {
		const char *text;
		enum meinberg_verdict verdict;
	} cases[] = {
		{"", MEINBERG_MALFORMED},
		{"D:30.11.26;T:1;U:12.34.56;   ", MEINBERG_MALFORMED},
		{"D:30.11.26;T:1;U:12.34.56;     ", MEINBERG_MALFORMED},
		{"D:30.11.26;T:1;U:12.34.56;  X ", MEINBERG_MALFORMED},
		{"D:30.11.26;T:1;U:12.34.56;   ?", MEINBERG_MALFORMED},
		{"D:30.11.26;T:1;U:12:34:56;    ", MEINBERG_MALFORMED},
		{"D: 1.11.26;T:1;U:12.34.56;    ", MEINBERG_MALFORMED},
		{"d:30.11.26;T:1;U:12.34.56;    ", MEINBERG_MALFORMED},
		{"D:30.11.26;T:2;U:12.34.56;    ", MEINBERG_DATE},
		{"D:30.11.26;T:0;U:12.34.56;    ", MEINBERG_DATE},
		{"D:31.11.26;T:2;U:12.34.56;    ", MEINBERG_DATE},
		{"D:30.13.26;T:1;U:12.34.56;    ", MEINBERG_DATE},
		{"D:30.11.26;T:1;U:24.34.56;    ", MEINBERG_DATE},
		{"D:30.11.26;T:1;U:12.60.56;    ", MEINBERG_DATE},
		{"D:30.11.26;T:1;U:12.34.61;    ", MEINBERG_DATE},
		{"D:30.11.26;T:1;U:12.34.60;    ", MEINBERG_DATE},
		{"30.11.26/1/12:34:56XYZ   \r\n", MEINBERG_MALFORMED},
		{"30.11.26/1/12:34:56CET   ", MEINBERG_MALFORMED},
		{"30.11.26; 1; 12:34:56; 01:00;        ; ", MEINBERG_MALFORMED},
		{"30.11.26; 1; 12:34:56; +01:00;        ", MEINBERG_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct meinberg_string s;

		assert_int_equal(
			meinberg_parse(cases[i].text, strlen(cases[i].text), FLOOR, &s), cases[i].verdict);
	}
}

/* A clock that sends its string with each second. */
struct radio {
	struct meinberg meinberg;
	uint64_t now; /* ns */
	bool parity;
};

static void start(struct radio *r)
{
	*r = (struct radio){.now = 1000000000};
	meinberg_init(&r->meinberg, hz, FLOOR);
}

static enum meinberg_verdict raw(struct radio *r, const char *octets, size_t length)
{
	enum meinberg_verdict last = MEINBERG_NOTHING;

	for (size_t i = 0; i < length; i++) {
		uint8_t octet = (uint8_t)octets[i];

		if (r->parity)
			octet |= (uint8_t)(__builtin_parity(octet) << 7);
		enum meinberg_verdict v = meinberg_octet(&r->meinberg, octet, r->now + i * 1041667);

		last = v == MEINBERG_NOTHING ? last : v;
	}
	return last;
}

/* One second later, between STX and ETX. */
static enum meinberg_verdict say(struct radio *r, const char *text)
{
	char framed[128];

	r->now += 1000000000;
	return raw(r, framed, (size_t)snprintf(framed, sizeof(framed), "\x02%s\x03", text));
}

static void assert_time(struct radio *r, int64_t time, uint8_t leap)
{
	struct meinberg_time t;

	assert_true(meinberg_take(&r->meinberg, &t));
	assert_true(t.time == ntp64_from_unix(time, 0));
	assert_true(t.stamp == r->now);
	assert_int_equal(t.leap, leap);
	assert_false(meinberg_take(&r->meinberg, &t));
}

static void test_sequence(void **state)
{
	static struct radio r;
	int64_t base = seconds(2026, 11, 30, 11, 34, 0);

	(void)state;
	start(&r);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.01;    "), MEINBERG_FIRST);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.02;    "), MEINBERG_TIME);
	assert_time(&r, base + 2, NTP_LEAP_NONE);
	/* 7 bits and even parity, read as 8. */
	r.parity = true;
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.03;    "), MEINBERG_TIME);
	assert_time(&r, base + 3, NTP_LEAP_NONE);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.35.04;    "), MEINBERG_IMPLAUSIBLE);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.05;    "), MEINBERG_IMPLAUSIBLE);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.06;    "), MEINBERG_TIME);
	assert_time(&r, base + 6, NTP_LEAP_NONE);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.07; *  "), MEINBERG_FREE_RUNNING);
	assert_time(&r, base + 7, NTP_LEAP_UNSYNC);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.09;    "), MEINBERG_FIRST);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.10;    "), MEINBERG_TIME);
	assert_time(&r, base + 10, NTP_LEAP_NONE);
	assert_int_equal(r.meinberg.report.field_events, 2);
	assert_int_equal(r.meinberg.report.implausible, 2);
	assert_int_equal(r.meinberg.report.status, 0x20202020);
	assert_int_equal(r.meinberg.report.telegrams, 9);
}

static void test_leap_second(void **state)
{
	static struct radio r;

	(void)state;
	start(&r);
	say(&r, "D:01.01.17;T:7;U:00.59.57;   A");
	assert_int_equal(say(&r, "D:01.01.17;T:7;U:00.59.58;   A"), MEINBERG_TIME);
	assert_time(&r, seconds(2016, 12, 31, 23, 59, 58), NTP_LEAP_INSERT);
	assert_int_equal(say(&r, "D:01.01.17;T:7;U:00.59.59;   A"), MEINBERG_TIME);
	assert_time(&r, seconds(2016, 12, 31, 23, 59, 59), NTP_LEAP_INSERT);
	assert_int_equal(say(&r, "D:01.01.17;T:7;U:00.59.60;    "), MEINBERG_LEAP_SECOND);
	assert_int_equal(say(&r, "D:01.01.17;T:7;U:01.00.00;    "), MEINBERG_TIME);
	assert_time(&r, seconds(2017, 1, 1, 0, 0, 0), NTP_LEAP_NONE);
}

static void test_framing(void **state)
{
	static struct radio r;
	char overlong[MEINBERG_STRING + 2];

	(void)state;
	start(&r);
	assert_int_equal(raw(&r, "12.34\r\n", 7), MEINBERG_GARBAGE);
	assert_int_equal(raw(&r, "\r\n", 2), MEINBERG_NOTHING);
	assert_int_equal(raw(&r,
				 "\x02"
				 "D:30",
				 5),
		MEINBERG_NOTHING);
	assert_int_equal(raw(&r,
				 "\x02"
				 "D:30.11.26;T:1;U:12.34.01;    ",
				 31),
		MEINBERG_CUT);
	assert_int_equal(raw(&r, "\x03", 1), MEINBERG_FIRST);
	memset(overlong, 'x', sizeof(overlong));
	overlong[0] = 2;
	assert_int_equal(raw(&r, overlong, MEINBERG_STRING + 1), MEINBERG_NOTHING);
	assert_int_equal(raw(&r, &overlong[1], 1), MEINBERG_LONG);
	assert_int_equal(say(&r, "D:30.11.26;T:1;U:12.34.02;    "), MEINBERG_TIME);
	assert_int_equal(say(&r, ""), MEINBERG_MALFORMED);
	assert_int_equal(r.meinberg.report.parity_errors, 1);
	assert_int_equal(r.meinberg.report.bit_errors, 2);
}

static void test_round_trips(void **state)
{
	(void)state;
	for (int64_t t = seconds(2000, 1, 1, 12, 0, 0); t < seconds(2099, 12, 31, 0, 0, 0); t += 1000003) {
		static const int offsets[] = {0, 3600, 7200};
		int64_t local = t + offsets[t % 3];
		struct calendar_date d = calendar_date(local / 86400);
		int of_day = (int)(local % 86400);
		struct meinberg_string s;
		char text[128];
		int length = snprintf(text, sizeof(text), "D:%02d.%02d.%02d;T:%d;U:%02d.%02d.%02d;  %c ",
			d.day, d.month, d.year % 100, calendar_weekday(local / 86400), of_day / 3600,
			of_day / 60 % 60, of_day % 60, "U S"[t % 3]);

		assert_int_equal(meinberg_parse(text, (size_t)length, FLOOR, &s), MEINBERG_TIME);
		assert_int_equal(s.seconds, t);
		/* One wrong octet never passes for another date. */
		text[t % 17] ^= 1 << (t % 7);
		if (meinberg_parse(text, (size_t)length, FLOOR, &s) == MEINBERG_TIME)
			assert_true(s.seconds / 86400 % 7 == t / 86400 % 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_zones_and_years),
		cmocka_unit_test(test_erlangen_flags),
		cmocka_unit_test(test_when_a_leap_second_can_be),
		cmocka_unit_test(test_refused_strings),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_leap_second),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
