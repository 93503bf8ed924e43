#include "nts/fields.h"

#include <string.h>

#include "ntp/extension.h"
#include "ntp/octets.h"
#include "ntp/packet.h"
#include "nts/usual.h"

const struct nts_verdict_info nts_verdict_info[NTS_REQUEST_VERDICT_COUNT] = {
#define X(symbol, name, meaning) [NTS_REQUEST_##symbol] = {name, meaning},
	NTS_VERDICTS(X)
#undef X
};

/* The first octets of a field, host order. */
static uint32_t head(uint16_t type, size_t length)
{
	return (uint32_t)type << 16 | (uint32_t)length;
}

static struct nts_span span(size_t at, size_t size)
{
	return (struct nts_span){(uint16_t)at, (uint16_t)size};
}

bool nts_cursor_next(struct nts_cursor *cursor, struct nts_field *field)
{
	const uint8_t *octets = cursor->octets + cursor->at;
	const size_t rest = cursor->end - cursor->at;
	size_t length;

	if (rest == 0 || cursor->failed)
		return false;
	cursor->failed = true;
	if (rest < EXTENSION_MIN)
		return false;
	length = load_be16(octets + 2);
	if (length < EXTENSION_MIN || length % 4 != 0 || length > rest)
		return false;
	cursor->failed = false;
	field->type = load_be16(octets);
	field->body = span(cursor->at + NTS_FIELD_HEADER, length - NTS_FIELD_HEADER);
	cursor->at += length;
	return true;
}

bool nts_is_asked(const uint8_t *packet, size_t size)
{
	struct nts_cursor cursor = nts_cursor_over(packet, NTP_HEADER_SIZE, size);
	struct nts_field field;
	unsigned identifiers = 0, sound = 0;

	while (nts_cursor_next(&cursor, &field))
		switch (field.type) {
		case NTS_FIELD_COOKIE:
		case NTS_FIELD_PLACEHOLDER:
		case NTS_FIELD_AUTHENTICATOR:
			return true;
		case NTS_FIELD_IDENTIFIER:
			identifiers++;
			sound += field.body.size >= NTS_IDENTIFIER_MIN;
			break;
		default:
			break;
		}
	return identifiers == 1 && sound == 1;
}

/* What the fields of a request have shown so far. */
struct seen {
	unsigned identifiers, cookies, authenticators;
	uint16_t placeholder_size; /* of the first */
};

static enum nts_verdict take_identifier(struct nts_request *r, struct seen *seen, struct nts_span body)
{
	if (seen->identifiers++)
		return NTS_REQUEST_TWO_IDENTIFIERS;
	r->identifier = body;
	return body.size < NTS_IDENTIFIER_MIN ? NTS_REQUEST_IDENTIFIER_SHORT : NTS_REQUEST_VALID;
}

static enum nts_verdict take_cookie(struct nts_request *r, struct seen *seen, struct nts_span body)
{
	if (seen->cookies++)
		return NTS_REQUEST_TWO_COOKIES;
	r->cookie = body;
	r->aead = cookie_aead(body.size);
	return NTS_REQUEST_VALID;
}

/* The cookie may yet follow, so a placeholder is compared with the other placeholders. */
static enum nts_verdict take_placeholder(struct nts_request *r, struct seen *seen, struct nts_span body)
{
	if (r->placeholders++ == 0)
		seen->placeholder_size = body.size;
	return body.size == seen->placeholder_size ? NTS_REQUEST_VALID : NTS_REQUEST_PLACEHOLDER_LENGTH;
}

/* Octets that a request reserves for the reply's nonce: N_REQ of RFC 8915 section 5.6. */
static size_t reserve(uint16_t aead)
{
	return aead == 0 ? 0 : nts_padded(nts_nonce_size(aead));
}

static bool is_nonce(uint16_t aead, size_t size)
{
	return aead == AEAD_AES_128_GCM_SIV ? size == GCM_SIV_NONCE : size > 0;
}

static enum nts_verdict take_authenticator(
	struct nts_request *r, struct seen *seen, const uint8_t *packet, struct nts_span body)
{
	const uint8_t *octets = packet + body.at;
	const size_t nonce = load_be16(octets), ciphertext = load_be16(octets + 2);
	const size_t room = (size_t)body.size - NTS_AUTHENTICATOR_HEAD;
	const size_t at = (size_t)body.at + NTS_AUTHENTICATOR_HEAD;

