/*
 * From measurements of all sources to the line that is served, and a bound of its error that holds. Pure: no
 * clock, no I/O; time is what the counter values say, so hours pass in a simulation at the speed of the CPU.
 * One thread per struct discipline. Everything that comes in is survived.
 *
 * Served time is continuous: it is stepped before it has been published as synchronised, or as
 * `step_threshold` allows, and else slewed by at most `slew_ppm`.
 */
#ifndef REFCLOCK_DISCIPLINE_H
#define REFCLOCK_DISCIPLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/measurement.h"
#include "refclock/source.h"
#include "refclock/sources.h"
#include "refclock/timebase.h"

/* What directives say; discipline_options_init gives the defaults. Times are seconds. */
struct discipline_options {
	double nominal_hz;     /* of the counter; 1e6 or more */
	double drift_ppm;      /* from the drift file: what the counter gains at its nominal rate ... */
	double drift_skew_ppm; /* ... and how far that can be off; <= 0: no drift file */
	double slew_ppm;       /* the most that served time is slewed by (directive maxslewrate) */
	double step_threshold; /* an offset beyond it is stepped, up to `step_limit` times; 0: never */
	int step_limit;        /* updates after the start in which that is allowed; -1: always */
	double max_wander;     /* ppm/s: how fast the oscillator can change its rate at most */
	double raised, unsynchronised, silent; /* thresholds of the bound, for the ladder; 0: that rung is
						* never reached */
	double crosscheck;      /* what SYSTEM and the others may disagree by beyond both bounds */
	bool crosscheck_counts; /* a failed cross-check turns to LADDER_UNSYNCHRONISED, not just an alarm */
	int min_sources;        /* that have to agree */
};

void discipline_options_init(struct discipline_options *options);

struct discipline;

/* NULL where memory cannot be had: the one allocation. */
struct discipline *discipline_new(const struct discipline_options *options);
void discipline_free(struct discipline *d); /* NULL is harmless */

/* Add a source; its index, from 0 on, or -1 where SOURCES_MAX are there. All before the first measurement. */
int discipline_add(struct discipline *d, const struct source_options *options);

/* Take a measurement of that source in: cheap, kept until the source's poll. */
enum source_verdict discipline_take(struct discipline *d, int source, const struct measurement *m);

/*
 * Before the first tick: what was served until now, by this line through `time` at `counter` at `rate` (units
 * per tick, times 2^TIMEBASE_RATE_SHIFT), is gone on with. When the time is known the line is slewed to it.
 */
void discipline_resume(struct discipline *d, uint64_t counter, ntp64 time, uint64_t rate);

/* The source's device went (false) or came (true), with a sentence for people. */
void discipline_set_open(struct discipline *d, int source, bool open, const char *message);

/* Every few ms: poll what is due, select, correct the line. `counter` never decreases; a jump of it by more
 * than some seconds is a suspend, after which everything is learned anew but the drift. */
void discipline_tick(struct discipline *d, uint64_t counter);

/*
 * Everything in the timebase but counter_kind, updates, valid_until and leap announcements: the served line
 * re-based at the last tick's counter, its bound and growth, stratum, refid, root delay and dispersion.
 * Before anything is known: leap NTP_LEAP_UNSYNC.
 */
void discipline_publish(const struct discipline *d, struct timebase *timebase);

/* The disciplined (best known, not yet slewed to) time at a counter value near the last tick, and the bound
 * of its error in units; false where nothing is known yet. */
bool discipline_time(const struct discipline *d, uint64_t counter, ntp64 *time, uint64_t *bound);

/* The report's discipline half: all of struct sources but leap, smear, temperature, drill and the receivers.
 */
void discipline_report(const struct discipline *d, struct sources *sources);

/* For the drift file: ppm and its skew; false where there is nothing worth keeping. */
bool discipline_drift(const struct discipline *d, double *ppm, double *skew_ppm);

/* What has happened since the last call, for the log: one at a time, false where there is no more. */
enum discipline_event_kind {
	DISCIPLINE_SELECTED, /* `source` is it now; -1: none */
	DISCIPLINE_RUNG,     /* the ladder's rung has changed to `value`; text says why */
	DISCIPLINE_STEPPED,  /* served time was stepped by `value` s */
	DISCIPLINE_FALSETICKER,
	DISCIPLINE_CROSSCHECK, /* value 1: alarm, 0: agreed again */
	DISCIPLINE_SUSPENDED,  /* the counter jumped by `value` s */
	DISCIPLINE_RESET,      /* a stretch of consistent evidence against it made it start anew */
};
struct discipline_event {
	enum discipline_event_kind kind;
	int source;
	double value;
	char text[128];
};
bool discipline_event(struct discipline *d, struct discipline_event *event);

/* A filtered sample as the logs have it (chrony's refclocks.log, statistics.log, tracking.log); called from
 * discipline_take and discipline_tick. */
struct discipline_record {
	enum { RECORD_RAW, RECORD_FILTERED, RECORD_STATISTICS, RECORD_TRACKING } kind;
	int source;
	ntp64 time;      /* disciplined */
	uint32_t number; /* of the sample in its poll */
	uint8_t leap, stratum;
	bool pulse;
	double raw_offset, offset, dispersion; /* s */
	double deviation, frequency, skew;     /* s, ppm, ppm */
	int samples, combined;
};
typedef void discipline_log(void *opaque, const struct discipline_record *record);
void discipline_set_log(struct discipline *d, discipline_log *log, void *opaque);

/* A rehearsal (`tickwire drill`): as if all sources were lost, from now on or not any more. */
void discipline_drill_lost(struct discipline *d, bool lost);

#endif
