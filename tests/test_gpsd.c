/* Which gpsd, what libgps makes of its reports, and what the daemon makes of the records. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/gpsd_helper.h"
#include "control/gpsd_lines.h"
#include "control/gpsd_trouble.h"
#include "control/gpsd_unpack.h"
#include "refclock/gpsd_address.h"
#include "refclock/gpsd_record.h"

static const double hz = 1e6;

static void assert_address(const char *text, const char *host, const char *port, const char *device)
{
	struct gpsd_address address;

	assert_true(gpsd_address_parse(&address, text));
	assert_string_equal(address.host, host);
	assert_string_equal(address.port, port);
	assert_string_equal(address.device, device);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {":0", ":65536", ":99999999999", "[::1", "[::1]x", "host:port",
		"host:2947x", "/dev/ttyS0", "host:2947:dev", "host:"};
	struct gpsd_address address;

	(void)state;
	assert_address("", "localhost", "2947", "");
	assert_address("gps.example", "gps.example", "2947", "");
	assert_address("192.0.2.1:2000", "192.0.2.1", "2000", "");
	assert_address(":2000", "localhost", "2000", "");
	assert_address("[fd99::1]:2000:/dev/ttyS0", "fd99::1", "2000", "/dev/ttyS0");
	assert_address("[fd99::1]", "fd99::1", "2947", "");
	assert_address("::/dev/ttyS0", "localhost", "2947", "/dev/ttyS0");
	assert_address("host:/dev/ttyS0", "host", "2947", "/dev/ttyS0");
	assert_address("host:udp://127.0.0.1:5000", "host", "2947", "udp://127.0.0.1:5000");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gpsd_address_parse(&address, bad[i]));
}

static void test_here_or_elsewhere(void **state)
{
	static const struct {
		const char *text;
		bool here;
	} cases[] = {{"", true}, {"localhost:2000", true}, {"127.0.0.9", true}, {"[::1]", true},
		{"192.0.2.1", false}, {"localhost.example", false}, {"[fd99::1]", false},
		{"1270.example", false}};
	struct gpsd_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(gpsd_address_parse(&address, cases[i].text));
		assert_int_equal(gpsd_address_is_here(&address), cases[i].here);
	}
}

static void test_random_addresses(void **state)
{
	static const char letters[] = "[]:/a12";

	(void)state;
	srandom(20261130);
	for (int i = 0; i < 50000; i++) {
		char text[SOURCE_PARAMETER] = "";
		struct gpsd_address address;
		size_t length = (size_t)random() % 20;

		for (size_t j = 0; j < length; j++)
			text[j] = letters[random() % (long)(sizeof(letters) - 1)];
		if (!gpsd_address_parse(&address, text))
			continue;
		assert_true(strlen(address.host) > 0);
		assert_in_range(strtol(address.port, NULL, 10), 1, 65535);
	}
}

/* The records of a line of gpsd's. */
static int unpack(const char *line, struct gpsd_record *record)
{
	static struct gps_data_t data;
	char text[GPSD_LINE];

	assert_true(strlen(line) < sizeof(text));
	memcpy(text, line, strlen(line) + 1);
	return gpsd_unpack(&data, text, strlen(text), record);
}

static void test_fix(void **state)
{
	struct gpsd_record record[GPSD_UNPACK_RECORDS];

	(void)state;
	assert_int_equal(unpack("{\"class\":\"TPV\",\"device\":\"/dev/ttyS0\",\"mode\":3,\"leapseconds\":18,"
				"\"time\":\"2026-11-30T23:00:00.000Z\"}",
				 record),
		1);
	assert_int_equal(record[0].kind, GPSD_FIX);
	assert_int_equal(record[0].fix, RECEIVER_FIX_3D);
	assert_int_equal(record[0].leap_seconds, 18);
	assert_int_equal(unpack("{\"class\":\"TPV\",\"device\":\"/dev/ttyS0\",\"mode\":1}", record), 1);
	assert_int_equal(record[0].fix, RECEIVER_FIX_NONE);
}

