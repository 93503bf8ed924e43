/* What the directives of the clock say, but `refclock`. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/directive_apply.h"
#include "control/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

DIRECTIVE_APPLY(directive_driftfile)
{
	static const char *const names[] = {"interval"};
	long interval = CLOCK_DRIFT_INTERVAL_S;
	size_t unused;

	if (words > 1 && !value_choice(word[1], names, COUNT(names), &unused, text, size))
		return false;
	if (words == 2)
		return value_refuse(text, size, NULL, "seconds after `interval`");
	if (words > 2 && !value_integer(word[2], "seconds", 1, 604800, &interval, text, size))
		return false;
	config->clock.drift_interval_s = (uint32_t)interval;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.drift_file, text, size);
}

DIRECTIVE_APPLY(directive_logdir)
{
	(void)words;
	return value_path(word[0], "a directory", CLOCK_PATH - 1, config->clock.log_dir, text, size);
}

DIRECTIVE_APPLY(directive_log)
{
	static const struct {
		const char *name;
		uint32_t bits; /* 0: a log that is not kept */
	} logs[] = {
		{"measurements", CLOCK_LOG_MEASUREMENTS},
		{"rawmeasurements", CLOCK_LOG_MEASUREMENTS | CLOCK_LOG_RAW},
		{"statistics", CLOCK_LOG_STATISTICS},
		{"tracking", CLOCK_LOG_TRACKING},
		{"refclocks", CLOCK_LOG_REFCLOCKS},
		{"selection", 0},
		{"rtc", 0},
		{"tempcomp", 0},
	};
	const char *names[COUNT(logs)], *idle = NULL;
	size_t index;

	for (size_t i = 0; i < COUNT(logs); i++)
		names[i] = logs[i].name;
	for (int i = 0; i < words; i++) {
		if (!value_choice(word[i], names, COUNT(names), &index, text, size))
			return false;
		config->clock.logs |= logs[index].bits;
		if (!logs[index].bits)
			idle = logs[index].name;
	}
	if (idle)
		snprintf(text, size, "`%s` has no effect: tickwire keeps no such log", idle);
	return true;
}

DIRECTIVE_APPLY(directive_logbanner)
{
	long entries;

	(void)words;
	if (!value_integer(word[0], "a number of entries", 0, 999999999, &entries, text, size))
		return false;
	config->clock.log_banner = (uint32_t)entries;
	return true;
}

DIRECTIVE_APPLY(directive_leapsectz)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_+/";
	const size_t length = strlen(word[0]);

	(void)words;
	/* It becomes a path below the directory of zones. */
	if (length >= CLOCK_ZONE || strspn(word[0], allowed) != length || word[0][0] == '/')
		return value_refuse(text, size, word[0], "a time zone with leap seconds, as right/UTC");
	memset(config->clock.leap_zone, 0, CLOCK_ZONE);
	memcpy(config->clock.leap_zone, word[0], length);
	return true;
}

DIRECTIVE_APPLY(directive_leapseclist)
{
	(void)words;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.leap_list, text, size);
}

DIRECTIVE_APPLY(directive_leapsmear)
{
	static const char *const names[] = {
		[LEAP_SMEAR_OFF] = "off", [LEAP_SMEAR_LINEAR] = "linear", [LEAP_SMEAR_COSINE] = "cosine"};
	long window = CLOCK_SMEAR_S;
	size_t shape;

	if (!value_choice(word[0], names, COUNT(names), &shape, text, size))
		return false;
	if (words > 1 && shape == LEAP_SMEAR_OFF)
		return value_refuse(text, size, word[1], "nothing after `off`");
	if (words > 1 && !value_integer(word[1], "seconds", 600, 172800, &window, text, size))
		return false;
	config->clock.smear = (uint8_t)shape;
	config->clock.smear_s = (uint32_t)window;
	return true;
}

