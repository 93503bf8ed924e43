/* The leap seconds of a compiled time zone: refclock/leap.h, and RFC 9636 for the format. */
#include <string.h>

#include "ntp/octets.h"
#include "refclock/leap.h"

enum { HEADER_SIZE = 44, VERSION_AT = 4, COUNTS_AT = 20, TYPE_SIZE = 6, CORRECTION_SIZE = 4 };

/* What is left of the octets. Invariant: they are all of the file's, and nothing behind them is read. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

/* A header's counts, in its order. */
struct header {
	char version; /* NUL, '2', '3' ... */
	uint32_t ut, standard, leaps, times, types, characters;
};

static bool skip(struct cursor *c, uint64_t size)
{
	if (size > c->left)
		return false;
	c->at += size;
	c->left -= size;
	return true;
}

static enum leap_zone_verdict take_header(struct cursor *c, struct header *h)
{
	const uint8_t *at = c->at, *counts = at + COUNTS_AT;

	if (c->left < 4 || memcmp(at, "TZif", 4) != 0)
		return LEAP_ZONE_NOT_TZIF;
	if (!skip(c, HEADER_SIZE))
		return LEAP_ZONE_TRUNCATED;
	*h = (struct header){
		.version = (char)at[VERSION_AT],
		.ut = load_be32(counts),
		.standard = load_be32(counts + 4),
		.leaps = load_be32(counts + 8),
		.times = load_be32(counts + 12),
		.types = load_be32(counts + 16),
		.characters = load_be32(counts + 20),
	};
	return LEAP_ZONE_GOOD;
}

/* Octets of a block before its leap seconds, by the size of a time. */
static uint64_t size_before_leaps(const struct header *h, unsigned time_size)
{
	return (uint64_t)h->times * (time_size + 1) + (uint64_t)h->types * TYPE_SIZE + h->characters;
}

static uint64_t size_of_leaps(const struct header *h, unsigned time_size)
{
	return (uint64_t)h->leaps * (time_size + CORRECTION_SIZE);
}

/* A record: from `occurrence` on, all leap seconds together come to `correction`. */
struct record {
	int64_t occurrence; /* s since 1970, leap seconds counted */
	int32_t correction;
};

static struct record take_record(struct cursor *c, unsigned time_size)
{
	const uint8_t *at = c->at;

	(void)skip(c, time_size + (uint64_t)CORRECTION_SIZE);
	return (struct record){
		.occurrence = time_size == 8 ? (int64_t)load_be64(at) : (int32_t)load_be32(at),
		.correction = (int32_t)load_be32(at + time_size),
	};
}

static bool is_sane(const struct record *r)
{
	/* Up to a year far from ours: no sum of what follows overflows. */
	return r->occurrence >= 0 && r->occurrence < INT64_C(1) << 40 && r->correction >= -LEAP_TAI_MAX &&
	       r->correction <= LEAP_TAI_MAX;
}

/* The second of a record, without the leap seconds that were before it. */
static uint64_t seconds_of(const struct record *r, int32_t before)
{
	return (uint64_t)(r->occurrence - before + (int64_t)NTP_UNIX_EPOCH);
}

/*
 * Add a record. An inserted second is the occurrence, and its midnight is counted as the same second; a
 * deleted one would have been the occurrence, and midnight comes in its place. Of a table that was cut off in
 * front, the first record is the correction so far and no leap second.
 */
static bool add_record(struct leap_table *table, const struct record *r, bool first)
{
	struct leap_entry *last = &table->entry[table->entries - 1];
	const int32_t before = last->tai - LEAP_TAI_1972, change = r->correction - before;
	const uint64_t midnight = seconds_of(r, before) + (change < 0);

	if (first && change != 1 && change != -1) {
		*last = (struct leap_entry){seconds_of(r, r->correction), r->correction + LEAP_TAI_1972};
		return true;
	}
	if ((change != 1 && change != -1) || midnight <= last->seconds)
		return false;
	table->entry[table->entries++] = (struct leap_entry){midnight, r->correction + LEAP_TAI_1972};
	return true;
}

/* A last record that changes nothing says when the table ends. */
static bool is_end(const struct leap_table *table, const struct record *r)
{
	const struct leap_entry *last = &table->entry[table->entries - 1];

	return r->correction == last->tai - LEAP_TAI_1972 && seconds_of(r, r->correction) > last->seconds;
}

static enum leap_zone_verdict take_leaps(
	struct leap_table *table, struct cursor *c, uint32_t leaps, unsigned time_size)
{
	table->entry[0] = (struct leap_entry){LEAP_1972, LEAP_TAI_1972};
	table->entries = 1;
	if (leaps == 0)
		return LEAP_ZONE_NO_LEAPS;
	if (leaps >= LEAP_TABLE_MAX)
		return LEAP_ZONE_LARGE;
	for (uint32_t i = 0; i < leaps; i++) {
		const struct record r = take_record(c, time_size);

		if (!is_sane(&r))
			return LEAP_ZONE_LEAPS;
		if (i == leaps - 1 && i > 0 && is_end(table, &r))
			table->expires = seconds_of(&r, r.correction);
		else if (!add_record(table, &r, i == 0))
			return LEAP_ZONE_LEAPS;
	}
	return LEAP_ZONE_GOOD;
}

/* From version 2 on, a second block has times of 64 bits; the first is there for old readers. */
static enum leap_zone_verdict parse(struct leap_table *table, struct cursor *c)
{
	enum leap_zone_verdict verdict;
	unsigned time_size = 4;
	struct header h;

	verdict = take_header(c, &h);
	if (verdict == LEAP_ZONE_GOOD && h.version >= '2') {
		if (!skip(c, size_before_leaps(&h, 4) + size_of_leaps(&h, 4) + h.standard + h.ut))
			return LEAP_ZONE_TRUNCATED;
		verdict = take_header(c, &h);
		time_size = 8;
	}
	if (verdict != LEAP_ZONE_GOOD)
		return verdict;
	if (!skip(c, size_before_leaps(&h, time_size)) || size_of_leaps(&h, time_size) > c->left)
		return LEAP_ZONE_TRUNCATED;
	return take_leaps(table, c, h.leaps, time_size);
}

enum leap_zone_verdict leap_zone_parse(struct leap_table *table, const void *octets, size_t size)
{
	struct cursor c = {.at = octets, .left = size};
	enum leap_zone_verdict verdict;

	*table = (struct leap_table){0};
	verdict = parse(table, &c);
	if (verdict != LEAP_ZONE_GOOD)
		*table = (struct leap_table){0};
	return verdict;
}
