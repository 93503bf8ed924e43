/* Measurements that wait until the kernel clock's place on the counter is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock/stamped.h"

struct daemon {
	uint64_t now;
	ntp64 known_from, known_to;
};

static bool counter_at(void *opaque, ntp64 time, uint64_t *counter, uint64_t *error)
{
	const struct daemon *d = opaque;

	if (time < d->known_from || time > d->known_to)
		return false;
	*counter = time * 10;
	*error = 100;
	return true;
}

static uint64_t counter_now(void *opaque)
{
	return ((const struct daemon *)opaque)->now;
}

static struct daemon daemon_ = {.now = 5000000, .known_from = 1000, .known_to = 2000};
static const struct driver_world world = {
	.counter_at = counter_at, .counter_now = counter_now, .opaque = &daemon_, .counter_hz = 1e6};
static const struct measurement sample = {.time = 77, .error = 5, .leap = 1, .pulse = true};

static void test_known(void **state)
{
	struct stamped stamped = {.waiting = false};
	struct measurement m;
	char text[80] = "";

	(void)state;
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_SILENT);
	stamped_put(&stamped, &world, 1500, &sample);
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_MEASUREMENT);
	assert_int_equal(m.counter, 15000);
	assert_int_equal(m.error, 105);
	assert_int_equal(m.time, 77);
	assert_int_equal(m.leap, 1);
	assert_true(m.pulse);
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_SILENT);
	assert_string_equal(text, "");
}

static void test_known_later(void **state)
{
	struct stamped stamped = {.waiting = false};
	struct measurement m;
	char text[80] = "";

	(void)state;
	stamped_put(&stamped, &world, 2500, &sample);
	daemon_.now += 4000;
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_SILENT);
	assert_string_equal(text, "");
	daemon_.known_to = 3000;
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_MEASUREMENT);
	assert_int_equal(m.counter, 25000);
}

static void test_never_known(void **state)
{
	struct stamped stamped = {.waiting = false};
	struct measurement m;
	char text[80] = "";

	(void)state;
	stamped_put(&stamped, &world, 10, &sample);
	daemon_.now += 249999;
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_SILENT);
	assert_string_equal(text, "");
	daemon_.now += 1;
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_SILENT);
	assert_string_not_equal(text, "");
	text[0] = '\0';
	assert_int_equal(stamped_take(&stamped, &world, &m, text, sizeof(text)), DRIVER_SILENT);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_known_later),
		cmocka_unit_test(test_never_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
