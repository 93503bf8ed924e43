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

enum { HEALTH_HOOK_MS = 10000 /* that a hook may take */ };

struct health_verdict {
	enum ladder_rung rung;
	char reason[128]; /* a sentence, printable ASCII */
};

struct health {
	struct shm sources;
	struct health_verdict now, told; /* `told`: to the hook that was started last */
	bool known;                      /* there is a verdict in `now` */
	bool hook_knows;                 /* and one in `told` */
	char file[CLOCK_PATH];           /* that is there; "" for none */
	bool file_failed;                /* it could not be written, which has been said */
	pid_t hook;                      /* 0: none runs */
	int64_t hook_ends_ms;            /* when it is killed */
};

/*
 * What to say of the server. `sources` is what the clock daemon says, or NULL where it says nothing at
 * present; `synchronised`: replies may claim the timebase's stratum;
 * `answering`: the workers do. Pure.
 */
void health_judge(
	struct health_verdict *verdict, const struct sources *sources, bool synchronised, bool answering);

/* Every second, or after a reload: look, write or remove the file, start or end the hook. `now_ms`:
 * daemon_now_ms(). Never waits. */
void health_tick(struct health *health, const struct clock_settings *settings, const char *run_dir,
	bool synchronised, bool answering, int64_t now_ms);

/* tickwire ends: remove the file, tell the hook "silent", and give it `patience_ms`. */
void health_leave(struct health *health, const struct clock_settings *settings, int patience_ms);

#endif
