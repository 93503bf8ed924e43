/*
 * For whoever announces an anycast route, or otherwise keeps clients away from a server that does not know
 * the time: a file that is there while replies say that they are synchronised (directive healthfile), and a
 * program that is run at each change of the rung (directive healthhook). The supervisor's; one thread.
 */
#ifndef CONTROL_HEALTH_H
#define CONTROL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/clock_settings.h"
#include "ntp/shm.h"
#include "refclock/sources.h"

enum {
	HEALTH_HOOK_MS = 10000,  /* that a hook may take */
	HEALTH_AGAIN_MS = 30000, /* after which one that has failed is run again */
};

struct health_verdict {
	enum ladder_rung rung;
	char reason[128]; /* a sentence, printable ASCII */
};

struct health {
	struct shm sources;
	struct health_verdict now, told; /* `told`: to the hook that was started last */
	bool begun;                      /* health_begin was called */
	bool known;                      /* there is a verdict in `now` */
	bool hook_knows;                 /* and one in `told` */
	bool hook_failed;                /* did not come to its end, or to a status other than 0 */
	bool hook_late;                  /* was killed for it */
	bool file_failed;                /* it could not be written, which has been said */
	char file[CLOCK_PATH];           /* that is there; "" for none */
	char program[CLOCK_PATH];        /* the hook that was told */
	pid_t hook;                      /* 0: none runs */
	int64_t hook_ends_ms;            /* when it is killed */
	int64_t hook_again_ms;           /* when one that has failed is run again */
};

/*
 * What to say of the server. `sources` is what the clock daemon says, or NULL where it says nothing at
 * present; `synchronised`: replies may claim the timebase's stratum;
 * `answering`: the workers do. Pure.
 */
void health_judge(
	struct health_verdict *verdict, const struct sources *sources, bool synchronised, bool answering);

/* The instance is ours and does not answer yet: a file that one has left which was killed goes, whether or
 * not the start succeeds. */
void health_begin(struct health *health, const struct clock_settings *settings);

/* Every second, or after a reload: look, write or remove the file, start or end the hook. `now_ms`:
 * monotonic_ms(). Never waits. */
void health_tick(struct health *health, const struct clock_settings *settings, const char *run_dir,
	bool synchronised, bool answering, int64_t now_ms);

/* tickwire ends, or could not start: remove the file, tell the hook "silent" if it has not been told that,
 * and give it `patience_ms`. Nothing before health_begin: the file and the route may be another instance's.
 */
void health_leave(struct health *health, const struct clock_settings *settings, int patience_ms);

#endif
