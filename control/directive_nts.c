/* What chrony's directives of an NTS server say. */
#include <stdio.h>
#include <string.h>

#include "control/directive_apply.h"
#include "control/ke_keys.h"
#include "control/value.h"
#include "nts/siv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	DUMP_DIR_MAX = CONFIG_PATH - sizeof("/ntskeys"), /* so that the file's name has room */
};

static bool add_path(
	char paths[CONFIG_IDENTITIES][CONFIG_PATH], uint8_t *count, const char *word, char *text, size_t size)
{
	char expected[64];

	if (*count == CONFIG_IDENTITIES) {
		snprintf(expected, sizeof(expected), "at most %d of them", CONFIG_IDENTITIES);
		return value_refuse(text, size, word, expected);
	}
	if (!value_path(word, "a file", CONFIG_PATH - 1, paths[*count], text, size))
		return false;
	++*count;
	return true;
}

DIRECTIVE_APPLY(directive_ntsservercert)
{
	(void)words;
	return add_path(config->nts.certificate, &config->nts.certificates, word[0], text, size);
}

DIRECTIVE_APPLY(directive_ntsserverkey)
{
	(void)words;
	return add_path(config->nts.key, &config->nts.keys, word[0], text, size);
}

DIRECTIVE_APPLY(directive_ntsport)
{
	long port;

	(void)words;
	if (!value_integer(word[0], "a port", 1, 65535, &port, text, size))
		return false;
	config->nts.port = (uint16_t)port;
	return true;
}

DIRECTIVE_APPLY(directive_ntsprocesses)
{
	long threads;

	(void)words;
	if (!value_integer(word[0], "a number of threads", 0, 64, &threads, text, size))
		return false;
	config->nts.threads = threads == 0 ? 1 : (uint16_t)threads;
	return true;
}

DIRECTIVE_APPLY(directive_maxntsconnections)
{
	long connections;

	(void)words;
	if (!value_integer(word[0], "a number of connections", 1, 100000, &connections, text, size))
		return false;
	config->nts.connections = (uint32_t)connections;
	return true;
}

DIRECTIVE_APPLY(directive_ntsratelimit)
{
	static const char *const names[] = {"interval", "burst", "leak"};
	static const struct {
		const char *what;
		long least, most;
	} range[] = {{"a power of 2 in seconds", -19, 12}, {"a number of connections", 1, 255},
		{"a power of 2", 1, 4}};
	long value[] = {6, 8, 2};
	size_t option;

	for (int i = 0; i < words; i += 2) {
		char expected[64];

		if (!value_choice(word[i], names, COUNT(names), &option, text, size))
			return false;
		snprintf(expected, sizeof(expected), "a value after `%s`", names[option]);
		if (i + 1 == words)
			return value_refuse(text, size, NULL, expected);
		if (!value_integer(word[i + 1], range[option].what, range[option].least, range[option].most,
			    &value[option], text, size))
			return false;
	}
	config->nts.limited = 1;
	config->nts.interval = (int8_t)value[0];
	config->nts.burst = (uint8_t)value[1];
	config->nts.leak = (uint8_t)value[2];
	return true;
}

DIRECTIVE_APPLY(directive_ntsrotate)
{
	long time;

	(void)words;
	if (!value_integer(word[0], "seconds", 0, KE_KEYS_ROTATE_MAX, &time, text, size))
		return false;
	config->nts.rotate_s = (uint32_t)time;
	return true;
}

DIRECTIVE_APPLY(directive_ntsdumpdir)
{
	(void)words;
	return value_path(word[0], "a directory", DUMP_DIR_MAX, config->nts.dump_dir, text, size);
}

DIRECTIVE_APPLY(directive_ntsntpserver)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:";
	const size_t length = strlen(word[0]);

	(void)words;
	if (length >= sizeof(config->nts.server) || strspn(word[0], allowed) != length)
		return value_refuse(text, size, word[0],
			"a host name or an address: 1-255 letters, digits, '-', '_', '.' or ':'");
	memset(config->nts.server, 0, sizeof(config->nts.server));
	memcpy(config->nts.server, word[0], length);
	return true;
}

DIRECTIVE_APPLY(directive_ntsaeads)
{
	long others = 0;
	bool mandatory = false, gcm_siv = false;

	for (int i = 0; i < words; i++) {
		long id;

		if (!value_integer(word[i], "the number of an AEAD", 1, 65535, &id, text, size))
			return false;
		mandatory |= id == AEAD_AES_SIV_CMAC_256;
		gcm_siv |= id == AEAD_AES_128_GCM_SIV;
		if (id != AEAD_AES_SIV_CMAC_256 && id != AEAD_AES_128_GCM_SIV)
			others = id;
	}
	if (!mandatory)
		return value_refuse(
			text, size, word[0], "15 (AES-SIV-CMAC-256) among them, which every client has");
	if (others)
		snprintf(text, size,
			"AEAD %ld has no effect: 15 (AES-SIV-CMAC-256) and 30 (AES-128-GCM-SIV) can be "
			"served",
			others);
	config->nts.gcm_siv = gcm_siv;
	return true;
}
