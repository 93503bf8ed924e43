/*
 * Fuzz the fields of NTS (nts/fields.h). An input is a packet, whose ciphertext is taken for the plaintext.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ntp/octets.h"
#include "ntp/packet.h"
#include "nts/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static int is_within(struct nts_span inner, size_t at, size_t end)
{
	return inner.at >= at && (size_t)inner.at + inner.size <= end;
}

/* What a user of a valid request relies on. */
static void check_request(const struct nts_request *r, const uint8_t *packet, size_t size)
{
	require(nts_is_asked(packet, size));
	require(r->size == size && r->ad_size >= NTP_HEADER_SIZE && r->ad_size % 4 == 0);
	require(load_be16(packet + r->ad_size) == NTS_FIELD_AUTHENTICATOR);
	require(is_within(r->identifier, NTP_HEADER_SIZE, r->ad_size) &&
		r->identifier.size >= NTS_IDENTIFIER_MIN);
	require(is_within(r->cookie, NTP_HEADER_SIZE, r->ad_size) && r->cookie.size >= 12);
	require(is_within(r->nonce, r->ad_size, r->ciphertext.at) && r->nonce.size > 0);
	require(is_within(r->ciphertext, r->ad_size, size) && r->ciphertext.size >= SIV_TAG);
	require(nts_request_cookies(r) >= 1 && nts_request_cookies(r) <= NTS_COOKIES_MAX);
}

/* A reply reads back as what it is meant to be. */
static void check_reply(const struct nts_reply *reply, const uint8_t *packet, const struct nts_request *r)
{
	struct nts_cursor cursor = nts_cursor_over(packet, NTP_HEADER_SIZE, reply->size);
	struct nts_field field;

	require(reply->size <= r->size && reply->cookies <= nts_request_cookies(r));
	require(nts_cursor_next(&cursor, &field) && field.type == NTS_FIELD_IDENTIFIER);
	require(cursor.at == reply->ad_size);
	require(nts_cursor_next(&cursor, &field) && field.type == NTS_FIELD_AUTHENTICATOR);
	require(cursor.at == reply->size && is_within(reply->text, field.body.at, reply->size));
	cursor = nts_cursor_over(packet, reply->text.at, (size_t)reply->text.at + reply->text.size);
	for (unsigned i = 0; i < reply->cookies; i++) {
		require(nts_cursor_next(&cursor, &field) && field.type == NTS_FIELD_COOKIE);
		require(field.body.at == nts_reply_cookie(reply, i) &&
			field.body.size == cookie_size(reply->aead));
	}
	require(cursor.at == cursor.end);
}

/* The reply in place; and the kiss, of another copy. */
static void answer(const struct nts_request *r, uint8_t *packet)
{
	static const uint8_t nonce[NTS_NONCE];
	static uint8_t kiss[UINT16_MAX];
	uint8_t *identifier = malloc(r->identifier.size);
	struct nts_reply reply;

	require(identifier != NULL);
	memcpy(identifier, packet + r->identifier.at, r->identifier.size);
	require(nts_echo_write(kiss, r, packet) < r->size);
	if (nts_reply_begin(&reply, packet, r, packet, cookie_size(r->aead), nonce)) {
		check_reply(&reply, packet, r);
		require(memcmp(packet + NTP_HEADER_SIZE, kiss + NTP_HEADER_SIZE,
				NTS_FIELD_HEADER + r->identifier.size) == 0);
		require(memcmp(packet + NTP_HEADER_SIZE + NTS_FIELD_HEADER, identifier, r->identifier.size) ==
			0);
	}
	free(identifier);
}

/* What the short way says, the long one says, too. */
static void check_usual(const uint8_t *packet, size_t size)
{
	struct nts_request quick, slow;

	if (size < NTP_HEADER_SIZE || packet[0] % 64 != (4 << 3 | NTP_MODE_CLIENT) ||
		!nts_request_usual(&quick, packet, size))
		return;
	require(nts_request_walk(&slow, packet, size) == NTS_REQUEST_VALID);
	require(memcmp(&quick, &slow, sizeof(slow)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nts_request r;
	uint8_t *packet;

	/* a copy of its own size, so that AddressSanitizer sees an access past the end */
	packet = malloc(size + (size == 0));
	require(packet != NULL);
	if (size > 0)
		memcpy(packet, data, size);
	check_usual(packet, size);
	if (nts_request_parse(&r, packet, size) == NTS_REQUEST_VALID) {
		check_request(&r, packet, size);
		if (nts_request_decrypted(&r, packet) == NTS_REQUEST_VALID) {
			check_request(&r, packet, size);
			answer(&r, packet);
		}
	}
	free(packet);
	return 0;
}
