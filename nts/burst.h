/*
 * The four AEAD operations of NTS requests (RFC 8915 section 5.7) for a burst at once: open each cookie,
 * verify each request, make new cookies, seal each reply. Where the back-end has lanes (nts/siv_lanes.h),
 * requests of one shape go through them side by side; what is left over, or of a shape of its own, goes
 * through nts/siv.h, with the same result.
 *
 * Pure: no clock and no randomness; no allocation but in nts_burst_new. A struct nts_burst belongs to one
 * thread.
 */
#ifndef NTS_BURST_H
#define NTS_BURST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/cookie.h"
#include "nts/fields.h"
#include "nts/keyring.h"
#include "nts/siv.h"
#include "nts/siv_lanes.h"

enum { NTS_BURST_MAX = 64 };

/* A request on its way; the lists that the operations take are of pointers to these, at most NTS_BURST_MAX.
 */
struct nts_burst_item {
	uint8_t *packet; /* the NTP header's first octet: of the request, then of its reply */
	struct nts_request request;
	struct nts_reply reply;
	struct siv_lanes_keys *keys; /* the caller's, to erase when all is done */
	/* What the operations say and remember. */
	uint8_t cookie; /* enum cookie_verdict, of the opening */
	bool good;      /* of the last operation but the opening */
	uint8_t chain;  /* keys.chain is for the ring's key of this number, from 1; 0: not set */
};

/* A cookie to be made, in its place in a reply; the lists are of at most NTS_BURST_MAX * NTS_COOKIES_MAX. */
struct nts_burst_cookie {
	struct nts_burst_item *item;
	uint8_t *octets;      /* cookie_size_under the key, of the request's AEAD */
	const uint8_t *nonce; /* COOKIE_NONCE octets, fresh */
	bool done;            /* the result; the octets are zero where it is false */
};

struct nts_burst;

/* NULL where memory or the library's ciphers cannot be had. The ring is empty. */
struct nts_burst *nts_burst_new(const struct siv_backend *backend);
void nts_burst_free(struct nts_burst *burst); /* keys are erased; NULL is harmless */

/* Take over a copy of the keyring in place of the one before. */
void nts_burst_keyring(struct nts_burst *burst, const struct keyring *ring);

/* The key that seals, as keyring_current says; NULL where there is none. */
const struct keyring_key *nts_burst_current(const struct nts_burst *burst, ntp64 now);

/* Open each item's cookie: its verdict and, where that is COOKIE_OPENED, the keys; else these are worth
 * nothing. Its request is set. */
void nts_burst_open(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count, ntp64 now);

/* Verify each item's request, whose cookie has been opened, and decrypt in place: `good`. */
void nts_burst_verify(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count);

/* Make cookies of the items' keys, which have been had from a cookie; under nts_burst_current's key. */
void nts_burst_bake(struct nts_burst *burst, const struct keyring_key *key, struct nts_burst_cookie *cookies,
	unsigned count);

/* Seal each item's reply: `good`. Its frame, its cookies and its header stand in the packet. */
void nts_burst_seal(struct nts_burst *burst, struct nts_burst_item *const *items, unsigned count);

/* Erase what the operations have left of keys. Those of items are the caller's. */
void nts_burst_forget(struct nts_burst *burst);

#endif
