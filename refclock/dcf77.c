#include "refclock/dcf77.h"

#include <math.h>
#include <string.h>

#include "refclock/calendar.h"

/* Bits of a telegram. */
enum {
	BIT_CHANGE = 16,
	BIT_SUMMER = 17,
	BIT_WINTER = 18,
	BIT_LEAP = 19,
	BIT_START = 20,
	BIT_MINUTE = 21,
	BIT_HOUR = 29,
	BIT_DAY = 36,
	BIT_WEEKDAY = 42,
	BIT_MONTH = 45,
	BIT_YEAR = 50,
	BIT_LAST = 58
};

enum {
	OFF_GRID_MAX = 5, /* marks in a row, after which the grid is a new one */
	GAP_MAX = 10,     /* s without a mark, after which the second is not counted on */
	SHORT_MS = 40,    /* at least */
	LONG_MS = 140,    /* at least, else it is a 0 */
	TOO_LONG_MS = 260,
	RELATED_SECONDS = 1800, /* two telegrams farther apart do not speak for each other */
};

static const double phase_max = 0.1; /* s that a mark may be off the grid of the one before */

void dcf77_init(struct dcf77 *d, double hz, int floor_year)
{
	memset(d, 0, sizeof(*d));
	d->hz = hz;
	d->floor_year = floor_year;
	d->second = -1;
}

static unsigned bits_at(uint64_t bits, int first, int count)
{
	return (unsigned)(bits >> first) & ((1U << count) - 1);
}

/* Two decimal digits, the lower of four bits; -1 where the lower is none. */
static int bcd(uint64_t bits, int first, int count)
{
	unsigned value = bits_at(bits, first, count), ones = value & 15;

	return ones > 9 ? -1 : (int)((value >> 4) * 10 + ones);
}

static bool is_even(uint64_t bits, int first, int last)
{
	return __builtin_parityll(bits >> first & ((UINT64_C(2) << (last - first)) - 1)) == 0;
}

static bool is_framed(uint64_t bits)
{
	return !(bits & 1) && bits_at(bits, BIT_START, 1) == 1 &&
	       bits_at(bits, BIT_SUMMER, 1) != bits_at(bits, BIT_WINTER, 1) &&
	       is_even(bits, BIT_MINUTE, BIT_HOUR - 1) && is_even(bits, BIT_HOUR, BIT_DAY - 1) &&
	       is_even(bits, BIT_DAY, BIT_LAST);
}

static int full_year(int two_digits, int floor_year)
{
	int year = floor_year - floor_year % 100 + two_digits;

	return year < floor_year ? year + 100 : year;
}

/* Announced for the end of the hour before this minute: a leap second is at the end of a UTC month. */
static bool is_leap_hour(int64_t minute)
{
	int64_t last = minute - 1; /* 22:59 to 23:59: telegrams name the minute after theirs */
	struct calendar_date tomorrow = calendar_date(last / 1440 + 1);

	return last % 1440 >= 1379 && tomorrow.day == 1;
}

enum dcf77_verdict dcf77_decode(uint64_t bits, uint64_t known, int floor_year, struct dcf77_minute *minute)
{
	const uint64_t needed = ((UINT64_C(2) << BIT_LAST) - 1) & ~((UINT64_C(1) << BIT_CHANGE) - 1);
	int m = bcd(bits, BIT_MINUTE, 7), h = bcd(bits, BIT_HOUR, 6), year = bcd(bits, BIT_YEAR, 8);
	struct calendar_date date = {0, bcd(bits, BIT_MONTH, 5), bcd(bits, BIT_DAY, 6)};
	int64_t days;

