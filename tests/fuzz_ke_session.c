/*
 * Fuzz the server's side of key establishment (nts/ke_session.h). An input is what the offer is like (1
 * octet: the enum's bits), a seed for the cuts (1 octet), and what the client sends.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"
#include "nts/ke_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NO_KEYS = 1, NO_COOKIES = 2, SERVER = 4, PORT = 8, GCM_SIV = 16 };

static const char server[] = "2001:db8::123";

static void require(int holds)
{
	if (!holds)
		abort();
}

static bool export_keys(void *opaque, uint16_t aead, uint16_t context, struct cookie_keys *keys)
{
	const bool is_gcm_siv = aead == AEAD_AES_128_GCM_SIV;

	require(aead == AEAD_AES_SIV_CMAC_256 || (is_gcm_siv && *(const uint8_t *)opaque & GCM_SIV));
	require(context == AEAD_AES_SIV_CMAC_256 || (context == AEAD_AES_128_GCM_SIV && is_gcm_siv));
	memset(keys, context, sizeof(*keys));
	return !(*(const uint8_t *)opaque & NO_KEYS);
}

static size_t make_cookies(void *opaque, uint16_t aead, const struct cookie_keys *keys,
	uint8_t (*cookies)[COOKIE_SIZE], size_t count)
{
	require(count == KE_COOKIES);
	for (size_t i = 0; i < count; i++)
		memset(cookies[i], keys->s2c[SIV_KEY - 1], cookie_size(aead));
	return *(const uint8_t *)opaque & NO_COOKIES ? 0 : cookie_size(aead);
}

static struct ke_offer offer_of(uint8_t options)
{
	return (struct ke_offer){
		.aeads = {options & GCM_SIV ? 2 : 1, {AEAD_AES_SIV_CMAC_256, AEAD_AES_128_GCM_SIV}},
		.server = options & SERVER ? server : NULL,
		.port = options & PORT ? 11123 : 0,
		.export_keys = export_keys,
		.make_cookies = make_cookies,
	};
}

/* Where the first End of Message ends; 0 where there is none. */
static size_t end_of(const uint8_t *octets, size_t size)
{
	size_t at = 0;

	while (size - at >= 4) {
		const size_t next = at + 4 + ((size_t)octets[at + 2] << 8 | octets[at + 3]);

		if (next > size)
			return 0;
		if ((octets[at] & 0x7f) == 0 && octets[at + 1] == 0)
			return next;
		at = next;
	}
	return 0;
}

static void require_next(
	struct ke_cursor *cursor, bool critical, uint16_t type, const void *body, uint16_t size)
{
	struct ke_record record;

	require(ke_cursor_next(cursor, &record));
	require(record.critical == critical && record.type == type && record.size == size);
	require(size == 0 || memcmp(record.body, body, size) == 0);
}

/* Of the next record. */
static uint16_t next_type(const struct ke_cursor *cursor)
{
	struct ke_cursor ahead = *cursor;
	struct ke_record record;

	require(ke_cursor_next(&ahead, &record));
	return record.type;
}

/* Each cookie of the AEAD's size tells by its octets what the exporter was given: 30 only where record 1024
 * says so. */
static void require_association(struct ke_cursor *cursor, uint8_t options)
{
	const bool is_gcm_siv = cursor->size > 11 && cursor->octets[11] == AEAD_AES_128_GCM_SIV;
	uint8_t context = AEAD_AES_SIV_CMAC_256, cookie[COOKIE_SIZE];

	require(!(options & (NO_KEYS | NO_COOKIES)) && (!is_gcm_siv || options & GCM_SIV));
	require_next(cursor, true, KE_NEXT_PROTOCOL, "\0\0", 2);
	require_next(cursor, true, KE_AEAD, is_gcm_siv ? "\0\x1e" : "\0\x0f", 2);
	if (is_gcm_siv && next_type(cursor) == KE_COMPLIANT_GCM_SIV) {
		require_next(cursor, false, KE_COMPLIANT_GCM_SIV, NULL, 0);
		context = AEAD_AES_128_GCM_SIV;
	}
	memset(cookie, context, sizeof(cookie));
	if (options & SERVER)
		require_next(cursor, true, KE_SERVER, server, sizeof(server) - 1);
	if (options & PORT)
		require_next(cursor, true, KE_PORT, "\x2b\x73", 2);
	for (unsigned i = 0; i < KE_COOKIES; i++)
		require_next(cursor, false, KE_COOKIE, cookie, is_gcm_siv ? 68 : 100);
}