static void test_sky(void **state)
{
	struct gpsd_record record[GPSD_UNPACK_RECORDS];
	const struct receiver_gnss *gnss = &record[0].gnss;

	(void)state;
	assert_int_equal(
		unpack("{\"class\":\"SKY\",\"device\":\"/dev/ttyS0\",\"hdop\":0.9,\"pdop\":1.8,\"tdop\":1.1,"
		       "\"satellites\":[{\"PRN\":4,\"el\":77,\"az\":48,\"ss\":42,\"used\":true,\"gnssid\":0,"
		       "\"svid\":4},{\"PRN\":70,\"ss\":20.6,\"used\":false,\"gnssid\":6,\"svid\":6},"
		       "{\"PRN\":301,\"el\":-5,\"az\":359,\"ss\":0,\"used\":false,\"gnssid\":2,\"svid\":1}]}",
			record),
		1);
	assert_int_equal(record[0].kind, GPSD_SKY);
	assert_int_equal(gnss->in_view, 3);
	assert_int_equal(gnss->used, 1);
	assert_int_equal(gnss->satellites, 3);
	assert_true(fabsf(gnss->hdop - 0.9F) < 1e-6F && fabsf(gnss->pdop - 1.8F) < 1e-6F);
	assert_int_equal(gnss->satellite[0].system, 'G');
	assert_int_equal(gnss->satellite[0].prn, 4);
	assert_int_equal(gnss->satellite[0].snr, 42);
	assert_int_equal(gnss->satellite[0].used, 1);
	assert_int_equal(gnss->satellite[0].azimuth, 48);
	assert_int_equal(gnss->satellite[0].elevation, 77);
	assert_int_equal(gnss->satellite[1].system, 'R');
	assert_int_equal(gnss->satellite[1].snr, 21);
	assert_int_equal(gnss->satellite[1].azimuth, -1);
	assert_int_equal(gnss->satellite[1].elevation, -91);
	assert_int_equal(gnss->satellite[2].system, 'E');
	assert_int_equal(gnss->satellite[2].prn, 255);
}