	if ((known & needed) != needed)
		return DCF77_MISSING;
	if (!is_framed(bits))
		return DCF77_PARITY;
	if (m < 0 || m > 59 || h < 0 || h > 23 || year < 0 || year > 99)
		return DCF77_DIGIT;
	date.year = full_year(year, floor_year);
	if (!calendar_is_valid(date))
		return DCF77_DIGIT;
	days = calendar_days(date);
	if ((int)bits_at(bits, BIT_WEEKDAY, 3) != calendar_weekday(days))
		return DCF77_DIGIT;
	minute->summer = bits_at(bits, BIT_SUMMER, 1);
	minute->minute = days * 1440 + h * 60 + m - (minute->summer ? 120 : 60);
	minute->change = bits_at(bits, BIT_CHANGE, 1);
	minute->leap = bits_at(bits, BIT_LEAP, 1) && is_leap_hour(minute->minute);
	return DCF77_MINUTE;
}

/* Of the last minute's worth of marks, hits on the grid: a running mean that starts with the first. */
static void correlate(struct dcf77 *d, bool hit)
{
	if (d->correlated < 60)
		d->correlated++;
	d->report.correlation += ((float)hit - d->report.correlation) / (float)d->correlated;
}

/* Which second it is; a minute marker tells anew. */
static void forget_second(struct dcf77 *d)
{
	d->believed = false;
	d->second = -1;
}

static void lose(struct dcf77 *d)
{
	d->report.field_events += !d->lost;
	d->lost = true;
	forget_second(d);
}

static void start_grid(struct dcf77 *d, uint64_t stamp)
{
	d->tracking = true;
	d->grid = stamp;
	d->off_grid = 0;
	d->second = -1;
}

/* Seconds from the grid's newest mark to this one, where it is on the grid; else 0. */
static int seconds_on(const struct dcf77 *d, uint64_t stamp)
{
	double passed = stamp > d->grid ? (double)(stamp - d->grid) / d->hz : 0;
	double whole = floor(passed + 0.5);

	if (whole > 1000)
		return 1000;
	return fabs(passed - whole) <= phase_max ? (int)whole : 0;
}

static enum dcf77_verdict take_extra(struct dcf77 *d, uint64_t stamp)
{
	d->report.bit_errors++;
	correlate(d, false);
	if (++d->off_grid < OFF_GRID_MAX)
		return DCF77_EXTRA;
	lose(d);
	start_grid(d, stamp);
	return DCF77_LOST;
}

static void set_bit(struct dcf77 *d, unsigned ms)
{
	uint64_t bit = UINT64_C(1) << d->second;

	if (ms < SHORT_MS || ms >= TOO_LONG_MS)
		return;
	d->known |= bit;
	d->bits |= ms >= LONG_MS ? bit : 0;
}

/* 60, or 61 where the telegram so far announces a leap second at the end of this very minute. */
static int minute_length(const struct dcf77 *d)
{
	struct dcf77_minute next;

	return dcf77_decode(d->bits, d->known, d->floor_year, &next) == DCF77_MINUTE && next.leap &&
			       next.minute % 1440 == 0
		       ? 61
		       : 60;
}

/* Whether a telegram continues the newest one, by the time that has passed. A leap second makes a minute
 * longer; the zone changes only where that was announced. */
static bool continues(const struct dcf77 *d, const struct dcf77_minute *next, double passed)
{
	double minutes = floor((passed + 0.5) / 60), rest = passed - minutes * 60;

	if (next->minute - d->newest.minute != (int64_t)minutes || fabs(rest) > (d->newest.leap ? 1.5 : 0.5))
		return false;
	return next->summer == d->newest.summer || d->newest.change || minutes > 1;
}

static enum dcf77_verdict take_minute(struct dcf77 *d, uint64_t stamp)
{
	double passed = (double)(stamp - d->newest_stamp) / d->hz;
	bool related = d->newest_stamp && passed < RELATED_SECONDS;
	struct dcf77_minute next;
	enum dcf77_verdict verdict = dcf77_decode(d->bits, d->known, d->floor_year, &next);

