/* What a keeper's words become: refclock/keeper.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/keeper.h"

static const uint64_t second_ns = 1000000000, instant = 5000 * UINT64_C(1000000000);

/* As chronyc 4.3 printed them. */
#define TAIL "0.000000018,0.000000170,0.207,-0.021,6.019,0.000016766,0.000018296,16.2,"
static const char synchronised[] = "0A4D0001,10.77.0.1,9,1795296810.326950709,-0.000001910," TAIL "Normal\n";
static const char ipv6[] = "3F2A9C01,2001:db8::1,3,1795296810.5,0.25," TAIL "Insert second\n";
static const char refclock[] = "50505300,PPS,1,1795296810.000000000,+0.000000001," TAIL "Delete second";
static const char local[] =
	"7F7F0101,,8,1795296350.357550854,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
	"0.000000000,0.000000000,0.0,Normal\n";
static const char unsynchronised[] =
	"00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
	"1.000000000,1.000000000,0.0,Not synchronised\n";

static bool read_line(struct keeper_status *status, const char *line)
{
	size_t length = strlen(line);
	char *exact = malloc(length ? length : 1); /* so that a sanitizer sees a read past the end */
	bool good;

	memcpy(exact, line, length);
	good = keeper_from_tracking(status, exact, length, instant);
	free(exact);
	return good;
}

static void assert_within(uint64_t units, double seconds, double more)
{
	assert_true((double)units >= seconds * (double)NTP64_SECOND - 1);
	assert_true((double)units <= seconds * (double)NTP64_SECOND + more);
}

static void assert_close(uint64_t units, double seconds)
{
	assert_within(units, seconds, 2);
}

static void test_synchronised(void **state)
{
	const uint8_t refid[4] = {10, 77, 0, 1};
	struct keeper_status s;

	(void)state;
	assert_true(read_line(&s, synchronised));
	assert_int_equal(s.keeper, TIMEBASE_KEEPER_CHRONY);
	assert_int_equal(s.stratum, 9);
	assert_int_equal(s.leap, NTP_LEAP_NONE);
	assert_memory_equal(s.refid, refid, 4);
	/* 16.766 us are 1.099 of 2^-16 s */
	assert_int_equal(s.root_delay, 2);
	assert_close(s.root_dispersion, 0.000018296 + 0.000001910);
	assert_close(s.dispersion_growth, 21.04e-6);
	assert_true(s.instant == instant);
	assert_true(keeper_is_synchronised(&s));
	/* Near the reference time, never after it. */
	assert_true(ntp64_diff(ntp64_from_unix(1795296810, 326950709), s.reference) >= 0);
	assert_true(
		ntp64_diff(ntp64_from_unix(1795296810, 326950709), s.reference) <= 2 * KEEPER_MARK_MASK + 2);
	assert_int_equal(s.reference & KEEPER_MARK_MASK, KEEPER_MARK);
}

static void test_other_golden_lines(void **state)
{
	struct keeper_status s;

	(void)state;
	assert_true(read_line(&s, ipv6));
	assert_int_equal(s.stratum, 3);
	assert_int_equal(s.leap, NTP_LEAP_INSERT);
	assert_memory_equal(s.refid, "\x3f\x2a\x9c\x01", 4);
	/* A correction of 0.25 s is under way: the kernel clock is wrong by it. */
	assert_close(s.root_dispersion, 0.250018296);
	assert_true(read_line(&s, refclock));
	assert_int_equal(s.stratum, 1);
	assert_int_equal(s.leap, NTP_LEAP_DELETE);
	assert_memory_equal(s.refid, "PPS", 4);
	assert_true(read_line(&s, local));
	assert_int_equal(s.stratum, 8);
	assert_int_equal(s.root_delay, 0);
	assert_int_equal(s.root_dispersion, 0);
	assert_memory_equal(s.refid, "\x7f\x7f\x01\x01", 4);
	assert_close(s.dispersion_growth, 15e-6);
}