	seen->authenticators++;
	if (nts_padded(nonce) + nts_padded(ciphertext) > room)
		return NTS_REQUEST_AUTHENTICATOR_LENGTH;
	if (!is_nonce(r->aead, nonce))
		return NTS_REQUEST_NONCE_LENGTH;
	if (ciphertext < SIV_TAG)
		return NTS_REQUEST_CIPHERTEXT_SHORT;
	if (nts_padded(nonce) < reserve(r->aead) && reserve(r->aead) + nts_padded(ciphertext) > room)
		return NTS_REQUEST_PADDING;
	r->ad_size = (uint16_t)(body.at - NTS_FIELD_HEADER);
	r->nonce = span(at, nonce);
	r->ciphertext = span(at + nts_padded(nonce), ciphertext);
	return NTS_REQUEST_VALID;
}

static enum nts_verdict take(
	struct nts_request *r, struct seen *seen, const uint8_t *packet, const struct nts_field *field)
{
	switch (field->type) {
	case NTS_FIELD_IDENTIFIER:
		return take_identifier(r, seen, field->body);
	case NTS_FIELD_COOKIE:
		return take_cookie(r, seen, field->body);
	case NTS_FIELD_PLACEHOLDER:
		return take_placeholder(r, seen, field->body);
	case NTS_FIELD_AUTHENTICATOR:
		return take_authenticator(r, seen, packet, field->body);
	default:
		return NTS_REQUEST_VALID; /* unknown fields are ignored, and authenticated */
	}
}

/* What is wrong with the fields together, when each by itself is right. */
static enum nts_verdict complete(const struct nts_request *r, const struct seen *seen)
{
	if (!seen->cookies && !seen->authenticators && r->placeholders == 0)
		return NTS_REQUEST_ABSENT;
	if (!seen->authenticators)
		return NTS_REQUEST_NO_AUTHENTICATOR;
	if (!seen->identifiers)
		return NTS_REQUEST_NO_IDENTIFIER;
	if (!seen->cookies)
		return NTS_REQUEST_NO_COOKIE;
	if (r->placeholders > 0 && seen->placeholder_size != r->cookie.size)
		return NTS_REQUEST_PLACEHOLDER_LENGTH;
	return NTS_REQUEST_VALID;
}

static bool is_client(uint8_t lvm)
{
	return ntp_lvm_version(lvm) == 4 && ntp_lvm_mode(lvm) == NTP_MODE_CLIENT;
}

enum { AUTHENTICATOR_HEADS = NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD };

/* With placeholders, or a cookie of another length. */
static bool is_nearly_usual(struct nts_request *request, const uint8_t *packet, size_t size)
{
	enum { AUTHENTICATOR_MAX = AUTHENTICATOR_HEADS + NTS_NONCE + SIV_TAG };
	size_t at = NTS_USUAL_COOKIE, cookie, nonce, authenticator, placeholders = 0;
	uint16_t aead;

	if (size < NTS_USUAL_COOKIE + EXTENSION_MIN + AUTHENTICATOR_MAX || size > UINT16_MAX ||
		load_be32(packet + NTP_HEADER_SIZE) != head(NTS_FIELD_IDENTIFIER, NTS_USUAL_IDENTIFIER))
		return false;
	cookie = load_be16(packet + at + 2);
	aead = cookie_aead(cookie - NTS_FIELD_HEADER);
	nonce = nts_nonce_size(aead);
	authenticator = AUTHENTICATOR_MAX - NTS_NONCE + nonce;
	if (load_be16(packet + at) != NTS_FIELD_COOKIE || cookie < EXTENSION_MIN || cookie % 4 != 0 ||
		cookie > size - NTS_USUAL_COOKIE - authenticator)
		return false;
	for (at += cookie; cookie <= size - at - authenticator; at += cookie, placeholders++)
		if (load_be32(packet + at) != head(NTS_FIELD_PLACEHOLDER, cookie))
			return false;
	if (at + authenticator != size ||
		load_be32(packet + at) != head(NTS_FIELD_AUTHENTICATOR, authenticator) ||
		load_be32(packet + at + NTS_FIELD_HEADER) != ((uint32_t)nonce << 16 | SIV_TAG))
		return false;
	*request = (struct nts_request){
		.size = (uint16_t)size,
		.ad_size = (uint16_t)at,
		.aead = aead,
		.placeholders = (uint16_t)placeholders,
		.identifier = span(NTP_HEADER_SIZE + NTS_FIELD_HEADER, NTS_IDENTIFIER_MIN),
		.cookie = span(NTS_USUAL_COOKIE + NTS_FIELD_HEADER, cookie - NTS_FIELD_HEADER),
		.nonce = span(size - nonce - SIV_TAG, nonce),
		.ciphertext = span(size - SIV_TAG, SIV_TAG),
	};
	return true;
}

