#include "nts/ke_aeads.h"

#include <stdlib.h>

const struct ke_aeads ke_aeads_default = {2, {AEAD_AES_128_GCM_SIV, AEAD_AES_SIV_CMAC_256}};

bool ke_aeads_hold(const struct ke_aeads *aeads, uint16_t aead)
{
	for (unsigned i = 0; i < aeads->count; i++)
		if (aeads->id[i] == aead)
			return true;
	return false;
}

static bool is_ours(unsigned long aead)
{
	return aead == AEAD_AES_SIV_CMAC_256 || aead == AEAD_AES_128_GCM_SIV;
}

static bool add(struct ke_aeads *aeads, unsigned long aead)
{
	if (!is_ours(aead) || ke_aeads_hold(aeads, (uint16_t)aead))
		return false;
	aeads->id[aeads->count++] = (uint16_t)aead;
	return true;
}

bool ke_aeads_parse(struct ke_aeads *aeads, const char *text)
{
	char *end;

	*aeads = (struct ke_aeads){0};
	for (;; text = end + 1) {
		if (*text < '0' || *text > '9' || !add(aeads, strtoul(text, &end, 10)))
			return false;
		if (*end != ',')
			return *end == '\0';
	}
}

const char *ke_aead_name(uint16_t aead)
{
	switch (aead) {
	case AEAD_AES_SIV_CMAC_256:
		return "AEAD_AES_SIV_CMAC_256";
	case AEAD_AES_128_GCM_SIV:
		return "AEAD_AES_128_GCM_SIV";
	default:
		return "-";
	}
}

uint16_t ke_export_context(uint16_t aead, bool compliant)
{
	return aead == AEAD_AES_128_GCM_SIV && !compliant ? AEAD_AES_SIV_CMAC_256 : aead;
}
