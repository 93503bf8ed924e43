#include "refclock/smear.h"

#include <math.h>

#include "ntp/octets.h"

/* Seconds from a time of the unsmeared line to another, ahead of it positive. */
static double seconds_to(ntp64 then, ntp64 now)
{
	return ntp64_interval_to_seconds(ntp64_diff(then, now));
}

static double behind(const struct smear *s, double to_middle)
{
	return leap_smear(s->shape, s->window, s->sign, to_middle);
}

static int64_t units(double seconds)
{
	return (int64_t)llrint(seconds * (double)NTP64_SECOND);
}

/* The curve's steepest slope, as error_growth has it. */
static uint32_t steepest(const struct smear *s)
{
	const double slope = (s->shape == LEAP_SMEAR_COSINE ? M_PI / 2 : 1) / s->window;
	const double growth = slope * (double)NTP64_SECOND;

	return growth < UINT32_MAX ? (uint32_t)growth + 1 : UINT32_MAX;
}

void smear_refid(uint8_t refid[4], int64_t smear)
{
	const uint32_t rounded = (uint32_t)((uint64_t)(smear + (1 << 9)) >> 10);

	store_be32(refid, UINT32_C(254) << 24 | (rounded & 0xffffff));
}

bool smear_is_over(const struct smear *smear, ntp64 unsmeared)
{
	return seconds_to(smear->middle, unsmeared) <= -smear->window / 2;
}

void smear_line(struct timebase *tb, const struct smear *smear, double horizon)
{
	const double to_middle = seconds_to(smear->middle, tb->time);
	const double now = behind(smear, to_middle), next = behind(smear, to_middle - horizon);
	const bool after = ntp64_diff(tb->time, smear->midnight) >= 0;
	const uint32_t growth = steepest(smear);

	tb->smear = -units(now - (after ? smear->sign : 0));
	tb->leap_at = 0;
	tb->leap_step = 0;
	if (tb->leap != NTP_LEAP_UNSYNC)
		tb->leap = NTP_LEAP_NONE;
	if (tb->smear)
		smear_refid(tb->refid, tb->smear);
	tb->time -= (ntp64)units(now);
	tb->reference -= (ntp64)units(now);
	tb->rate -= (uint64_t)(int64_t)llrint((double)tb->rate * (next - now) / horizon);
	tb->error_growth = UINT32_MAX - tb->error_growth < growth ? UINT32_MAX : tb->error_growth + growth;
}
