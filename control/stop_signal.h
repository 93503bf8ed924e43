/* How daemons are told to end: SIGTERM or SIGINT, noticed where they wait and nowhere else. Main thread. */
#ifndef CONTROL_STOP_SIGNAL_H
#define CONTROL_STOP_SIGNAL_H

#include <signal.h>

/* Set once either has come. */
extern volatile sig_atomic_t stop_signalled;

/*
 * Block both, in threads started later too, and note them where they are let in: `waiting` is the mask for
 * ppoll and the like.
 */
void stop_signal_catch(sigset_t *waiting);

#endif
