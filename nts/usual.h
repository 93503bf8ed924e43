/*
 * Usual requests (RFC 8915 section 5.7): the fields that nearly every client sends while it loses no reply,
 * in their order and no others: an identifier of 32 octets, the cookie, and an authenticator of a nonce as
 * long as ours and the tag alone. Those of one AEAD differ in octets only, and so do their replies with one
 * new cookie as long: all that nts/fields.h finds out about them is known beforehand.
 *
 * Pure; callable from any thread.
 */
#ifndef NTS_USUAL_H
#define NTS_USUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/octets.h"
#include "ntp/packet.h"
#include "nts/fields.h"

/* By AEAD. */
enum nts_usual_kind { NTS_USUAL_SIV, NTS_USUAL_GCM_SIV, NTS_USUALS };

enum {
	NTS_USUAL_IDENTIFIER = NTS_FIELD_HEADER + NTS_IDENTIFIER_MIN,
	NTS_USUAL_FIELDS = NTP_HEADER_SIZE, /* where the identifier's field is, then the cookie's ... */
	NTS_USUAL_COOKIE = NTS_USUAL_FIELDS + NTS_USUAL_IDENTIFIER, /* ... or a reply's authenticator */
	NTS_USUAL_ECHO = NTS_USUAL_COOKIE, /* octets of a reply with the identifier alone */
};

struct nts_usual {
	struct nts_request request;
	struct nts_reply reply; /* the identifier stays where it is */
	/* As on the wire: the heads of identifier and cookie, and the authenticator's with its sizes. */
	uint8_t heads[16];
	/* Of the reply's authenticator, likewise; and of the field with the new cookie. */
	uint8_t reply_heads[8], cookie_head[4];
};

/* Indexed by enum nts_usual_kind. */
extern const struct nts_usual nts_usual[NTS_USUALS];

/* Whether the heads of a request's fields are those of this kind, which is as long. */
static inline bool nts_usual_has_heads(const struct nts_usual *usual, const uint8_t *packet)
{
	return load_raw32(packet + NTS_USUAL_FIELDS) == load_raw32(usual->heads) &&
	       load_raw32(packet + NTS_USUAL_COOKIE) == load_raw32(usual->heads + 4) &&
	       load_raw64(packet + usual->request.ad_size) == load_raw64(usual->heads + 8);
}

/* Which kind of usual request this is; NTS_USUALS: none. The version and mode are the caller's to look at. */
static inline unsigned nts_usual_kind(const uint8_t *packet, size_t size)
{
	for (unsigned kind = 0; kind < NTS_USUALS; kind++)
		if (size == nts_usual[kind].request.size && nts_usual_has_heads(&nts_usual[kind], packet))
			return kind;
	return NTS_USUALS;
}

#endif
