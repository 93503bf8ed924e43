#include "control/clock_disciplined.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/drift_file.h"
#include "control/gpsd_helper.h"
#include "control/opener.h"
#include "control/temperature.h"
#include "dataplane/log.h"
#include "refclock/counter.h"
#include "refclock/pps_edge.h"
#include "refclock/serial_parameter.h"

static const uint64_t second_ns = 1000000000;

/* What drivers ask of us */

static bool counter_at(void *opaque, ntp64 kernel_time, uint64_t *counter, uint64_t *error)
{
	const struct clock_disciplined *c = opaque;

	return kernel_history_counter(&c->history, kernel_time, counter, error);
}

static uint64_t counter_now(void *opaque)
{
	const struct clock_disciplined *c = opaque;

	return counter_read((enum counter_kind)c->world.counter_kind);
}

static bool time_now(void *opaque, ntp64 *time)
{
	const struct clock_disciplined *c = opaque;
	const uint64_t counter = counter_now(opaque);
	uint64_t bound;
	ntp64 even;

	if (!discipline_time(c->discipline, counter, &even, &bound))
		return false;
	*time = leap_plan_utc(&c->leap.plan, counter, even);
	return true;
}

static int tai_offset(void *opaque)
{
	const struct clock_disciplined *c = opaque;

	/* Before anything is served, by the kernel clock: first samples of a source that keeps TAI wait for
	 * it. */
	return c->published.tai_offset ? c->published.tai_offset : clock_leap_tai(&c->leap, c->newest.time);
}

static int device_open(void *opaque, const char *path, int flags)
{
	struct clock_disciplined *c = opaque;

	return opener_open(&c->opener, path, flags);
}

static int gpsd_start(void *opaque, const char *parameter, char *text, size_t size)
{
	const struct clock_disciplined *c = opaque;

	if (c->confined) {
		snprintf(text, size, "the process that talked with gpsd is gone for good; restart tickwire");
		return -1;
	}
	return gpsd_helper_start(parameter, c->user, c->options->seccomp, text, size);
}

/* On its way to the discipline a measurement loses the leap seconds that it has seen. */
static void prepare(void *opaque, struct measurement *m)
{
	const struct clock_disciplined *c = opaque;
	uint64_t bound;
	ntp64 expected;

	if (c->drill.kind == DRILL_STEP)
		m->time += (ntp64)(int64_t)(c->drill.step * (double)NTP64_SECOND);
	/* Also when all is learned anew, after a suspend: the plan goes on. */
	if (!discipline_time(c->discipline, m->counter, &expected, &bound))
		expected = leap_plan_even(&c->leap.plan, m->counter, 0, m->time, 0);
	m->time = leap_plan_even(&c->leap.plan, m->counter, (uint64_t)c->world.counter_hz, m->time, expected);
}

/* Starting */

static void read_drift(struct discipline_options *d, const char *path)
{
	char text[256];

	if (!path[0] || drift_file_read(path, &d->drift_ppm, &d->drift_skew_ppm, text, sizeof(text)))
		return;
	if (text[0])
		log_warning("%s", text);
}

static void discipline_options_from(
	struct discipline_options *d, const struct clock_settings *settings, double hz)
{
	discipline_options_init(d);
	d->nominal_hz = hz;
	d->slew_ppm = settings->slew_ppm;
	d->step_threshold = settings->step_threshold;
	d->step_limit = settings->step_limit;
	d->max_wander = settings->wander;
	d->raised = settings->raised;
	d->unsynchronised = settings->unsynchronised;
	d->silent = settings->silent;
	d->crosscheck = settings->crosscheck_s;
	d->crosscheck_counts = settings->crosscheck == CLOCK_CROSSCHECK_UNSYNCHRONISED;
	d->min_sources = settings->min_sources;
	read_drift(d, settings->drift_file);
}

