/* Answers of a PTP hardware clock's ioctls, as devices fill them and as they must not, and the map of stamps.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/phc_sample.h"

static const int64_t second = 1795996800; /* 2026-11-30 */
enum { TAI = 37 };

/* ns after `second`. */
static struct ptp_clock_time at(int64_t ns)
{
	int64_t whole = ns / 1000000000 - (ns % 1000000000 < 0);

	return (struct ptp_clock_time){.sec = second + whole, .nsec = (uint32_t)(ns - whole * 1000000000)};
}

static ntp64 time_at(int64_t ns)
{
	struct ptp_clock_time t = at(ns);

	return ntp64_from_unix(t.sec, t.nsec);
}

static struct ptp_clock_time tai_at(int64_t ns)
{
	return at(ns + TAI * INT64_C(1000000000));
}

static void assert_reading(const struct phc_reading *reading, int64_t kernel_ns, int64_t width_ns)
{
	double half = (double)width_ns / 2 * 1e-9 * 4294967296.0;

	assert_true(llabs(ntp64_diff(reading->kernel, time_at(kernel_ns))) <= 4);
	assert_true((double)reading->half >= half && (double)reading->half <= half + 20);
}

static void test_precise(void **state)
{
	struct ptp_sys_offset_precise answer = {.device = tai_at(500), .sys_realtime = at(800)};
	struct phc_reading reading;

	(void)state;
	assert_true(phc_from_precise(&answer, &reading));
	assert_reading(&reading, 800, 0);
	assert_true(reading.device == time_at(500) + TAI * NTP64_SECOND);
}

/* As an igb answers: three sandwiches of 2.1, 1.3 and 9 us. */
static void test_extended(void **state)
{
	struct ptp_sys_offset_extended answer = {.n_samples = 3,
		.ts = {{at(0), tai_at(1000), at(2100)}, {at(5000), tai_at(5600), at(6300)},
			{at(9000), tai_at(9100), at(18000)}}};
	struct phc_reading reading;

	(void)state;
	assert_true(phc_from_extended(&answer, &reading));
	assert_reading(&reading, 5650, 1300);
	assert_true(reading.device == time_at(5600) + TAI * NTP64_SECOND);
}

static void test_basic(void **state)
{
	struct ptp_sys_offset answer = {
		.n_samples = 2, .ts = {at(0), tai_at(700), at(3000), tai_at(3300), at(4000)}};
	struct phc_reading reading;

	(void)state;
	assert_true(phc_from_basic(&answer, &reading));
	assert_reading(&reading, 3500, 1000);
	assert_true(reading.device == time_at(3300) + TAI * NTP64_SECOND);
}

static void test_none_is_whole(void **state)
{
	struct ptp_sys_offset_extended answer = {.n_samples = 0};
	struct phc_reading reading;

	(void)state;
	assert_false(phc_from_extended(&answer, &reading));
	answer.n_samples = 1;
	answer.ts[0][0] = at(10);
	answer.ts[0][1] = at(5);
	answer.ts[0][2] = at(9); /* the kernel clock was stepped in between */
	assert_false(phc_from_extended(&answer, &reading));
	answer.ts[0][2] = at(20);
	answer.ts[0][1].nsec = 1000000000;
	assert_false(phc_from_extended(&answer, &reading));
	answer.ts[0][1] = (struct ptp_clock_time){.sec = -1, .nsec = 0};
	assert_false(phc_from_extended(&answer, &reading));
	answer.ts[0][1] = (struct ptp_clock_time){.sec = INT64_MAX, .nsec = 0};
	assert_false(phc_from_extended(&answer, &reading));
	answer.ts[0][1] = at(15);
	assert_true(phc_from_extended(&answer, &reading));
}

/* Whatever a driver fills in: at most as many sandwiches as there is room for are looked at. */
static void test_random_answers(void **state)
{
	(void)state;
	srandom(20261130);
	for (int i = 0; i < 3000; i++) {
		struct ptp_sys_offset_extended extended;
		struct ptp_sys_offset basic;
		struct phc_reading reading;

		for (size_t j = 0; j < sizeof(extended); j++)
			((uint8_t *)&extended)[j] = (uint8_t)random();
		for (size_t j = 0; j < sizeof(basic); j++)
			((uint8_t *)&basic)[j] = (uint8_t)random();
		for (unsigned j = 0; j < PTP_MAX_SAMPLES; j++) {
			extended.ts[j][random() % 3] = at(random());
			basic.ts[2 * j] = at(random());
		}
		if (phc_from_extended(&extended, &reading))
			assert_true(reading.half > 0);
		if (phc_from_basic(&basic, &reading))
			assert_true(reading.half > 0);
	}
}

