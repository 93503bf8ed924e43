#include "refclock/nmea_time.h"

#include <math.h>
#include <string.h>

#include "refclock/calendar.h"

enum {
	RMC_EPOCHS = 3,  /* without an RMC after which ZDA stands in */
	FIX_SECONDS = 3, /* for which a fix stands without being said again */
};

static const uint64_t day_units = CALENDAR_DAY * NTP64_SECOND;

/*
 * The second of the receiver that a time of day belongs to, a new one where it is another than before. Its
 * mark is the start of the burst, unless another second began in that one already. False for a second that is
 * over: some receivers close a burst with a sentence of the fix before.
 */
static bool enter_epoch(struct nmea *n, uint64_t time_of_day)
{
	bool same_burst = n->epoch.known && n->epoch.burst == n->burst;

	if (n->epoch.known && n->epoch.time_of_day == time_of_day)
		return true;
	if (same_burst && n->epoch.follows && time_of_day == n->epoch.before)
		return false;
	n->epoch = (struct nmea_epoch){
		.known = true,
		.follows = n->epoch.known,
		.before = n->epoch.time_of_day,
		.time_of_day = time_of_day,
		.mark = same_burst ? n->start : n->mark,
		.burst = n->burst,
	};
	n->epochs++;
	return true;
}

static void set_fix(struct nmea *n, bool fix)
{
	n->fix = fix;
	n->fix_stamp = n->start;
	n->epoch.denied |= !fix;
	n->epoch.confirmed |= fix;
	if (!fix)
		n->fix_kind = RECEIVER_FIX_NONE;
	else if (n->fix_kind == RECEIVER_FIX_NONE && n->gsa_epoch != n->epochs)
		n->fix_kind = RECEIVER_FIX_UNKNOWN;
}

static bool has_fix(const struct nmea *n)
{
	return n->fix && nmea_seconds_between(n, n->fix_stamp, n->start) <= FIX_SECONDS;
}

/* Once a second, and once a burst where not even a time of day is said. */
static enum nmea_verdict refuse(struct nmea *n, ntp64 time, bool in_epoch)
{
	bool *refused = in_epoch ? &n->epoch.refused : &n->burst_refused;

	if (!*refused && !(in_epoch && n->epoch.given)) {
		n->time = (struct nmea_time){in_epoch ? n->epoch.mark : n->mark, time, false};
		n->pending = true;
	}
	*refused = true;
	return NMEA_NO_FIX;
}

/* By more than the counter went on: seen where a receiver has counted weeks wrong, or UTC from GPS time by a
 * default until the almanac was in. */
static void watch_jump(struct nmea *n, const struct nmea_time *time)
{
	double passed = nmea_seconds_between(n, n->last_valid.stamp, time->stamp);
	double jump = ntp64_interval_to_seconds(ntp64_diff(time->time, n->last_valid.time)) - passed;

	if (n->last_valid.valid && fabs(jump) >= 0.5) {
		n->jumps++;
		n->last_jump = jump;
	}
	n->last_valid = *time;
}

static ntp64 to_ntp(struct nmea *n, struct calendar_date date)
{
	int64_t said = calendar_days(date), days = calendar_unroll(said, n->options.floor);

	n->week_rollovers += days != said;
	return ntp64_from_unix(days * CALENDAR_DAY, 0) + n->epoch.time_of_day;
}

/* The time of this second, from a sentence that had all of it. */
static enum nmea_verdict give(struct nmea *n, struct calendar_date date, bool valid)
{
	if (n->epoch.given)
		return NMEA_REPEATED;
	if (n->epoch.time_of_day >= day_units)
		return NMEA_LEAP_SECOND;
	if (!valid || n->epoch.denied || n->default_offset)
		return refuse(n, to_ntp(n, date), true);
	n->epoch.given = true;
	n->time = (struct nmea_time){n->epoch.mark, to_ntp(n, date), true};
	n->pending = true;
	watch_jump(n, &n->time);
	return NMEA_TIME;
}

/* An empty time of day is what a receiver says that has none; it denies a fix. */
enum entry { ENTRY_SECOND, ENTRY_EMPTY, ENTRY_OVER, ENTRY_MALFORMED };

static enum entry enter(struct nmea *n, struct comma_field field)
{
	uint64_t time_of_day;

	if (field.length == 0)
		return ENTRY_EMPTY;
	if (!nmea_time_of_day(field, &time_of_day))
		return ENTRY_MALFORMED;
	return enter_epoch(n, time_of_day) ? ENTRY_SECOND : ENTRY_OVER;
}

/* Verdicts of a sentence that gives no time of its own, or has none. */
static enum nmea_verdict without_time(struct nmea *n, enum entry entry, bool fix)
{
	if (entry == ENTRY_MALFORMED)
		return NMEA_MALFORMED;
	if (entry == ENTRY_OVER)
		return NMEA_REPEATED;
	if (entry == ENTRY_SECOND) {
		set_fix(n, fix);
		return fix ? NMEA_STATUS : NMEA_NO_FIX;
	}
	n->fix = false;
	n->fix_kind = RECEIVER_FIX_NONE;
	return refuse(n, 0, false);
}

