/*
 * A PTP hardware clock, or pulses that it stamps:
 * "PHC /dev/ptp0[:extpps[:pin=N][:channel=N][:clear]][:nocrossts]".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ptp_clock.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "refclock/driver_parameter.h"
#include "refclock/drivers.h"
#include "refclock/phc_sample.h"
#include "refclock/stamped.h"

enum {
	SANDWICHES = 10, /* a reading; the narrowest counts */
};

/* The ways of reading, the best first. */
enum phc_way { PHC_PRECISE, PHC_EXTENDED, PHC_BASIC, PHC_WAYS };

struct phc {
	const struct driver_world *world;
	int device;
	enum phc_way way;
	bool tai;
	bool extpps, clear;
	long pin, channel; /* pin -1: as it is */
	double interval;   /* s between two readings */
	uint64_t read;     /* counter value of the newest; 0: none yet */
	struct phc_map map;
	struct stamped sample;
};

static bool take_option(struct phc *phc, const struct driver_option *option)
{
	if (strcmp(option->name, "pin") == 0)
		return driver_parameter_number(option->value, 10, 0, 1023, &phc->pin);
	if (strcmp(option->name, "channel") == 0)
		return driver_parameter_number(option->value, 10, 0, 1023, &phc->channel);
	if (option->value[0])
		return false;
	if (strcmp(option->name, "extpps") == 0)
		return phc->extpps = true;
	if (strcmp(option->name, "clear") == 0)
		return phc->clear = true;
	if (strcmp(option->name, "nocrossts") != 0)
		return false;
	phc->way = PHC_EXTENDED;
	return true;
}

static bool parse(struct phc *phc, struct driver_parameter *parameter, char *text, size_t size)
{
	struct driver_option option;

	while (driver_parameter_next(parameter, &option)) {
		if (take_option(phc, &option))
			continue;
		snprintf(text, size,
			"PHC %s: option \"%s=%s\": expected extpps, pin=N, channel=N, clear or nocrossts",
			parameter->name, option.name, option.value);
		return false;
	}
	if (phc->extpps || (phc->pin < 0 && phc->channel == 0 && !phc->clear))
		return true;
	snprintf(text, size, "PHC %s: pin, channel and clear are of pulses; add :extpps", parameter->name);
	return false;
}

static bool start_pulses(const struct phc *phc, const char *path, char *text, size_t size)
{
	struct ptp_pin_desc pin = {
		.index = (unsigned)phc->pin, .func = PTP_PF_EXTTS, .chan = (unsigned)phc->channel};
	struct ptp_extts_request request = {.index = (unsigned)phc->channel,
		.flags = PTP_ENABLE_FEATURE | (phc->clear ? PTP_FALLING_EDGE : PTP_RISING_EDGE)};

	if (phc->pin >= 0 && ioctl(phc->device, PTP_PIN_SETFUNC, &pin) != 0) {
		snprintf(text, size, "%s: pin %ld cannot take pulses in on channel %ld: %s", path, phc->pin,
			phc->channel, strerror(errno));
		return false;
	}
	if (ioctl(phc->device, PTP_EXTTS_REQUEST, &request) == 0)
		return true;
	snprintf(text, size, "%s: channel %ld cannot stamp pulses: %s", path, phc->channel, strerror(errno));
	return false;
}

