/* Fuzz the judgement of a key establishment's response (nts/ke_client.h), to a request with both AEADs and to
 * one with AEAD_AES_SIV_CMAC_256 alone. An input is the response. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nts/ke_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WRITTEN_MAX = 8192 };

static const struct ke_aeads both = {2, {30, 15}}, only_15 = {1, {15}};

/* What was offered. */
static const struct ke_aeads *offered;

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Judge a copy in a block of exactly its size, so that AddressSanitizer sees an access past the end. */
static enum ke_client_verdict judge(struct ke_client_response *r, const uint8_t *octets, size_t size)
{
	uint8_t *block = malloc(size + (size == 0));
	enum ke_client_verdict verdict;

	require(block != NULL);
	memcpy(block, octets, size);
	memset(r, 0xee, sizeof(*r));
	verdict = ke_client_judge(r, offered, block, size);
	free(block);
	require(verdict == r->verdict && verdict < KE_CLIENT_VERDICT_COUNT);
	return verdict;
}

/* What a user of a valid response relies on. */
static void check_valid(const struct ke_client_response *r)
{
	const char *end = memchr(r->server, '\0', sizeof(r->server));

	require(r->cookies >= 1 && r->cookies <= KE_COOKIES && r->code == 0);
	require(r->aead == 15 || (offered == &both && r->aead == 30));
	require(r->context == 15 || (r->context == 30 && r->aead == 30));
	for (unsigned i = 0; i < r->cookies; i++)
		require(r->cookie[i].size >= KE_CLIENT_COOKIE_MIN &&
			r->cookie[i].size <= KE_CLIENT_COOKIE_MAX && r->cookie[i].size % 4 == 0);
	require(end != NULL);
	for (const char *c = r->server; c < end; c++)
		require(*c > ' ' && *c <= '~' && *c != '%' && *c != '/');
}

/* Written once more from what was understood, it is understood as the same. */
static void check_rewritten(const struct ke_client_response *r)
{
	static uint8_t octets[WRITTEN_MAX];
	static struct ke_client_response again;
	struct ke_writer w = {.octets = octets, .size = sizeof(octets)};

	for (unsigned i = 0; i < r->cookies; i++)
		ke_write(&w, true, KE_COOKIE, r->cookie[i].octets, r->cookie[i].size);
	if (r->port)
		ke_write_16(&w, false, KE_PORT, r->port);
	if (r->server[0])
		ke_write(&w, false, KE_SERVER, r->server, (uint16_t)strlen(r->server));
	ke_write_16(&w, false, KE_AEAD, r->aead);
	if (r->context == 30)
		ke_write(&w, true, KE_COMPLIANT_GCM_SIV, NULL, 0);
	ke_write_16(&w, true, KE_NEXT_PROTOCOL, KE_PROTOCOL_NTPV4);
	ke_write(&w, true, KE_END_OF_MESSAGE, NULL, 0);
	require(!w.full && judge(&again, octets, w.used) == KE_CLIENT_VALID);
	require(memcmp(r, &again, sizeof(again)) == 0);
}

/* Nothing of a response that is refused can be used by mistake. */
static void check_refused(const struct ke_client_response *r)
{
	static struct ke_client_response nothing;

	nothing.verdict = r->verdict;
	nothing.code = r->verdict == KE_CLIENT_ERROR || r->verdict == KE_CLIENT_WARNING ? r->code : 0;
	require(memcmp(r, &nothing, sizeof(nothing)) == 0);
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

/* What has come so far is PENDING until the end of the message, and TOO_LONG where that is too far. */
static void check_prefixes(const uint8_t *octets, size_t size, size_t end)
{
	static struct ke_client_response r;
	const size_t step = 1 + size / 64;

	for (size_t part = 0; part < (end ? end : size); part += step)
		require(judge(&r, octets, part) ==
			(part < KE_CLIENT_MESSAGE_MAX ? KE_CLIENT_PENDING : KE_CLIENT_TOO_LONG));
	if (end > 0 && end <= KE_CLIENT_MESSAGE_MAX) {
		const enum ke_client_verdict verdict = judge(&r, octets, end);

		require(verdict != KE_CLIENT_PENDING && verdict != KE_CLIENT_TRAILING);
		require(judge(&r, octets, end - 1) == KE_CLIENT_PENDING);
	}
}

static enum ke_client_verdict check(const uint8_t *data, size_t size)
{
	static struct ke_client_response r;
	const size_t end = end_of(data, size);
	const bool is_whole = end > 0 && end <= KE_CLIENT_MESSAGE_MAX;
	const enum ke_client_verdict verdict = judge(&r, data, size);

	require((verdict == KE_CLIENT_TRAILING) == (is_whole && end < size));
	require((verdict == KE_CLIENT_PENDING) == (!is_whole && size < KE_CLIENT_MESSAGE_MAX));
	require((verdict == KE_CLIENT_TOO_LONG) == (!is_whole && size >= KE_CLIENT_MESSAGE_MAX));
	if (verdict == KE_CLIENT_VALID) {
		check_valid(&r);
		check_rewritten(&r);
	} else {
		check_refused(&r);
	}
	check_prefixes(data, size, end);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ke_client_verdict verdict;

	offered = &both;
	verdict = check(data, size);
	offered = &only_15;
	/* an AEAD that was not offered is judged last but for cookies */
	if (check(data, size) != verdict)
		require(verdict == KE_CLIENT_VALID || verdict == KE_CLIENT_NO_COOKIE);
	return 0;
}
