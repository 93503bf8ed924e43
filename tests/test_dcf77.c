/* What DCF77's second marks become: refclock/dcf77.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "refclock/calendar.h"
#include "refclock/dcf77.h"
#include "tests/dcf77_encode.h"

enum { FLOOR = 2000, ALL = -1 };

static const double hz = 1e9;
static const uint64_t all_known = (UINT64_C(1) << 59) - 1;

static uint64_t from_text(const char *text)
{
	uint64_t bits = 0;

	for (int i = 0; i < 59; i++)
		bits |= (uint64_t)(text[i] == '1') << i;
	return bits;
}

static int64_t minute_of(int year, int month, int day, int hour, int minute)
{
	return calendar_days((struct calendar_date){year, month, day}) * 1440 + hour * 60 + minute;
}

struct received {
	const char *bits;
	int hour, minute; /* CET, on 12 November 2020 */
};

/* As the transmitter sent them and a hobbyist's receiver took them (github.com/gheja/dcf77-decoder,
 * samples.txt), and DK7IO's record of the last minute before the leap second of 2008, of which bits 1 to 14
 * are not told. */
static const struct received received[] = {
	{"000010100101001000101110010011000001010010001100010000010000", 1, 13},
	{"001101001111010000101100110101000001010010001100010000010000", 1, 59},
	{"011101101100011000101000000000100001010010001100010000010000", 2, 0},
	{"011000111011010000101100110100100001010010001100010000010000", 2, 59},
	{"011011101010000000101000000001100000010010001100010000010000", 3, 0},
	{"001001000101011000101100000011100000010010001100010000010000", 3, 1},
	{"000100100001011000101100110101100000010010001100010000010000", 3, 59},
	{"010101100010101000101000000000010001010010001100010000010000", 4, 0},
	{"000000110100011000101001011010010001010010001100010000010000", 4, 34},
};
static const char before_leap[] = "00000000000000000011110011010000000010000000110000100100001";

static void test_received(void **state)
{
	struct dcf77_minute m;

	(void)state;
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		assert_int_equal(
			dcf77_decode(from_text(received[i].bits), all_known, FLOOR, &m), DCF77_MINUTE);
		assert_int_equal(m.minute, minute_of(2020, 11, 12, received[i].hour - 1, received[i].minute));
		assert_true(!m.summer && !m.change && !m.leap);
	}
	assert_int_equal(
		dcf77_decode(from_text(before_leap), all_known & ~UINT64_C(0x7ffe), FLOOR, &m), DCF77_MINUTE);
	assert_int_equal(m.minute, minute_of(2008, 12, 31, 23, 59));
	assert_true(!m.summer && !m.change && m.leap);
}

/* The encoder, by the same: all but the weather in bits 1 to 14. */
static void test_encoder(void **state)
{
	const uint64_t time_bits = all_known & ~UINT64_C(0xffff);

	(void)state;
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		int64_t minute = minute_of(2020, 11, 12, received[i].hour - 1, received[i].minute);

		assert_true((from_text(received[i].bits) & time_bits) ==
			    dcf77_encode(minute, false, false, false));
	}
	assert_true(
		from_text(before_leap) == dcf77_encode(minute_of(2008, 12, 31, 23, 59), false, false, true));
}

static void test_every_bit_counts(void **state)
{
	const uint64_t bits = dcf77_encode(minute_of(2026, 11, 30, 22, 47), false, false, false);
	struct dcf77_minute m;

	(void)state;
	for (int i = 0; i < 59; i++) {
		uint64_t bit = UINT64_C(1) << i;
		/* Weather, the call bit, and announcements have no parity. */
		bool free = (i >= 1 && i <= 16) || i == 19;
		enum dcf77_verdict flipped = dcf77_decode(bits ^ bit, all_known, FLOOR, &m);
		enum dcf77_verdict missing = dcf77_decode(bits, all_known ^ bit, FLOOR, &m);

		assert_int_equal(flipped, free ? DCF77_MINUTE : DCF77_PARITY);
		assert_int_equal(missing, i < 16 ? DCF77_MINUTE : DCF77_MISSING);
	}
}

