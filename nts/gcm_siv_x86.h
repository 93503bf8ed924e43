/* What nts/gcm_siv.h needs of a back-end, by the AES and PCLMULQDQ instructions of x86-64. See struct
 * siv_backend. */
#ifndef NTS_GCM_SIV_X86_H
#define NTS_GCM_SIV_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nts/siv.h"

bool gcm_siv_encrypt_x86(struct siv *siv, const uint8_t key[GCM_SIV_KEY], uint8_t *octets, size_t blocks);
void gcm_siv_polyval_x86(
	uint8_t sum[SIV_BLOCK], const uint8_t h[SIV_BLOCK], const uint8_t *octets, size_t blocks);

#endif
