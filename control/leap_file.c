#include "control/leap_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/log.h"

void leap_file_path(char path[LEAP_FILE_PATH], const struct clock_settings *settings)
{
	if (settings->leap_list[0])
		snprintf(path, LEAP_FILE_PATH, "%s", settings->leap_list);
	else if (settings->leap_zone[0])
		snprintf(path, LEAP_FILE_PATH, "/usr/share/zoneinfo/%s", settings->leap_zone);
	else
		path[0] = '\0';
}

static bool parse_list(
	struct leap_table *table, const char *path, const char *octets, size_t used, char *text, size_t size)
{
	int line;
	const enum leap_list_verdict verdict = leap_list_parse(table, octets, used, &line);

	if (verdict != LEAP_LIST_GOOD)
		snprintf(text, size, "%s:%d: %s", path, line, leap_list_text(verdict));
	return verdict == LEAP_LIST_GOOD;
}

static bool parse_zone(
	struct leap_table *table, const char *path, const char *octets, size_t used, char *text, size_t size)
{
	const enum leap_zone_verdict verdict = leap_zone_parse(table, octets, used);

	if (verdict != LEAP_ZONE_GOOD)
		snprintf(text, size, "%s: %s", path, leap_zone_text(verdict));
	return verdict == LEAP_ZONE_GOOD;
}

bool leap_file_read(struct leap_table *table, const struct clock_settings *settings, char *text, size_t size)
{
	static char octets[LEAP_LIST_SIZE];
	char path[LEAP_FILE_PATH];
	size_t used;

	*table = (struct leap_table){.entries = 0};
	leap_file_path(path, settings);
	if (!file_content_read(path, octets, sizeof(octets), &used)) {
		snprintf(text, size, "%s: %s", path, strerror(errno));
		return false;
	}
	return settings->leap_list[0] ? parse_list(table, path, octets, used, text, size)
				      : parse_zone(table, path, octets, used, text, size);
}

bool leap_file_is_usable(const struct clock_settings *settings, char *text, size_t size)
{
	static struct leap_table table;

	return clock_settings_follow_system(settings) || !settings->leap_list[0] ||
	       leap_file_read(&table, settings, text, size);
}

void leap_watch_begin(struct leap_watch *watch, const struct clock_settings *settings)
{
	leap_file_path(watch->path, settings);
	file_watch_begin(&watch->file, file_content_stamp(0, watch->path));
}

bool leap_watch_look(struct leap_watch *watch, const struct clock_settings *settings)
{
	char path[LEAP_FILE_PATH], text[LEAP_FILE_PATH + 256];
	static struct leap_table table;

	leap_file_path(path, settings);
	/* By a reload, and the clock daemon is started anew for it. */
	if (strcmp(path, watch->path) != 0)
		leap_watch_begin(watch, settings);
	if (!path[0] || clock_settings_follow_system(settings) ||
		!file_watch_look(&watch->file, file_content_stamp(0, path)))
		return false;
	if (leap_file_read(&table, settings, text, sizeof(text))) {
		log_notice("%s, the table of leap seconds, is another now: tickwire-clock is started anew",
			path);
		return true;
	}
	log_error("%s: the table of before stays in use until tickwire-clock is started anew", text);
	return false;
}
