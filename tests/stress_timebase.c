/*
 * One writer and many readers of a timebase: every copy must be one publication, whole, and none older than
 * one seen before. Also built with ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "refclock/timebase.h"

enum { READERS = 6, DURATION_MS = 2000 };

struct reader {
	pthread_t thread;
	struct shm shm;
	uint64_t copies, missed, broken;
};

static char run_dir[] = "/tmp/tickwire-test-timebase-XXXXXX";
static int stopped;

/* Every field is a function of one number. */
static struct timebase timebase_of(uint64_t n)
{
	uint64_t h = n * UINT64_C(0x9e3779b97f4a7c15);
	struct timebase tb = {
		.counter = h,
		.time = h + 1,
		.rate = h + 2,
		.counter_hz = h ^ 3,
		.valid_until = h ^ 4,
		.error_bound = h ^ 5,
		.root_dispersion = h ^ 6,
		.reference = h ^ 7,
		.error_growth = (uint32_t)h,
		.dispersion_growth = (uint32_t)(h >> 32),
		.root_delay = (uint32_t)(h >> 16),
		.leap = h & 3,
		.stratum = h & 15,
		.steps = (uint32_t)(h >> 8),
		.updates = n,
		.skew_ppb = (int64_t)(h >> 1),
		.window = ~h,
	};

	memcpy(tb.refid, &h, sizeof(tb.refid));
	memcpy(tb.source, &h, sizeof(h));
	return tb;
}

static bool is_whole(const struct timebase *tb)
{
	struct timebase expected = timebase_of(tb->updates);

	return memcmp(tb, &expected, sizeof(expected)) == 0;
}

static void *read_on(void *opaque)
{
	struct reader *r = opaque;
	uint64_t newest = 0;
	struct timebase tb;

	while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
		uint64_t sequence = shm_read(&r->shm, &tb);

		if (sequence == 0) {
			r->missed++;
			continue;
		}
		r->copies++;
		r->broken += !is_whole(&tb) || sequence < newest || tb.updates != sequence;
		newest = sequence;
	}
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* By turns without a pause, which no clock daemon does, and at a pace at which no reader may miss a copy. */
static uint64_t write_on(struct shm *shm)
{
	uint64_t end = now_ms() + DURATION_MS, n = 0;

	while (now_ms() < end) {
		for (int i = 0; i < 1000; i++) {
			struct timebase tb = timebase_of(++n);

			shm_publish(shm, &tb);
		}
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	return n;
}

static void test_readers_see_whole_copies(void **state)
{
	struct reader readers[READERS] = {0};
	struct shm writer;
	uint64_t copies = 0, missed = 0;

	(void)state;
	assert_int_equal(shm_create(&writer, run_dir, &TIMEBASE_CONTRACT), SHM_OK);
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(shm_open_reader(&readers[i].shm, run_dir, &TIMEBASE_CONTRACT), SHM_OK);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	assert_true(write_on(&writer) > 1000);
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_true(readers[i].copies > 0);
		assert_int_equal(readers[i].broken, 0);
		copies += readers[i].copies;
		missed += readers[i].missed;
		shm_close(&readers[i].shm);
	}
	print_message("%llu copies, %llu given up\n", (unsigned long long)copies, (unsigned long long)missed);
	shm_close(&writer);
}

static int make_run_dir(void **state)
{
	(void)state;
	return mkdtemp(run_dir) ? 0 : -1;
}

static int remove_run_dir(void **state)
{
	char file[sizeof(run_dir) + 16];

	(void)state;
	snprintf(file, sizeof(file), "%s/timebase", run_dir);
	unlink(file);
	return rmdir(run_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_see_whole_copies)};

	return cmocka_run_group_tests(tests, make_run_dir, remove_run_dir);
}
