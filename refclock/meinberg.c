#include "refclock/meinberg.h"

#include <math.h>
#include <string.h>

#include "refclock/calendar.h"

enum { STX = 2, ETX = 3 };

static const double related_seconds = 600; /* strings farther apart do not speak for each other */

void meinberg_init(struct meinberg *m, double hz, int floor_year)
{
	memset(m, 0, sizeof(*m));
	m->hz = hz;
	m->floor_year = floor_year;
}

/*
 * The formats, letter for letter. Digits: d day, m month, y year, w weekday, h i s the time, o p hours and
 * minutes of the offset from UTC, + its sign. Status: # the clock's own, Z a zone's letter, z its name, E
 * summer, N what is announced, L a leap second. Behind ~ is anything, a position; all others are themselves.
 */
static const char *const formats[] = {
	"D:dd.mm.yy;T:w;U:hh.ii.ss;##ZN",
	"dd.mm.yy/w/hh:ii:sszzzz#N\r\n",
	"dd.mm.yy; w; hh:ii:ss; +oo:pp; ##ENN L;~",
};
static const char number_letters[] = "dmywhisop";

struct reading {
	int number[sizeof(number_letters) - 1]; /* in their order */
	bool has_offset, west;
	char zone[4];
	int zone_length, status_length;
	struct meinberg_string *string;
};

enum { DAY, MONTH, YEAR, WEEKDAY, HOUR, MINUTE, SECOND, OFFSET_HOURS, OFFSET_MINUTES };

static void keep_status(struct reading *r, char c)
{
	if (r->status_length++ < 4)
		r->string->status = r->string->status << 8 | (uint8_t)c;
}

/* A status character that is one of those, or a space. */
static bool take_status(struct reading *r, char letter, char c)
{
	struct meinberg_string *s = r->string;

	keep_status(r, c);
	switch (letter) {
	case '#':
		s->synchronised &= c == ' ';
		return c == '#' || c == '*' || c == ' ';
	case 'Z':
		r->zone[0] = c;
		r->zone_length = 1;
		return c == 'U' || c == 'S' || c == ' ';
	case 'E':
		s->summer = c == 'S';
		return c == 'S' || c == ' ';
	case 'N':
		s->change |= c == '!';
		s->leap |= c == 'A';
		return c == '!' || c == 'A' || c == ' ';
	default:
		s->leap_second |= c == 'L';
		return c == 'L' || c == ' ';
	}
}

static bool take_letter(struct reading *r, char letter, char c)
{
	const char *number = strchr(number_letters, letter);

	if (number) {
		int *value = &r->number[number - number_letters];

		*value = *value * 10 + (c - '0');
		return c >= '0' && c <= '9';
	}
	if (letter == '+') {
		r->has_offset = true;
		r->west = c == '-';
		return c == '+' || c == '-';
	}
	if (letter == 'z') {
		r->zone[r->zone_length++] = c;
		return c == ' ' || (c >= 'A' && c <= 'Z');
	}
	if (strchr("#ZENL", letter))
		return take_status(r, letter, c);
	return c == letter;
}

static bool matches(const char *format, const char *text, size_t length, struct reading *r)
{
	for (size_t i = 0; i < length; i++) {
		if (format[i] == '~')
			return true;
		if (!format[i] || !take_letter(r, format[i], text[i]))
			return false;
	}
	return !format[length];
}

/* Local time's seconds ahead of UTC; false for a zone of no known name. */
static bool find_offset(struct reading *r, int *offset)
{
	static const struct {
		char name[5];
		int seconds;
	} zones[] = {{"U", 0}, {" ", 3600}, {"S", 7200}, {"UTC ", 0}, {"GMT ", 0}, {"CET ", 3600},
		{"MEZ ", 3600}, {"CEST", 7200}, {"MESZ", 7200}};

	*offset = r->number[OFFSET_HOURS] * 3600 + r->number[OFFSET_MINUTES] * 60;
	if (r->has_offset) {
		*offset = r->west ? -*offset : *offset;
		return true;
	}
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strlen(zones[i].name) == (size_t)r->zone_length &&
			memcmp(zones[i].name, r->zone, (size_t)r->zone_length) == 0) {
			*offset = zones[i].seconds;
			r->string->summer = *offset == 7200;
			return true;
		}
	}
	return false;
}

static enum meinberg_verdict find_time(struct reading *r, int floor_year)
{
	const int *n = r->number;
	struct calendar_date date = {floor_year - floor_year % 100 + n[YEAR], n[MONTH], n[DAY]};
	int offset;
	int64_t days;