static void test_not_synchronised(void **state)
{
	const uint8_t none[4] = {0};
	struct keeper_status s;

	(void)state;
	assert_true(read_line(&s, unsynchronised));
	assert_int_equal(s.keeper, TIMEBASE_KEEPER_CHRONY);
	assert_int_equal(s.leap, NTP_LEAP_UNSYNC);
	assert_int_equal(s.stratum, NTP_STRATUM_UNSYNC);
	assert_memory_equal(s.refid, none, 4);
	assert_int_equal(s.root_delay, 0x10000);
	assert_true(s.reference == 0);
	assert_false(keeper_is_synchronised(&s));
	/* Leap and stratum that contradict each other are the worse of the two. */
	assert_true(read_line(&s, "0A4D0001,a,0,1.0,0.0," TAIL "Normal"));
	assert_false(keeper_is_synchronised(&s));
	assert_true(read_line(&s, "0A4D0001,a,16,1.0,0.0," TAIL "Normal"));
	assert_false(keeper_is_synchronised(&s));
	assert_true(read_line(&s, "0A4D0001,a,2,1.0,0.0," TAIL "Not synchronised"));
	assert_false(keeper_is_synchronised(&s));
	assert_int_equal(s.stratum, NTP_STRATUM_UNSYNC);
}

/* chronyd rounds up to 2^-16 s what chronyc prints rounded to 10^-9 s. */
static void test_root_delay_survives_printing(void **state)
{
	(void)state;
	for (unsigned units = 0; units < 70000; units += 7) {
		struct keeper_status s;
		char line[256];

		snprintf(line, sizeof(line), "0A4D0001,a,2,1.0,0.0,0.0,0.0,0.0,0.0,0.0,%.9f,0.0,1.0,Normal",
			units / 65536.0);
		assert_true(read_line(&s, line));
		assert_int_equal(s.root_delay, units);
	}
}

static void test_malformed(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		",,,,,,,,,,,,,",
		"506 Cannot talk to daemon\n",
		"0A4D000,a,2,1.0,0.0," TAIL "Normal",
		"0A4D00011,a,2,1.0,0.0," TAIL "Normal",
		"0A4D000G,a,2,1.0,0.0," TAIL "Normal",
		"0A4D0001,a,17,1.0,0.0," TAIL "Normal",
		"0A4D0001,a,-1,1.0,0.0," TAIL "Normal",
		"0A4D0001,a,002,1.0,0.0," TAIL "Normal",
		"0A4D0001,a,,1.0,0.0," TAIL "Normal",
		"0A4D0001,a,2,-1.0,0.0," TAIL "Normal",
		"0A4D0001,a,2,nan,0.0," TAIL "Normal",
		"0A4D0001,a,2,1.0,nan," TAIL "Normal",
		"0A4D0001,a,2,1.0,inf," TAIL "Normal",
		"0A4D0001,a,2,1.0,1e9," TAIL "Normal",
		"0A4D0001,a,2,1.0,0x10," TAIL "Normal",
		"0A4D0001,a,2,1.0,0;5," TAIL "Normal",
		"0A4D0001,a,2,1.0,.5," TAIL "Normal",
		"0A4D0001,a,2,1.0,5.," TAIL "Normal",
		"0A4D0001,a,2,1.0, 0.5," TAIL "Normal",
		"0A4D0001,a,2,1.0,--0.5," TAIL "Normal",
		"0A4D0001,a,2,1.0,1234567890123.0," TAIL "Normal",
		"0A4D0001,a,2,1.0,0.1234567890," TAIL "Normal",
		"0A4D0001,a,2,1.0,0.0," TAIL "normal",
		"0A4D0001,a,2,1.0,0.0," TAIL "Normal,",
		"0A4D0001,a,2,1.0,0.0," TAIL "Normal\r\n",
		"0A4D0001,a,2,1.0,0.0," TAIL "Normal\n\n",
		"0A4D0001,a,2,1.0,0.0," TAIL,
		"0A4D0001,a,b,2,1.0,0.0," TAIL "Normal",
		"0A4D0001,2,1.0,0.0," TAIL "Normal",
		"0A4D0001,a,2,1.0,0.0,0.0,0.0,0.0,0.0,-0.1,0.0,0.0,1.0,Normal",
		"0A4D0001,a,2,1.0,0.0,0.0,0.0,0.0,0.0,0.1,-1.0,0.0,1.0,Normal",
		"0A4D0001,a,2,1.0,0.0,0.0,0.0,0.0,0.0,0.1,0.0,-1.0,1.0,Normal",
	};
	struct keeper_status s = {.stratum = 77}, before = s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (read_line(&s, lines[i]))
			fail_msg("accepted: %s", lines[i]);
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

