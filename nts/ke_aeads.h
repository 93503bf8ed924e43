/*
 * The AEADs that key establishment agrees on (RFC 8915 section 4.1.5): lists of them, and what follows from
 * the choice. Those that there can be are nts/siv.h's. Pure; callable from any thread.
 */
#ifndef NTS_KE_AEADS_H
#define NTS_KE_AEADS_H

#include <stdbool.h>
#include <stdint.h>

#include "nts/siv.h"

enum { KE_AEADS_MAX = 2 };

/* At least one, none twice; a client has the one that it likes best first. */
struct ke_aeads {
	unsigned count;
	uint16_t id[KE_AEADS_MAX];
};

/* What is offered where nobody says otherwise. */
extern const struct ke_aeads ke_aeads_default;

bool ke_aeads_hold(const struct ke_aeads *aeads, uint16_t aead);

/* A list as people write it, "30,15". False where it is none, or names an AEAD twice or one that is not
 * ours. */
bool ke_aeads_parse(struct ke_aeads *aeads, const char *text);

/* The IANA's name, "AEAD_AES_SIV_CMAC_256"; "-" where it is none of ours. */
const char *ke_aead_name(uint16_t aead);

/*
 * The AEAD that stands in the exporter's context (RFC 8915 section 5.1): the one agreed on, but
 * AEAD_AES_SIV_CMAC_256 for an AEAD_AES_128_GCM_SIV that is not compliant. So did chrony 4.4 to 4.6; who has
 * learned better says so by KE_COMPLIANT_GCM_SIV records, and compliant it is where both sides do.
 */
uint16_t ke_export_context(uint16_t aead, bool compliant);

#endif
