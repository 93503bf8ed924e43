#include "refclock/sock_sample.h"

#include <math.h>
#include <string.h>

#include "refclock/sample_time.h"

struct fields {
	int64_t seconds, us;
	double offset;
	int32_t pulse, leap, magic;
};

const char *sock_sample_text(unsigned verdict)
{
	static const char *const texts[] = {
#define X(name, text) text,
		SOCK_SAMPLE_VERDICTS(X)
#undef X
	};

	return verdict < SOCK_SAMPLE_VERDICT_COUNT ? texts[verdict] : "unknown";
}

/* What follows the time is the same in both. */
static void read_rest(struct fields *f, const uint8_t *octets)
{
	memcpy(&f->offset, octets, sizeof(f->offset));
	memcpy(&f->pulse, octets + 8, sizeof(f->pulse));
	memcpy(&f->leap, octets + 12, sizeof(f->leap));
	memcpy(&f->magic, octets + 20, sizeof(f->magic));
}

static void read_64(struct fields *f, const uint8_t *octets)
{
	memcpy(&f->seconds, octets, sizeof(f->seconds));
	memcpy(&f->us, octets + 8, sizeof(f->us));
	read_rest(f, octets + 16);
}

static void read_32(struct fields *f, const uint8_t *octets)
{
	int32_t words[2];

	memcpy(words, octets, sizeof(words));
	f->seconds = words[0];
	f->us = words[1];
	read_rest(f, octets + 8);
}

static enum sock_sample_verdict judge(const struct fields *f)
{
	if (f->magic != SOCK_SAMPLE_MAGIC)
		return SOCK_SAMPLE_NO_MAGIC;
	if (!sample_time_is_sane(f->seconds) || f->us < 0 || f->us >= 1000000)
		return SOCK_SAMPLE_TIME;
	if (!(fabs(f->offset) < (double)SAMPLE_TIME_MAX) ||
		!sample_time_is_sane(f->seconds + (int64_t)f->offset))
		return SOCK_SAMPLE_OFFSET;
	if (f->leap < NTP_LEAP_NONE || f->leap > NTP_LEAP_UNSYNC)
		return SOCK_SAMPLE_LEAP;
	return SOCK_SAMPLE_GOOD;
}

enum sock_sample_verdict sock_sample_parse(
	const void *octets, size_t size, ntp64 *kernel, struct measurement *m)
{
	enum sock_sample_verdict verdict;
	struct fields f;

	if (size != SOCK_SAMPLE_64 && size != SOCK_SAMPLE_32)
		return SOCK_SAMPLE_LENGTH;
	if (size == SOCK_SAMPLE_64)
		read_64(&f, octets);
	else
		read_32(&f, octets);
	if (f.pulse)
		f.offset = -f.offset;
	verdict = judge(&f);
	if (verdict != SOCK_SAMPLE_GOOD)
		return verdict;
	*kernel = ntp64_from_unix(f.seconds, (uint32_t)f.us * 1000);
	*m = (struct measurement){
		.time = *kernel + sample_time_interval(f.offset),
		/* The offset is rounded to a double, and to a unit. */
		.error = (uint64_t)(fabs(f.offset) * 0x1p-20) + 2,
		.leap = (uint8_t)f.leap,
		.pulse = f.pulse != 0,
	};
	return SOCK_SAMPLE_GOOD;
}
