/* What the directives of the discipline of the clock say. */
#include "control/directive_subjects.h"
#include "control/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static DIRECTIVE_APPLY(apply_makestep)
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

const struct directive directive_makestep = {
	.name = "makestep",
	.least_words = 2,
	.most_words = 2,
	.arguments = "THRESHOLD LIMIT",
	.type = "number and integer",
	.default_value = "none: time served as synchronised is never stepped",
	.range = "threshold 1e-6 to 1e9; a negative limit is none",
	.unit = "seconds",
	.help = "Step the time served where it is wrong by more than the threshold, in the first "
		"corrections up to the limit. Otherwise it is slewed. Before the time is served as "
		"synchronised, it is stepped anyway.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_makestep,
	.member = {DIRECTIVE_MEMBER(clock.step_threshold), DIRECTIVE_MEMBER(clock.step_limit)},
};

static DIRECTIVE_APPLY(apply_maxslewrate)
{
	(void)words;
	return value_real(word[0], "ppm", 0.1, 100000, &config->clock.slew_ppm, text, size);
}

const struct directive directive_maxslewrate = {
	.name = "maxslewrate",
	.least_words = 1,
	.most_words = 1,
	.arguments = "PPM",
	.type = "number",
	.default_value = "500",
	.range = "0.1-100000",
	.unit = "ppm",
	.help = "How fast the time served is brought to where it should be, at most. chrony's "
		"default is 83333.333.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_maxslewrate,
	.member = {DIRECTIVE_MEMBER(clock.slew_ppm)},
};

static DIRECTIVE_APPLY(apply_minsources)
{
	long sources;

	(void)words;
	if (!value_integer(word[0], "a number of sources", 1, SOURCES_MAX, &sources, text, size))
		return false;
	config->clock.min_sources = (uint8_t)sources;
	return true;
}

const struct directive directive_minsources = {
	.name = "minsources",
	.least_words = 1,
	.most_words = 1,
	.arguments = "N",
	.type = "integer",
	.default_value = "1",
	.range = "1-16, at most as many as there are",
	.help = "How many sources have to agree before the time is served as synchronised.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_minsources,
	.member = {DIRECTIVE_MEMBER(clock.min_sources)},
};

static DIRECTIVE_APPLY(apply_clockwander)
{
	(void)words;
	return value_real(word[0], "ppm a second", 1e-9, 100, &config->clock.wander, text, size);
}

const struct directive directive_clockwander = {
	.name = "clockwander",
	.least_words = 1,
	.most_words = 1,
	.arguments = "PPM_PER_SECOND",
	.type = "number",
	.default_value = "0.01",
	.range = "1e-9 to 100",
	.unit = "ppm a second",
	.help = "How fast the oscillator of this host can change its rate at most. The bound of the "
		"time served grows with it while the sources are silent, until it is known better.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_clockwander,
	.member = {DIRECTIVE_MEMBER(clock.wander)},
};

static DIRECTIVE_APPLY(apply_temperature)
{
	(void)words;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.temperature, text, size);
}

const struct directive directive_temperature = {
	.name = "temperature",
	.least_words = 1,
	.most_words = 1,
	.arguments = "FILE",
	.type = "path",
	.default_value = "none",
	.range = "absolute, at most 255 printable octets",
	.help = "A sensor near the oscillator, as `/sys/class/hwmon/hwmon0/temp1_input`: "
		"millidegrees Celsius. It is shown in `tickwire sources`.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_temperature,
	.member = {DIRECTIVE_MEMBER(clock.temperature)},
};

static DIRECTIVE_APPLY(apply_steer_kernel)
{
	static const char *const names[] = {"no", "yes"};
	size_t choice;

	(void)words;
	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	config->clock.steer_kernel = (uint8_t)choice;
	return true;
}

const struct directive directive_steer_kernel = {
	.name = "steer_kernel",
	.least_words = 1,
	.most_words = 1,
	.arguments = "yes|no",
	.type = "choice",
	.default_value = "no",
	.range = "yes or no",
	.help = "Whether the kernel's clock is kept at the time of the sources, too. Nobody else "
		"may keep it then: stop chronyd, or let it run with `-x`. It has no effect without "
		"`refclock`.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_steer_kernel,
	.member = {DIRECTIVE_MEMBER(clock.steer_kernel)},
};
