/* Network time security: what tickwire-ke has said to the supervisor, and the workers' kisses. */
#include <stdio.h>

#include "control/metrics_page.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void failures(struct metrics_out *out, const struct instance_nts *nts)
{
	static const char *const names[INSTANCE_NTS_FAILURES] = {[INSTANCE_NTS_IDENTITY] = "certificates",
		[INSTANCE_NTS_KEYS] = "keys",
		[INSTANCE_NTS_DUMP] = "dump"};

	metrics_family(out, METRICS_GAUGE, "nts_failed",
		"1: certificates or cookie keys that are configured cannot be used, or keys not be saved "
		"(dump).");
	for (unsigned i = 0; i < INSTANCE_NTS_FAILURES; i++)
		metrics_whole(out, nts->failure[i] != 0, &METRICS_WORD("of", names[i]), 1);
}

static void connections(struct metrics_out *out, const struct instance_nts *nts)
{
	metrics_gauge(out, "nts_ke_up", "1 while key establishment is ready.", nts->running);
	metrics_gauge(out, "nts_ke_connections", "Connections of key establishment that are held.",
		(double)nts->connections);
	metrics_family(out, METRICS_COUNTER, "nts_ke_accepted_connections_total", "Connections accepted.");
	metrics_whole(out, nts->accepted, NULL, 0);
	metrics_family(out, METRICS_COUNTER, "nts_ke_connections_total",
		"Connections that have ended, by their outcome.");
	for (unsigned i = 0; i < KE_OUTCOME_COUNT; i++)
		if (i != KE_OUTCOME_PENDING)
			metrics_whole(
				out, nts->outcome[i], &METRICS_WORD("outcome", ke_outcome_info[i].name), 1);
}

static void kisses(struct metrics_out *out, const struct counters *c)
{
	uint64_t sent = 0, withheld = 0;

	for (unsigned i = 0; i < c->facts.workers && i < WORKERS_MAX; i++) {
		sent += c->worker[i].nts_kisses;
		withheld += c->worker[i].nts_kisses_withheld;
	}
	metrics_family(out, METRICS_COUNTER, "nts_kisses_total", "Kisses NTSN sent to clients.");
	metrics_whole(out, sent, NULL, 0);
	metrics_family(out, METRICS_COUNTER, "nts_kisses_withheld_total", "Those that their limit forbade.");
	metrics_whole(out, withheld, NULL, 0);
}

static void certificates(struct metrics_out *out, const struct instance_nts *nts)
{
	for (int after = 0; after < 2; after++) {
		metrics_family(out, METRICS_GAUGE,
			after ? "nts_certificate_not_after_timestamp_seconds"
			      : "nts_certificate_not_before_timestamp_seconds",
			after ? "When the certificate expires, as Unix time."
			      : "When the certificate becomes valid, as Unix time.");
		for (uint32_t i = 0; i < nts->certificates && i < CONFIG_IDENTITIES; i++) {
			const struct instance_certificate *c = &nts->certificate[i];
			char number[12];
			const struct metrics_label labels[] = {METRICS_WORD("certificate", number),
				METRICS_TEXT("file", c->file), METRICS_TEXT("kind", c->kind)};

			snprintf(number, sizeof(number), "%u", (unsigned)i);
			metrics_real(
				out, (double)(after ? c->not_after : c->not_before), labels, COUNT(labels));
		}
	}
}

static void keys(struct metrics_out *out, const struct instance_nts *nts)
{
	for (int after = 0; after < 2; after++) {
		metrics_family(out, METRICS_GAUGE,
			after ? "nts_key_not_after_timestamp_seconds"
			      : "nts_key_not_before_timestamp_seconds",
			after ? "When the cookie key opens no more cookies, as Unix time."
			      : "When the cookie key begins to seal cookies, as Unix time.");
		for (uint32_t i = 0; i < nts->keys && i < KEYRING_KEYS; i++) {
			const struct instance_key *k = &nts->key[i];
			const struct metrics_label labels[] = {
				METRICS_TEXT("key", k->id), METRICS_TEXT("state", k->state)};

			metrics_real(
				out, (double)(after ? k->not_after : k->not_before), labels, COUNT(labels));
		}
	}
}

void metrics_nts(struct metrics_out *out, const struct instance_nts *nts, const struct counters *counters)
{
	connections(out, nts);
	if (counters)
		kisses(out, counters);
	certificates(out, nts);
	keys(out, nts);
	metrics_family(out, METRICS_COUNTER, "nts_rotations_total", "Rotations of the cookie keys.");
	metrics_whole(out, nts->rotations, NULL, 0);
	failures(out, nts);
}
