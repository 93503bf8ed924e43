/* What the directives of leap seconds say. */
#include <string.h>

#include "control/directive_subjects.h"
#include "control/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static DIRECTIVE_APPLY(apply_leapsectz)
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

const struct directive directive_leapsectz = {
	.name = "leapsectz",
	.least_words = 1,
	.most_words = 1,
	.arguments = "ZONE",
	.type = "time zone",
	.default_value = "none",
	.range = "1-63 letters, digits, `-`, `_`, `+` or `/`",
	.help = "A time zone of the system's that knows the leap seconds, as `right/UTC`: leap "
		"seconds are announced and TAI - UTC is known from it. `leapseclist` is preferred "
		"where both are given.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_leapsectz,
	.member = {DIRECTIVE_MEMBER(clock.leap_zone)},
};

static DIRECTIVE_APPLY(apply_leapseclist)
{
	(void)words;
	return value_path(word[0], "a file", CLOCK_PATH - 1, config->clock.leap_list, text, size);
}

const struct directive directive_leapseclist = {
	.name = "leapseclist",
	.least_words = 1,
	.most_words = 1,
	.arguments = "FILE",
	.type = "path",
	.default_value = "none",
	.range = "absolute, at most 255 printable octets",
	.help = "A `leap-seconds.list` as the IERS and NIST publish it, as "
		"`/usr/share/zoneinfo/leap-seconds.list`: leap seconds are announced and TAI - UTC "
		"is known from it. Its hash is checked, and that it expires is said 30 days before. One that "
		"cannot be used is refused at the start and by a reload; a newer one that takes its place is "
		"taken over "
		"by itself, and while it cannot be used, the one before goes on.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "chrony",
	.apply = apply_leapseclist,
	.member = {DIRECTIVE_MEMBER(clock.leap_list)},
};

static DIRECTIVE_APPLY(apply_leapsmear)
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

const struct directive directive_leapsmear = {
	.name = "leapsmear",
	.least_words = 1,
	.most_words = 2,
	.arguments = "off|linear|cosine [SECONDS]",
	.type = "choice",
	.default_value = "off",
	.range = "off, linear or cosine; 600-172800",
	.unit = "seconds",
	.help = "Whether a leap second is spread over a window around it instead of being inserted "
		"or deleted, and how long that is: 86400 without a number, from noon to noon. "
		"Clients are told of no leap second then, and must not follow other servers at the "
		"same time.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_leapsmear,
	.member = {DIRECTIVE_MEMBER(clock.smear), DIRECTIVE_MEMBER(clock.smear_s)},
};
