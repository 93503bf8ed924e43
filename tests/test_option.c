/* Numbers of a command line: what people write, and what is none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/option.h"

static void check_value(const char *text, enum option_kind kind, double expected)
{
	double value = -1;

	assert_true(option_parse_number(text, kind, &value));
	assert_true(fabs(value - expected) <= fabs(expected) * 1e-15);
}

static void test_numbers(void **state)
{
	(void)state;
	check_value("0", OPTION_NUMBER, 0);
	check_value("0.05", OPTION_NUMBER, 0.05);
	check_value("-3", OPTION_NUMBER, -3);
	check_value("+3", OPTION_NUMBER, 3);
	check_value("1e6", OPTION_WHOLE, 1e6);
	check_value("2k", OPTION_WHOLE, 2e3);
	check_value("1.5M", OPTION_WHOLE, 1.5e6);
	check_value("3G", OPTION_NUMBER, 3e9);
	check_value("0.1%", OPTION_SHARE, 0.001);
	check_value("1", OPTION_SHARE, 1);
}

static void test_none(void **state)
{
	static const char *const none[] = {"", " 1", "1 ", "x", "k", "%", ".", "-", "+", "e", "1x", "1kk",
		"1k1", "0x10", "inf", "nan", "infinity", "1m", "1K", "1,5", "1e", "--1", "1%"};
	double value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(option_parse_number(none[i], OPTION_NUMBER, &value));
		assert_false(option_parse_number(none[i], OPTION_WHOLE, &value));
	}
	assert_false(option_parse_number("1%%", OPTION_SHARE, &value));
	assert_false(option_parse_number("1%k", OPTION_SHARE, &value));
}

/* What one call writes to stderr. */
static void complaint_of(const struct option_number *number, const char *text, char *out, size_t size)
{
	int pipes[2], kept = dup(STDERR_FILENO);
	double value = 7;
	ssize_t length;

	assert_int_equal(pipe(pipes), 0);
	fflush(stderr);
	dup2(pipes[1], STDERR_FILENO);
	close(pipes[1]);
	assert_false(option_number("tickwire try", number, text, &value));
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	length = read(pipes[0], out, size - 1);
	close(pipes[0]);
	assert_true(length > 0);
	out[length] = '\0';
	assert_true(value == 7);
}

static void check_complaint(const struct option_number *number, const char *text, const char *expected)
{
	char said[512];

	complaint_of(number, text, said, sizeof(said));
	assert_string_equal(said, expected);
}

static void test_bounds(void **state)
{
	const struct option_number whole = {"-n", OPTION_WHOLE, 1, 1000};
	const struct option_number number = {"--time", OPTION_NUMBER, 0.05, 3600};
	const struct option_number share = {"--loss", OPTION_SHARE, 0, 1};
	double value;

	(void)state;
	assert_true(option_number("tickwire try", &whole, "1k", &value) && value == 1000);
	assert_true(option_number("tickwire try", &number, "0.05", &value) && value == 0.05);
	assert_true(option_number("tickwire try", &share, "100%", &value) && value == 1);
	check_complaint(&whole, "1001",
		"tickwire try: -n is '1001'; expected a whole number from 1 to 1000; see tickwire try "
		"--help\n");
	check_complaint(&whole, "1.5",
		"tickwire try: -n is '1.5'; expected a whole number from 1 to 1000; see tickwire try "
		"--help\n");
	check_complaint(&number, "0.049",
		"tickwire try: --time is '0.049'; expected a number from 0.05 to 3600; see tickwire try "
		"--help\n");
	check_complaint(&share, "101%",
		"tickwire try: --loss is '101%'; expected a share from 0 to 1, or in percent; see tickwire "
		"try "
		"--help\n");
}

static void test_aeads(void **state)
{
	struct ke_aeads aeads;

	(void)state;
	assert_true(option_aeads("tickwire try", "30,15", &aeads));
	assert_true(aeads.count == 2 && aeads.id[0] == 30 && aeads.id[1] == 15);
	assert_false(option_aeads("tickwire try", "30,16", &aeads));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_aeads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
