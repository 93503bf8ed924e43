/*
 * The contract between the clock daemon and `tickwire sources`, `status` and the metrics: what each source
 * delivers and what the discipline makes of it. Writer: tickwire-clock, once a second. All values are host
 * numbers in the units named.
 */
#ifndef REFCLOCK_SOURCES_H
#define REFCLOCK_SOURCES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/shm.h"
#include "refclock/receiver.h"
#include "refclock/source.h"

/* What the selection made of a source; the letters are chronyc's. Stable numbers. */
enum source_state {
	SOURCE_STATE_UNUSABLE = 0, /* '?': no samples yet, or unreachable */
	SOURCE_STATE_SELECTED,     /* '*': the time comes from it */
	SOURCE_STATE_COMBINED,     /* '+': agrees, and weighs in */
	SOURCE_STATE_CANDIDATE,    /* '-': agrees, not needed */
	SOURCE_STATE_FALSETICKER,  /* 'x': its interval does not meet the others' */
	SOURCE_STATE_JITTERY,      /* '~': too variable */
	SOURCE_STATE_NOSELECT,     /* 'N': watched only */
	SOURCE_STATES
};

/* How far the server may go with its time. Stable numbers. */
enum ladder_rung {
	LADDER_SERVING = 0,
	LADDER_RAISED,         /* the dispersion has grown beyond the first threshold */
	LADDER_UNSYNCHRONISED, /* LI 3, stratum 16 */
	LADDER_SILENT,         /* no answers; the health file is gone */
	LADDER_RUNGS
};

enum receiver_kind { RECEIVER_NONE = 0, RECEIVER_GNSS, RECEIVER_RADIO };

struct source_report {
	char name[16]; /* driver, "PPS" */
	char parameter[SOURCE_PARAMETER];
	uint8_t refid[SOURCE_REFID];
	uint8_t state; /* enum source_state */
	uint8_t reach; /* a bit for each of the last eight polls, the lowest the newest; ntpq shows it octal
			*/
	int8_t poll;
	uint8_t stratum;
	uint8_t leap;
	uint8_t open;     /* 1: the device is there */
	uint8_t receiver; /* enum receiver_kind: which of the union below */
	uint8_t reserved;
	uint32_t verdicts[SOURCE_VERDICT_COUNT]; /* measurements by verdict, since the start */
	uint64_t samples;                        /* measurements taken */
	uint64_t last_sample;                    /* counter value of the newest; 0: none */
	double offset;      /* s: the newest filtered sample against the disciplined time; NaN: not known */
	double last_offset; /* s: the newest raw one; likewise */
	double jitter;      /* s: root mean square of the samples around their median */
	double error;       /* s: the hard bound of the newest filtered sample */
	double frequency;   /* ppm: of the counter by this source alone; NaN: not known */
	char message[96];   /* why it is not there or not used: a sentence; "" for none */
	union {
		struct receiver_gnss gnss;
		struct receiver_radio radio;
	};
};
static_assert(sizeof(struct source_report) % 8 == 0, "copied by words");

struct sources {
	uint32_t count;
	uint8_t rung;         /* enum ladder_rung */
	uint8_t crosscheck;   /* 1: a source and the kernel's keeper disagree by more than both bounds */
	uint8_t counter_kind; /* enum counter_kind, of all counter values here */
	uint8_t drill;        /* 1: a drill is under way */
	uint64_t counter;     /* when this was written */
	double counter_hz;
	double offset;             /* s: what the served line still has to make good */
	double bound;              /* s: hard error bound of the served time now */
	double frequency;          /* ppm: the counter's nominal rate against true time */
	double wander;             /* ppm/s: learned; what the bound's growth is made of */
	double holdover;           /* s since the last usable sample; 0 while there are */
	double temperature;        /* degrees Celsius; NaN: no sensor */
	int32_t tai_offset;        /* TAI - UTC in s; 0: not known */
	int32_t leap_days;         /* days to the next leap second; negative: none known */
	int64_t leap_list_expires; /* Unix time; 0: there is no list */
	double smear;              /* s: what the served time is off UTC by smearing */
	char reason[128];          /* of the rung, a sentence */
	char files[192];           /* what keeps logs or the drift file from being written; "" for none */
	uint64_t files_lost;       /* records for them, since the start */
	struct source_report source[SOURCES_MAX];
};
static_assert(sizeof(struct sources) % 8 == 0, "copied by words");

#define SOURCES_CONTRACT        \
	((struct shm_contract){ \
		"sources", SHM_MAGIC('T', 'W', 'S', 'O', 'U', 'R', 'C', 'E'), 2, sizeof(struct sources)})

#endif