/* Positioning modes in which time comes from satellites: not E (dead reckoning), M (manual), N, S
 * (simulated). */
static bool is_mode_of_fix(struct comma_field mode)
{
	return mode.length == 0 || (mode.length == 1 && strchr("ADFPR", mode.at[0]));
}

enum nmea_verdict nmea_take_rmc(struct nmea *n, struct comma_fields *fields)
{
	struct comma_field time_of_day, status, date_field, mode = {NULL, 0};
	struct calendar_date date, near = calendar_date(n->options.floor);
	enum entry entry;
	bool fix;

	if (!comma_next(fields, &time_of_day) || !comma_next(fields, &status) ||
		!nmea_next_after(fields, 6, &date_field))
		return NMEA_MALFORMED;
	if (!nmea_next_after(fields, 2, &mode))
		mode.length = 0;
	fix = nmea_is(status, 'A') && is_mode_of_fix(mode);
	entry = enter(n, time_of_day);
	if (entry != ENTRY_SECOND)
		return without_time(n, entry, fix);
	set_fix(n, fix);
	if (date_field.length == 0)
		return fix ? NMEA_NO_DATE : refuse(n, 0, true);
	if (!nmea_date(date_field, near.year, &date))
		return NMEA_MALFORMED;
	n->rmc = true;
	n->last_rmc = n->epochs;
	return give(n, date, fix);
}

/* Day, month and year of four digits. */
static bool take_long_date(struct comma_fields *fields, struct calendar_date *date, bool *empty)
{
	struct comma_field day, month, year;
	unsigned d, m, y;

	if (!comma_next(fields, &day) || !comma_next(fields, &month) || !comma_next(fields, &year))
		return false;
	*empty = day.length == 0 && month.length == 0 && year.length == 0;
	if (*empty)
		return true;
	if (!nmea_number(day, &d) || !nmea_number(month, &m) || year.length != 4 || !nmea_number(year, &y))
		return false;
	*date = (struct calendar_date){(int)y, (int)m, (int)d};
	return calendar_is_valid(*date);
}

/* It does not say whether there is a fix, so RMC, which does, is preferred. Some receivers' ZDA is of the
 * next second, at that. */
enum nmea_verdict nmea_take_zda(struct nmea *n, struct comma_fields *fields)
{
	struct comma_field time_of_day;
	struct calendar_date date;
	enum entry entry;
	bool empty;

	if (!comma_next(fields, &time_of_day) || !take_long_date(fields, &date, &empty))
		return NMEA_MALFORMED;
	if (n->rmc && n->epochs - n->last_rmc <= RMC_EPOCHS)
		return NMEA_REPEATED;
	entry = enter(n, time_of_day);
	if (entry == ENTRY_EMPTY)
		return refuse(n, 0, false);
	if (entry != ENTRY_SECOND)
		return entry == ENTRY_OVER ? NMEA_REPEATED : NMEA_MALFORMED;
	if (empty)
		return NMEA_NO_DATE;
	return give(n, date, n->epoch.confirmed || has_fix(n));
}

/* 0: none; 6 dead reckoning, 7 manual, 8 simulated. */
static bool is_quality_of_fix(struct comma_field quality)
{
	return quality.length == 1 && strchr("123459", quality.at[0]);
}

enum nmea_verdict nmea_take_gga(struct nmea *n, struct comma_fields *fields)
{
	struct comma_field time_of_day, quality, used;
	unsigned count;

	if (!comma_next(fields, &time_of_day) || !nmea_next_after(fields, 4, &quality) ||
		!comma_next(fields, &used))
		return NMEA_MALFORMED;
	n->gga_used = nmea_number(used, &count) && count < 256 ? (uint8_t)count : 0;
	return without_time(n, enter(n, time_of_day), is_quality_of_fix(quality));
}

enum nmea_verdict nmea_take_gll(struct nmea *n, struct comma_fields *fields)
{
	struct comma_field time_of_day, status, mode;

	if (!nmea_next_after(fields, 4, &time_of_day) || !comma_next(fields, &status))
		return NMEA_MALFORMED;
	if (!comma_next(fields, &mode))
		mode.length = 0;
	return without_time(n, enter(n, time_of_day), nmea_is(status, 'A') && is_mode_of_fix(mode));
}

/* u-blox's time message: GPS - UTC in seconds, with a D while it is the firmware's default. */
enum nmea_verdict nmea_take_pubx(struct nmea *n, struct comma_fields *fields)
{
	struct comma_field f;
	unsigned seconds;
	bool by_default;

	if (!comma_next(fields, &f) || f.length != 2 || memcmp(f.at, "04", 2) != 0)
		return NMEA_OTHER;
	if (!nmea_next_after(fields, 4, &f) || f.length == 0)
		return NMEA_MALFORMED;
	by_default = f.at[f.length - 1] == 'D';
	f.length -= by_default;
	if (!nmea_number(f, &seconds) || seconds > INT8_MAX)
		return NMEA_MALFORMED;
	n->default_offset = by_default;
	n->leap_offset = (int8_t)(by_default ? 0 : seconds);
	return NMEA_STATUS;
}
