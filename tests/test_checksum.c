/* The fast checksum against RFC 1071 as it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/checksum.h"
#include "tests/golden.h"

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Sums are in the order of their octets; the plain one is in the host's. */
static uint16_t fast(const uint8_t *octets, size_t size)
{
	return OCTETS_BE16(checksum_fold(checksum_add(0, octets, size)));
}

static void test_random(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const size_t size = next(&random) % 300;
		uint8_t *octets = malloc(size ? size : 1);

		assert_non_null(octets);
		for (size_t k = 0; k < size; k++)
			octets[k] = (uint8_t)next(&random);
		assert_int_equal(fast(octets, size), golden_sum(0, octets, size));
		free(octets);
	}
}

/* All zeros sum to zero, anything else to what is not: zero's other name, all ones. */
static void test_edges(void **state)
{
	uint8_t octets[256];

	(void)state;
	for (size_t size = 0; size <= sizeof(octets); size++) {
		memset(octets, 0, sizeof(octets));
		assert_int_equal(fast(octets, size), 0);
		memset(octets, 0xff, sizeof(octets));
		assert_int_equal(fast(octets, size), golden_sum(0, octets, size));
		for (size_t k = 0; k < size; k += 7) {
			memset(octets, 0, sizeof(octets));
			octets[k] = 1;
			assert_int_equal(fast(octets, size), k % 2 ? 1 : 0x100);
		}
	}
}

static void test_fold(void **state)
{
	static const uint64_t ones[] = {0xffff, 0xffff0000, 0xffffffff, UINT64_C(0xffff000000000000),
		UINT64_C(0xffffffff00000000), UINT64_C(0xffffffffffffffff), UINT64_C(0x0000ffff0000ffff),
		UINT64_C(0x00000001fffffffe), UINT64_C(0xfffe000000000001)};

	(void)state;
	assert_int_equal(checksum_fold(0), 0);
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++)
		assert_int_equal(checksum_fold(ones[i]), 0xffff);
	assert_int_equal(checksum_fold(UINT64_C(0x0001000000000000)), 1);
	assert_int_equal(checksum_fold(UINT64_C(0xffffffff00000001)), 1);
}

/* Folding is the remainder by 65535, with 0 only for 0. */
static void test_fold_random(void **state)
{
	uint32_t random = 7;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint64_t sum = (uint64_t)next(&random) << 48 ^ (uint64_t)next(&random) << 24 ^ next(&random);
		uint64_t rest;

		sum &= next(&random) & 1 ? UINT64_MAX : UINT64_C(0xffff0000ffff);
		rest = sum % 65535;
		assert_int_equal(checksum_fold(sum), rest || !sum ? rest : 65535);
	}
}

static void test_carry(void **state)
{
	(void)state;
	assert_true(checksum_add64(UINT64_MAX, 1) == 1);
	assert_true(checksum_add64(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	assert_true(checksum_add64(0, UINT64_MAX) == UINT64_MAX);
	assert_true(checksum_add64(UINT64_C(1) << 63, UINT64_C(1) << 63) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_random),
		cmocka_unit_test(test_carry),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
