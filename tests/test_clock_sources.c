/* control/clock_sources.h, with a device that comes and goes as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/clock_sources.h"
#include "dataplane/log.h"

static const uint64_t ms = 1000000;

/* The device. */
static struct {
	bool there, flows, pulse;
	const char *trouble;
	uint8_t leap;
	int opened;
} device;
static int state_of_device;
static bool is_open;
static ntp64 taken; /* the time of the last measurement, in the discipline */
static char message[128];

static void *device_open(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	(void)options;
	(void)world;
	snprintf(text, size, "%s", device.there ? "" : "cannot open it");
	device.opened += device.there;
	return device.there ? &state_of_device : NULL;
}

static void device_close(void *state)
{
	(void)state;
}

static int device_descriptor(const void *state)
{
	(void)state;
	return -1;
}

static enum driver_news device_take(void *state, struct measurement *m, char *text, size_t size)
{
	static uint64_t counter;

	(void)state;
	(void)text;
	(void)size;
	if (!device.there)
		return DRIVER_GONE;
	if (!device.flows || counter++ % 2)
		return DRIVER_SILENT;
	*m = (struct measurement){
		.counter = counter, .time = 1000 * NTP64_SECOND, .leap = device.leap, .pulse = device.pulse};
	return DRIVER_MEASUREMENT;
}

static enum receiver_kind device_receiver(const void *state, struct source_report *report)
{
	(void)state;
	report->gnss.used = 7;
	return RECEIVER_GNSS;
}

static const char *device_trouble(const void *state)
{
	(void)state;
	return device.trouble;
}

static const struct driver_functions functions = {
	device_open, device_close, device_descriptor, device_take, device_receiver, device_trouble};

/* What else is asked of others. */
const struct driver_functions *driver_of(enum source_kind kind)
{
	return kind == SOURCE_NMEA ? &functions : NULL;
}

int discipline_add(struct discipline *d, const struct source_options *options)
{
	(void)d;
	return options->kind == SOURCE_NMEA ? 1 : 0;
}

enum source_verdict discipline_take(struct discipline *d, int source, const struct measurement *m)
{
	(void)d;
	taken = m->time;
	assert_int_equal(source, 1);
	return SOURCE_USED;
}

void discipline_set_open(struct discipline *d, int source, bool open, const char *text)
{
	(void)d;
	assert_int_equal(source, 1);
	is_open = open;
	snprintf(message, sizeof(message), "%s", text);
}

static void leave(void *opaque, struct measurement *m)
{
	(void)opaque;
	(void)m;
}

static struct clock_sources sources;
static uint64_t now;
static int logged, errors; /* what is said, and where cmocka says it */

static void start(void)
{
	static const struct driver_world world;
	struct source_options options[2];

	source_options_init(&options[0], SOURCE_SYSTEM);
	source_options_init(&options[1], SOURCE_NMEA);
	now = 1000 * ms;
	clock_sources_init(&sources, NULL, &world, leave, options, 2);
	clock_sources_open(&sources, now);
}

static void run(int milliseconds)
{
	for (const uint64_t end = now + (uint64_t)milliseconds * ms; now < end; now += 4 * ms)
		clock_sources_read(&sources, now);
}

/* Lines of the log since the last call. */
static int lines(void)
{
	static char text[65536];
	ssize_t n = pread(logged, text, sizeof(text), 0);
	int count = 0;

	for (ssize_t i = 0; i < n; i++)
		count += text[i] == '\n';
	assert_int_equal(ftruncate(logged, 0), 0);
	lseek(logged, 0, SEEK_SET);
	return count;
}

static int setup(void **state)
{
	(void)state;
	dup2(logged, STDERR_FILENO);
	device.there = device.flows = true;
	device.pulse = false;
	device.trouble = "";
	device.leap = NTP_LEAP_NONE;
	device.opened = 0;
	start();
	(void)lines();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(errors, STDERR_FILENO);
	clock_sources_close(&sources);
	return 0;
}

