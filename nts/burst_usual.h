/*
 * nts/burst.h for usual requests (nts/usual.h) of one kind: what that finds out about each is known of all of
 * them, so that nothing is compared or noted but the pointers that lanes take. With the same results.
 */
#ifndef NTS_BURST_USUAL_H
#define NTS_BURST_USUAL_H

#include <stdbool.h>
#include <stdint.h>

#include "nts/burst.h"
#include "nts/nonce.h"
#include "nts/usual.h"

/* Requests of a kind, by the same index. */
struct nts_usual_list {
	unsigned n;
	uint8_t number[NTS_BURST_MAX];  /* what the caller calls it */
	uint8_t chain[NTS_BURST_MAX];   /* as in struct nts_burst_item */
	uint8_t *packet[NTS_BURST_MAX]; /* its NTP header's first octet: of the request, then of its reply */
	struct siv_lanes_keys *keys[NTS_BURST_MAX]; /* the caller's, to erase when all is done */
};

/* Copy an entry over another. */
static inline void nts_usual_list_copy(struct nts_usual_list *list, unsigned to, unsigned from)
{
	list->number[to] = list->number[from];
	list->chain[to] = list->chain[from];
	list->packet[to] = list->packet[from];
	list->keys[to] = list->keys[from];
}

/* Whether new cookies are as long as those of usual requests: else their replies are no usual ones. */
bool nts_burst_takes_usual(const struct nts_burst *burst, ntp64 now);

/* Open the cookies: true where all of them are COOKIE_OPENED, else an enum cookie_verdict for each; the keys
 * of others are worth nothing then. */
bool nts_burst_usual_open(struct nts_burst *burst, struct nts_usual_list *list, const struct nts_usual *usual,
	ntp64 now, uint8_t verdict[NTS_BURST_MAX]);

/* Verify requests, whose cookies have been opened. */
void nts_burst_usual_verify(struct nts_burst *burst, const struct nts_usual_list *list,
	const struct nts_usual *usual, bool good[NTS_BURST_MAX]);

/*
 * Write each reply but for its header, its tag and the encryption, with a new cookie under
 * nts_burst_current's key: `good`. Of nonces, there are list->n for replies and as many for cookies.
 */
void nts_burst_usual_bake(struct nts_burst *burst, struct nts_usual_list *list, const struct nts_usual *usual,
	const struct keyring_key *key, const uint8_t (*reply_nonce)[NONCE],
	const uint8_t (*cookie_nonce)[NONCE], bool good[NTS_BURST_MAX]);

/* Seal replies, whose headers are complete: `good`. */
void nts_burst_usual_seal(struct nts_burst *burst, const struct nts_usual_list *list,
	const struct nts_usual *usual, bool good[NTS_BURST_MAX]);

#endif
