#include "nts/ke_client.h"

#include <string.h>

#include "ntp/octets.h"

const struct ke_client_verdict_info ke_client_verdict_info[KE_CLIENT_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [KE_CLIENT_##symbol] = {name, meaning},
	KE_CLIENT_VERDICTS(X)
#undef X
};

size_t ke_client_request(uint8_t octets[KE_CLIENT_REQUEST], const struct ke_aeads *aeads)
{
	struct ke_writer writer = {.octets = octets, .size = KE_CLIENT_REQUEST};
	uint8_t list[2 * KE_AEADS_MAX];

	for (unsigned i = 0; i < KE_AEADS_MAX; i++)
		store_be16(list + 2 * (size_t)i, aeads->id[i]);

	ke_write_16(&writer, true, KE_NEXT_PROTOCOL, KE_PROTOCOL_NTPV4);
	ke_write(&writer, true, KE_AEAD, list, (uint16_t)(2 * aeads->count));
	if (ke_aeads_hold(aeads, AEAD_AES_128_GCM_SIV))
		ke_write(&writer, false, KE_COMPLIANT_GCM_SIV, NULL, 0);
	ke_write(&writer, true, KE_END_OF_MESSAGE, NULL, 0);
	return writer.used;
}

/* What was offered, how often the records that are there at most once have been seen, and whether they say
 * what was asked. */
struct seen {
	const struct ke_aeads *offered;
	unsigned protocols, aeads, servers, ports;
	bool is_ntpv4, is_compliant;
};

static bool is_value(const struct ke_record *record, uint16_t value)
{
	return record->size == 2 && load_be16(record->body) == value;
}

static enum ke_client_verdict take_code(
	struct ke_client_response *r, const struct ke_record *record, enum ke_client_verdict verdict)
{
	if (record->size != 2)
		return KE_CLIENT_RECORD_BODY;
	r->code = load_be16(record->body);
	return verdict;
}

static enum ke_client_verdict take_cookie(struct ke_client_response *r, const struct ke_record *record)
{
	struct ke_client_cookie *cookie = &r->cookie[r->cookies];

	if (record->size < KE_CLIENT_COOKIE_MIN || record->size > KE_CLIENT_COOKIE_MAX ||
		record->size % 4 != 0)
		return KE_CLIENT_COOKIE_SIZE;
	if (r->cookies == KE_COOKIES)
		return KE_CLIENT_VALID;
	cookie->size = record->size;
	memcpy(cookie->octets, record->body, record->size);
	r->cookies++;
	return KE_CLIENT_VALID;
}

static enum ke_client_verdict take_server(
	struct ke_client_response *r, struct seen *seen, const struct ke_record *record)
{
	if (seen->servers++)
		return KE_CLIENT_REPEATED;
	if (!ke_record_is_name(record))
		return KE_CLIENT_RECORD_BODY;
	memcpy(r->server, record->body, record->size);
	r->server[record->size] = '\0';
	return KE_CLIENT_VALID;
}

static enum ke_client_verdict take_port(
	struct ke_client_response *r, struct seen *seen, const struct ke_record *record)
{
	if (seen->ports++)
		return KE_CLIENT_REPEATED;
	if (!ke_record_is_port(record))
		return KE_CLIENT_RECORD_BODY;
	r->port = load_be16(record->body);
	return KE_CLIENT_VALID;
}

/* An error may follow that says more than what was not agreed on, so that is judged in the end. */
static enum ke_client_verdict take_protocol(struct seen *seen, const struct ke_record *record)
{
	seen->is_ntpv4 = record->critical && is_value(record, KE_PROTOCOL_NTPV4);
	return seen->protocols++ ? KE_CLIENT_PROTOCOL : KE_CLIENT_VALID;
}

static enum ke_client_verdict take_aead(
	struct ke_client_response *r, struct seen *seen, const struct ke_record *record)
{
	if (record->size == 2 && ke_aeads_hold(seen->offered, load_be16(record->body)))
		r->aead = load_be16(record->body);
	return seen->aeads++ ? KE_CLIENT_AEAD : KE_CLIENT_VALID;
}

static enum ke_client_verdict take_compliant(struct seen *seen, const struct ke_record *record)
{
	seen->is_compliant = true;
	return record->size == 0 ? KE_CLIENT_VALID : KE_CLIENT_RECORD_BODY;
}

/* VALID where nothing speaks against the record. */
static enum ke_client_verdict take(
	struct ke_client_response *r, struct seen *seen, const struct ke_record *record)
{
	switch (record->type) {
	case KE_END_OF_MESSAGE:
		return record->critical && record->size == 0 ? KE_CLIENT_VALID : KE_CLIENT_END;
	case KE_NEXT_PROTOCOL:
		return take_protocol(seen, record);
	case KE_ERROR:
		return take_code(r, record, KE_CLIENT_ERROR);
	case KE_WARNING:
		return take_code(r, record, KE_CLIENT_WARNING);
	case KE_AEAD:
		return take_aead(r, seen, record);
	case KE_COOKIE:
		return take_cookie(r, record);
	case KE_SERVER:
		return take_server(r, seen, record);
	case KE_PORT:
		return take_port(r, seen, record);
	case KE_COMPLIANT_GCM_SIV:
		return take_compliant(seen, record);
	default:
		return record->critical ? KE_CLIENT_UNKNOWN_CRITICAL : KE_CLIENT_VALID;
	}
}

static enum ke_client_verdict judge(
	struct ke_client_response *r, const struct ke_aeads *aeads, const uint8_t *octets, size_t size)
{
	struct ke_cursor cursor = {.octets = octets, .size = size};
	struct seen seen = {.offered = aeads};
	struct ke_record record;

	while (ke_cursor_next(&cursor, &record)) {
		const enum ke_client_verdict verdict = take(r, &seen, &record);

		if (verdict != KE_CLIENT_VALID)
			return verdict;
	}
	if (!seen.is_ntpv4)
		return KE_CLIENT_PROTOCOL;
	if (r->aead == 0)
		return KE_CLIENT_AEAD;
	r->context = ke_export_context(r->aead, seen.is_compliant);
	return r->cookies > 0 ? KE_CLIENT_VALID : KE_CLIENT_NO_COOKIE;
}

/* VALID where the octets are one message, for its records to be judged. */
static enum ke_client_verdict frame(const uint8_t *octets, size_t size)
{
	const bool is_long = size >= KE_CLIENT_MESSAGE_MAX;
	struct ke_cursor cursor = {.octets = octets, .size = is_long ? KE_CLIENT_MESSAGE_MAX : size};
	struct ke_record end;

	if (!ke_cursor_to_end(&cursor, &end))
		return is_long ? KE_CLIENT_TOO_LONG : KE_CLIENT_PENDING;
	return cursor.at < size ? KE_CLIENT_TRAILING : KE_CLIENT_VALID;
}

enum ke_client_verdict ke_client_judge(
	struct ke_client_response *response, const struct ke_aeads *aeads, const uint8_t *octets, size_t size)
{
	enum ke_client_verdict verdict = frame(octets, size);

	memset(response, 0, sizeof(*response));
	if (verdict == KE_CLIENT_VALID)
		verdict = judge(response, aeads, octets, size);
	if (verdict != KE_CLIENT_VALID) {
		const uint16_t code = response->code;

		memset(response, 0, sizeof(*response));
		response->code = code;
	}
	response->verdict = verdict;
	return verdict;
}
