/* What a running supervisor is asked for, through its control socket or by SIGHUP. */
#ifndef CONTROL_REQUESTS_H
#define CONTROL_REQUESTS_H

#include "control/supervisor.h"

/* Serve the connection that waits at s->listener. */
void requests_serve(struct supervisor *s);

/* SIGHUP: as the request "reload", with what there is to say in the log. */
void requests_reload(struct supervisor *s);

#endif
