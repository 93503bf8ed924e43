#include "bench/associations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ke_storm.h"

enum { ROUNDS = 3, FAILURES_MOST = 64 };

struct gathering {
	const struct associations_settings *settings;
	struct associations_result *result;
	struct nts_client *clients;
	unsigned count;
};

static void note_server(struct associations_result *result, const struct ke_client_response *response)
{
	if (result->established == 0) {
		memcpy(result->server, response->server, sizeof(result->server));
		result->port = response->port;
		result->aead = response->aead;
	} else if (strcmp(result->server, response->server) != 0 || result->port != response->port ||
		   result->aead != response->aead) {
		result->is_varied = true;
	}
}

static bool take(void *opaque, struct tls *tls, const struct ke_client_response *response)
{
	struct gathering *g = opaque;
	struct nts_client *client = &g->clients[g->result->established];

	if (!tls_export_keys(tls, response->aead, response->context, &client->keys))
		return false;
	client->aead = response->aead;
	client->cookies = response->cookies;
	memcpy(client->cookie, response->cookie, sizeof(client->cookie));
	note_server(g->result, response);
	g->result->established++;
	return true;
}

static void tell_progress(void *opaque, const struct ke_storm_result *storm)
{
	const struct gathering *g = opaque;

	(void)storm;
	g->settings->progress(g->settings->opaque, g->result->established, g->count);
}

static void note_first(struct associations_result *result, const struct ke_failure *first)
{
	const struct ke_reason_info *info = &ke_reason_info[first->reason];

	if (result->reason[0] == '\0')
		snprintf(result->reason, sizeof(result->reason), "%s%s%s%s; %s", info->meaning,
			first->detail[0] ? " (" : "", first->detail, first->detail[0] ? ")" : "",
			info->remedy);
}

static struct ke_storm_settings make_settings(struct gathering *g, struct tls_client *tls)
{
	const struct associations_settings *s = g->settings;

	return (struct ke_storm_settings){
		.terms = {.address = s->target->address,
			.address_length = s->target->address_length,
			.name = s->name ? s->name : s->target->host,
			.aeads = s->aeads,
			.tls = tls,
			.established = take,
			.opaque = g},
		.connections = s->parallel,
		.timeout = s->timeout,
		.failures_most = FAILURES_MOST,
		.stop = s->stop,
		.progress = s->progress ? tell_progress : NULL,
		.opaque = g,
	};
}

/* Those that are missing, once. False where another round makes no sense. */
static bool gather(struct gathering *g, struct tls_client *tls, struct ke_storm_result *storm)
{
	struct ke_storm_settings settings = make_settings(g, tls);
	struct associations_result *result = g->result;

	settings.count = g->count - result->established;
	if (settings.connections > settings.count)
		settings.connections = (unsigned)settings.count;
	if (!ke_storm_run(&settings, storm, result->reason, sizeof(result->reason)))
		return false;
	result->failed += storm->failed;
	if (storm->failed)
		note_first(result, &storm->first);
	return storm->good > 0 && !(settings.stop && *settings.stop);
}

bool associations_get(struct nts_client *clients, unsigned count,
	const struct associations_settings *settings, struct associations_result *result)
{
	struct gathering g = {settings, result, clients, count};
	struct ke_storm_result *storm = calloc(1, sizeof(*storm));
	struct tls_client *tls;

	memset(result, 0, sizeof(*result));
	tls = tls_client_new(settings->ca, result->reason, sizeof(result->reason));
	if (tls)
		result->reason[0] = '\0';
	if (!storm)
		snprintf(result->reason, sizeof(result->reason), "no memory for key establishments");
	for (int i = 0; tls && storm && i < ROUNDS && result->established < count; i++)
		if (!gather(&g, tls, storm))
			break;
	tls_client_free(tls);
	free(storm);
	return result->established == count;
}
