/* The table of served addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/policy.h"
#include "ntp/packet.h"

static struct policy policy;

static void make_address(uint8_t address[16], unsigned number)
{
	static const uint8_t prefix[16] = {0x20, 0x01, 0x0d, 0xb8};

	memcpy(address, prefix, 16);
	address[7] = (uint8_t)(number % 7);
	address[14] = (uint8_t)(number >> 8);
	address[15] = (uint8_t)number;
}

static bool served(const uint8_t address[16], uint32_t vlan)
{
	uint64_t half[2];

	memcpy(half, address, 16);
	return policy_is_served(&policy, half[0], half[1], vlan);
}

static bool own(const uint8_t address[16])
{
	uint64_t half[2];

	memcpy(half, address, 16);
	return policy_is_own(&policy, half[0], half[1]);
}

static void test_init(void **state)
{
	uint8_t zero[16] = {0};

	(void)state;
	memset(&policy, 0xa5, sizeof(policy));
	policy_init(&policy);
	assert_int_equal(policy.ntp_port, NTP_PORT);
	assert_int_equal(policy.min_poll, 0);
	assert_int_equal(policy.served_count, 0);
	assert_false(served(zero, 0));
	assert_false(own(zero));
}

static void test_full(void **state)
{
	uint8_t address[16];

	(void)state;
	policy_init(&policy);
	for (unsigned i = 0; i < SERVED_MAX; i++) {
		make_address(address, i);
		assert_false(served(address, 0));
		assert_true(policy_serve(&policy, address, SERVED_ANY_VLAN));
		assert_true(served(address, 0));
	}
	assert_int_equal(policy.served_count, SERVED_MAX);
	make_address(address, SERVED_MAX);
	assert_false(policy_serve(&policy, address, SERVED_ANY_VLAN));
	assert_int_equal(policy.served_count, SERVED_MAX);
	/* What is there already fits also into a full table. */
	make_address(address, 17);
	assert_true(policy_serve(&policy, address, SERVED_ANY_VLAN));
	assert_false(policy_serve(&policy, address, 0x1001));
	for (unsigned i = 0; i < 4 * SERVED_MAX; i++) {
		make_address(address, i);
		assert_int_equal(served(address, i), i < SERVED_MAX);
		assert_int_equal(own(address), i < SERVED_MAX);
	}
}

static void test_duplicates(void **state)
{
	uint8_t address[16];

	(void)state;
	policy_init(&policy);
	make_address(address, 5);
	for (int i = 0; i < 3; i++)
		assert_true(policy_serve(&policy, address, SERVED_ANY_VLAN));
	assert_int_equal(policy.served_count, 1);
	for (int i = 0; i < 3; i++)
		assert_true(policy_serve(&policy, address, 0x1007));
	assert_int_equal(policy.served_count, 2);
}

static void test_vlan(void **state)
{
	uint8_t address[16], other[16];

	(void)state;
	policy_init(&policy);
	make_address(address, 1);
	make_address(other, 2);
	assert_true(policy_serve(&policy, address, 0));
	assert_true(policy_serve(&policy, address, 0x1064));
	assert_true(policy_serve(&policy, address, 0x106410c8));
	assert_true(policy_serve(&policy, other, SERVED_ANY_VLAN));
	assert_true(served(address, 0));
	assert_true(served(address, 0x1064));
	assert_true(served(address, 0x106410c8));
	assert_false(served(address, 0x1065));
	assert_false(served(address, 0x10c81064));
	assert_false(served(address, SERVED_VLAN_PRESENT));
	assert_true(served(other, 0));
	assert_true(served(other, 0x1fff1fff));
	assert_true(own(address));
	assert_true(own(other));
}

static void test_mapped(void **state)
{
	static const uint8_t expected[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
	static const uint8_t ipv4[4] = {192, 0, 2, 1};
	uint8_t address[16];

	(void)state;
	memset(address, 0x55, sizeof(address));
	policy_map_ipv4(address, ipv4);
	assert_memory_equal(address, expected, 16);
	policy_init(&policy);
	assert_true(policy_serve(&policy, address, SERVED_ANY_VLAN));
	assert_true(served(expected, 0));
	address[15] = 2;
	assert_false(served(address, 0));
	assert_false(own(address));
}

/* Addresses that are neighbours, as a provider's are, must not pile up in one place of the table. */
static void test_searches_are_short(void **state)
{
	unsigned longest = 0;

	(void)state;
	policy_init(&policy);
	for (unsigned i = 0; i < SERVED_MAX; i++) {
		const uint8_t ipv4[4] = {198, 51, (uint8_t)(100 + i / 256), (uint8_t)i};
		uint8_t address[16];

		policy_map_ipv4(address, ipv4);
		assert_true(policy_serve(&policy, address, SERVED_ANY_VLAN));
	}
	for (unsigned slot = 0, run = 0; slot < 2 * SERVED_SLOTS; slot++) {
		run = policy.served[slot % SERVED_SLOTS].used ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	assert_true(longest < 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_searches_are_short),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
