#include "refclock/phc_sample.h"

#include <math.h>

#include "refclock/sample_time.h"

/* Units, rounded up: the resolution of the kernel's stamps and of the device's. */
enum { NANOSECOND = 5 };

bool phc_time(const struct ptp_clock_time *t, ntp64 *time)
{
	if (!sample_time_is_sane(t->sec) || t->nsec >= 1000000000)
		return false;
	*time = ntp64_from_unix(t->sec, t->nsec);
	return true;
}

/* Of one sandwich; it replaces a wider one. */
static void take(struct phc_reading *best, bool *found, const struct ptp_clock_time *before,
	const struct ptp_clock_time *device, const struct ptp_clock_time *after)
{
	ntp64 from, to, shown;
	uint64_t half;

	if (!phc_time(before, &from) || !phc_time(device, &shown) || !phc_time(after, &to) ||
		ntp64_diff(to, from) < 0)
		return;
	half = (to - from) / 2 + 1 + 2 * NANOSECOND;
	if (*found && half >= best->half)
		return;
	*found = true;
	*best = (struct phc_reading){.kernel = from + (to - from) / 2, .device = shown, .half = half};
}

bool phc_from_precise(const struct ptp_sys_offset_precise *answer, struct phc_reading *reading)
{
	bool found = false;

	take(reading, &found, &answer->sys_realtime, &answer->device, &answer->sys_realtime);
	return found;
}

bool phc_from_extended(const struct ptp_sys_offset_extended *answer, struct phc_reading *reading)
{
	bool found = false;

	for (unsigned i = 0; i < answer->n_samples && i < PTP_MAX_SAMPLES; i++)
		take(reading, &found, &answer->ts[i][0], &answer->ts[i][1], &answer->ts[i][2]);
	return found;
}

bool phc_from_basic(const struct ptp_sys_offset *answer, struct phc_reading *reading)
{
	bool found = false;

	for (unsigned i = 0; i < answer->n_samples && i < PTP_MAX_SAMPLES; i++)
		take(reading, &found, &answer->ts[2 * i], &answer->ts[2 * i + 1], &answer->ts[2 * i + 2]);
	return found;
}

static bool is_after(const struct phc_reading *later, const struct phc_reading *reading)
{
	return ntp64_diff(later->kernel, reading->kernel) > 0 &&
	       ntp64_diff(later->device, reading->device) > 0;
}

void phc_map_add(struct phc_map *map, const struct phc_reading *reading)
{
	if (!map->begun || !is_after(reading, &map->newer)) {
		*map = (struct phc_map){true, *reading, *reading, *reading};
		return;
	}
	map->newer = *reading;
	if (reading->kernel - map->next.kernel < NTP64_SECOND / 2)
		return;
	map->older = map->next;
	map->next = *reading;
}

/* Units of the kernel clock per unit of the device's, and how far that can be wrong. */
static double rate_of(const struct phc_map *map, double *wrong)
{
	double kernel, device, rate;

	*wrong = PHC_RATE_PPM * 1e-6;
	if (!is_after(&map->newer, &map->older))
		return 1;
	kernel = (double)ntp64_diff(map->newer.kernel, map->older.kernel);
	device = (double)ntp64_diff(map->newer.device, map->older.device);
	rate = kernel / device;
	*wrong = (double)(map->newer.half + map->older.half) / device + PHC_CHANGE_PPM * 1e-6;
	/* A device that was set in between tells nothing of its rate. */
	if (*wrong < PHC_RATE_PPM * 1e-6 && fabs(rate - 1) <= PHC_RATE_PPM * 1e-6)
		return rate;
	*wrong = PHC_RATE_PPM * 1e-6;
	return 1;
}

bool phc_map_kernel(const struct phc_map *map, ntp64 device, ntp64 *kernel, uint64_t *error)
{
	int64_t ahead = ntp64_diff(device, map->newer.device);
	double rate, wrong;

	if (!map->begun || ahead > (int64_t)(2 * NTP64_SECOND) || ahead < -(int64_t)(2 * NTP64_SECOND))
		return false;
	rate = rate_of(map, &wrong);
	*kernel = map->newer.kernel + (ntp64)(int64_t)(rate * (double)ahead);
	*error = map->newer.half + (uint64_t)(wrong * fabs((double)ahead)) + 2;
	return true;
}
