/* The leap seconds that there have been, and files that tell of them: for tests of what reads such files. */
#ifndef TESTS_LEAP_GOLDEN_H
#define TESTS_LEAP_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

#include "refclock/leap.h"

enum { LEAP_GOLDEN_ENTRIES = 28, LEAP_GOLDEN_TEXT = 4096, LEAP_GOLDEN_OCTETS = 1024 };

/* 1972-01-01 to 2017-01-01, as IERS Bulletin C has announced them. */
extern const struct leap_entry leap_golden[LEAP_GOLDEN_ENTRIES];

/* Numbers of the list that IERS made on 2025-07-07, with its hash. */
#define LEAP_GOLDEN_UPDATED UINT64_C(3960835200)
#define LEAP_GOLDEN_EXPIRES UINT64_C(3991593600)
#define LEAP_GOLDEN_HASH "49db2447 571e5e1b 2f002a53 9c8da8e4 39b8e49e"

/* A leap-seconds.list; its size. hash NULL: the right one. */
size_t leap_golden_list(char text[LEAP_GOLDEN_TEXT], const struct leap_table *table, const char *hash);

/* A TZif file of that version (1 to 4); its size. Without the first `cut` leap seconds, as `zic -r` leaves
 * them out; with the end of the table where it has one. */
size_t leap_golden_zone(
	uint8_t octets[LEAP_GOLDEN_OCTETS], const struct leap_table *table, int version, int cut);

/* The table of leap_golden, with the instants above. */
void leap_golden_table(struct leap_table *table);

#endif
