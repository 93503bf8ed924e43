#include "tests/leap_golden.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"

const struct leap_entry leap_golden[LEAP_GOLDEN_ENTRIES] = {
	{UINT64_C(2272060800), 10},
	{UINT64_C(2287785600), 11},
	{UINT64_C(2303683200), 12},
	{UINT64_C(2335219200), 13},
	{UINT64_C(2366755200), 14},
	{UINT64_C(2398291200), 15},
	{UINT64_C(2429913600), 16},
	{UINT64_C(2461449600), 17},
	{UINT64_C(2492985600), 18},
	{UINT64_C(2524521600), 19},
	{UINT64_C(2571782400), 20},
	{UINT64_C(2603318400), 21},
	{UINT64_C(2634854400), 22},
	{UINT64_C(2698012800), 23},
	{UINT64_C(2776982400), 24},
	{UINT64_C(2840140800), 25},
	{UINT64_C(2871676800), 26},
	{UINT64_C(2918937600), 27},
	{UINT64_C(2950473600), 28},
	{UINT64_C(2982009600), 29},
	{UINT64_C(3029443200), 30},
	{UINT64_C(3076704000), 31},
	{UINT64_C(3124137600), 32},
	{UINT64_C(3345062400), 33},
	{UINT64_C(3439756800), 34},
	{UINT64_C(3550089600), 35},
	{UINT64_C(3644697600), 36},
	{UINT64_C(3692217600), 37},
};

void leap_golden_table(struct leap_table *table)
{
	*table = (struct leap_table){.entries = LEAP_GOLDEN_ENTRIES,
		.updated = LEAP_GOLDEN_UPDATED,
		.expires = LEAP_GOLDEN_EXPIRES};
	memcpy(table->entry, leap_golden, sizeof(leap_golden));
}

static __attribute__((format(printf, 2, 3))) void append(char *text, const char *format, ...)
{
	const size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(text + used, LEAP_GOLDEN_TEXT - used, format, arguments) >=
		(int)(LEAP_GOLDEN_TEXT - used))
		abort();
	va_end(arguments);
}

/* SHA-1 over the digits, as the words of the line #h. */
static void right_hash(char text[64], const struct leap_table *table)
{
	char digits[LEAP_GOLDEN_TEXT] = "";
	uint8_t hash[EVP_MAX_MD_SIZE];

	append(digits, "%" PRIu64 "%" PRIu64, table->updated, table->expires);
	for (int i = 0; i < table->entries; i++)
		append(digits, "%" PRIu64 "%d", table->entry[i].seconds, table->entry[i].tai);
	if (EVP_Digest(digits, strlen(digits), hash, NULL, EVP_sha1(), NULL) != 1)
		abort();
	snprintf(text, 64, "%x %x %x %x %x", load_be32(hash), load_be32(hash + 4), load_be32(hash + 8),
		load_be32(hash + 12), load_be32(hash + 16));
}

size_t leap_golden_list(char text[LEAP_GOLDEN_TEXT], const struct leap_table *table, const char *hash)
{
	char made[64];

	right_hash(made, table);
	text[0] = '\0';
	append(text, "#\tLeap seconds, of a test\n#$\t %" PRIu64 "\n#@\t%" PRIu64 "\n#\n", table->updated,
		table->expires);
	for (int i = 0; i < table->entries; i++)
		append(text, "%" PRIu64 "\t%d\t# of a day\n", table->entry[i].seconds, table->entry[i].tai);
	append(text, "#\n#h\t%s\n", hash ? hash : made);
	return strlen(text);
}

static uint8_t *put_time(uint8_t *at, int64_t time, unsigned size)
{
	if (size == 8)
		store_be64(at, (uint64_t)time);
	else
		store_be32(at, (uint32_t)time);
	return at + size;
}

static uint8_t *put_header(uint8_t *at, int version, uint32_t leaps)
{
	const uint32_t counts[] = {1, 1, leaps, 0, 1, 4};

	memset(at, 0, 44);
	memcpy(at, "TZif", 4);
	at[4] = version > 1 ? (uint8_t)('0' + version) : 0;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		store_be32(at + 20 + 4 * i, counts[i]);
	return at + 44;
}

/* The second in which TAI - UTC changes, counted with those before it. */
static int64_t occurrence(const struct leap_table *table, int i)
{
	const int before = i > 0 ? table->entry[i - 1].tai : LEAP_TAI_1972;

	return (int64_t)(table->entry[i].seconds - NTP_UNIX_EPOCH) + before - LEAP_TAI_1972 -
	       (table->entry[i].tai < before);
}

static uint8_t *put_block(uint8_t *at, const struct leap_table *table, int version, int cut, unsigned size)
{
	const uint32_t leaps = (uint32_t)(table->entries - 1 - cut + (table->expires != 0));
	const int last = table->entry[table->entries - 1].tai - LEAP_TAI_1972;

	at = put_header(at, version, leaps);
	memcpy(at, "\0\0\0\0\0\0UTC", 10);
	at += 10;
	for (int i = 1 + cut; i < table->entries; i++) {
		at = put_time(at, occurrence(table, i), size);
		store_be32(at, (uint32_t)(table->entry[i].tai - LEAP_TAI_1972));
		at += 4;
	}
	if (table->expires) {
		at = put_time(at, (int64_t)(table->expires - NTP_UNIX_EPOCH) + last, size);
		store_be32(at, (uint32_t)last);
		at += 4;
	}
	at[0] = at[1] = 0;
	return at + 2;
}

size_t leap_golden_zone(
	uint8_t octets[LEAP_GOLDEN_OCTETS], const struct leap_table *table, int version, int cut)
{
	uint8_t *end = put_block(octets, table, version, cut, 4);

	if (version > 1) {
		end = put_block(end, table, version, cut, 8);
		memcpy(end, "\n\n", 2);
		end += 2;
	}
	if (end - octets > LEAP_GOLDEN_OCTETS)
		abort();
	return (size_t)(end - octets);
}
