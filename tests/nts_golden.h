/*
 * The golden NTS requests: one table of them and what must become of each, shared by tests and fuzz seeds.
 * Fields are written octet by octet, with nothing taken from nts/fields.c; the frame around them is
 * tests/golden.h's. Only the AEAD and the cookies are the project's own, which have tests of their own.
 */
#ifndef TESTS_NTS_GOLDEN_H
#define TESTS_NTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/verdict.h"
#include "nts/cookie.h"
#include "nts/keyring.h"
#include "tests/golden.h"

/* The time for which the keyring is made: golden_timebase's base. */
#define NTS_GOLDEN_NOW UINT64_C(0xe5f1a2b300000000)

/* Ids of its keys. */
enum {
	NTS_GOLDEN_FUTURE = 0x44440004,
	NTS_GOLDEN_CURRENT = 0x33330003,
	NTS_GOLDEN_OTHER_AEAD = 0x22220002, /* is of an AEAD that makes no cookies here */
	NTS_GOLDEN_EXPIRED = 0x11110001,
	NTS_GOLDEN_UNKNOWN = 0x55550005, /* not in the ring */
};

enum nts_golden_over { NTS_OVER_IPV4, NTS_OVER_IPV6, NTS_OVER_VLAN_IPV4, NTS_OVER_VLAN_IPV6, NTS_OVERS };

/* Bits turned over in the finished request. `part` is a field's letter, for the first such field from its
 * type on, or h: the header, n: the nonce, t: the tag, e: what is encrypted; 0: none. */
struct nts_golden_flip {
	char part;
	uint16_t octet;
	uint8_t bits;
};

/* A length that the authenticator claims in place of its own, where 0 means none. */
#define NTS_GOLDEN_CLAIM(octets) (UINT32_C(0x10000) | (octets))

/*
 * A request. `clear` has a letter for each field after the header, in their order; octets of the body:
 *   i (32), j (48), s (28)      Unique Identifier
 *   c (100), k (96), l (104)    cookie: as sealed, short of its end, with four octets more
 *   x (100)                     cookie of junk
 *   p (100), m (96), q (104)    placeholder
 *   u (24)                      unknown field
 *   a                           the authenticator, over all before it
 *   b (40)                      authenticator of junk
 *   M                           no field but 20 octets, as of a MAC
 * `inner` likewise, encrypted in a. A client of AES-128-GCM-SIV has cookies and placeholders that are shorter
 * by 32, nonces of 12, and its tag behind what is encrypted.
 */
struct nts_golden_shape {
	const char *clear, *inner;
	bool gcm_siv;      /* the AEAD */
	uint32_t key_id;   /* of the cookie; 0: NTS_GOLDEN_CURRENT */
	uint16_t lvm;      /* GOLDEN_LVM(version, mode) */
	uint8_t nonce;     /* octets; 0: what the AEAD's clients take */
	uint8_t padding;   /* octets after the ciphertext */
	uint8_t inner_cut; /* octets that `inner` is short of its end */
	uint32_t nonce_claim, ciphertext_claim;
	struct nts_golden_flip flip;
	bool udp_checksum_wrong;
};

struct nts_golden_case {
	char name[GOLDEN_NAME_MAX]; /* unique; [a-z0-9-] */
	uint8_t frame[GOLDEN_FRAME_MAX];
	uint16_t length;
	uint8_t l3;
	bool ipv6;
	uint16_t ntp, ntp_size;               /* the NTP packet in the frame */
	uint16_t identifier, identifier_size; /* the first one's body in it; 0: none */
	uint16_t protected_end;               /* the header and all fields before a; 0: no a */
	uint16_t nonce, nonce_size, tag;      /* of a, in the NTP packet */
	bool gcm_siv;
	enum verdict verdict;
	unsigned cookies; /* of the reply, for VERDICT_NTS_ANSWERED */
};

/* The request of a shape; name, verdict and cookies are left alone. */
void nts_golden_build(
	const struct nts_golden_shape *shape, enum nts_golden_over over, struct nts_golden_case *out);

/* The frame around NTP octets (at least 48) of one's own, with right lengths and checksums. Sets what it
 * knows of *out: all from `frame` to `identifier_size`. */
void nts_golden_wrap(
	const uint8_t *octets, uint16_t size, enum nts_golden_over over, struct nts_golden_case *out);

/* The cases, by number: each of the table over each of enum nts_golden_over. */
size_t nts_golden_count(void);
void nts_golden_case(size_t number, struct nts_golden_case *out);

/* What the cases expect: golden_policy with NTS, the ring, and the keys of their client. */
void nts_golden_policy(struct policy *policy);
void nts_golden_keyring(struct keyring *ring);
const struct cookie_keys *nts_golden_keys(bool gcm_siv);

/* Seal a cookie of these keys under the key of that id, be it in the ring or not. Its size. */
size_t nts_golden_cookie(uint8_t cookie[COOKIE_SIZE], bool gcm_siv, uint32_t key_id);

#endif
