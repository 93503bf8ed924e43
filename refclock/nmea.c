#include "refclock/nmea.h"

#include <string.h>

#include "refclock/nmea_fields.h"
#include "refclock/nmea_satellites.h"
#include "refclock/nmea_time.h"

enum {
	ADDRESS = 5,     /* "GPRMC" */
	CUT_SECONDS = 2, /* of silence within a sentence that end it */
};

static const double default_silence = 0.1;

void nmea_init(struct nmea *n, const struct nmea_options *options)
{
	memset(n, 0, sizeof(*n));
	n->options = *options;
	if (!(n->options.silence > 0))
		n->options.silence = default_silence;
	n->silence = (uint64_t)(n->options.silence * options->hz);
}

static enum nmea_verdict take_sentence(struct nmea *n, struct comma_fields *fields)
{
	struct comma_field address;
	const char *kind;

	if (!comma_next(fields, &address))
		return NMEA_OTHER;
	if (address.length == 4 && memcmp(address.at, "PUBX", 4) == 0)
		return nmea_take_pubx(n, fields);
	if (address.length != ADDRESS || address.at[0] == 'P')
		return NMEA_OTHER;
	kind = address.at + 2;
	if (memcmp(kind, "RMC", 3) == 0)
		return nmea_take_rmc(n, fields);
	if (memcmp(kind, "ZDA", 3) == 0)
		return nmea_take_zda(n, fields);
	if (memcmp(kind, "GGA", 3) == 0)
		return nmea_take_gga(n, fields);
	if (memcmp(kind, "GLL", 3) == 0)
		return nmea_take_gll(n, fields);
	if (memcmp(kind, "GSA", 3) == 0)
		return nmea_take_gsa(n, address.at, fields);
	if (memcmp(kind, "GSV", 3) == 0)
		return nmea_take_gsv(n, address.at, fields);
	return NMEA_OTHER;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NOTHING where the line is as it was sent, and *length then is without the checksum. */
static enum nmea_verdict check(const struct nmea *n, size_t *length)
{
	const char *star = memchr(n->line, '*', n->length);
	int high, low, sum = 0;

	*length = star ? (size_t)(star - n->line) : n->length;
	if (!star)
		return n->options.bare ? NMEA_NOTHING : NMEA_NO_CHECKSUM;
	if (n->length - *length != 3)
		return NMEA_CHECKSUM;
	high = hex_digit(star[1]);
	low = hex_digit(star[2]);
	for (size_t i = 0; i < *length; i++)
		sum ^= n->line[i];
	return high >= 0 && low >= 0 && sum == (high << 4 | low) ? NMEA_NOTHING : NMEA_CHECKSUM;
}

static enum nmea_verdict end_line(struct nmea *n)
{
	size_t length;
	enum nmea_verdict verdict = check(n, &length);
	struct comma_fields fields = {n->line, n->line + length, false};

	n->inside = false;
	if (verdict != NMEA_NOTHING)
		return verdict;
	if (!n->marked) {
		n->marked = true;
		n->mark = n->start;
	}
	return take_sentence(n, &fields);
}

static enum nmea_verdict begin_line(struct nmea *n, uint64_t stamp)
{
	bool cut = n->inside;

	n->inside = true;
	n->garbage = false;
	n->length = 0;
	n->start = stamp;
	return cut ? NMEA_CUT : NMEA_NOTHING;
}

static enum nmea_verdict leave_line(struct nmea *n, enum nmea_verdict verdict)
{
	n->inside = false;
	n->garbage = true;
	return verdict;
}

/* Ends of lines stand between sentences; anything else there is counted once for a stretch of it. */
static enum nmea_verdict outside(struct nmea *n, uint8_t octet)
{
	bool first = !n->garbage;

	if (octet == '\r' || octet == '\n')
		return NMEA_NOTHING;
	n->garbage = true;
	return first ? NMEA_GARBAGE : NMEA_NOTHING;
}

static enum nmea_verdict inside(struct nmea *n, uint8_t octet)
{
	if (octet == '\r' || octet == '\n')
		return end_line(n);
	if (octet < 0x20 || octet > 0x7e)
		return leave_line(n, NMEA_CUT);
	if (n->length == NMEA_LINE)
		return leave_line(n, NMEA_LONG);
	n->line[n->length++] = (char)octet;
	return NMEA_NOTHING;
}

/* Silence begins a burst, unless it is within a sentence, which then goes on, or is over. */
static enum nmea_verdict listen(struct nmea *n, uint8_t octet, uint64_t stamp)
{
	uint64_t gap = stamp > n->last ? stamp - n->last : 0;
	enum nmea_verdict verdict = NMEA_NOTHING;

	if (n->inside && n->heard && nmea_seconds_between(n, n->last, stamp) > CUT_SECONDS) {
		n->inside = false;
		verdict = NMEA_CUT;
	}
	if (!n->heard || (gap > n->silence && (!n->inside || octet == '$'))) {
		n->burst++;
		/* Without a time of day, bursts are the receiver's seconds. */
		n->epochs += !n->epoch.known || n->burst_refused;
		n->marked = n->burst_refused = n->garbage = false;
	}
	n->heard = true;
	n->last = stamp;
	return verdict;
}

enum nmea_verdict nmea_octet(struct nmea *n, uint8_t octet, uint64_t stamp)
{
	enum nmea_verdict cut = listen(n, octet, stamp), verdict;

	if (octet == '$')
		verdict = begin_line(n, stamp);
	else
		verdict = n->inside ? inside(n, octet) : outside(n, octet);
	/* A line that silence has cut off is told of in place of what little can have come with its octet. */
	if (cut != NMEA_NOTHING)
		verdict = cut;
	n->verdicts[verdict] += verdict != NMEA_NOTHING;
	return verdict;
}

bool nmea_take(struct nmea *n, struct nmea_time *time)
{
	bool pending = n->pending;

	*time = n->time;
	n->pending = false;
	return pending;
}

const char *nmea_verdict_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		NMEA_VERDICTS(X)
#undef X
	};

	return verdict < NMEA_VERDICT_COUNT ? texts[verdict] : "unknown";
}
