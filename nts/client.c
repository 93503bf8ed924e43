#include "nts/client.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ntp/octets.h"

const struct nts_client_verdict_info nts_client_verdict_info[NTS_CLIENT_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [NTS_CLIENT_##symbol] = {name, meaning},
	NTS_CLIENT_VERDICTS(X)
#undef X
};

enum { AUTHENTICATOR_SIZE = NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD + NTS_NONCE + SIV_TAG /* at most */ };

/* What is to be authenticated. Invariant: size + AUTHENTICATOR_SIZE <= NTS_CLIENT_REQUEST_MAX. */
struct request {
	uint8_t *octets;
	size_t size;
};

/* Append a field; a body that is NULL is zeros. Cookies are whole words: KE takes no others. */
static void put_field(struct request *r, uint16_t type, const void *body, size_t size)
{
	uint8_t *at = r->octets + r->size;

	store_be16(at, type);
	store_be16(at + 2, (uint16_t)(NTS_FIELD_HEADER + size));
	if (body)
		memcpy(at + NTS_FIELD_HEADER, body, size);
	else
		memset(at + NTS_FIELD_HEADER, 0, size);
	r->size += NTS_FIELD_HEADER + size;
}

/* Placeholders are as long as the cookie. */
static void put_placeholders(struct request *r, size_t cookie_size, unsigned count)
{
	const size_t room = NTS_CLIENT_REQUEST_MAX - AUTHENTICATOR_SIZE;

	for (; count > 0 && r->size + NTS_FIELD_HEADER + cookie_size <= room; count--)
		put_field(r, NTS_FIELD_PLACEHOLDER, NULL, cookie_size);
}

/* All but the tag, which is all there is to make: a request has nothing to hide. Without a text the two AEADs
 * differ in the nonce alone. */
static void put_authenticator(struct request *r, const struct nts_client *client,
	const uint8_t nonce[NTS_NONCE], struct siv_job *job)
{
	uint8_t *at = r->octets + r->size, *head = at + NTS_FIELD_HEADER,
		*own = head + NTS_AUTHENTICATOR_HEAD;
	const size_t nonce_size = nts_nonce_size(client->aead);
	const size_t size = AUTHENTICATOR_SIZE - NTS_NONCE + nonce_size;

	store_be16(at, NTS_FIELD_AUTHENTICATOR);
	store_be16(at + 2, (uint16_t)size);
	store_be16(head, (uint16_t)nonce_size);
	store_be16(head + 2, SIV_TAG);
	memcpy(own, nonce, nonce_size);
	*job = (struct siv_job){.aead = client->aead, .key = client->keys.c2s, .tag = own + nonce_size};
	siv_job_bind(job, r->octets, r->size, own, nonce_size);
	r->size += size;
}

/* The oldest cookie is gone, so that it is never sent twice (RFC 8915 section 5.7: who sees both, knows that
 * they are of one client). */
static void drop_oldest(struct nts_client *client)
{
	client->cookies--;
	memmove(&client->cookie[0], &client->cookie[1], client->cookies * sizeof(client->cookie[0]));
	OPENSSL_cleanse(&client->cookie[client->cookies], sizeof(client->cookie[0]));
}

size_t nts_client_prepare(struct nts_client *client, uint8_t octets[NTS_CLIENT_REQUEST_MAX],
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], const uint8_t nonce[NTS_NONCE],
	struct siv_job *job)
{
	struct request r = {.octets = octets, .size = NTP_HEADER_SIZE};
	const size_t cookie_size = client->cookie[0].size;

	if (client->cookies == 0)
		return 0;
	put_field(&r, NTS_FIELD_IDENTIFIER, identifier, NTS_CLIENT_IDENTIFIER_SIZE);
	put_field(&r, NTS_FIELD_COOKIE, client->cookie[0].octets, cookie_size);
	client->used = client->keep_last && client->cookies == 1;
	if (!client->used)
		drop_oldest(client);
	/* the cookie itself asks for one */
	if (!client->no_placeholders && client->cookies < KE_COOKIES)
		put_placeholders(&r, cookie_size, KE_COOKIES - client->cookies - 1);
	put_authenticator(&r, client, nonce, job);
	return r.size;
}

size_t nts_client_protect(struct nts_client *client, struct siv *siv, uint8_t octets[NTS_CLIENT_REQUEST_MAX],
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE], const uint8_t nonce[NTS_NONCE])
{
	struct siv_job job = {0};
	const size_t size = nts_client_prepare(client, octets, identifier, nonce, &job);

	if (size)
		siv_seal(siv, &job, 1);
	return job.done ? size : 0;
}

/* What stands before the authenticator, and the authenticator. */
struct reply {
	unsigned identifiers; /* of any kind */
	bool ours;            /* the last one is ours */
	bool clear_cookie;
	bool authenticator;
	size_t ad_size;
	struct nts_span body; /* of the authenticator */
};

