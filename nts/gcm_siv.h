/*
 * AEAD_AES_128_GCM_SIV (RFC 8452) of one job at a time, over the two operations that back-ends have of their
 * own: AES by blocks, and POLYVAL. For nts/siv.c, which hands it jobs of that AEAD.
 */
#ifndef NTS_GCM_SIV_H
#define NTS_GCM_SIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/siv.h"

/* As siv_seal and siv_open, for a job of this AEAD. Nothing of keys is left behind. */
void gcm_siv_seal(struct siv *siv, struct siv_job *job);
void gcm_siv_open(struct siv *siv, struct siv_job *job);

/*
 * POLYVAL (RFC 8452 section 3) in portable C: take `blocks` blocks into the sum, under h. Constant in time
 * wherever the CPU multiplies in constant time, as all that DPDK runs on do.
 */
void gcm_siv_polyval(
	uint8_t sum[SIV_BLOCK], const uint8_t h[SIV_BLOCK], const uint8_t *octets, size_t blocks);

#endif
