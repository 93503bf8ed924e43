#include "control/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/directive.h"
#include "control/value.h"

/* What a line is read with. */
struct reader {
	struct config *config;
	config_report *report;
	void *opaque;
	int line;                       /* 1-based; 0 on the command line */
	int first_line[DIRECTIVES_MAX]; /* where each was seen in this file; 0: nowhere */
	bool good;
};

static void __attribute__((format(printf, 3, 4)))
say(struct reader *reader, bool error, const char *format, ...)
{
	struct config_message message = {.error = error, .line = reader->line};
	va_list ap;

	va_start(ap, format);
	vsnprintf(message.text, sizeof(message.text), format, ap);
	va_end(ap);
	reader->good = reader->good && !error;
	if (reader->report)
		reader->report(reader->opaque, &message);
}

void config_init(struct config *config)
{
	/* Padding and the tails of strings too: config_changed compares octets. */
	memset(config, 0, sizeof(*config));
	config->port = 123;
	config->idle_after_us = CONFIG_IDLE_AFTER_US;
	config->refresh_us = 4000;
	config->holdover_s = 3600;
	config->nts.port = 4460;
	config->nts.threads = 1;
	config->nts.connections = 1000;
	config->nts.gcm_siv = 1;
	config->nts.rotate_s = 604800;
	clock_settings_init(&config->clock);
	config->metrics =
		(struct config_metrics){.on = 1, .port = CONFIG_METRICS_PORT, .address = {127, 0, 0, 1}};
}

static void say_unknown(struct reader *reader, const char *name)
{
	const char *suggestion = directive_suggest(name);
	char quoted[VALUE_QUOTED];

	value_quote(quoted, name);
	if (suggestion)
		say(reader, true, "found %s, which is no directive; did you mean `%s`?", quoted, suggestion);
	else
		say(reader, true, "found %s, expected a directive of tickwire or chrony", quoted);
}

static bool is_first(struct reader *reader, const struct directive *directive)
{
	int *first = reader->first_line;

	for (size_t i = 0; directives[i] != directive; i++)
		first++;
	if (*first && !directive->repeatable) {
		say(reader, true, "%s: found a second one, expected it once; the first is in line %d",
			directive->name, *first);
		return false;
	}
	*first = reader->line;
	return true;
}

static bool has_right_count(
	struct reader *reader, const struct directive *directive, int words, char *const word[])
{
	char quoted[VALUE_QUOTED];

	if (words < directive->least_words) {
		say(reader, true, "%s: found no argument, expected `%s %s`", directive->name, directive->name,
			directive->arguments);
		return false;
	}
	if (words > directive->most_words) {
		say(reader, true, "%s: found %s after the last argument, expected `%s %s`", directive->name,
			value_quote(quoted, word[directive->most_words]), directive->name,
			directive->arguments);
		return false;
	}
	return true;
}

static void apply_directive(struct reader *reader, const char *name, int words, char *const word[])
{
	const struct directive *directive = directive_find(name);
	char text[sizeof(((struct config_message *)NULL)->text) - 32] = "";
	bool applied;

	if (!directive) {
		say_unknown(reader, name);
		return;
	}
	if (directive->kind != DIRECTIVE_OURS) {
		bool refused = directive->kind == DIRECTIVE_REFUSED;

		say(reader, refused, "%s %s: %s", directive->name, refused ? "is refused" : "has no effect",
			directive->help);
		return;
	}
	if (!is_first(reader, directive) || !has_right_count(reader, directive, words, word))
		return;
	reader->config->line = reader->line;
	applied = directive->apply(reader->config, words, word, text, sizeof(text));
	reader->config->line = 0;
	if (!applied || text[0])
		say(reader, !applied, "%s: %s", directive->name, text);
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Cut a line into words, in place. A word that begins with '#' and all after it is a comment. */
static int split(char *line, char *word[CONFIG_LINE / 2])
{
	int words = 0;

	for (;;) {
		while (is_blank(*line))
			line++;
		if (!*line || *line == '#' || words == CONFIG_LINE / 2)
			return words;
		word[words++] = line;
		while (*line && !is_blank(*line))
			line++;
		if (*line)
			*line++ = '\0';
	}
}

/* A line without its LF. */
static void read_line(struct reader *reader, const char *text, size_t size)
{
	char line[CONFIG_LINE], *word[CONFIG_LINE / 2];
	int words;

	if (size >= sizeof(line)) {
		say(reader, true, "found a line of %zu octets, expected at most %d", size, CONFIG_LINE - 1);
		return;
	}
	if (memchr(text, '\0', size)) {
		say(reader, true, "found an octet of value 0, expected text");
		return;
	}
	memcpy(line, text, size);
	line[size] = '\0';
	words = split(line, word);
	if (words > 0 && !strchr("!;%", word[0][0]))
		apply_directive(reader, word[0], words - 1, word + 1);
}

bool config_parse(struct config *config, const char *text, size_t size, config_report *report, void *opaque)
{
	struct reader reader = {.config = config, .report = report, .opaque = opaque, .good = true};
	size_t at = 0;

	while (at < size) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;

		reader.line++;
		read_line(&reader, text + at, length);
		at += length + 1;
	}
	return reader.good;
}

bool config_directive(struct config *config, const char *line, config_report *report, void *opaque)
{
	struct reader reader = {.config = config, .report = report, .opaque = opaque, .good = true};

	read_line(&reader, line, strlen(line));
	return reader.good;
}