/* Digits that cannot be, with parities that are right. */
static void test_digits(void **state)
{
	static const struct {
		int first, count, parity_first, parity;
		unsigned value;
	} cases[] = {
		{21, 7, 21, 28, 0x60},
		{21, 7, 21, 28, 0x0a},
		{21, 7, 21, 28, 0x7f},
		{29, 6, 29, 35, 0x24},
		{29, 6, 29, 35, 0x1f},
		{36, 6, 36, 58, 0x00},
		{36, 6, 36, 58, 0x31},
		{36, 6, 36, 58, 0x3a},
		{42, 3, 36, 58, 0},
		{42, 3, 36, 58, 2},
		{42, 3, 36, 58, 7},
		{45, 5, 36, 58, 0},
		{45, 5, 36, 58, 0x13},
		{50, 8, 36, 58, 0xa0},
		{50, 8, 36, 58, 0x0f},
	};
	struct dcf77_minute m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bits = dcf77_encode(minute_of(2026, 11, 30, 22, 47), false, false, false);

		bits &= ~(((UINT64_C(1) << cases[i].count) - 1) << cases[i].first |
			  UINT64_C(1) << cases[i].parity);
		bits |= (uint64_t)cases[i].value << cases[i].first;
		bits = dcf77_even(bits, cases[i].parity_first, cases[i].parity);
		assert_int_equal(dcf77_decode(bits, all_known, FLOOR, &m), DCF77_DIGIT);
	}
}

static void test_round_trips(void **state)
{
	struct dcf77_minute m;

	(void)state;
	for (int64_t minute = minute_of(2000, 1, 2, 0, 0); minute < minute_of(2099, 12, 31, 0, 0);
		minute += 1009) {
		bool summer = minute % 2 == 0, change = minute % 3 == 0;

		assert_int_equal(
			dcf77_decode(dcf77_encode(minute, summer, change, false), all_known, FLOOR, &m),
			DCF77_MINUTE);
		assert_true(m.minute == minute && m.summer == summer && m.change == change && !m.leap);
	}
	/* A leap second is believed in the last hour of a month only. */
	for (int64_t minute = minute_of(2026, 12, 30, 0, 0); minute < minute_of(2027, 1, 2, 0, 0); minute++) {
		dcf77_decode(dcf77_encode(minute, false, false, true), all_known, FLOOR, &m);
		assert_int_equal(m.leap,
			minute >= minute_of(2026, 12, 31, 23, 0) && minute <= minute_of(2027, 1, 1, 0, 0));
	}
}

static void test_octets(void **state)
{
	(void)state;
	/* 100 ms at 50 baud: a start bit and four zeros, the lowest bits first. */
	assert_int_equal(dcf77_octet_ms(0xf0), 100);
	assert_int_equal(dcf77_octet_ms(0x00), 180);
	assert_int_equal(dcf77_octet_ms(0xff), 20);
}

/* A receiver: marks with noise of some ms, from a minute on. */
struct radio {
	struct dcf77 dcf77;
	double second;  /* of the next mark, since the counter's 0 */
	int64_t minute; /* that is under way, since 1970, UTC */
	bool summer;
	int times, wrong,
		leaps; /* that were given; that were not what was sent; that announced a leap second */
};

static uint64_t random_state = 77500;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % n);
}

static void start(struct radio *r, int64_t minute, bool summer)
{
	*r = (struct radio){.second = 100, .minute = minute, .summer = summer};
	dcf77_init(&r->dcf77, hz, FLOOR);
}

/* The mark of a second of the minute under way. */
static enum dcf77_verdict mark(struct radio *r, int second, int ms)
{
	double at = r->second + (random_below(21) - 10.0) / 1000;
	enum dcf77_verdict verdict = dcf77_mark(&r->dcf77, (uint64_t)(at * hz), (unsigned)ms);
	struct dcf77_time t;

	if (dcf77_take(&r->dcf77, &t)) {
		r->times++;
		r->wrong += t.time != ntp64_from_unix(r->minute * 60 + second, 0) ||
			    t.stamp != (uint64_t)(at * hz);
		r->leaps += t.leap == NTP_LEAP_INSERT;
	}
	return verdict;
}

/* The minute under way, whose telegram is `bits`, and `extra` seconds longer; the mark of second `dropped`
 * does not come (ALL: each does). The verdict of its first mark, which ends the minute before. */
static enum dcf77_verdict send(struct radio *r, uint64_t bits, int dropped, int extra)
{
	enum dcf77_verdict first = DCF77_MARK;

	for (int second = 0; second < 59 + extra; second++) {
		int length = second < 59 && (bits >> second & 1) ? 180 + (int)random_below(40)
								 : 80 + (int)random_below(40);

		if (second != dropped) {
			enum dcf77_verdict v = mark(r, second, length);

			first = second == 0 ? v : first;
		}
		r->second++;
	}
	r->second++;
	r->minute++;
	return first;
}

static enum dcf77_verdict send_minute(struct radio *r)
{
	return send(r, dcf77_encode(r->minute + 1, r->summer, false, false), ALL, 0);
}

