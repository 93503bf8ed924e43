/* Numbers and strings for people: bench/quantity.h, bench/text.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/quantity.h"
#include "bench/random.h"
#include "bench/text.h"

static void test_known(void **state)
{
	(void)state;
	assert_string_equal(quantity_rate(1.25e6).text, "1.25 M/s");
	assert_string_equal(quantity_rate(310000).text, "310 k/s");
	assert_string_equal(quantity_rate(0).text, "0 /s");
	assert_string_equal(quantity_rate(0.25).text, "0.25 /s");
	assert_string_equal(quantity_rate(999.9).text, "1 k/s");
	assert_string_equal(quantity_time(83.4e-6).text, "83.4 us");
	assert_string_equal(quantity_time(-83.4e-6).text, "-83.4 us");
	assert_string_equal(quantity_time(999.9e-6).text, "1 ms");
	assert_string_equal(quantity_time(1e-9).text, "1 ns");
	assert_string_equal(quantity_time(0).text, "0 s");
	assert_string_equal(quantity_time(1e-10).text, "0.1 ns");
	assert_string_equal(quantity_time(86400).text, "86400 s");
	assert_string_equal(quantity_of(1234567, QUANTITY_NUMBER, 4).text, "1.235 M");
	assert_string_equal(quantity_of(12, QUANTITY_NUMBER, 4).text, "12");
}

static void test_shares(void **state)
{
	(void)state;
	assert_string_equal(quantity_share(0.123).text, "12.3 %");
	assert_string_equal(quantity_share(0).text, "0 %");
	assert_string_equal(quantity_share(1).text, "100 %");
	assert_string_equal(quantity_share(0.99998).text, "99.998 %");
	assert_string_equal(quantity_share(1e-7).text, "0.00001 %");
	assert_string_equal(quantity_of(1, QUANTITY_NINES, 1).text, "0 %");
	assert_string_equal(quantity_of(2, QUANTITY_NINES, 1).text, "50 %");
	assert_string_equal(quantity_of(10, QUANTITY_NINES, 1).text, "90 %");
	assert_string_equal(quantity_of(1000, QUANTITY_NINES, 1).text, "99.9 %");
	assert_string_equal(quantity_of(1e6, QUANTITY_NINES, 1).text, "99.9999 %");
}

static void test_counts(void **state)
{
	(void)state;
	assert_string_equal(quantity_count(0).text, "0");
	assert_string_equal(quantity_count(999).text, "999");
	assert_string_equal(quantity_count(1000).text, "1 000");
	assert_string_equal(quantity_count(UINT64_MAX).text, "18 446 744 073 709 551 615");
}

static void test_no_number(void **state)
{
	static const double none[] = {NAN, INFINITY, -INFINITY};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned unit = QUANTITY_NUMBER; unit <= QUANTITY_NINES; unit++)
			assert_string_equal(quantity_of(none[i], (enum quantity_unit)unit, 3).text, "-");
}

/* What is read back is the value, to the digits that were asked for. */
static void test_read_back(void **state)
{
	static const char *const name[] = {"ns", "us", "ms", "s"};
	static const double size[] = {1e-9, 1e-6, 1e-3, 1};
	uint64_t random = 4;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		const double value = pow(10, -9 + 12 * random_unit(&random)) * (i % 2 ? 1 : -1);
		const struct quantity quantity = quantity_time(value);
		char *unit;
		double read = strtod(quantity.text, &unit);
		unsigned j = 0;

		while (j < 3 && strcmp(unit + 1, name[j]) != 0)
			j++;
		assert_string_equal(unit + 1, name[j]);
		assert_true(fabs(read) >= 1 && (j == 3 || fabs(read) < 1000));
		assert_true(fabs(read * size[j] / value - 1) <= 0.0051);
	}
}

static void test_clean(void **state)
{
	char to[64];

	(void)state;
	assert_string_equal(text_clean(to, sizeof(to), "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x95\x90"),
		"h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x95\x90");
	assert_string_equal(text_clean(to, sizeof(to), "\x1b[31m\n\x7f"), "?[31m??");
	assert_string_equal(text_clean(to, sizeof(to),
				    "\xc2\x9b"
				    "1m"),
		"?1m");
	assert_string_equal(text_clean(to, sizeof(to), "\xff\xc3"), "??");
	assert_string_equal(text_clean(to, sizeof(to), "\xed\xa0\x80"), "???"); /* a surrogate */
	assert_string_equal(text_clean(to, sizeof(to), "\xc0\xaf"), "??");      /* overlong */
	assert_string_equal(text_clean(to, sizeof(to), "\xe0\x80\xaf"), "???");
	assert_string_equal(text_clean(to, sizeof(to), "\xf0\x80\x80\xaf"), "????");
	assert_string_equal(text_clean(to, sizeof(to), "\xf4\x90\x80\x80"), "????"); /* beyond U+10FFFF */
	assert_string_equal(text_clean(to, 3, "a\xe2\x82\xac"), "a");                /* no half character */
	assert_string_equal(text_clean(to, 5, "a\xe2\x82\xac"), "a\xe2\x82\xac");
	assert_string_equal(text_clean(to, 1, "a"), "");
}

static void test_markup(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	text_markup(out, "<script a='b\"'>&\xff</script>");
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "&lt;script a=&#39;b&quot;&#39;&gt;&amp;?&lt;/script&gt;");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_no_number),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_markup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
