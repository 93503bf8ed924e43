/* What the directives say of the daemons and of the kernel clock that is served. */
#include <string.h>

#include "control/directive_subjects.h"
#include "control/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static DIRECTIVE_APPLY(apply_seccomp)
{
	static const char *const names[] = {"kill", "errno", "off"};
	size_t choice;

	(void)words;
	if (!value_choice(word[0], names, COUNT(names), &choice, text, size))
		return false;
	config->seccomp = (uint8_t)(CONFIG_SECCOMP_KILL + choice);
	return true;
}

const struct directive directive_seccomp = {
	.name = "seccomp",
	.least_words = 1,
	.most_words = 1,
	.arguments = "kill|errno|off",
	.type = "choice",
	.default_value = "kill; errno for the dataplane where a port is `pci:`",
	.range = "kill, errno or off",
	.help = "What a system call that a daemon has no business with does: `kill` ends the daemon "
		"(and the "
		"supervisor starts it again), `errno` lets the call fail, `off` loads no filter.",
	.applied = APPLIED_BY_RESTART,
	.origin = "tickwire",
	.apply = apply_seccomp,
	.member = {DIRECTIVE_MEMBER(seccomp)},
};

static DIRECTIVE_APPLY(apply_clockrefresh)
{
	long time;

	(void)words;
	if (!value_integer(word[0], "microseconds", 1000, 10000, &time, text, size))
		return false;
	config->refresh_us = (uint32_t)time;
	return true;
}

const struct directive directive_clockrefresh = {
	.name = "clockrefresh",
	.least_words = 1,
	.most_words = 1,
	.arguments = "USEC",
	.type = "integer",
	.default_value = "4000",
	.range = "1000-10000",
	.unit = "microseconds",
	.help = "How often the clock daemon compares the counter of the CPU with the system clock "
		"and publishes "
		"the line between them. Shorter follows chronyd's corrections more closely and costs "
		"more.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_clockrefresh,
	.member = {DIRECTIVE_MEMBER(refresh_us)},
};

static DIRECTIVE_APPLY(apply_holdover)
{
	long time;

	(void)words;
	if (!value_integer(word[0], "seconds", 1, 604800, &time, text, size))
		return false;
	config->holdover_s = (uint32_t)time;
	return true;
}

const struct directive directive_holdover = {
	.name = "holdover",
	.least_words = 1,
	.most_words = 1,
	.arguments = "SECONDS",
	.type = "integer",
	.default_value = "3600",
	.range = "1-604800",
	.unit = "seconds",
	.help = "How long an abandoned timebase may still be served as synchronised. When the clock "
		"daemon is "
		"gone, replies go on with a root dispersion that grows; after this time they say "
		"that they are "
		"unsynchronised (leap indicator 3).",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_holdover,
	.member = {DIRECTIVE_MEMBER(holdover_s)},
};

static DIRECTIVE_APPLY(apply_user)
{
	(void)words;
	if (!value_user(word[0], text, size))
		return false;
	memset(config->user, 0, sizeof(config->user));
	memcpy(config->user, word[0], strlen(word[0]));
	return true;
}

const struct directive directive_user = {
	.name = "user",
	.least_words = 1,
	.most_words = 1,
	.arguments = "NAME",
	.type = "user name",
	.default_value = "`_tickwire` where there is one, else `nobody`",
	.range = "1-32 letters, digits, `_`, `-` or `.`",
	.help = "The user that the daemons become once their devices are open.",
	.applied = APPLIED_BY_RESTART,
	.origin = "chrony",
	.apply = apply_user,
	.member = {DIRECTIVE_MEMBER(user)},
};

static DIRECTIVE_APPLY(apply_chronyrundir)
{
	(void)words;
	if (word[0][0] != '/' || strlen(word[0]) >= sizeof(config->chrony_run_dir))
		return value_refuse(text, size, word[0], "a directory's absolute path of at most 255 octets");
	memset(config->chrony_run_dir, 0, sizeof(config->chrony_run_dir));
	memcpy(config->chrony_run_dir, word[0], strlen(word[0]));
	return true;
}

const struct directive directive_chronyrundir = {
	.name = "chronyrundir",
	.least_words = 1,
	.most_words = 1,
	.arguments = "DIRECTORY",
	.type = "path",
	.default_value = "`/run/chrony`, else `/var/run/chrony`",
	.range = "absolute, at most 255 octets, without blanks",
	.help = "The directory of chronyd's command socket. tickwire asks there for stratum, "
		"reference, leap "
		"status, root delay and root dispersion, and on UDP port 323 of the loopback where "
		"nobody "
		"answers there.",
	.applied = APPLIED_BY_CLOCK_RESTART,
	.origin = "tickwire",
	.apply = apply_chronyrundir,
	.member = {DIRECTIVE_MEMBER(chrony_run_dir)},
};