static bool start(struct phc *phc, const char *path, char *text, size_t size)
{
	struct ptp_clock_caps caps;
	int flags = (phc->extpps ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;

	phc->device = phc->world->device_open(phc->world->opaque, path, flags);
	if (phc->device < 0) {
		driver_explain(text, size, path, errno);
		return false;
	}
	if (ioctl(phc->device, PTP_CLOCK_GETCAPS, &caps) == 0) {
		if (!phc->extpps || start_pulses(phc, path, text, size))
			return true;
	} else {
		snprintf(text, size, "%s is no PTP hardware clock (%s); expected one like /dev/ptp0", path,
			strerror(errno));
	}
	close(phc->device);
	return false;
}

static void *phc_open(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	struct driver_parameter parameter;
	struct phc *phc = calloc(1, sizeof(*phc));

	snprintf(text, size, "%s", "");
	if (!phc) {
		snprintf(text, size, "out of memory");
		return NULL;
	}
	*phc = (struct phc){.world = world,
		.device = -1,
		.tai = options->tai,
		.pin = -1,
		.interval = ldexp(1, options->dpoll)};
	driver_parameter_split(&parameter, options->parameter);
	if (parse(phc, &parameter, text, size) && start(phc, parameter.name, text, size))
		return phc;
	free(phc);
	return NULL;
}

static void phc_close(void *state)
{
	struct phc *phc = state;
	struct ptp_extts_request request = {.index = (unsigned)phc->channel, .flags = 0};

	if (phc->extpps && ioctl(phc->device, PTP_EXTTS_REQUEST, &request) != 0)
		errno = 0; /* the device has gone, and with it what was asked of it */
	close(phc->device);
	free(phc);
}

/* Pulses are to be read; the clock is to be asked. */
static int phc_descriptor(const void *state)
{
	const struct phc *phc = state;

	return phc->extpps ? phc->device : -1;
}

/* -1 with errno; 0 where the answer is of no use; 1. */
static int ask(const struct phc *phc, enum phc_way way, struct phc_reading *reading)
{
	union {
		struct ptp_sys_offset_precise precise;
		struct ptp_sys_offset_extended extended;
		struct ptp_sys_offset basic;
	} answer;

	memset(&answer, 0, sizeof(answer));
	if (way == PHC_PRECISE)
		return ioctl(phc->device, PTP_SYS_OFFSET_PRECISE, &answer.precise) != 0
			       ? -1
			       : phc_from_precise(&answer.precise, reading);
	if (way == PHC_EXTENDED) {
		answer.extended.n_samples = SANDWICHES;
		return ioctl(phc->device, PTP_SYS_OFFSET_EXTENDED, &answer.extended) != 0
			       ? -1
			       : phc_from_extended(&answer.extended, reading);
	}
	answer.basic.n_samples = SANDWICHES;
	return ioctl(phc->device, PTP_SYS_OFFSET, &answer.basic) != 0
		       ? -1
		       : phc_from_basic(&answer.basic, reading);
}

static bool is_no_way(int error)
{
	return error == EOPNOTSUPP || error == ENOTTY || error == EINVAL;
}

/* Of a device that is busy: its driver waits for the card, or for what it has in common with others. */
static bool is_passing(int error)
{
	return error == EINTR || error == EAGAIN || error == EBUSY || error == ETIMEDOUT;
}

/* By the best way that the device has. */
static int read_clock(struct phc *phc, struct phc_reading *reading)
{
	int result;

	phc->read = phc->world->counter_now(phc->world->opaque);
	result = ask(phc, phc->way, reading);
	while (result < 0 && is_no_way(errno) && phc->way + 1 < PHC_WAYS) {
		phc->way++;
		result = ask(phc, phc->way, reading);
	}
	if (result > 0)
		phc_map_add(&phc->map, reading);
	return result;
}

static ntp64 tai_offset(const struct phc *phc)
{
	return phc->tai ? (ntp64)driver_tai_offset(phc->world) * NTP64_SECOND : 0;
}

/* The caller may keep the same interval by another clock: a little early is in time. */
static bool is_due(const struct phc *phc)
{
	uint64_t now = phc->world->counter_now(phc->world->opaque);

	return !phc->read || (double)(now - phc->read) >= 0.99 * phc->interval * phc->world->counter_hz;
}

/* False when the device has gone. */
static bool take_time(struct phc *phc, char *text, size_t size)
{
	struct phc_reading reading = {.half = 0};
	int result = read_clock(phc, &reading);
	const struct measurement m = {
		.time = reading.device - tai_offset(phc), .error = reading.half, .leap = NTP_LEAP_NONE};

	if (result > 0)
		stamped_put(&phc->sample, phc->world, reading.kernel, &m);
	else if (result == 0)
		snprintf(text, size, "the hardware clock shows a time that is none");
	return result >= 0 || is_passing(errno);
}

/* The stamp is in the device's time; it was taken ms before, so a reading now shows where that is, or else
 * the readings before. False when the device has gone. */
static bool take_pulse(struct phc *phc, char *text, size_t size)
{
	struct measurement m = {.leap = NTP_LEAP_NONE, .pulse = true, .time = 0};
	struct ptp_extts_event event;
	struct phc_reading reading;
	ssize_t n = read(phc->device, &event, sizeof(event));
	ntp64 device, kernel;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return !is_due(phc) || read_clock(phc, &reading) >= 0 || is_passing(errno);
	if (n >= 0 && n != sizeof(event))
		errno = ENODEV;
	if (n != sizeof(event) || (read_clock(phc, &reading) < 0 && !is_passing(errno)))
		return false;
	if (event.index != (unsigned)phc->channel)
		return true;
	if (phc_time(&event.t, &device) && phc_map_kernel(&phc->map, device, &kernel, &m.error))
		stamped_put(&phc->sample, phc->world, kernel, &m);
	else
		snprintf(text, size, "a pulse at a time that the hardware clock has not shown of late");
	return true;
}

static enum driver_news phc_take(void *state, struct measurement *m, char *text, size_t size)
{
	struct phc *phc = state;
	bool there = true;
	enum driver_news news;

	snprintf(text, size, "%s", "");
	news = stamped_take(&phc->sample, phc->world, m, text, size);
	if (news != DRIVER_SILENT || text[0])
		return news;
	if (phc->extpps)
		there = take_pulse(phc, text, size);
	else if (is_due(phc))
		there = take_time(phc, text, size);
	if (!there) {
		snprintf(text, size, "the hardware clock has gone: %s", strerror(errno));
		return DRIVER_GONE;
	}
	return stamped_take(&phc->sample, phc->world, m, text, size);
}

const struct driver_functions driver_phc = {
	.open = phc_open, .close = phc_close, .descriptor = phc_descriptor, .take = phc_take};
