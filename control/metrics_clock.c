/* The clock: the rung of the ladder, and the line that is served. */
#include <ctype.h>
#include <string.h>

#include "control/clock_names.h"
#include "control/metrics_page.h"

enum { REASON = sizeof(((struct instance *)NULL)->reason) };

/*
 * Each text of a label makes a series of its own, and the bound in a reason is another one each second: its
 * numbers are left out. They are metrics anyway.
 */
static void without_numbers(char to[REASON], const char *from)
{
	size_t used = 0;

	for (size_t i = 0; i < REASON && from[i] && used < REASON - 1;) {
		const size_t length = strnlen(from + i, REASON - i);
		size_t n = 0;

		if (isdigit((unsigned char)from[i]) && (i == 0 || !isalnum((unsigned char)from[i - 1])))
			while (n < length && strchr("0123456789.e+-", from[i + n]))
				n++;
		to[used++] = n > 0 ? 'N' : from[i];
		i += n > 0 ? n : 1;
	}
	to[used] = '\0';
}

static void ladder(struct metrics_out *out, const struct instance *instance)
{
	char reason[REASON];
	struct metrics_label labels[] = {
		METRICS_WORD("rung", clock_rung_name(instance->rung)), METRICS_TEXT("reason", reason)};

	metrics_gauge(out, "clock_rung",
		"How far the time is served: 0 as it should be, 1 with a raised dispersion, 2 as "
		"unsynchronised "
		"(LI=3, stratum 16), 3 not at all.",
		instance->rung);
	without_numbers(reason, instance->reason);
	metrics_family(out, METRICS_GAUGE, "clock_rung_info",
		"The rung by its name, and why it is that one, with N for numbers; the value is always 1.");
	metrics_whole(out, 1, labels, 2);
	metrics_gauge(out, "health_file_failed",
		"1: the health file could not be written, and nobody is told that this server is well.",
		instance->health_file_failed);
}

/* Who keeps the clock that is followed, of enum timebase_keeper. */
static const char *keeper_of(const struct timebase *tb)
{
	static const char *const names[] = {
		[TIMEBASE_KEEPER_NONE] = "nobody",
		[TIMEBASE_KEEPER_CHRONY] = "chronyd",
		[TIMEBASE_KEEPER_NTP] = "ntp",
		[TIMEBASE_KEEPER_ADJTIMEX] = "kernel",
		[TIMEBASE_KEEPER_LOCAL] = "local",
		[TIMEBASE_KEEPER_SOURCES] = "sources",
	};

	return tb->keeper < sizeof(names) / sizeof(names[0]) ? names[tb->keeper] : "unknown";
}

static double to_seconds(uint64_t units)
{
	return ntp64_interval_to_seconds((int64_t)units);
}

/* What replies say. */
static void replies(struct metrics_out *out, const struct timebase *tb, uint64_t now)
{
	const int synchronised = timebase_is_synchronised(tb, now);

	metrics_gauge(out, "clock_synchronised", "1 while replies say that they are synchronised.",
		synchronised && tb->serve == TIMEBASE_ANSWER);
	metrics_gauge(out, "clock_silent",
		"1: the clock is too far off to be served, and nothing is answered.",
		tb->serve != TIMEBASE_ANSWER);
	metrics_gauge(out, "clock_stratum", "The stratum that is served; 16: unsynchronised.",
		synchronised ? tb->stratum : NTP_STRATUM_UNSYNC);
	metrics_gauge(out, "clock_leap_indicator",
		"The leap indicator of replies: 1 a second will be inserted, 2 deleted, 3 unsynchronised.",
		synchronised ? timebase_leap(tb, timebase_side(tb, now)) : NTP_LEAP_UNSYNC);
	metrics_gauge(out, "clock_root_delay_seconds", "The root delay of replies.",
		ntp32_to_seconds(tb->root_delay));
	metrics_gauge(out, "clock_root_dispersion_seconds", "The root dispersion of replies.",
		ntp32_to_seconds(timebase_dispersion(tb, now)));
}

static void line(struct metrics_out *out, const struct timebase *tb, uint64_t now)
{
	const int32_t tai = timebase_tai_offset(tb, timebase_side(tb, now));

	metrics_gauge(out, "clock_error_bound_seconds",
		"How far the time served can be from what it follows: with refclock from true time, else "
		"from "
		"the kernel's clock.",
		to_seconds(timebase_error(tb, now)));
	metrics_gauge(out, "clock_update_age_seconds", "Time since tickwire-clock has renewed the line.",
		to_seconds(timebase_age(tb, now)));
	if (tb->counter_hz)
		metrics_gauge(out, "clock_valid_seconds",
			"How much longer the line is trusted if tickwire-clock does not renew it.",
			(double)(int64_t)(tb->valid_until - now) / (double)tb->counter_hz);
	metrics_gauge(out, "clock_frequency_offset_ratio",
		"The rate of the clock that is followed against the nominal one of the counter, less 1.",
		(double)tb->skew_ppb * 1e-9);
	metrics_family(out, METRICS_COUNTER, "clock_updates_total", "Renewals of the line.");
	metrics_whole(out, tb->updates, NULL, 0);
	metrics_family(out, METRICS_COUNTER, "clock_steps_total",
		"How often the clock that is followed has been seen to jump.");
	metrics_whole(out, tb->steps, NULL, 0);
	if (tai)
		metrics_gauge(out, "clock_tai_offset_seconds", "TAI - UTC.", tai);
	if (tb->leap_step && tb->counter_hz)
		metrics_gauge(out, "clock_leap_second_in_seconds",
			"Time to the leap second that is ahead, or since it was made.",
			(double)(int64_t)(tb->leap_at - now) / (double)tb->counter_hz);
	metrics_gauge(out, "clock_smear_seconds",
		"What the time served is off UTC while a leap second is smeared.",
		ntp64_interval_to_seconds(tb->smear));
	metrics_family(out, METRICS_GAUGE, "clock_keeper_info",
		"Who keeps the clock: chronyd, ntp (a server on loopback), kernel, local, sources or nobody; "
		"the value is always 1.");
	metrics_whole(out, 1, &METRICS_WORD("keeper", keeper_of(tb)), 1);
}

void metrics_clock(struct metrics_out *out, const struct metrics_view *view)
{
	if (view->instance)
		ladder(out, view->instance);
	if (!view->timebase)
		return;
	replies(out, view->timebase, view->now);
	line(out, view->timebase, view->now);
}
