#include "control/clock_sources.h"

#include <stdio.h>
#include <string.h>

#include "dataplane/log.h"

enum {
	BURST = 64, /* measurements of one source at a time: a flood must not hold up the others */
};

/* What stays for most_pause_ns was worth opening: the next pause is short again, and what is said is news. */
static const uint64_t least_pause_ns = 250000000, most_pause_ns = 8000000000;
/* A pulse or a segment of shared memory holds what came until the next comes; looking costs little, and who
 * keeps a pace of its own (PHC) does so by itself. */
static const uint64_t look_ns = 62500000;

void clock_sources_init(struct clock_sources *s, struct discipline *discipline,
	const struct driver_world *world, clock_sources_prepare *prepare,
	const struct source_options *options, int count)
{
	*s = (struct clock_sources){
		.discipline = discipline, .world = world, .prepare = prepare, .opaque = world->opaque};
	for (int i = 0; i < count && s->count < SOURCES_MAX; i++)
		s->source[s->count++] = (struct clock_source){
			.options = options[i],
			.functions = driver_of((enum source_kind)options[i].kind),
			.index = discipline_add(discipline, &options[i]),
			.pause = least_pause_ns,
		};
}

static const char *name_of(const struct clock_source *source)
{
	return source_kind_name(source->options.kind);
}

/* Twice as long the next time. */
static void wait_for(struct clock_source *source, uint64_t now)
{
	source->retry = now + source->pause;
	source->pause = 2 * source->pause < most_pause_ns ? 2 * source->pause : most_pause_ns;
}

/* What goes as soon as it has come is said once. */
static enum log_level level_of(const struct clock_source *source, enum log_level level)
{
	return source->told ? LOG_LEVEL_DEBUG : level;
}

static void open_source(struct clock_sources *s, struct clock_source *source, uint64_t now)
{
	char text[256] = "";

	source->state = source->functions->open(&source->options, s->world, text, sizeof(text));
	if (source->state) {
		log_line(level_of(source, LOG_LEVEL_NOTICE), "%s%s%s is open", name_of(source),
			source->options.parameter[0] ? " " : "", source->options.parameter);
		if (text[0])
			log_line(level_of(source, LOG_LEVEL_WARNING), "%s %s: %s", name_of(source),
				source->options.parameter, text);
		source->due = source->opened = now;
		source->trouble[0] = '\0';
	} else {
		log_line(level_of(source, LOG_LEVEL_ERROR), "%s %s: %s", name_of(source),
			source->options.parameter, text);
		source->told = true;
		wait_for(source, now);
	}
	discipline_set_open(s->discipline, source->index, source->state != NULL, text);
}

void clock_sources_open(struct clock_sources *s, uint64_t now)
{
	for (int i = 0; i < s->count; i++) {
		struct clock_source *source = &s->source[i];

		if (source->functions && !source->state && now >= source->retry)
			open_source(s, source, now);
	}
}

static void close_source(struct clock_source *source)
{
	if (source->state)
		source->functions->close(source->state);
	source->state = NULL;
}

/* It may come back at once, as a renumbered USB device does. */
static void lose(struct clock_sources *s, struct clock_source *source, const char *text, uint64_t now)
{
	log_line(level_of(source, LOG_LEVEL_WARNING), "%s %s: %s", name_of(source), source->options.parameter,
		text);
	close_source(source);
	discipline_set_open(s->discipline, source->index, false, text);
	source->told = true;
	wait_for(source, now);
}

/* What a device says of its trouble, once for a run of the same. */
static void listen(struct clock_source *source, const char *text)
{
	if (text[0] && strncmp(text, source->said, sizeof(source->said) - 1) != 0) {
		log_debug("%s %s: %s", name_of(source), source->options.parameter, text);
		snprintf(source->said, sizeof(source->said), "%s", text);
	}
}

/* How far its time is ahead of UTC. A pulse has none, and a PHC's driver has taken it off, with its pulses'.
 */