/* The kernel clock is compared with even where nobody asks for it: what keeps it knows of other receivers. */
static int add_system(struct source_options *options, int count, const struct clock_settings *settings)
{
	for (int i = 0; i < count; i++) {
		if (options[i].kind == SOURCE_SYSTEM)
			return i;
	}
	if (count == SOURCES_MAX || settings->crosscheck == CLOCK_CROSSCHECK_OFF || settings->steer_kernel)
		return -1;
	clock_settings_implicit_system(settings, &options[count]);
	return count;
}

/* "/dev/ttyUSB0:9600" is the path and what the driver makes of the rest. */
static bool has_path(const struct source_options *options)
{
	return options->parameter[0] == '/' && options->kind != SOURCE_SOCK;
}

/* Of a serial line's parameter, a number behind the last colon alone is not the name's. */
static void path_of(const struct source_options *options, char path[SOURCE_PARAMETER])
{
	unsigned baud = 0;

	if (options->kind == SOURCE_NMEA || options->kind == SOURCE_DCF77 || options->kind == SOURCE_MEINBERG)
		(void)serial_parameter(options->parameter, path, SOURCE_PARAMETER, &baud);
	else
		snprintf(path, SOURCE_PARAMETER, "%.*s", (int)strcspn(options->parameter, ":"),
			options->parameter);
}

static bool start_opener(struct clock_disciplined *c, char *text, size_t size)
{
	const struct clock_settings *settings = &c->options->settings;
	static char paths[SOURCES_MAX][SOURCE_PARAMETER];
	struct opener_wish wish[SOURCES_MAX];
	size_t count = 0;

	for (int i = 0; i < settings->sources; i++) {
		const struct source_options *source = &settings->source[i];

		if (!has_path(source))
			continue;
		path_of(source, paths[count]);
		wish[count] = (struct opener_wish){.path = paths[count],
			.edges = source->kind == SOURCE_PPS ? pps_edge_of(source->parameter) : 0};
		count++;
	}
	return opener_start(&c->opener, wish, count, c->options->seccomp, text, size);
}

static bool start_discipline(struct clock_disciplined *c, char *text, size_t size)
{
	struct discipline_options options;

	discipline_options_from(&options, &c->options->settings, c->world.counter_hz);
	c->discipline = discipline_new(&options);
	if (c->discipline)
		return true;
	snprintf(text, size, "no memory for the discipline");
	return false;
}

static void start_sources(struct clock_disciplined *c, uint64_t now)
{
	const struct clock_settings *settings = &c->options->settings;
	struct source_options source[SOURCES_MAX];
	int count = settings->sources;

	memcpy(source, settings->source, sizeof(source));
	c->system = add_system(source, count, settings);
	count += c->system == count;
	clock_sources_init(&c->sources, c->discipline, &c->world, prepare, source, count);
	clock_sources_open(&c->sources, now);
}

static bool open_temperature(struct clock_disciplined *c, const char *path, char *text, size_t size)
{
	c->temperature = path[0] ? temperature_open(path, text, size) : -1;
	return !path[0] || c->temperature >= 0;
}

bool clock_disciplined_start(struct clock_disciplined *c, const struct clock_options *options,
	const struct sandbox_user *user, enum counter_kind kind, double hz, uint64_t now, char *text,
	size_t size)
{
	const uint64_t drift_interval = options->settings.drift_interval_s * second_ns;

	*c = (struct clock_disciplined){
		.options = options, .user = user, .second_due = now, .drift_due = now + drift_interval};
	c->world = (struct driver_world){.counter_at = counter_at,
		.counter_now = counter_now,
		.time_now = time_now,
		.device_open = device_open,
		.tai_offset = tai_offset,
		.gpsd_start = gpsd_start,
		.opaque = c,
		.counter_hz = hz,
		.counter_kind = (uint8_t)kind};
	clock_steer_init(&c->steer, &options->settings);
	clock_leap_start(&c->leap, &options->settings, options->refresh_us * 1e-6);
	if (!open_temperature(c, options->settings.temperature, text, size) || !start_opener(c, text, size) ||
		!clock_files_start(&c->files, &options->settings, user, options->seccomp, text, size) ||
		!start_discipline(c, text, size))
		return false;
	discipline_set_log(c->discipline, clock_files_log, &c->files);
	start_sources(c, now);
	return true;
}

