#include "nts/usual.h"

/* Octets of two words in network order. */
#define WORDS_BE(first, second) (first) >> 8, (first)&0xff, (second) >> 8, (second)&0xff

enum { HEADS = NTS_FIELD_HEADER + NTS_AUTHENTICATOR_HEAD };

/* Where things are, of a cookie and a nonce of these sizes. */
#define REQUEST_AD(cookie) (NTS_USUAL_COOKIE + NTS_FIELD_HEADER + (cookie))
#define REQUEST_NONCE(cookie) (REQUEST_AD(cookie) + HEADS)
#define REQUEST_SIZE(cookie, nonce) (REQUEST_NONCE(cookie) + (nonce) + SIV_TAG)
enum { REPLY_NONCE = NTS_USUAL_COOKIE + HEADS };

/* The places of what is encrypted in a reply, and of its tag, are behind the nonce. */
#define USUAL(aead_, cookie_, nonce_, text_, tag_)                                                  \
	{                                                                                           \
		.request = {.size = REQUEST_SIZE(cookie_, nonce_),                                  \
			.identifier = {NTS_USUAL_FIELDS + NTS_FIELD_HEADER, NTS_IDENTIFIER_MIN},    \
			.cookie = {NTS_USUAL_COOKIE + NTS_FIELD_HEADER, cookie_},                   \
			.ad_size = REQUEST_AD(cookie_),                                             \
			.aead = aead_,                                                              \
			.nonce = {REQUEST_NONCE(cookie_), nonce_},                                  \
			.ciphertext = {REQUEST_NONCE(cookie_) + (nonce_), SIV_TAG}},                \
		.reply = {.size = REQUEST_SIZE(cookie_, nonce_),                                    \
			.cookies = 1,                                                               \
			.cookie_stride = NTS_FIELD_HEADER + (cookie_),                              \
			.ad_size = NTS_USUAL_COOKIE,                                                \
			.aead = aead_,                                                              \
			.nonce = REPLY_NONCE,                                                       \
			.tag = REPLY_NONCE + (nonce_) + (tag_),                                     \
			.text = {REPLY_NONCE + (nonce_) + (text_), NTS_FIELD_HEADER + (cookie_)}},  \
		.heads = {WORDS_BE(NTS_FIELD_IDENTIFIER, NTS_USUAL_IDENTIFIER),                     \
			WORDS_BE(NTS_FIELD_COOKIE, NTS_FIELD_HEADER + (cookie_)),                   \
			WORDS_BE(NTS_FIELD_AUTHENTICATOR, HEADS + (nonce_) + SIV_TAG),              \
			WORDS_BE(nonce_, SIV_TAG)},                                                 \
		.reply_heads = {WORDS_BE(NTS_FIELD_AUTHENTICATOR,                                   \
					HEADS + (nonce_) + SIV_TAG + NTS_FIELD_HEADER + (cookie_)), \
			WORDS_BE(nonce_, SIV_TAG + NTS_FIELD_HEADER + (cookie_))},                  \
		.cookie_head = {WORDS_BE(NTS_FIELD_COOKIE, NTS_FIELD_HEADER + (cookie_))},          \
	}

const struct nts_usual nts_usual[NTS_USUALS] = {
	[NTS_USUAL_SIV] = USUAL(AEAD_AES_SIV_CMAC_256, COOKIE_SIZE, NTS_NONCE, SIV_TAG, 0),
	[NTS_USUAL_GCM_SIV] = USUAL(AEAD_AES_128_GCM_SIV, COOKIE_SIZE_GCM_SIV, GCM_SIV_NONCE, 0,
		NTS_FIELD_HEADER + COOKIE_SIZE_GCM_SIV),
};
