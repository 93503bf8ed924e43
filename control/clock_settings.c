#include "control/clock_settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOG_BANNER = 32,
};

void clock_settings_init(struct clock_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->drift_interval_s = CLOCK_DRIFT_INTERVAL_S;
	settings->log_banner = LOG_BANNER;
	settings->smear_s = CLOCK_SMEAR_S;
	settings->crosscheck = CLOCK_CROSSCHECK_WARN;
	settings->min_sources = 1;
	settings->slew_ppm = 500;
	settings->wander = 0.01;
	settings->raised = 0.01;
	settings->unsynchronised = 1;
}

bool clock_settings_judge_source(const struct clock_settings *settings, unsigned i, char *text, size_t size)
{
	const struct source_options *source = &settings->source[i], *numbers = NULL;

	if (source->tai && !settings->leap_list[0] && !settings->leap_zone[0]) {
		snprintf(text, size,
			"found option `tai` without `leapseclist` and `leapsectz`, expected one of them: it "
			"says what TAI - UTC is");
		return false;
	}
	if (source->kind == SOURCE_SYSTEM && !source->noselect && settings->steer_kernel) {
		snprintf(text, size,
			"found SYSTEM with `steer_kernel yes`, expected `noselect` with it: the time cannot "
			"come "
			"from the clock that it is steered by");
		return false;
	}
	if (!source->lock[0])
		return true;
	for (unsigned k = 0; k < settings->sources; k++)
		if (k != i && memcmp(settings->source[k].refid, source->lock, SOURCE_REFID) == 0)
			numbers = &settings->source[k];
	if (numbers)
		return true;
	snprintf(text, size, "found `lock %.4s`, expected the reference ID of another refclock",
		(const char *)source->lock);
	return false;
}

bool clock_settings_judge(const struct clock_settings *settings, char *text, size_t size)
{
	if (settings->logs && !settings->log_dir[0]) {
		snprintf(text, size, "found `log` without `logdir`, expected the directory of the logs");
		return false;
	}
	if (settings->min_sources > 1 && settings->min_sources > settings->sources) {
		snprintf(text, size,
			"found `minsources %u` and %u `refclock`, expected as many of these at least",
			settings->min_sources, settings->sources);
		return false;
	}
	return true;
}

void clock_settings_implicit_system(const struct clock_settings *settings, struct source_options *system)
{
	static const char digits[] = "0123456789ABCDEF";

	source_options_init(system, SOURCE_SYSTEM);
	memcpy(system->refid, "SYS", 3);
	system->refid[3] = (uint8_t)digits[settings->sources % (sizeof(digits) - 1)];
	system->noselect = true;
}

enum { REAL_TEXT = 32 };

/* The shortest way to write a number that reads as the same number. */
static const char *real(char text[REAL_TEXT], double value)
{
	int digits = 6;

	do
		snprintf(text, REAL_TEXT, "%.*g", digits, value);
	while (strtod(text, NULL) != value && ++digits <= 17);
	return text;
}

/* Append; what does not fit is cut off, and CLOCK_DIRECTIVE has room for all. */
static void __attribute__((format(printf, 2, 3))) add(char line[CLOCK_DIRECTIVE], const char *format, ...)
{
	const size_t used = strlen(line);
	va_list ap;

	va_start(ap, format);
	vsnprintf(line + used, CLOCK_DIRECTIVE - used, format, ap);
	va_end(ap);
}

static void add_whole(char line[CLOCK_DIRECTIVE], const char *name, int value, int usual)
{
	if (value != usual)
		add(line, " %s %d", name, value);
}

static void add_real(char line[CLOCK_DIRECTIVE], const char *name, double value, double usual)
{
	char text[REAL_TEXT];

	if (value != usual)
		add(line, " %s %s", name, real(text, value));
}

static void add_flag(char line[CLOCK_DIRECTIVE], const char *name, bool value)
{
	if (value)
		add(line, " %s", name);
}

