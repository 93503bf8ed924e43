/*
 * A receiver's driver by itself: prints a line of JSON for each measurement, with what the kernel clock
 * showed at its instant, and ends after so many, or with the device.
 *
 * usage: read_receiver NMEA|DCF77|MEINBERG PARAMETER COUNT
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "refclock/counter.h"
#include "refclock/drivers.h"

static const double units = 4294967296.0;

static uint64_t counter_now(void *opaque)
{
	(void)opaque;
	return counter_read(COUNTER_MONOTONIC_RAW);
}

static int device_open(void *opaque, const char *path, int flags)
{
	(void)opaque;
	return open(path, flags);
}

static const struct driver_world world = {
	.counter_now = counter_now, .device_open = device_open, .counter_hz = 1e9};

/* Unix time of the kernel clock at a counter value of a moment ago. */
static double kernel_time_at(uint64_t counter)
{
	uint64_t now = counter_now(NULL);
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9 - (double)(now - counter) * 1e-9;
}

static void print_measurement(const struct measurement *m)
{
	double time = (double)(int64_t)(m->time - NTP_UNIX_EPOCH * NTP64_SECOND) / units;

	printf("{\"time\": %.6f, \"kernel\": %.6f, \"error\": %.6f, \"leap\": %d}\n", time,
		kernel_time_at(m->counter), (double)m->error / units, m->leap);
	fflush(stdout);
}

static void print_report(const struct driver_functions *driver, void *state)
{
	static struct source_report report;

	if (driver->receiver(state, &report) == RECEIVER_GNSS)
		printf("{\"fix\": %u, \"used\": %u, \"in_view\": %u, \"hdop\": %.2f, \"rollovers\": %" PRIu32
		       "}\n",
			report.gnss.fix, report.gnss.used, report.gnss.in_view, (double)report.gnss.hdop,
			report.gnss.week_rollovers);
	else
		printf("{\"telegrams\": %" PRIu32 ", \"status\": %" PRIu32 ", \"parity_errors\": %" PRIu32
		       "}\n",
			report.radio.telegrams, report.radio.status, report.radio.parity_errors);
}

static int read_on(const struct driver_functions *driver, void *state, int count)
{
	char text[128];
	struct measurement m;

	while (count > 0) {
		struct pollfd fd = {.fd = driver->descriptor(state), .events = POLLIN};
		enum driver_news news;

		poll(&fd, 1, 5000);
		while (count > 0 && (news = driver->take(state, &m, text, sizeof(text))) != DRIVER_SILENT) {
			if (news == DRIVER_GONE) {
				printf("{\"gone\": \"%s\"}\n", text);
				return 1;
			}
			print_measurement(&m);
			count--;
		}
	}
	print_report(driver, state);
	return 0;
}

static bool find_driver(
	const char *name, struct source_options *options, const struct driver_functions **driver)
{
	static const struct {
		const char *name;
		enum source_kind kind;
		const struct driver_functions *driver;
	} all[] = {{"NMEA", SOURCE_NMEA, &driver_nmea}, {"DCF77", SOURCE_DCF77, &driver_dcf77},
		{"MEINBERG", SOURCE_MEINBERG, &driver_meinberg}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(name, all[i].name) == 0) {
			options->kind = (uint8_t)all[i].kind;
			*driver = all[i].driver;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	const struct driver_functions *driver;
	struct source_options options = {0};
	char text[256];
	void *state;
	int status;

	if (argc != 4 || !find_driver(argv[1], &options, &driver)) {
		fprintf(stderr, "usage: read_receiver NMEA|DCF77|MEINBERG PARAMETER COUNT\n");
		return 2;
	}
	snprintf(options.parameter, sizeof(options.parameter), "%s", argv[2]);
	state = driver->open(&options, &world, text, sizeof(text));
	if (!state) {
		fprintf(stderr, "%s\n", text);
		return 1;
	}
	printf("{\"open\": true}\n");
	fflush(stdout);
	status = read_on(driver, state, atoi(argv[3]));
	driver->close(state);
	return status;
}
