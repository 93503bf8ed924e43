/* Tables of leap seconds, from their files and looked up, and the smear's curves: refclock/leap.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/leap.h"
#include "tests/leap_golden.h"

static struct leap_table table;
static char text[LEAP_GOLDEN_TEXT];

static void assert_golden(const struct leap_table *t)
{
	assert_int_equal(t->entries, LEAP_GOLDEN_ENTRIES);
	for (int i = 0; i < LEAP_GOLDEN_ENTRIES; i++) {
		assert_int_equal(t->entry[i].seconds, leap_golden[i].seconds);
		assert_int_equal(t->entry[i].tai, leap_golden[i].tai);
	}
}

/* The numbers that IERS publishes, and the hash that IERS made of them. */
static void test_list_of_iers(void **state)
{
	int line;

	(void)state;
	leap_golden_table(&table);
	leap_golden_list(text, &table, LEAP_GOLDEN_HASH);
	memset(&table, 0, sizeof(table));
	assert_int_equal(leap_list_parse(&table, text, strlen(text), &line), LEAP_LIST_GOOD);
	assert_golden(&table);
	assert_int_equal(table.updated, LEAP_GOLDEN_UPDATED);
	assert_int_equal(table.expires, LEAP_GOLDEN_EXPIRES);
	assert_int_equal(line, 0);
}

/* This machine's list, where there is one: at least what there has been by now. */
static void test_list_of_the_system(void **state)
{
	static char octets[LEAP_LIST_SIZE];
	FILE *file = fopen("/usr/share/zoneinfo/leap-seconds.list", "re");
	size_t size;
	int line;

	(void)state;
	if (!file)
		skip();
	size = fread(octets, 1, sizeof(octets), file);
	fclose(file);
	assert_int_equal(leap_list_parse(&table, octets, size, &line), LEAP_LIST_GOOD);
	assert_true(table.entries >= LEAP_GOLDEN_ENTRIES);
	table.entries = LEAP_GOLDEN_ENTRIES;
	assert_golden(&table);
	assert_true(table.expires > table.updated);
}

static void refuse(const char *from, enum leap_list_verdict verdict, int line)
{
	int found = -1;

	assert_int_equal(leap_list_parse(&table, from, strlen(from), &found), verdict);
	assert_int_equal(found, line);
	assert_int_equal(table.entries, 0);
	assert_int_equal(table.expires, 0);
}

static void test_list_damaged(void **state)
{
	struct leap_table made;
	size_t size;
	int line;

	(void)state;
	leap_golden_table(&made);
	leap_golden_list(text, &made, "49db2447 571e5e1b 2f002a53 9c8da8e4 39b8e49f");
	refuse(text, LEAP_LIST_HASH, 0);
	leap_golden_list(text, &made, NULL);
	*strstr(text, "#h") = '\0';
	refuse(text, LEAP_LIST_NO_HASH, 0);
	/* Each digit of a number is under the hash. */
	size = leap_golden_list(text, &made, NULL);
	for (size_t i = 0; i < size; i++) {
		const char kept = text[i];

		if (kept < '0' || kept > '9' || strncmp(text + i, "of", 2) == 0)
			continue;
		text[i] = kept == '9' ? '8' : (char)(kept + 1);
		assert_int_not_equal(leap_list_parse(&table, text, size, &line), LEAP_LIST_GOOD);
		assert_int_equal(table.entries, 0);
		text[i] = kept;
	}
	assert_int_equal(leap_list_parse(&table, text, size, &line), LEAP_LIST_GOOD);
}