/* Gone and back, it is said, and it is open again at once. */
static void test_unplugged(void **state)
{
	(void)state;
	run(20000);
	assert_int_equal(lines(), 0);
	device.there = false;
	run(5000);
	assert_false(is_open);
	assert_int_equal(lines(), 1);
	device.there = true;
	run(9000);
	assert_true(is_open);
	assert_int_equal(device.opened, 2);
	run(20000);
	assert_int_equal(lines(), 1); /* that it is back */
	device.there = false;
	run(100);
	device.there = true;
	run(300);
	assert_true(is_open);
}

/* Opened, it has gone again: tried ever more seldom, and said once. A FIFO without a writer is such. */
static void test_comes_and_goes(void **state)
{
	(void)state;
	for (int i = 0; i < 15000; i++) {
		device.there = true;
		clock_sources_open(&sources, now);
		device.there = false;
		run(4);
	}
	assert_in_range(device.opened, 5, 15);
	assert_in_range(lines(), 1, 3);
}

/* Open, it has nothing to give: why is shown, and said once for each reason. */
static void test_trouble(void **state)
{
	(void)state;
	run(20000);
	device.flows = false;
	device.trouble = "nobody is there";
	run(20000);
	assert_false(is_open);
	assert_string_equal(message, "nobody is there");
	assert_int_equal(lines(), 1);
	device.trouble = "it is deaf";
	run(20000);
	assert_string_equal(message, "it is deaf");
	assert_int_equal(lines(), 1);
	/* It seems to be over again and again. */
	for (int i = 0; i < 1000; i++) {
		device.trouble = i % 2 ? "it is deaf" : "";
		run(80);
		assert_int_equal(is_open, i % 2 == 0);
	}
	assert_int_equal(lines(), 0);
	device.trouble = "";
	device.flows = true;
	run(20000);
	assert_true(is_open);
	assert_string_equal(message, "");
	assert_int_equal(lines(), 1); /* that it is back */
	device.flows = false;
	device.trouble = "it is deaf";
	run(20000);
	assert_int_equal(lines(), 1);
}

static void test_leap_seconds_are_told(void **state)
{
	struct sources report = {.count = 2};

	(void)state;
	device.leap = NTP_LEAP_INSERT;
	run(200);
	clock_sources_report(&sources, &report);
	assert_int_equal(report.source[1].leap, NTP_LEAP_INSERT);
	assert_int_equal(report.source[0].leap, NTP_LEAP_NONE);
	device.leap = NTP_LEAP_NONE;
	run(200);
	clock_sources_report(&sources, &report);
	assert_int_equal(report.source[1].leap, NTP_LEAP_NONE);
}

/* What a receiver said before it went is not shown on. */
static void test_a_receiver_that_has_gone_says_nothing(void **state)
{
	struct sources report = {.count = 2};

	(void)state;
	clock_sources_report(&sources, &report);
	assert_int_equal(report.source[1].receiver, RECEIVER_GNSS);
	assert_int_equal(report.source[1].gnss.used, 7);
	device.there = false;
	run(200);
	clock_sources_report(&sources, &report);
	assert_int_equal(report.source[1].receiver, RECEIVER_NONE);
}

/* Of any source, by the option `tai`; a pulse has no time, and a PHC's driver does it by itself. */
static void test_what_keeps_tai(void **state)
{
	struct source_options *options = &sources.source[1].options;

	(void)state;
	run(200);
	assert_true(taken == 1000 * NTP64_SECOND);
	options->tai = true;
	run(200);
	assert_true(taken == (1000 - DRIVER_TAI_DEFAULT) * NTP64_SECOND);
	device.pulse = true;
	run(200);
	assert_true(taken == 1000 * NTP64_SECOND);
	device.pulse = false;
	options->kind = SOURCE_PHC;
	run(200);
	assert_true(taken == 1000 * NTP64_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unplugged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leap_seconds_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_receiver_that_has_gone_says_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_keeps_tai, setup, teardown),
	};
	FILE *file = tmpfile();

	if (!file)
		return 1;
	logged = fileno(file);
	errors = dup(STDERR_FILENO);
	log_init("test", LOG_LEVEL_NOTICE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
