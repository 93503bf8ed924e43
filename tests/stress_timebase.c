/*
 * One writer and many readers of a timebase: every copy must be one publication, whole, and none older than
 * one seen before; and all turn at the same counter value at a leap second. Also built with ThreadSanitizer.
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

#include "refclock/leap_plan.h"
#include "refclock/timebase.h"

enum { READERS = 6, DURATION_MS = 2000 };

/* Of the leap second: ahead of the start, and until the line is on the other side. */
enum {
	LEAP_AHEAD_MS = 2200,
	LEAP_END_MS = LEAP_AHEAD_MS + 4100,
	LEAP_LATEST_MS = 30000,
	LEAP_REFRESH_NS = 1000000
};

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
		.leap_at = h ^ 8,
		.leap_step = (int64_t)(h >> 2),
		.error_growth = (uint32_t)h,
		.dispersion_growth = (uint32_t)(h >> 32),
		.root_delay = (uint32_t)(h >> 16),
		.leap = h & 3,
		.serve = h >> 7 & 1,
		.tai_offset = (int32_t)(h >> 40),
		.smear = (int64_t)(h >> 3),
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

struct turner {
	pthread_t thread;
	struct shm shm;
	uint64_t last_before, first_after; /* counter values */
	uint64_t looks, backwards;
};

/* A worker's way with the timebase: copy it when it is new, read the counter, take a side. */
static void *turn(void *opaque)
{
	struct turner *t = opaque;
	uint64_t held = 0, last_line = 0;
	struct timebase tb, fresh;

	while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
		const uint64_t sequence = shm_sequence(&t->shm) == held ? 0 : shm_read(&t->shm, &fresh);
		uint64_t now, line;

		if (sequence) {
			tb = fresh;
			held = sequence;
		}
		if (!held)
			continue;
		now = counter_read(COUNTER_MONOTONIC_RAW);
		if (timebase_leap(&tb, timebase_side(&tb, now)) == NTP_LEAP_INSERT)
			t->last_before = now;
		else if (!t->first_after)
			t->first_after = now;
		/* Put back on one side, time goes on; corrections of the line are of some microseconds. */
		line = timebase_time(&tb, now) + (t->first_after ? NTP64_SECOND : 0);
		t->backwards += t->looks && ntp64_diff(line, last_line) < -(int64_t)(NTP64_SECOND / 10000);
		last_line = line;
		t->looks++;
	}
	return NULL;
}

/* A clock daemon whose line is corrected all the time, and with it the turn until that is fixed. How often
 * the leap is over, which takes longer where this thread gets no processor. */
static unsigned write_leap(struct shm *shm, struct timebase *even)
{
	static struct leap_table table = {.entries = 2, .entry = {{LEAP_1972, LEAP_TAI_1972}}};
	const struct leap_facts facts = {.table = &table, .gnss = LEAP_UNHEARD, .upstream = LEAP_UNHEARD};
	const uint64_t start = even->counter;
	struct leap_options options;
	struct leap_plan plan;
	unsigned overs = 0;

	table.entry[1] = (struct leap_entry){leap_seconds(even->time) + 3, LEAP_TAI_1972 + 1};
	leap_options_init(&options);
	leap_plan_init(&plan, &options);
	while (counter_read(COUNTER_MONOTONIC_RAW) - start <
		(overs ? LEAP_END_MS : LEAP_LATEST_MS) * UINT64_C(1000000)) {
		struct timebase tb = *even;

		even->time += (uint64_t)(rand() % 8001) - 4000;
		tb.counter = counter_read(COUNTER_MONOTONIC_RAW);
		tb.time = timebase_line(even, tb.counter);
		overs += leap_plan_apply(&plan, &facts, &tb) == LEAP_OVER;
		shm_publish(shm, &tb);
		nanosleep(&(struct timespec){.tv_nsec = LEAP_REFRESH_NS}, NULL);
	}
	return overs;
}

static void test_readers_turn_together(void **state)
{
	struct turner turners[READERS] = {0};
	uint64_t last_before = 0, first_after = UINT64_MAX;
	/* LEAP_AHEAD_MS before a whole second, which will be the leap's midnight. */
	struct timebase even = {.counter_hz = 1000000000,
		.time = (UINT64_C(4070908800) << 32) +
			(3 * UINT64_C(1000) - LEAP_AHEAD_MS) * NTP64_SECOND / 1000,
		.leap = NTP_LEAP_INSERT,
		.rate = UINT64_C(1208925819614629),
		.counter_kind = COUNTER_MONOTONIC_RAW};
	struct shm writer;
	unsigned overs;

	(void)state;
	srand(3);
	__atomic_store_n(&stopped, 0, __ATOMIC_RELAXED);
	assert_int_equal(shm_create(&writer, run_dir, &TIMEBASE_CONTRACT), SHM_OK);
	even.counter = counter_read(COUNTER_MONOTONIC_RAW);
	shm_publish(&writer, &even);
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(shm_open_reader(&turners[i].shm, run_dir, &TIMEBASE_CONTRACT), SHM_OK);
		assert_int_equal(pthread_create(&turners[i].thread, NULL, turn, &turners[i]), 0);
	}
	overs = write_leap(&writer, &even);
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < READERS; i++) {
		pthread_join(turners[i].thread, NULL);
		assert_true(turners[i].looks > 100 && turners[i].last_before && turners[i].first_after);
		assert_int_equal(turners[i].backwards, 0);
		if (turners[i].last_before > last_before)
			last_before = turners[i].last_before;
		if (turners[i].first_after < first_after)
			first_after = turners[i].first_after;
		shm_close(&turners[i].shm);
	}
	assert_int_equal(overs, 1);
	print_message("%llu ns between the last look before the turn and the first after it\n",
		(unsigned long long)(first_after - last_before));
	assert_true(last_before < first_after);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_see_whole_copies),
		cmocka_unit_test(test_readers_turn_together)};

	return cmocka_run_group_tests(tests, make_run_dir, remove_run_dir);
}
