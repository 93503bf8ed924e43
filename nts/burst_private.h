/* What nts/burst.c and nts/burst_usual.c share. */
#ifndef NTS_BURST_PRIVATE_H
#define NTS_BURST_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "nts/burst.h"

enum {
	NTS_BURST_COOKIES_MAX = NTS_BURST_MAX * NTS_COOKIES_MAX,
	NTS_BURST_FEW = 3, /* lanes cost the same however many are in use: for fewer than these, too much */
};

struct nts_burst {
	struct siv *siv;
	struct siv_lanes *lanes; /* NULL: the back-end has none */
	bool uses_lanes;         /* since it last forgot what they knew */
	struct keyring ring;
	struct siv_lanes_master master[KEYRING_KEYS]; /* of the ring's keys, where there are lanes */
	/* Of one operation: what goes through the lanes together, what comes after it, and what goes alone.
	 */
	struct nts_burst_item *member[NTS_BURST_MAX], *rest[NTS_BURST_MAX], *odd[NTS_BURST_MAX];
	unsigned members, rests, odds;
	uint8_t *base[NTS_BURST_COOKIES_MAX];
	struct siv_lanes_keys *keys[NTS_BURST_COOKIES_MAX];
	bool good[NTS_BURST_COOKIES_MAX];
	struct siv_job job[NTS_BURST_MAX];
	struct cookie_opening opening[NTS_BURST_MAX];
	struct cookie_sealing sealing[NTS_BURST_COOKIES_MAX];
};

/* To go through them. */
static inline const struct siv_lanes_backend *nts_burst_lanes(struct nts_burst *b)
{
	b->uses_lanes = true;
	return b->lanes->backend;
}

/* Blocks of keys in a cookie, as lanes count them. */
static inline unsigned nts_burst_blocks(uint16_t aead)
{
	return aead == AEAD_AES_128_GCM_SIV ? 2 : 4;
}

#endif
