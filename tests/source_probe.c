/*
 * For system tests: opens one source's driver and prints what it delivers, a JSON object a line, until it is
 * told to end (SIGTERM).
 *
 * usage: source_probe KIND PARAMETER [--restrict USER] [--tai]
 *
 *   {"event": "open"|"closed"|"gone"|"says", "text": ...}
 *   {"event": "measurement", "offset": s of the reference less the kernel clock, "error": s, "leap", "pulse",
 * ...}
 *   {"event": "receiver", "fix", "used", "in_view", ...}
 *
 * A device that has gone is opened again every 100 ms. With --restrict the process becomes that user and
 * keeps to the system calls of driver_calls() once the source is open, and devices come from the opener, as
 * in the daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/gpsd_helper.h"
#include "control/opener.h"
#include "control/stop_signal.h"
#include "dataplane/log.h"
#include "dataplane/sandbox.h"
#include "refclock/drivers.h"
#include "refclock/pps_edge.h"
#include "refclock/sample.h"

enum { TRIES = 16, LOOK_MS = 4, AGAIN_MS = 100, RULES_MAX = 64 };

struct probe {
	struct source_options options;
	struct driver_world world;
	const struct driver_functions *driver;
	void *state;
	struct sampler sampler;
	const char *user; /* NULL: stay as we are */
	bool restricted;
	struct opener opener;
	char said[512], trouble[128];
	struct source_report report;
};

/* Good enough for a test: by the nominal rate from where the kernel clock is now. */
static bool counter_at(void *opaque, ntp64 time, uint64_t *counter, uint64_t *error)
{
	struct probe *p = opaque;
	struct sample now;
	double behind;

	sample_take(&p->sampler, &now);
	behind = ntp64_interval_to_seconds(ntp64_diff(now.time, time));
	if (behind < 0 || behind > 4)
		return false;
	*counter = now.counter - (uint64_t)(behind * p->world.counter_hz);
	*error = now.half + (uint64_t)(behind * 500e-6 * (double)NTP64_SECOND);
	return true;
}

static uint64_t counter_now(void *opaque)
{
	return counter_read(((struct probe *)opaque)->sampler.kind);
}

static bool time_now(void *opaque, ntp64 *time)
{
	struct timespec t;

	(void)opaque;
	clock_gettime(CLOCK_REALTIME, &t);
	*time = ntp64_from_timespec(t);
	return true;
}

static int device_open(void *opaque, const char *path, int flags)
{
	struct probe *p = opaque;

	return p->restricted ? opener_open(&p->opener, path, flags) : open(path, flags);
}

/* In the daemon, too, it is too late for a new process once calls are filtered. */
static int gpsd_start(void *opaque, const char *parameter, char *text, size_t size)
{
	const struct probe *p = opaque;
	struct sandbox_user user;

	if (p->restricted) {
		snprintf(text, size, "too late to start a process");
		return -1;
	}
	if (!sandbox_find_user(&user, "nobody", text, size))
		return -1;
	return gpsd_helper_start(parameter, &user, SANDBOX_KILL, text, size);
}

static void say(const char *event, const char *text)
{
	printf("{\"event\": \"%s\", \"text\": \"", event);
	for (; *text; text++)
		printf((unsigned char)*text < 0x20 || *text == '"' || *text == '\\' ? "\\u%04x" : "%c",
			(unsigned char)*text);
	printf("\"}\n");
	fflush(stdout);
}

/* Where the kernel clock was at the counter value. */
static double kernel_offset(const struct probe *p, const struct measurement *m)
{
	struct sample now;
	double behind, offset;

	sample_take(&p->sampler, &now);
	behind = (double)(int64_t)(now.counter - m->counter) / p->world.counter_hz;
	offset = ntp64_interval_to_seconds(ntp64_diff(m->time, now.time)) + behind;
	return m->pulse ? offset - rint(offset) : offset;
}

static void print_measurement(const struct probe *p, const struct measurement *m)
{
	printf("{\"event\": \"measurement\", \"offset\": %.9f, \"error\": %.9f, \"leap\": %u, \"pulse\": %s, "
	       "\"counter\": %" PRIu64 ", \"seconds\": %" PRIu64 "}\n",
		kernel_offset(p, m), ntp64_interval_to_seconds((int64_t)m->error), m->leap,
		m->pulse ? "true" : "false", m->counter, m->time >> 32);
	fflush(stdout);
}

/* When it has changed. */
static void print_receiver(struct probe *p)
{
	struct source_report report = p->report;
	const struct receiver_gnss *gnss = &report.gnss;

	if (p->driver->receiver(p->state, &report) != RECEIVER_GNSS ||
		memcmp(gnss, &p->report.gnss, sizeof(*gnss)) == 0)
		return;
	p->report = report;
	printf("{\"event\": \"receiver\", \"fix\": %u, \"used\": %u, \"in_view\": %u, \"listed\": %u, "
	       "\"leap_offset\": %d, \"hdop\": %.2f, \"pdop\": %.2f}\n",
		gnss->fix, gnss->used, gnss->in_view, gnss->satellites, gnss->leap_offset, (double)gnss->hdop,
		(double)gnss->pdop);
	fflush(stdout);
}