/* What is known of a receiver comes from reports of several kinds, and a new one takes nothing else away. */
static void test_view(void **state)
{
	struct gpsd_record fix = {.kind = GPSD_FIX, .fix = RECEIVER_FIX_3D, .leap_seconds = 18};
	struct gpsd_record sky = {
		.kind = GPSD_SKY, .gnss = {.in_view = 9, .used = 5, .satellites = 200, .hdop = 0.5F}};
	struct gpsd_record stamp = {.kind = GPSD_PPS, .real_sec = 1795996801, .clock_sec = 1795996800};
	struct gpsd_view view = {.connected = true};
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(gpsd_view_take(&view, &fix, 1000, hz, &kernel, &m), GPSD_NOTED);
	assert_int_equal(gpsd_view_take(&view, &sky, 1000, hz, &kernel, &m), GPSD_NOTED);
	assert_int_equal(view.gnss.in_view, 9);
	assert_int_equal(view.gnss.used, 5);
	assert_int_equal(view.gnss.satellites, RECEIVER_SATELLITES);
	assert_int_equal(view.gnss.fix, RECEIVER_FIX_3D);
	assert_int_equal(view.gnss.leap_offset, 18);
	/* GPS - UTC is kept where it is not said, or is none. */
	fix.leap_seconds = 0;
	gpsd_view_take(&view, &fix, 2000, hz, &kernel, &m);
	fix.leap_seconds = 128;
	gpsd_view_take(&view, &fix, 2000, hz, &kernel, &m);
	fix.leap_seconds = -1;
	gpsd_view_take(&view, &fix, 2000, hz, &kernel, &m);
	assert_int_equal(view.gnss.leap_offset, 18);
	/* A fix says nothing after ten seconds. */
	assert_int_equal(gpsd_view_take(&view, &stamp, 2000 + 10000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(m.leap, NTP_LEAP_NONE);
	assert_int_equal(gpsd_view_take(&view, &stamp, 2001 + 10000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC);
}

static void test_stamps(void **state)
{
	struct gpsd_record record[GPSD_UNPACK_RECORDS];

	(void)state;
	assert_int_equal(unpack("{\"class\":\"TOFF\",\"device\":\"/dev/ttyS0\",\"real_sec\":1795996800,"
				"\"real_nsec\":0,\"clock_sec\":1795996800,\"clock_nsec\":123456789}",
				 record),
		1);
	assert_int_equal(record[0].kind, GPSD_TOFF);
	assert_int_equal(record[0].real_sec, 1795996800);
	assert_int_equal(record[0].clock_nsec, 123456789);
	assert_int_equal(unpack("{\"class\":\"PPS\",\"device\":\"/dev/ttyS0\",\"real_sec\":1795996801,"
				"\"real_nsec\":0,\"clock_sec\":1795996800,\"clock_nsec\":999999995,"
				"\"precision\":-20}",
				 record),
		1);
	assert_int_equal(record[0].kind, GPSD_PPS);
	assert_int_equal(record[0].real_sec, 1795996801);
	assert_int_equal(record[0].clock_sec, 1795996800);
	assert_int_equal(record[0].clock_nsec, 999999995);
	/* Cut to 32 bits, it would be 0. */
	assert_int_equal(unpack("{\"class\":\"PPS\",\"device\":\"/dev/ttyS0\",\"real_sec\":1795996801,"
				"\"real_nsec\":4294967296,\"clock_sec\":1795996800,\"clock_nsec\":-1}",
				 record),
		1);
	assert_true(record[0].real_nsec < 0 || record[0].real_nsec == 0);
	assert_true(record[0].clock_nsec < 0);
}

static void test_other_lines(void **state)
{
	struct gpsd_record record[GPSD_UNPACK_RECORDS];

	(void)state;
	assert_int_equal(
		unpack("{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\",\"proto_major\":3,"
		       "\"proto_minor\":14}",
			record),
		0);
	assert_int_equal(unpack("{\"class\":\"ERROR\",\"message\":\"no\"}", record), 0);
	assert_int_equal(unpack("{\"class\":\"TPV\"", record), 0);
	assert_int_equal(unpack("{\"class\":\"TPV\",\"mode\":3}{", record), 0);
	assert_int_equal(unpack(" {\"class\":\"TPV\",\"mode\":3}", record), 0);
	assert_int_equal(unpack("{\"class\":\"TPV\",\"mode\":3,\"mode\":2}", record), 0);
	/* libgps 3.22 would never come back from it. */
	assert_int_equal(unpack("{\"class\":\"SKY\",\"satellites\":[{\"PRN\":4},{\"PRN\":70,\"used\":false,"
				"{\"class\":\"TPV\"id\":6}]}",
				 record),
		0);
	assert_int_equal(unpack("", record), 0);
}

static void assert_word(const char *line, const char *device, enum gpsd_word word, const char *sentence)
{
	char text[96];

	assert_int_equal(gpsd_trouble(line, strlen(line), device, text, sizeof(text)), word);
	assert_string_equal(text, sentence);
}

/* What gpsd says of why it has no time, as 3.22 and 3.25 say it. */
static void test_trouble(void **state)
{
	static const char none[] = "{\"class\":\"DEVICES\",\"devices\":[]}";
	static const char one[] = "{\"class\":\"DEVICES\",\"devices\":[{\"class\":\"DEVICE\",\"path\":\"/dev/"
				  "ttyS0\",\"activated\":\"2026-11-30T12:00:00.000Z\"}]}";
	static const char gone[] = "{\"class\":\"DEVICE\",\"path\":\"/dev/ttyS0\",\"activated\":0}";

	(void)state;
	assert_word("{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}", "",
		GPSD_WORD_OTHER, "");
	assert_word("{\"class\":\"VERSION\",\"release\":\"9\",\"proto_major\":4,\"proto_minor\":0}", "",
		GPSD_WORD_FOREIGN, "it speaks version 4 of its protocol, expected 3");
	assert_word(none, "", GPSD_WORD_TROUBLE, "it has no receiver");
	assert_word(none, "/dev/ttyS0", GPSD_WORD_TROUBLE, "it has no receiver at /dev/ttyS0");
	assert_word(one, "", GPSD_WORD_TROUBLE, "");
	assert_word(one, "/dev/ttyS0", GPSD_WORD_TROUBLE, "");
	assert_word(one, "/dev/ttyS1", GPSD_WORD_TROUBLE, "it has no receiver at /dev/ttyS1");
	assert_word(gone, "", GPSD_WORD_TROUBLE, "its receiver /dev/ttyS0 has gone");
	assert_word(gone, "/dev/ttyS1", GPSD_WORD_OTHER, "");
	assert_word(
		"{\"class\":\"DEVICE\",\"path\":\"/dev/ttyS0\",\"activated\":\"2026-11-30T12:00:00.000Z\"}",
		"", GPSD_WORD_TROUBLE, "");
	assert_word("{\"class\":\"ERROR\",\"message\":\"No such device\"}", "", GPSD_WORD_TROUBLE,
		"it says \"No such device\"");
	assert_word("{\"class\":\"TPV\",\"mode\":3}", "", GPSD_WORD_OTHER, "");
	assert_word("{\"class\":\"DEVICES\"", "", GPSD_WORD_OTHER, "");
	assert_word("{\"class\":\"DEVICES\",\"devices\":7}", "", GPSD_WORD_OTHER, "");
	assert_word("{\"class\":\"VERSION\",\"proto_major\":\"x\"}", "", GPSD_WORD_OTHER, "");
	assert_word("", "", GPSD_WORD_OTHER, "");
}

static void put(struct gpsd_lines *lines, const char *octets, size_t length)
{
	size_t room;
	char *at = gpsd_lines_room(lines, &room);

	assert_true(room >= length);
	memcpy(at, octets, length);
	gpsd_lines_added(lines, length);
}

static void assert_line(struct gpsd_lines *lines, const char *expected)
{
	char line[GPSD_LINE];
	size_t length;

	assert_true(gpsd_lines_next(lines, line, &length));
	assert_string_equal(line, expected);
	assert_int_equal(length, strlen(expected));
}

static void test_lines(void **state)
{
	static struct gpsd_lines lines;
	char line[GPSD_LINE];
	size_t length;

	(void)state;
	put(&lines, "one\ntw", 6);
	assert_line(&lines, "one");
	assert_false(gpsd_lines_next(&lines, line, &length));
	put(&lines, "o\n\nthree", 8);
	assert_line(&lines, "two");
	assert_line(&lines, "");
	assert_false(gpsd_lines_next(&lines, line, &length));
	put(&lines, "\n", 1);
	assert_line(&lines, "three");
}

/* A line that is too long is dropped to its end, and the next one is whole. */
static void test_a_line_without_end(void **state)
{
	static struct gpsd_lines lines;
	char line[GPSD_LINE];
	size_t length, room;

	(void)state;
	for (int i = 0; i < 5; i++) {
		char *at = gpsd_lines_room(&lines, &room);

		memset(at, 'x', room);
		gpsd_lines_added(&lines, room);
		assert_false(gpsd_lines_next(&lines, line, &length));
	}
	put(&lines, "xx\nnext\n", 8);
	assert_line(&lines, "next");
	assert_false(gpsd_lines_next(&lines, line, &length));
	/* The longest that fits. */
	(void)gpsd_lines_room(&lines, &room);
	assert_int_equal(room, GPSD_LINE);
	memset(line, 'y', sizeof(line));
	line[GPSD_LINE - 1] = '\n';
	put(&lines, line, sizeof(line));
	assert_true(gpsd_lines_next(&lines, line, &length));
	assert_int_equal(length, GPSD_LINE - 1);
}

static struct gpsd_record stamp(enum gpsd_kind kind, int64_t seconds)
{
	return (struct gpsd_record){
		.kind = kind, .real_sec = seconds, .clock_sec = seconds, .clock_nsec = 250000000};
}

static struct gpsd_record fix(enum receiver_fix fix)
{
	return (struct gpsd_record){.kind = GPSD_FIX, .fix = fix, .leap_seconds = 18};
}

static void test_stamps_become_measurements(void **state)
{
	struct gpsd_view view = {.connected = false};
	struct gpsd_record record = stamp(GPSD_TOFF, 1795996800);
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(gpsd_view_take(&view, &record, 1000000, hz, &kernel, &m), GPSD_STAMP);
	assert_true(kernel == ntp64_from_unix(1795996800, 250000000));
	assert_true(m.time == ntp64_from_unix(1795996800, 0));
	assert_false(m.pulse);
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC); /* nothing is known of a fix */
	record = fix(RECEIVER_FIX_2D);
	assert_int_equal(gpsd_view_take(&view, &record, 2000000, hz, &kernel, &m), GPSD_NOTED);
	assert_int_equal(view.gnss.leap_offset, 18);
	record = stamp(GPSD_TOFF, 1795996801);
	assert_int_equal(gpsd_view_take(&view, &record, 2000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(m.leap, NTP_LEAP_NONE);
	/* The fix is too old, then lost. */
	assert_int_equal(gpsd_view_take(&view, &record, 13000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC);
	record = fix(RECEIVER_FIX_NONE);
	gpsd_view_take(&view, &record, 14000000, hz, &kernel, &m);
	record = stamp(GPSD_TOFF, 1795996813);
	assert_int_equal(gpsd_view_take(&view, &record, 14000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC);
}

/* Reports of a second are late by whatever the line takes: where there are pulses, they are not used. */
static void test_pulses_are_preferred(void **state)
{
	struct gpsd_view view = {.connected = false};
	const struct gpsd_record pulse = stamp(GPSD_PPS, 1795996800), report = stamp(GPSD_TOFF, 1795996800);
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(gpsd_view_take(&view, &report, 1000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(gpsd_view_take(&view, &pulse, 1000000, hz, &kernel, &m), GPSD_STAMP);
	assert_int_equal(gpsd_view_take(&view, &report, 1200000, hz, &kernel, &m), GPSD_UNNEEDED);
	assert_int_equal(gpsd_view_take(&view, &report, 10900000, hz, &kernel, &m), GPSD_UNNEEDED);
	assert_int_equal(gpsd_view_take(&view, &report, 11100000, hz, &kernel, &m), GPSD_STAMP);
}

static void test_gpsd_goes(void **state)
{
	struct gpsd_view view = {.connected = false};
	struct gpsd_record record = {.kind = GPSD_CONNECTED};
	struct measurement m;
	ntp64 kernel;

	(void)state;
	gpsd_view_take(&view, &record, 1, hz, &kernel, &m);
	assert_true(view.connected);
	record = fix(RECEIVER_FIX_3D);
	gpsd_view_take(&view, &record, 2, hz, &kernel, &m);
	record = (struct gpsd_record){.kind = GPSD_GONE};
	memset(record.text, 'x', sizeof(record.text));
	gpsd_view_take(&view, &record, 3, hz, &kernel, &m);
	assert_false(view.connected);
	assert_int_equal(view.gnss.fix, RECEIVER_FIX_UNKNOWN);
	assert_int_equal(strlen(view.message), sizeof(view.message) - 1);
	record = stamp(GPSD_TOFF, 1795996813);
	gpsd_view_take(&view, &record, 4, hz, &kernel, &m);
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC);
}

/* Of a receiver's trouble, until there is a stamp; in words that may go to a terminal. */
static void test_trouble_is_kept(void **state)
{
	struct gpsd_view view = {.connected = false};
	struct gpsd_record record = {.kind = GPSD_CONNECTED};
	struct measurement m;
	ntp64 kernel;

	(void)state;
	gpsd_view_take(&view, &record, 0, hz, &kernel, &m);
	record = (struct gpsd_record){.kind = GPSD_TROUBLE};
	snprintf(record.text, sizeof(record.text), "no\x1b[2J receiver");
	assert_int_equal(gpsd_view_take(&view, &record, 0, hz, &kernel, &m), GPSD_NOTED);
	assert_true(view.connected);
	assert_string_equal(view.message, "no?[2J receiver");
	record = stamp(GPSD_PPS, 1700000000);
	assert_int_equal(gpsd_view_take(&view, &record, 0, hz, &kernel, &m), GPSD_STAMP);
	assert_string_equal(view.message, "");
}

static void test_hostile_records(void **state)
{
	struct gpsd_view view = {.connected = false};
	struct gpsd_record record = stamp(GPSD_PPS, -1);
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(gpsd_view_take(&view, &record, 1, hz, &kernel, &m), GPSD_TIME);
	assert_false(view.has_pulse);
	record = stamp(GPSD_TOFF, 1);
	record.real_nsec = 1000000000;
	assert_int_equal(gpsd_view_take(&view, &record, 1, hz, &kernel, &m), GPSD_TIME);
	record.kind = 77;
	assert_int_equal(gpsd_view_take(&view, &record, 1, hz, &kernel, &m), GPSD_KIND);
	srandom(20261130);
	for (int i = 0; i < 100000; i++) {
		for (size_t j = 0; j < sizeof(record); j++)
			((uint8_t *)&record)[j] = (uint8_t)random();
		record.kind = (uint32_t)random() % 8;
		if (gpsd_view_take(&view, &record, (uint64_t)i, hz, &kernel, &m) == GPSD_STAMP)
			assert_true(m.leap <= NTP_LEAP_UNSYNC);
		assert_true(view.gnss.fix <= RECEIVER_FIX_3D && view.gnss.satellites <= RECEIVER_SATELLITES);
		assert_true(memchr(view.message, 0, sizeof(view.message)));
	}
}

/* How a child ends that does something under the filter of who talks. */
static int under_filter(bool makes_socket)
{
	char text[256];
	int status = 0;
	const pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (!gpsd_helper_filter(SANDBOX_KILL, text, sizeof(text)))
			_exit(1);
		alarm(2);
		if (makes_socket)
			(void)socket(AF_UNIX, SOCK_STREAM, 0);
		alarm(0);
		_exit(42);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_is_confined(void **state)
{
	int status;

	(void)state;
	status = under_filter(false);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = under_filter(true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void test_every_verdict_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GPSD_VERDICT_COUNT; i++)
		assert_string_not_equal(gpsd_verdict_text(i), "unknown");
	assert_string_equal(gpsd_verdict_text(GPSD_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_here_or_elsewhere),
		cmocka_unit_test(test_random_addresses),
		cmocka_unit_test(test_fix),
		cmocka_unit_test(test_sky),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_trouble_is_kept),
		cmocka_unit_test(test_is_confined),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_a_line_without_end),
		cmocka_unit_test(test_stamps_become_measurements),
		cmocka_unit_test(test_pulses_are_preferred),
		cmocka_unit_test(test_gpsd_goes),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_every_verdict_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
