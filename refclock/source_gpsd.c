/*
 * A receiver behind gpsd: "GPSD [HOST][:PORT][:DEVICE]". The talking is done by a process of its own, which
 * the daemon starts; here are its records.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/drivers.h"
#include "refclock/gpsd_address.h"
#include "refclock/gpsd_record.h"
#include "refclock/stamped.h"

enum { ANSWER_S = 3 /* to wait for gpsd's first word before saying that there is none */ };

struct gpsd {
	const struct driver_world *world;
	int pipe;
	uint64_t opened; /* counter value */
	struct gpsd_view view;
	struct stamped stamp;
};

static bool start(struct gpsd *gpsd, const char *parameter, char *text, size_t size)
{
	struct gpsd_address address;

	if (!gpsd_address_parse(&address, parameter)) {
		snprintf(text, size, "GPSD \"%s\": expected [HOST][:PORT][:DEVICE]", parameter);
		return false;
	}
	if (!gpsd->world->gpsd_start) {
		snprintf(text, size, "GPSD: nobody talks with gpsd here");
		return false;
	}
	gpsd->pipe = gpsd->world->gpsd_start(gpsd->world->opaque, parameter, text, size);
	if (gpsd->pipe < 0)
		return false;
	if (!gpsd_address_is_here(&address))
		snprintf(text, size,
			"GPSD %s: its stamps are of the clock of the machine that it runs on; if that is not "
			"this one, the time is wrong by as much as the two clocks differ",
			parameter);
	return true;
}

static void *gpsd_open(
	const struct source_options *options, const struct driver_world *world, char *text, size_t size)
{
	struct gpsd *gpsd = calloc(1, sizeof(*gpsd));

	snprintf(text, size, "%s", "");
	if (!gpsd) {
		snprintf(text, size, "out of memory");
		return NULL;
	}
	gpsd->world = world;
	if (start(gpsd, options->parameter, text, size)) {
		gpsd->opened = world->counter_now(world->opaque);
		return gpsd;
	}
	free(gpsd);
	return NULL;
}

/* The other process sees that nobody reads any more, and ends. */
static void gpsd_close(void *state)
{
	struct gpsd *gpsd = state;

	close(gpsd->pipe);
	free(gpsd);
}

static int gpsd_descriptor(const void *state)
{
	return ((const struct gpsd *)state)->pipe;
}

static void take_record(struct gpsd *gpsd, const struct gpsd_record *record, char *text, size_t size)
{
	const struct driver_world *world = gpsd->world;
	struct measurement m;
	ntp64 kernel;
	enum gpsd_verdict verdict = gpsd_view_take(
		&gpsd->view, record, world->counter_now(world->opaque), world->counter_hz, &kernel, &m);

	if (verdict == GPSD_STAMP)
		stamped_put(&gpsd->stamp, world, kernel, &m);
	else if (verdict == GPSD_KIND || verdict == GPSD_TIME)
		snprintf(text, size, "gpsd: %s", gpsd_verdict_text(verdict));
}

static enum driver_news gpsd_take(void *state, struct measurement *m, char *text, size_t size)
{
	struct gpsd *gpsd = state;
	struct gpsd_record record;
	ssize_t n;
	enum driver_news news;

	snprintf(text, size, "%s", "");
	news = stamped_take(&gpsd->stamp, gpsd->world, m, text, size);
	if (news != DRIVER_SILENT || text[0])
		return news;
	n = read(gpsd->pipe, &record, sizeof(record));
	if (n == sizeof(record)) {
		take_record(gpsd, &record, text, size);
	} else if (n >= 0 || (errno != EAGAIN && errno != EINTR)) {
		snprintf(text, size, "the process that talks with gpsd has ended");
		return DRIVER_GONE;
	}
	return stamped_take(&gpsd->stamp, gpsd->world, m, text, size);
}

static enum receiver_kind gpsd_receiver(const void *state, struct source_report *report)
{
	const struct gpsd *gpsd = state;

	if (!gpsd->view.connected)
		return RECEIVER_NONE;
	report->gnss = gpsd->view.gnss;
	return RECEIVER_GNSS;
}

static const char *gpsd_trouble(const void *state)
{
	const struct gpsd *gpsd = state;
	const struct driver_world *world = gpsd->world;
	const uint64_t waited = world->counter_now(world->opaque) - gpsd->opened;

	if (!gpsd->view.connected && !gpsd->view.message[0] && (double)waited > ANSWER_S * world->counter_hz)
		return "gpsd does not answer; is it running, and may it be reached?";
	return gpsd->view.message;
}

const struct driver_functions driver_gpsd = {.open = gpsd_open,
	.close = gpsd_close,
	.descriptor = gpsd_descriptor,
	.take = gpsd_take,
	.receiver = gpsd_receiver,
	.trouble = gpsd_trouble};