static void take_field(struct reply *r, const uint8_t *octets, const struct nts_field *field,
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE])
{
	switch (field->type) {
	case NTS_FIELD_IDENTIFIER:
		r->identifiers++;
		r->ours = field->body.size == NTS_CLIENT_IDENTIFIER_SIZE &&
			  memcmp(octets + field->body.at, identifier, NTS_CLIENT_IDENTIFIER_SIZE) == 0;
		break;
	case NTS_FIELD_COOKIE:
		r->clear_cookie = true;
		break;
	case NTS_FIELD_AUTHENTICATOR:
		r->authenticator = true;
		r->ad_size = (size_t)field->body.at - NTS_FIELD_HEADER;
		r->body = field->body;
		break;
	default:
		break; /* authenticated, and none of ours */
	}
}

/* What follows the authenticator is nobody's (section 5.6) and is not looked at. False where there are no
 * fields, but other octets. */
static bool read_fields(struct reply *r, const uint8_t *octets, size_t size,
	const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE])
{
	struct nts_cursor cursor = nts_cursor_over(octets, NTP_HEADER_SIZE, size);
	struct nts_field field;

	while (!r->authenticator && nts_cursor_next(&cursor, &field))
		take_field(r, octets, &field, identifier);
	return !cursor.failed;
}

/* Section 5.7, and RFC 5905 section 7.4 for the kiss. Whether it may be one is all the header says before it
 * is authentic. */
static bool is_nak(const uint8_t *octets)
{
	struct ntp_header header;

	memcpy(&header, octets, sizeof(header));
	return header.stratum == 0 && memcmp(header.refid, "NTSN", sizeof(header.refid)) == 0;
}

/* Decrypt in place; *text is what was encrypted. Servers may have nonces of other lengths than ours. */
static bool open_reply(const struct reply *r, struct siv *siv, const struct nts_client *client,
	uint8_t *octets, struct nts_span *text)
{
	uint8_t *head = octets + r->body.at, *nonce = head + NTS_AUTHENTICATOR_HEAD;
	const size_t nonce_size = load_be16(head), size = load_be16(head + 2);
	struct siv_job job = {.aead = client->aead, .key = client->keys.s2c};

	if (nonce_size == 0 || size < SIV_TAG ||
		NTS_AUTHENTICATOR_HEAD + nts_padded(nonce_size) + nts_padded(size) > r->body.size)
		return false;
	job.size = size - SIV_TAG;
	if (client->aead == AEAD_AES_128_GCM_SIV) {
		job.text = nonce + nts_padded(nonce_size);
		job.tag = job.text + job.size;
	} else {
		job.tag = nonce + nts_padded(nonce_size);
		job.text = job.tag + SIV_TAG;
	}
	siv_job_bind(&job, octets, r->ad_size, nonce, nonce_size);
	siv_open(siv, &job, 1);
	*text = (struct nts_span){(uint16_t)(job.text - octets), (uint16_t)job.size};
	return job.done;
}

static void take_cookie(struct nts_client *client, const uint8_t *octets, size_t size)
{
	struct ke_client_cookie *cookie;

	if (client->cookies == KE_COOKIES || client->used)
		drop_oldest(client);
	client->used = false;
	cookie = &client->cookie[client->cookies++];
	cookie->size = (uint16_t)size;
	memcpy(cookie->octets, octets, size);
}

/* How the cookies among the decrypted fields are. */
static enum nts_client_verdict judge_cookies(const uint8_t *octets, struct nts_span text)
{
	struct nts_cursor cursor = nts_cursor_over(octets, text.at, (size_t)text.at + text.size);
	struct nts_field field;
	enum nts_client_verdict verdict = NTS_CLIENT_NO_COOKIE;

	while (nts_cursor_next(&cursor, &field)) {
		if (field.type != NTS_FIELD_COOKIE)
			continue;
		if (field.body.size > KE_CLIENT_COOKIE_MAX)
			return NTS_CLIENT_COOKIE_SIZE;
		verdict = NTS_CLIENT_AUTHENTIC;
	}
	return cursor.failed ? NTS_CLIENT_FIELDS : verdict;
}

static void take_cookies(struct nts_client *client, const uint8_t *octets, struct nts_span text)
{
	struct nts_cursor cursor = nts_cursor_over(octets, text.at, (size_t)text.at + text.size);
	struct nts_field field;

	while (nts_cursor_next(&cursor, &field))
		if (field.type == NTS_FIELD_COOKIE)
			take_cookie(client, octets + field.body.at, field.body.size);
}

enum nts_client_verdict nts_client_judge(struct nts_client *client, struct siv *siv, uint8_t *octets,
	size_t size, const uint8_t identifier[NTS_CLIENT_IDENTIFIER_SIZE])
{
	struct reply r = {0};
	struct nts_span text;
	enum nts_client_verdict verdict;

	if (size < NTP_HEADER_SIZE || size > UINT16_MAX || !read_fields(&r, octets, size, identifier))
		return NTS_CLIENT_FIELDS;
	if (r.identifiers != 1 || !r.ours)
		return NTS_CLIENT_IDENTIFIER;
	if (!r.authenticator)
		return is_nak(octets) ? NTS_CLIENT_NAK : NTS_CLIENT_UNAUTHENTICATED;
	if (!open_reply(&r, siv, client, octets, &text))
		return NTS_CLIENT_FORGED;
	if (r.clear_cookie)
		return NTS_CLIENT_CLEAR_COOKIE;
	verdict = judge_cookies(octets, text);
	if (verdict == NTS_CLIENT_AUTHENTIC)
		take_cookies(client, octets, text);
	return verdict;
}