DIRECTIVE_APPLY(directive_makestep)
{
	double threshold;
	long limit;

	(void)words;
	if (!value_real(word[0], "seconds", 1e-6, 1e9, &threshold, text, size) ||
		!value_integer(word[1], "a number of corrections", -999999999, 999999999, &limit, text, size))
		return false;
	config->clock.step_threshold = threshold;
	config->clock.step_limit = limit < 0 ? -1 : (int32_t)limit;
	return true;
}

DIRECTIVE_APPLY(directive_maxslewrate)
{
	(void)words;
	return value_real(word[0], "ppm", 0.1, 100000, &config->clock.slew_ppm, text, size);
}

DIRECTIVE_APPLY(directive_minsources)
{
	long sources;

	(void)words;
	if (!value_integer(word[0], "a number of sources", 1, SOURCES_MAX, &sources, text, size))
		return false;
	config->clock.min_sources = (uint8_t)sources;
	return true;
}

DIRECTIVE_APPLY(directive_clockwander)
{
	(void)words;
	return value_real(word[0], "ppm a second", 1e-9, 100, &config->clock.wander, text, size);
}

/* The rungs that are reached at all, in the order of the ladder. */
static bool ladder_ascends(const double threshold[3])
{
	double last = 0;

	for (int i = 0; i < 3; i++) {
		if (threshold[i] > 0 && threshold[i] < last)
			return false;
		if (threshold[i] > 0)
			last = threshold[i];
	}
	return true;
}

DIRECTIVE_APPLY(directive_serving)
{
	static const char *const names[] = {"raised", "unsynchronised", "silent"};
	struct clock_settings *clock = &config->clock, usual;
	char expected[64];
	size_t rung;

	clock_settings_init(&usual);
	double threshold[] = {usual.raised, usual.unsynchronised, usual.silent};
	for (int i = 0; i < words; i += 2) {
		if (!value_choice(word[i], names, COUNT(names), &rung, text, size))
			return false;
		snprintf(expected, sizeof(expected), "seconds after `%s`", names[rung]);
		if (i + 1 == words)
			return value_refuse(text, size, NULL, expected);
		if (!value_real(word[i + 1], "seconds", 0, 1e6, &threshold[rung], text, size))
			return false;
	}
	if (!ladder_ascends(threshold)) {
		snprintf(text, size,
			"found raised %.10g, unsynchronised %.10g and silent %.10g, expected none below the "
			"one before, or 0 for never",
			threshold[0], threshold[1], threshold[2]);
		return false;
	}
	clock->raised = threshold[0] + 0.0;
	clock->unsynchronised = threshold[1] + 0.0;
	clock->silent = threshold[2] + 0.0;
	return true;
}

DIRECTIVE_APPLY(directive_crosscheck)
{
	static const char *const names[CLOCK_CROSSCHECKS] = {[CLOCK_CROSSCHECK_OFF] = "off",
		[CLOCK_CROSSCHECK_WARN] = "warn",
		[CLOCK_CROSSCHECK_UNSYNCHRONISED] = "unsynchronised"};
	double between = 0;
	size_t choice;

	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	if (words > 1 && choice == CLOCK_CROSSCHECK_OFF)
		return value_refuse(text, size, word[1], "nothing after `off`");
	if (words > 1 && !value_real(word[1], "seconds", 0, 1000, &between, text, size))
		return false;
	config->clock.crosscheck = (uint8_t)choice;
	config->clock.crosscheck_s = between + 0.0;
	return true;
}

DIRECTIVE_APPLY(directive_healthfile)
{
	(void)words;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.health_file, text, size);
}

DIRECTIVE_APPLY(directive_healthhook)
{
	(void)words;
	return value_path(word[0], "a program", CLOCK_PATH - 1, config->clock.health_hook, text, size);
}

DIRECTIVE_APPLY(directive_temperature)
{
	(void)words;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.temperature, text, size);
}

DIRECTIVE_APPLY(directive_steer_kernel)
{
	static const char *const names[] = {"no", "yes"};
	size_t choice;

	(void)words;
	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	config->clock.steer_kernel = (uint8_t)choice;
	return true;
}