/* A daemon that was killed has left a line that is good for as long as its bound says, and so is its rate: it
 * is gone on with. Not across a leap second: the plan is made anew. */
static void resume(struct clock_disciplined *c, const struct timebase *before)
{
	const uint64_t now = counter_now(c);

	if (before->updates == 0 || before->keeper != TIMEBASE_KEEPER_SOURCES || before->leap_step != 0 ||
		before->smear != 0 || before->counter_kind != c->world.counter_kind || before->rate == 0 ||
		(int64_t)(now - before->counter) < 0 || !timebase_is_synchronised(before, now))
		return;
	c->resumed = *before;
	timebase_rebase(&c->resumed, now);
	discipline_resume(c->discipline, c->resumed.counter, c->resumed.time, c->resumed.rate);
	log_notice("going on with the time that was served before, which is good to %.9f s",
		ntp64_interval_to_seconds((int64_t)c->resumed.error_bound));
}

bool clock_disciplined_publish_to(struct clock_disciplined *c, const char *run_dir,
	const struct timebase *before, char *text, size_t size)
{
	const enum shm_error error = shm_create(&c->segment, run_dir, &SOURCES_CONTRACT);

	c->confined = true;
	resume(c, before);
	if (error != SHM_OK) {
		shm_explain(error, run_dir, &SOURCES_CONTRACT, text, size);
		return false;
	}
	/* Without one there is no supervisor, and nothing to rehearse. */
	(void)shm_open_reader(&c->drills, run_dir, &DRILL_CONTRACT);
	return true;
}

/* Running */

void clock_disciplined_sample(struct clock_disciplined *c, const struct sample *sample, enum line_event event)
{
	if (event == LINE_STEPPED)
		kernel_history_clear(&c->history);
	kernel_history_add(&c->history, sample);
	c->newest = *sample;
}

/* A kernel clock that nobody keeps, or that is kept by decree, is no witness. */
static bool is_witness(const struct keeper_status *keeper)
{
	return keeper_is_synchronised(keeper) && keeper->keeper != TIMEBASE_KEEPER_LOCAL &&
	       keeper->keeper != TIMEBASE_KEEPER_NONE;
}

/* What `tickwire sources` shows beside it. */
static void explain_system(struct clock_disciplined *c, bool witness)
{
	const bool configured = c->system < c->options->settings.sources;

	discipline_set_open(c->discipline, c->system, true,
		!witness      ? "nobody keeps the kernel clock: it is not compared with"
		: !configured ? "not in the configuration: watched for `crosscheck` alone"
			      : "");
}

static void take_system(struct clock_disciplined *c, const struct keeper_status *keeper, uint64_t now)
{
	const bool witness = is_witness(keeper);
	struct measurement m;
	uint64_t error;
	int64_t ahead;

	if (c->system < 0)
		return;
	explain_system(c, witness);
	if (!witness)
		return;
	c->keeper = *keeper;
	c->sources.source[c->system].leap = keeper->leap;
	keeper_time(keeper, now, &ahead, &error);
	m = (struct measurement){.counter = c->newest.counter,
		.time = c->newest.time + (ntp64)ahead,
		.error = c->newest.half + error,
		.leap = keeper->leap};
	prepare(c, &m);
	(void)discipline_take(c->discipline, c->system, &m);
}

static const char *source_name(const struct clock_disciplined *c, int index)
{
	return index < 0 || index >= c->sources.count
		       ? "no source"
		       : source_kind_name(c->sources.source[index].options.kind);
}

static void log_rung(const struct discipline_event *event)
{
	static const char *const rungs[LADDER_RUNGS] = {[LADDER_SERVING] = "served",
		[LADDER_RAISED] = "served with a raised dispersion",
		[LADDER_UNSYNCHRONISED] = "served as unsynchronised (leap 3)",
		[LADDER_SILENT] = "not served any more"};
	const unsigned rung = event->value >= 0 && event->value < LADDER_RUNGS ? (unsigned)event->value : 0;

	if (rung == LADDER_SERVING)
		log_notice("the time is %s: %s", rungs[rung], event->text);
	else
		log_warning("the time is %s: %s", rungs[rung], event->text);
}

