/* The daemon's keyring: control/ke_keys.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "control/ke_keys.h"

enum { PERIOD_S = 100 };

static const ntp64 start = UINT64_C(0xec000000) << 32;
static const uint64_t period = PERIOD_S * NTP64_SECOND;
static char text[512];

static ntp64 at(double seconds)
{
	return start + (ntp64)(int64_t)(seconds * 4294967296.0);
}

static bool begin(struct ke_keys *keys, const struct keyring *left, const char *file, size_t size, ntp64 now,
	enum ke_keys_origin *origin)
{
	text[0] = '\0';
	return ke_keys_begin(keys, left, file, size, now, origin, text, sizeof(text));
}

static void begin_fresh(struct ke_keys *keys, uint32_t rotate_s, ntp64 now)
{
	enum ke_keys_origin origin;

	ke_keys_init(keys, rotate_s);
	assert_true(begin(keys, NULL, "", 0, now, &origin));
	assert_int_equal(origin, KE_KEYS_FRESH);
}

static unsigned used(const struct keyring *ring)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYRING_KEYS; i++)
		n += ring->key[i].algorithm != 0;
	return n;
}

static void test_fresh(void **state)
{
	static const char *const states[] = {"future", "current", "old", "old"};
	struct ke_keys keys;
	unsigned ids = 0;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	assert_true(keys.in_use);
	assert_int_equal(used(&keys.ring), 4);
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		assert_string_equal(ke_keys_state(&keys, &keys.ring.key[i], start), states[i]);
		ids |= 1U << keys.ring.key[i].id % 4;
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(keys.ring.key[i].key, keys.ring.key[j].key, SIV_KEY);
	}
	assert_int_equal(ids, 0xf);
	assert_int_equal(keys.ring.key[0].not_before, start + period);
	assert_int_equal(keys.ring.key[1].not_before, start);
	assert_int_equal(ke_keys_tick(&keys, start), 0);
	ke_keys_end(&keys);
	assert_int_equal(used(&keys.ring), 0);
}

static void test_nothing_before_begin(void **state)
{
	struct ke_keys keys;
	char file[KEY_FILE_MAX];

	(void)state;
	ke_keys_init(&keys, PERIOD_S);
	assert_int_equal(ke_keys_tick(&keys, start), 0);
	assert_int_equal(ke_keys_due_ms(&keys, start, 1000), 1000);
	assert_int_equal(ke_keys_write(&keys, file, start), 0);
	assert_false(ke_keys_rotate(&keys, start, text, sizeof(text)));
	assert_false(keys.in_use);
}

/* Ten periods in small steps: each turn is on time, and whatever seals goes on opening for two periods. */
static void test_turns_on_time(void **state)
{
	struct ke_keys keys;
	unsigned turns = 0;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	for (double t = 0; t < 10.5 * PERIOD_S; t += 0.5) {
		const struct keyring_key *current;
		const uint64_t changes = keys.changes;
		const unsigned news = ke_keys_tick(&keys, at(t));

		turns += (news & KE_KEYS_ROTATED) != 0;
		assert_int_equal(keys.changes != changes, news != 0);
		assert_int_equal(news & ~(unsigned)(KE_KEYS_ROTATED | KE_KEYS_ERASED), 0);
		current = keyring_current(&keys.ring, at(t));
		assert_non_null(current);
		assert_true(ntp64_diff(current->not_before, at(t)) <= 0);
		assert_true(ntp64_diff(current->not_after, at(t) + 2 * period) >= 0);
		assert_true(ntp64_diff(keys.ring.key[0].not_before, at(t)) > 0);
		assert_in_range(ke_keys_due_ms(&keys, at(t), 1000), 1, 1000);
	}
	assert_int_equal(turns, 10);
}

static void test_due(void **state)
{
	struct ke_keys keys;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	assert_int_equal(ke_keys_due_ms(&keys, start, 1000), 1000);
	assert_int_equal(ke_keys_due_ms(&keys, at(PERIOD_S - 0.25), 1000), 251);
	assert_int_equal(ke_keys_due_ms(&keys, at(PERIOD_S), 1000), 0);
	assert_int_equal(ke_keys_due_ms(&keys, at(PERIOD_S + 5), 1000), 0);
}

