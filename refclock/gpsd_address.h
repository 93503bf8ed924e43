/*
 * Which gpsd, and which of its receivers: the parameter "[HOST][:PORT][:DEVICE]". Pure; any thread.
 */
#ifndef REFCLOCK_GPSD_ADDRESS_H
#define REFCLOCK_GPSD_ADDRESS_H

#include <stdbool.h>

#include "refclock/source.h"

struct gpsd_address {
	char host[SOURCE_PARAMETER];   /* "localhost" by default; of "[::1]" what is between the brackets */
	char port[8];                  /* decimal; "2947" by default */
	char device[SOURCE_PARAMETER]; /* as gpsd names it, colons and all; "": whichever gpsd has */
};

/* False where it is none: a port of 0 or beyond 65535, a bracket without its other half, a device that does
 * not begin with '/' nor is a URL. */
bool gpsd_address_parse(struct gpsd_address *address, const char *text);

/* Whether the host is this machine by its name or a loopback address. */
bool gpsd_address_is_here(const struct gpsd_address *address);

#endif
