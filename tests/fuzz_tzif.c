/* Fuzz target: any octets as a compiled time zone, and what must hold of every table that comes out. */
#include <stdint.h>
#include <stdlib.h>

#include "refclock/leap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct leap_table table;
	uint64_t midnight;
	int sign;

	if (leap_zone_parse(&table, data, size) != LEAP_ZONE_GOOD) {
		require(table.entries == 0 && table.expires == 0);
		return 0;
	}
	require(table.entries >= 1 && table.entries <= LEAP_TABLE_MAX && table.updated == 0);
	for (int i = 1; i < table.entries; i++) {
		const int change = table.entry[i].tai - table.entry[i - 1].tai;

		require(table.entry[i].seconds > table.entry[i - 1].seconds);
		require(change == 1 || change == -1);
		require(leap_next(&table, table.entry[i].seconds, &midnight, &sign));
		require(midnight == table.entry[i].seconds && sign == change);
	}
	require(table.expires == 0 || table.expires > table.entry[table.entries - 1].seconds);
	return 0;
}