static void test_by_hand(void **state)
{
	struct ke_keys keys;
	uint32_t future;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	future = keys.ring.key[0].id;
	assert_true(ke_keys_rotate(&keys, at(1), text, sizeof(text)));
	assert_int_equal(keyring_current(&keys.ring, at(1))->id, future);
	assert_int_equal(ke_keys_tick(&keys, at(PERIOD_S)), 0);
	assert_int_equal(ke_keys_tick(&keys, at(PERIOD_S + 1)) & KE_KEYS_ROTATED, KE_KEYS_ROTATED);
}

/* Asleep for long: all has ended, and goes on with other keys. */
static void test_clock_forward(void **state)
{
	struct ke_keys keys;
	const ntp64 later = at(1000.0 * PERIOD_S);
	uint32_t old;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	old = keys.ring.key[0].id;
	assert_int_equal(ke_keys_tick(&keys, later), KE_KEYS_ERASED | KE_KEYS_RENEWED);
	assert_int_equal(used(&keys.ring), 4);
	assert_null(keyring_find(&keys.ring, old));
	assert_int_equal(ke_keys_tick(&keys, later), 0);
}

/* Back again: keys that would begin in years are not waited for, and small steps back turn nothing. */
/* The clock is doubted for a period before keys that it does not know are given up. */
static void test_clock_back(void **state)
{
	const double far = -1000.0 * PERIOD_S;
	struct ke_keys keys;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	assert_int_equal(ke_keys_tick(&keys, at(-0.5 * PERIOD_S)), 0);
	assert_non_null(keyring_current(&keys.ring, at(-0.5 * PERIOD_S)));
	assert_int_equal(ke_keys_tick(&keys, at(far)), 0);
	assert_int_equal(ke_keys_tick(&keys, at(far + 0.99 * PERIOD_S)), 0);
	assert_int_equal(ke_keys_tick(&keys, at(far + PERIOD_S)), KE_KEYS_ROTATED);
	assert_int_equal(ke_keys_tick(&keys, at(far + PERIOD_S)), 0);
	assert_int_equal(ke_keys_tick(&keys, at(far + 2.0 * PERIOD_S)), KE_KEYS_ROTATED);
	assert_true(ntp64_diff(keyring_current(&keys.ring, at(far + 2.0 * PERIOD_S))->not_before,
			    at(far + 2.0 * PERIOD_S)) <= 0);
}

/* A machine without a clock of its own: from long before all keys until the time has come in. */
static void test_clock_comes_in(void **state)
{
	struct ke_keys keys;
	struct keyring before;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	before = keys.ring;
	for (double late = 0; late < PERIOD_S; late += PERIOD_S / 16.0)
		assert_int_equal(ke_keys_tick(&keys, at(-1000.0 * PERIOD_S + late)), 0);
	assert_int_equal(ke_keys_tick(&keys, at(0.5 * PERIOD_S)), 0);
	assert_memory_equal(&keys.ring, &before, sizeof(before));
	/* What was doubted once is not held against the clock later. */
	assert_int_equal(ke_keys_tick(&keys, at(-1000.0 * PERIOD_S)), 0);
	assert_memory_equal(&keys.ring, &before, sizeof(before));
}

/* The operator made the period shorter: the key of the longer one is not waited for. */
static void test_shorter_period(void **state)
{
	struct ke_keys keys, shorter;
	enum ke_keys_origin origin;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	ke_keys_init(&shorter, PERIOD_S / 10);
	assert_true(begin(&shorter, &keys.ring, "", 0, at(1), &origin));
	assert_int_equal(origin, KE_KEYS_SEGMENT);
	assert_int_equal(ke_keys_tick(&shorter, at(1)), KE_KEYS_ROTATED);
	assert_non_null(keyring_find(&shorter.ring, keys.ring.key[1].id));
}

