/* Samples of NTP's shared memory: both modes, both resolutions, and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/shm_sample.h"

static const int64_t second = 1795996800; /* 2026-11-30 */

static struct shm_sample usual(void)
{
	return (struct shm_sample){.mode = 1,
		.count = 8,
		.clock_seconds = second,
		.clock_us = 0,
		.clock_ns = 500,
		.kernel_seconds = second,
		.kernel_us = 123456,
		.kernel_ns = 123456789,
		.valid = 1};
}

static enum shm_sample_verdict judge(const struct shm_sample *sample)
{
	struct measurement m;
	ntp64 kernel;

	return shm_sample_parse(
		sample, &(struct shm_sample_after){sample->count, sample->valid}, &kernel, &m);
}

static void test_usual(void **state)
{
	struct shm_sample sample = usual();
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(
		shm_sample_parse(&sample, &(struct shm_sample_after){8, 1}, &kernel, &m), SHM_SAMPLE_GOOD);
	assert_true(kernel == ntp64_from_unix(second, 123456789));
	assert_true(m.time == ntp64_from_unix(second, 500));
	assert_false(m.pulse);
	assert_int_equal(m.leap, NTP_LEAP_NONE);
	assert_in_range(m.error, 1, 20);
}

/* A writer that knows microseconds only leaves nanoseconds that do not fit to them. */
static void test_microseconds(void **state)
{
	struct shm_sample sample = usual();
	struct measurement m;
	ntp64 kernel;

	(void)state;
	sample.kernel_ns = 0;
	assert_int_equal(
		shm_sample_parse(&sample, &(struct shm_sample_after){8, 1}, &kernel, &m), SHM_SAMPLE_GOOD);
	assert_true(kernel == ntp64_from_unix(second, 123456000));
	assert_in_range(m.error, 4295, 4310);
	sample.kernel_ns = UINT32_MAX;
	assert_int_equal(
		shm_sample_parse(&sample, &(struct shm_sample_after){8, 1}, &kernel, &m), SHM_SAMPLE_GOOD);
	assert_true(kernel == ntp64_from_unix(second, 123456000));
}

static void test_modes(void **state)
{
	struct shm_sample sample = usual();
	struct measurement m;
	ntp64 kernel;

	(void)state;
	assert_int_equal(
		shm_sample_parse(&sample, &(struct shm_sample_after){9, 1}, &kernel, &m), SHM_SAMPLE_TORN);
	sample.mode = 0;
	assert_int_equal(
		shm_sample_parse(&sample, &(struct shm_sample_after){9, 1}, &kernel, &m), SHM_SAMPLE_GOOD);
	/* The writer is among the fields. */
	for (sample.mode = 0; sample.mode <= 1; sample.mode++)
		assert_int_equal(shm_sample_parse(&sample, &(struct shm_sample_after){8, 0}, &kernel, &m),
			SHM_SAMPLE_TORN);
	assert_int_equal(judge(&sample), SHM_SAMPLE_MODE);
	sample.mode = -1;
	assert_int_equal(judge(&sample), SHM_SAMPLE_MODE);
	sample.valid = 0;
	assert_int_equal(judge(&sample), SHM_SAMPLE_EMPTY);
}

static void test_times(void **state)
{
	const int64_t seconds[] = {-1, INT64_MIN, INT64_MAX, INT64_C(1) << 34};
	const int32_t us[] = {-1, 1000000, INT32_MIN, INT32_MAX};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct shm_sample sample = usual();

		sample.clock_seconds = seconds[i];
		assert_int_equal(judge(&sample), SHM_SAMPLE_TIME);
		sample = usual();
		sample.kernel_seconds = seconds[i];
		assert_int_equal(judge(&sample), SHM_SAMPLE_TIME);
		sample = usual();
		sample.clock_us = us[i];
		assert_int_equal(judge(&sample), SHM_SAMPLE_TIME);
		sample = usual();
		sample.kernel_us = us[i];
		assert_int_equal(judge(&sample), SHM_SAMPLE_TIME);
	}
}

static void test_leap_codes(void **state)
{
	(void)state;
	for (int32_t leap = -3; leap < 9; leap++) {
		struct shm_sample sample = usual();

		sample.leap = leap;
		assert_int_equal(judge(&sample), leap >= 0 && leap <= 3 ? SHM_SAMPLE_GOOD : SHM_SAMPLE_LEAP);
	}
}

/* Whatever is in the segment: what is good is in bounds. */
static void test_random_octets(void **state)
{
	int good = 0;

	(void)state;
	srandom(20261130);
	for (int i = 0; i < 200000; i++) {
		struct shm_sample sample = usual();
		struct shm_sample_after after;
		struct measurement m;
		ntp64 kernel;

		for (long j = random() % 5; j > 0; j--)
			((uint8_t *)&sample)[(size_t)random() % sizeof(sample)] = (uint8_t)random();
		after = (struct shm_sample_after){
			(int32_t)(random() % 8 ? sample.count : random()), sample.valid};
		if (shm_sample_parse(&sample, &after, &kernel, &m) != SHM_SAMPLE_GOOD)
			continue;
		good++;
		assert_true(m.leap <= NTP_LEAP_UNSYNC);
		assert_true(m.error <= 2 * 4295);
		assert_true((m.time >> 32) == ((sample.clock_seconds + NTP_UNIX_EPOCH) & UINT32_MAX));
	}
	assert_true(good > 1000);
}

static void test_every_verdict_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SHM_SAMPLE_VERDICT_COUNT; i++)
		assert_string_not_equal(shm_sample_text(i), "unknown");
	assert_string_equal(shm_sample_text(SHM_SAMPLE_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_microseconds),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_leap_codes),
		cmocka_unit_test(test_random_octets),
		cmocka_unit_test(test_every_verdict_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