static void test_overlong(void **state)
{
	struct keeper_status s;
	char line[2048] = "0A4D0001,";

	(void)state;
	memset(line + strlen(line), 'a', 1024);
	strcat(line, ",2,1.0,0.0," TAIL "Normal");
	assert_false(read_line(&s, line));
}

static void test_saturation(void **state)
{
	struct keeper_status s;

	(void)state;
	assert_true(read_line(&s,
		"0A4D0001,a,2,999999999999.999999999,-999999999999.0,0.0,0.0,0.0,0.0,999999999999.0,"
		"999999999999.0,999999999999.0,1.0,Normal"));
	assert_int_equal(s.root_delay, UINT32_MAX);
	assert_true(s.root_dispersion == KEEPER_DISPERSION_MAX * NTP64_SECOND);
	assert_int_equal(s.dispersion_growth, UINT32_MAX);
}

static void assert_fit_to_serve(const struct keeper_status *s)
{
	assert_true(s->leap <= NTP_LEAP_UNSYNC);
	assert_true(s->stratum >= 1 && s->stratum <= NTP_STRATUM_UNSYNC);
	assert_true((s->leap == NTP_LEAP_UNSYNC) == (s->stratum == NTP_STRATUM_UNSYNC));
	assert_true(s->dispersion_growth >= 15e-6 * (double)NTP64_SECOND);
	assert_true(s->root_dispersion <= KEEPER_DISPERSION_MAX * NTP64_SECOND);
	assert_true(s->reference == 0 || (s->reference & KEEPER_MARK_MASK) == KEEPER_MARK);
}

static void test_mutations(void **state)
{
	static const char *const seeds[] = {synchronised, ipv6, refclock, local, unsynchronised};
	static const char alphabet[] = "0123456789,.-+eEnaNif \n\tN";
	unsigned good = 0;

	(void)state;
	srandom(7);
	for (int i = 0; i < 300000; i++) {
		struct keeper_status s;
		char line[256];

		strcpy(line, seeds[random() % 5]);
		for (long n = random() % 4; n >= 0; n--) {
			size_t length = strlen(line), at = (size_t)random() % length;

			if (random() % 3)
				line[at] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
			else if (random() % 2)
				memmove(line + at, line + at + 1, length - at);
			else
				line[at] = (char)(random() % 255 + 1);
			if (!line[0])
				strcpy(line, ",");
		}
		if (!read_line(&s, line))
			continue;
		assert_fit_to_serve(&s);
		good++;
	}
	/* Most digits can be another. */
	assert_true(good > 3000);
}

static struct client_reply golden_reply(void)
{
	return (struct client_reply){
		.verdict = CLIENT_ANSWERED,
		.leap = NTP_LEAP_INSERT,
		.version = 4,
		.stratum = 2,
		.refid = {192, 0, 2, 7},
		.root_delay = 0x123,
		.root_dispersion = 0x456,
		.reference = UINT64_C(0xe000000012345678),
		.offset = -0.001,
	};
}

static void test_reply(void **state)
{
	struct client_reply reply = golden_reply();
	struct keeper_status s;

	(void)state;
	assert_true(keeper_from_reply(&s, &reply, instant));
	assert_fit_to_serve(&s);
	assert_int_equal(s.keeper, TIMEBASE_KEEPER_NTP);
	assert_int_equal(s.leap, NTP_LEAP_INSERT);
	assert_int_equal(s.stratum, 2);
	assert_memory_equal(s.refid, reply.refid, 4);
	assert_int_equal(s.root_delay, 0x123);
	assert_close(s.root_dispersion, 0x456 / 65536.0 + 0.001);
}

static void test_refused_replies(void **state)
{
	struct keeper_status s;

	(void)state;
	for (int i = 0; i < 9; i++) {
		struct client_reply reply = golden_reply();

		if (i == 0)
			reply.verdict = CLIENT_UNSYNCHRONISED;
		else if (i == 1)
			reply.leap = NTP_LEAP_UNSYNC;
		else if (i == 2)
			reply.stratum = 0;
		else if (i == 3)
			reply.stratum = NTP_STRATUM_UNSYNC;
		else if (i == 4)
			reply.root_dispersion = 16 << 16;
		else if (i == 5)
			reply.root_delay = UINT32_MAX;
		else if (i == 6)
			reply.offset = NAN;
		else if (i == 7)
			reply.offset = -20;
		else
			reply.leap = 200;
		assert_false(keeper_from_reply(&s, &reply, instant));
	}
}

