/* Fuzz target: any octets as the line of tracking, and what must hold of every status that comes out. */
#include <stdint.h>
#include <stdlib.h>

#include "refclock/keeper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper_status s;
	struct timebase tb = {0};

	if (!keeper_from_tracking(&s, (const char *)data, size, 1000))
		return 0;
	require(size < KEEPER_LINE);
	require(s.keeper == TIMEBASE_KEEPER_CHRONY && s.instant == 1000);
	require(s.leap <= NTP_LEAP_UNSYNC && s.stratum >= 1 && s.stratum <= NTP_STRATUM_UNSYNC);
	require((s.leap == NTP_LEAP_UNSYNC) == (s.stratum == NTP_STRATUM_UNSYNC));
	require(s.dispersion_growth >= 15e-6 * (double)NTP64_SECOND);
	require(s.root_dispersion <= KEEPER_DISPERSION_MAX * NTP64_SECOND);
	keeper_publish(&s, 1000 + KEEPER_STALE_SECONDS * UINT64_C(1000000000), &tb);
	require(tb.root_dispersion > s.root_dispersion);
	require(ntp32_from_interval_up(tb.root_dispersion) >= ntp32_from_interval_up(s.root_dispersion));
	return 0;
}
