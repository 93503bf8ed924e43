/* Fuzz target: any octets as a configuration file, and what must hold of every outcome. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/directive.h"
#include "dataplane/cpu_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	int lines, last, errors;
};

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition)
		abort();
}

static void look_at(void *opaque, const struct config_message *message)
{
	struct seen *seen = opaque;

	require(message->line >= seen->last && message->line <= seen->lines);
	require(memchr(message->text, '\0', sizeof(message->text)) != NULL && message->text[0]);
	for (const char *c = message->text; *c; c++)
		require(*c >= 0x20 && *c < 0x7f);
	seen->last = message->line;
	seen->errors += message->error;
}

static bool read_again(void *config, const char *line)
{
	require(strlen(line) < CLOCK_DIRECTIVE - 1);
	return config_directive(config, line, NULL, NULL);
}

/* What tickwire-clock is told of the settings gives the same settings. */
static void look_at_clock(const struct clock_settings *clock)
{
	static struct config told;
	char text[256];

	require(clock->sources <= SOURCES_MAX && clock->min_sources >= 1);
	for (unsigned i = 0; i < clock->sources; i++) {
		require(source_kind_name(clock->source[i].kind) != NULL && clock->source[i].refid[0]);
		require(!clock->source[i].parameter[SOURCE_PARAMETER - 1]);
		if (!clock_settings_judge_source(clock, i, text, sizeof(text)))
			require(text[0]);
	}
	config_init(&told);
	require(clock_settings_each(clock, read_again, &told));
	memcpy(told.clock.source_line, clock->source_line, sizeof(clock->source_line));
	memcpy(told.clock.health_file, clock->health_file, sizeof(clock->health_file));
	memcpy(told.clock.health_hook, clock->health_hook, sizeof(clock->health_hook));
	require(memcmp(&told.clock, clock, sizeof(*clock)) == 0);
}

static void look_at_result(const struct config *config)
{
	uint64_t set[CPU_LIST_MAX / 64];
	char names[256];

	require(config->interfaces <= CONFIG_INTERFACES && config->bind_addresses <= CONFIG_BIND_ADDRESSES);
	require(config->port > 0 && config->min_poll >= 0 && config->min_poll <= 17);
	require(config->local_stratum <= 15 && config->refresh_us >= 1000 && config->refresh_us <= 10000);
	require(config->holdover_s >= 1 && config->holdover_s <= 604800);
	require(config->nts.certificates <= CONFIG_IDENTITIES && config->nts.keys <= CONFIG_IDENTITIES);
	require(config->nts.port > 0 && config->nts.threads >= 1 && config->nts.threads <= 64);
	require(config->nts.rotate_s < 1U << 29 && config->nts.connections >= 1);
	for (int i = 0; i < config->nts.certificates; i++)
		require(config->nts.certificate[i][0] == '/' && !config->nts.certificate[i][CONFIG_PATH - 1]);
	require(!config->workers[0] || cpu_list_parse(config->workers, set));
	for (int i = 0; i < config->interfaces; i++)
		require(config->interface[i].name[0] && config->interface[i].addresses <= CONFIG_ADDRESSES);
	look_at_clock(&config->clock);
	config_restart_needed(config, config, names, sizeof(names));
	require(names[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {.lines = 1}, again = {.lines = 1};
	static struct config config, twin;
	bool good;

	for (size_t i = 0; i < size; i++)
		seen.lines += data[i] == '\n';
	again.lines = seen.lines;
	config_init(&config);
	config_init(&twin);
	good = config_parse(&config, (const char *)data, size, look_at, &seen);
	require(good == (seen.errors == 0));
	require(config_parse(&twin, (const char *)data, size, look_at, &again) == good);
	require(seen.errors == again.errors && seen.last == again.last);
	if (good) {
		look_at_result(&config);
		require(memcmp(&config, &twin, sizeof(config)) == 0);
	}
	return 0;
}
