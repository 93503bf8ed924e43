/* What the directives say of how the bound of the time served is judged, and who is told. */
#include <stdio.h>

#include "control/directive_subjects.h"
#include "control/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static DIRECTIVE_APPLY(apply_serving)
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

const struct directive directive_serving = {
	.name = "serving",
	.least_words = 2,
	.most_words = 6,
	.arguments = "[raised SEC] [unsynchronised SEC] [silent SEC]",
	.type = "options",
	.default_value = "raised 0.01 unsynchronised 1 silent 0",
	.range = "0-1000000; none below the one before; 0 for never",
	.unit = "seconds",
	.help = "What is made of the bound of the time served, when there is a `refclock`. From "
		"`raised` on that is in the log and in `tickwire status`; the root dispersion in "
		"replies holds all of the bound in any case. From `unsynchronised` on replies say "
		"leap indicator 3 and stratum 0. From `silent` on requests are not answered.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_serving,
	.member = {DIRECTIVE_MEMBER(clock.raised), DIRECTIVE_MEMBER(clock.unsynchronised),
		DIRECTIVE_MEMBER(clock.silent)},
};

static DIRECTIVE_APPLY(apply_crosscheck)
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

const struct directive directive_crosscheck = {
	.name = "crosscheck",
	.least_words = 1,
	.most_words = 2,
	.arguments = "off|warn|unsynchronised [SEC]",
	.type = "choice",
	.default_value = "warn 0",
	.range = "off, warn or unsynchronised; 0-1000",
	.unit = "seconds",
	.help = "What happens when the sources and the kernel clock, as its keeper bounds it, "
		"disagree by more than both bounds and this time: `warn` says so in the log and in "
		"`tickwire status`, `unsynchronised` also makes replies say leap indicator 3. No "
		"single receiver that was deceived moves the time served without that.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_crosscheck,
	.member = {DIRECTIVE_MEMBER(clock.crosscheck), DIRECTIVE_MEMBER(clock.crosscheck_s)},
};

static DIRECTIVE_APPLY(apply_healthfile)
{
	(void)words;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.health_file, text, size);
}

const struct directive directive_healthfile = {
	.name = "healthfile",
	.least_words = 1,
	.most_words = 1,
	.arguments = "FILE",
	.type = "path",
	.default_value = "none",
	.range = "absolute, at most 255 printable octets",
	.help = "A file that is there while replies say that they are synchronised, and not "
		"otherwise: for whoever announces an anycast route. It holds the rung of the ladder "
		"(directive `serving`) and its reason in a line.",
	.applied = APPLIED_BY_RELOAD,
	.origin = "tickwire",
	.apply = apply_healthfile,
	.member = {DIRECTIVE_MEMBER(clock.health_file)},
};

static DIRECTIVE_APPLY(apply_healthhook)
{
	(void)words;
	return value_path(word[0], "a program", CLOCK_PATH - 1, config->clock.health_hook, text, size);
}

const struct directive directive_healthhook = {
	.name = "healthhook",
	.least_words = 1,
	.most_words = 1,
	.arguments = "PROGRAM",
	.type = "path",
	.default_value = "none",
	.range = "absolute, at most 255 printable octets",
	.help = "A program that is run as root with the name of the rung (`serving`, `raised`, "
		"`unsynchronised`, `silent`) and its reason as its two arguments, each time it is "
		"another one. It is killed after 10 seconds; a change meanwhile is told afterwards, "
		"the last one only. One that fails, or is killed, is run again.",
	.applied = APPLIED_BY_RELOAD,
	.origin = "tickwire",
	.apply = apply_healthhook,
	.member = {DIRECTIVE_MEMBER(clock.health_hook)},
};
