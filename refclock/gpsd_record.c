#include "refclock/gpsd_record.h"

#include <string.h>

#include "refclock/sample_time.h"

/* Units, rounded up: both stamps are in nanoseconds. */
enum { RESOLUTION = 2 * 5 };

const char *gpsd_verdict_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		GPSD_VERDICTS(X)
#undef X
	};

	return verdict < GPSD_VERDICT_COUNT ? texts[verdict] : "unknown";
}

static bool is_recent(bool heard, uint64_t at, uint64_t now, double hz)
{
	return heard && (double)(now - at) <= GPSD_STALE_SECONDS * hz;
}

/* Some of it may be gpsd's own words. */
static void take_message(struct gpsd_view *view, const struct gpsd_record *record)
{
	size_t n = 0;

	memset(view->message, 0, sizeof(view->message));
	for (; n < sizeof(view->message) - 1 && record->text[n]; n++)
		view->message[n] =
			(char)(record->text[n] >= 0x20 && record->text[n] < 0x7f ? record->text[n] : '?');
}

/* gpsd has come or gone: what its receiver said before counts no more. */
static void begin_anew(struct gpsd_view *view, const struct gpsd_record *record)
{
	*view = (struct gpsd_view){.connected = record->kind == GPSD_CONNECTED};
	if (!view->connected)
		take_message(view, record);
}

static void take_fix(struct gpsd_view *view, const struct gpsd_record *record, uint64_t now)
{
	view->gnss.fix = record->fix <= RECEIVER_FIX_3D ? (uint8_t)record->fix : RECEIVER_FIX_UNKNOWN;
	if (record->leap_seconds > 0 && record->leap_seconds <= INT8_MAX)
		view->gnss.leap_offset = (int8_t)record->leap_seconds;
	view->has_fix = view->gnss.fix >= RECEIVER_FIX_2D;
	view->fix_at = now;
}

static void take_sky(struct gpsd_view *view, const struct gpsd_record *record)
{
	struct receiver_gnss before = view->gnss, *gnss = &view->gnss;

	*gnss = record->gnss;
	gnss->fix = before.fix;
	gnss->leap_offset = before.leap_offset;
	gnss->leap_pending = before.leap_pending;
	gnss->week_rollovers = before.week_rollovers;
	if (gnss->satellites > RECEIVER_SATELLITES)
		gnss->satellites = RECEIVER_SATELLITES;
}

static bool is_time(int64_t seconds, int32_t ns)
{
	return sample_time_is_sane(seconds) && ns >= 0 && ns < 1000000000;
}

static enum gpsd_verdict take_stamp(struct gpsd_view *view, const struct gpsd_record *record, uint64_t now,
	double hz, ntp64 *kernel, struct measurement *m)
{
	bool pulse = record->kind == GPSD_PPS;

	if (!is_time(record->real_sec, record->real_nsec) || !is_time(record->clock_sec, record->clock_nsec))
		return GPSD_TIME;
	if (!pulse && is_recent(view->has_pulse, view->pulse_at, now, hz))
		return GPSD_UNNEEDED;
	if (pulse) {
		view->has_pulse = true;
		view->pulse_at = now;
	}
	view->message[0] = '\0';
	*kernel = ntp64_from_unix(record->clock_sec, (uint32_t)record->clock_nsec);
	*m = (struct measurement){
		.time = ntp64_from_unix(record->real_sec, (uint32_t)record->real_nsec),
		.error = RESOLUTION,
		.leap = is_recent(view->has_fix, view->fix_at, now, hz) ? NTP_LEAP_NONE : NTP_LEAP_UNSYNC,
	};
	return GPSD_STAMP;
}

enum gpsd_verdict gpsd_view_take(struct gpsd_view *view, const struct gpsd_record *record, uint64_t now,
	double hz, ntp64 *kernel, struct measurement *m)
{
	switch (record->kind) {
	case GPSD_CONNECTED:
	case GPSD_GONE:
		begin_anew(view, record);
		return GPSD_NOTED;
	case GPSD_TROUBLE:
		take_message(view, record);
		return GPSD_NOTED;
	case GPSD_FIX:
		take_fix(view, record, now);
		return GPSD_NOTED;
	case GPSD_SKY:
		take_sky(view, record);
		return GPSD_NOTED;
	case GPSD_PPS:
	case GPSD_TOFF:
		return take_stamp(view, record, now, hz, kernel, m);
	default:
		return GPSD_KIND;
	}
}
