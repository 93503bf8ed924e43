#include "refclock/line.h"

#include <math.h>

/* Units: readings of an evenly running kernel clock scatter by its rounding to ns, of its rate too. */
static const double noise = 8;
/* How fast the long-term mean follows, per second: a slew of 10 % that lasts 10 s has moved it by 20 ppm. */
static const double long_term_speed = 2e-6;

static double ppm(double parts)
{
	return parts * 1e-6;
}

void line_init(struct line *line, double hz, uint32_t refresh_us)
{
	*line = (struct line){
		.nominal = (double)NTP64_SECOND / hz,
		.refresh = (double)refresh_us * (double)NTP64_SECOND * 1e-6,
	};
	line->rate = line->nominal;
	line->long_term = line->nominal;
}

static void stretch_begin(const struct line *line, struct line_stretch *stretch, const struct sample *anchor)
{
	stretch->anchor = *anchor;
	stretch->low = line->nominal * (1 - ppm(LINE_RATE_LIMIT_PPM));
	stretch->high = line->nominal * (1 + ppm(LINE_RATE_LIMIT_PPM));
}

/* Keep the rates that lead from the anchor to the sample. False, and nothing kept, where none of them does.
 */
static bool stretch_extend(struct line_stretch *stretch, const struct sample *sample)
{
	double ticks = (double)(int64_t)(sample->counter - stretch->anchor.counter);
	double units = (double)ntp64_diff(sample->time, stretch->anchor.time);
	double reach = (double)stretch->anchor.half + (double)sample->half + noise;
	double low = fmax(stretch->low, (units - reach) / ticks);
	double high = fmin(stretch->high, (units + reach) / ticks);

	if (low > high)
		return false;
	stretch->low = low;
	stretch->high = high;
	return true;
}

static double lowest(const struct line *line)
{
	return fmax(line->older.low, line->newer.low);
}

static double highest(const struct line *line)
{
	return fmin(line->older.high, line->newer.high);
}

/* Relative: how far the published rate can be from the clock's. */
static double uncertainty(const struct line *line)
{
	return fmax(highest(line) - line->rate, line->rate - lowest(line)) / line->rate;
}

/* Relative, of the line's own seconds (which a slew makes longer or shorter): what error_growth says. */
static double drift(const struct line *line)
{
	double from_mean = fabs(line->rate - line->long_term) / line->rate;
	double unsettled = line->settled ? 0 : ppm(LINE_ALLOWANCE_PPM);

	return ppm(LINE_PHI_PPM) + uncertainty(line) + from_mean + unsettled;
}

/* Relative: by how much the rate may have changed behind the newest sample's back. */
static double allowance(const struct line *line)
{
	return ppm(line->alarmed ? LINE_RATE_LIMIT_PPM : LINE_ALLOWANCE_PPM);
}

/* The middle of what is possible once that is narrow; before, whatever is nearest to the rate so far. */
static void estimate_rate(struct line *line)
{
	double low = lowest(line), high = highest(line);

	if (high - low < line->nominal * ppm(100))
		line->rate = (low + high) / 2;
	else
		line->rate = fmin(fmax(line->rate, low), high);
}

/* The first sample, or the counter itself has jumped: nothing of before relates to the sample. */
static void start(struct line *line, const struct sample *sample)
{
	stretch_begin(line, &line->older, sample);
	line->newer = line->older;
	line->base = line->last = *sample;
	line->lag = line->refresh;
	line->started = true;
	line->alarmed = false;
}

/* The clock was set: the phase is new, the rate most likely is not. */
static void step(struct line *line, const struct sample *sample)
{
	line->older.anchor = *sample;
	line->newer = line->older;
	line->base = line->last = *sample;
	line->alarmed = false;
}

/* Units as an integer; a counter or clock that leaps by decades saturates. */
static int64_t saturate(double units)
{
	return units >= 0x1p62 ? INT64_MAX : units <= -0x1p62 ? INT64_MIN : (int64_t)units;
}

static void change_rate(struct line *line, const struct sample *sample)
{
	/* When the rate changed between the two, this is a mixture, and the next sample will disagree with it
	 * again. */
	stretch_begin(line, &line->older, &line->last);
	if (!stretch_extend(&line->older, sample))
		stretch_begin(line, &line->older, sample);
	line->newer = line->older;
	line->base = line->last = *sample;
}

