/* The directives whose arguments take more than a few lines to apply: struct directive's `apply`. */
#ifndef CONTROL_DIRECTIVE_APPLY_H
#define CONTROL_DIRECTIVE_APPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"

#define DIRECTIVE_APPLY(name) \
	bool name(struct config *config, int words, char *const word[], char *text, size_t size)

DIRECTIVE_APPLY(directive_interface);
DIRECTIVE_APPLY(directive_ntsservercert);
DIRECTIVE_APPLY(directive_ntsserverkey);
DIRECTIVE_APPLY(directive_ntsport);
DIRECTIVE_APPLY(directive_ntsprocesses);
DIRECTIVE_APPLY(directive_maxntsconnections);
DIRECTIVE_APPLY(directive_ntsratelimit);
DIRECTIVE_APPLY(directive_ntsrotate);
DIRECTIVE_APPLY(directive_ntsdumpdir);
DIRECTIVE_APPLY(directive_ntsntpserver);
DIRECTIVE_APPLY(directive_ntsaeads);
DIRECTIVE_APPLY(directive_refclock);
DIRECTIVE_APPLY(directive_driftfile);
DIRECTIVE_APPLY(directive_logdir);
DIRECTIVE_APPLY(directive_log);
DIRECTIVE_APPLY(directive_logbanner);
DIRECTIVE_APPLY(directive_leapsectz);
DIRECTIVE_APPLY(directive_leapseclist);
DIRECTIVE_APPLY(directive_leapsmear);
DIRECTIVE_APPLY(directive_makestep);
DIRECTIVE_APPLY(directive_maxslewrate);
DIRECTIVE_APPLY(directive_minsources);
DIRECTIVE_APPLY(directive_clockwander);
DIRECTIVE_APPLY(directive_serving);
DIRECTIVE_APPLY(directive_crosscheck);
DIRECTIVE_APPLY(directive_healthfile);
DIRECTIVE_APPLY(directive_healthhook);
DIRECTIVE_APPLY(directive_temperature);
DIRECTIVE_APPLY(directive_steer_kernel);
DIRECTIVE_APPLY(directive_metrics);

#endif
