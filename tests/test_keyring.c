/* The ring of master keys: nts/keyring.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nts/keyring.h"

/* Times start shortly before an era's end. */
static const ntp64 start = UINT64_MAX - 20 * NTP64_SECOND;
static const uint64_t period = 10 * NTP64_SECOND;

static ntp64 at(double periods)
{
	return start + (ntp64)(int64_t)(periods * (double)period);
}

/* Rotate in a key that is all over its id. */
static bool rotate(struct keyring *ring, uint32_t id, ntp64 now)
{
	struct keyring_fresh fresh = {.id = id};

	memset(fresh.key, (int)id, sizeof(fresh.key));
	return keyring_rotate(ring, &fresh, now, period);
}

static uint32_t current(const struct keyring *ring, ntp64 now)
{
	const struct keyring_key *key = keyring_current(ring, now);

	return key ? key->id : 0;
}

static bool opens(const struct keyring *ring, uint32_t id, ntp64 now)
{
	const struct keyring_key *key = keyring_find(ring, id);

	return key && !keyring_is_expired(key, now);
}

/* Nothing of a key's octets is left in the ring. */
static void assert_erased(const struct keyring *ring, uint8_t id)
{
	const uint8_t *octets = (const uint8_t *)ring;
	uint8_t key[SIV_KEY];

	memset(key, id, sizeof(key));
	for (size_t i = 0; i + sizeof(key) <= sizeof(*ring); i++)
		assert_memory_not_equal(octets + i, key, sizeof(key));
}

static void test_empty(void **state)
{
	struct keyring ring = {0};

	(void)state;
	assert_null(keyring_find(&ring, 0));
	assert_null(keyring_current(&ring, start));
	assert_int_equal(keyring_erase_expired(&ring, start), 0);
}

static void test_contract(void **state)
{
	(void)state;
	assert_string_equal(KEYRING_CONTRACT.file, "keyring");
	assert_int_equal(KEYRING_CONTRACT.size, sizeof(struct keyring));
	assert_memory_equal(&KEYRING_CONTRACT.magic, "TWKEYRNG", 8);
}

static void test_first_keys(void **state)
{
	struct keyring ring = {0};

	(void)state;
	assert_true(rotate(&ring, 1, start));
	assert_true(rotate(&ring, 2, start));
	assert_int_equal(current(&ring, start), 1);
	assert_int_equal(current(&ring, at(0.99)), 1);
	assert_int_equal(current(&ring, at(1)), 2);
	assert_true(opens(&ring, 2, start));
	assert_int_equal(ring.rotations, 2);
}

static void test_id_taken(void **state)
{
	struct keyring ring = {0}, before;

	(void)state;
	assert_true(rotate(&ring, 1, start));
	assert_true(rotate(&ring, 2, start));
	before = ring;
	assert_false(rotate(&ring, 1, at(1)));
	assert_memory_equal(&ring, &before, sizeof(ring));
}

/* A key of id 0 is a key like others. */
static void test_id_0(void **state)
{
	struct keyring ring = {0};

	(void)state;
	assert_true(rotate(&ring, 0, start));
	assert_non_null(keyring_find(&ring, 0));
	assert_false(rotate(&ring, 0, start));
}

/* Rotated on time: whatever was sealed opens for two periods more, then is gone. */
static void test_on_time(void **state)
{
	struct keyring ring = {0};

	(void)state;
	rotate(&ring, 100, at(0));
	for (uint32_t n = 0; n < 20; n++) {
		assert_true(rotate(&ring, 101 + n, at(n)));
		assert_int_equal(keyring_erase_expired(&ring, at(n)), 0);
		for (double within = 0; within < 1; within += 0.125) {
			assert_int_equal(current(&ring, at(n + within)), 100 + n);
			for (uint32_t old = 0; old <= 2 && old <= n; old++)
				assert_true(opens(&ring, 100 + n - old, at(n + within)));
			assert_true(opens(&ring, 101 + n, at(n + within)));
			if (n >= 3)
				assert_false(opens(&ring, 100 + n - 3, at(n + within)));
		}
		if (n >= 3)
			assert_erased(&ring, (uint8_t)(100 + n - 3));
	}
}

/* Ten rotations by hand at once: the ring goes on, and the newest but one seals. */
static void test_by_hand(void **state)
{
	struct keyring ring = {0};

	(void)state;
	for (uint32_t n = 1; n <= 10; n++)
		assert_true(rotate(&ring, n, at(0) + n));
	assert_int_equal(current(&ring, at(0) + 10), 9);
	assert_true(opens(&ring, 8, at(0) + 10));
	assert_true(opens(&ring, 7, at(0) + 10));
	assert_null(keyring_find(&ring, 6));
	/* without another rotation they end in their order */
	assert_false(opens(&ring, 8, at(2) + 10));
	assert_true(opens(&ring, 9, at(2) + 10));
	assert_int_equal(keyring_erase_expired(&ring, at(2) + 10), 2);
	assert_erased(&ring, 7);
	assert_erased(&ring, 8);
	assert_non_null(keyring_find(&ring, 9));
	assert_non_null(keyring_find(&ring, 10));
}

/* Late by half a period: what the overdue key sealed until now still opens for two periods. */
static void test_late(void **state)
{
	struct keyring ring = {0};

	(void)state;
	rotate(&ring, 1, at(0));
	rotate(&ring, 2, at(0));
	assert_int_equal(current(&ring, at(1.5)), 2);
	rotate(&ring, 3, at(1.5));
	assert_int_equal(current(&ring, at(1.5)), 2);
	assert_int_equal(current(&ring, at(2.49)), 2);
	assert_int_equal(current(&ring, at(2.5)), 3);
	assert_true(opens(&ring, 1, at(2.99)));
	assert_false(opens(&ring, 1, at(3)));
	assert_true(opens(&ring, 2, at(4.49)));
	assert_false(opens(&ring, 2, at(4.5)));
}

/* The writer is dead: the future key takes over and lasts, then nothing is sealed any more. */
static void test_no_writer(void **state)
{
	struct keyring ring = {0};

	(void)state;
	rotate(&ring, 1, at(0));
	rotate(&ring, 2, at(0));
	assert_int_equal(current(&ring, at(3.99)), 2);
	assert_null(keyring_current(&ring, at(4)));
	assert_true(rotate(&ring, 3, at(6)));
	assert_null(keyring_find(&ring, 1));
	assert_null(keyring_find(&ring, 2));
	assert_erased(&ring, 2);
	assert_true(rotate(&ring, 4, at(6)));
	assert_int_equal(current(&ring, at(6)), 3);
}

/* A clock from before all keys seals with the one that begins first. */
static void test_early_clock(void **state)
{
	struct keyring ring = {0};

	(void)state;
	rotate(&ring, 1, at(0));
	rotate(&ring, 2, at(0));
	assert_int_equal(current(&ring, at(-5)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_first_keys),
		cmocka_unit_test(test_id_taken),
		cmocka_unit_test(test_id_0),
		cmocka_unit_test(test_on_time),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_no_writer),
		cmocka_unit_test(test_early_clock),
	};

	return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
