/* What the files of the discipline share: refclock/discipline*.c. Not for others. */
#ifndef REFCLOCK_DISCIPLINE_PRIVATE_H
#define REFCLOCK_DISCIPLINE_PRIVATE_H

#include "refclock/discipline.h"
#include "refclock/estimator.h"
#include "refclock/frame.h"
#include "refclock/ladder.h"
#include "refclock/median.h"
#include "refclock/served.h"
#include "refclock/stability.h"

enum {
	DISCIPLINE_EVENTS = 64,
	DISCIPLINE_HISTORY = 16, /* filtered samples of a source, for its own frequency */
	DISCIPLINE_WATCH = 5,    /* raw samples that have to stray before their median does */
	DISCIPLINE_FRESH = 4,    /* polls for which a filtered sample counts */
	DISCIPLINE_SUSPEND = 5,  /* s between two ticks that are a suspend */
	DISCIPLINE_WARM_UP = 8,  /* updates that are made as soon as there are samples for them */
	DISCIPLINE_GATHER = 16,  /* s for which the first selection waits */
	DISCIPLINE_CONTEST = 64, /* s for which it waits at most where sources have been seen to disagree */
	DISCIPLINE_KNOWN_NOISE = 16,   /* samples that it takes to know a source's noise */
	DISCIPLINE_RESET_AFTER = 1024, /* s of consistent evidence against the disciplined time */
};

/* Standard deviations that a bound is made of. */
#define DISCIPLINE_SIGMAS 5.0
/* How far a nominal rate can be off before anything is known: standard deviation, relative. */
#define DISCIPLINE_RATE_SIGMA 60e-6

/* A filtered sample. */
struct discipline_sample {
	uint64_t counter;
	ntp64 time;
	double error; /* s: how far the reference and the reading can be off, noise aside */
	double sigma; /* s: noise of the filtered sample */
	bool valid;
};

struct discipline_source {
	struct source_options options;
	int lock; /* index of the source that numbers its pulses; -1: none */
	bool open;
	char message[96];
	struct median agreeing, dissenting; /* raw samples since the last poll, by plausibility */
	uint64_t polled;                    /* counter at the last poll */
	uint64_t last;                      /* newest sample that was taken; 0: none */
	uint64_t last_edge;                 /* newest pulse, good or not */
	uint64_t last_good;                 /* newest plausible sample */
	bool started, edged, numbered;      /* polled, last_edge, last_good are valid */
	bool ended;                         /* last_edge was the end of a pulse that does not count */
	bool arrived;                       /* a sample since the last poll */
	uint8_t reach;
	uint8_t state; /* enum source_state */
	uint8_t leap; /* what the newest used sample announced, or that the receiver does not know the time */
	double seen;  /* samples that the variance comes from */
	double variance;                /* s^2, of one raw sample; 0: unknown */
	double watch[DISCIPLINE_WATCH]; /* newest plausible raw offsets from the disciplined time */
	unsigned watched;
	struct discipline_sample newest;  /* in agreement with the disciplined time */
	struct discipline_sample dissent; /* the newest that is not */
	uint64_t dissent_since;
	bool dissents; /* the last poll did */
	struct discipline_sample history[DISCIPLINE_HISTORY];
	unsigned filtered; /* samples ever; modulo the above is where the next goes */
	uint32_t verdicts[SOURCE_VERDICT_COUNT];
	uint64_t samples;
	double last_offset, offset, jitter;
};

struct discipline {
	struct discipline_options options;
	struct discipline_source source[SOURCES_MAX];
	int sources;
	uint64_t now; /* counter of the last tick */
	bool ticking;
	double tick;           /* s between the last two */
	bool known;            /* there is a disciplined time ... */
	uint64_t begun;        /* ... since this counter value */
	bool committed;        /* served time has been published as synchronised */
	bool lost;             /* a drill: as if there were no samples */
	int selected;          /* index; -1: none */
	int used;              /* whose samples the estimator had last; -1: none */
	bool contested;        /* before there was a time, sources did not agree ... */
	uint64_t contested_at; /* ... here for the first time */
	int agreeing;          /* truechimers at the last selection */
	unsigned updates;      /* since the start */
	struct frame frame;    /* at the estimator's instant */
	struct estimator estimator;
	struct stability stability;
	uint64_t stability_at; /* counter of the last rate it was given; valid after `settled` */
	bool settled;
	struct served served;
	struct ladder ladder;
	double bias;              /* s: how far the source in use can be off, noise aside */
	double noise;             /* s: of one of its samples */
	double interval, reading; /* s: of its polls and readings */
	double bound;             /* s: of the served time at `now` */
	/* Relative: what the oscillator's wander adds to the growth of a line that nobody renews. */
	double abandoned;
	uint64_t reviewed;        /* counter when that and the selection were looked at last */
	struct estimate estimate; /* at `now` */
	ntp64 reference;          /* of the last update */
	uint64_t window;          /* units */
	int contradictions;       /* cross-checks failed in a row */
	bool alarm;
	struct discipline_event event[DISCIPLINE_EVENTS];
	unsigned events, event_next;
	discipline_log *log;
	void *opaque;
};

/* What the drift file knows, or nothing. */
void discipline_start_estimator(struct discipline *d);
double discipline_seconds(const struct discipline *d, uint64_t from, uint64_t to);

__attribute__((format(printf, 5, 6))) void discipline_tell(struct discipline *d,
	enum discipline_event_kind kind, int source, double value, const char *format, ...);

/* discipline_poll.c: due polls of all sources. */
void discipline_poll(struct discipline *d);
double discipline_sigma(const struct discipline_source *s); /* s: of one raw sample */

/* discipline_select.c: after a source has a new filtered sample, or none for too long. */
void discipline_select(struct discipline *d);
double discipline_disagreement(const struct discipline *d, const struct discipline_sample *sample);
bool discipline_is_fresh(const struct discipline *d, const struct discipline_source *s,
	const struct discipline_sample *sample);
/* s: how far the sample can be off by now. */
double discipline_sample_error(const struct discipline *d, const struct discipline_sample *sample);

/* discipline_check.c: evidence against the disciplined time. */
void discipline_crosscheck(struct discipline *d);
void discipline_check_reset(struct discipline *d);
void discipline_check_start(struct discipline *d, int source);
/* Learn everything anew but the drift. */
void discipline_restart(struct discipline *d);

/* discipline_update.c */
/* By its newest poll; `samples` is not needed the first time. */
void discipline_update(struct discipline *d, int source, const struct median_result *samples);
/* A plausible raw sample of the source in use. */
void discipline_notice(struct discipline *d, const struct discipline_source *s, uint64_t counter, ntp64 time);
/* What to expect at a counter value, by the polls that are over / with what has come since. */
void discipline_predict(const struct discipline *d, uint64_t counter, struct estimate *estimate);
void discipline_glimpse(const struct discipline *d, uint64_t counter, struct estimate *estimate);
/* s: how far the disciplined time can be off there, if samples go on as they have / for all that the samples
 * since the last update say. */
double discipline_bound_tracking(const struct discipline *d, uint64_t counter);
double discipline_bound_strict(const struct discipline *d, uint64_t counter);
double discipline_bound(const struct discipline *d, uint64_t counter);
/* The counter's rate by the source's filtered samples alone, relative to the nominal one; NaN: too few. */
double discipline_rate_of(const struct discipline *d, const struct discipline_source *s);
/* 1/s: how fast the source in use may move within what it can be off by; its rate is taken for the
 * oscillator's. */
double discipline_bias_rate(const struct discipline *d);
void discipline_steer(struct discipline *d);

#endif