static void test_list_syntax(void **state)
{
	static char large[LEAP_LIST_SIZE + 2];
	int line;

	(void)state;
	refuse("", LEAP_LIST_NO_HASH, 0);
	refuse("#h da39a3ee 5e6b4b0d 3255bfef 95601890 afd80709\n", LEAP_LIST_EMPTY, 0);
	refuse("# a\n\n2272060800 10 # good\nx\n", LEAP_LIST_SYNTAX, 4);
	refuse("2272060800\n", LEAP_LIST_SYNTAX, 1);
	refuse("2272060800 10 11\n", LEAP_LIST_SYNTAX, 1);
	refuse("2272060800 10x\n", LEAP_LIST_SYNTAX, 1);
	refuse("-1 10\n", LEAP_LIST_SYNTAX, 1);
	refuse("2272060800 1001\n", LEAP_LIST_SYNTAX, 1);
	refuse("18446744073709551616 10\n", LEAP_LIST_SYNTAX, 1);
	refuse("9223372036854775808 10\n", LEAP_LIST_SYNTAX, 1);
	refuse("2272060800 10\n2272060800 11\n", LEAP_LIST_SYNTAX, 2);
	refuse("2272060800 10\n2272060801 10\n", LEAP_LIST_SYNTAX, 2);
	refuse("2272060800 10\n2272060801 12\n", LEAP_LIST_SYNTAX, 2);
	refuse("#$ x\n", LEAP_LIST_SYNTAX, 1);
	refuse("#h 1 2 3 4\n", LEAP_LIST_SYNTAX, 1);
	refuse("#h 1 2 3 4 5 6\n", LEAP_LIST_SYNTAX, 1);
	refuse("#h 1 2 3 4 100000000\n", LEAP_LIST_SYNTAX, 1);
	memset(large, '\n', sizeof(large) - 1);
	assert_int_equal(leap_list_parse(&table, large, LEAP_LIST_SIZE + 1, &line), LEAP_LIST_LARGE);
	assert_int_equal(leap_list_parse(&table, large, LEAP_LIST_SIZE, &line), LEAP_LIST_NO_HASH);
	for (int i = 0; i < LEAP_LIST_VERDICT_COUNT; i++)
		assert_string_not_equal(leap_list_text((unsigned)i), "unknown");
	assert_string_equal(leap_list_text(LEAP_LIST_VERDICT_COUNT), "unknown");
}

/* Other ends of line, none of the last one, other blanks; leading zeros of the hash are left out by the
 * golden list. */
static void test_list_in_other_styles(void **state)
{
	struct leap_table made = {.entries = 2, .updated = 1, .expires = 2};
	char other[LEAP_GOLDEN_TEXT];
	size_t n = 0;
	int line;

	(void)state;
	made.entry[0] = leap_golden[0];
	for (int seconds = 0; seconds < 64; seconds++) {
		made.entry[1] = (struct leap_entry){leap_golden[1].seconds + (unsigned)seconds, 9};
		leap_golden_list(text, &made, NULL);
		n = 0;
		for (const char *p = text; *p; p++) {
			if (*p == '\n')
				other[n++] = '\r';
			other[n++] = *p == '\t' ? ' ' : *p;
		}
		assert_int_equal(leap_list_parse(&table, other, n - 1, &line), LEAP_LIST_GOOD);
		assert_int_equal(table.entries, 2);
		assert_int_equal(table.entry[1].tai, 9);
	}
}

static void test_list_too_many(void **state)
{
	static char many[LEAP_LIST_SIZE];
	size_t n = 0;
	int line;

	(void)state;
	for (int i = 0; i < LEAP_TABLE_MAX + 1; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "%d %d\n", 1000 + i, 10 + i);
	assert_int_equal(leap_list_parse(&table, many, n, &line), LEAP_LIST_LARGE);
	assert_int_equal(line, LEAP_TABLE_MAX + 1);
	assert_int_equal(table.entries, 0);
}

static void test_zones(void **state)
{
	static uint8_t octets[LEAP_GOLDEN_OCTETS];
	struct leap_table made;

	(void)state;
	for (int version = 1; version <= 4; version++) {
		size_t size;

		leap_golden_table(&made);
		made.expires = version == 4 ? LEAP_GOLDEN_EXPIRES : 0;
		size = leap_golden_zone(octets, &made, version, 0);
		assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_GOOD);
		assert_golden(&table);
		assert_int_equal(table.expires, made.expires);
		assert_int_equal(table.updated, 0);
		/* Cut short anywhere it is refused, up to where the leap seconds are complete. */
		for (size_t cut = 0; cut + 4 < size; cut++) {
			assert_int_not_equal(leap_zone_parse(&table, octets, cut), LEAP_ZONE_GOOD);
			assert_int_equal(table.entries, 0);
		}
	}
}

static void test_zone_of_the_system(void **state)
{
	static uint8_t octets[LEAP_LIST_SIZE];
	FILE *file = fopen("/usr/share/zoneinfo/right/UTC", "re");
	size_t size;

	(void)state;
	if (!file)
		skip();
	size = fread(octets, 1, sizeof(octets), file);
	fclose(file);
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_GOOD);
	assert_true(table.entries >= LEAP_GOLDEN_ENTRIES);
	table.entries = LEAP_GOLDEN_ENTRIES;
	assert_golden(&table);
}

