#include "dataplane/policy.h"

#include <string.h>

#include "ntp/packet.h"

void policy_init(struct policy *p)
{
	memset(p, 0, sizeof(*p));
	p->ntp_port = NTP_PORT;
}

bool policy_serve(struct policy *p, const uint8_t address[16], uint32_t vlan)
{
	uint64_t high, low;
	uint64_t hash;
	uint32_t slot;

	memcpy(&high, address, 8);
	memcpy(&low, address + 8, 8);
	hash = served_hash(high, low);
	for (slot = served_slot(hash); p->served[slot].used; slot = (slot + 1) % SERVED_SLOTS)
		if (memcmp(p->served[slot].address, address, 16) == 0 && p->served[slot].vlan == vlan)
			return true;
	if (p->served_count >= SERVED_MAX)
		return false;
	p->served[slot] = (struct served){.vlan = vlan, .used = 1};
	memcpy(p->served[slot].address, address, 16);
	p->source_filter[source_filter_word(hash)] |= UINT64_C(1) << source_filter_bit(hash);
	p->served_count++;
	return true;
}

void policy_map_ipv4(uint8_t mapped[16], const uint8_t ipv4[4])
{
	memset(mapped, 0, 10);
	memset(mapped + 10, 0xff, 2);
	memcpy(mapped + 12, ipv4, 4);
}