static ntp64 tai_of(
	const struct clock_sources *s, const struct clock_source *source, const struct measurement *m)
{
	if (!source->options.tai || source->options.kind == SOURCE_PHC || source->options.pps || m->pulse)
		return 0;
	return (ntp64)driver_tai_offset(s->world) * NTP64_SECOND;
}

/* What is open and has nothing to give is not there, by all that an operator has of it. A reason is said once
 * for as long as what it is about has not worked for a while. */
static void heed_trouble(struct clock_sources *s, struct clock_source *source, uint64_t now)
{
	const char *text = source->functions->trouble ? source->functions->trouble(source->state) : "";

	if (strncmp(text, source->trouble, sizeof(source->trouble) - 1) == 0)
		return;
	snprintf(source->trouble, sizeof(source->trouble), "%s", text);
	discipline_set_open(s->discipline, source->index, !text[0], text);
	if (!text[0]) {
		source->opened = now;
	} else if (!source->told || strcmp(source->trouble, source->complaint) != 0) {
		log_warning("%s %s: %s", name_of(source), source->options.parameter, text);
		memcpy(source->complaint, source->trouble, sizeof(source->complaint));
		source->told = true;
	}
}

static void take(struct clock_sources *s, struct clock_source *source, struct measurement *m, uint64_t now)
{
	if (now - source->opened >= most_pause_ns) {
		if (source->told)
			log_notice("%s %s: it is back", name_of(source), source->options.parameter);
		source->pause = least_pause_ns;
		source->told = false;
	}
	source->leap = m->leap;
	m->time -= tai_of(s, source, m);
	s->prepare(s->opaque, m);
	(void)discipline_take(s->discipline, source->index, m);
}

static void read_all(struct clock_sources *s, struct clock_source *source, uint64_t now)
{
	for (int i = 0; i < BURST; i++) {
		char text[256] = "";
		struct measurement m;

		switch (source->functions->take(source->state, &m, text, sizeof(text))) {
		case DRIVER_SILENT:
			listen(source, text);
			return;
		case DRIVER_MEASUREMENT:
			listen(source, text);
			take(s, source, &m, now);
			break;
		case DRIVER_GONE:
			lose(s, source, text[0] ? text : "the device is gone", now);
			return;
		}
	}
}

static void read_source(struct clock_sources *s, struct clock_source *source, uint64_t now)
{
	read_all(s, source, now);
	if (source->state)
		heed_trouble(s, source, now);
}

void clock_sources_read(struct clock_sources *s, uint64_t now)
{
	clock_sources_open(s, now);
	for (int i = 0; i < s->count; i++) {
		struct clock_source *source = &s->source[i];

		if (!source->state)
			continue;
		/* What has a descriptor is looked at each time: it may hold a stamp back until the kernel's
		 * history has come to it. */
		if (source->functions->descriptor(source->state) < 0) {
			if (now < source->due)
				continue;
			source->due = now + look_ns;
		}
		read_source(s, source, now);
	}
}

int clock_sources_descriptors(const struct clock_sources *s, struct pollfd *fds)
{
	int count = 0;

	for (int i = 0; i < s->count; i++) {
		const struct clock_source *source = &s->source[i];
		const int fd = source->state ? source->functions->descriptor(source->state) : -1;

		if (fd >= 0)
			fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return count;
}

void clock_sources_report(const struct clock_sources *s, struct sources *report)
{
	for (int i = 0; i < s->count; i++) {
		const struct clock_source *source = &s->source[i];
		struct source_report *r = source->index < 0 ? NULL : &report->source[source->index];

		if (!r)
			continue;
		r->leap = source->leap;
		r->receiver = RECEIVER_NONE;
		if (source->state && source->functions->receiver)
			r->receiver = (uint8_t)source->functions->receiver(source->state, r);
	}
}

void clock_sources_close(struct clock_sources *s)
{
	for (int i = 0; i < s->count; i++)
		close_source(&s->source[i]);
}
