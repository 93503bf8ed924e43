/* Fuzz target: any octets as a line with time strings. Octet 0xfe and the one after it are a pause of so many
 * times 10 ms. */
#include <stdint.h>
#include <stdlib.h>

#include "refclock/meinberg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOOR = 2025 };

static const double hz = 1e9;
static const uint64_t octet_ns = 1041667;

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void look_at(const struct meinberg *m, const struct meinberg_time *t, uint64_t now)
{
	require(t->stamp == m->start && t->stamp <= now);
	require((uint32_t)t->time == 0 && t->leap <= NTP_LEAP_UNSYNC && t->leap != NTP_LEAP_DELETE);
	require(m->report.telegrams > (t->leap != NTP_LEAP_UNSYNC));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct meinberg m;
	struct meinberg_time t;
	uint64_t now = 0, strings = 0, counted = 0;

	meinberg_init(&m, hz, FLOOR);
	for (size_t i = 0; i < size; i++) {
		now += octet_ns;
		if (data[i] == 0xfe && i + 1 < size) {
			now += data[++i] * UINT64_C(10000000);
			continue;
		}
		enum meinberg_verdict v = meinberg_octet(&m, data[i], now);

		require(v < MEINBERG_VERDICT_COUNT && m.length <= MEINBERG_STRING);
		strings += v != MEINBERG_NOTHING;
		if (meinberg_take(&m, &t))
			look_at(&m, &t, now);
	}
	for (unsigned v = 0; v < MEINBERG_VERDICT_COUNT; v++)
		counted += m.verdicts[v];
	require(counted == strings);
	return 0;
}