static void log_event(const struct clock_disciplined *c, const struct discipline_event *event)
{
	if (event->kind == DISCIPLINE_RUNG)
		log_rung(event);
	else if (event->kind == DISCIPLINE_SELECTED)
		log_notice("the time comes from %s%s%s", source_name(c, event->source),
			event->text[0] ? ": " : "", event->text);
	else
		log_warning("%s", event->text);
}

static void look_for_drill(struct clock_disciplined *c)
{
	const struct drill drill = drill_state(&c->drills, drill_now_ms());

	if (drill.kind != c->drill.kind || drill.serial != c->drill.serial) {
		if (drill.kind == DRILL_NONE)
			log_notice("the drill is over");
		else
			log_warning("a drill: %s", drill_name(drill.kind));
		discipline_drill_lost(c->discipline, drill.kind == DRILL_HOLDOVER);
	}
	c->drill = drill;
}

static void keep_drift(struct clock_disciplined *c, uint64_t now)
{
	double ppm, skew_ppm;

	if (now < c->drift_due)
		return;
	c->drift_due = now + c->options->settings.drift_interval_s * second_ns;
	if (discipline_drift(c->discipline, &ppm, &skew_ppm))
		clock_files_drift(&c->files, ppm, skew_ppm);
}

/* s: of what was served before us, by now. */
static double resumed_bound(const struct clock_disciplined *c)
{
	return ntp64_interval_to_seconds((int64_t)timebase_error(&c->resumed, c->newest.counter));
}

/* Whether that is still good enough by the thresholds of the ladder, which the discipline cannot judge yet.
 */
static bool is_resumed(const struct clock_disciplined *c)
{
	const double limit = c->options->settings.unsynchronised;

	return c->resumed.rate && timebase_is_synchronised(&c->resumed, c->newest.counter) &&
	       (limit <= 0 || resumed_bound(c) <= limit);
}

static void report_resumed(struct clock_disciplined *c)
{
	const double raised = c->options->settings.raised;

	c->report.bound = resumed_bound(c);
	c->report.rung = raised > 0 && c->report.bound > raised ? LADDER_RAISED : LADDER_SERVING;
	snprintf(c->report.reason, sizeof(c->report.reason),
		"going on with what was served before the restart, error at most %.3g s", c->report.bound);
}

static void report(struct clock_disciplined *c)
{
	discipline_report(c->discipline, &c->report);
	clock_sources_report(&c->sources, &c->report);
	clock_leap_report(&c->leap, &c->published, &c->report);
	c->report.counter_kind = c->world.counter_kind;
	c->report.temperature = temperature_read(c->temperature);
	clock_files_look(&c->files);
	static_assert(sizeof(c->report.files) == sizeof(c->files.trouble), "copied whole");
	memcpy(c->report.files, c->files.trouble, sizeof(c->report.files));
	c->report.files_lost = c->files.lost;
	c->report.drill = c->drill.kind != DRILL_NONE;
	if (is_resumed(c))
		report_resumed(c);
	if (c->drill.kind == DRILL_LOST) {
		c->report.rung = LADDER_SILENT;
		snprintf(c->report.reason, sizeof(c->report.reason), "a drill");
	}
	shm_publish(&c->segment, &c->report);
}

/* Of a leap second. The kernel that we steer only says what we have told it. */
static unsigned upstream(const struct clock_disciplined *c, const struct keeper_status *keeper)
{
	return c->steer.on && keeper->keeper == TIMEBASE_KEEPER_ADJTIMEX ? NTP_LEAP_NONE : keeper->leap;
}

