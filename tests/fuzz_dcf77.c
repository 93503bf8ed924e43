/*
 * Fuzz target: any marks, and any telegrams. The first octet chooses. Marks: an octet below 0x80 is one a
 * second after the one before, of five times so many ms; a higher one is 50 ms of time for each count above
 * 0x80.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/dcf77.h"
#include "tests/dcf77_encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOOR = 2025 };

static const double hz = 1e9;

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

/* What is understood is what the transmitter would send. */
static void try_telegram(uint64_t bits, uint64_t known)
{
	const uint64_t free = 0xfffeU | UINT64_C(1) << 19 | ~((UINT64_C(1) << 59) - 1);
	struct dcf77_minute m;
	enum dcf77_verdict v = dcf77_decode(bits, known, FLOOR, &m);

	require(v == DCF77_MINUTE || v == DCF77_MISSING || v == DCF77_PARITY || v == DCF77_DIGIT);
	if (v != DCF77_MINUTE)
		return;
	require(!m.leap || bits >> 19 & 1);
	require((dcf77_encode(m.minute, m.summer, m.change, false) & ~free) == (bits & ~free));
}

static void try_marks(const uint8_t *data, size_t size)
{
	static struct dcf77 d;
	uint64_t now = 0, marks = 0, counted = 0;
	struct dcf77_time t;

	dcf77_init(&d, hz, FLOOR);
	for (size_t i = 0; i < size; i++) {
		if (data[i] & 0x80) {
			now += (data[i] & 0x7f) * UINT64_C(50000000);
			continue;
		}
		now += UINT64_C(1000000000);
		marks++;
		require(dcf77_mark(&d, now, data[i] * 5U) < DCF77_VERDICT_COUNT);
		require(d.second >= -1 && d.second <= 60);
		require(d.report.correlation >= 0 && d.report.correlation <= 1);
		if (dcf77_take(&d, &t)) {
			require(t.stamp == now && (uint32_t)t.time == 0 && d.report.telegrams >= 2);
			require(t.leap == NTP_LEAP_NONE || t.leap == NTP_LEAP_INSERT);
		}
	}
	for (unsigned v = 0; v < DCF77_VERDICT_COUNT; v++)
		counted += d.verdicts[v];
	require(counted == marks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t bits, known = UINT64_MAX;

	if (size == 0)
		return 0;
	if (data[0] & 1) {
		try_marks(data + 1, size - 1);
		return 0;
	}
	for (size_t i = 1; i + 8 <= size; i += 8) {
		memcpy(&bits, data + i, sizeof(bits));
		try_telegram(bits, known);
		try_telegram(dcf77_encode((int64_t)(bits % 100000000), bits & 1, bits & 2, bits & 4), known);
		known = bits;
	}
	return 0;
}