static void judge_nts(struct reader *reader, const struct config_nts *nts)
{
	if (nts->certificates != nts->keys)
		say(reader, true,
			"found %d `ntsservercert` and %d `ntsserverkey`, expected as many of the one as of "
			"the other",
			nts->certificates, nts->keys);
	if (nts->rotate_s == 0 && !nts->dump_dir[0])
		say(reader, true,
			"found `ntsrotate 0` without `ntsdumpdir`, expected the directory where somebody "
			"else keeps "
			"the keys");
	if (nts->dump_dir[0] && nts->certificates == 0 && nts->rotate_s != 0)
		say(reader, false,
			"ntsdumpdir has no effect: NTS is off without `ntsservercert` and `ntsserverkey`, or "
			"`ntsrotate 0`");
	if (nts->certificates > 0 && !nts->dump_dir[0])
		say(reader, false,
			"keys for NTS cookies are not kept without `ntsdumpdir`: each restart of tickwire "
			"costs every "
			"client a new key establishment");
}

/* Without sources of its own tickwire follows the kernel clock, which is another's to discipline. */
static void say_idle_clock(struct reader *reader, const struct clock_settings *clock)
{
	struct clock_settings usual;
	char names[256] = "";

	clock_settings_init(&usual);
	const struct {
		const char *name;
		bool given;
	} row[] = {
		{"driftfile", clock->drift_file[0]},
		{"log", clock->logs},
		{"leapsectz", clock->leap_zone[0]},
		{"leapseclist", clock->leap_list[0]},
		{"leapsmear", clock->smear != usual.smear},
		{"makestep", clock->step_threshold > 0},
		{"maxslewrate", clock->slew_ppm != usual.slew_ppm},
		{"clockwander", clock->wander != usual.wander},
		{"serving", clock->raised != usual.raised || clock->unsynchronised != usual.unsynchronised ||
				    clock->silent != usual.silent},
		{"crosscheck",
			clock->crosscheck != usual.crosscheck || clock->crosscheck_s != usual.crosscheck_s},
		{"temperature", clock->temperature[0]},
		{"steer_kernel", clock->steer_kernel},
	};
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (!row[i].given)
			continue;
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", count++ ? ", " : "",
			row[i].name);
	}
	if (count > 0)
		say(reader, false,
			"%s %s no effect without `refclock`: the kernel clock is followed, and its keeper "
			"has "
			"such of its own",
			names, count > 1 ? "have" : "has");
}

static void judge_clock(struct reader *reader, const struct clock_settings *clock, unsigned local_stratum)
{
	char text[256];

	for (unsigned i = 0; i < clock->sources; i++) {
		reader->line = clock->source_line[i];
		if (!clock_settings_judge_source(clock, i, text, sizeof(text)))
			say(reader, true, "refclock: %s", text);
	}
	reader->line = 0;
	if (!clock_settings_judge(clock, text, sizeof(text)))
		say(reader, true, "%s", text);
	if (clock->sources == 0)
		say_idle_clock(reader, clock);
	if (clock->sources > 0 && local_stratum)
		say(reader, false,
			"local has no effect with `refclock`: a clock of the sources that is lost is not "
			"vouched "
			"for by the kernel's; `refclock LOCAL` does that");
}

bool config_finish(const struct config *config, config_report *report, void *opaque)
{
	struct reader reader = {.report = report, .opaque = opaque, .good = true};

	if (config->interfaces == 0)
		say(&reader, true,
			"found no interface, expected at least one: a line `interface eth0` or the option "
			"--interface");
	judge_nts(&reader, &config->nts);
	judge_clock(&reader, &config->clock, config->local_stratum);
	return reader.good;
}

/* The whole of a file that may be a pipe, of unknown size. One octet more than allowed tells that it is too
 * long. */
static char *read_all(FILE *file, size_t *size)
{
	char *text = malloc(CONFIG_FILE + 1);

	if (!text)
		return NULL;
	*size = fread(text, 1, CONFIG_FILE + 1, file);
	if (ferror(file)) {
		int error = errno;

		free(text);
		errno = error;
		return NULL;
	}
	return text;
}

bool config_load(struct config *config, const char *file, config_report *report, void *opaque)
{
	struct reader reader = {.report = report, .opaque = opaque, .good = true};
	FILE *in = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;
	bool good = false;

	if (in)
		text = read_all(in, &size);
	if (!text)
		say(&reader, true, "cannot be read: %s; expected a configuration file", strerror(errno));
	else if (size > CONFIG_FILE)
		say(&reader, true,
			"found more than %d octets, expected a configuration file of at most as many",
			CONFIG_FILE);
	else
		good = config_parse(config, text, size, report, opaque);
	free(text);
	if (in)
		fclose(in);
	return good;
}

static bool directive_differs(
	const struct directive *directive, const struct config *old, const struct config *new)
{
	for (size_t i = 0; i < sizeof(directive->member) / sizeof(directive->member[0]); i++) {
		struct directive_member member = directive->member[i];

		if (memcmp((const char *)old + member.offset, (const char *)new + member.offset,
			    member.size) != 0)
			return true;
	}
	return false;
}

void config_changed(
	const struct config *old, const struct config *new, const char *applied, char *names, size_t size)
{
	size_t used = 0;

	if (size)
		names[0] = '\0';
	for (size_t i = 0; i < directive_count && used < size; i++) {
		const struct directive *directive = directives[i];

		if (directive->kind == DIRECTIVE_OURS && strcmp(directive->applied, applied) == 0 &&
			directive_differs(directive, old, new))
			used += (size_t)snprintf(
				names + used, size - used, "%s%s", used ? ", " : "", directive->name);
	}
}

void config_restart_needed(const struct config *old, const struct config *new, char *names, size_t size)
{
	config_changed(old, new, APPLIED_BY_RESTART, names, size);
}
