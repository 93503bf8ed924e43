/*
 * Fuzz target: lines of gpsd, through libgps's own parser, to the records of the helper and on to what the
 * daemon makes of them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/gpsd_lines.h"
#include "control/gpsd_trouble.h"
#include "control/gpsd_unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void take(struct gpsd_view *view, const struct gpsd_record *record)
{
	struct measurement m = {.counter = 1};
	ntp64 kernel = 1;
	enum gpsd_verdict verdict = gpsd_view_take(view, record, 1000, 1e6, &kernel, &m);

	require(verdict < GPSD_VERDICT_COUNT && verdict != GPSD_KIND);
	require(verdict == GPSD_STAMP || kernel == 1);
	require(m.leap <= NTP_LEAP_UNSYNC);
	require(view->gnss.fix <= RECEIVER_FIX_3D && view->gnss.satellites <= RECEIVER_SATELLITES);
	for (int i = 0; i < view->gnss.satellites; i++) {
		require(view->gnss.satellite[i].azimuth >= -1 && view->gnss.satellite[i].azimuth <= 359);
		require(view->gnss.satellite[i].elevation >= -91 && view->gnss.satellite[i].elevation <= 90);
	}
}

static void take_lines(struct gpsd_lines *lines, struct gps_data_t *gps, struct gpsd_view *view)
{
	static char line[GPSD_LINE];
	size_t length;

	while (gpsd_lines_next(lines, line, &length)) {
		struct gpsd_record record[GPSD_UNPACK_RECORDS];
		char text[64];
		int count;

		require(gpsd_trouble(line, length, length % 2 ? "/dev/ttyS0" : "", text, sizeof(text)) !=
				GPSD_WORD_OTHER ||
			text[0] == '\0');
		require(strlen(text) < sizeof(text));
		count = gpsd_unpack(gps, line, length, record);
		require(count >= 0 && count <= GPSD_UNPACK_RECORDS);
		for (int i = 0; i < count; i++)
			take(view, &record[i]);
	}
}

/* As from a socket, in pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gps_data_t gps;
	static struct gpsd_lines lines;
	struct gpsd_view view = {.connected = false};
	size_t piece = size % 97 + 1;

	memset(&gps, 0, sizeof(gps));
	lines.length = 0;
	lines.skipping = false;
	while (size > 0) {
		size_t room, n;
		char *at = gpsd_lines_room(&lines, &room);

		require(room > 0);
		n = piece < room ? piece : room;
		n = n < size ? n : size;
		memcpy(at, data, n);
		gpsd_lines_added(&lines, n);
		take_lines(&lines, &gps, &view);
		data += n;
		size -= n;
		piece = GPSD_LINE;
	}
	return 0;
}