/* The second telegram makes the first believed. */
static void test_two_in_a_row(void **state)
{
	static struct radio r;

	(void)state;
	start(&r, minute_of(2026, 11, 30, 22, 58), false);
	/* Turned on within a minute. */
	for (int second = 30; second < 59; second++) {
		mark(&r, second, 100);
		r.second++;
	}
	r.second++;
	r.minute++;
	assert_int_equal(send_minute(&r), DCF77_MARK);
	assert_int_equal(send_minute(&r), DCF77_FIRST);
	assert_int_equal(r.times, 0);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.times, 59);
	for (int i = 0; i < 100; i++)
		assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.times, 101 * 59);
	assert_int_equal(r.wrong, 0);
	assert_int_equal(r.dcf77.report.telegrams, 102);
	assert_int_equal(
		r.dcf77.report.bit_errors + r.dcf77.report.parity_errors + r.dcf77.report.field_events, 0);
	assert_true(r.dcf77.report.correlation > 0.999F);
	assert_int_equal(r.dcf77.report.status, 1 << 3);
}

static void settle(struct radio *r, int64_t minute, bool summer)
{
	start(r, minute - 4, summer);
	for (int i = 0; i < 4; i++)
		send_minute(r);
	assert_true(r->dcf77.believed && r->wrong == 0);
	r->times = 0;
}

static void test_faults(void **state)
{
	static struct radio r;

	(void)state;
	settle(&r, minute_of(2026, 11, 30, 12, 0), false);
	/* A mark that is missing where it matters voids the minute after, and no more. */
	send(&r, dcf77_encode(r.minute + 1, false, false, false), 25, 0);
	assert_int_equal(send_minute(&r), DCF77_MISSING);
	assert_int_equal(r.times, 58);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.times, 58 + 59);
	/* Of the weather it is nothing. */
	send(&r, dcf77_encode(r.minute + 1, false, false, false), 7, 0);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	/* The first of a minute. */
	send(&r, dcf77_encode(r.minute + 1, false, false, false), 0, 0);
	assert_int_equal(r.dcf77.verdicts[DCF77_MINUTE], 6);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	/* A wrong bit. */
	send(&r, dcf77_encode(r.minute + 1, false, false, false) ^ UINT64_C(1) << 30, ALL, 0);
	assert_int_equal(send_minute(&r), DCF77_PARITY);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	/* Two wrong bits that no parity shows: an hour that jumps. */
	send(&r, dcf77_encode(r.minute + 61, false, false, false), ALL, 0);
	assert_int_equal(send_minute(&r), DCF77_IMPLAUSIBLE);
	/* The minute after contradicts the wrong one in turn; the one after that is good again. */
	assert_int_equal(send_minute(&r), DCF77_IMPLAUSIBLE);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.wrong, 0);
	assert_int_equal(r.dcf77.report.implausible, 2);
	assert_int_equal(r.dcf77.report.parity_errors, 2);
	assert_int_equal(r.dcf77.report.bit_errors, 3);
	assert_int_equal(r.dcf77.report.field_events, 0);
}

/* Marks of no known length number no second, and none of them ends the belief in the minute. */
static void test_lengths(void **state)
{
	static const int lengths[] = {0, 20, 39, 40, 139, 140, 259, 260, 5000};
	static struct radio r;

	(void)state;
	settle(&r, minute_of(2026, 11, 30, 12, 0), false);
	for (int second = 0; second < 9; second++, r.second++) {
		bool good = lengths[second] >= 40 && lengths[second] < 260;

		assert_int_equal(mark(&r, second, lengths[second]), second == 0 ? DCF77_MINUTE
								    : good      ? DCF77_MARK
										: DCF77_LENGTH);
	}
	assert_int_equal(r.times, 4);
	assert_int_equal(r.wrong, 0);
	assert_int_equal(r.dcf77.report.bit_errors, 5);
}

/* A zone that changes without having been announced is not believed; one that was announced is followed. */
static void test_summer_time(void **state)
{
	static struct radio r;

	(void)state;
	settle(&r, minute_of(2026, 3, 29, 0, 58), false);
	send(&r, dcf77_encode(r.minute + 1, false, true, false), ALL, 0);
	assert_int_equal(send(&r, dcf77_encode(r.minute + 1, true, true, false), ALL, 0), DCF77_MINUTE);
	r.summer = true;
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.times, 4 * 59);
	assert_int_equal(r.dcf77.report.summer_time, 1);
	/* Back, in autumn: 03:00 CEST is 02:00 CET. */
	settle(&r, minute_of(2026, 10, 25, 0, 58), true);
	send(&r, dcf77_encode(r.minute + 1, true, true, false), ALL, 0);
	assert_int_equal(send(&r, dcf77_encode(r.minute + 1, false, true, false), ALL, 0), DCF77_MINUTE);
	r.summer = false;
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.wrong, 0);
	/* Not announced: the same instant in UTC, and yet. */
	r.summer = true;
	send_minute(&r);
	assert_int_equal(send_minute(&r), DCF77_IMPLAUSIBLE);
	assert_int_equal(r.wrong, 0);
}

