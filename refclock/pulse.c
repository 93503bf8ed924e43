#include "refclock/pulse.h"

#include <math.h>
#include <stdint.h>

bool pulse_number(ntp64 guess, ntp64 fraction, double rate, ntp64 *time)
{
	double period = (double)NTP64_SECOND / fmax(rint(rate), 1);
	double into = fmod((double)(uint32_t)(guess - fraction), period);
	int64_t distance = (int64_t)rint(into < period / 2 ? into : into - period);

	*time = guess - (ntp64)distance;
	return fabs((double)distance) <= PULSE_REACH * period;
}
