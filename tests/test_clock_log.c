/* control/clock_log.h and control/drift_file.h: lines as chrony writes them, and drift files of any content.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/clock_log.h"
#include "control/drift_file.h"
#include "dataplane/log.h"
#include "ntp/timestamp.h"
#include "tests/clock_files_fixture.h"

static void assert_line(
	const struct discipline_record *r, int index, enum clock_log_file file, const char *expected)
{
	struct clock_log_line line[CLOCK_LOG_LINES];

	assert_true(index < clock_log_format(line, &settings, r));
	assert_int_equal(line[index].file, file);
	assert_string_equal(line[index].text, expected);
}

/* The example of chrony.conf's manual page, and as chrony prints a filtered sample. */
static void refclocks(void **state)
{
	struct discipline_record r = example;
	struct clock_log_line line[CLOCK_LOG_LINES];

	(void)state;
	assert_line(&r, 0, CLOCK_LOG_FILE_REFCLOCKS,
		"2009-11-30 14:33:27.000000 PPS2    7 N 1  4.900000e-07 -6.741777e-07  1.000e-06\n");
	assert_int_equal(clock_log_format(line, &settings, &r), 1);
	r.kind = RECORD_FILTERED;
	r.source = 1;
	r.leap = 1;
	r.time += NTP64_SECOND / 4;
	settings.logs = CLOCK_LOG_REFCLOCKS;
	assert_line(&r, 0, CLOCK_LOG_FILE_REFCLOCKS,
		"2009-11-30 14:33:27.250000 GPS     - + -       -       -6.741777e-07  1.000e-06\n");
}

/* The kernel clock that is watched without being configured has a name, too; what is no source has none. */
static void unconfigured(void **state)
{
	struct discipline_record r = example;

	(void)state;
	r.source = 2;
	assert_line(&r, 0, CLOCK_LOG_FILE_REFCLOCKS,
		"2009-11-30 14:33:27.000000 SYS2    7 N 1  4.900000e-07 -6.741777e-07  1.000e-06\n");
	r.source = -1;
	assert_line(&r, 0, CLOCK_LOG_FILE_REFCLOCKS,
		"2009-11-30 14:33:27.000000 -       7 N 1  4.900000e-07 -6.741777e-07  1.000e-06\n");
}

static void measurements(void **state)
{
	struct discipline_record r = example;
	struct clock_log_line line[CLOCK_LOG_LINES];

	(void)state;
	settings.logs = CLOCK_LOG_MEASUREMENTS;
	assert_int_equal(clock_log_format(line, &settings, &r), 0);
	r.kind = RECORD_FILTERED;
	r.source = 1;
	assert_line(&r, 0, CLOCK_LOG_FILE_MEASUREMENTS,
		"2009-11-30 14:33:27 GPS             N  1 111 111 1111   4  4 1.00 -6.742e-07  2.000e-01  "
		"1.000e-06  0.000e+00  0.000e+00 47505300 4B K K\n");
	r.kind = RECORD_RAW;
	settings.logs |= CLOCK_LOG_RAW;
	assert_int_equal(clock_log_format(line, &settings, &r), 1);
}

static void statistics_and_tracking(void **state)
{
	struct discipline_record r = example;

	(void)state;
	r.kind = RECORD_STATISTICS;
	assert_line(&r, 0, CLOCK_LOG_FILE_STATISTICS,
		"2009-11-30 14:33:27 PPS2             2.940e-03  6.742e-07  1.000e-06 -3.541e-06  7.500e-08 "
		"0.0e+00  16   0   0  0.00\n");
	r.kind = RECORD_TRACKING;
	assert_line(&r, 0, CLOCK_LOG_FILE_TRACKING,
		"2009-11-30 14:33:27 PPS2             1     -3.541      0.075  6.742e-07 N  2  2.940e-03  "
		"4.900e-07  1.000e-09  1.000e-06  1.000e-06\n");
	r.source = -1;
	r.leap = 3;
	assert_line(&r, 0, CLOCK_LOG_FILE_TRACKING,
		"2009-11-30 14:33:27 -                1     -3.541      0.075  6.742e-07 ?  2  2.940e-03  "
		"4.900e-07  0.000e+00  1.000e-06  1.000e-06\n");
}

/* As of a first sample: chrony has neither nan, inf nor -0. */
static void nothing_known_yet(void **state)
{
	struct discipline_record r = example;

	(void)state;
	r.offset = 0;
	r.deviation = r.frequency = NAN;
	r.dispersion = r.skew = INFINITY;
	r.kind = RECORD_STATISTICS;
	assert_line(&r, 0, CLOCK_LOG_FILE_STATISTICS,
		"2009-11-30 14:33:27 PPS2             0.000e+00  0.000e+00  1.600e+01  0.000e+00  2.000e-03 "
		"0.0e+00  16   0   0  0.00\n");
	r.kind = RECORD_TRACKING;
	assert_line(&r, 0, CLOCK_LOG_FILE_TRACKING,
		"2009-11-30 14:33:27 PPS2             1      0.000   2000.000  0.000e+00 N  2  0.000e+00  "
		"4.900e-07  1.000e-09  1.600e+01  1.600e+01\n");
}

