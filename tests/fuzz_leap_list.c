/* Fuzz target: any text as leap-seconds.list, and what must hold of every table that comes out. */
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
	const int lines = (int)size + 1;
	int line, sign, days;
	uint64_t midnight;

	if (leap_list_parse(&table, (const char *)data, size, &line) != LEAP_LIST_GOOD) {
		require(table.entries == 0 && table.expires == 0 && table.updated == 0);
		require(line >= 0 && line <= lines);
		return 0;
	}
	require(size <= LEAP_LIST_SIZE && line == 0);
	require(table.entries >= 1 && table.entries <= LEAP_TABLE_MAX);
	for (int i = 1; i < table.entries; i++) {
		const int change = table.entry[i].tai - table.entry[i - 1].tai;

		require(table.entry[i].seconds > table.entry[i - 1].seconds);
		require(change == 1 || change == -1);
		require(leap_next(&table, table.entry[i].seconds, &midnight, &sign));
		require(midnight == table.entry[i].seconds && sign == change);
		require(leap_tai_offset(&table, midnight) == table.entry[i].tai);
	}
	(void)leap_expiry(&table, table.updated, &days);
	return 0;
}
