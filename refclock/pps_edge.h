/*
 * Which end of a pulse a PPS device stamps (RFC 2783). Asking for one that it does not stamp yet takes
 * CAP_SYS_TIME, which the clock daemon gives up: who opens the device for it asks, too. Touches the world.
 */
#ifndef REFCLOCK_PPS_EDGE_H
#define REFCLOCK_PPS_EDGE_H

#include <stdbool.h>

/* PPS_CAPTUREASSERT or PPS_CAPTURECLEAR: what the parameter of a PPS source is about. */
int pps_edge_of(const char *parameter);

/* Have the device stamp these edges, beside those that it does already. False with errno; EINVAL where it
 * cannot, EPERM without the capability. */
bool pps_edge_ask(int device, int edges);

#endif
