/* The requests "drill KIND SECONDS [STEP]" and "drill end". The last line of a reply is "done", or "refused"
 * with "error: ..." before it. */
#ifndef CONTROL_REQUESTS_DRILL_H
#define CONTROL_REQUESTS_DRILL_H

#include "control/reply.h"
#include "control/supervisor.h"

/* `what` is what follows on "drill ". */
void requests_drill(struct supervisor *s, struct reply *r, const char *what);

#endif