/* What we publish comes back from a responder of our own. */
static void test_own_reply_is_refused(void **state)
{
	struct client_reply reply = golden_reply();
	struct keeper_status s, again;

	(void)state;
	assert_true(keeper_from_reply(&s, &reply, instant));
	reply.reference = s.reference;
	assert_false(keeper_from_reply(&again, &reply, instant));
	keeper_from_nobody(&s, 10, UINT64_C(0xe000000012345678), instant);
	reply.reference = s.reference;
	assert_false(keeper_from_reply(&again, &reply, instant));
}

static void test_kernel(void **state)
{
	const ntp64 now = UINT64_C(0xe000000000000000);
	struct timex timex = {.maxerror = 2500, .status = STA_PLL | STA_INS};
	struct keeper_status s;

	(void)state;
	assert_true(keeper_from_kernel(&s, TIME_INS, &timex, 5, now, instant));
	assert_fit_to_serve(&s);
	assert_int_equal(s.keeper, TIMEBASE_KEEPER_ADJTIMEX);
	assert_int_equal(s.stratum, 5);
	assert_int_equal(s.leap, NTP_LEAP_INSERT);
	assert_close(s.root_dispersion, 0.0025);
	assert_close(s.dispersion_growth, 500e-6);
	assert_memory_equal(s.refid, "\x7f\x7f\x01\x01", 4);
	assert_true(ntp64_diff(now, s.reference) >= 0);
	timex.status = STA_PLL | STA_DEL;
	assert_true(keeper_from_kernel(&s, TIME_DEL, &timex, 5, now, instant));
	assert_int_equal(s.leap, NTP_LEAP_DELETE);
	assert_true(keeper_from_kernel(&s, TIME_DEL, &timex, 0, now, instant));
	assert_fit_to_serve(&s);
	assert_int_equal(s.leap, NTP_LEAP_UNSYNC);
}

static void test_kernel_that_is_not_synchronised(void **state)
{
	struct timex good = {.maxerror = 2500}, unsync = {.maxerror = 2500, .status = STA_UNSYNC};
	struct timex far = {.maxerror = 16000000}, negative = {.maxerror = -1};
	struct keeper_status s;

	(void)state;
	assert_true(keeper_from_kernel(&s, TIME_OK, &good, 5, 1, instant));
	assert_false(keeper_from_kernel(&s, -1, &good, 5, 1, instant));
	assert_false(keeper_from_kernel(&s, TIME_ERROR, &good, 5, 1, instant));
	assert_false(keeper_from_kernel(&s, TIME_OK, &unsync, 5, 1, instant));
	assert_false(keeper_from_kernel(&s, TIME_OK, &far, 5, 1, instant));
	assert_false(keeper_from_kernel(&s, TIME_OK, &negative, 5, 1, instant));
}

static void test_nobody(void **state)
{
	struct keeper_status s;

	(void)state;
	keeper_from_nobody(&s, 0, 1, instant);
	assert_fit_to_serve(&s);
	assert_int_equal(s.keeper, TIMEBASE_KEEPER_NONE);
	assert_false(keeper_is_synchronised(&s));
	keeper_from_nobody(&s, 10, UINT64_C(0xe000000000000000), instant);
	assert_fit_to_serve(&s);
	assert_int_equal(s.keeper, TIMEBASE_KEEPER_LOCAL);
	assert_int_equal(s.stratum, 10);
	assert_int_equal(s.root_dispersion, 0);
	assert_memory_equal(s.refid, "\x7f\x7f\x01\x01", 4);
}