/* The response is the verdict's, whole records, and nothing behind End of Message. */
static void check_response(const struct ke_session *s, uint8_t options)
{
	struct ke_cursor cursor = {.octets = s->response, .size = s->response_size};

	require(s->response_size <= KE_RESPONSE_MAX);
	if (s->verdict == KE_PENDING) {
		require(s->response_size == 0 && s->used < KE_MESSAGE_MAX && s->room <= KE_MESSAGE_MAX);
		return;
	}
	require(s->request == NULL);
	if (s->verdict == KE_ANSWERED) {
		require_association(&cursor, options);
	} else if (s->verdict == KE_NO_PROTOCOL) {
		require_next(&cursor, true, KE_NEXT_PROTOCOL, NULL, 0);
	} else if (s->verdict == KE_NO_AEAD) {
		require_next(&cursor, true, KE_NEXT_PROTOCOL, "\0\0", 2);
		require_next(&cursor, true, KE_AEAD, NULL, 0);
	} else {
		const uint8_t code[2] = {0, s->verdict == KE_UNKNOWN_CRITICAL ? 0
					    : s->verdict == KE_INTERNAL       ? 2
									      : 1};

		require_next(&cursor, true, KE_ERROR, code, sizeof(code));
	}
	require_next(&cursor, true, KE_END_OF_MESSAGE, NULL, 0);
	require(cursor.at == s->response_size);
}

/* Records of a type before the end of the request. */
static unsigned count(const uint8_t *octets, size_t size, uint16_t type)
{
	struct ke_cursor cursor = {.octets = octets, .size = size};
	struct ke_record record;
	unsigned found = 0;

	while (ke_cursor_next(&cursor, &record))
		found += record.type == type;
	return found;
}

/* What the verdict says about the octets. `end`: of the request, 0 where it has none. */
static void check_verdict(enum ke_verdict verdict, const uint8_t *octets, size_t size, size_t end)
{
	const bool is_whole = end > 0 && end <= KE_MESSAGE_MAX;

	require((verdict == KE_PENDING) == (!is_whole && size < KE_MESSAGE_MAX));
	require((verdict == KE_TOO_LONG) == (!is_whole && size >= KE_MESSAGE_MAX));
	require((verdict == KE_TRAILING) == (is_whole && end < size));
	if (verdict != KE_ANSWERED && verdict != KE_NO_AEAD && verdict != KE_INTERNAL)
		return;
	require(count(octets, size, KE_NEXT_PROTOCOL) == 1 && count(octets, size, KE_AEAD) == 1);
	require(count(octets, size, KE_SERVER) <= 1 && count(octets, size, KE_PORT) <= 1);
	require(count(octets, size, KE_ERROR) == 0 && count(octets, size, KE_WARNING) == 0);
	require(count(octets, size, KE_COOKIE) == 0 && octets[end - 4] == 0x80);
}

/* Hand over a copy in a block of exactly its size, so that AddressSanitizer sees an access past the end. */
static void take(struct ke_session *s, uint8_t options, const uint8_t *octets, size_t size)
{
	const struct ke_offer offer = offer_of(options);
	uint8_t *block = malloc(size + (size == 0));

	require(block != NULL);
	memcpy(block, octets, size);
	require(ke_session_take(s, &offer, block, size, &options) == s->verdict);
	free(block);
	check_response(s, options);
}

/*
 * In pieces of 1 octet (seed 0) or of random sizes. No cut stands between End of Message and what follows it:
 * that one changes the verdict, see check_later.
 */
static void take_pieces(
	struct ke_session *s, uint8_t options, unsigned seed, const uint8_t *octets, size_t size, size_t end)
{
	uint32_t random = seed;

	for (size_t at = 0, next; at < size; at = next) {
		random = random * 1664525 + 1013904223;
		next = at + (seed ? 1 + (random >> 16) % (1U << (seed % 12)) : 1);
		if (next == end)
			next++;
		if (next > size)
			next = size;
		take(s, options, octets + at, next - at);
		require((s->verdict == KE_PENDING) ==
			(end ? next < end && next < KE_MESSAGE_MAX : next < KE_MESSAGE_MAX));
	}
}

static void check_same(const struct ke_session *a, const struct ke_session *b)
{
	require(a->verdict == b->verdict && a->response_size == b->response_size);
	require(memcmp(a->response, b->response, a->response_size) == 0);
}

/* What comes after the verdict changes nothing. */
static void check_later(uint8_t options, const uint8_t *octets, size_t size, size_t end)
{
	struct ke_session s = {.used = 0}, before;

	take(&s, options, octets, end);
	check_verdict(s.verdict, octets, end, end);
	before = s;
	take(&s, options, octets + end, size - end);
	check_same(&before, &s);
	require(ke_session_give_up(&s) == before.verdict);
	check_same(&before, &s);
	ke_session_end(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ke_session whole = {.used = 0}, single = {.used = 0}, cut = {.used = 0};
	const uint8_t *octets = data + 2;
	size_t end;

	if (size < 2)
		return 0;
	size -= 2;
	end = end_of(octets, size);
	take(&whole, data[0], octets, size);
	check_verdict(whole.verdict, octets, size, end);
	take_pieces(&single, data[0], 0, octets, size, end);
	take_pieces(&cut, data[0], data[1] | 0x100U, octets, size, end);
	check_same(&whole, &single);
	check_same(&whole, &cut);
	if (end > 0)
		check_later(data[0], octets, size, end);
	if (whole.verdict == KE_PENDING) {
		require(ke_session_give_up(&whole) == KE_INCOMPLETE);
		check_response(&whole, data[0]);
	}
	ke_session_end(&whole);
	ke_session_end(&single);
	ke_session_end(&cut);
	return 0;
}
