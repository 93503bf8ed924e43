#include "control/clock_leap.h"

#include <string.h>

#include "control/leap_file.h"
#include "dataplane/log.h"
#include "ntp/packet.h"

void clock_leap_start(struct clock_leap *leap, const struct clock_settings *settings, double horizon)
{
	char text[LEAP_FILE_PATH + 256] = "";
	struct leap_options options;

	*leap = (struct clock_leap){.facts = {.gnss = LEAP_UNHEARD, .upstream = LEAP_UNHEARD}};
	leap_options_init(&options);
	options.smear = (enum leap_smear_shape)settings->smear;
	options.window = settings->smear_s;
	options.horizon = horizon;
	leap_plan_init(&leap->plan, &options);
	leap->has_table = (settings->leap_list[0] || settings->leap_zone[0]) &&
			  leap_file_read(&leap->table, settings, text, sizeof(text));
	/* Debian's chrony.conf names a zone that a system need not have. */
	if (text[0])
		log_line(settings->leap_list[0] ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
			"%s: leap seconds are known by announcement alone", text);
	leap->facts.table = leap->has_table ? &leap->table : NULL;
}

/* The sign of an announcement; that there is none is also what a source says that knows of none. */
static int sign_of(unsigned announced)
{
	return announced == NTP_LEAP_INSERT ? 1 : announced == NTP_LEAP_DELETE ? -1 : LEAP_UNHEARD;
}

static bool is_believed(const struct source_report *source)
{
	return source->state == SOURCE_STATE_SELECTED || source->state == SOURCE_STATE_COMBINED ||
	       source->state == SOURCE_STATE_CANDIDATE ||
	       (source->state == SOURCE_STATE_NOSELECT && source->reach != 0);
}

/* What receivers announce, those included that only number pulses. Where they contradict each other they have
 * said nothing; and where there is none, what was heard before still stands: a leap second comes also when
 * the receiver that announced it is lost. */
static int hear_receivers(const struct sources *report, int before)
{
	bool anybody = false;
	int heard = LEAP_UNHEARD;

	for (unsigned i = 0; i < report->count && i < SOURCES_MAX; i++) {
		const struct source_report *source = &report->source[i];
		const int sign = sign_of(source->leap);

		if (!is_believed(source) || strcmp(source->name, source_kind_name(SOURCE_SYSTEM)) == 0)
			continue;
		anybody = true;
		if (sign != LEAP_UNHEARD && heard != LEAP_UNHEARD && heard != sign)
			return LEAP_UNHEARD;
		heard = sign != LEAP_UNHEARD ? sign : heard;
	}
	return anybody ? heard : before;
}

void clock_leap_look(struct clock_leap *leap, ntp64 utc)
{
	int days;
	const enum leap_expiry expiry = leap_expiry(&leap->table, leap_seconds(utc), &days);

	if (!leap->has_table || expiry == leap->expiry)
		return;
	leap->expiry = expiry;
	if (expiry == LEAP_EXPIRY_SOON)
		log_warning("the table of leap seconds ends in %d days: fetch a new one (tzdata has it), "
			    "which is "
			    "taken over by itself",
			days);
	else if (expiry == LEAP_EXPIRED)
		log_error("the table of leap seconds has ended and does not say any more whether one comes: "
			  "fetch a "
			  "new one (tzdata has it), which is taken over by itself");
}

void clock_leap_hear(struct clock_leap *leap, const struct sources *report, unsigned upstream)
{
	leap->facts.gnss = hear_receivers(report, leap->facts.gnss);
	leap->facts.upstream = sign_of(upstream);
}

static void tell(const struct clock_leap *leap, enum leap_news news)
{
	static const char *const authorities[] = {[LEAP_NOBODY] = "nobody",
		[LEAP_BY_TABLE] = "the table of leap seconds",
		[LEAP_BY_GNSS] = "a receiver",
		[LEAP_BY_UPSTREAM] = "the kernel clock's keeper"};

	if (news == LEAP_PLANNED && leap->plan.sign)
		log_notice("a leap second will be %s, by %s", leap->plan.sign > 0 ? "inserted" : "deleted",
			authorities[leap->plan.authority]);
	else if (news == LEAP_WITHDRAWN)
		log_warning("the leap second that was announced does not come");
	else if (news == LEAP_OVER)
		log_notice("the leap second is over");
}

void clock_leap_apply(struct clock_leap *leap, struct timebase *timebase)
{
	const enum leap_news news = leap_plan_apply(&leap->plan, &leap->facts, timebase);

	if (news == LEAP_OVER)
		leap->facts.gnss = LEAP_UNHEARD;
	tell(leap, news);
}

int clock_leap_tai(const struct clock_leap *leap, ntp64 utc)
{
	return leap->has_table ? leap_tai_offset(&leap->table, leap_seconds(utc)) : 0;
}

void clock_leap_report(
	const struct clock_leap *leap, const struct timebase *published, struct sources *report)
{
	report->tai_offset = published->tai_offset;
	report->smear = ntp64_interval_to_seconds(published->smear);
	report->leap_days = leap_plan_days(&leap->plan, published->time);
	report->leap_list_expires =
		leap->has_table && leap->table.expires ? (int64_t)(leap->table.expires - NTP_UNIX_EPOCH) : 0;
}
