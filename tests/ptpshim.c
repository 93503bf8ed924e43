/*
 * A PTP hardware clock (tests/deviceshim.h): PTPSHIM_DEVICE is its path, and what it shows is in PTPSHIM_FILE
 * (tests/ptpshim.h). It answers the calls of linux/ptp_clock.h that a reader of the clock makes.
 */
#include "tests/ptpshim.h"

#include <errno.h>
#include <linux/ptp_clock.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "tests/deviceshim.h"

static const char *events(const volatile void *file)
{
	static struct ptpshim shim;

	shim = *(const volatile struct ptpshim *)file;
	return shim.events;
}

static int refuse(volatile void *file)
{
	return ((const volatile struct ptpshim *)file)->unplugged ? ENOENT : 0;
}

static int64_t kernel_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct ptp_clock_time time_of(int64_t ns)
{
	return (struct ptp_clock_time){.sec = ns / 1000000000, .nsec = (uint32_t)(ns % 1000000000)};
}

static struct ptp_clock_time kernel_time(void)
{
	return time_of(kernel_ns());
}

static struct ptp_clock_time device_time(const struct ptpshim *shim, int64_t now)
{
	struct ptp_clock_time t = time_of(now + shim->ahead_ns);

	t.nsec += shim->nonsense * 1000000000;
	return t;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int precise(const struct ptpshim *shim, struct ptp_sys_offset_precise *answer)
{
	int64_t now = kernel_ns();

	answer->sys_realtime = time_of(now);
	answer->device = device_time(shim, now);
	return 0;
}

static int extended(const struct ptpshim *shim, struct ptp_sys_offset_extended *answer)
{
	for (unsigned i = 0; i < answer->n_samples && i < PTP_MAX_SAMPLES; i++) {
		answer->ts[i][0] = kernel_time();
		answer->ts[i][1] = device_time(shim, kernel_ns());
		answer->ts[i][2] = kernel_time();
	}
	return 0;
}

static int basic(const struct ptpshim *shim, struct ptp_sys_offset *answer)
{
	unsigned count = answer->n_samples < PTP_MAX_SAMPLES ? answer->n_samples : PTP_MAX_SAMPLES;

	for (unsigned i = 0; i < count; i++) {
		answer->ts[2 * i] = kernel_time();
		answer->ts[2 * i + 1] = device_time(shim, kernel_ns());
	}
	answer->ts[2 * count] = kernel_time();
	return 0;
}

static bool is_reading(unsigned long request)
{
	return request == PTP_SYS_OFFSET_PRECISE || request == PTP_SYS_OFFSET_EXTENDED ||
	       request == PTP_SYS_OFFSET;
}

static int answer_ptp(volatile void *file, unsigned long request, void *argument)
{
	struct ptpshim shim = *(const volatile struct ptpshim *)file;

	if (shim.unplugged)
		return fail(ENODEV);
	if (shim.busy && is_reading(request))
		return fail((int)shim.busy);
	switch (request) {
	case PTP_CLOCK_GETCAPS:
		memset(argument, 0, sizeof(struct ptp_clock_caps));
		return 0;
	case PTP_SYS_OFFSET_PRECISE:
		return shim.ways & PTPSHIM_PRECISE ? precise(&shim, argument) : fail(EOPNOTSUPP);
	case PTP_SYS_OFFSET_EXTENDED:
		return shim.ways & PTPSHIM_EXTENDED ? extended(&shim, argument) : fail(EOPNOTSUPP);
	case PTP_SYS_OFFSET:
		return shim.ways & PTPSHIM_BASIC ? basic(&shim, argument) : fail(ENOTTY);
	case PTP_PIN_SETFUNC:
	case PTP_EXTTS_REQUEST:
		return shim.ways & PTPSHIM_PULSES ? 0 : fail(EOPNOTSUPP);
	default:
		return fail(ENOTTY);
	}
}

const struct deviceshim deviceshim = {.device_variable = "PTPSHIM_DEVICE",
	.file_variable = "PTPSHIM_FILE",
	.size = sizeof(struct ptpshim),
	.place = events,
	.refuse = refuse,
	.answer = answer_ptp};