/* The device runs `rate` faster than the kernel clock, 0.3 s ahead. */
static struct phc_reading read_at(double kernel_ns, double rate, int64_t half_ns)
{
	return (struct phc_reading){.kernel = time_at((int64_t)kernel_ns),
		.device = time_at((int64_t)(kernel_ns * (1 + rate) + 3e8)),
		.half = (uint64_t)((double)half_ns * 4.294967296)};
}

static int64_t true_kernel_ns(int64_t device_ns, double rate)
{
	return (int64_t)(((double)device_ns - 3e8) / (1 + rate));
}

static void assert_maps(const struct phc_map *map, int64_t kernel_ns, double rate, double most_ns)
{
	int64_t device_ns = (int64_t)((double)kernel_ns * (1 + rate) + 3e8);
	ntp64 kernel;
	uint64_t error;

	assert_true(phc_map_kernel(map, time_at(device_ns), &kernel, &error));
	assert_true(
		(uint64_t)llabs(ntp64_diff(kernel, time_at(true_kernel_ns(device_ns, rate)))) <= error + 10);
	assert_true((double)error / 4.294967296 <= most_ns);
}

static void test_map(void **state)
{
	const double rates[] = {0, 2e-5, -3e-4, 9e-4};
	ntp64 kernel;
	uint64_t error;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct phc_map map = {.begun = false};
		struct phc_reading reading = read_at(0, rates[i], 500);

		assert_false(phc_map_kernel(&map, reading.device, &kernel, &error));
		phc_map_add(&map, &reading);
		/* 2 ms at 1000 ppm. */
		assert_maps(&map, -2000000, rates[i], 2600);
		for (int j = 1; j < 10; j++) {
			reading = read_at(j * 1e9, rates[i], 500);
			phc_map_add(&map, &reading);
			assert_maps(&map, j * INT64_C(1000000000) - 2000000, rates[i], 560);
			assert_maps(&map, j * INT64_C(1000000000) + 900000000, rates[i], 12000);
		}
		assert_false(phc_map_kernel(&map, reading.device + 3 * NTP64_SECOND, &kernel, &error));
		assert_false(phc_map_kernel(&map, reading.device - 3 * NTP64_SECOND, &kernel, &error));
	}
}

/* Readings in quick succession do not shorten the stretch that the rate is taken over. */
static void test_map_keeps_a_long_stretch(void **state)
{
	struct phc_map map = {.begun = false};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct phc_reading reading = read_at(i * 1e7, 5e-5, 500);

		phc_map_add(&map, &reading);
		if (i > 110)
			assert_maps(&map, i * INT64_C(10000000) - 2000000, 5e-5, 560);
	}
}

/* A rate of half a minute ago does not count: a servo has changed it since. */
static void test_map_follows_the_rate(void **state)
{
	struct phc_map map = {.begun = false};

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct phc_reading reading = read_at(i * 1e8, 5e-5, 500);

		phc_map_add(&map, &reading);
	}
	for (int i = 300; i < 312; i++) {
		struct phc_reading reading = read_at(i * 1e8, -3e-4, 500);

		phc_map_add(&map, &reading);
	}
	assert_true(map.newer.kernel - map.older.kernel <= NTP64_SECOND * 11 / 10);
	assert_true(map.newer.kernel - map.older.kernel >= NTP64_SECOND / 2);
	assert_maps(&map, INT64_C(31100000000) + 900000000, -3e-4, 12000);
}

/* A device that is set forgets its rate, not the truth. */
static void test_map_after_a_step(void **state)
{
	struct phc_map map = {.begun = false};
	struct phc_reading reading = read_at(0, 0, 500);
	ntp64 kernel;
	uint64_t error;

	(void)state;
	phc_map_add(&map, &reading);
	reading = read_at(1e9, 0, 500);
	reading.device += 100 * NTP64_SECOND;
	phc_map_add(&map, &reading);
	assert_true(phc_map_kernel(&map, reading.device - NTP64_SECOND / 1000, &kernel, &error));
	assert_true((uint64_t)llabs(ntp64_diff(kernel, reading.kernel - NTP64_SECOND / 1000)) <= error);
	reading = read_at(2e9, 0, 500);
	phc_map_add(&map, &reading);
	assert_true(map.older.kernel == map.newer.kernel);
	assert_maps(&map, 2000000000 - 1000000, 0, 1600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precise),
		cmocka_unit_test(test_extended),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_none_is_whole),
		cmocka_unit_test(test_random_answers),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_keeps_a_long_stretch),
		cmocka_unit_test(test_map_follows_the_rate),
		cmocka_unit_test(test_map_after_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
