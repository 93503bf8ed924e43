#include "tests/nts_judge.h"

#include <stdlib.h>
#include <string.h>

#include "nts/cookie.h"
#include "nts/siv.h"

enum { NTP_HEADER = 48, FIELD_HEADER = 4, TAG = 16, COOKIE = 100, GCM_COOKIE = 68, COOKIES_MAX = 8 };

/* In a judge's function: give up with the reason. */
#define DEMAND(condition, complaint)      \
	do {                              \
		if (!(condition))         \
			return complaint; \
	} while (0)

static struct siv *aead(void)
{
	static struct siv *siv;

	if (!siv && !(siv = siv_new(siv_backend_best())))
		abort();
	return siv;
}

static uint64_t get(const uint8_t *octets, int size)
{
	uint64_t value = 0;

	for (int i = 0; i < size; i++)
		value = value << 8 | octets[i];
	return value;
}

static const char *judge_checksums(const struct packet *reply, const uint8_t *udp, bool offload)
{
	const uint8_t *ip = reply->data + reply->l3;
	const uint16_t length = (uint16_t)get(udp + 4, 2);
	const uint16_t pseudo = golden_pseudo_sum(ip, reply->is_ipv6, length);

	if (!reply->is_ipv6)
		DEMAND(offload ? get(ip + 10, 2) == 0 : golden_sum(0, ip, IPV4_HEADER) == 0xffff,
			"IP checksum");
	if (offload)
		DEMAND(get(udp + 6, 2) == pseudo, "UDP checksum's beginning");
	else
		DEMAND(golden_sum(pseudo, udp, length) == 0xffff && get(udp + 6, 2) != 0, "UDP checksum");
	return NULL;
}

/* All before NTP: the way back, and no longer than the way there. */
static const char *judge_envelope(const struct nts_golden_case *q, const struct packet *reply, bool offload)
{
	const uint8_t *ip = reply->data + reply->l3, *old = q->frame + q->l3;
	const size_t header = q->ipv6 ? IPV6_HEADER : IPV4_HEADER, at = q->ipv6 ? 8 : 12,
		     size = q->ipv6 ? 16 : 4;
	const size_t length = reply->length - (size_t)q->l3;

	DEMAND(reply->flags & PACKET_REPLY, "the flag of a reply is missing");
	DEMAND(reply->length <= q->length, "longer than the request");
	DEMAND(memcmp(reply->data, q->frame + 6, 6) == 0 && memcmp(reply->data + 6, q->frame, 6) == 0,
		"MACs");
	DEMAND(memcmp(reply->data + 12, q->frame + 12, q->l3 - 12U) == 0, "EtherType or tags");
	DEMAND(memcmp(ip + at, old + at + size, size) == 0 && memcmp(ip + at + size, old + at, size) == 0,
		"addresses");
	DEMAND(memcmp(ip + header, old + header + 2, 2) == 0 && memcmp(ip + header + 2, old + header, 2) == 0,
		"ports");
	DEMAND(get(ip, 1) >> 4 == (q->ipv6 ? 6 : 4), "IP version");
	DEMAND(get(ip + (q->ipv6 ? 4 : 2), 2) == (q->ipv6 ? length - header : length), "IP length");
	DEMAND(get(ip + header + 4, 2) == length - header, "UDP length");
	return judge_checksums(reply, ip + header, offload);
}

static const char *judge_header(const uint8_t *ntp, const uint8_t *asked)
{
	DEMAND((ntp[0] & 0x3f) == (4 << 3 | 4), "not a server of version 4");
	DEMAND(memcmp(ntp + 24, asked + 40, 8) == 0, "origin is not the request's transmit");
	DEMAND(get(ntp + 40, 8) >= get(ntp + 32, 8), "sent before it was received");
	DEMAND(memcmp(ntp + 24, ntp + 40, 8) != 0, "transmit is the client's own");
	return NULL;
}

/* The identifier, echoed as the first field; gives where it ends, 0 where it is not right. */
static size_t after_identifier(const uint8_t *ntp, size_t size, const struct nts_golden_case *q)
{
	const size_t length = (size_t)FIELD_HEADER + q->identifier_size;
	const uint8_t *asked = q->frame + q->ntp + q->identifier;

	if (size < NTP_HEADER + length || get(ntp + NTP_HEADER, 2) != 0x0104 ||
		get(ntp + NTP_HEADER + 2, 2) != length ||
		memcmp(ntp + NTP_HEADER + FIELD_HEADER, asked, q->identifier_size) != 0)
		return 0;
	return NTP_HEADER + length;
}

static const char *judge_cookie(const uint8_t *cookie, const struct keyring *ring, bool gcm_siv)
{
	struct cookie_opening o = {.cookie = cookie, .size = gcm_siv ? GCM_COOKIE : COOKIE};

	cookie_open(aead(), ring, NTS_GOLDEN_NOW, &o, 1);
	DEMAND(o.verdict == COOKIE_OPENED, "a cookie that does not open");
	DEMAND(memcmp(&o.keys, nts_golden_keys(gcm_siv), sizeof(o.keys)) == 0, "a cookie of other keys");
	return NULL;
}

