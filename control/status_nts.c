#include "control/status_nts.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, WARNING_DAYS = 30 };

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *dump_json(const struct nts *nts)
{
	char file[CONFIG_PATH + sizeof(KEY_FILE_NAME) + 1] = "";

	if (nts->store.dir[0])
		snprintf(file, sizeof(file), "%s/" KEY_FILE_NAME, nts->store.dir);
	return json_pack(
		"{s:o, s:o}", "file", text_or_null(file), "error", text_or_null(nts_dump_error(nts)));
}

json_t *status_nts_json(const struct nts *nts)
{
	json_t *object;

	if (!nts->on)
		return json_null();
	object = nts->status ? json_copy(nts->status) : json_object();
	if (!object || json_object_set_new(object, "running", json_boolean(nts->ready && nts->ke.pid)) != 0 ||
		json_object_set_new(object, "port", json_integer(nts->config->nts.port)) != 0 ||
		json_object_set_new(object, "dump", dump_json(nts)) != 0 ||
		json_object_set_new(object, "identity_error", text_or_null(nts->identity_error)) != 0 ||
		json_object_set_new(object, "keys_error", text_or_null(nts->keys_error)) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

void status_nts_add_kisses(json_t *nts, const struct counters *counters)
{
	json_int_t sent = 0, withheld = 0;

	for (unsigned i = 0; i < counters->facts.workers && i < WORKERS_MAX; i++) {
		sent += (json_int_t)counters->worker[i].nts_kisses;
		withheld += (json_int_t)counters->worker[i].nts_kisses_withheld;
	}
	json_object_set_new(nts, "kisses", json_integer(sent));
	json_object_set_new(nts, "kisses_withheld", json_integer(withheld));
}

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t integer_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "2026-01-31 12:00:00 UTC" */
static const char *show_time(json_int_t seconds, char text[32])
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(text, 32, "%F %T UTC", &tm) == 0)
		snprintf(text, 32, "?");
	return text;
}

static void print_connections(const json_t *nts)
{
	const char *separator = "; of them", *name;
	json_t *count;

	printf("           %lld connections held, %lld accepted", (long long)integer_of(nts, "connections"),
		(long long)integer_of(json_object_get(nts, "outcomes"), "accepted"));
	json_object_foreach(json_object_get(nts, "outcomes"), name, count)
	{
		if (json_integer_value(count) == 0 || strcmp(name, "accepted") == 0)
			continue;
		printf("%s %lld %s", separator, (long long)json_integer_value(count), name);
		separator = ",";
	}
	puts("");
}

/* Clients whose cookies did not open come for others with the first of these. */
static void print_kisses(const json_t *nts)
{
	const json_int_t sent = integer_of(nts, "kisses"), withheld = integer_of(nts, "kisses_withheld");

	if (sent || withheld)
		printf("           %lld kisses NTSN sent, %lld withheld by their limit\n", (long long)sent,
			(long long)withheld);
}

static void print_certificates(const json_t *nts, time_t now)
{
	const json_t *certificate;
	size_t i;

	json_array_foreach(json_object_get(nts, "certificates"), i, certificate)
	{
		const json_int_t left = integer_of(certificate, "not_after") - (json_int_t)now;
		char until[32];

		printf("           certificate %s: %s, %s, ", string_of(certificate, "file"),
			string_of(certificate, "names"), string_of(certificate, "kind"));
		if (left < 0)
			printf("EXPIRED since %s: clients refuse it\n",
				show_time(integer_of(certificate, "not_after"), until));
		else if (integer_of(certificate, "not_before") > (json_int_t)now)
			printf("NOT VALID before %s: clients refuse it\n",
				show_time(integer_of(certificate, "not_before"), until));
		else
			printf("%lld days left%s\n", (long long)(left / DAY_S),
				left < WARNING_DAYS * DAY_S ? ": warning, renew it" : "");
	}
}

static void print_keys(const json_t *nts)
{
	const json_t *key;
	char begins[32], ends[32];
	size_t i;

	json_array_foreach(json_object_get(nts, "keys"), i, key)
		printf("           key %s %s, from %s to %s\n", string_of(key, "id"), string_of(key, "state"),
			show_time(integer_of(key, "not_before"), begins),
			show_time(integer_of(key, "not_after"), ends));
}

static void print_warnings(const json_t *nts)
{
	const json_t *dump = json_object_get(nts, "dump");
	const json_t *errors[] = {json_object_get(nts, "identity_error"), json_object_get(nts, "keys_error"),
		json_object_get(dump, "error")};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (json_is_string(errors[i]))
			printf("           warning: %s%s\n", json_string_value(errors[i]),
				i == 0 && json_array_size(json_object_get(nts, "certificates")) > 0
					? "; the certificates before stay in use"
					: "");
	if (!json_is_string(json_object_get(dump, "file")))
		puts("           warning: the keys do not outlive tickwire; `ntsdumpdir` keeps them");
}

static void print_headline(const json_t *nts)
{
	const json_int_t threads = integer_of(nts, "threads");

	if (json_is_false(json_object_get(nts, "served")))
		printf("nts        opens cookies; no certificate is in use, so none are handed out here");
	else
		printf("nts        key establishment on TCP port %lld", (long long)integer_of(nts, "port"));
	if (json_is_true(json_object_get(nts, "served")))
		printf(", %lld thread%s", (long long)threads, threads == 1 ? "" : "s");
	puts(json_is_true(json_object_get(nts, "running")) ? "" : "; tickwire-ke is not ready");
}

void status_nts_print(const json_t *nts, time_t now)
{
	if (!json_is_object(nts)) {
		puts("nts        off");
		return;
	}
	print_headline(nts);
	if (json_is_true(json_object_get(nts, "served")))
		print_connections(nts);
	print_kisses(nts);
	print_certificates(nts, now);
	print_keys(nts);
	print_warnings(nts);
}
