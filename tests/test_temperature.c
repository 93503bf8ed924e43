/* control/temperature.h: what a sensor's file may hold. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/temperature.h"

static void contents(void **state)
{
	static const struct {
		const char *text;
		double expected; /* NaN: none */
	} rows[] = {{"41500\n", 41.5}, {"-5250\n", -5.25}, {"0", 0}, {"200000\n", 200}, {"", NAN},
		{"\n", NAN}, {"hot\n", NAN}, {"41500 C\n", NAN}, {"200001\n", NAN}, {"-100001\n", NAN},
		{"99999999999999999999999999999999999999\n", NAN}};
	char path[] = "/tmp/tickwire-test-temperature-XXXXXX", text[256];
	const int out = mkstemp(path), fd = temperature_open(path, text, sizeof(text));

	(void)state;
	assert_true(out >= 0 && fd >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const ssize_t size = (ssize_t)strlen(rows[i].text);
		double found;

		assert_int_equal(ftruncate(out, 0), 0);
		assert_int_equal(pwrite(out, rows[i].text, (size_t)size, 0), size);
		found = temperature_read(fd);
		assert_true(isnan(rows[i].expected) ? isnan(found) : found == rows[i].expected);
	}
	close(out);
	close(fd);
	unlink(path);
}

static void none(void **state)
{
	char text[256] = "";

	(void)state;
	assert_int_equal(temperature_open("/nonexistent", text, sizeof(text)), -1);
	assert_non_null(strstr(text, "/nonexistent, the temperature sensor, cannot be opened: No such file"));
	assert_int_equal(temperature_open("/tmp", text, sizeof(text)), -1);
	assert_true(isnan(temperature_read(-1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(contents), cmocka_unit_test(none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
