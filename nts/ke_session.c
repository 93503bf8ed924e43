#include "nts/ke_session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ntp/octets.h"

enum { ROOM_FIRST = 64 };
static_assert(KE_MESSAGE_MAX % ROOM_FIRST == 0 && (KE_MESSAGE_MAX & (KE_MESSAGE_MAX - 1)) == 0,
	"doubling the room ends at the longest request");

const struct ke_verdict_info ke_verdict_info[KE_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [KE_##symbol] = {name, meaning},
	KE_VERDICTS(X)
#undef X
};

/* What the records of a request have shown so far. */
struct request {
	struct ke_record protocols, aeads; /* their body is NULL where there was none */
	bool has_server, has_port, is_compliant;
};

/* What is agreed on with a client. */
struct agreement {
	uint16_t aead;
	bool is_compliant; /* as the client says; matters to one AEAD */
};

/* False where the record is not the only one of its type, or no list. */
static bool take_list(struct ke_record *list, const struct ke_record *record)
{
	const bool is_first = list->body == NULL;

	*list = *record;
	return is_first && ke_record_is_list(record);
}

static enum ke_verdict take_once(bool *has, bool is_sound)
{
	if (*has)
		return KE_REPEATED;
	*has = true;
	return is_sound ? KE_ANSWERED : KE_RECORD_BODY;
}

static enum ke_verdict take_compliant(struct request *request, const struct ke_record *record)
{
	request->is_compliant = true;
	return record->size == 0 ? KE_ANSWERED : KE_RECORD_BODY;
}

/* ANSWERED where nothing speaks against the record. */
static enum ke_verdict take_record(struct request *request, const struct ke_record *record)
{
	switch (record->type) {
	case KE_END_OF_MESSAGE:
		return record->critical && record->size == 0 ? KE_ANSWERED : KE_END;
	case KE_NEXT_PROTOCOL:
		return take_list(&request->protocols, record) && record->critical ? KE_ANSWERED
										  : KE_PROTOCOLS;
	case KE_AEAD:
		return take_list(&request->aeads, record) ? KE_ANSWERED : KE_AEADS;
	case KE_SERVER:
		return take_once(&request->has_server, ke_record_is_name(record));
	case KE_PORT:
		return take_once(&request->has_port, ke_record_is_port(record));
	case KE_COMPLIANT_GCM_SIV:
		return take_compliant(request, record);
	case KE_ERROR:
	case KE_WARNING:
	case KE_COOKIE:
		return KE_FORBIDDEN;
	default:
		return record->critical ? KE_UNKNOWN_CRITICAL : KE_ANSWERED;
	}
}

static bool offers(const struct ke_record *list, uint16_t value)
{
	for (size_t at = 0; at < list->size; at += 2)
		if (load_be16(list->body + at) == value)
			return true;
	return false;
}

/* The first of the client's AEADs that is served; 0: none. */
static uint16_t choose(const struct ke_record *list, const struct ke_aeads *served)
{
	for (size_t at = 0; at < list->size; at += 2) {
		const uint16_t aead = load_be16(list->body + at);

		if (ke_aeads_hold(served, aead))
			return aead;
	}
	return 0;
}

/* The agreement is for ANSWERED. */
static enum ke_verdict judge(
	struct agreement *agreement, const struct ke_aeads *served, const uint8_t *octets, size_t size)
{
	struct ke_cursor cursor = {.octets = octets, .size = size};
	struct request request = {.has_server = false};
	struct ke_record record;

	while (ke_cursor_next(&cursor, &record)) {
		const enum ke_verdict verdict = take_record(&request, &record);

		if (verdict != KE_ANSWERED)
			return verdict;
	}
	if (!request.protocols.body)
		return KE_PROTOCOLS;
	if (!offers(&request.protocols, KE_PROTOCOL_NTPV4))
		return KE_NO_PROTOCOL;
	if (!request.aeads.body)
		return KE_AEADS;
	agreement->aead = choose(&request.aeads, served);
	agreement->is_compliant = request.is_compliant;
	return agreement->aead != 0 ? KE_ANSWERED : KE_NO_AEAD;
}

static enum ke_error error_of(enum ke_verdict verdict)
{
	switch (verdict) {
	case KE_ANSWERED:
	case KE_NO_PROTOCOL:
	case KE_NO_AEAD:
		return KE_ERROR_NONE;
	case KE_UNKNOWN_CRITICAL:
		return KE_ERROR_UNRECOGNIZED_CRITICAL;
	case KE_INTERNAL:
		return KE_ERROR_INTERNAL;
	default:
		return KE_ERROR_BAD_REQUEST;
	}
}

/* The critical bit of a cookie SHOULD NOT be set; Server and Port would be worthless if ignored. */
static bool write_association(struct ke_writer *writer, const struct ke_offer *offer,
	uint8_t (*cookies)[COOKIE_SIZE], size_t cookie_octets)
{
	const size_t name = offer->server ? strlen(offer->server) : 0;

	if (name > KE_NAME_MAX)
		return false;
	if (name > 0)
		ke_write(writer, true, KE_SERVER, offer->server, (uint16_t)name);
	if (offer->port != 0)
		ke_write_16(writer, true, KE_PORT, offer->port);
	for (unsigned i = 0; i < KE_COOKIES; i++)
		ke_write(writer, false, KE_COOKIE, cookies[i], (uint16_t)cookie_octets);
	return true;
}

static bool write_answer(struct ke_writer *writer, const struct ke_offer *offer,
	const struct agreement *agreement, void *opaque)
{
	const uint16_t aead = agreement->aead, context = ke_export_context(aead, agreement->is_compliant);
	struct {
		struct cookie_keys keys;
		uint8_t cookies[KE_COOKIES][COOKIE_SIZE];
	} fresh;
	size_t size = 0;
	bool done;

	ke_write_16(writer, true, KE_NEXT_PROTOCOL, KE_PROTOCOL_NTPV4);
	ke_write_16(writer, true, KE_AEAD, aead);
	if (aead == AEAD_AES_128_GCM_SIV && agreement->is_compliant)
		ke_write(writer, false, KE_COMPLIANT_GCM_SIV, NULL, 0);
	done = offer->export_keys(opaque, aead, context, &fresh.keys);
	if (done)
		size = offer->make_cookies(opaque, aead, &fresh.keys, fresh.cookies, KE_COOKIES);
	done = size > 0 && write_association(writer, offer, fresh.cookies, size);
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return done;
}

/* What a refusal says before End of Message. */
static void write_refusal(struct ke_writer *writer, enum ke_verdict verdict)
{
	if (verdict == KE_NO_PROTOCOL) {
		ke_write(writer, true, KE_NEXT_PROTOCOL, NULL, 0);
	} else if (verdict == KE_NO_AEAD) {
		ke_write_16(writer, true, KE_NEXT_PROTOCOL, KE_PROTOCOL_NTPV4);
		ke_write(writer, true, KE_AEAD, NULL, 0);
	} else {
		ke_write_16(writer, true, KE_ERROR, (uint16_t)error_of(verdict));
	}
}

static void free_request(struct ke_session *session)
{
	free(session->request);
	session->request = NULL;
	session->used = session->room = session->scanned = 0;
}

/* The last three are for ANSWERED alone. */
static enum ke_verdict conclude(struct ke_session *session, enum ke_verdict verdict,
	const struct ke_offer *offer, const struct agreement *agreement, void *opaque)
{
	const struct ke_writer empty = {.octets = session->response, .size = sizeof(session->response)};
	struct ke_writer writer = empty;

	if (verdict == KE_ANSWERED && !write_answer(&writer, offer, agreement, opaque)) {
		verdict = KE_INTERNAL;
		writer = empty;
	}
	if (verdict != KE_ANSWERED)
		write_refusal(&writer, verdict);
	ke_write(&writer, true, KE_END_OF_MESSAGE, NULL, 0);
	free_request(session);
	session->verdict = verdict;
	session->response_size = writer.used;
	return verdict;
}

/* False where memory cannot be had. used + size <= KE_MESSAGE_MAX. */
static bool append(struct ke_session *session, const uint8_t *octets, size_t size)
{
	size_t room = session->room ? session->room : ROOM_FIRST;

	while (room < session->used + size)
		room *= 2;
	if (room != session->room) {
		uint8_t *request = realloc(session->request, room);

		if (!request)
			return false;
		session->request = request;
		session->room = room;
	}
	memcpy(session->request + session->used, octets, size);
	session->used += size;
	return true;
}

/* Whether End of Message is there; `scanned` is then the size of the request. */
static bool find_end(struct ke_session *session)
{
	struct ke_cursor cursor = {.octets = session->request, .at = session->scanned, .size = session->used};
	struct ke_record end;
	const bool found = ke_cursor_to_end(&cursor, &end);

	session->scanned = cursor.at;
	return found;
}

enum ke_verdict ke_session_take(struct ke_session *session, const struct ke_offer *offer,
	const uint8_t *octets, size_t size, void *opaque)
{
	const size_t room = KE_MESSAGE_MAX - session->used;
	const size_t taken = size < room ? size : room;
	enum ke_verdict verdict = KE_PENDING;
	struct agreement agreement;

	if (session->verdict != KE_PENDING || size == 0)
		return session->verdict;
	if (!append(session, octets, taken))
		verdict = KE_INTERNAL;
	else if (find_end(session))
		verdict = session->scanned < session->used || taken < size
				  ? KE_TRAILING
				  : judge(&agreement, &offer->aeads, session->request, session->used);
	else if (session->used == KE_MESSAGE_MAX)
		verdict = KE_TOO_LONG;
	return verdict == KE_PENDING ? verdict : conclude(session, verdict, offer, &agreement, opaque);
}

enum ke_verdict ke_session_give_up(struct ke_session *session)
{
	if (session->verdict != KE_PENDING)
		return session->verdict;
	return conclude(session, KE_INCOMPLETE, NULL, NULL, NULL);
}

void ke_session_end(struct ke_session *session)
{
	free_request(session);
	OPENSSL_cleanse(session, sizeof(*session));
}
