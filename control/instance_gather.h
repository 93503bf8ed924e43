/* What the supervisor knows, put into control/instance.h. One thread. */
#ifndef CONTROL_INSTANCE_GATHER_H
#define CONTROL_INSTANCE_GATHER_H

#include <jansson.h>

#include "control/instance.h"
#include "control/supervisor.h"

/* All of it; every octet of the struct is set. */
void instance_gather(struct instance *instance, struct supervisor *s);

/*
 * Its part of network time security, of status_nts_json's object: any JSON at all, since much of it comes
 * from tickwire-ke. Pure.
 */
void instance_gather_nts(struct instance_nts *nts, const json_t *status);

#endif