/* A line never has more columns than its banner, is whole, and has a date as gmtime has it. */
static void any_record(void **state)
{
	struct clock_log_line line[CLOCK_LOG_LINES];
	uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
	struct discipline_record r;

	(void)state;
	settings.logs |= CLOCK_LOG_RAW;
	for (int i = 0; i < 20000; i++) {
		char date[32];
		struct tm tm;
		time_t t;
		int lines;

		for (size_t at = 0; at < sizeof(r); at++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			((uint8_t *)&r)[at] = (uint8_t)(seed >> 56);
		}
		r.pulse = i & 1;
		r.kind = i % 4;
		r.source = i % 5 - 1;
		lines = clock_log_format(line, &settings, &r);
		assert_in_range(lines, 1, CLOCK_LOG_LINES);
		t = (time_t)(uint32_t)((uint32_t)(r.time >> 32) - (uint32_t)NTP_UNIX_EPOCH);
		assert_non_null(gmtime_r(&t, &tm));
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
		for (int k = 0; k < lines; k++) {
			assert_memory_equal(line[k].text, date, 19);
			assert_true(strlen(line[k].text) < CLOCK_LOG_LINE);
			assert_true(strchr(line[k].text, '\n') == line[k].text + strlen(line[k].text) - 1);
		}
	}
}

static void banners(void **state)
{
	char banner[1024];

	(void)state;
	for (unsigned i = 0; i < CLOCK_LOG_FILES; i++) {
		const size_t columns = strlen(clock_log_columns((enum clock_log_file)i));

		assert_int_equal(
			clock_log_banner(banner, sizeof(banner), (enum clock_log_file)i), 3 * (columns + 1));
		assert_memory_equal(banner, "=====", 5);
		assert_int_equal(banner[columns], '\n');
	}
}

static void drift_parse(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"           -3.541000             0.075000\n", true},
		{"1e1 2.5", true},
		{"\t1\n2\n3\n", true},
		{"", false},
		{"1", false},
		{"1 x", false},
		{"1 0", false},
		{"1 -1", false},
		{"nan 1", false},
		{"1 inf", false},
		{"0x10 1", false},
		{"100001 1", false},
		{"1 1e300", false},
		{"1e999 1", false},
		{"1,5 2", false},
		{"- 1", false},
	};
	double ppm, skew;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (drift_file_parse(rows[i].text, strlen(rows[i].text), &ppm, &skew) != rows[i].good)
			fail_msg("\"%s\"", rows[i].text);
	assert_true(drift_file_parse(rows[0].text, strlen(rows[0].text), &ppm, &skew));
	assert_true(ppm == -3.541 && skew == 0.075);
	/* An octet of value 0 is an end like another. */
	assert_false(drift_file_parse("1\0 2", 4, &ppm, &skew));
}

static void drift_any_octets(void **state)
{
	static const char alphabet[] = "0123456789+-.eE \n\tx\0\xff";
	uint64_t seed = 88172645463325252U;
	double ppm, skew;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char *octets;
		size_t size;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		size = seed % 300;
		octets = malloc(size + 1);
		assert_non_null(octets);
		for (size_t at = 0; at < size; at++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			octets[at] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		if (drift_file_parse(octets, size, &ppm, &skew))
			assert_true(isfinite(ppm) && fabs(ppm) <= 100000 && skew > 0 && skew <= 100000);
		free(octets);
	}
}

static void drift_files(void **state)
{
	char path[128];
	double ppm = 0, skew = 0;
	struct stat st;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/drift", dir);
	assert_false(drift_file_read(path, &ppm, &skew, text, sizeof(text)));
	assert_string_equal(text, "");
	assert_true(drift_file_write(path, -12.3456789, 1e-9, text, sizeof(text)));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(drift_file_read(path, &ppm, &skew, text, sizeof(text)));
	assert_true(fabs(ppm + 12.345679) < 1e-12 && skew == 1e-6);
	/* What is not worth keeping leaves the file as it is. */
	assert_false(drift_file_write(path, NAN, 1, text, sizeof(text)));
	assert_false(drift_file_write(path, 1, INFINITY, text, sizeof(text)));
	assert_false(drift_file_write(path, 1, 0, text, sizeof(text)));
	assert_non_null(strstr(text, "is not worth keeping"));
	assert_true(drift_file_read(path, &ppm, &skew, text, sizeof(text)));
	assert_true(fabs(ppm + 12.345679) < 1e-12);
	file = fopen(path, "we");
	assert_non_null(file);
	for (int i = 0; i < 5000; i++)
		fputc('1', file);
	fclose(file);
	assert_false(drift_file_read(path, &ppm, &skew, text, sizeof(text)));
	assert_non_null(strstr(text, "cannot be read: File too large; the rate is learned anew"));
	assert_false(drift_file_read(dir, &ppm, &skew, text, sizeof(text)));
	assert_non_null(strstr(text, "Is a directory"));
	assert_false(drift_file_write("/nonexistent/drift", 1, 1, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refclocks, setup, teardown),
		cmocka_unit_test_setup_teardown(unconfigured, setup, teardown),
		cmocka_unit_test_setup_teardown(measurements, setup, teardown),
		cmocka_unit_test_setup_teardown(statistics_and_tracking, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_known_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(any_record, setup, teardown),
		cmocka_unit_test_setup_teardown(banners, setup, teardown),
		cmocka_unit_test(drift_parse),
		cmocka_unit_test(drift_any_octets),
		cmocka_unit_test_setup_teardown(drift_files, setup, teardown),
	};

	log_init("test_clock_log", LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