bool nts_request_usual(struct nts_request *request, const uint8_t *packet, size_t size)
{
	const unsigned kind = nts_usual_kind(packet, size);

	if (kind == NTS_USUALS)
		return is_nearly_usual(request, packet, size);
	*request = nts_usual[kind].request;
	return true;
}

enum nts_verdict nts_request_walk(struct nts_request *request, const uint8_t *packet, size_t size)
{
	struct nts_cursor cursor = nts_cursor_over(packet, NTP_HEADER_SIZE, size);
	struct nts_field field;
	struct seen seen = {0};

	*request = (struct nts_request){0};
	if (size < NTP_HEADER_SIZE || size > UINT16_MAX || !is_client(packet[0]))
		return NTS_REQUEST_HEADER;
	request->size = (uint16_t)size;
	while (!seen.authenticators && nts_cursor_next(&cursor, &field)) {
		enum nts_verdict verdict = take(request, &seen, packet, &field);

		if (verdict != NTS_REQUEST_VALID)
			return verdict;
	}
	return cursor.failed ? NTS_REQUEST_FIELD_LENGTH : complete(request, &seen);
}

enum nts_verdict nts_request_parse(struct nts_request *request, const uint8_t *packet, size_t size)
{
	if (size >= NTP_HEADER_SIZE && is_client(packet[0]) && nts_request_usual(request, packet, size))
		return NTS_REQUEST_VALID;
	return nts_request_walk(request, packet, size);
}

/* What is encrypted, and where the tag is. */
static struct nts_span text_of(const struct nts_request *request)
{
	const struct nts_span all = request->ciphertext;

	return span(request->aead == AEAD_AES_128_GCM_SIV ? all.at : all.at + (size_t)SIV_TAG,
		all.size - (size_t)SIV_TAG);
}

static size_t tag_of(const struct nts_request *request)
{
	const struct nts_span all = request->ciphertext;

	return request->aead == AEAD_AES_128_GCM_SIV ? all.at + (size_t)all.size - SIV_TAG : all.at;
}

void nts_request_job(
	struct siv_job *job, const struct nts_request *request, uint8_t *packet, const uint8_t *key)
{
	const struct nts_span text = text_of(request);

	job->aead = request->aead;
	job->key = key;
	job->tag = packet + tag_of(request);
	job->text = packet + text.at;
	job->size = text.size;
	siv_job_bind(job, packet, request->ad_size, packet + request->nonce.at, request->nonce.size);
}

enum nts_verdict nts_request_decrypted(struct nts_request *request, const uint8_t *packet)
{
	const struct nts_span text = text_of(request);
	struct nts_cursor cursor = nts_cursor_over(packet, text.at, (size_t)text.at + text.size);
	struct nts_field field;

	while (nts_cursor_next(&cursor, &field))
		switch (field.type) {
		case NTS_FIELD_PLACEHOLDER:
			if (field.body.size != request->cookie.size)
				return NTS_REQUEST_PLACEHOLDER_LENGTH;
			request->placeholders++;
			break;
		case NTS_FIELD_IDENTIFIER:
		case NTS_FIELD_COOKIE:
		case NTS_FIELD_AUTHENTICATOR:
			return NTS_REQUEST_ENCRYPTED_FIELD;
		default:
			break;
		}
	return cursor.failed ? NTS_REQUEST_FIELD_LENGTH : NTS_REQUEST_VALID;
}

static uint8_t *put_field(uint8_t *to, uint16_t type, size_t body_size)
{
	store_be32(to, head(type, NTS_FIELD_HEADER + body_size));
	return to + NTS_FIELD_HEADER;
}

/* The identifier where the reply's fields begin; it may stand anywhere in the same octets. */
static void put_identifier(uint8_t *packet, const struct nts_request *request, const uint8_t *request_packet)
{
	uint8_t *to = packet + NTP_HEADER_SIZE + NTS_FIELD_HEADER;
	const uint8_t *from = request_packet + request->identifier.at;

	if (to != from)
		memmove(to, from, request->identifier.size);
	put_field(packet + NTP_HEADER_SIZE, NTS_FIELD_IDENTIFIER, request->identifier.size);
}

