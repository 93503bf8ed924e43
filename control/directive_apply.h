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

#endif