static bool restrict_calls(struct probe *p)
{
	struct sandbox_rule rules[RULES_MAX + 2] = {{SYS_sendmsg, -1, 0}, {SYS_recvmsg, -1, 0}};
	const struct driver_call *calls;
	struct sandbox_user user;
	char text[256];
	size_t count;

	p->restricted = true;
	calls = driver_calls(&count);
	if (count > RULES_MAX)
		count = 0;
	for (size_t i = 0; i < count; i++)
		rules[2 + i] = (struct sandbox_rule){calls[i].number, calls[i].argument, calls[i].value};
	if (sandbox_find_user(&user, p->user, text, sizeof(text)) &&
		sandbox_drop_privileges(&user, NULL, 0, text, sizeof(text)) &&
		sandbox_filter(SANDBOX_KILL, rules, 2 + count, text, sizeof(text)))
		return true;
	say("failed", text);
	return false;
}

/* Of a parameter's device, before there is a filter. */
static bool start_opener(struct probe *p)
{
	char path[SOURCE_PARAMETER], text[256];
	const struct opener_wish wish = {
		.path = path, .edges = p->options.kind == SOURCE_PPS ? pps_edge_of(p->options.parameter) : 0};

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(p->options.parameter, ":"), p->options.parameter);
	if (opener_start(&p->opener, &wish, path[0] == '/', SANDBOX_KILL, text, sizeof(text)))
		return true;
	say("failed", text);
	return false;
}

static void try_open(struct probe *p)
{
	char text[512] = "";

	p->state = p->driver->open(&p->options, &p->world, text, sizeof(text));
	if (p->state)
		say("open", text);
	else if (strcmp(text, p->said) != 0)
		say("closed", text);
	snprintf(p->said, sizeof(p->said), "%s", p->state ? "" : text);
}

static void take_all(struct probe *p)
{
	for (;;) {
		struct measurement m;
		char text[512] = "";
		enum driver_news news = p->driver->take(p->state, &m, text, sizeof(text));

		if (text[0] && news != DRIVER_GONE)
			say("says", text);
		if (news == DRIVER_MEASUREMENT)
			print_measurement(p, &m);
		if (news == DRIVER_GONE) {
			say("gone", text);
			p->driver->close(p->state);
			p->state = NULL;
		}
		if (news != DRIVER_MEASUREMENT)
			return;
	}
}

/* Where it is another than before. */
static void print_trouble(struct probe *p)
{
	const char *text = p->driver->trouble(p->state);

	if (text[0] && strcmp(text, p->trouble) != 0)
		say("says", text);
	snprintf(p->trouble, sizeof(p->trouble), "%s", text);
}

static void wait_for_it(const struct probe *p, const sigset_t *mask)
{
	struct pollfd fd = {.fd = p->state ? p->driver->descriptor(p->state) : -1, .events = POLLIN};
	struct timespec t = {.tv_nsec = (p->state ? LOOK_MS : AGAIN_MS) * 1000000L};

	ppoll(&fd, 1, &t, mask);
}

static int follow(struct probe *p, const sigset_t *mask)
{
	for (; !stop_signalled; wait_for_it(p, mask)) {
		if (!p->state)
			try_open(p);
		if (p->state && p->user && !p->restricted && !restrict_calls(p))
			return 1;
		if (p->state)
			take_all(p);
		if (p->state && p->driver->receiver)
			print_receiver(p);
		if (p->state && p->driver->trouble)
			print_trouble(p);
	}
	if (p->state)
		p->driver->close(p->state);
	return 0;
}

static enum source_kind kind_of(const char *word)
{
	static const char *const names[] = {[SOURCE_PPS] = "PPS",
		[SOURCE_PHC] = "PHC",
		[SOURCE_SHM] = "SHM",
		[SOURCE_SOCK] = "SOCK",
		[SOURCE_GPSD] = "GPSD"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] && strcmp(names[i], word) == 0)
			return (enum source_kind)i;
	}
	return SOURCE_SYSTEM;
}

static bool take_arguments(struct probe *p, int argc, char **argv)
{
	if (argc < 3)
		return false;
	p->driver = driver_of(kind_of(argv[1]));
	p->options.kind = (uint8_t)kind_of(argv[1]);
	snprintf(p->options.parameter, sizeof(p->options.parameter), "%s", argv[2]);
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--tai") == 0)
			p->options.tai = true;
		else if (strcmp(argv[i], "--restrict") == 0 && i + 1 < argc)
			p->user = argv[++i];
		else
			return false;
	}
	return p->driver != NULL;
}

int main(int argc, char **argv)
{
	static struct probe p;
	enum counter_kind kind = counter_best();
	sigset_t outside;

	log_init("source_probe", LOG_LEVEL_NOTICE);
	if (!take_arguments(&p, argc, argv)) {
		fputs("usage: source_probe KIND PARAMETER [--restrict USER] [--tai]\n", stderr);
		return 2;
	}
	p.world = (struct driver_world){.counter_at = counter_at,
		.counter_now = counter_now,
		.time_now = time_now,
		.device_open = device_open,
		.gpsd_start = gpsd_start,
		.opaque = &p,
		.counter_hz = counter_hz(kind),
		.counter_kind = (uint8_t)kind};
	sampler_init(&p.sampler, kind, p.world.counter_hz, TRIES);
	if (p.user && !start_opener(&p))
		return 1;
	stop_signal_catch(&outside);
	return follow(&p, &outside);
}
