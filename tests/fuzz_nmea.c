/*
 * Fuzz target: any octets as a receiver's line, and what must hold of all that comes of them. Octet 0xfe and
 * the one after it are a pause of so many times 10 ms. Inputs of an even length go without checksums, so that
 * what is changed within a sentence comes to be read.
 */
#include <stdint.h>
#include <stdlib.h>

#include "refclock/calendar.h"
#include "refclock/nmea.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOOR = 20089 }; /* 2025-01-01 */

static const uint64_t octet_ns = 1041667;

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void look_at_time(const struct nmea *n, const struct nmea_time *t, uint64_t now)
{
	int64_t unix_time = (int64_t)(t->time >> 32) - (int64_t)NTP_UNIX_EPOCH;

	require(t->stamp > 0 && t->stamp <= now);
	require(t->valid || n->verdicts[NMEA_NO_FIX] > 0);
	if (unix_time < 0)
		unix_time += INT64_C(1) << 32;
	if (t->valid || t->time)
		require(unix_time >= FLOOR * INT64_C(86400) &&
			unix_time < (FLOOR + CALENDAR_WEEKS_1024) * INT64_C(86400));
}

static void look_at_report(const struct nmea *n, uint64_t now)
{
	struct receiver_gnss gnss;

	nmea_report(n, now, &gnss);
	require(gnss.fix <= RECEIVER_FIX_3D && gnss.satellites <= RECEIVER_SATELLITES);
	require(gnss.satellites <= gnss.in_view && gnss.in_view <= NMEA_VIEWED);
	require(gnss.hdop >= 0 && gnss.hdop < 100 && gnss.pdop >= 0 && gnss.pdop < 100);
	for (int i = 0; i < gnss.satellites; i++) {
		const struct receiver_satellite *s = &gnss.satellite[i];

		require(s->snr <= 99 && s->used <= 1 && s->azimuth >= -1 && s->azimuth < 360);
		require(s->elevation >= -91 && s->elevation <= 90 && s->system != '\0' && s->prn > 0);
		require(i == 0 || s[-1].used > s->used || (s[-1].used == s->used && s[-1].snr >= s->snr));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nmea n;
	struct nmea_time t;
	uint64_t now = 1000000000, lines = 0, counted = 0;

	nmea_init(&n, &(struct nmea_options){.hz = 1e9, .floor = FLOOR, .bare = size % 2 == 0});
	for (size_t i = 0; i < size; i++) {
		now += octet_ns;
		if (data[i] == 0xfe && i + 1 < size) {
			now += data[++i] * UINT64_C(10000000);
			continue;
		}
		if (n.options.bare && data[i] == '*') {
			i += 2;
			continue;
		}
		enum nmea_verdict v = nmea_octet(&n, data[i], now);

		require(v < NMEA_VERDICT_COUNT && n.length <= NMEA_LINE);
		lines += v != NMEA_NOTHING;
		if (nmea_take(&n, &t))
			look_at_time(&n, &t, now);
	}
	for (unsigned v = 0; v < NMEA_VERDICT_COUNT; v++)
		counted += n.verdicts[v];
	require(counted == lines);
	look_at_report(&n, now);
	return 0;
}
