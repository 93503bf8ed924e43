/* What may follow the header: RFC 7822 section 3 and the MACs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ntp/extension.h"

enum { TRAILER_MAX = 1424 };

/* Judge a copy in a block of exactly its size. */
static enum ntp_trailer check(const uint8_t *trailer, size_t size, unsigned version)
{
	uint8_t *block = malloc(size ? size : 1);
	enum ntp_trailer result;

	assert_non_null(block);
	memcpy(block, trailer, size);
	result = ntp_trailer_check(block, size, version);
	free(block);
	return result;
}

static size_t put_field(uint8_t *at, uint16_t length)
{
	memset(at, 0x11, length);
	store_be16(at, 0x2005);
	store_be16(at + 2, length);
	return length;
}

static void test_nothing(void **state)
{
	const uint8_t none = 0;

	(void)state;
	for (unsigned version = 1; version <= 4; version++)
		assert_int_equal(check(&none, 0, version), NTP_TRAILER_NONE);
}

/* Up to v3 everything is a MAC, or nothing is. */
static void test_old_versions(void **state)
{
	uint8_t trailer[TRAILER_MAX];

	(void)state;
	for (unsigned version = 1; version <= 3; version++)
		for (size_t size = 4; size <= 200; size += 4) {
			const int is_mac = size == 12 || (size >= 20 && size <= 68);

			memset(trailer, 0, sizeof(trailer));
			assert_int_equal(check(trailer, size, version), size == 4 ? NTP_TRAILER_CRYPTO_NAK
									: is_mac  ? NTP_TRAILER_MAC
										  : NTP_TRAILER_BAD_MAC);
			trailer[3] = 1;
			assert_int_equal(check(trailer, size, version),
				is_mac ? NTP_TRAILER_MAC : NTP_TRAILER_BAD_MAC);
		}
}

static void test_one_field(void **state)
{
	uint8_t trailer[TRAILER_MAX + 24];

	(void)state;
	for (uint16_t length = 16; length <= TRAILER_MAX; length += 4) {
		size_t size = put_field(trailer, length);
		enum ntp_trailer alone = length >= 28                   ? NTP_TRAILER_NONE
					 : length == 20 || length == 24 ? NTP_TRAILER_MAC
									: NTP_TRAILER_BAD_FIELD;

		assert_int_equal(check(trailer, size, 4), alone);
		memset(trailer + size, 0, 24);
		assert_int_equal(check(trailer, size + 20, 4), NTP_TRAILER_MAC);
		assert_int_equal(check(trailer, size + 24, 4), NTP_TRAILER_MAC);
		if (length == 16)
			continue; /* with 4 or 8 octets more it is as long as a MAC */
		if (length >= 24)
			assert_int_equal(check(trailer, size + 4, 4), NTP_TRAILER_CRYPTO_NAK);
		trailer[size] = 1;
		if (length >= 24)
			assert_int_equal(check(trailer, size + 4, 4), NTP_TRAILER_BAD_MAC);
	}
}

static void test_short_rests(void **state)
{
	uint8_t trailer[64] = {0};
	const size_t field = put_field(trailer, 28);

	(void)state;
	for (size_t rest = 8; rest <= 16; rest += 4) {
		put_field(trailer + field, (uint16_t)rest);
		assert_int_equal(check(trailer, field + rest, 4), NTP_TRAILER_BAD_FIELD);
	}
}

/* Every length that a field of 64 octets can claim. */
static void test_lying_lengths(void **state)
{
	uint8_t trailer[64];

	(void)state;
	for (unsigned length = 0; length <= UINT16_MAX; length++) {
		const unsigned rest = 64 - length;
		enum ntp_trailer expected = NTP_TRAILER_BAD_FIELD;

		memset(trailer, 0, sizeof(trailer));
		store_be16(trailer + 2, (uint16_t)length);
		if (length >= 16 && length <= 64 && length % 4 == 0)
			expected = rest == 0                  ? NTP_TRAILER_NONE
				   : rest == 4                ? NTP_TRAILER_CRYPTO_NAK
				   : rest == 20 || rest == 24 ? NTP_TRAILER_MAC
							      : NTP_TRAILER_BAD_FIELD;
		assert_int_equal(check(trailer, sizeof(trailer), 4), expected);
	}
}

static void test_many_fields(void **state)
{
	uint8_t trailer[TRAILER_MAX + 4];
	size_t size = 0;

	(void)state;
	while (size + 16 + 28 <= TRAILER_MAX)
		size += put_field(trailer + size, 16);
	assert_int_equal(check(trailer, size, 4), NTP_TRAILER_BAD_FIELD); /* the last is too short */
	size += put_field(trailer + size, 28);
	assert_int_equal(check(trailer, size, 4), NTP_TRAILER_NONE);
	memset(trailer + size, 0, 4);
	assert_int_equal(check(trailer, size + 4, 4), NTP_TRAILER_CRYPTO_NAK);
	store_be16(trailer + 2, 0);
	assert_int_equal(check(trailer, size, 4), NTP_TRAILER_BAD_FIELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_one_field),
		cmocka_unit_test(test_short_rests),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_many_fields),
	};

	return cmocka_run_group_tests_name("extension", tests, NULL, NULL);
}
