#include "refclock/leap.h"

#include <math.h>

const char *leap_list_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		LEAP_LIST_VERDICTS(X)
#undef X
	};

	return verdict < LEAP_LIST_VERDICT_COUNT ? texts[verdict] : "unknown";
}

const char *leap_zone_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		LEAP_ZONE_VERDICTS(X)
#undef X
	};

	return verdict < LEAP_ZONE_VERDICT_COUNT ? texts[verdict] : "unknown";
}

uint64_t leap_seconds(ntp64 time)
{
	return LEAP_PIVOT + (uint32_t)((uint32_t)(time >> 32) - (uint32_t)LEAP_PIVOT);
}

int leap_tai_offset(const struct leap_table *table, uint64_t seconds)
{
	int tai = 0;

	for (int i = 0; i < table->entries && table->entry[i].seconds <= seconds; i++)
		tai = table->entry[i].tai;
	return tai;
}

bool leap_next(const struct leap_table *table, uint64_t seconds, uint64_t *midnight, int *sign)
{
	for (int i = 1; i < table->entries; i++) {
		if (table->entry[i].seconds < seconds)
			continue;
		*midnight = table->entry[i].seconds;
		*sign = table->entry[i].tai - table->entry[i - 1].tai;
		return true;
	}
	return false;
}

/* Rounded towards the past, and within an int. */
static int days_between(uint64_t from, uint64_t to)
{
	const uint64_t distance = from < to ? to - from : from - to;
	const uint64_t days = distance / LEAP_DAY < 1000000 ? distance / LEAP_DAY : 1000000;

	return from < to ? (int)days : -(int)days - (distance % LEAP_DAY != 0);
}

enum leap_expiry leap_expiry(const struct leap_table *table, uint64_t seconds, int *days)
{
	int left;

	if (days)
		*days = 0;
	if (table->entries == 0 || table->expires == 0)
		return LEAP_EXPIRY_NONE;
	left = days_between(seconds, table->expires);
	if (days)
		*days = left;
	if (table->expires <= seconds)
		return LEAP_EXPIRED;
	return left < LEAP_EXPIRY_DAYS ? LEAP_EXPIRY_SOON : LEAP_EXPIRY_GOOD;
}

double leap_smear(enum leap_smear_shape shape, double window, int sign, double to_midnight)
{
	const bool smeared = shape != LEAP_SMEAR_OFF && window > 0;
	const double part = smeared ? 0.5 - to_midnight / window : to_midnight <= 0;

	if (!(part > 0))
		return 0;
	if (part >= 1)
		return sign;
	return sign * (shape == LEAP_SMEAR_COSINE ? (1 - cos(M_PI * part)) / 2 : part);
}
