#include "refclock/pulses.h"

enum pulses_news pulses_look(struct pulses *pulses, uint32_t sequence)
{
	uint32_t ahead = sequence - pulses->sequence;
	bool begun = pulses->begun;

	pulses->begun = true;
	pulses->sequence = sequence;
	if (!begun)
		return PULSES_FIRST;
	if (ahead == 0)
		return PULSES_SAME;
	if (ahead > UINT32_MAX / 2)
		return PULSES_RESET;
	pulses->taken++;
	pulses->lost += ahead - 1;
	return ahead == 1 ? PULSES_NEW : PULSES_MISSED;
}