void clock_settings_format_source(const struct source_options *o, char line[CLOCK_DIRECTIVE])
{
	struct source_options d;

	source_options_init(&d, (enum source_kind)o->kind);
	snprintf(line, CLOCK_DIRECTIVE, "refclock %s%s%s refid %.4s", source_kind_name(o->kind),
		o->parameter[0] ? " " : "", o->parameter, (const char *)o->refid);
	if (o->lock[0])
		add(line, " lock %.4s", (const char *)o->lock);
	add_whole(line, "poll", o->poll, d.poll);
	add_whole(line, "dpoll", o->dpoll, d.dpoll);
	add_whole(line, "filter", o->filter, d.filter);
	add_whole(line, "stratum", o->stratum, d.stratum);
	add_whole(line, "minsamples", o->min_samples, d.min_samples);
	add_real(line, "offset", o->offset, d.offset);
	add_real(line, "delay", o->delay, d.delay);
	add_real(line, "precision", o->precision, d.precision);
	add_real(line, "maxdispersion", o->max_dispersion, d.max_dispersion);
	add_real(line, "rate", o->rate, d.rate);
	add_real(line, "width", o->width, d.width);
	add_flag(line, "noselect", o->noselect);
	add_flag(line, "prefer", o->prefer);
	add_flag(line, "trust", o->trust);
	add_flag(line, "require", o->require);
	add_flag(line, "pps", o->pps);
	add_flag(line, "tai", o->tai);
	add_flag(line, "local", o->local);
}

struct teller {
	bool (*take)(void *opaque, const char *line);
	void *opaque;
	bool good;
};

static void __attribute__((format(printf, 2, 3))) tell(struct teller *t, const char *format, ...)
{
	char line[CLOCK_DIRECTIVE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	t->good = t->good && t->take(t->opaque, line);
}

static void tell_files(struct teller *t, const struct clock_settings *s)
{
	const char *measurements = s->logs & CLOCK_LOG_RAW            ? " rawmeasurements"
				   : s->logs & CLOCK_LOG_MEASUREMENTS ? " measurements"
								      : "";

	if (s->drift_file[0])
		tell(t, "driftfile %s interval %u", s->drift_file, s->drift_interval_s);
	if (s->log_dir[0])
		tell(t, "logdir %s", s->log_dir);
	if (s->logs)
		tell(t, "log%s%s%s%s", measurements, s->logs & CLOCK_LOG_STATISTICS ? " statistics" : "",
			s->logs & CLOCK_LOG_TRACKING ? " tracking" : "",
			s->logs & CLOCK_LOG_REFCLOCKS ? " refclocks" : "");
	if (s->log_banner != LOG_BANNER)
		tell(t, "logbanner %u", s->log_banner);
	if (s->leap_zone[0])
		tell(t, "leapsectz %s", s->leap_zone);
	if (s->leap_list[0])
		tell(t, "leapseclist %s", s->leap_list);
	if (s->temperature[0])
		tell(t, "temperature %s", s->temperature);
}

static void tell_policy(struct teller *t, const struct clock_settings *s, const struct clock_settings *usual)
{
	char a[REAL_TEXT], b[REAL_TEXT], c[REAL_TEXT];

	if (s->smear != LEAP_SMEAR_OFF)
		tell(t, "leapsmear %s %u", s->smear == LEAP_SMEAR_LINEAR ? "linear" : "cosine", s->smear_s);
	if (s->step_threshold > 0)
		tell(t, "makestep %s %d", real(a, s->step_threshold), s->step_limit);
	if (s->slew_ppm != usual->slew_ppm)
		tell(t, "maxslewrate %s", real(a, s->slew_ppm));
	if (s->wander != usual->wander)
		tell(t, "clockwander %s", real(a, s->wander));
	if (s->min_sources != usual->min_sources)
		tell(t, "minsources %u", s->min_sources);
	if (s->raised != usual->raised || s->unsynchronised != usual->unsynchronised ||
		s->silent != usual->silent)
		tell(t, "serving raised %s unsynchronised %s silent %s", real(a, s->raised),
			real(b, s->unsynchronised), real(c, s->silent));
	if (s->crosscheck == CLOCK_CROSSCHECK_OFF)
		tell(t, "crosscheck off");
	else if (s->crosscheck != usual->crosscheck || s->crosscheck_s != usual->crosscheck_s)
		tell(t, "crosscheck %s %s",
			s->crosscheck == CLOCK_CROSSCHECK_WARN ? "warn" : "unsynchronised",
			real(a, s->crosscheck_s));
	if (s->steer_kernel)
		tell(t, "steer_kernel yes");
}

bool clock_settings_each(
	const struct clock_settings *settings, bool (*take)(void *opaque, const char *line), void *opaque)
{
	struct teller t = {.take = take, .opaque = opaque, .good = true};
	struct clock_settings usual;
	char line[CLOCK_DIRECTIVE];

	clock_settings_init(&usual);
	for (unsigned i = 0; i < settings->sources; i++) {
		clock_settings_format_source(&settings->source[i], line);
		tell(&t, "%s", line);
	}
	tell_files(&t, settings);
	tell_policy(&t, settings, &usual);
	return t.good;
}
