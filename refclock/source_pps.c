/*
 * Pulses per second through RFC 2783's interface: "PPS /dev/pps0[:clear]". The kernel stamps each pulse with
 * CLOCK_REALTIME and numbers it; a fetch that does not wait shows the newest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timepps.h>
#include <unistd.h>

#include "refclock/driver_parameter.h"
#include "refclock/drivers.h"
#include "refclock/pps_edge.h"
#include "refclock/pulses.h"
#include "refclock/stamped.h"

/* Units: of the kernel's stamps, a nanosecond. */
enum { RESOLUTION = 5 };

struct pps {
	const struct driver_world *world;
	int device;
	bool clear; /* the pulse's other end */
	struct pulses pulses;
	struct stamped pulse;
};

static bool parse(struct pps *pps, struct driver_parameter *parameter, char *text, size_t size)
{
	struct driver_option option;

	while (driver_parameter_next(parameter, &option)) {
		if (strcmp(option.name, "clear") != 0 || option.value[0]) {
			snprintf(text, size, "PPS %s: unknown option \"%s\"; expected clear", parameter->name,
				option.name);
			return false;
		}
		pps->clear = true;
	}
	return true;
}

bool pps_edge_ask(int device, int edges)
{
	pps_handle_t handle;
	pps_params_t parameters;

	if (time_pps_create(device, &handle) != 0 || time_pps_getparams(handle, &parameters) != 0)
		return false;
	if ((parameters.mode & edges) == edges)
		return true;
	parameters.mode |= edges | PPS_TSFMT_TSPEC;
	return time_pps_setparams(handle, &parameters) == 0;
}

int pps_edge_of(const char *parameter)
{
	struct driver_parameter split;
	struct driver_option option;

	driver_parameter_split(&split, parameter);
	while (driver_parameter_next(&split, &option)) {
		if (strcmp(option.name, "clear") == 0)
			return PPS_CAPTURECLEAR;
	}
	return PPS_CAPTUREASSERT;
}

/* Ask for stamps of the edge, and leave what others have asked for. */
static bool capture(const struct pps *pps, const char *path, char *text, size_t size)
{
	int edge = pps->clear ? PPS_CAPTURECLEAR : PPS_CAPTUREASSERT, can;
	pps_handle_t handle;

	if (time_pps_create(pps->device, &handle) != 0 || time_pps_getcap(handle, &can) != 0) {
		snprintf(text, size, "%s is no PPS device (%s); expected one like /dev/pps0", path,
			strerror(errno));
		return false;
	}
	if (!(can & edge)) {
		snprintf(text, size, "%s cannot stamp the %s of a pulse; %s", path,
			pps->clear ? "end" : "begin", pps->clear ? "leave :clear out" : "add :clear");
		return false;
	}
	if (pps_edge_ask(pps->device, edge))
		return true;
	snprintf(text, size, "%s: cannot ask for stamps (%s)%s", path, strerror(errno),
		errno == EPERM ? "; tickwire-opener needs CAP_SYS_TIME" : "");
	return false;
}

static void *pps_open(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	struct driver_parameter parameter;
	struct pps *pps = calloc(1, sizeof(*pps));

	snprintf(text, size, "%s", "");
	if (!pps) {
		snprintf(text, size, "out of memory");
		return NULL;
	}
	*pps = (struct pps){.world = world, .device = -1};
	driver_parameter_split(&parameter, options->parameter);
	if (!parse(pps, &parameter, text, size))
		goto fail;
	pps->device = world->device_open(world->opaque, parameter.name, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (pps->device < 0) {
		driver_explain(text, size, parameter.name, errno);
		goto fail;
	}
	if (capture(pps, parameter.name, text, size))
		return pps;
	close(pps->device);
fail:
	free(pps);
	return NULL;
}

static void pps_close(void *state)
{
	struct pps *pps = state;

	close(pps->device);
	free(pps);
}

/* Older kernels say of every PPS device that it is readable, always. */
static int pps_descriptor(const void *state)
{
	(void)state;
	return -1;
}

static void take_pulse(struct pps *pps, const pps_info_t *info)
{
	const struct measurement m = {.leap = NTP_LEAP_NONE, .pulse = true, .time = 0, .error = RESOLUTION};
	struct timespec t = pps->clear ? info->clear_timestamp : info->assert_timestamp;
	unsigned long sequence = pps->clear ? info->clear_sequence : info->assert_sequence;
	enum pulses_news news = pulses_look(&pps->pulses, (uint32_t)sequence);

	if ((news == PULSES_NEW || news == PULSES_MISSED) && t.tv_nsec >= 0 && t.tv_nsec < 1000000000)
		stamped_put(&pps->pulse, pps->world, ntp64_from_timespec(t), &m);
}

static enum driver_news pps_take(void *state, struct measurement *m, char *text, size_t size)
{
	static const struct timespec now = {0, 0};
	struct pps *pps = state;
	uint64_t lost = pps->pulses.lost;
	pps_info_t info;
	enum driver_news news;

	snprintf(text, size, "%s", "");
	news = stamped_take(&pps->pulse, pps->world, m, text, size);
	if (news != DRIVER_SILENT || text[0])
		return news;
	if (time_pps_fetch(pps->device, PPS_TSFMT_TSPEC, &info, &now) == 0) {
		take_pulse(pps, &info);
	} else if (errno != EINTR && errno != ETIMEDOUT && errno != EAGAIN) {
		snprintf(text, size, "the PPS device has gone: %s", strerror(errno));
		return DRIVER_GONE;
	}
	if (pps->pulses.lost != lost)
		snprintf(text, size, "pulses missed between two looks at the device: %llu; the newest counts",
			(unsigned long long)(pps->pulses.lost - lost));
	return stamped_take(&pps->pulse, pps->world, m, text, size);
}

const struct driver_functions driver_pps = {
	.open = pps_open, .close = pps_close, .descriptor = pps_descriptor, .take = pps_take};
