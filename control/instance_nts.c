/* Of control/instance_gather.h, what comes as JSON. */
#include <stdio.h>
#include <string.h>

#include "control/instance_gather.h"

#define COPY(array, text) snprintf(array, sizeof(array), "%s", text)

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t whole_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static uint64_t count_of(const json_t *object, const char *key)
{
	const int64_t n = whole_of(object, key);

	return n > 0 ? (uint64_t)n : 0;
}

static void add_certificates(struct instance_nts *nts, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && nts->certificates < CONFIG_IDENTITIES; i++) {
		const json_t *from = json_array_get(list, i);
		struct instance_certificate *to = &nts->certificate[nts->certificates++];

		COPY(to->file, string_of(from, "file"));
		COPY(to->kind, string_of(from, "kind"));
		to->not_before = whole_of(from, "not_before");
		to->not_after = whole_of(from, "not_after");
	}
}

static void add_keys(struct instance_nts *nts, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && nts->keys < KEYRING_KEYS; i++) {
		const json_t *from = json_array_get(list, i);
		struct instance_key *to = &nts->key[nts->keys++];

		COPY(to->id, string_of(from, "id"));
		COPY(to->state, string_of(from, "state"));
		to->not_before = whole_of(from, "not_before");
		to->not_after = whole_of(from, "not_after");
	}
}

void instance_gather_nts(struct instance_nts *nts, const json_t *status)
{
	const json_t *outcomes = json_object_get(status, "outcomes");

	memset(nts, 0, sizeof(*nts));
	nts->on = json_is_object(status);
	nts->running = json_is_true(json_object_get(status, "running"));
	nts->failure[INSTANCE_NTS_IDENTITY] = json_is_string(json_object_get(status, "identity_error"));
	nts->failure[INSTANCE_NTS_KEYS] = json_is_string(json_object_get(status, "keys_error"));
	nts->failure[INSTANCE_NTS_DUMP] =
		json_is_string(json_object_get(json_object_get(status, "dump"), "error"));
	nts->rotations = count_of(status, "rotations");
	nts->connections = count_of(status, "connections");
	nts->accepted = count_of(outcomes, "accepted");
	for (unsigned i = 0; i < KE_OUTCOME_COUNT; i++)
		if (i != KE_OUTCOME_PENDING)
			nts->outcome[i] = count_of(outcomes, ke_outcome_info[i].name);
	add_certificates(nts, json_object_get(status, "certificates"));
	add_keys(nts, json_object_get(status, "keys"));
}