static void test_file(void **state)
{
	struct ke_keys keys, other;
	char file[KEY_FILE_MAX];
	enum ke_keys_origin origin;
	size_t size;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	size = ke_keys_write(&keys, file, start);
	assert_int_not_equal(size, 0);
	ke_keys_init(&other, PERIOD_S);
	assert_true(begin(&other, NULL, file, size, at(1), &origin));
	assert_int_equal(origin, KE_KEYS_FILE);
	assert_memory_equal(&other.ring, &keys.ring, sizeof(keys.ring));

	/* what has been left behind is newer, then older */
	assert_true(ke_keys_rotate(&keys, at(2), text, sizeof(text)));
	ke_keys_init(&other, PERIOD_S);
	assert_true(begin(&other, &keys.ring, file, size, at(3), &origin));
	assert_int_equal(origin, KE_KEYS_SEGMENT);
	size = ke_keys_write(&other, file, at(3));
	begin_fresh(&keys, PERIOD_S, at(-10));
	ke_keys_init(&other, PERIOD_S);
	assert_true(begin(&other, &keys.ring, file, size, at(3), &origin));
	assert_int_equal(origin, KE_KEYS_FILE);
}

static void test_bad_file(void **state)
{
	struct ke_keys keys, left;
	enum ke_keys_origin origin;

	(void)state;
	ke_keys_init(&keys, PERIOD_S);
	assert_false(begin(&keys, NULL, "NKS7\n", 5, start, &origin));
	assert_int_not_equal(text[0], '\0');
	assert_int_equal(origin, KE_KEYS_FRESH);
	assert_true(keys.in_use);
	begin_fresh(&left, PERIOD_S, start);
	ke_keys_init(&keys, PERIOD_S);
	assert_false(begin(&keys, &left.ring, "NKS7\n", 5, start, &origin));
	assert_int_equal(origin, KE_KEYS_SEGMENT);
	assert_memory_equal(&keys.ring, &left.ring, sizeof(left.ring));
}

/* A file and a segment from long ago are no good any more. */
static void test_all_ended(void **state)
{
	struct ke_keys keys, other;
	char file[KEY_FILE_MAX];
	enum ke_keys_origin origin;
	size_t size;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	size = ke_keys_write(&keys, file, start);
	ke_keys_init(&other, PERIOD_S);
	assert_false(begin(&other, &keys.ring, file, size, at(50.0 * PERIOD_S), &origin));
	assert_int_equal(origin, KE_KEYS_FRESH);
	assert_null(keyring_find(&other.ring, keys.ring.key[0].id));
	assert_false(ke_keys_import(&other, file, size, at(50.0 * PERIOD_S), text, sizeof(text)));
}

static void test_import(void **state)
{
	struct ke_keys keys, other;
	char file[KEY_FILE_MAX];
	struct keyring before;
	const char *ours;
	size_t size;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	begin_fresh(&other, PERIOD_S, start);
	size = ke_keys_write(&keys, file, start);
	before = other.ring;
	ours = memmem(file, size, "tickwire 1", 10);
	assert_non_null(ours);
	for (size_t cut = 0; cut + 1 < size; cut++) {
		/* up to there it is a file as chrony writes it */
		if (file + cut == ours || file + cut + 1 == ours)
			continue;
		assert_false(ke_keys_import(&other, file, cut, start, text, sizeof(text)));
		assert_memory_equal(&other.ring, &before, sizeof(before));
	}
	assert_int_equal(other.changes, 1);
	assert_true(ke_keys_import(&other, file, size, start, text, sizeof(text)));
	assert_memory_equal(&other.ring, &keys.ring, sizeof(keys.ring));
	assert_int_equal(other.changes, 2);
}

