/*
 * Rehearsals, `tickwire drill`: the supervisor says in a segment what is to be rehearsed and until when, and
 * tickwire-clock, which maps the segment before it is confined, looks once a second. A clock daemon that is
 * restarted meanwhile goes on with it; the end is a time, so nobody has to be there for a drill to end.
 *
 * Writer: the supervisor. Readers: tickwire-clock.
 */
#ifndef CONTROL_DRILL_H
#define CONTROL_DRILL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntp/shm.h"

/* Stable numbers: they cross processes. */
enum drill_kind {
	DRILL_NONE = 0,
	DRILL_HOLDOVER, /* samples of all sources are passed over: the bound grows as it really would */
	DRILL_LOST,     /* as if nothing were known of the time any more: the ladder's last rung at once */
	DRILL_STEP,     /* the time of all sources is off by `step` */
	DRILL_KINDS
};

enum {
	DRILL_SECONDS = 60,
	DRILL_SECONDS_MAX = 86400,
	DRILL_STEP_SECONDS_MAX = 900, /* whom nobody contradicts for longer is believed in the end */
};

struct drill {
	uint32_t kind;   /* enum drill_kind */
	uint32_t serial; /* another one for each drill, so that two in a row are told apart */
	int64_t ends_ms; /* of CLOCK_BOOTTIME */
	double step;     /* s, for DRILL_STEP */
};
static_assert(sizeof(struct drill) == 24, "contract drill version 1");

#define DRILL_CONTRACT          \
	((struct shm_contract){ \
		"drill", SHM_MAGIC('T', 'W', 'D', 'R', 'I', 'L', 'L', '_'), 1, sizeof(struct drill)})

/* "holdover" and the like; "end" for DRILL_NONE. "unknown" for a number that is none. */
const char *drill_name(unsigned kind);

/* Milliseconds of CLOCK_BOOTTIME. */
int64_t drill_now_ms(void);

/*
 * For tickwire-clock, each second: what is rehearsed now; DRILL_NONE where nothing is, the segment is not
 * there (drill->head is NULL) or has nothing that makes sense. Needs no system call but clock_gettime(2).
 */
struct drill drill_state(const struct shm *segment, int64_t now_ms);

/*
 * "KIND SECONDS [STEP]", as the control socket has it, or "end", into a drill that begins now. False with a
 * sentence in text[size]. Pure.
 */
bool drill_parse(struct drill *drill, const char *request, int64_t now_ms, char *text, size_t size);

/* `tickwire drill`. argv[0] is "drill". 0: done, 1: refused or nobody there, 2: wrong call. */
int drill_main(int argc, char **argv);

#endif