static size_t identifier_end(const struct nts_request *request)
{
	return NTP_HEADER_SIZE + NTS_FIELD_HEADER + (size_t)request->identifier.size;
}

/* A reply's frame in registers: a struct of short fields would be put together in memory, and its words wait
 * for the stores of their halves. */
struct frame {
	size_t size, cookies, stride, ad, nonce, tag, text;
};

/* Lay out the reply; false where it does not fit. */
static bool lay_out(struct frame *f, const struct nts_request *request, size_t cookie_size)
{
	const size_t ad = identifier_end(request), stride = NTS_FIELD_HEADER + cookie_size;
	const size_t nonce = ad + NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD;
	const size_t ciphertext = nonce + nts_nonce_size(request->aead), least = ciphertext + SIV_TAG;
	const bool is_tag_last = request->aead == AEAD_AES_128_GCM_SIV;
	size_t cookies = nts_request_cookies(request);

	if (least > request->size)
		return false;
	if (cookies * stride > request->size - least)
		cookies = (request->size - least) / stride;
	*f = (struct frame){
		.size = least + cookies * stride,
		.cookies = cookies,
		.stride = stride,
		.ad = ad,
		.nonce = nonce,
		.tag = is_tag_last ? ciphertext + cookies * stride : ciphertext,
		.text = is_tag_last ? ciphertext : least,
	};
	return true;
}

/* What nts_reply_begin writes, where all of it is known beforehand but the nonce. */
static void begin_usual(struct nts_reply *reply, uint8_t *packet, const struct nts_usual *usual,
	const struct nts_request *request, const uint8_t *request_packet, const uint8_t nonce[NTS_NONCE])
{
	if (packet != request_packet)
		put_identifier(packet, request, request_packet);
	*reply = usual->reply;
	memcpy(packet + reply->ad_size, usual->reply_heads, sizeof(usual->reply_heads));
	memcpy(packet + reply->nonce, nonce, nts_nonce_size(reply->aead));
	memcpy(packet + reply->text.at, usual->cookie_head, sizeof(usual->cookie_head));
}

bool nts_reply_begin(struct nts_reply *reply, uint8_t *packet, const struct nts_request *request,
	const uint8_t *request_packet, size_t cookie_size, const uint8_t nonce[NTS_NONCE])
{
	const uint16_t aead = request->aead;
	const struct nts_usual *usual =
		&nts_usual[aead == AEAD_AES_128_GCM_SIV ? NTS_USUAL_GCM_SIV : NTS_USUAL_SIV];
	struct frame f;
	uint8_t *authenticator;

	static_assert(sizeof(*request) == 24, "without padding, for memcmp");
	if (cookie_size == usual->request.cookie.size &&
		memcmp(request, &usual->request, sizeof(*request)) == 0) {
		begin_usual(reply, packet, usual, request, request_packet, nonce);
		return true;
	}

	if (!lay_out(&f, request, cookie_size))
		return false;
	put_identifier(packet, request, request_packet);
	authenticator = put_field(packet + f.ad, NTS_FIELD_AUTHENTICATOR, f.size - f.ad - NTS_FIELD_HEADER);
	store_be32(authenticator,
		(uint32_t)nts_nonce_size(aead) << 16 | (uint32_t)(SIV_TAG + f.cookies * f.stride));
	memcpy(packet + f.nonce, nonce, nts_nonce_size(aead));
	for (size_t i = 0; i < f.cookies; i++)
		put_field(packet + f.text + i * f.stride, NTS_FIELD_COOKIE, cookie_size);
	*reply = (struct nts_reply){
		.size = (uint16_t)f.size,
		.cookies = (uint16_t)f.cookies,
		.cookie_stride = (uint16_t)f.stride,
		.ad_size = (uint16_t)f.ad,
		.aead = aead,
		.nonce = (uint16_t)f.nonce,
		.tag = (uint16_t)f.tag,
		.text = span(f.text, f.cookies * f.stride),
	};
	return true;
}

void nts_reply_job(struct siv_job *job, const struct nts_reply *reply, uint8_t *packet, const uint8_t *key)
{
	job->aead = reply->aead;
	job->key = key;
	job->tag = packet + reply->tag;
	job->text = packet + reply->text.at;
	job->size = reply->text.size;
	siv_job_bind(job, packet, reply->ad_size, packet + reply->nonce, nts_nonce_size(reply->aead));
}

size_t nts_echo_write(uint8_t *packet, const struct nts_request *request, const uint8_t *request_packet)
{
	put_identifier(packet, request, request_packet);
	return identifier_end(request);
}