/* Deleted seconds, and a table whose beginning is left out: TAI - UTC is right from there on. */
static void test_zone_variants(void **state)
{
	static uint8_t octets[LEAP_GOLDEN_OCTETS];
	struct leap_table made;
	size_t size;

	(void)state;
	leap_golden_table(&made);
	made.expires = 0;
	made.entry[27].tai = 35;
	size = leap_golden_zone(octets, &made, 2, 0);
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_GOOD);
	assert_int_equal(table.entry[27].seconds, leap_golden[27].seconds);
	assert_int_equal(table.entry[27].tai, 35);

	leap_golden_table(&made);
	size = leap_golden_zone(octets, &made, 4, 20);
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_GOOD);
	assert_int_equal(table.entries, LEAP_GOLDEN_ENTRIES - 21);
	assert_int_equal(leap_tai_offset(&table, leap_golden[22].seconds), 32);
	assert_int_equal(leap_tai_offset(&table, LEAP_GOLDEN_UPDATED), 37);
}

static void test_zone_damaged(void **state)
{
	static uint8_t octets[LEAP_GOLDEN_OCTETS];
	enum { LEAPS = 44 + 10, RECORD = 8 };
	struct leap_table made;
	size_t size;

	(void)state;
	leap_golden_table(&made);
	made.expires = 0;
	size = leap_golden_zone(octets, &made, 1, 0);
	octets[LEAPS + 3 * RECORD + 7] = 9; /* a correction that jumps */
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_LEAPS);
	leap_golden_zone(octets, &made, 1, 0);
	memcpy(octets + LEAPS + 2 * RECORD, octets + LEAPS, 4); /* not in order */
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_LEAPS);
	leap_golden_zone(octets, &made, 1, 0);
	octets[LEAPS] = 0x80; /* before 1970 */
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_LEAPS);
	leap_golden_zone(octets, &made, 1, 0);
	memset(octets + 20, 0xff, 24); /* counts whose sum would overflow 32 bits */
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_TRUNCATED);
	leap_golden_zone(octets, &made, 1, 0);
	octets[3] = 'g';
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_NOT_TZIF);
	made.entries = 1;
	size = leap_golden_zone(octets, &made, 2, 0);
	assert_int_equal(leap_zone_parse(&table, octets, size), LEAP_ZONE_NO_LEAPS);
	for (int i = 0; i < LEAP_ZONE_VERDICT_COUNT; i++)
		assert_string_not_equal(leap_zone_text((unsigned)i), "unknown");
	assert_string_equal(leap_zone_text(LEAP_ZONE_VERDICT_COUNT), "unknown");
}

static void test_look_ups(void **state)
{
	uint64_t midnight = 0;
	int sign = 0;

	(void)state;
	leap_golden_table(&table);
	assert_int_equal(leap_tai_offset(&table, LEAP_1972 - 1), 0);
	assert_int_equal(leap_tai_offset(&table, LEAP_1972), 10);
	assert_int_equal(leap_tai_offset(&table, leap_golden[27].seconds - 1), 36);
	assert_int_equal(leap_tai_offset(&table, leap_golden[27].seconds), 37);
	assert_int_equal(leap_tai_offset(&table, UINT64_MAX), 37);
	assert_true(leap_next(&table, 0, &midnight, &sign));
	assert_int_equal(midnight, leap_golden[1].seconds);
	assert_true(leap_next(&table, leap_golden[27].seconds, &midnight, &sign));
	assert_int_equal(midnight, leap_golden[27].seconds);
	assert_int_equal(sign, 1);
	assert_false(leap_next(&table, leap_golden[27].seconds + 1, &midnight, &sign));
	table.entry[27].tai = 35;
	assert_true(leap_next(&table, leap_golden[26].seconds + 1, &midnight, &sign));
	assert_int_equal(sign, -1);
	table.entries = 0;
	assert_int_equal(leap_tai_offset(&table, UINT64_MAX), 0);
	assert_false(leap_next(&table, 0, &midnight, &sign));
}

