/* The parameter of a refclock directive: a name and options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/driver_parameter.h"

static void test_a_name_alone(void **state)
{
	struct driver_parameter parameter;
	struct driver_option option;

	(void)state;
	driver_parameter_split(&parameter, "/dev/pps0");
	assert_string_equal(parameter.name, "/dev/pps0");
	assert_false(driver_parameter_next(&parameter, &option));
	driver_parameter_split(&parameter, "");
	assert_string_equal(parameter.name, "");
	assert_false(driver_parameter_next(&parameter, &option));
}

static void test_options(void **state)
{
	struct driver_parameter parameter;
	struct driver_option option;

	(void)state;
	driver_parameter_split(&parameter, "/dev/ptp0:extpps:pin=1::channel=:=x");
	assert_string_equal(parameter.name, "/dev/ptp0");
	assert_true(driver_parameter_next(&parameter, &option));
	assert_string_equal(option.name, "extpps");
	assert_string_equal(option.value, "");
	assert_true(driver_parameter_next(&parameter, &option));
	assert_string_equal(option.name, "pin");
	assert_string_equal(option.value, "1");
	assert_true(driver_parameter_next(&parameter, &option));
	assert_string_equal(option.name, "");
	assert_true(driver_parameter_next(&parameter, &option));
	assert_string_equal(option.name, "channel");
	assert_string_equal(option.value, "");
	assert_true(driver_parameter_next(&parameter, &option));
	assert_string_equal(option.name, "");
	assert_string_equal(option.value, "x");
	assert_false(driver_parameter_next(&parameter, &option));
}

static void test_numbers(void **state)
{
	long number;

	(void)state;
	assert_true(driver_parameter_number("0600", 8, 0, 0777, &number));
	assert_int_equal(number, 0600);
	assert_true(driver_parameter_number("17", 10, 0, 17, &number));
	assert_false(driver_parameter_number("18", 10, 0, 17, &number));
	assert_false(driver_parameter_number("", 10, 0, 17, &number));
	assert_false(driver_parameter_number("-1", 10, -5, 17, &number));
	assert_false(driver_parameter_number(" 1", 10, 0, 17, &number));
	assert_false(driver_parameter_number("1x", 10, 0, 17, &number));
	assert_false(driver_parameter_number("99999999999999999999", 10, 0, 17, &number));
	assert_false(driver_parameter_number("8", 8, 0, 17, &number));
}

/* Any text, also longer than a directive can hold: all fields end, and the walk does. */
static void test_random_text(void **state)
{
	static const char letters[] = ":=/a1";
	char text[3 * SOURCE_PARAMETER];

	(void)state;
	srandom(20261130);
	for (int i = 0; i < 20000; i++) {
		size_t length = (size_t)random() % sizeof(text), options = 0;
		struct driver_parameter parameter;
		struct driver_option option;

		for (size_t j = 0; j < length; j++)
			text[j] = letters[random() % (long)(sizeof(letters) - 1)];
		text[length < sizeof(text) ? length : sizeof(text) - 1] = '\0';
		driver_parameter_split(&parameter, text);
		assert_true(strlen(parameter.name) < sizeof(parameter.name));
		while (driver_parameter_next(&parameter, &option)) {
			assert_true(strlen(option.name) < sizeof(option.name));
			assert_true(strlen(option.value) < sizeof(option.value));
			assert_true(++options <= SOURCE_PARAMETER);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_alone),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_random_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