static const char *judge_cookies(
	const uint8_t *text, size_t size, const struct keyring *ring, bool gcm_siv, unsigned cookies)
{
	const size_t stride = (size_t)FIELD_HEADER + (gcm_siv ? GCM_COOKIE : COOKIE), count = size / stride;

	DEMAND(size % stride == 0 && count >= 1 && count <= COOKIES_MAX, "cookies of wrong sizes");
	DEMAND(cookies == NTS_JUDGE_ANY_COOKIES || count == cookies, "not as many cookies as expected");
	for (size_t i = 0; i < count; i++) {
		const uint8_t *field = text + i * stride;
		const char *complaint;

		DEMAND(get(field, 4) == (0x0204U << 16 | stride), "a field that is no cookie");
		complaint = judge_cookie(field + FIELD_HEADER, ring, gcm_siv);
		if (complaint)
			return complaint;
		for (size_t j = 0; j < i; j++)
			DEMAND(memcmp(field + 8, text + j * stride + 8, 16) != 0, "two cookies of one nonce");
	}
	return NULL;
}

/* The authenticator: last, whole, and true. */
static const char *judge_authenticator(const uint8_t *ntp, size_t size, size_t at, const struct keyring *ring,
	bool gcm_siv, unsigned cookies)
{
	const uint8_t *field = ntp + at, *nonce = field + 8;
	const size_t nonce_size = gcm_siv ? 12 : 16;
	uint8_t text[COOKIES_MAX * (FIELD_HEADER + COOKIE)], tag[TAG];
	struct siv_job job = {
		.aead = gcm_siv ? 30 : 15, .key = nts_golden_keys(gcm_siv)->s2c, .text = text, .tag = tag};

	DEMAND(size >= at + FIELD_HEADER + 4 + nonce_size + TAG, "no room for an authenticator");
	DEMAND(get(field, 2) == 0x0404 && get(field + 2, 2) == size - at, "no authenticator at the end");
	DEMAND(get(field + 4, 2) == nonce_size, "a nonce of another size");
	job.size = size - at - FIELD_HEADER - 4 - nonce_size - TAG;
	DEMAND(get(field + 6, 2) == job.size + TAG, "a ciphertext of another size");
	DEMAND(job.size <= sizeof(text), "a ciphertext beyond 8 cookies");
	memcpy(tag, nonce + nonce_size + (gcm_siv ? job.size : 0), TAG);
	memcpy(text, nonce + nonce_size + (gcm_siv ? 0 : TAG), job.size);
	siv_job_bind(&job, ntp, at, nonce, nonce_size);
	siv_open(aead(), &job, 1);
	DEMAND(job.done, "does not verify");
	return judge_cookies(text, job.size, ring, gcm_siv, cookies);
}

const char *nts_judge_reply(const struct nts_golden_case *request, const struct packet *reply,
	const struct keyring *ring, unsigned cookies, bool offload)
{
	const uint8_t *ntp = reply->data + request->ntp;
	const size_t size = reply->length - (size_t)request->ntp;
	const char *complaint = judge_envelope(request, reply, offload);
	size_t at;

	if (complaint || (complaint = judge_header(ntp, request->frame + request->ntp)))
		return complaint;
	DEMAND(ntp[1] != 0, "stratum 0");
	at = after_identifier(ntp, size, request);
	DEMAND(at != 0, "the identifier is not echoed");
	return judge_authenticator(ntp, size, at, ring, request->gcm_siv, cookies);
}

static const char *judge_bare(const struct nts_golden_case *request, const struct packet *reply, bool offload)
{
	const uint8_t *ntp = reply->data + request->ntp;
	const size_t size = reply->length - (size_t)request->ntp;
	const char *complaint = judge_envelope(request, reply, offload);

	if (complaint || (complaint = judge_header(ntp, request->frame + request->ntp)))
		return complaint;
	DEMAND(after_identifier(ntp, size, request) == size, "not the identifier and nothing else");
	return NULL;
}

const char *nts_judge_echo(const struct nts_golden_case *request, const struct packet *reply, bool offload)
{
	DEMAND(reply->data[request->ntp + 1] != 0, "stratum 0");
	return judge_bare(request, reply, offload);
}

const char *nts_judge_kiss(const struct nts_golden_case *request, const struct packet *reply, bool offload)
{
	const uint8_t *ntp = reply->data + request->ntp;

	DEMAND(ntp[0] >> 6 == 3 && ntp[1] == 0 && memcmp(ntp + 12, "NTSN", 4) == 0, "no NTSN");
	return judge_bare(request, reply, offload);
}