static void test_expiry(void **state)
{
	const uint64_t end = LEAP_GOLDEN_EXPIRES;
	int days = -1;

	(void)state;
	leap_golden_table(&table);
	assert_int_equal(leap_expiry(&table, end - 31 * LEAP_DAY, &days), LEAP_EXPIRY_GOOD);
	assert_int_equal(days, 31);
	assert_int_equal(leap_expiry(&table, end - 30 * LEAP_DAY, &days), LEAP_EXPIRY_GOOD);
	assert_int_equal(leap_expiry(&table, end - 30 * LEAP_DAY + 1, &days), LEAP_EXPIRY_SOON);
	assert_int_equal(days, 29);
	assert_int_equal(leap_expiry(&table, end - 1, &days), LEAP_EXPIRY_SOON);
	assert_int_equal(days, 0);
	assert_int_equal(leap_expiry(&table, end, &days), LEAP_EXPIRED);
	assert_int_equal(days, 0);
	assert_int_equal(leap_expiry(&table, end + 1, &days), LEAP_EXPIRED);
	assert_int_equal(days, -1);
	assert_int_equal(leap_expiry(&table, UINT64_MAX, NULL), LEAP_EXPIRED);
	table.expires = 0;
	assert_int_equal(leap_expiry(&table, end, &days), LEAP_EXPIRY_NONE);
	table.expires = end;
	table.entries = 0;
	assert_int_equal(leap_expiry(&table, end, &days), LEAP_EXPIRY_NONE);
}

/* The first era ends on 2036-02-07 at 06:28:16. */
static void test_eras(void **state)
{
	const uint64_t era = UINT64_C(1) << 32;

	(void)state;
	assert_int_equal(leap_seconds(UINT64_MAX), era - 1);
	assert_int_equal(leap_seconds(0), era);
	assert_int_equal(leap_seconds(LEAP_PIVOT << 32), LEAP_PIVOT);
	assert_int_equal(leap_seconds((LEAP_PIVOT << 32) - 1), LEAP_PIVOT - 1 + era);
	table = (struct leap_table){.entries = 2, .entry = {{LEAP_1972, 10}, {era + 86400, 11}}};
	assert_int_equal(leap_tai_offset(&table, leap_seconds(UINT64_MAX)), 10);
	assert_int_equal(leap_tai_offset(&table, leap_seconds(UINT64_C(86399) << 32)), 10);
	assert_int_equal(leap_tai_offset(&table, leap_seconds(UINT64_C(86400) << 32)), 11);
}

static void test_smear_curves(void **state)
{
	static const enum leap_smear_shape shapes[] = {LEAP_SMEAR_LINEAR, LEAP_SMEAR_COSINE};

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2)
		for (int i = 0; i < 2; i++) {
			double last = 0;

			assert_true(leap_smear(shapes[i], 86400, sign, 43200.001) == 0);
			assert_true(leap_smear(shapes[i], 86400, sign, -43200) == sign);
			assert_true(leap_smear(shapes[i], 86400, sign, -43201) == sign);
			assert_true(leap_smear(shapes[i], 86400, sign, -100000) == sign);
			assert_true(fabs(leap_smear(shapes[i], 86400, sign, 0) - sign * 0.5) < 1e-12);
			for (int t = 43200; t >= -43200; t -= 60) {
				const double s = leap_smear(shapes[i], 86400, sign, t);
				const double steepest = i ? M_PI / 2 : 1;

				assert_true((s - last) * sign >= 0);
				assert_true(fabs(s - last) <= steepest * 60 / 86400 + 1e-12);
				/* Point-symmetric about midnight. */
				assert_true(fabs(s + leap_smear(shapes[i], 86400, sign, -t) - sign) < 1e-12);
				last = s;
			}
		}
	assert_true(fabs(leap_smear(LEAP_SMEAR_LINEAR, 86400, 1, 21600) - 0.25) < 1e-12);
	assert_true(fabs(leap_smear(LEAP_SMEAR_COSINE, 86400, 1, 21600) - (1 - sqrt(0.5)) / 2) < 1e-12);
	assert_true(leap_smear(LEAP_SMEAR_OFF, 86400, 1, 1e-9) == 0);
	assert_true(leap_smear(LEAP_SMEAR_OFF, 86400, 1, 0) == 1);
	assert_true(leap_smear(LEAP_SMEAR_LINEAR, 0, -1, 0) == -1);
	assert_true(leap_smear(LEAP_SMEAR_LINEAR, (double)NAN, 1, 5) == 0);
	assert_true(leap_smear(LEAP_SMEAR_COSINE, 86400, 1, (double)NAN) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_of_iers),
		cmocka_unit_test(test_list_of_the_system),
		cmocka_unit_test(test_list_damaged),
		cmocka_unit_test(test_list_syntax),
		cmocka_unit_test(test_list_in_other_styles),
		cmocka_unit_test(test_list_too_many),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_zone_of_the_system),
		cmocka_unit_test(test_zone_variants),
		cmocka_unit_test(test_zone_damaged),
		cmocka_unit_test(test_look_ups),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_eras),
		cmocka_unit_test(test_smear_curves),
	};

	return cmocka_run_group_tests_name("leap", tests, NULL, NULL);
}
