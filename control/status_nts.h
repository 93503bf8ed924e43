/* What `tickwire status` says of network time security. */
#ifndef CONTROL_STATUS_NTS_H
#define CONTROL_STATUS_NTS_H

#include <jansson.h>
#include <time.h>

#include "control/nts.h"
#include "dataplane/counters.h"

/*
 * The supervisor's part: tickwire-ke's last status (control/ke_channel.h) with "port", "running" (bool),
 * "dump" {"file", "error"}, "identity_error" and "keys_error" added, null where there is nothing to say. JSON
 * null where NTS is off; NULL where memory is short.
 */
json_t *status_nts_json(const struct nts *nts);

/* Add what the workers have counted: "kisses" (NTSN) and "kisses_withheld". Harmless on a JSON null. */
void status_nts_add_kisses(json_t *nts, const struct counters *counters);

/* The lines of the table, of that object. */
void status_nts_print(const json_t *nts, time_t now);

#endif
