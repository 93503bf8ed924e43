#include "refclock/keeper.h"

#include <math.h>
#include <string.h>

#include "refclock/comma_fields.h"

static const uint64_t second_ns = 1000000000;
static const uint8_t local_refid[4] = {127, 127, 1, 1};

/* One to `most` decimal digits at *at, which moves behind them. */
static bool take_digits(const char **at, const char *end, int most, uint64_t *value)
{
	int digits = 0;

	for (*value = 0; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		if (++digits > most)
			return false;
		*value = *value * 10 + (uint64_t)(**at - '0');
	}
	return digits > 0;
}

/* Whole seconds and nanoseconds of "123", "-0.5" or "+1.234567890": no exponent, no locale, no infinity. */
struct decimal {
	bool negative;
	uint64_t whole;
	uint32_t billionths;
};

static bool parse_decimal(const struct comma_field *field, struct decimal *d)
{
	const char *at = field->at, *end = field->at + field->length, *point;
	uint64_t fraction = 0;

	*d = (struct decimal){0};
	if (at < end && (*at == '-' || *at == '+'))
		d->negative = *at++ == '-';
	if (!take_digits(&at, end, 12, &d->whole))
		return false;
	if (at == end)
		return true;
	if (*at != '.')
		return false;
	point = at++;
	if (!take_digits(&at, end, 9, &fraction) || at != end)
		return false;
	for (ptrdiff_t digits = at - point - 1; digits < 9; digits++)
		fraction *= 10;
	d->billionths = (uint32_t)fraction;
	return true;
}

static bool take_number(struct comma_fields *fields, double *value)
{
	struct comma_field field;
	struct decimal d;

	if (!comma_next(fields, &field) || !parse_decimal(&field, &d))
		return false;
	*value = (double)d.whole + d.billionths * 1e-9;
	if (d.negative)
		*value = -*value;
	return true;
}

