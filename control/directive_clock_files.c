/* What the directives of the files of the clock say. */
#include <stdio.h>

#include "control/directive_subjects.h"
#include "control/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static DIRECTIVE_APPLY(apply_driftfile)
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

const struct directive directive_driftfile = {
	.name = "driftfile",
	.least_words = 1,
	.most_words = 3,
	.arguments = "FILE [interval SECONDS]",
	.type = "path",
	.default_value = "none: the rate is learned anew at each start",
	.range = "absolute, at most 255 printable octets; interval 1-604800",
	.unit = "seconds",
	.help = "Where the rate of the CPU's counter against the time of the sources, and how far "
		"that can be off, outlive a restart: two numbers in ppm, as chrony writes them. The "
		"default of `interval` is 3600. The directory has to be there. The file belongs to "
		"this instance: no chronyd may use it. It has no effect without `refclock`.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_driftfile,
	.member = {DIRECTIVE_MEMBER(clock.drift_file), DIRECTIVE_MEMBER(clock.drift_interval_s)},
};

static DIRECTIVE_APPLY(apply_logdir)
{
	(void)words;
	return value_path(word[0], "a directory", CLOCK_PATH - 1, config->clock.log_dir, text, size);
}

const struct directive directive_logdir = {
	.name = "logdir",
	.least_words = 1,
	.most_words = 1,
	.arguments = "DIRECTORY",
	.type = "path",
	.default_value = "none",
	.range = "absolute, at most 255 printable octets",
	.help = "Where the files of `log` are. If it is missing and its parent is not, it is made, "
		"owned by the daemons' user; parents are not made. While it cannot be opened, time "
		"is served without logs, `tickwire status` says so, and logs begin once it is "
		"there. Files in it may be read by all; symbolic links in it are not followed.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_logdir,
	.member = {DIRECTIVE_MEMBER(clock.log_dir)},
};

static DIRECTIVE_APPLY(apply_log)
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

const struct directive directive_log = {
	.name = "log",
	.repeatable = true,
	.least_words = 1,
	.most_words = UINT16_MAX,
	.arguments = "measurements|rawmeasurements|statistics|tracking|refclocks ...",
	.type = "list of choices",
	.default_value = "none",
	.range = "measurements, rawmeasurements, statistics, tracking or refclocks",
	.help = "The logs of the clock, in chrony's formats, so that what plots those plots these. "
		"`refclocks` has each sample and each filtered one, `statistics` what is made of "
		"each source's, `tracking` each correction of the time served. `measurements` has "
		"the filtered samples in the columns of an NTP source, and `rawmeasurements` each "
		"sample, too. They need `logdir`. A file that was renamed or removed is made anew "
		"within a second, and one that was emptied is gone on with, so logrotate needs no "
		"signal, with `copytruncate` or without. chrony's `rtc`, `selection` and "
		"`tempcomp` are accepted with a warning.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_log,
	.member = {DIRECTIVE_MEMBER(clock.logs)},
};

static DIRECTIVE_APPLY(apply_logbanner)
{
	long entries;

	(void)words;
	if (!value_integer(word[0], "a number of entries", 0, 999999999, &entries, text, size))
		return false;
	config->clock.log_banner = (uint32_t)entries;
	return true;
}

const struct directive directive_logbanner = {
	.name = "logbanner",
	.least_words = 1,
	.most_words = 1,
	.arguments = "ENTRIES",
	.type = "integer",
	.default_value = "32",
	.range = "0-999999999",
	.help = "After how many entries a log repeats the names of its columns; 0 leaves them out.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_logbanner,
	.member = {DIRECTIVE_MEMBER(clock.log_banner)},
};