/* Kept by somebody else: never turned, the file comes first, and an end is said once. */
static void test_kept_elsewhere(void **state)
{
	struct ke_keys keys, newer, kept;
	char file[KEY_FILE_MAX];
	enum ke_keys_origin origin;
	size_t size;

	(void)state;
	begin_fresh(&keys, PERIOD_S, start);
	begin_fresh(&newer, PERIOD_S, at(10));
	size = ke_keys_write(&keys, file, start);
	ke_keys_init(&kept, 0);
	assert_true(begin(&kept, &newer.ring, file, size, at(10), &origin));
	assert_int_equal(origin, KE_KEYS_FILE);
	assert_false(ke_keys_rotate(&kept, at(10), text, sizeof(text)));
	assert_int_equal(ke_keys_tick(&kept, at(1.5 * PERIOD_S)), KE_KEYS_ERASED);
	assert_int_equal(kept.ring.key[0].id, keys.ring.key[0].id);
	assert_int_equal(ke_keys_tick(&kept, at(20.0 * PERIOD_S)), KE_KEYS_ERASED | KE_KEYS_ENDED);
	assert_int_equal(ke_keys_tick(&kept, at(20.0 * PERIOD_S)), 0);
	assert_int_equal(ke_keys_due_ms(&kept, at(20.0 * PERIOD_S), 1000), 1000);
	assert_int_equal(used(&kept.ring), 0);
	assert_true(ke_keys_rotate(&newer, at(20.0 * PERIOD_S), text, sizeof(text)));
	assert_true(ke_keys_rotate(&newer, at(20.0 * PERIOD_S), text, sizeof(text)));
	size = ke_keys_write(&newer, file, at(20.0 * PERIOD_S));
	assert_true(ke_keys_import(&kept, file, size, at(20.0 * PERIOD_S), text, sizeof(text)));
	assert_int_equal(ke_keys_tick(&kept, at(20.0 * PERIOD_S)), 0);
}

/* Without a file there are keys that nobody turns for years. */
static void test_kept_elsewhere_but_missing(void **state)
{
	struct ke_keys keys;

	(void)state;
	begin_fresh(&keys, 0, start);
	assert_int_equal(used(&keys.ring), 4);
	assert_int_equal(ke_keys_tick(&keys, start), 0);
	assert_int_equal(ke_keys_tick(&keys, at(86400.0 * 365)), 0);
	assert_non_null(keyring_current(&keys.ring, at(86400.0 * 365 * 10)));
}

static bool holds(const struct shm *segment, const uint8_t key[SIV_KEY])
{
	const uint8_t *octets = shm_body(segment);

	for (uint32_t i = 0; i + SIV_KEY <= 2 * segment->stride; i++)
		if (memcmp(octets + i, key, SIV_KEY) == 0)
			return true;
	return false;
}

/* What is no more in the ring is in neither of the segment's copies. */
static void test_publish(void **state)
{
	char directory[] = "/tmp/test_ke_keys.XXXXXX", path[64];
	struct ke_keys keys;
	struct keyring ring;
	struct keyring_key oldest;
	struct shm segment;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(shm_create(&segment, directory, &KEYRING_CONTRACT), SHM_OK);
	begin_fresh(&keys, PERIOD_S, start);
	ke_keys_publish(&keys, &segment);
	oldest = keys.ring.key[KEYRING_KEYS - 1];
	assert_true(holds(&segment, oldest.key));
	assert_true(ke_keys_rotate(&keys, at(1), text, sizeof(text)));
	ke_keys_publish(&keys, &segment);
	assert_false(holds(&segment, oldest.key));
	assert_int_not_equal(shm_read(&segment, &ring), 0);
	assert_memory_equal(&ring, &keys.ring, sizeof(ring));
	shm_close(&segment);
	snprintf(path, sizeof(path), "%s/keyring", directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_nothing_before_begin),
		cmocka_unit_test(test_turns_on_time),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_clock_forward),
		cmocka_unit_test(test_clock_back),
		cmocka_unit_test(test_clock_comes_in),
		cmocka_unit_test(test_shorter_period),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_bad_file),
		cmocka_unit_test(test_all_ended),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_kept_elsewhere),
		cmocka_unit_test(test_kept_elsewhere_but_missing),
		cmocka_unit_test(test_publish),
	};

	return cmocka_run_group_tests_name("ke keys", tests, NULL, NULL);
}
