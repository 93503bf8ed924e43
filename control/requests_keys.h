/*
 * The requests "keys list", "keys rotate", "keys export" and "keys import PATH". The last line of a reply is
 * "done", or "refused" with "error: ..." before it; list has the status object of control/status_nts.h in one
 * line before; an export that is not refused is the key file and nothing else.
 */
#ifndef CONTROL_REQUESTS_KEYS_H
#define CONTROL_REQUESTS_KEYS_H

#include "control/reply.h"
#include "control/supervisor.h"

/* `what` is what follows on "keys ". The caller erases the reply. */
void requests_keys(struct supervisor *s, struct reply *r, const char *what);

#endif
