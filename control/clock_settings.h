/*
 * What the directives of the clock say, and how it is handed to tickwire-clock: as directives again, which it
 * reads with the same parser. Pure; not thread-safe on one struct.
 */
#ifndef CONTROL_CLOCK_SETTINGS_H
#define CONTROL_CLOCK_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/leap.h"
#include "refclock/source.h"

enum {
	CLOCK_PATH = 256,              /* octets of a file's name, its NUL included */
	CLOCK_ZONE = 64,               /* likewise of a time zone's */
	CLOCK_DIRECTIVE = 768,         /* and of any directive that clock_settings_each makes */
	CLOCK_DRIFT_INTERVAL_S = 3600, /* default of drift_interval_s, as chrony's */
	CLOCK_SMEAR_S = 86400,         /* and of smear_s */
};

/* Bits of clock_settings.logs. */
enum clock_log_kind {
	CLOCK_LOG_MEASUREMENTS = 1, /* filtered samples, as chrony's of NTP sources */
	CLOCK_LOG_STATISTICS = 2,
	CLOCK_LOG_TRACKING = 4,
	CLOCK_LOG_REFCLOCKS = 8,
	CLOCK_LOG_RAW = 16, /* measurements.log holds each sample, too */
};

enum clock_crosscheck {
	CLOCK_CROSSCHECK_OFF = 0,
	CLOCK_CROSSCHECK_WARN,
	CLOCK_CROSSCHECK_UNSYNCHRONISED, /* and the server stops claiming to know the time */
	CLOCK_CROSSCHECKS
};

/* Times are seconds. Every octet is defined, so that memcmp tells a difference. */
struct clock_settings {
	uint8_t sources; /* directives `refclock` */
	struct source_options source[SOURCES_MAX];
	int source_line[SOURCES_MAX]; /* where each stands in the file; 0: on the command line */
	char drift_file[CLOCK_PATH];  /* directive driftfile; "" for none, as with the paths below */
	uint32_t drift_interval_s;    /* between two writes of it */
	char log_dir[CLOCK_PATH];     /* directive logdir */
	uint32_t logs;                /* directive log: enum clock_log_kind */
	uint32_t log_banner;          /* directive logbanner: entries between two banners; 0: none */
	char leap_zone[CLOCK_ZONE];   /* directive leapsectz */
	char leap_list[CLOCK_PATH];   /* directive leapseclist */
	uint8_t smear;                /* directive leapsmear: enum leap_smear_shape */
	uint8_t crosscheck;           /* directive crosscheck: enum clock_crosscheck */
	uint8_t steer_kernel;         /* directive steer_kernel: 1 for yes */
	uint8_t min_sources;          /* directive minsources: that have to agree */
	uint32_t smear_s;             /* the smear's whole window */
	double crosscheck_s;          /* what may be between SYSTEM and the others beyond both bounds */
	double step_threshold;        /* directive makestep; 0: never */
	int32_t step_limit;           /* corrections in which that is allowed; -1: always */
	int32_t reserved;
	double slew_ppm;                       /* directive maxslewrate */
	double wander;                         /* directive clockwander, ppm/s */
	double raised, unsynchronised, silent; /* directive serving: bounds from which on; 0: never */
	char temperature[CLOCK_PATH]; /* directive temperature: a hwmon file of millidegrees Celsius */
	char health_file[CLOCK_PATH]; /* directive healthfile; the supervisor's */
	char health_hook[CLOCK_PATH]; /* directive healthhook; likewise */
};

/* The defaults of the directive table. */
void clock_settings_init(struct clock_settings *settings);

/* What can only be judged of all sources together: whether source `i` is locked to one that there is, and has
 * what else it needs. False with a sentence in text[size]. */
bool clock_settings_judge_source(const struct clock_settings *settings, unsigned i, char *text, size_t size);

/* Likewise of the rest. */
bool clock_settings_judge(const struct clock_settings *settings, char *text, size_t size);

/* Whether nobody is told to find the time but the kernel clock's keeper: there is no `refclock`. */
static inline bool clock_settings_follow_system(const struct clock_settings *settings)
{
	return settings->sources == 0;
}

/* The source SYSTEM that is watched for the cross-check alone where the configuration names none. It comes
 * after the others. */
void clock_settings_implicit_system(const struct clock_settings *settings, struct source_options *system);

/* The options of one `refclock` that are not the defaults of its kind, as the directive has them: "refclock
 * PPS /dev/pps0 refid PPS0 lock NMEA". */
void clock_settings_format_source(const struct source_options *source, char line[CLOCK_DIRECTIVE]);

/*
 * Call `take` with each directive that gives these settings, for a parser that begins with the defaults: only
 * what differs from them, and not what is the supervisor's alone. False as soon as one of them was false.
 */
bool clock_settings_each(
	const struct clock_settings *settings, bool (*take)(void *opaque, const char *line), void *opaque);

#endif
