/* The status of tickwire-ke. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "control/ke_service.h"

static json_t *listening(const struct ke_service *s)
{
	json_t *list = json_array();
	char text[KE_SERVER_ADDRESS_TEXT];

	for (unsigned i = 0; s->server && ke_server_address(s->server, i, text); i++)
		json_array_append_new(list, json_string(text));
	return list;
}

static json_t *outcomes(const struct ke_service *s)
{
	json_t *all = json_object();

	json_object_set_new(
		all, "accepted", json_integer((json_int_t)ke_server_count(s->server, KE_OUTCOME_PENDING)));
	for (unsigned i = 0; i < KE_OUTCOME_COUNT; i++)
		if (i != KE_OUTCOME_PENDING)
			json_object_set_new(all, ke_outcome_info[i].name,
				json_integer((json_int_t)ke_server_count(s->server, (enum ke_outcome)i)));
	return all;
}

static json_t *certificates(const struct ke_service *s)
{
	json_t *list = json_array();
	const size_t count = s->identities ? tls_server_identities(s->identities) : 0;

	for (size_t i = 0; i < count; i++) {
		const struct tls_identity_facts *f = tls_server_facts(s->identities, i);

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:I, s:I}", "file",
				      s->certificate[i] ? s->certificate[i] : "", "names", f->subject, "kind",
				      f->kind, "not_before", (json_int_t)f->not_before, "not_after",
				      (json_int_t)f->not_after));
	}
	return list;
}

/* Of whole seconds, of which `now` has as many as unix_now: the same at whatever time it is asked. */
static json_int_t unix_seconds(ntp64 time, ntp64 now, time_t unix_now)
{
	return (json_int_t)unix_now + (int32_t)((uint32_t)(time >> 32) - (uint32_t)(now >> 32));
}

static json_t *keys(const struct ke_service *s)
{
	json_t *list = json_array();
	struct timespec t;
	ntp64 now;

	clock_gettime(CLOCK_REALTIME, &t);
	now = ntp64_from_timespec(t);
	for (unsigned i = 0; i < KEYRING_KEYS; i++) {
		const struct keyring_key *k = &s->keys.ring.key[i];
		char id[9];

		if (k->algorithm == 0)
			continue;
		snprintf(id, sizeof(id), "%08" PRIX32, k->id);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I}", "id", id, "state", ke_keys_state(&s->keys, k, now),
				"not_before", unix_seconds(k->not_before, now, t.tv_sec), "not_after",
				unix_seconds(k->not_after, now, t.tv_sec)));
	}
	return list;
}

char *ke_status_text(const struct ke_service *s)
{
	json_t *status = json_pack("{s:o, s:i, s:i, s:b, s:o, s:o, s:o, s:I}", "listening", listening(s),
		"threads", (int)s->threads, "connections", (int)ke_server_held(s->server), "served",
		(int)(s->identities != NULL), "outcomes", outcomes(s), "certificates", certificates(s),
		"keys", keys(s), "rotations", (json_int_t)s->keys.ring.rotations);
	char *text = status ? json_dumps(status, JSON_COMPACT) : NULL;

	json_decref(status);
	return text;
}
