/* What chrony's directives of an NTS server say. */
#include <stdio.h>
#include <string.h>

#include "control/directive_subjects.h"
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

static DIRECTIVE_APPLY(apply_ntsservercert)
{
	(void)words;
	return add_path(config->nts.certificate, &config->nts.certificates, word[0], text, size);
}

const struct directive directive_ntsservercert = {
	.name = "ntsservercert",
	.repeatable = true,
	.least_words = 1,
	.most_words = 1,
	.arguments = "FILE",
	.type = "path",
	.default_value = "none: NTS is off",
	.range = "absolute, at most 255 printable octets; at most 16 certificates",
	.help = "A certificate for key establishment in PEM, with the certificates that lead to its "
		"authority behind it. With `ntsserverkey` it turns NTS on. Of several pairs a client "
		"is shown the one whose names hold the name it asks for, else the first. A changed "
		"file is served within three seconds, or at once after a reload; one that cannot be "
		"used leaves the certificates before in use. At the start it is an error.",
	.applied = APPLIED_BY_RELOAD,
	.origin = "chrony",
	.apply = apply_ntsservercert,
	.member = {DIRECTIVE_MEMBER(nts.certificates), DIRECTIVE_MEMBER(nts.certificate)},
};

static DIRECTIVE_APPLY(apply_ntsserverkey)
{
	(void)words;
	return add_path(config->nts.key, &config->nts.keys, word[0], text, size);
}

const struct directive directive_ntsserverkey = {
	.name = "ntsserverkey",
	.repeatable = true,
	.least_words = 1,
	.most_words = 1,
	.arguments = "FILE",
	.type = "path",
	.default_value = "none: NTS is off",
	.range = "absolute, at most 255 printable octets; as many as `ntsservercert`",
	.help = "The private key of a certificate in PEM, not encrypted: the first is the first "
		"`ntsservercert`'s, and so on. It is read as root, so nobody else needs to be able "
		"to read it; one that others can read draws a warning.",
	.applied = APPLIED_BY_RELOAD,
	.origin = "chrony",
	.apply = apply_ntsserverkey,
	.member = {DIRECTIVE_MEMBER(nts.keys), DIRECTIVE_MEMBER(nts.key)},
};

static DIRECTIVE_APPLY(apply_ntsport)
{
	long port;

	(void)words;
	if (!value_integer(word[0], "a port", 1, 65535, &port, text, size))
		return false;
	config->nts.port = (uint16_t)port;
	return true;
}

const struct directive directive_ntsport = {
	.name = "ntsport",
	.least_words = 1,
	.most_words = 1,
	.arguments = "PORT",
	.type = "integer",
	.default_value = "4460",
	.range = "1-65535",
	.help = "The TCP port of key establishment. It is open on the addresses of `bindaddress`, "
		"and without any on all of the host.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_ntsport,
	.member = {DIRECTIVE_MEMBER(nts.port)},
};

static DIRECTIVE_APPLY(apply_ntsprocesses)
{
	long threads;

	(void)words;
	if (!value_integer(word[0], "a number of threads", 0, 64, &threads, text, size))
		return false;
	config->nts.threads = threads == 0 ? 1 : (uint16_t)threads;
	return true;
}

const struct directive directive_ntsprocesses = {
	.name = "ntsprocesses",
	.least_words = 1,
	.most_words = 1,
	.arguments = "N",
	.type = "integer",
	.default_value = "1",
	.range = "0-64",
	.help = "Threads of key establishment; chrony has processes. 0 counts as 1.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_ntsprocesses,
	.member = {DIRECTIVE_MEMBER(nts.threads)},
};

static DIRECTIVE_APPLY(apply_maxntsconnections)
{
	long connections;

	(void)words;
	if (!value_integer(word[0], "a number of connections", 1, 100000, &connections, text, size))
		return false;
	config->nts.connections = (uint32_t)connections;
	return true;
}

const struct directive directive_maxntsconnections = {
	.name = "maxntsconnections",
	.least_words = 1,
	.most_words = 1,
	.arguments = "N",
	.type = "integer",
	.default_value = "1000",
	.range = "1-100000",
	.help = "Connections of key establishment that are served at a time. When they are all "
		"taken, a new one ends the oldest that is unfinished after a second. chrony's "
		"default is 100.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_maxntsconnections,
	.member = {DIRECTIVE_MEMBER(nts.connections)},
};

static DIRECTIVE_APPLY(apply_ntsratelimit)
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