/* A stretch is renewed in time, and also when its anchor turns out to have been a poor sample. */
static void renew_stretches(struct line *line, const struct sample *sample)
{
	double age = (double)ntp64_diff(sample->time, line->newer.anchor.time);

	if (age >= (double)LINE_STRETCH_SECONDS * (double)NTP64_SECOND)
		line->older = line->newer;
	else if (sample->half >= line->newer.anchor.half / 2)
		return;
	stretch_begin(line, &line->newer, sample);
}

/* Go on with the sample, or, where it is so wide that the line itself is better, with the line. */
static void move_base(struct line *line, const struct sample *sample, int64_t ticks, double dt, bool alarmed)
{
	double half = (double)line->base.half + dt * (drift(line) + allowance(line)) + 1;

	if ((double)sample->half <= half) {
		line->base = line->last = *sample;
		line->alarmed = alarmed;
		renew_stretches(line, sample);
		return;
	}
	/* Such a sample does not end an alarm either. */
	line->base.counter = sample->counter;
	line->base.time += (ntp64)saturate((double)ticks * line->rate);
	line->base.half = (uint64_t)half + 1;
}

static void follow_long_term(struct line *line, double dt)
{
	double most = dt / (double)NTP64_SECOND * long_term_speed * line->nominal;

	if (!line->settled && uncertainty(line) > ppm(1))
		return;
	if (!line->settled)
		line->long_term = line->rate;
	line->settled = true;
	line->long_term += fmin(fmax(line->rate - line->long_term, -most), most);
}

/* Whether no slew leads to the sample. From the last real sample on: the line itself may have missed a slew's
 * start. */
static bool is_step(const struct line *line, const struct sample *sample)
{
	double dt = (double)(int64_t)(sample->counter - line->last.counter) * line->nominal;
	double advance = (double)ntp64_diff(sample->time, line->last.time);
	double reach = (double)line->last.half + (double)sample->half + noise;

	return fabs(advance - dt) > dt * ppm(LINE_RATE_LIMIT_PPM) + reach;
}

enum line_event line_update(struct line *line, const struct sample *sample)
{
	int64_t ticks = (int64_t)(sample->counter - line->base.counter);
	double dt = (double)ticks * line->nominal; /* units */
	double reach = (double)line->base.half + (double)sample->half + noise;
	double advance = (double)ntp64_diff(sample->time, line->base.time), surprise;
	enum line_event event = LINE_FOLLOWED;
	bool alarmed;

	line->window = 2 * sample->half;
	if (!line->started) {
		start(line, sample);
		return LINE_FOLLOWED;
	}
	if (ticks <= 0 || is_step(line, sample)) {
		line->steps++;
		line->jump = saturate(advance - (double)ticks * line->rate);
		if (ticks <= 0)
			start(line, sample);
		else
			step(line, sample);
		return LINE_STEPPED;
	}
	surprise = fabs(advance - (double)ticks * line->rate) - reach;
	alarmed = surprise > dt * (ppm(LINE_ALLOWANCE_PPM) + uncertainty(line));
	line->lag = fmax(fmax(dt, line->refresh), line->lag * (255.0 / 256));
	if (stretch_extend(&line->older, sample) && stretch_extend(&line->newer, sample) &&
		lowest(line) <= highest(line)) {
		move_base(line, sample, ticks, dt, alarmed);
	} else {
		change_rate(line, sample);
		line->alarmed = alarmed;
		event = LINE_SLEWED;
	}
	estimate_rate(line);
	follow_long_term(line, dt);
	return event;
}

void line_shift(struct line *line, int64_t units)
{
	line->base.time += (ntp64)units;
	line->last.time += (ntp64)units;
	line->older.anchor.time += (ntp64)units;
	line->newer.anchor.time += (ntp64)units;
}

/* 2^-32 s per s, rounded up, saturated. */
static uint32_t growth(const struct line *line)
{
	double units = drift(line) * (double)NTP64_SECOND;

	return units < (double)UINT32_MAX ? (uint32_t)units + 1 : UINT32_MAX;
}

void line_publish(const struct line *line, struct timebase *timebase)
{
	timebase->counter = line->base.counter;
	timebase->time = line->base.time;
	timebase->rate = (uint64_t)(line->rate * (double)(UINT64_C(1) << TIMEBASE_RATE_SHIFT) + 0.5);
	timebase->counter_hz = (uint64_t)((double)NTP64_SECOND / line->nominal + 0.5);
	timebase->error_bound = line->base.half + (uint64_t)(line->lag * allowance(line)) +
				2; /* the sum's and the reader's rounding */
	timebase->error_growth = growth(line);
	timebase->skew_ppb = (int64_t)((line->rate / line->nominal - 1) * 1e9);
	timebase->window = line->window;
	timebase->steps = line->steps;
}