	d->believed = false;
	if (verdict != DCF77_MINUTE) {
		d->report.parity_errors++;
		return verdict;
	}
	d->believed = related && continues(d, &next, passed);
	d->newest = next;
	d->newest_stamp = stamp;
	d->report.telegrams++;
	d->report.status = bits_at(d->bits, BIT_CHANGE - 1, 5);
	d->report.summer_time = next.summer;
	if (d->believed) {
		d->report.field_events += d->lost;
		d->lost = false;
		return DCF77_MINUTE;
	}
	d->report.implausible += related;
	return related ? DCF77_IMPLAUSIBLE : DCF77_FIRST;
}

/* Into the next minute, whose second 0 was `second` seconds before the mark. */
static enum dcf77_verdict turn(struct dcf77 *d, uint64_t stamp, int second)
{
	enum dcf77_verdict verdict = take_minute(d, stamp - (uint64_t)(second * d->hz));

	d->bits = d->known = 0;
	return verdict;
}

/* The second of a mark that came so many seconds after the one before; what is missing is an error, but for
 * the minute marker. */
static enum dcf77_verdict advance(struct dcf77 *d, uint64_t stamp, int seconds)
{
	int length = 60, second = d->second + seconds, missing = seconds - 1;
	enum dcf77_verdict verdict = DCF77_MARK;

	if (d->second < 0) {
		d->second = seconds == 2 ? 0 : -1;
		d->bits = d->known = 0;
		return DCF77_MARK;
	}
	if (second >= 59)
		length = minute_length(d);
	if (second == length - 1) {
		d->report.parity_errors++;
		forget_second(d);
		return DCF77_MARKER;
	}
	if (second >= length) {
		missing--;
		verdict = turn(d, stamp, second - length);
	}
	d->second = second >= length ? second - length : second;
	for (int i = 0; i < missing; i++)
		correlate(d, false);
	d->report.bit_errors += (uint32_t)missing;
	return verdict;
}

static bool announces_leap(const struct dcf77 *d)
{
	/* `newest` names the minute under way, so at 00:00 the leap second has been. */
	return d->newest.leap && d->newest.minute % 1440 != 0;
}

static void give(struct dcf77 *d, uint64_t stamp)
{
	d->time = (struct dcf77_time){
		.stamp = stamp,
		.time = ntp64_from_unix(d->newest.minute * 60 + d->second, 0),
		.leap = announces_leap(d) ? NTP_LEAP_INSERT : NTP_LEAP_NONE,
	};
	d->pending = true;
}

static enum dcf77_verdict take_mark(struct dcf77 *d, uint64_t stamp, unsigned ms)
{
	bool length_known = ms >= SHORT_MS && ms < TOO_LONG_MS;
	enum dcf77_verdict verdict;
	int seconds;

	if (!d->tracking) {
		start_grid(d, stamp);
		return DCF77_MARK;
	}
	seconds = seconds_on(d, stamp);
	if (seconds > GAP_MAX) {
		lose(d);
		start_grid(d, stamp);
		return DCF77_LOST;
	}
	if (seconds == 0)
		return take_extra(d, stamp);
	d->off_grid = 0;
	d->grid = stamp;
	correlate(d, true);
	d->report.bit_errors += !length_known;
	verdict = advance(d, stamp, seconds);
	if (d->second < 0)
		return verdict;
	set_bit(d, ms);
	if (d->believed && length_known)
		give(d, stamp);
	return verdict == DCF77_MARK && !length_known ? DCF77_LENGTH : verdict;
}

enum dcf77_verdict dcf77_mark(struct dcf77 *d, uint64_t stamp, unsigned ms)
{
	enum dcf77_verdict verdict = take_mark(d, stamp, ms);

	d->verdicts[verdict]++;
	return verdict;
}

bool dcf77_take(struct dcf77 *d, struct dcf77_time *time)
{
	bool pending = d->pending;

	*time = d->time;
	d->pending = false;
	return pending;
}

const char *dcf77_verdict_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		DCF77_VERDICTS(X)
#undef X
	};

	return verdict < DCF77_VERDICT_COUNT ? texts[verdict] : "unknown";
}