static void test_staleness(void **state)
{
	struct keeper_status held, s;
	struct client_reply reply = golden_reply();

	(void)state;
	assert_true(read_line(&held, synchronised));
	assert_false(keeper_is_stale(&held, instant));
	assert_false(keeper_is_stale(&held, instant + 10 * second_ns));
	assert_true(keeper_is_stale(&held, instant + 10 * second_ns + 1));
	assert_true(keeper_is_stale(&held, instant - 1));
	assert_true(keeper_from_reply(&s, &reply, instant + 5 * second_ns));
	assert_false(keeper_supersedes(&s, &held));
	assert_true(keeper_supersedes(&held, &s));
	assert_true(keeper_supersedes(&s, &s));
	s.instant = instant + 11 * second_ns;
	assert_true(keeper_supersedes(&s, &held));
	held.keeper = TIMEBASE_KEEPER_NONE;
	s.instant = instant;
	assert_true(keeper_supersedes(&s, &held));
}

static void test_publish(void **state)
{
	struct keeper_status s;
	struct timebase tb = {.counter = 42, .error_bound = 43};

	(void)state;
	assert_true(read_line(&s, synchronised));
	keeper_publish(&s, instant + 8 * second_ns, &tb);
	/* Each of the 8 s may round its growth up. */
	assert_within(tb.root_dispersion, 0.000018296 + 0.000001910 + 8 * 21.04e-6, 2 + 8 + 1);
	assert_true(tb.root_dispersion > s.root_dispersion + 8 * (uint64_t)s.dispersion_growth);
	assert_int_equal(tb.keeper, s.keeper);
	assert_int_equal(tb.stratum, 9);
	assert_int_equal(tb.root_delay, s.root_delay);
	assert_int_equal(tb.dispersion_growth, s.dispersion_growth);
	assert_memory_equal(tb.refid, s.refid, 4);
	assert_true(tb.reference == s.reference && tb.counter == 42 && tb.error_bound == 43);
	keeper_publish(&s, instant - second_ns, &tb);
	assert_true(tb.root_dispersion >= s.root_dispersion);
	assert_true(tb.root_dispersion <= s.root_dispersion + 2);
}

static void test_differs(void **state)
{
	struct keeper_status a, b;

	(void)state;
	assert_true(read_line(&a, synchronised));
	b = a;
	b.root_delay++;
	b.instant++;
	assert_false(keeper_differs(&a, &b));
	b.refid[3]++;
	assert_true(keeper_differs(&a, &b));
	b = a;
	b.leap = NTP_LEAP_INSERT;
	assert_true(keeper_differs(&a, &b));
}

/* Who compares with the network's time has to count a clock in that chronyd -x does not set. */
static void test_time_of_a_clock_that_nobody_sets(void **state)
{
	static const double offsets[] = {0.25, -0.25, 1.75, 1e-4, -1e-4, 0};
	struct keeper_status s;
	char line[KEEPER_LINE];
	int64_t ahead;
	uint64_t error;

	(void)state;
	for (int i = 0; i < 6; i++) {
		const bool counted = fabs(offsets[i]) > 1e-3;
		double rest = 0.002 + (counted ? 0 : fabs(offsets[i]));

		snprintf(line, sizeof(line),
			"0A4D0001,10.77.0.1,9,1795296810.5,%.9f,0,0,0,0,0,0.002,0.001,1.0,Normal",
			offsets[i]);
		assert_true(read_line(&s, line));
		keeper_time(&s, instant, &ahead, &error);
		assert_true(fabs((double)ahead / (double)NTP64_SECOND - (counted ? offsets[i] : 0)) < 1e-8);
		assert_true(fabs((double)error / (double)NTP64_SECOND - rest) < 2e-5);
		keeper_time(&s, instant + 2000000000, &ahead, &error);
		rest += counted ? 1e-3 : 0;
		assert_true(fabs((double)error / (double)NTP64_SECOND - rest) < 1e-4);
	}
	snprintf(line, sizeof(line),
		"0A4D0001,10.77.0.1,9,1795296810.5,99999,0,0,0,0,0,0.002,0.001,1.0,Normal");
	assert_true(read_line(&s, line));
	keeper_time(&s, instant, &ahead, &error);
	assert_true(ahead == 0 && error >= 65535 * NTP64_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_synchronised),
		cmocka_unit_test(test_time_of_a_clock_that_nobody_sets),
		cmocka_unit_test(test_other_golden_lines),
		cmocka_unit_test(test_not_synchronised),
		cmocka_unit_test(test_root_delay_survives_printing),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_overlong),
		cmocka_unit_test(test_saturation),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_refused_replies),
		cmocka_unit_test(test_own_reply_is_refused),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_kernel_that_is_not_synchronised),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_staleness),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
