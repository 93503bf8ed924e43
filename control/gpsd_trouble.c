#include "control/gpsd_trouble.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PROTOCOL = 3 };

static const char *string_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static enum gpsd_word judge_version(const json_t *version, char *text, size_t size)
{
	const json_t *major = json_object_get(version, "proto_major");

	if (!json_is_integer(major) || json_integer_value(major) == PROTOCOL)
		return GPSD_WORD_OTHER;
	snprintf(text, size, "it speaks version %lld of its protocol, expected %d",
		(long long)json_integer_value(major), PROTOCOL);
	return GPSD_WORD_FOREIGN;
}

static bool has_device(const json_t *devices, const char *device)
{
	const json_t *one;
	size_t i;

	json_array_foreach(devices, i, one)
	{
		if (!device[0] || strcmp(string_of(one, "path"), device) == 0)
			return true;
	}
	return false;
}

static enum gpsd_word judge_devices(const json_t *list, const char *device, char *text, size_t size)
{
	const json_t *devices = json_object_get(list, "devices");

	if (!json_is_array(devices))
		return GPSD_WORD_OTHER;
	if (!has_device(devices, device))
		snprintf(text, size, "it has no receiver%s%.36s", device[0] ? " at " : "", device);
	return GPSD_WORD_TROUBLE;
}

/* gpsd says when a receiver is opened, and when it is closed: 0. */
static enum gpsd_word judge_device(const json_t *one, const char *device, char *text, size_t size)
{
	const json_t *activated = json_object_get(one, "activated");
	const char *path = string_of(one, "path");

	if (!activated || (device[0] && strcmp(path, device) != 0))
		return GPSD_WORD_OTHER;
	if (json_is_number(activated) && json_number_value(activated) == 0)
		snprintf(text, size, "its receiver %.36s has gone", path);
	return GPSD_WORD_TROUBLE;
}

static enum gpsd_word judge(
	const json_t *object, const char *class, const char *device, char *text, size_t size)
{
	if (strcmp(class, "VERSION") == 0)
		return judge_version(object, text, size);
	if (strcmp(class, "DEVICES") == 0)
		return judge_devices(object, device, text, size);
	if (strcmp(class, "DEVICE") == 0)
		return judge_device(object, device, text, size);
	if (strcmp(class, "ERROR") != 0)
		return GPSD_WORD_OTHER;
	snprintf(text, size, "it says \"%.48s\"", string_of(object, "message"));
	return GPSD_WORD_TROUBLE;
}

/* So that reports, which come all the time, are not parsed for nothing. */
static bool may_be(const char *line)
{
	static const char *const heads[] = {
		"{\"class\":\"VERSION\"", "{\"class\":\"DEVICE", "{\"class\":\"ERROR\""};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (strncmp(line, heads[i], strlen(heads[i])) == 0)
			return true;
	}
	return false;
}

enum gpsd_word gpsd_trouble(const char *line, size_t length, const char *device, char *text, size_t size)
{
	enum gpsd_word word = GPSD_WORD_OTHER;
	json_t *object;

	text[0] = '\0';
	if (!may_be(line))
		return word;
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		word = judge(object, string_of(object, "class"), device, text, size);
	json_decref(object);
	return word;
}