/* Seconds since 1970; 0, as chronyd says before its first correction, is no time. */
static bool take_reference(struct comma_fields *fields, ntp64 *reference)
{
	struct comma_field field;
	struct decimal d;

	if (!comma_next(fields, &field) || !parse_decimal(&field, &d) || d.negative)
		return false;
	*reference = d.whole || d.billionths ? ntp64_from_unix((int64_t)d.whole, d.billionths) : 0;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_refid(struct comma_fields *fields, uint8_t refid[4])
{
	struct comma_field field;

	if (!comma_next(fields, &field) || field.length != 8)
		return false;
	for (int i = 0; i < 4; i++) {
		int high = hex_digit(field.at[2 * i]), low = hex_digit(field.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		refid[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool take_stratum(struct comma_fields *fields, uint8_t *stratum)
{
	struct comma_field field;
	uint64_t value;
	const char *at;

	if (!comma_next(fields, &field))
		return false;
	at = field.at;
	if (!take_digits(&at, field.at + field.length, 2, &value) || at != field.at + field.length ||
		value > NTP_STRATUM_UNSYNC)
		return false;
	*stratum = (uint8_t)value;
	return true;
}

static bool take_leap(struct comma_fields *fields, uint8_t *leap)
{
	static const char *const names[] = {
		[NTP_LEAP_NONE] = "Normal",
		[NTP_LEAP_INSERT] = "Insert second",
		[NTP_LEAP_DELETE] = "Delete second",
		[NTP_LEAP_UNSYNC] = "Not synchronised",
	};
	struct comma_field field;

	if (!comma_next(fields, &field))
		return false;
	for (uint8_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (field.length == strlen(names[i]) && memcmp(field.at, names[i], field.length) == 0) {
			*leap = i;
			return true;
		}
	}
	return false;
}

static bool skip_field(struct comma_fields *fields)
{
	struct comma_field field;

	return comma_next(fields, &field);
}

static uint64_t units_up(double seconds)
{
	return seconds < KEEPER_DISPERSION_MAX ? (uint64_t)ceil(seconds * (double)NTP64_SECOND)
					       : KEEPER_DISPERSION_MAX * NTP64_SECOND;
}

/* Units, towards zero; beyond what a dispersion says it is none that could be made good. */
static int64_t offset_of(double seconds)
{
	return fabs(seconds) < KEEPER_DISPERSION_MAX / 2 ? (int64_t)(seconds * (double)NTP64_SECOND) : 0;
}

/* 2^-32 s per s, saturated. */
static uint32_t growth_from_ppm(double ppm)
{
	double growth = ceil(ppm * 1e-6 * (double)NTP64_SECOND);

	return growth < (double)UINT32_MAX ? (uint32_t)growth : UINT32_MAX;
}

/* Never later than it was: a client refuses a reply that was sent before its server's clock was set. 0 says
 * "never". */
static ntp64 marked(ntp64 reference)
{
	return reference ? ((reference - KEEPER_MARK_MASK - 1) & ~(ntp64)KEEPER_MARK_MASK) | KEEPER_MARK : 0;
}

/* What stands in every reply of an unsynchronised server must not depend on what its keeper believes
 * otherwise. */
static void make_consistent(struct keeper_status *status)
{
	if (status->leap != NTP_LEAP_UNSYNC && status->stratum >= 1 && status->stratum <= NTP_STRATUM_MAX)
		return;
	status->leap = NTP_LEAP_UNSYNC;
	status->stratum = NTP_STRATUM_UNSYNC;
	memset(status->refid, 0, sizeof(status->refid));
}

/* The fields of tracking, as chronyc names them. */
struct tracking {
	double offset, last_offset, rms_offset, frequency, residual, skew, delay, dispersion, interval;
};

static bool take_tracking(struct comma_fields *f, struct keeper_status *s, struct tracking *t)
{
	return take_refid(f, s->refid) && skip_field(f) && take_stratum(f, &s->stratum) &&
	       take_reference(f, &s->reference) && take_number(f, &t->offset) &&
	       take_number(f, &t->last_offset) && take_number(f, &t->rms_offset) &&
	       take_number(f, &t->frequency) && take_number(f, &t->residual) && take_number(f, &t->skew) &&
	       take_number(f, &t->delay) && take_number(f, &t->dispersion) && take_number(f, &t->interval) &&
	       take_leap(f, &s->leap) && f->ended;
}

bool keeper_from_tracking(struct keeper_status *status, const char *line, size_t length, uint64_t instant)
{
	struct keeper_status s = {.keeper = TIMEBASE_KEEPER_CHRONY, .instant = instant};
	struct comma_fields fields = {.at = line, .end = line + length};
	struct tracking t;

	if (length > 0 && line[length - 1] == '\n')
		fields.end--;
	if (length >= KEEPER_LINE || !take_tracking(&fields, &s, &t))
		return false;
	if (t.skew < 0 || t.delay < 0 || t.dispersion < 0)
		return false;
	s.reference = marked(s.reference);
	/* Printed to 10^-9 s: a delay that was rounded up there must not become a unit more than chronyd's.
	 */
	s.root_delay = ntp32_from_seconds_up(t.delay - 0.6e-9);
	s.root_dispersion = units_up(t.dispersion + fabs(t.offset));
	s.offset = offset_of(t.offset);
	s.dispersion_growth = growth_from_ppm(KEEPER_PHI_PPM + t.skew + fabs(t.residual));
	make_consistent(&s);
	*status = s;
	return true;
}

bool keeper_from_reply(struct keeper_status *status, const struct client_reply *reply, uint64_t instant)
{
	struct keeper_status s = {
		.keeper = TIMEBASE_KEEPER_NTP,
		.leap = reply->leap,
		.stratum = reply->stratum,
		.root_delay = reply->root_delay,
		.dispersion_growth = growth_from_ppm(KEEPER_PHI_PPM),
		.reference = marked(reply->reference),
		.root_dispersion = (uint64_t)reply->root_dispersion << 16,
		.instant = instant,
	};

	if (reply->verdict != CLIENT_ANSWERED || reply->leap >= NTP_LEAP_UNSYNC || reply->stratum < 1 ||
		reply->stratum > NTP_STRATUM_MAX)
		return false;
	if ((uint64_t)reply->root_delay / 2 + reply->root_dispersion >= KEEPER_DISTANCE_MAX << 16 ||
		!(fabs(reply->offset) < KEEPER_DISTANCE_MAX))
		return false;
	if ((reply->reference & KEEPER_MARK_MASK) == KEEPER_MARK)
		return false;
	memcpy(s.refid, reply->refid, sizeof(s.refid));
	s.root_dispersion += units_up(fabs(reply->offset));
	s.offset = offset_of(reply->offset);
	*status = s;
	return true;
}

static uint8_t kernel_leap(const struct timex *timex)
{
	if (timex->status & STA_INS)
		return NTP_LEAP_INSERT;
	return timex->status & STA_DEL ? NTP_LEAP_DELETE : NTP_LEAP_NONE;
}

bool keeper_from_kernel(struct keeper_status *status, int state, const struct timex *timex,
	unsigned local_stratum, ntp64 now, uint64_t instant)
{
	double error = (double)timex->maxerror * 1e-6;

	if (state < 0 || state == TIME_ERROR || timex->status & STA_UNSYNC ||
		!(error >= 0 && error < KEEPER_DISTANCE_MAX))
		return false;
	keeper_from_nobody(status, local_stratum, now, instant);
	status->keeper = TIMEBASE_KEEPER_ADJTIMEX;
	if (local_stratum)
		status->leap = kernel_leap(timex);
	status->root_dispersion = units_up(error);
	status->dispersion_growth = growth_from_ppm(KEEPER_KERNEL_PPM);
	return true;
}

void keeper_from_nobody(struct keeper_status *status, unsigned local_stratum, ntp64 now, uint64_t instant)
{
	*status = (struct keeper_status){
		.keeper = local_stratum ? TIMEBASE_KEEPER_LOCAL : TIMEBASE_KEEPER_NONE,
		.leap = local_stratum ? NTP_LEAP_NONE : NTP_LEAP_UNSYNC,
		.stratum = (uint8_t)(local_stratum ? local_stratum : NTP_STRATUM_UNSYNC),
		.reference = local_stratum ? marked(now) : 0,
		.root_dispersion = local_stratum ? 0 : NTP64_SECOND,
		.dispersion_growth = growth_from_ppm(KEEPER_PHI_PPM),
		.instant = instant,
	};
	if (local_stratum)
		memcpy(status->refid, local_refid, sizeof(local_refid));
	make_consistent(status);
}

bool keeper_is_stale(const struct keeper_status *status, uint64_t instant)
{
	return instant < status->instant || instant - status->instant > KEEPER_STALE_SECONDS * second_ns;
}

bool keeper_supersedes(const struct keeper_status *new_status, const struct keeper_status *held)
{
	return new_status->keeper == TIMEBASE_KEEPER_CHRONY || new_status->keeper == held->keeper ||
	       held->keeper == TIMEBASE_KEEPER_NONE || keeper_is_stale(held, new_status->instant);
}

bool keeper_differs(const struct keeper_status *a, const struct keeper_status *b)
{
	return a->keeper != b->keeper || a->leap != b->leap || a->stratum != b->stratum ||
	       memcmp(a->refid, b->refid, sizeof(a->refid)) != 0;
}

/* Units, rounded up; 0 and a unit before it. */
static uint64_t age_of(const struct keeper_status *status, uint64_t instant)
{
	uint64_t age_ns = instant > status->instant ? instant - status->instant : 0;

	return age_ns / second_ns * NTP64_SECOND + ((age_ns % second_ns) << 32) / second_ns + 1;
}

void keeper_publish(const struct keeper_status *status, uint64_t instant, struct timebase *timebase)
{
	uint64_t age = age_of(status, instant);

	timebase->keeper = status->keeper;
	timebase->leap = status->leap;
	timebase->stratum = status->stratum;
	memcpy(timebase->refid, status->refid, sizeof(timebase->refid));
	timebase->root_delay = status->root_delay;
	timebase->reference = status->reference;
	timebase->root_dispersion = status->root_dispersion + timebase_grow(age, status->dispersion_growth);
	timebase->dispersion_growth = status->dispersion_growth;
}

void keeper_time(const struct keeper_status *status, uint64_t instant, int64_t *ahead, uint64_t *error)
{
	const uint64_t offset = (uint64_t)(status->offset < 0 ? -status->offset : status->offset);
	struct timebase tb = {.counter = 0};

	keeper_publish(status, instant, &tb);
	*ahead = 0;
	*error = tb.root_dispersion + ((uint64_t)tb.root_delay << 16) / 2;
	if (offset <= NTP64_SECOND / 1000 || offset > *error)
		return;
	*ahead = status->offset;
	*error = *error - offset + timebase_grow(age_of(status, instant), growth_from_ppm(KEEPER_KERNEL_PPM));
}

const char *keeper_name(unsigned keeper)
{
	static const char *const names[] = {
		[TIMEBASE_KEEPER_NONE] = "nobody",
		[TIMEBASE_KEEPER_CHRONY] = "chronyd",
		[TIMEBASE_KEEPER_NTP] = "an NTP server on the loopback",
		[TIMEBASE_KEEPER_ADJTIMEX] = "the kernel",
		[TIMEBASE_KEEPER_LOCAL] = "the `local` directive",
		[TIMEBASE_KEEPER_SOURCES] = "sources of its own",
	};

	return keeper < sizeof(names) / sizeof(names[0]) ? names[keeper] : "unknown";
}