/* 61 seconds, the last but one with a mark. */
static void test_leap_second(void **state)
{
	static struct radio r;
	int64_t last = minute_of(2026, 12, 31, 23, 59);

	(void)state;
	settle(&r, minute_of(2026, 12, 31, 22, 50), false);
	while (r.minute < last)
		send(&r, dcf77_encode(r.minute + 1, false, false, r.minute >= minute_of(2026, 12, 31, 23, 0)),
			ALL, 0);
	/* Announced from the first telegram that is in by 23:01 on. */
	assert_int_equal(r.leaps, 58 * 59);
	send(&r, dcf77_encode(r.minute + 1, false, false, true), ALL, 1);
	assert_int_equal(r.leaps, 58 * 59 + 60);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.leaps, 58 * 59 + 60);
	assert_int_equal(r.wrong, 0);
	assert_int_equal(r.dcf77.report.bit_errors + r.dcf77.report.parity_errors, 0);
}

/* One that nobody announced is a minute with a mark too many: nothing is believed until two telegrams agree
 * again. */
static void test_false_leap_second(void **state)
{
	static struct radio r;

	(void)state;
	settle(&r, minute_of(2026, 11, 30, 12, 0), false);
	send(&r, dcf77_encode(r.minute + 1, false, false, false), ALL, 1);
	assert_int_equal(r.dcf77.verdicts[DCF77_MARKER], 1);
	r.times = 0;
	send_minute(&r);
	assert_int_equal(r.times, 0);
	/* The counter says that a second is too much. */
	assert_int_equal(send_minute(&r), DCF77_IMPLAUSIBLE);
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
}

static void test_lost_signal(void **state)
{
	static struct radio r;

	(void)state;
	settle(&r, minute_of(2026, 11, 30, 12, 0), false);
	r.second += 600;
	r.minute += 10;
	assert_int_equal(send_minute(&r), DCF77_LOST);
	assert_int_equal(r.times, 0);
	assert_int_equal(r.dcf77.report.field_events, 1);
	send_minute(&r);
	/* By the telegram of ten minutes before it needs no second one. */
	assert_int_equal(send_minute(&r), DCF77_MINUTE);
	assert_int_equal(r.dcf77.report.field_events, 2);
	assert_int_equal(r.wrong, 0);
	/* Some seconds too many. */
	r.second += 11;
	assert_int_equal(mark(&r, 0, 100), DCF77_LOST);
	settle(&r, minute_of(2026, 11, 30, 12, 0), false);
	/* The grid shifts by 0.4 s, as by a receiver that was exchanged. */
	r.second += 0.4;
	send_minute(&r);
	assert_int_equal(r.dcf77.verdicts[DCF77_EXTRA], 4);
	assert_int_equal(r.dcf77.verdicts[DCF77_LOST], 1);
	send_minute(&r);
	r.times = 0;
	for (int i = 0; i < 3; i++)
		send_minute(&r);
	assert_int_equal(r.dcf77.report.implausible, 0);
	assert_true(r.times >= 2 * 59);
	assert_int_equal(r.wrong, 0);
}

/* Noise of all kinds: marks between, marks lost, marks of wrong lengths. What is given is right all the same.
 */
static void test_noise(void **state)
{
	static struct radio r;
	int given = 0;

	(void)state;
	for (unsigned rate = 2; rate < 400; rate *= 2) {
		start(&r, minute_of(2026, 6, 30, 3, 0), true);
		for (int i = 0; i < 600; i++) {
			uint64_t bits = dcf77_encode(r.minute + 1, r.summer, false, false);

			for (int second = 0; second < 59; second++) {
				int ms = bits >> second & 1 ? 200 : 100;

				if (random_below(rate) == 0)
					ms = (int)random_below(300);
				if (random_below(rate * 4) != 0)
					mark(&r, second, ms);
				r.second += 0.5;
				if (random_below(rate) == 0)
					dcf77_mark(&r.dcf77, (uint64_t)(r.second * hz), random_below(300));
				dcf77_take(&r.dcf77, &(struct dcf77_time){0});
				r.second += 0.5;
			}
			r.second++;
			r.minute++;
		}
		assert_int_equal(r.wrong, 0);
		given += r.times;
	}
	assert_true(given > 50000);
}

static void test_random_marks(void **state)
{
	static struct dcf77 d;
	uint64_t now = 0;

	(void)state;
	dcf77_init(&d, hz, FLOOR);
	for (int i = 0; i < 1000000; i++) {
		struct dcf77_time t;

		now += random_below(3) ? 1000000000 : random_below(3000000) * UINT64_C(1000);
		dcf77_mark(&d, now, random_below(300));
		assert_false(dcf77_take(&d, &t));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_encoder),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_two_in_a_row),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_summer_time),
		cmocka_unit_test(test_leap_second),
		cmocka_unit_test(test_false_leap_second),
		cmocka_unit_test(test_lost_signal),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_random_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