const struct directive directive_ntsratelimit = {
	.name = "ntsratelimit",
	.most_words = 6,
	.arguments = "[interval I] [burst B] [leak L]",
	.type = "options",
	.default_value = "off; with the directive alone, interval 6 burst 8 leak 2",
	.range = "interval -19 to 12, burst 1-255, leak 1-4",
	.help = "How often an address may establish keys: a connection each 2^I seconds, and B at "
		"once after a pause. Of those beyond, one in 2^L is served all the same.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_ntsratelimit,
	.member = {DIRECTIVE_MEMBER(nts.limited), DIRECTIVE_MEMBER(nts.interval), DIRECTIVE_MEMBER(nts.burst),
		DIRECTIVE_MEMBER(nts.leak)},
};

static DIRECTIVE_APPLY(apply_ntsrotate)
{
	long time;

	(void)words;
	if (!value_integer(word[0], "seconds", 0, KE_KEYS_ROTATE_MAX, &time, text, size))
		return false;
	config->nts.rotate_s = (uint32_t)time;
	return true;
}

const struct directive directive_ntsrotate = {
	.name = "ntsrotate",
	.least_words = 1,
	.most_words = 1,
	.arguments = "SECONDS",
	.type = "integer",
	.default_value = "604800",
	.range = "0-536870911",
	.unit = "seconds",
	.help = "How often a new key for cookies is made. Keys are kept for two more periods, so a "
		"client that asks within that time notices nothing. With 0 none is made: somebody "
		"else, another tickwire or a chronyd, keeps `ntskeys` in `ntsdumpdir`. It has to be "
		"there at the start, and what is put there later is taken over within three seconds. "
		"Several nodes with the same keys open each other's cookies.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_ntsrotate,
	.member = {DIRECTIVE_MEMBER(nts.rotate_s)},
};

static DIRECTIVE_APPLY(apply_ntsdumpdir)
{
	(void)words;
	return value_path(word[0], "a directory", DUMP_DIR_MAX, config->nts.dump_dir, text, size);
}

const struct directive directive_ntsdumpdir = {
	.name = "ntsdumpdir",
	.least_words = 1,
	.most_words = 1,
	.arguments = "DIRECTORY",
	.type = "path",
	.default_value = "none: keys do not outlive tickwire",
	.range = "absolute, at most 247 printable octets",
	.help = "Where the keys for cookies are kept, in the file `ntskeys`, so that clients' "
		"cookies are still good after a restart. chrony reads the file, and tickwire reads "
		"chrony's. A missing directory is made, for root alone; what is above it has to be "
		"there. Unless `ntsrotate` is 0 the directory belongs to this instance: no other "
		"one, and no chronyd that serves NTS, may use it. Without certificates it turns NTS "
		"on only together with `ntsrotate 0`.",
	.applied = APPLIED_BY_RELOAD,
	.origin = "chrony",
	.apply = apply_ntsdumpdir,
	.member = {DIRECTIVE_MEMBER(nts.dump_dir)},
};

static DIRECTIVE_APPLY(apply_ntsntpserver)
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

const struct directive directive_ntsntpserver = {
	.name = "ntsntpserver",
	.least_words = 1,
	.most_words = 1,
	.arguments = "NAME",
	.type = "name or address",
	.default_value = "none: clients ask the address that they have established keys with",
	.range = "1-255 letters, digits, `-`, `_`, `.` or `:`",
	.help = "The NTP server that clients are told to ask, where it is another one with the same "
		"keys.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_ntsntpserver,
	.member = {DIRECTIVE_MEMBER(nts.server)},
};

static DIRECTIVE_APPLY(apply_ntsaeads)
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

const struct directive directive_ntsaeads = {
	.name = "ntsaeads",
	.least_words = 1,
	.most_words = UINT16_MAX,
	.arguments = "ID...",
	.type = "list of integers",
	.default_value = "30 15",
	.range = "1-65535, with 15 among them",
	.help = "The AEAD algorithms of NTS that clients may choose from: 15, AES-SIV-CMAC-256, "
		"which "
		"every client has, and 30, AES-128-GCM-SIV, with shorter cookies. A client's order "
		"of "
		"preference decides, not the order here; others have no effect. Cookies that clients "
		"have got before a change go on to be good.",
	.applied = APPLIED_BY_KE_RESTART,
	.origin = "chrony",
	.apply = apply_ntsaeads,
	.member = {DIRECTIVE_MEMBER(nts.gcm_siv)},
};