static void do_secondly(struct clock_disciplined *c, const struct line *kernel,
	const struct keeper_status *keeper, uint64_t now)
{
	struct discipline_event event;

	look_for_drill(c);
	take_system(c, keeper, now);
	while (discipline_event(c->discipline, &event))
		log_event(c, &event);
	report(c);
	clock_leap_hear(&c->leap, &c->report, upstream(c, keeper));
	if (timebase_is_synchronised(&c->published, c->newest.counter))
		clock_leap_look(&c->leap, c->published.time);
	if (c->published.keeper == TIMEBASE_KEEPER_SOURCES)
		clock_steer_do(&c->steer, kernel, &c->newest, &c->published);
	keep_drift(c, now);
}

void clock_disciplined_tick(struct clock_disciplined *c, const struct line *kernel,
	const struct keeper_status *keeper, uint64_t now)
{
	clock_sources_read(&c->sources, now);
	discipline_tick(c->discipline, c->newest.counter);
	if (now < c->second_due)
		return;
	/* After a pause there is nothing to catch up with. */
	c->second_due = c->second_due + second_ns > now ? c->second_due + second_ns : now + second_ns;
	do_secondly(c, kernel, keeper, now);
}

void clock_disciplined_read(struct clock_disciplined *c, uint64_t now)
{
	clock_sources_read(&c->sources, now);
}

/* The kernel clock as a source is no reference clock: its keeper's place in the hierarchy is ours. */
static void name_keeper(const struct clock_disciplined *c, struct timebase *timebase)
{
	if (timebase->leap == NTP_LEAP_UNSYNC ||
		strcmp(timebase->source, source_kind_name(SOURCE_SYSTEM)) != 0)
		return;
	timebase->stratum = c->keeper.stratum;
	memcpy(timebase->refid, c->keeper.refid, sizeof(timebase->refid));
}

/* Of what was served before us, without a word of ours. */
static void publish_resumed(struct clock_disciplined *c, struct timebase *timebase)
{
	timebase_rebase(&c->resumed, c->newest.counter);
	*timebase = c->resumed;
}

static void publish_nothing(struct timebase *timebase)
{
	timebase->leap = NTP_LEAP_UNSYNC;
	timebase->stratum = NTP_STRATUM_UNSYNC;
	memset(timebase->refid, 0, sizeof(timebase->refid));
	memset(timebase->source, 0, sizeof(timebase->source));
	timebase->leap_at = 0;
	timebase->leap_step = 0;
	timebase->tai_offset = 0;
	timebase->smear = 0;
}

void clock_disciplined_publish(struct clock_disciplined *c, struct timebase *timebase)
{
	const uint64_t updates = timebase->updates;
	ntp64 time;
	uint64_t bound;

	if (discipline_time(c->discipline, c->newest.counter, &time, &bound)) {
		c->resumed.rate = 0;
		discipline_publish(c->discipline, timebase);
		name_keeper(c, timebase);
		/* Last: a smear has a reference ID of its own. */
		clock_leap_apply(&c->leap, timebase);
	} else if (is_resumed(c)) {
		publish_resumed(c, timebase);
	} else {
		publish_nothing(timebase);
	}
	timebase->keeper = TIMEBASE_KEEPER_SOURCES;
	timebase->updates = updates;
	if (c->drill.kind == DRILL_LOST)
		timebase->leap = NTP_LEAP_UNSYNC;
	timebase->serve = c->report.rung == LADDER_SILENT ? TIMEBASE_SILENT : TIMEBASE_ANSWER;
	c->published = *timebase;
}

int clock_disciplined_descriptors(const struct clock_disciplined *c, struct pollfd *fds)
{
	return clock_sources_descriptors(&c->sources, fds);
}

void clock_disciplined_forget(const char *run_dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", run_dir, SOURCES_CONTRACT.file) < (int)sizeof(path))
		(void)unlink(path);
}

void clock_disciplined_stop(struct clock_disciplined *c)
{
	double ppm, skew_ppm;

	if (discipline_drift(c->discipline, &ppm, &skew_ppm))
		clock_files_drift(&c->files, ppm, skew_ppm);
	clock_files_stop(&c->files);
	clock_sources_close(&c->sources);
	opener_stop(&c->opener);
	shm_close(&c->segment);
	shm_close(&c->drills);
	discipline_free(c->discipline);
}