	if (!find_offset(r, &offset))
		return MEINBERG_MALFORMED;
	date.year += date.year < floor_year ? 100 : 0;
	if (!calendar_is_valid(date) || n[HOUR] > 23 || n[MINUTE] > 59 || n[SECOND] > 60)
		return MEINBERG_DATE;
	days = calendar_days(date);
	if (n[WEEKDAY] != calendar_weekday(days))
		return MEINBERG_DATE;
	r->string->leap_second |= n[SECOND] == 60;
	r->string->seconds = days * CALENDAR_DAY + n[HOUR] * 3600 + n[MINUTE] * 60 + n[SECOND] - offset;
	/* Zones differ by half hours too: it is UTC's day that a leap second ends. */
	if (n[SECOND] == 60 && r->string->seconds % CALENDAR_DAY != 0)
		return MEINBERG_DATE;
	return MEINBERG_TIME;
}

enum meinberg_verdict meinberg_parse(
	const char *text, size_t length, int floor_year, struct meinberg_string *string)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct reading r = {.string = string};

		*string = (struct meinberg_string){.synchronised = true};
		if (matches(formats[i], text, length, &r))
			return find_time(&r, floor_year);
	}
	return MEINBERG_MALFORMED;
}

static void give(struct meinberg *m, const struct meinberg_string *s)
{
	uint8_t leap = s->leap ? NTP_LEAP_INSERT : NTP_LEAP_NONE;

	m->time = (struct meinberg_time){
		.stamp = m->start,
		.time = ntp64_from_unix(s->seconds, 0),
		.leap = s->synchronised ? leap : NTP_LEAP_UNSYNC,
	};
	m->pending = true;
}

/* Whether the string is as much later than the one before as the counter says. */
static bool continues(const struct meinberg *m, int64_t seconds)
{
	double passed = (double)(m->start - m->before_stamp) / m->hz;

	return fabs((double)(seconds - m->before) - passed) <= 0.5;
}

static bool is_related(const struct meinberg *m)
{
	return m->related && m->synchronised && m->start >= m->before_stamp &&
	       (double)(m->start - m->before_stamp) <= related_seconds * m->hz;
}

static enum meinberg_verdict judge(struct meinberg *m, const struct meinberg_string *s)
{
	if (s->leap_second)
		return MEINBERG_LEAP_SECOND;
	if (!s->synchronised)
		return MEINBERG_FREE_RUNNING;
	if (!is_related(m))
		return MEINBERG_FIRST;
	return continues(m, s->seconds) ? MEINBERG_TIME : MEINBERG_IMPLAUSIBLE;
}

static enum meinberg_verdict take_string(struct meinberg *m)
{
	struct meinberg_string s;
	enum meinberg_verdict verdict = meinberg_parse(m->text, m->length, m->floor_year, &s);

	if (verdict != MEINBERG_TIME) {
		m->report.parity_errors++;
		return verdict;
	}
	verdict = judge(m, &s);
	if (verdict == MEINBERG_TIME || verdict == MEINBERG_FREE_RUNNING)
		give(m, &s);
	m->report.telegrams++;
	m->report.implausible += verdict == MEINBERG_IMPLAUSIBLE;
	m->report.field_events += m->related && m->synchronised != s.synchronised;
	m->report.status = s.status;
	m->report.summer_time = s.summer;
	m->related = true;
	m->before = s.seconds - s.leap_second;
	m->before_stamp = m->start;
	m->synchronised = s.synchronised;
	return verdict;
}

static enum meinberg_verdict begin(struct meinberg *m, uint64_t stamp)
{
	bool cut = m->inside;

	m->inside = true;
	m->garbage = false;
	m->length = 0;
	m->start = stamp;
	return cut ? MEINBERG_CUT : MEINBERG_NOTHING;
}

/* Counted once for a stretch of it; ends of lines are none. */
static enum meinberg_verdict outside(struct meinberg *m, char c)
{
	bool first = !m->garbage && c != '\r' && c != '\n';

	m->garbage |= first;
	return first ? MEINBERG_GARBAGE : MEINBERG_NOTHING;
}

static enum meinberg_verdict inside(struct meinberg *m, char c)
{
	if (c == ETX) {
		m->inside = false;
		return take_string(m);
	}
	if (m->length == MEINBERG_STRING) {
		m->inside = false;
		m->garbage = true;
		return MEINBERG_LONG;
	}
	m->text[m->length++] = c;
	return MEINBERG_NOTHING;
}

enum meinberg_verdict meinberg_octet(struct meinberg *m, uint8_t octet, uint64_t stamp)
{
	char c = (char)(octet & 0x7f);
	enum meinberg_verdict verdict;

	if (c == STX)
		verdict = begin(m, stamp);
	else
		verdict = m->inside ? inside(m, c) : outside(m, c);
	m->verdicts[verdict] += verdict != MEINBERG_NOTHING;
	m->report.bit_errors += verdict == MEINBERG_CUT || verdict == MEINBERG_LONG;
	return verdict;
}

bool meinberg_take(struct meinberg *m, struct meinberg_time *time)
{
	bool pending = m->pending;

	*time = m->time;
	m->pending = false;
	return pending;
}

const char *meinberg_verdict_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		MEINBERG_VERDICTS(X)
#undef X
	};

	return verdict < MEINBERG_VERDICT_COUNT ? texts[verdict] : "unknown";
}
